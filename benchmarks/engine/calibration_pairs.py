"""How far the debiased calibration error is from its truth, from pairs of items.

Its square is a sum over pairs of items that share a bin, a U-statistic of degree two. A resample
draws items twice and so counts noise that the data do not have: near a small error its draws
spread up to three times too far. Here the variance comes from the items' influences (Hájek's
projection), less the part of it that belongs to pairs and that influences count double
(Serfling 1980, section 5.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from scipy import stats

from benchmarks.engine.calibration_error import BINS, FEWEST_IN_BIN, bin_of
from benchmarks.engine.scored import FloatArray, IntArray, Scored

# The root is close to a line only where the square lies this many errors above 0.
FIRM = 2.0


@dataclass(frozen=True)
class PairSum:
    """The squared error as a sum over pairs; `influence` and `departure` are per item."""

    square: float
    influence: FloatArray
    share: FloatArray  # per bin: what a pair there adds for each product of departures
    bins: IntArray
    departure: FloatArray

    @property
    def root(self) -> float:
        return sqrt(max(self.square, 0.0))

    @property
    def slope(self) -> float:
        """How the root changes with the square."""
        return 1 / (2 * self.root)

    @cached_property
    def pairs(self) -> float:
        """Σ over pairs of items of the square of what a pair adds."""
        products = self.departure**2
        sums = np.bincount(self.bins, products, BINS)
        squares = np.bincount(self.bins, products**2, BINS)
        return float(self.share**2 @ (sums**2 - squares))

    @cached_property
    def variance(self) -> float:
        return _variance(self.influence, self.pairs)

    @property
    def firm(self) -> bool:
        return self.square > FIRM * sqrt(self.variance)


@dataclass(frozen=True)
class Shift:
    """Candidate − baseline: p from the squares, the roots' error where both are firm."""

    p_value: float
    error: float | None


def pair_sum(sample: Scored) -> PairSum | None:
    """None where no bin holds two items."""
    bins, departure = bin_of(sample["score"]), sample["label"] - sample["score"]
    n = np.bincount(bins, minlength=BINS).astype(np.float64)
    kept = n >= FEWEST_IN_BIN
    total = float(n[kept].sum())
    if not total:
        return None
    share = np.where(kept, 1 / (total * np.maximum(n - 1, 1)), 0.0)
    sums = np.bincount(bins, departure, BINS)
    squares = np.bincount(bins, departure**2, BINS)
    of_bin = share * (sums**2 - squares)
    mean = np.where(kept, of_bin / np.maximum(n, 1), 0.0)
    influence = 2 * share[bins] * departure * (sums[bins] - departure) - mean[bins]
    return PairSum(float(of_bin.sum()), influence - influence.mean(), share, bins, departure)


def paired_shift(baseline: PairSum, candidate: PairSum) -> Shift | None:
    """On the same items in the same order; None where nothing can vary."""
    shared = _shared_pairs(baseline, candidate)
    return _shift(
        baseline,
        candidate,
        lambda before, after: _variance(
            after * candidate.influence - before * baseline.influence,
            after**2 * candidate.pairs + before**2 * baseline.pairs - 2 * before * after * shared,
        ),
    )


def unpaired_shift(baseline: PairSum, candidate: PairSum) -> Shift | None:
    """Of two results that share no items; None where nothing can vary."""
    return _shift(
        baseline,
        candidate,
        lambda before, after: before**2 * baseline.variance + after**2 * candidate.variance,
    )


def _shift(
    baseline: PairSum, candidate: PairSum, variance: Callable[[float, float], float]
) -> Shift | None:
    """`variance` is that of the difference after scaling both squares."""
    spread = variance(1.0, 1.0)
    if spread <= 0:
        return None
    p_value = 2 * float(stats.norm.sf(abs(candidate.square - baseline.square) / sqrt(spread)))
    if not (baseline.firm and candidate.firm):
        return Shift(p_value, None)
    return Shift(p_value, sqrt(variance(baseline.slope, candidate.slope)))


def _shared_pairs(first: PairSum, second: PairSum) -> float:
    """Σ over pairs of items of the product of what they add on both sides."""
    cells = BINS * first.bins + second.bins
    product = first.departure * second.departure
    sums = np.bincount(cells, product, BINS**2)
    squares = np.bincount(cells, product**2, BINS**2)
    return float(np.outer(first.share, second.share).ravel() @ (sums**2 - squares))


def _variance(influence: FloatArray, pairs: float) -> float:
    """Of influences, less twice the pairs' own; half of it is left where only pairs matter."""
    plain = float(influence @ influence)
    return max(plain - 2 * pairs, plain / 2)
