"""Rows as JSON values and JSON values as scores: what every protocol over HTTP shares.

JSON has no missing number, no infinity and no time: a missing value is null, a time is its ISO
8601 text, and an infinite number is refused rather than sent as something else.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pandas.api import types

from benchmarks.predictors.base import Floats, PredictorError

Kind = Literal["bool", "integer", "float", "text", "time"]
#: How far two probabilities may be from one after rounding on their way through JSON.
ROUNDING = 1e-3
#: What a column of Python objects holds, by pandas' own name for it.
_OBJECTS: dict[str, Kind] = {
    "string": "text",
    "empty": "text",
    "boolean": "bool",
    "integer": "integer",
    "floating": "float",
    "mixed-integer-float": "float",
    "decimal": "float",
    "datetime": "time",
    "datetime64": "time",
    "date": "time",
}


@dataclass(frozen=True)
class Column:
    """One column ready for JSON; a missing value is None."""

    name: str
    kind: Kind
    values: list[Any]

    def part(self, start: int, stop: int) -> Self:
        return replace(self, values=self.values[start:stop])

    def emptied(self) -> Self:
        """The column as it arrives when what fills it is away."""
        kind = "float" if self.kind == "integer" else self.kind  # whole numbers have no gaps
        return replace(self, kind=kind, values=[None] * len(self.values))


def inputs_of(frame: pd.DataFrame, names: Sequence[str]) -> list[Column]:
    """What a model reads of the frame. Raises PredictorError where it is not there."""
    if missing := [name for name in names if name not in frame.columns]:
        raise PredictorError(
            f"The data have no column {', '.join(missing[:5])}, which the model reads."
        )
    return columns_of(frame[list(names)])


def columns_of(frame: pd.DataFrame) -> list[Column]:
    """Every column of the frame. Raises PredictorError for what JSON cannot hold."""
    return [_column(str(name), frame[name]) for name in frame.columns]


def _column(name: str, column: pd.Series) -> Column:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    kind = _kind(column)
    if kind is None:
        raise PredictorError(f"The column {name} holds values that cannot be sent as JSON.")
    missing = column.isna().tolist()
    if kind == "integer" and any(missing):
        kind = "float"  # the servers' whole numbers have no gaps
    values = [
        None if absent else _PLAIN[kind](value)
        for value, absent in zip(column.tolist(), missing, strict=True)
    ]
    if kind == "float" and any(value is not None and not np.isfinite(value) for value in values):
        raise PredictorError(f"The column {name} holds an infinite number, which JSON has not.")
    return Column(name, kind, values)


_PLAIN: dict[Kind, Callable[[Any], Any]] = {
    "bool": bool,
    "integer": int,
    "float": float,
    "text": str,
    "time": lambda value: value.isoformat(),
}


def _kind(column: pd.Series) -> Kind | None:
    dtype = column.dtype
    if types.is_bool_dtype(dtype):
        return "bool"
    if types.is_integer_dtype(dtype):
        return "integer"
    if types.is_float_dtype(dtype):
        return "float"
    if types.is_datetime64_any_dtype(dtype):
        return "time"
    if types.is_object_dtype(dtype) or types.is_string_dtype(dtype):
        return _OBJECTS.get(types.infer_dtype(column, skipna=True))
    return None


def written(content: Any) -> bytes:
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def read(body: bytes) -> dict[str, Any]:
    """The object in an answer, of which nothing is ever shown."""
    try:
        content = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise PredictorError("The endpoint's answer is not JSON.") from error
    if not isinstance(content, dict):
        raise PredictorError("The endpoint's answer is not a JSON object.")
    return content


def _no_number(word: str) -> float:
    raise PredictorError("The endpoint gave no finite number for some rows.")


def scores_from(rows: Sequence[Any], expected: int, task: str) -> Floats:
    """One score a row out of rows of one number, or of the probabilities of two classes."""
    if len(rows) != expected:
        raise PredictorError(f"The endpoint gave {len(rows)} answers for {expected} rows.")
    table = [row if isinstance(row, list) else [row] for row in rows]
    widths = {len(row) for row in table}
    if widths == {1}:
        return _within_range(_numbers([row[0] for row in table]), task)
    if widths != {2} or task != "binary":
        raise PredictorError(
            "The endpoint gave several numbers a row. Name the output that holds the scores."
        )
    classes = np.column_stack([_numbers([row[k] for row in table]) for k in (0, 1)])
    if np.any(np.abs(classes.sum(axis=1) - 1) > ROUNDING):
        raise PredictorError(
            "The endpoint gave two numbers a row that are not the probabilities of two classes."
        )
    return _within_range(classes[:, 1], task)


def _numbers(values: list[Any]) -> Floats:
    if strange := sum(type(value) not in (int, float) for value in values):
        raise PredictorError(f"The endpoint gave no number for {strange} of {len(values)} rows.")
    try:
        numbers = np.array([float(value) for value in values])
    except OverflowError:
        numbers = np.array([np.inf])
    if not np.isfinite(numbers).all():
        raise PredictorError("The endpoint gave no finite number for some rows.")
    return numbers


def _within_range(scores: Floats, task: str) -> Floats:
    if task == "binary" and (scores.min() < 0 or scores.max() > 1):
        raise PredictorError("The endpoint gave scores outside 0 to 1, so not probabilities.")
    return scores
