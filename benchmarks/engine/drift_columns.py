"""From a column of a table to the piece that is kept of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api import types

from benchmarks.engine.drift_blocks import LevelBlock, NumericBlock, NumericSketch
from benchmarks.engine.drift_values import ColumnKind
from benchmarks.engine.drift_vectors import VectorBlock
from benchmarks.engine.scored import FloatArray

Block = NumericBlock | NumericSketch | LevelBlock | VectorBlock
LEVEL_KINDS = (ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN)

_INFERRED = {
    "string": ColumnKind.CATEGORICAL,
    "boolean": ColumnKind.BOOLEAN,
    "integer": ColumnKind.NUMERIC,
    "floating": ColumnKind.NUMERIC,
    "mixed-integer-float": ColumnKind.NUMERIC,
    "decimal": ColumnKind.NUMERIC,
    "empty": ColumnKind.UNKNOWN,
    "categorical": ColumnKind.CATEGORICAL,
    "mixed-integer": ColumnKind.CATEGORICAL,
}


@dataclass(frozen=True)
class Keeping:
    """How much is kept of a column: everything, or sketches of a bounded size."""

    seed: int
    values: int | None = None
    levels: int | None = None

    @property
    def exact(self) -> bool:
        return self.values is None and self.levels is None


@dataclass(frozen=True, eq=False)
class ColumnBlock:
    """A piece of a column: its kind, its rows, and what is kept of their values.

    A piece without any value has no kind yet (`UNKNOWN`, no body) and merges with every other.
    """

    kind: ColumnKind
    rows: int
    body: Block | None = None

    @property
    def missing(self) -> int:
        return self.rows if self.body is None else self.body.missing

    @property
    def n(self) -> int:
        return self.rows - self.missing

    def merged(self, other: ColumnBlock) -> ColumnBlock:
        """Both pieces as one; pieces of different kinds leave a column that cannot be compared."""
        rows = self.rows + other.rows
        if self.kind is not other.kind and ColumnKind.UNKNOWN not in (self.kind, other.kind):
            return ColumnBlock(ColumnKind.MIXED, rows)
        kind = other.kind if self.kind is ColumnKind.UNKNOWN else self.kind
        bodies = [(part.body, part.rows) for part in (self, other)]
        (first, first_rows), (second, second_rows) = bodies
        if first is None or second is None:
            return ColumnBlock(
                kind, rows, _padded(first, second_rows) or _padded(second, first_rows)
            )
        return ColumnBlock(kind, rows, first.merged(second))  # type: ignore[arg-type]


def _padded(body: Block | None, missing: int) -> Block | None:
    """The same piece with rows that hold nothing."""
    return body and body.with_missing(missing)


def column_block(column: pd.Series | pa.ChunkedArray, start: int, keeping: Keeping) -> ColumnBlock:
    """What is kept of a piece that begins at row `start` of its table."""
    kind = kind_of(column)
    rows = len(column)
    if kind is ColumnKind.NUMERIC:
        values = _numbers(column)
        if keeping.values is None:
            return ColumnBlock(kind, rows, NumericBlock.of(values))
        return ColumnBlock(kind, rows, NumericSketch.of(values, keeping.values))
    if kind in LEVEL_KINDS:
        counts = _counts(column)
        known = sum(counts.values())
        return ColumnBlock(kind, rows, LevelBlock.of(counts, rows - known, keeping.levels))
    if kind is ColumnKind.EMBEDDING:
        return ColumnBlock(kind, rows, VectorBlock.of(_objects(column), start, keeping.seed))
    return ColumnBlock(kind, rows)


def kind_of(column: pd.Series | pa.ChunkedArray) -> ColumnKind:
    if isinstance(column, pa.ChunkedArray):
        return _arrow_kind(column.type)
    if types.is_bool_dtype(column.dtype):
        return ColumnKind.BOOLEAN
    if types.is_complex_dtype(column.dtype):
        return ColumnKind.UNSUPPORTED
    if types.is_numeric_dtype(column.dtype):
        return ColumnKind.NUMERIC
    if isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype):
        return ColumnKind.CATEGORICAL
    if types.is_datetime64_any_dtype(column.dtype) or types.is_timedelta64_dtype(column.dtype):
        return ColumnKind.TIME
    if isinstance(column.dtype, pd.ArrowDtype):
        return _arrow_kind(column.dtype.pyarrow_dtype)
    return _object_kind(column)


def _arrow_kind(kind: pa.DataType) -> ColumnKind:
    if pa.types.is_boolean(kind):
        return ColumnKind.BOOLEAN
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return ColumnKind.NUMERIC
    if pa.types.is_dictionary(kind):
        return ColumnKind.CATEGORICAL
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return ColumnKind.CATEGORICAL
    if pa.types.is_temporal(kind):
        return ColumnKind.TIME
    if pa.types.is_null(kind):
        return ColumnKind.UNKNOWN
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind):
        inner = _arrow_kind(kind.value_type)
        return ColumnKind.EMBEDDING if inner is ColumnKind.NUMERIC else ColumnKind.UNSUPPORTED
    return ColumnKind.UNSUPPORTED


def _object_kind(column: pd.Series) -> ColumnKind:
    inferred = types.infer_dtype(column, skipna=True)
    if inferred in _INFERRED:
        return _INFERRED[inferred]
    if inferred.startswith(("date", "time", "period")):
        return ColumnKind.TIME
    known = column.dropna()
    if len(known) and all(isinstance(value, list | tuple | np.ndarray) for value in known):
        return ColumnKind.EMBEDDING
    return ColumnKind.UNSUPPORTED


def _numbers(column: pd.Series | pa.ChunkedArray) -> FloatArray:
    if isinstance(column, pa.ChunkedArray):
        cast = (
            column if pa.types.is_floating(column.type) else column.cast(pa.float64(), safe=False)
        )
        return cast.to_numpy()
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _counts(column: pd.Series | pa.ChunkedArray) -> dict[str, int]:
    """How often each level occurs, by its name; missing values are left out."""
    if isinstance(column, pd.Series):
        if not isinstance(column.dtype, pd.StringDtype | pd.ArrowDtype):
            found = column.value_counts(sort=False)
            return _summed(found.index, found.to_numpy())
        column = pa.chunked_array(column.array.__arrow_array__())
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    pairs = pc.value_counts(column)
    return _summed(pairs.field("values").to_pylist(), pairs.field("counts").to_numpy())


def _summed(names: Iterable[object], counts: np.ndarray) -> dict[str, int]:
    """Counts by the written form of each level; a level that never occurs is none."""
    result: dict[str, int] = {}
    for name, count in zip(names, counts.tolist(), strict=True):
        if count and name is not None:
            result[str(name)] = result.get(str(name), 0) + count
    return result


def _objects(column: pd.Series | pa.ChunkedArray) -> np.ndarray:
    if isinstance(column, pa.ChunkedArray):
        return column.to_pandas().to_numpy(dtype=object)
    return column.to_numpy(dtype=object)
