"""Intervals from summary numbers: one rate, two rates, means with or without clusters."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from scipy import special, stats

from benchmarks.engine.scored import FloatArray, IntArray
from benchmarks.engine.values import Interval


def normal_quantile(level: float) -> float:
    """The z of a two-sided interval of this level."""
    return float(special.ndtri((1 + level) / 2))


def wilson(successes: float, n: float, level: float) -> tuple[float, float]:
    """Score interval of one rate (Wilson 1927)."""
    z = normal_quantile(level)
    rate = successes / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def square_and_add(
    first: tuple[float, float, float],
    second: tuple[float, float, float],
    correlation: float = 0.0,
) -> tuple[float, float]:
    """Interval of first − second from (value, low, high) of each (Newcombe 1998, method 10)."""
    (p1, l1, u1), (p2, l2, u2) = first, second
    difference = p1 - p2
    below = (p1 - l1) ** 2 + (u2 - p2) ** 2 - 2 * correlation * (p1 - l1) * (u2 - p2)
    above = (u1 - p1) ** 2 + (p2 - l2) ** 2 - 2 * correlation * (u1 - p1) * (p2 - l2)
    return difference - sqrt(max(0.0, below)), difference + sqrt(max(0.0, above))


def newcombe(
    candidate: tuple[float, float], baseline: tuple[float, float], level: float
) -> tuple[float, float]:
    """Interval of the difference of two independent rates, each as (successes, n)."""
    first, second = ((hits / n, *wilson(hits, n, level)) for hits, n in (candidate, baseline))
    return square_and_add(first, second)


def newcombe_paired(
    both: float, lost: float, gained: float, neither: float, level: float
) -> tuple[float, float]:
    """Interval of candidate − baseline from the paired table (Newcombe 1998, method 10)."""
    n = both + lost + gained + neither
    baseline, candidate = both + lost, both + gained
    product = baseline * (n - baseline) * candidate * (n - candidate)
    cross = both * neither - lost * gained
    # Newcombe's continuity correction: only a positive association is shrunk.
    corrected = max(cross - n / 2, 0.0) if cross > 0 else cross
    correlation = corrected / sqrt(product) if product > 0 else 0.0
    return square_and_add(
        (candidate / n, *wilson(candidate, n, level)),
        (baseline / n, *wilson(baseline, n, level)),
        correlation,
    )


def unit_sums(values: FloatArray, clusters: IntArray | None) -> FloatArray:
    """One number per unit of independence: the value, or the sum over its cluster."""
    if clusters is None:
        return values
    present = np.bincount(clusters) > 0
    return np.bincount(clusters, weights=values)[present].astype(np.float64)


@dataclass(frozen=True)
class Mean:
    """A mean (or ratio of cluster sums) with its variance; `df` is inf for large samples."""

    value: float
    variance: float
    df: float
    units: int

    @property
    def error(self) -> float:
        return sqrt(self.variance)

    def interval(self, level: float) -> tuple[float, float]:
        half = float(stats.t.ppf((1 + level) / 2, self.df)) * self.error
        return self.value - half, self.value + half

    @property
    def p_value(self) -> float:
        if self.variance == 0:
            # Sign flips of `units` equal differences: the smallest p that they can give.
            return 1.0 if self.value == 0 else 2.0 ** (1 - min(self.units, 1000))
        return float(2 * stats.t.sf(abs(self.value) / self.error, self.df))


def mean_of(values: FloatArray, clusters: IntArray | None) -> Mean:
    """Mean with its variance; clusters by linearising the ratio of sums (Cochran 1977, 6.3)."""
    if clusters is None:
        n = len(values)
        spread = float(values.var(ddof=1)) if n > 1 else inf
        spread = 0.0 if n > 1 and np.ptp(values) == 0 else spread
        return Mean(float(values.mean()), spread / n, n - 1, n)
    sizes = np.bincount(clusters).astype(np.float64)
    sums = np.bincount(clusters, weights=values)
    present = sizes > 0
    sizes, sums = sizes[present], sums[present]
    groups = len(sizes)
    value = float(sums.sum() / sizes.sum())
    if groups < 2:
        return Mean(value, inf, 0, groups)
    residual = sums - value * sizes
    variance = 0.0 if np.ptp(values) == 0 else float(residual @ residual)
    variance *= groups / (groups - 1) / float(sizes.sum()) ** 2
    return Mean(value, variance, groups - 1, groups)


def difference_of(candidate: Mean, baseline: Mean) -> Mean:
    """Welch's difference of two independent means."""
    variance = candidate.variance + baseline.variance
    parts = [m.variance**2 / m.df for m in (candidate, baseline) if m.df > 0 and m.variance < inf]
    df = variance**2 / sum(parts) if sum(parts) > 0 and variance < inf else inf
    return Mean(
        candidate.value - baseline.value, variance, df, min(candidate.units, baseline.units)
    )


def rate_interval(values: FloatArray, clusters: IntArray | None, level: float) -> Interval | None:
    """Interval of a rate from its 0/1 values; None when one cluster is all there is."""
    n, hits = len(values), float(values.sum())
    if clusters is None:
        return Interval(*wilson(hits, n, level), level, "wilson")
    part = mean_of(values, clusters)
    if part.units < 2:
        return None
    if part.variance == 0:
        # All right or all wrong: each cluster counts as one item, or certainty would be invented.
        low, high = wilson(part.value * part.units, part.units, level)
        return Interval(low, high, level, "wilson over clusters")
    low, high = part.interval(level)
    return Interval(max(0.0, low), min(1.0, high), level, "cluster-robust t")


def order_statistics(
    values: FloatArray, quantile: float, level: float, clusters: IntArray | None
) -> Interval:
    """Distribution-free interval of a quantile; an end that no item reaches is missing."""
    n = len(values)
    low, high = order_ranks(values, quantile, level, clusters)
    reached = [rank - 1 for rank in (low, high) if 1 <= rank <= n]
    ordered = np.partition(values, reached) if reached else values
    return Interval(
        float(ordered[low - 1]) if low >= 1 else None,
        float(ordered[high - 1]) if high <= n else None,
        level,
        "order statistics",
    )


def order_ranks(
    values: FloatArray, quantile: float, level: float, clusters: IntArray | None
) -> tuple[int, int]:
    """Ranks, from 1 to n, of the items at the ends; below 1 or above n where no item is there."""
    if clusters is not None:
        return _clustered_ranks(values, quantile, level, clusters)
    tail, n = (1 - level) / 2, len(values)
    return (
        int(stats.binom.ppf(tail, n, quantile)),
        int(stats.binom.ppf(1 - tail, n, quantile)) + 1,
    )


def _clustered_ranks(
    values: FloatArray, quantile: float, level: float, clusters: IntArray
) -> tuple[int, int]:
    """Ranks from the cluster-robust interval of the share below the quantile (Woodruff 1952)."""
    below = (values <= np.quantile(values, quantile)).astype(np.float64)
    part = mean_of(below, clusters)
    n = len(values)
    if part.units < 2 or part.variance == 0:
        return 0, n + 1
    half = float(stats.t.ppf((1 + level) / 2, part.df)) * part.error
    return int(np.floor(n * (quantile - half))), int(np.ceil(n * (quantile + half))) + 1
