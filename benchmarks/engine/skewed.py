"""Means whose units are too skewed for t: the BCa bootstrap over units instead (Efron 1987)."""

from __future__ import annotations

from math import sqrt

import numpy as np

from benchmarks.engine.draws import Bootstrap, collect, unit_weights
from benchmarks.engine.intervals import unit_sums
from benchmarks.engine.scored import FloatArray, IntArray
from benchmarks.engine.values import Interval

# Cochran (1977, 2.15): t covers well once n exceeds 25 squared skewnesses.
COCHRAN = 25.0
# A sample's skewness beyond this many standard errors is not chance.
SKEW_ERRORS = 3.0
# BCa corrects an error of order 1/n with quantities that fewer units cannot tell.
FEWEST_UNITS = 20


def sums_and_sizes(values: FloatArray, clusters: IntArray | None) -> tuple[FloatArray, FloatArray]:
    """Sum and number of items per unit of independence."""
    return unit_sums(values, clusters), unit_sums(np.ones(len(values)), clusters)


def is_skewed(sums: FloatArray, sizes: FloatArray) -> bool:
    """Whether t's tails are wrong for the mean of these units."""
    n = len(sums)
    residual = sums - sums.sum() / sizes.sum() * sizes
    squares = residual * residual
    spread = float(squares.mean())
    if n < FEWEST_UNITS or spread == 0:
        return False
    skewness = float(squares @ residual) / n / spread**1.5
    return abs(skewness) > SKEW_ERRORS * sqrt(6 / n) and n < COCHRAN * skewness**2


def mean_bootstrap(
    sums: FloatArray, sizes: FloatArray, rng: np.random.Generator, resamples: int
) -> Bootstrap:
    """Resampled units; the tails are widened as t's are (Hesterberg 2015)."""
    blocks = unit_weights(rng, len(sums), resamples)
    draws = np.concatenate([(weights @ sums) / (weights @ sizes) for weights in blocks])
    total, items = float(sums.sum()), float(sizes.sum())
    left_out = (total - sums) / (items - sizes)
    return collect(total / items, draws, left_out, np.ones(len(sums)), len(sums))


def skewed_interval(
    values: FloatArray,
    clusters: IntArray | None,
    level: float,
    rng: np.random.Generator,
    resamples: int,
) -> Interval | None:
    """BCa interval of the mean; None where t serves."""
    sums, sizes = sums_and_sizes(values, clusters)
    if not is_skewed(sums, sizes):
        return None
    return mean_bootstrap(sums, sizes, rng, resamples).interval(level, "bootstrap over units")


def skewed_difference(
    candidate: tuple[FloatArray, IntArray | None],
    baseline: tuple[FloatArray, IntArray | None],
    level: float,
    rng: np.random.Generator,
    resamples: int,
) -> Interval | None:
    """BCa interval of the difference of two independent means; None where t serves both."""
    sides = [sums_and_sizes(*side) for side in (candidate, baseline)]
    if not any(is_skewed(*side) for side in sides):
        return None
    first, second = (mean_bootstrap(*side, rng, resamples) for side in sides)
    size = min(len(first.draws), len(second.draws))
    left_out = np.concatenate([first.left_out - second.value, first.value - second.left_out])
    boot = collect(
        first.value - second.value,
        first.draws[:size] - second.draws[:size],
        left_out,
        np.ones(len(left_out)),
        min(first.units, second.units),
    )
    return boot.interval(level, "bootstrap over units")
