"""Sequences for bounded values, exact at every sample size (Waudby-Smith and Ramdas 2024).

Unlike the normal mixture they need no first look and no estimate of the variance, only that
values lie between known ends, arrive in the given order, and keep their mean.
"""

from __future__ import annotations

from math import log
from typing import Literal

import numpy as np

from benchmarks.engine.scored import FloatArray
from benchmarks.engine.values import Interval

# Largest bets: a share of the bet that would lose everything.
BERNSTEIN_CAP = 0.5
BETTING_CAP = 0.5
# Means at which the betting form keeps a purse.
GRID = 1001
BLOCK = 4_000_000


def bounded_sequence(
    values: FloatArray,
    *,
    low: float,
    high: float,
    alpha: float = 0.05,
    method: Literal["betting", "bernstein"] = "betting",
) -> Interval:
    """Interval of the mean that may be looked at after every value; `values` in order.

    The difference of two rates over the same items lies between −1 and 1. Ends that the data
    did not move are missing. Raises ValueError for a value beyond the ends.
    """
    if len(values) and not (low <= values.min() and values.max() <= high):
        raise ValueError("A value lies outside the stated ends.")
    share = (np.asarray(values, dtype=np.float64) - low) / (high - low)
    name = "betting sequence" if method == "betting" else "empirical-bernstein sequence"
    if len(share) == 0:
        return Interval(None, None, 1 - alpha, name)
    ends = _betting(share, alpha) if method == "betting" else _bernstein(share, alpha)
    first, second = (low + (high - low) * end for end in ends)
    return Interval(
        first if ends[0] > 0 else None, second if ends[1] < 1 else None, 1 - alpha, name
    )


def _history(share: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance known before each value, started from half a value's worth of doubt."""
    n = len(share)
    count = np.arange(1, n + 1)
    mean = (0.5 + np.cumsum(share)) / (count + 1)
    variance = (0.25 + np.cumsum((share - mean) ** 2)) / (count + 1)
    return np.r_[0.5, mean[:-1]], np.r_[0.25, variance[:-1]]


def _bets(variance: FloatArray, alpha: float) -> FloatArray:
    """Bets that would be best for a normal mean looked at up to each time."""
    time = np.arange(1, len(variance) + 1)
    return np.asarray(np.sqrt(2 * log(2 / alpha) / (variance * time * np.log1p(time))))


def _bernstein(share: FloatArray, alpha: float) -> tuple[float, float]:
    mean, variance = _history(share)
    bets = np.minimum(_bets(variance, alpha), BERNSTEIN_CAP)
    cost = (-np.log1p(-bets) - bets) / 4 * 4 * (share - mean) ** 2
    staked = np.cumsum(bets)
    centre = np.cumsum(bets * share) / staked
    half = (log(2 / alpha) + np.cumsum(cost)) / staked
    # Every look's interval holds at once, so what they share holds too.
    low, high = float((centre - half).max()), float((centre + half).min())
    return (max(0.0, low), min(1.0, high)) if low <= high else _last(centre, half)


def _last(centre: FloatArray, half: FloatArray) -> tuple[float, float]:
    """The mean moved away from earlier looks: the latest interval is shown."""
    return max(0.0, float(centre[-1] - half[-1])), min(1.0, float(centre[-1] + half[-1]))


def capital(
    share: FloatArray, means: FloatArray, alpha: float, *, cap: float = BETTING_CAP
) -> FloatArray:
    """Largest purse so far of the hedged bets against each mean (shares and means in 0 to 1).

    A mean is refuted once its purse has reached 1/α.
    """
    bets = _bets(_history(share)[1], alpha)[:, None]
    gap = share[:, None] - means
    with np.errstate(divide="ignore"):
        up = np.log1p(np.minimum(bets, cap / means) * gap)
        down = np.log1p(-np.minimum(bets, cap / (1 - means)) * gap)
    purse = np.maximum(np.cumsum(up, axis=0), np.cumsum(down, axis=0)) - log(2)
    return np.asarray(np.exp(np.minimum(purse.max(axis=0), 700.0)))


def _betting(share: FloatArray, alpha: float) -> tuple[float, float]:
    grid = np.linspace(0, 1, GRID)[1:-1]
    parts = np.array_split(grid, 1 + len(share) * GRID // BLOCK)
    purses = np.concatenate([capital(share, part, alpha) for part in parts])
    alive = grid[purses < 1 / alpha]
    step = 1 / (GRID - 1)
    if len(alive) == 0:
        middle = float(share.mean())
        return max(0.0, middle - step), min(1.0, middle + step)
    # One grid step more on each side: means between two points are not refuted.
    return max(0.0, float(alive[0]) - step), min(1.0, float(alive[-1]) + step)
