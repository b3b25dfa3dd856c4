"""Evaluation of a Parquet file larger than memory: batch by batch, merged exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike

import pandas as pd
import pyarrow.parquet as pq

from benchmarks.engine.draws import RESAMPLES
from benchmarks.engine.metrics import summed_metric_of
from benchmarks.engine.partials import Partial, partial_of
from benchmarks.engine.resampling import EstimateTable
from benchmarks.engine.resampling_rows import columns_of
from benchmarks.engine.scored import CLUSTER
from benchmarks.engine.slices import Slice

BATCH_ROWS = 65_536

Predict = Callable[[pd.DataFrame], pd.DataFrame]


def evaluate_parquet(
    path: str | PathLike[str],
    metrics: Iterable[str],
    slices: Sequence[Slice],
    *,
    predict: Predict | None = None,
    seed: int,
    clusters: str | None = None,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    batch_rows: int = BATCH_ROWS,
) -> EstimateTable:
    """Estimates with intervals of every metric on all rows and on every slice of a file.

    Memory holds one batch and the merged partials: bins of values and scores for each slice, and
    with `clusters` the sums of each cluster. The numbers do not depend on the size of the batches
    or of the file's row groups. `predict` turns a batch of all columns into the columns that it
    adds or replaces (score, prediction, …), row by row in the same order.

    Raises ValueError for unknown metrics or columns, and when `predict` drops or adds rows.
    """
    keys = list(metrics)
    shards = (
        partial_of(frame, keys, slices, clusters=clusters)
        for frame in _batches(path, _needed(keys, slices, clusters), predict, batch_rows)
    )
    total = _folded(shards)
    return total.table(seed=seed, resamples=resamples, level=level)


def _needed(keys: list[str], slices: Sequence[Slice], clusters: str | None) -> set[str]:
    needed = {name for key in keys for name in summed_metric_of(key).needs} | {clusters or CLUSTER}
    return needed.union({"label"}, *(columns_of(part.condition) for part in slices))


def _batches(
    path: str | PathLike[str], needed: set[str], predict: Predict | None, rows: int
) -> Iterator[pd.DataFrame]:
    """Frames of at most `rows` rows, and an empty one for an empty file."""
    with pq.ParquetFile(path, memory_map=False, pre_buffer=False, buffer_size=1 << 20) as file:
        names = file.schema_arrow.names
        columns = names if predict else [name for name in names if name in needed]
        if file.metadata.num_rows == 0:
            yield _answered(file.schema_arrow.empty_table().select(columns).to_pandas(), predict)
        for batch in file.iter_batches(batch_size=rows, columns=columns, use_threads=False):
            yield _answered(batch.to_pandas(), predict)


def _answered(frame: pd.DataFrame, predict: Predict | None) -> pd.DataFrame:
    if predict is None:
        return frame
    answers = predict(frame)
    if len(answers) != len(frame):
        raise ValueError(f"{len(frame)} rows were asked, {len(answers)} were answered.")
    return frame.assign(**{name: answers[name].to_numpy() for name in answers.columns})


def _folded(shards: Iterator[Partial]) -> Partial:
    total = next(shards)
    for shard in shards:
        total = total.merged(shard)
    return total
