"""What the changes know of columns: reading, comparing, and writing back in the same type."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import (
    is_bool_dtype,
    is_datetime64_any_dtype,
    is_integer_dtype,
    is_numeric_dtype,
)

Positions = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]
Parameters = Mapping[str, Any]


class PerturbationError(ValueError):
    """A perturbation that cannot be carried out on these data, in the user's words."""


def kind_of(column: pd.Series) -> str:
    """The kind under which rules, conditions and parameters speak of a column."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = pd.Series(column.cat.categories)
    if is_bool_dtype(column.dtype):
        return "boolean"
    if is_numeric_dtype(column.dtype):
        return "number"
    return "datetime" if is_datetime64_any_dtype(column.dtype) else "string"


def column_of(frame: pd.DataFrame, name: str) -> pd.Series:
    column: pd.Series = frame[name]
    return column


def chosen_rows(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> Positions:
    """A share of the rows, or of one group's rows: exactly that many, and nested as it grows."""
    rows = np.arange(len(frame))
    if p["group_column"] is not None:
        rows = np.flatnonzero(equals(column_of(frame, p["group_column"]), p["group_value"]))
    return np.sort(rng.permutation(rows)[: round(p["share"] * len(rows))])


def equals(column: pd.Series, value: object) -> npt.NDArray[np.bool_]:
    """Rows that hold a value; mapping keys arrive from JSON as text, whatever the column holds."""
    kind = kind_of(column)
    if kind == "number":
        return floats(column) == float(str(value))
    if kind == "boolean":
        wanted = str(value).lower() in ("true", "1")
        return column.eq(wanted).fillna(False).to_numpy(dtype=bool)
    if kind == "datetime":
        return column.eq(pd.Timestamp(str(value))).to_numpy(dtype=bool)
    return uncategorised(column).eq(str(value)).fillna(False).to_numpy(dtype=bool)


def floats(column: pd.Series) -> Floats:
    return uncategorised(column).to_numpy(dtype=float, na_value=np.nan, copy=True)


def spread(values: Floats) -> float:
    """Sample standard deviation; 0 where fewer than two values are known."""
    known = values[np.isfinite(values)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else 0.0


def replaced(column: pd.Series, rows: Positions, values: Floats) -> pd.Series:
    changed = floats(column)
    changed[rows] = values
    return rewritten(column, changed)


def rewritten(column: pd.Series, values: Floats) -> pd.Series:
    """New numbers in the column's own dtype where it can hold them: whole numbers stay whole."""
    dtype = uncategorised(column).dtype
    whole = bool(np.all(np.isfinite(values) & (values == np.trunc(values))))
    if is_integer_dtype(dtype) and not whole:
        dtype = np.dtype(float)
    return pd.Series(values, index=column.index, name=column.name).astype(dtype)


def rewritten_texts(column: pd.Series, rows: Positions, change: Callable[[str], str]) -> pd.Series:
    changed = uncategorised(column).copy()
    texts = changed.iloc[rows]
    if len(rows):
        changed.iloc[rows] = [text if pd.isna(text) else change(str(text)) for text in texts]
    return changed


def flattened(column: pd.Series) -> pd.Series:
    """The mean of numbers and times, else the most frequent value, the first of these by name."""
    kind, known = kind_of(column), uncategorised(column).dropna()
    if known.empty:
        return column
    if kind == "number":
        return rewritten(column, np.full(len(column), float(known.mean())))
    typical = known.mean() if kind == "datetime" else known.mode().iloc[0]
    return pd.Series(typical, index=column.index, name=column.name).astype(known.dtype)


def without_point(value: float) -> float:
    """1012.5 written 1012,5 and read as 10125; whole numbers come through unharmed."""
    if not np.isfinite(value):
        return value
    return float(np.format_float_positional(value, trim="-").replace(".", ""))


def with_value(column: pd.Series, rows: Positions, value: Any) -> pd.Series:
    """One value into some rows."""
    if kind_of(column) == "number":
        return replaced(column, rows, np.full(len(rows), float(value)))
    changed = uncategorised(column).copy()
    if kind_of(column) != "string":
        value = bool(value) if kind_of(column) == "boolean" else pd.Timestamp(value)
    if len(rows):
        changed.iloc[rows] = value
    return changed


def blanked(column: pd.Series, rows: Positions) -> pd.Series:
    if not len(rows):
        return column
    if kind_of(column) == "number":
        return replaced(column, rows, np.full(len(rows), np.nan))
    changed = uncategorised(column).copy()
    if is_bool_dtype(changed.dtype):
        changed = changed.astype("boolean")
    changed.iloc[rows] = None
    return changed


def uncategorised(column: pd.Series) -> pd.Series:
    """Plain values, because a category dtype refuses values that it has not seen."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(column.cat.categories.dtype)
    return column


def numbered_source(frame: pd.DataFrame, by: list[str]) -> Positions:
    if not by:
        return np.zeros(len(frame), dtype=np.intp)
    return frame.groupby(list(by), dropna=False, sort=False).ngroup().to_numpy()


def like(column: pd.Series, found: pd.Series) -> pd.Series:
    """Values that came back from a join, in the dtype they left with where it can hold them."""
    if found.isna().any() and is_bool_dtype(column.dtype):
        return found.astype("boolean").set_axis(column.index)
    if found.isna().any() and is_integer_dtype(column.dtype):
        return found.astype(float).set_axis(column.index)
    return found.astype(column.dtype).set_axis(column.index)
