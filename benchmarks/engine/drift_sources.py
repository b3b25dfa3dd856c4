"""Where the columns of a comparison come from: a table, a Parquet file, merged pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.engine.drift_columns import ColumnBlock, Keeping, column_block
from benchmarks.engine.drift_vectors import lowest, priorities

Table: TypeAlias = "pd.DataFrame | pa.Table | pa.RecordBatch"
# Rows of each side that the domain classifier looks at.
SAMPLED_ROWS = 2000


class Source(Protocol):
    """One side of a comparison, read column by column so that few are in memory at a time."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def rows(self) -> int: ...

    @property
    def keeping(self) -> Keeping: ...

    def column(self, name: str) -> ColumnBlock: ...

    def sampled(self, names: tuple[str, ...]) -> pd.DataFrame:
        """A seeded sample of at most SAMPLED_ROWS rows, the same however the table was cut."""


@dataclass(frozen=True, eq=False)
class TableSource:
    """A table in memory, read where it lies."""

    table: pd.DataFrame | pa.Table
    keeping: Keeping

    @cached_property
    def names(self) -> tuple[str, ...]:
        if isinstance(self.table, pa.Table):
            return tuple(self.table.column_names)
        return tuple(str(name) for name in self.table.columns)

    @property
    def rows(self) -> int:
        return len(self.table)

    @cached_property
    def parts(self) -> dict[str, pd.Series | pa.ChunkedArray]:
        """The columns by name, as they lie in memory."""
        if isinstance(self.table, pa.Table):
            return dict(zip(self.names, self.table.columns, strict=True))
        return {str(name): column for name, column in self.table.items()}

    def column(self, name: str) -> ColumnBlock:
        return column_block(self.parts[name], 0, self.keeping)

    def sampled(self, names: tuple[str, ...]) -> pd.DataFrame:
        places = lowest(priorities(0, self.rows, self.keeping.seed), SAMPLED_ROWS)
        return _rows(self.table, [self.names.index(name) for name in names], places)


@dataclass(frozen=True, eq=False)
class ParquetSource:
    """A Parquet file, of which one column at a time is read."""

    path: Path
    keeping: Keeping

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(pq.read_schema(self.path).names)

    @property
    def rows(self) -> int:
        return int(pq.read_metadata(self.path).num_rows)

    def column(self, name: str) -> ColumnBlock:
        with pq.ParquetFile(self.path) as file:
            return column_block(file.read(columns=[name])[name], 0, self.keeping)

    def sampled(self, names: tuple[str, ...]) -> pd.DataFrame:
        places = lowest(priorities(0, self.rows, self.keeping.seed), SAMPLED_ROWS)
        inside = np.sort(places)
        parts, start = [], 0
        with pq.ParquetFile(self.path) as file:
            for group in range(file.num_row_groups):
                stop = start + file.metadata.row_group(group).num_rows
                wanted = inside[(inside >= start) & (inside < stop)] - start
                table = file.read_row_group(group, columns=list(names))
                parts.append(table.select(list(names)).take(wanted))
                start = stop
        if not parts:
            return pd.DataFrame(columns=list(names))
        ranks = np.argsort(np.argsort(places))
        return pa.concat_tables(parts).take(ranks).to_pandas()


@dataclass(frozen=True, eq=False)
class TableBlock:
    """A piece of a table, ready to merge: its columns' pieces and a seeded sample of its rows.

    `of` is told the row at which the piece begins, counted over the whole table, because the
    sample goes by the rows' places. Pieces merge in any order to the same report.
    """

    columns: dict[str, ColumnBlock]
    rows: int
    order: np.ndarray
    sample: pd.DataFrame
    keeping: Keeping

    @classmethod
    def of(cls, table: Table, *, start: int, keeping: Keeping) -> TableBlock:
        if isinstance(table, pa.RecordBatch):
            table = pa.Table.from_batches([table])
        source = TableSource(table, keeping)
        columns = {name: column_block(part, start, keeping) for name, part in source.parts.items()}
        order = priorities(start, len(table), keeping.seed)
        places = lowest(order, SAMPLED_ROWS)
        sample = _rows(table, list(range(len(columns))), places)
        return cls(columns, len(table), order[places], sample, keeping)

    @classmethod
    def gathered(cls, pieces: Iterable[Table], keeping: Keeping, start: int = 0) -> TableBlock:
        """The pieces of one table in their order. Raises ValueError when there are none."""
        result = None
        for piece in pieces:
            block = cls.of(piece, start=start, keeping=keeping)
            result = block if result is None else result.merged(block)
            start += block.rows
        if result is None:
            raise ValueError("There is no piece to compare, not even an empty one.")
        return result

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    def column(self, name: str) -> ColumnBlock:
        return self.columns[name]

    def sampled(self, names: tuple[str, ...]) -> pd.DataFrame:
        return self.sample[list(names)]

    def merged(self, other: TableBlock) -> TableBlock:
        """Both pieces as one.

        Raises ValueError when their columns have different names or were kept differently.
        """
        if set(self.columns) != set(other.columns):
            raise ValueError("Pieces of one table must have the same columns.")
        if self.keeping != other.keeping:
            raise ValueError("Pieces of one table must be kept with the same seed and sizes.")
        columns = {name: c.merged(other.columns[name]) for name, c in self.columns.items()}
        order = np.concatenate([self.order, other.order])
        chosen = lowest(order, SAMPLED_ROWS)
        sample = pd.concat([self.sample, other.sample[self.sample.columns]], ignore_index=True)
        sample = sample.iloc[chosen].reset_index(drop=True)
        return TableBlock(columns, self.rows + other.rows, order[chosen], sample, self.keeping)


Given: TypeAlias = "Table | TableBlock | str | Path | Iterable[Table]"


def source_of(given: Given, keeping: Keeping) -> Source:
    """Whatever holds a table, as one side of a comparison."""
    if isinstance(given, TableBlock):
        return given
    if isinstance(given, str | Path):
        return ParquetSource(Path(given), keeping)
    if isinstance(given, pa.RecordBatch):
        return TableSource(pa.Table.from_batches([given]), keeping)
    if isinstance(given, pd.DataFrame | pa.Table):
        return TableSource(given, keeping)
    return TableBlock.gathered(given, keeping)


def parquet_pieces(path: str | Path) -> Iterator[pa.Table]:
    """The row groups of a Parquet file, one in memory at a time."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group)


def _rows(table: pd.DataFrame | pa.Table, columns: list[int], places: np.ndarray) -> pd.DataFrame:
    if isinstance(table, pa.Table):
        return table.select(columns).take(places).to_pandas()
    chosen = table.iloc[places, columns].reset_index(drop=True)
    return chosen.set_axis([str(name) for name in chosen.columns], axis=1)
