"""Independent rows in few cells: what a metric needs is how many rows of each cell are drawn.

Exact: shares and ratios of counts (multinomial draws), and the bootstrap law of a quantile (two
neighbouring uniform order statistics, by Beta draws). Approximate, within bounds that the tests
hold: a mean from 32 cells of about equal share in rows and in spread, and the ROC area from 48
score cells of about equal share in rows and in placements, both stretched to the exact variance
(skewness within 5 %); the calibration error from 30 cells of bin and label, each with its mean
departure (loses under 1 % of the variance).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, sqrt

import numpy as np

from benchmarks.engine.calibration_error import calibration_error, drawn_calibration_error
from benchmarks.engine.draws import Bootstrap, cell_counts, collect
from benchmarks.engine.formulas import Metric
from benchmarks.engine.scored import FloatArray, IntArray

MEAN_CELLS = 32
AREA_CELLS = 48
# Finer than any cell and coarse enough to forget how many distinct scores there are.
MOST_RUNGS = 4096
# Multinomial draws cost less than Poisson counts up to this many cells.
FEW_CELLS = 4
SMALLEST = float(np.finfo(np.float64).tiny)

Statistic = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of exchangeable rows, what one row of each adds up to, and the metric of the totals.

    Without a `table` the totals are the counts of the cells. Where the cells only come near the
    rows, `value` is the metric of the rows and `stretch` the ratio of the two standard errors.
    """

    sizes: FloatArray
    table: FloatArray | None
    finish: Statistic
    drawn: Statistic | None = None
    value: float | None = None
    stretch: float = 1.0

    def bootstrap(self, rng: np.random.Generator, resamples: int) -> Bootstrap:
        own = float(self._of(self.sizes[None, :], self.finish)[0])
        value = own if self.value is None else self.value
        present = self.sizes > 0
        left_out = (self.sizes - np.eye(len(self.sizes)))[present]
        draws = self._of(self._counts(rng, resamples), self.drawn or self.finish)
        draws = value + (draws - own) * self.stretch
        return collect(value, draws, self._of(left_out, self.finish), self.sizes[present])

    def _counts(self, rng: np.random.Generator, resamples: int) -> FloatArray:
        if len(self.sizes) > FEW_CELLS:
            return cell_counts(self.sizes, rng, resamples)
        n = int(self.sizes.sum())
        return rng.multinomial(n, self.sizes / n, size=resamples).astype(np.float64)

    def _of(self, counts: FloatArray, statistic: Statistic) -> FloatArray:
        return statistic(counts if self.table is None else counts @ self.table)


def quotient(totals: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(totals[..., 0] / totals[..., 1])


def ranked_area(counts: FloatArray) -> FloatArray:
    """ROC area from counts of negatives, then of positives, in cells of ascending score."""
    down, up = np.split(counts, 2, axis=-1)
    below = np.cumsum(down, axis=-1)
    positives, negatives = up.sum(axis=-1), below[..., -1].copy()
    below -= down / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.einsum("ij,ij->i", up, below) / (positives * negatives))


def rate_cells(hits: int, eligible: int, n: int) -> Cells:
    """A share of the eligible rows; exact."""
    sizes = np.array([hits, eligible - hits, n - eligible], dtype=np.float64)
    return Cells(sizes, np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]), quotient)


def ratio_cells(metric: Metric, counts: FloatArray) -> Cells:
    """A function of the confusion counts; exact."""
    return Cells(counts, None, metric.of_counts)


@dataclass(frozen=True, eq=False)
class Ladder:
    """Values in ascending order, each `counts` times (once where None)."""

    values: FloatArray
    counts: FloatArray | None = None

    @property
    def n(self) -> int:
        return len(self.values) if self.counts is None else int(self.counts.sum())

    def at(self, ranks: IntArray) -> FloatArray:
        if self.counts is None:
            return self.values[ranks]
        return self.values[np.searchsorted(np.cumsum(self.counts), ranks, side="right")]

    def quantile(self, share: float) -> float:
        """Linear between the two neighbouring ranks."""
        height = (self.n - 1) * share
        rank = floor(height)
        low, high = self.at(np.array([rank, min(rank + 1, self.n - 1)]))
        return float(low + (height - rank) * (high - low))


