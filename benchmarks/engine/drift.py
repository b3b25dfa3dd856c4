"""Whether the columns of one table differ from another's, and by how much more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from benchmarks.engine.drift_blocks import LevelBlock, NumericBlock, NumericSketch
from benchmarks.engine.drift_classifier import domain_classifier
from benchmarks.engine.drift_columns import Block, ColumnBlock, Keeping
from benchmarks.engine.drift_levels import compare_levels
from benchmarks.engine.drift_numeric import compare_numeric
from benchmarks.engine.drift_sources import Given, Source, TableBlock, parquet_pieces, source_of
from benchmarks.engine.drift_values import (
    ColumnDrift,
    ColumnKind,
    Distance,
    DriftReason,
    DriftReport,
    DriftVerdict,
    EmbeddingDrift,
    LevelDrift,
    NumericDrift,
)
from benchmarks.engine.drift_vectors import VectorBlock, compare_vectors
from benchmarks.engine.drift_verdicts import (
    FEWEST,
    column_p,
    decided,
    missing_test,
    skip_reason,
)

NUMERIC_BLOCKS = (NumericBlock, NumericSketch)
REPORT_VERSION = "2"
# From this many rows on, a second thread pays for its start.
THREADED_FROM = 200_000
THREADS = 2
# More levels than this share of the rows, and than this number, make text or identifiers.
TEXT_SHARE = 0.5
TEXT_LEVELS = 50


def compare_frames(
    reference: Given,
    current: Given,
    *,
    columns: Sequence[str] | None = None,
    seed: int,
    classifier: bool = True,
    keeping: Keeping | None = None,
) -> DriftReport:
    """Each column of `current` against the one of the same name in `reference`.

    Either side is a pandas frame, an Arrow table, the path of a Parquet file (read one column at a
    time), an iterable of tables in row order (read once), or a `TableBlock` merged from pieces;
    which of them makes no difference to a number. `columns` names those to compare, else all of
    both sides. `keeping` with sketch sizes bounds the memory of iterables; a `TableBlock` brings
    its own. Raises ValueError for a column that neither side has.
    """
    keeping = keeping or Keeping(seed)
    first, second = source_of(reference, keeping), source_of(current, keeping)
    names = _names(first, second, columns)
    work = [(name, first, second, seed) for name in names]
    if max(first.rows, second.rows) < THREADED_FROM:
        compared = [_compare(*item) for item in work]
    else:
        with ThreadPoolExecutor(THREADS) as pool:
            compared = list(pool.map(lambda item: _compare(*item), work))
    results = decided(tuple(compared))
    return DriftReport(
        columns=results,
        reference_rows=first.rows,
        current_rows=second.rows,
        classifier=domain_classifier(results, first, second, seed=seed) if classifier else None,
        seed=seed,
        exact=first.keeping.exact and second.keeping.exact,
        report_version=REPORT_VERSION,
    )


def summarise(
    table: Given, *, seed: int, start: int = 0, keeping: Keeping | None = None
) -> TableBlock:
    """A piece of a table, to be merged with others: `start` is its first row in the whole."""
    keeping = keeping or Keeping(seed)
    if isinstance(table, TableBlock):
        return table
    if isinstance(table, pd.DataFrame | pa.Table | pa.RecordBatch):
        return TableBlock.of(table, start=start, keeping=keeping)
    pieces = parquet_pieces(table) if isinstance(table, str | Path) else table
    return TableBlock.gathered(pieces, keeping, start)


def _names(first: Source, second: Source, columns: Sequence[str] | None) -> tuple[str, ...]:
    both = tuple(dict.fromkeys(first.names + second.names))
    unknown = set(columns or ()) - set(both)
    if unknown:
        raise ValueError(f"No table has the column “{min(unknown)}”.")
    return both if columns is None else tuple(columns)


def _compare(name: str, first: Source, second: Source, seed: int) -> ColumnDrift:
    if name not in first.names or name not in second.names:
        return _absent(name, first, second)
    one, two = first.column(name), second.column(name)
    kind = _kind(one, two)
    missing = missing_test((one.missing, one.rows), (two.missing, two.rows))
    bare = ColumnDrift(
        name=name,
        kind=kind,
        reference_n=one.n,
        current_n=two.n,
        missing=missing,
        verdict=DriftVerdict.UNDECIDED,
        reason=DriftReason.WITHIN_CHANCE,
        sentence="",
    )
    skipped = skip_reason(kind) or _obstacle(one.body, two.body)
    if skipped:
        return replace(bare, reason=skipped, sentence=skipped.sentence)
    if min(one.n, two.n) < FEWEST:
        reason = DriftReason.TOO_FEW if one.n and two.n else DriftReason.NO_VALUES
        few = replace(bare, verdict=DriftVerdict.TOO_FEW, reason=reason, sentence=reason.sentence)
        return replace(few, p_value=missing.p_value)
    return _measured(bare, one.body, two.body, seed)


def _measured(column: ColumnDrift, one: Block | None, two: Block | None, seed: int) -> ColumnDrift:
    detail: NumericDrift | LevelDrift | EmbeddingDrift
    distances: tuple[Distance, ...]
    if isinstance(one, LevelBlock) and isinstance(two, LevelBlock):
        detail, p_value, distance = compare_levels(one.counts, two.counts, seed=seed)
        distances = (distance,)
    elif isinstance(one, VectorBlock) and isinstance(two, VectorBlock):
        detail, p_value, distance = compare_vectors(one, two, seed=seed)
        distances = (distance,)
    elif isinstance(one, NUMERIC_BLOCKS) and isinstance(two, NUMERIC_BLOCKS):
        detail, distances = compare_numeric(one.sample(), two.sample(), seed=seed)
        p_value = detail.ks_p
    else:
        raise TypeError(f"Column {column.name}: pieces of different kinds.")
    return replace(
        column,
        effect=distances[0],
        distances=distances,
        shape_p=p_value,
        p_value=column_p(p_value, column.missing.p_value),
        detail=detail,
    )


def _kind(one: ColumnBlock, two: ColumnBlock) -> ColumnKind:
    """The kind of both sides; a side without any value takes that of the other."""
    kinds = {one.kind, two.kind} - {ColumnKind.UNKNOWN}
    if len(kinds) == 2:
        return ColumnKind.MIXED
    kind = kinds.pop() if kinds else ColumnKind.UNKNOWN
    text = any(isinstance(side.body, LevelBlock) and _is_text(side.body) for side in (one, two))
    return ColumnKind.TEXT if text else kind


def _is_text(block: LevelBlock) -> bool:
    return len(block.counts) > max(TEXT_LEVELS, TEXT_SHARE * block.n)


def _obstacle(one: Block | None, two: Block | None) -> DriftReason | None:
    """Why the values of two sides of one kind cannot be compared, if so."""
    sides = (one, two)
    if any(isinstance(side, LevelBlock) and side.error for side in sides):
        return DriftReason.TOO_MANY_LEVELS
    vectors = [side for side in sides if isinstance(side, VectorBlock)]
    lengths = {side.vectors.shape[1] for side in vectors if len(side.vectors)}
    if any(side.ragged for side in vectors) or len(lengths) > 1:
        return DriftReason.LENGTHS_DIFFER
    return None


def _absent(name: str, first: Source, second: Source) -> ColumnDrift:
    present = first if name in first.names else second
    block = present.column(name)
    counts = (block.n, 0) if present is first else (0, block.n)
    missing = (block.missing, 0) if present is first else (0, block.missing)
    rows = (block.rows, 0) if present is first else (0, block.rows)
    return ColumnDrift(
        name=name,
        kind=block.kind,
        reference_n=counts[0],
        current_n=counts[1],
        missing=missing_test((missing[0], rows[0]), (missing[1], rows[1])),
        verdict=DriftVerdict.UNDECIDED,
        reason=DriftReason.ABSENT,
        sentence=DriftReason.ABSENT.sentence,
    )
