"""Resamples of real units (rows, clusters, strata): one weight per unit, shared by all metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from scipy import sparse

from benchmarks.engine.calibration_error import (
    BINS,
    calibration_error,
    drawn_calibration_error,
    item_columns,
)
from benchmarks.engine.draws import BLOCK_CELLS, Bootstrap, collect, unit_weights
from benchmarks.engine.formulas import Metric
from benchmarks.engine.resampling_cells import Ladder, Statistic, quotient, ranked_area
from benchmarks.engine.scored import FloatArray, IntArray, Scored
from benchmarks.engine.slices import BoolArray
from benchmarks.engine.values import Kind

# Up to so many distinct scores each has a cell of its own; above, this many cells of equal size.
SCORE_CELLS = 2048
# Standard errors of the rank beyond which no resample's quantile falls (chance about 1e-9).
REACH = 6.0
Table = FloatArray | sparse.csr_array


@dataclass(frozen=True, eq=False)
class Units:
    """A statistic of the weighted sum of one row of columns per unit; `members` are the units."""

    members: IntArray
    table: Table
    finish: Statistic
    drawn: Statistic
    value: float
    influence: FloatArray | None = None  # stands for the leave-one-out values of a quantile

    def draws(self, weights: FloatArray) -> FloatArray:
        return self.drawn(weights[:, self.members] @ self.table)

    def bootstrap(self, draws: FloatArray, independent: bool) -> Bootstrap:
        left_out = self._left_out() if self.influence is None else self.influence
        own = float(self.finish(self._total)[0])
        units = inf if independent else len(self.members)
        return collect(
            self.value, draws + (self.value - own), left_out, np.ones(len(left_out)), units
        )

    @property
    def _total(self) -> FloatArray:
        return np.asarray(self.table.sum(axis=0), dtype=np.float64).reshape(1, -1)

    def _left_out(self) -> FloatArray:
        total, size = self._total, max(1, BLOCK_CELLS // self.table.shape[1])
        blocks = (self.table[at : at + size] for at in range(0, len(self.members), size))
        dense = (b.toarray() if sparse.issparse(b) else b for b in blocks)
        return np.concatenate([self.finish(total - block) for block in dense])


def units_of(part: Scored, metric: Metric, units: IntArray, *, whole: bool) -> Units:
    """The statistic of rows that belong to the given units; `whole`: any weights may come."""
    members, places = np.unique(units, return_inverse=True)
    ones = np.ones(part.n, dtype=np.int64)
    match metric.kind:
        case Kind.PROPORTION | Kind.MEAN:
            return _average(part, metric, members, places)
        case Kind.RATIO:
            rows = np.eye(4)[part.confusion]
            return summed(members, _added(rows, places, len(members)), metric.of_counts)
        case Kind.CALIBRATION_ERROR:
            return _calibration(part, members, places)
        case Kind.AUC:
            ranks = np.unique(part["score"], return_inverse=True)[1]
            return counted_area(members, places, ranks, part["label"] == 1, ones)
        case Kind.QUANTILE:
            counted = ones if metric.eligible is None else metric.eligible(part).astype(np.int64)
            values = metric.values(part)
            return counted_quantile(members, places, values, counted, metric.quantile, whole)
        case _:
            raise ValueError(f"“{metric.key}” has no sums to resample.")


def summed(
    members: IntArray, table: Table, finish: Statistic, drawn: Statistic | None = None
) -> Units:
    """A statistic of column sums."""
    total = np.asarray(table.sum(axis=0), dtype=np.float64).reshape(1, -1)
    return Units(members, table, finish, drawn or finish, float(finish(total)[0]))


def _added(rows: FloatArray, places: IntArray, number: int) -> FloatArray:
    columns = [np.bincount(places, weights=column, minlength=number) for column in rows.T]
    return np.column_stack(columns).astype(np.float64)


def _crossed(
    places: IntArray, columns: IntArray, counts: IntArray, shape: tuple[int, int]
) -> sparse.csr_array:
    return sparse.csr_array((counts.astype(np.float64), (places, columns)), shape=shape)


def _histogram(ranks: IntArray, counts: IntArray, number: int) -> FloatArray:
    return np.bincount(ranks, weights=counts, minlength=number).astype(np.float64)


def _average(part: Scored, metric: Metric, members: IntArray, places: IntArray) -> Units:
    values = metric.values(part)
    counted = np.ones(part.n)
    if metric.eligible is not None:
        counted = metric.eligible(part).astype(np.float64)
    rows = np.column_stack([values * counted, counted])
    return summed(members, _added(rows, places, len(members)), quotient)


def _calibration(part: Scored, members: IntArray, places: IntArray) -> Units:
    bins, columns = item_columns(part)
    rows = np.zeros((part.n, 3, BINS))
    rows[np.arange(part.n), :, bins] = columns
    table = _added(rows.reshape(part.n, 3 * BINS), places, len(members))
    return summed(members, table, calibration_error, drawn_calibration_error)


def counted_area(
    members: IntArray, places: IntArray, ranks: IntArray, positive: BoolArray, counts: IntArray
) -> Units:
    """The ROC area of `counts` rows of one unit, score rank (from 0) and class each."""
    distinct = int(ranks.max()) + 1
    sides = [_histogram(ranks[side], counts[side], distinct) for side in (~positive, positive)]
    exact = float(ranked_area(np.concatenate(sides)[None, :])[0])
    if distinct > SCORE_CELLS:
        share = (sides[0] / sides[0].sum() + sides[1] / sides[1].sum()) / 2
        cuts = np.minimum((np.cumsum(share) * SCORE_CELLS).astype(np.int64), SCORE_CELLS - 1)
        ranks, distinct = cuts[ranks], SCORE_CELLS
    shape = len(members), 2 * distinct
    table = _crossed(places, ranks + distinct * positive, counts, shape)
    return Units(members, table, ranked_area, ranked_area, exact)


def counted_quantile(
    members: IntArray,
    places: IntArray,
    values: FloatArray,
    counts: IntArray,
    share: float,
    whole: bool,
) -> Units:
    """The quantile of `counts` rows of one unit and value each; the reach bounds its columns."""
    distinct, ranks = np.unique(values, return_inverse=True)
    sizes = _histogram(ranks, counts, len(distinct))
    rungs = Ladder(distinct, sizes)
    value = rungs.quantile(share)
    below = counts * ((values <= value) - share)
    influence = np.bincount(places, weights=below, minlength=len(members)).astype(np.float64)
    if not whole:
        reach = REACH * float(np.sqrt(influence @ influence)) + 2
        upto, centre = np.cumsum(sizes), share * (rungs.n - 1)
        first = max(0, int(np.searchsorted(upto, centre - reach)) - 1)
        last = min(len(distinct), int(np.searchsorted(upto, centre + reach)) + 2)
        distinct, ranks = distinct[first:last], np.clip(ranks - first, 0, last - first - 1)
    table = _crossed(places, ranks, counts, (len(members), len(distinct)))
    finish = _weighted_quantile(distinct, share)
    return Units(members, table, finish, finish, value, influence)


def _weighted_quantile(values: FloatArray, share: float) -> Statistic:
    """Linear-interpolation quantile of each row of counts of ascending values."""

    def quantile(counts: FloatArray) -> FloatArray:
        upto = np.cumsum(counts, axis=1)
        heights = share * (upto[:, -1] - 1)
        ranks = np.floor(heights + 1e-9)
        low, high = (
            values[np.minimum((upto < rank[:, None] - 1e-6).sum(axis=1), len(values) - 1)]
            for rank in (ranks + 1, np.minimum(ranks + 2, upto[:, -1]))
        )
        return np.asarray(low + (heights - ranks) * (high - low))

    return quantile


def stratified_weights(
    rng: np.random.Generator, units: int, resamples: int, strata: IntArray | None
) -> Iterator[FloatArray]:
    """How often each unit is drawn, each stratum keeping its number of units."""
    if strata is None:
        yield from unit_weights(rng, units, resamples)
        return
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    size = max(1, BLOCK_CELLS // units)
    for done in range(0, resamples, size):
        rows = min(size, resamples - done)
        weights = np.empty((rows, units))
        for own in members:
            weights[:, own] = np.vstack(list(unit_weights(rng, len(own), rows)))
        yield weights


def resampled(
    statistics: Sequence[Units | None], blocks: Iterator[FloatArray], independent: bool
) -> list[Bootstrap | None]:
    """One pass over blocks of weights for all statistics."""
    drawn: list[list[FloatArray]] = [[] for _ in statistics]
    for weights in blocks:
        for kept, statistic in zip(drawn, statistics, strict=True):
            if statistic is not None:
                kept.append(statistic.draws(weights))
    return [
        None if statistic is None else statistic.bootstrap(np.concatenate(kept), independent)
        for kept, statistic in zip(drawn, statistics, strict=True)
    ]