def mean_cells(ladder: Ladder, value: float | None = None, cells: int = MEAN_CELLS) -> Cells:
    """A mean; each cell holds about an equal share of the rows and of their squared spread."""
    values, counts = ladder.values, ladder.counts
    n = ladder.n
    middle = float(values.mean() if counts is None else counts @ values / n)
    share = values - middle
    share *= share
    if counts is not None:
        share *= counts
    squares = float(share.sum())
    share *= 0.5 / max(squares, SMALLEST)
    share += 0.5 / n if counts is None else counts * (0.5 / n)
    starts = _cuts(share, cells)
    sizes, sums = _at(starts, values, counts)
    means = sums / sizes
    between = float(sizes @ (means - middle) ** 2)
    if between > 0:
        # The spread inside the cells is given back to their means.
        means = middle + (means - middle) * sqrt(squares / between)
    return Cells(sizes, np.column_stack([means, np.ones(len(means))]), quotient, value=value)


def _at(
    starts: IntArray, values: FloatArray, counts: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    if counts is None:
        sizes = np.diff(starts, append=len(values)).astype(np.float64)
        return sizes, np.add.reduceat(values, starts)
    return np.add.reduceat(counts, starts), np.add.reduceat(values * counts, starts)


def area_cells(negatives: FloatArray, positives: FloatArray, cells: int = AREA_CELLS) -> Cells:
    """The ROC area from both classes' counts per distinct score (or fine bin), ascending."""
    value = float(ranked_area(np.concatenate([negatives, positives])[None, :])[0])
    rungs = np.arange(0, len(negatives), 1 + len(negatives) // MOST_RUNGS)
    sides = [np.add.reduceat(side, rungs) for side in (negatives, positives)]
    ladder = _Placements(*sides)
    starts = _cuts(ladder.share, cells)
    coarse = [np.add.reduceat(side, starts) for side in sides]
    stretch = sqrt(ladder.variance / _Placements(*coarse).variance) if ladder.variance else 1.0
    return Cells(np.concatenate(coarse), None, ranked_area, value=value, stretch=stretch)


class _Placements:
    """Share of the other class that each rung beats (DeLong 1988)."""

    def __init__(self, negatives: FloatArray, positives: FloatArray) -> None:
        sizes = [float(side.sum()) for side in (negatives, positives)]
        shares = [negatives / sizes[0], positives / sizes[1]]
        below = [np.cumsum(share) - share / 2 for share in shares]
        area = float(shares[1] @ below[0])
        departures = [1 - below[1] - area, below[0] - area]
        self.variance, self.share = 0.0, np.zeros(len(negatives))
        for share, departure, size in zip(shares, departures, sizes, strict=True):
            self.variance += float(share @ departure**2) / size
            part = share * np.abs(departure)
            self.share += share / 4 + part / (4 * max(float(part.sum()), SMALLEST))


def calibration_error_cells(sizes: FloatArray, table: FloatArray) -> Cells:
    """The debiased calibration error from cells of bin and label."""
    return Cells(sizes, table, calibration_error, drawn_calibration_error)


def _cuts(share: FloatArray, cells: int) -> IntArray:
    """Where a new cell starts, so that each holds about 1/cells of the share."""
    upto = np.cumsum(share)
    starts = np.searchsorted(upto, upto[-1] * np.arange(1, cells) / cells)
    return np.unique(np.concatenate([[0], starts]))


def quantile_bootstrap(
    ladder: Ladder, share: float, rng: np.random.Generator, resamples: int
) -> Bootstrap:
    """The exact bootstrap law of a quantile; acceleration from its influence function.

    The resampled rank r is the value at ⌊U n⌋ for the r-th of n uniform order statistics.
    """
    n = ladder.n
    height = (n - 1) * share
    rank = floor(height)
    first = rng.beta(rank + 1, n - rank, resamples)
    second = first
    if rank + 1 < n:
        second = first + (1 - first) * rng.beta(1, n - rank - 1, resamples)
    low, high = (
        ladder.at(np.minimum((side * n).astype(np.int64), n - 1)) for side in (first, second)
    )
    left_out = np.array([1 - share, -share])
    multiplicity = n * np.array([share, 1 - share])
    draws = low + (height - rank) * (high - low)
    return collect(ladder.quantile(share), draws, left_out, multiplicity)
