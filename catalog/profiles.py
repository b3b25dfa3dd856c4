"""What a Parquet file holds: its columns' kinds and a short profile of each. Pure."""

import math
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.api import types

MAX_COLUMNS = 2000
TOP_VALUES = 20


class UnreadableFile(ValueError):
    """The file cannot be used as data; the message says why."""


def read(file: BinaryIO) -> pd.DataFrame:
    """The whole file as a frame. Raises UnreadableFile for anything but plain Parquet columns."""
    try:
        table = pq.ParquetFile(file).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableFile("This is not a readable Parquet file.") from error
    if table.num_columns > MAX_COLUMNS:
        raise UnreadableFile(f"The file has more than {MAX_COLUMNS} columns.")
    nested = [f.name for f in table.schema if pa.types.is_nested(f.type)]
    if nested:
        raise UnreadableFile(f"Columns with nested values are not supported: {', '.join(nested)}.")
    return table.to_pandas()


def column_profiles(frame: pd.DataFrame, sensitivity: dict[str, str]) -> list[dict[str, Any]]:
    """One object a column: name, kind, dtype, sensitivity, and counts that show what is in it."""
    return [
        {
            "name": str(name),
            "kind": kind_of(frame[name]),
            "dtype": str(frame[name].dtype),
            "sensitivity": sensitivity.get(str(name), "internal"),
            "profile": _profile(frame[name]),
        }
        for name in frame.columns
    ]


def kind_of(column: pd.Series) -> str:
    if types.is_bool_dtype(column):
        return "boolean"
    if types.is_numeric_dtype(column):
        return "number"
    if types.is_datetime64_any_dtype(column):
        return "datetime"
    return "string"


def _profile(column: pd.Series) -> dict[str, Any]:
    shared = {"missing": int(column.isna().sum()), "distinct": int(column.nunique())}
    kind = kind_of(column)
    if kind == "number":
        return {**shared, **_numbers(column)}
    if kind == "datetime":
        known = column.dropna()
        return (
            {**shared, "first": _iso(known.min()), "last": _iso(known.max())}
            if len(known)
            else shared
        )
    counts = column.value_counts().head(TOP_VALUES)
    return {**shared, "top": [[str(value), int(n)] for value, n in counts.items()]}


def _numbers(column: pd.Series) -> dict[str, float | None]:
    known = column.dropna().astype(float)
    if known.empty:
        return {}
    quartiles = known.quantile([0.25, 0.5, 0.75])
    values = {
        "mean": known.mean(),
        "sd": known.std(),
        "minimum": known.min(),
        "q25": quartiles[0.25],
        "median": quartiles[0.5],
        "q75": quartiles[0.75],
        "maximum": known.max(),
    }
    return {name: float(v) if math.isfinite(v) else None for name, v in values.items()}


def _iso(moment: Any) -> str:
    return pd.Timestamp(moment).isoformat()
