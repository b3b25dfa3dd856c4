"""Bootstrap of many metrics on many slices in one pass over the rows, from what each one needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.engine.calibration_error import CELLS, cell_of, columns_of
from benchmarks.engine.draws import RESAMPLES, Bootstrap, generator
from benchmarks.engine.formulas import Metric
from benchmarks.engine.metrics import summed_metric_of
from benchmarks.engine.resampling_cells import (
    Cells,
    Ladder,
    area_cells,
    calibration_error_cells,
    mean_cells,
    quantile_bootstrap,
    rate_cells,
    ratio_cells,
)
from benchmarks.engine.resampling_rows import rows_of
from benchmarks.engine.resampling_units import resampled, stratified_weights, units_of
from benchmarks.engine.scored import FloatArray, IntArray, Scored, scored
from benchmarks.engine.slices import BoolArray, Slice
from benchmarks.engine.values import Estimate, Interval, Kind, Reason

# Slices of at most this many rows are drawn row by row, exactly.
FEW_ROWS = 500


@dataclass(frozen=True, eq=False)
class EstimateTable:
    """Estimates slice by slice, with the draws behind each (undefined draws left out).

    An estimate's interval is BCa where the draws carry it; `percentiles` holds the plain ones.
    """

    estimates: tuple[Estimate, ...]
    draws: tuple[FloatArray, ...]
    percentiles: tuple[Interval | None, ...]

    def at(self, metric: str, slice: str) -> Estimate:
        return self.estimates[self._place(metric, slice)]

    def draws_of(self, metric: str, slice: str) -> FloatArray:
        return self.draws[self._place(metric, slice)]

    def percentile_at(self, metric: str, slice: str) -> Interval | None:
        return self.percentiles[self._place(metric, slice)]

    def _place(self, metric: str, slice: str) -> int:
        for place, found in enumerate(self.estimates):
            if (found.metric, found.slice) == (metric, slice):
                return place
        raise KeyError((metric, slice))


class Outcome(NamedTuple):
    """What is known of one metric on one slice before its intervals are read off."""

    metric: Metric
    slice: str
    n: int
    positives: int | None
    boot: Bootstrap | None
    reason: Reason


def bootstrap(
    frame: pd.DataFrame,
    metrics: Iterable[str],
    slices: Sequence[Slice],
    *,
    resamples: int = RESAMPLES,
    seed: int,
    weights: FloatArray | None = None,
    level: float = 0.95,
    clusters: str | None = None,
    strata: str | None = None,
) -> EstimateTable:
    """Percentile and BCa intervals (Efron 1987) of every metric on all rows and on every slice.

    Independent rows of a slice are drawn as counts of few cells (see `resampling_cells` for what
    is exact), each metric and slice in a stream of its own; slices of at most 500 rows as rows.
    With `clusters` (a column; default `cluster`, if any) whole clusters are drawn, with `strata`
    each stratum keeps its number of units, and the same draws serve all metrics and slices.
    `weights` (resamples × units) replaces the draws, so that two results can share theirs.
    The leave-one-out values of BCa are those of one row of each cell, or of one cluster.

    Raises ValueError for unknown metrics and columns, and for clusters that cross strata.
    """
    sample = scored(frame, clusters)
    chosen = [summed_metric_of(key) for key in metrics]
    parts = ((name, rows, sample.taken(rows)) for name, rows in rows_of(frame, slices).items())
    if weights is None and sample.cluster is None and strata is None:
        outcomes = [
            outcome
            for name, _, part in parts
            for outcome in _independent_rows(part, chosen, name, seed, resamples)
        ]
        return table_of(outcomes, level)
    units = np.arange(sample.n) if sample.cluster is None else sample.cluster
    blocks = _blocks(seed, units, resamples, weights, _stratum_of_units(frame, strata, units))
    outcomes = _joint(list(parts), chosen, units, blocks, sample.cluster is None)
    return table_of(outcomes, level)


def _stratum_of_units(frame: pd.DataFrame, strata: str | None, units: IntArray) -> IntArray | None:
    if strata is None:
        return None
    if strata not in frame.columns:
        raise ValueError(f"The strata column “{strata}” is not in the data.")
    codes = pd.factorize(frame[strata], use_na_sentinel=False)[0].astype(np.int64)
    of_unit = np.zeros(int(units.max()) + 1 if len(units) else 0, dtype=np.int64)
    of_unit[units] = codes
    if not np.array_equal(of_unit[units], codes):
        raise ValueError("A cluster lies in more than one stratum.")
    return of_unit


def _blocks(
    seed: int,
    units: IntArray,
    resamples: int,
    weights: FloatArray | None,
    strata: IntArray | None,
) -> Iterator[FloatArray]:
    if weights is not None:
        return iter([weights])
    if not len(units):
        return iter([])
    rng = generator(seed, "bootstrap")
    return stratified_weights(rng, int(units.max()) + 1, resamples, strata)


def _joint(
    parts: list[tuple[str, IntArray, Scored]],
    chosen: list[Metric],
    units: IntArray,
    blocks: Iterator[FloatArray],
    independent: bool,
) -> list[Outcome]:
    cells = [
        (metric, name, part, positives, _obstacle(part, metric, positives), units[rows])
        for name, rows, part in parts
        for positives in [part.positives]
        for metric in chosen
    ]
    statistics = [
        None if reason else units_of(part, metric, own, whole=independent)
        for metric, _, part, _, reason, own in cells
    ]
    boots = resampled(statistics, blocks, independent)
    return [
        Outcome(metric, name, part.n, positives, boot, reason)
        for (metric, name, part, positives, reason, _), boot in zip(cells, boots, strict=True)
    ]


def _independent_rows(
    part: Scored, chosen: list[Metric], name: str, seed: int, resamples: int
) -> Iterator[Outcome]:
    if part.n <= FEW_ROWS:
        units = np.arange(part.n)
        rng = generator(seed, "bootstrap", name)
        blocks = stratified_weights(rng, part.n, resamples, None) if part.n else iter([])
        yield from _joint([(name, units, part)], chosen, units, blocks, True)
        return
    ladders: dict[str, Ladder] = {}
    positives = part.positives
    for metric in chosen:
        reason = _obstacle(part, metric, positives)
        rng = generator(seed, metric.key, name)
        boot = None if reason else _from_cells(part, metric, ladders, rng, resamples)
        yield Outcome(metric, name, part.n, positives, boot, reason)


def _obstacle(part: Scored, metric: Metric, positives: int | None) -> Reason:
    reason = part.obstacle(metric.needs)
    if not reason and metric.kind is Kind.AUC and positives in (0, part.n):
        return Reason.ONE_CLASS
    return reason


def _from_cells(
    part: Scored,
    metric: Metric,
    ladders: dict[str, Ladder],
    rng: np.random.Generator,
    resamples: int,
) -> Bootstrap:
    if metric.kind in (Kind.MEAN, Kind.QUANTILE):
        source = column_of(metric) or metric.key
        if source not in ladders:
            ladders[source] = Ladder(np.sort(metric.items(part)[0]))
        if metric.kind is Kind.QUANTILE:
            return quantile_bootstrap(ladders[source], metric.quantile, rng, resamples)
        return mean_cells(ladders[source]).bootstrap(rng, resamples)
    return _counted(part, metric).bootstrap(rng, resamples)


def column_of(metric: Metric) -> str | None:
    """The column whose values the metric takes as they are; such metrics share the sorting."""
    if len(metric.needs) != 1 or metric.eligible is not None:
        return None
    nothing = np.empty(0)
    values = metric.values(Scored({metric.needs[0]: nothing}, None, 0))
    return metric.needs[0] if values is nothing else None


def _counted(part: Scored, metric: Metric) -> Cells:
    if metric.kind is Kind.PROPORTION:
        values, _ = metric.items(part)
        return rate_cells(int(values.sum()), len(values), part.n)
    if metric.kind is Kind.RATIO:
        counts = np.bincount(part.confusion, minlength=4).astype(np.float64)
        return ratio_cells(metric, counts)
    if metric.kind is Kind.CALIBRATION_ERROR:
        cells = cell_of(part)
        sizes = np.bincount(cells, minlength=CELLS).astype(np.float64)
        return calibration_error_cells(sizes, columns_of(part, cells, CELLS))
    return _area(part)


def _area(part: Scored) -> Cells:
    scores, positive = _sorted_scores(part["score"], part["label"] == 1)
    starts = np.concatenate([[0], np.flatnonzero(scores[1:] != scores[:-1]) + 1])
    positives = np.add.reduceat(positive, starts, dtype=np.float64)
    sizes = np.diff(starts, append=len(scores))
    return area_cells(sizes - positives, positives)


def _sorted_scores(scores: FloatArray, positive: BoolArray) -> tuple[np.ndarray, np.ndarray]:
    """Scores (or whole numbers in the same order) ascending, and which of them are positive."""
    if scores.min() < 0:
        order = np.argsort(scores)
        return scores[order], positive[order]
    # Without a sign the label fits into the same 64 bits, and a plain sort is far faster.
    keys = (np.abs(scores).view(np.uint64) << np.uint64(1)) | positive
    keys.sort()
    return keys >> np.uint64(1), keys & np.uint64(1)


def table_of(outcomes: Sequence[Outcome], level: float) -> EstimateTable:
    """The intervals of each outcome, or the reason why there is none."""
    rows = [_estimate(outcome, level) for outcome in outcomes]
    draws = tuple(np.empty(0) if o.boot is None else o.boot.draws for o in outcomes)
    return EstimateTable(tuple(row for row, _ in rows), draws, tuple(plain for _, plain in rows))


def _estimate(outcome: Outcome, level: float) -> tuple[Estimate, Interval | None]:
    metric, slice, n, positives, boot, reason = outcome
    if boot is None:
        positives = positives if reason is Reason.ONE_CLASS else None
        return Estimate(metric.key, slice, None, None, n, positives, reason), None
    if not np.isfinite(boot.value):
        one_class = positives in (0, n)
        reason = Reason.ONE_CLASS if one_class else Reason.UNDEFINED
        return Estimate(metric.key, slice, None, None, n, positives, reason), None
    if not boot.usable or boot.constant or boot.scarce or _past_the_data(metric, n, level):
        reason = Reason.TOO_FEW
        return Estimate(metric.key, slice, boot.value, None, n, positives, reason), None
    interval = boot.interval(level)
    return Estimate(metric.key, slice, boot.value, interval, n, positives), boot.percentile(level)


def _past_the_data(metric: Metric, n: int, level: float) -> bool:
    """Whether the interval of a quantile would need more extreme values than n rows show."""
    if metric.kind is not Kind.QUANTILE:
        return False
    tail = (1 - level) / 2
    low, high = (stats.binom.ppf(at, n, metric.quantile) for at in (tail, 1 - tail))
    return bool(low < 1 or high + 1 > n)
