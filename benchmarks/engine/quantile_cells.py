"""Smooth quantiles of many pairs, resampled through the shares that their cells close.

Of many rows a quantile reaches only those within some standard errors of its rank, and rows
within a small part of one stand for each other (`Window.cell`). What a resample says of them is
how many of its rows lie up to the end of each cell, on both sides. These counts are binomial and
correlated as the rows' own places say; they are drawn together as normal variables bent to each
one's skewness (Cornish and Fisher 1938), so that a draw costs the same whatever the rows are.
"""

from __future__ import annotations

import numpy as np

from benchmarks.engine.quantile_windows import Window, harrell_davis
from benchmarks.engine.scored import FloatArray, IntArray
from benchmarks.engine.slices import BoolArray

# Keeps rounding from making a correlation matrix indefinite; draws change by 3e-5 of their error.
RIDGE = 1e-9


def celled_draws(
    candidate: Window, baseline: Window, rng: np.random.Generator, resamples: int
) -> FloatArray:
    """Resampled smooth quantiles of both sides of the same rows (resamples × 2)."""
    both = _closed_together(candidate.places, baseline.places)
    # The end of the last cell moves nothing.
    inner = [slice(1, len(window.starts)) for window in (candidate, baseline)]
    first, second = both[inner[0], -1], both[-1, inner[1]]
    joint = both[inner[0], inner[1]]
    twins = (joint == first[:, None]) & (joint == second)
    shares = _drawn_shares(first, second, joint, twins, candidate.size, rng, resamples)
    return np.column_stack(
        [
            harrell_davis(share, window.means, window.quantile, window.size)
            for share, window in zip(shares, (candidate, baseline), strict=True)
        ]
    )


def _closed_together(first: IntArray, second: IntArray) -> IntArray:
    """How many rows lie up to the end of a cell on the one and up to one on the other side."""
    shape = int(first.max()) + 1, int(second.max()) + 1
    counts = np.bincount(first * shape[1] + second, minlength=shape[0] * shape[1])
    return np.asarray(counts.reshape(shape).cumsum(axis=0).cumsum(axis=1))


def _drawn_shares(
    first: IntArray,
    second: IntArray,
    joint: IntArray,
    twins: BoolArray,
    n: int,
    rng: np.random.Generator,
    resamples: int,
) -> tuple[FloatArray, FloatArray]:
    """Shares that the ends close in each resample; ends that close the same rows are one end."""
    own = np.flatnonzero(~twins.any(axis=0))
    joint = joint[:, own]
    counts = np.concatenate([first, second[own]])
    together = np.block(
        [[np.minimum.outer(first, first), joint],
         [joint.T, np.minimum.outer(second[own], second[own])]]
    )  # fmt: skip
    share = counts / n
    covariance = together / n - np.outer(share, share)
    error = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(error, error)
    root = np.linalg.cholesky(correlation + RIDGE * np.eye(len(counts)))
    drawn = rng.standard_normal((resamples, len(counts))) @ root.T
    skewness = (1 - 2 * share) / (error * np.sqrt(n))
    bend = np.square(drawn)
    bend -= 1
    bend *= skewness / 6
    drawn += bend
    drawn *= error / np.sqrt(n)
    drawn += share
    column = np.where(twins.any(axis=0), twins.argmax(axis=0), 0)
    column[own] = len(first) + np.arange(len(own))
    # Both are copies of one shape, so that equal shares give equal quantiles to the last bit.
    return drawn.take(np.arange(len(first)), axis=1), drawn.take(column, axis=1)
