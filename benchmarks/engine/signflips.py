"""The sign-flip permutation test of paired differences, and when t may stand beside it.

Under no difference each unit's difference could as well have had the other sign (Fisher 1935).
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from benchmarks.engine.draws import BLOCK_CELLS
from benchmarks.engine.scored import FloatArray

# Above this many units t is checked only if a single unit carries much of the spread.
CHECKED_UNITS = 500
HEAVY_UNIT = 0.02
MONTE_CARLO_ERRORS = 3.0
# Units whose signs share one random byte.
TOGETHER = 8


def needs_check(units: FloatArray) -> bool:
    squares = units**2
    total = float(squares.sum())
    return len(units) <= CHECKED_UNITS or float(squares.max()) > HEAVY_UNIT * total


def sign_flips(units: FloatArray, rng: np.random.Generator, flips: int) -> tuple[float, float]:
    """Two-sided p and its Monte Carlo error; every flip is tried where there are few enough.

    The given signs count as one of the flips, so that p is never 0.
    """
    n = len(units)
    observed = abs(float(units.sum())) * (1 - 1e-12)
    if 2**n <= flips:
        signs = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
        return float((np.abs(signs @ units) >= observed).mean()), 0.0
    sums = _sums_of_signs(units)
    groups = np.arange(len(sums))
    exceeding = 0
    rows = max(1, BLOCK_CELLS // len(sums))
    for done in range(0, flips, rows):
        size = (min(rows, flips - done), len(sums))
        signs = rng.integers(0, 1 << TOGETHER, size=size, dtype=np.uint8)
        exceeding += int((np.abs(sums[groups, signs].sum(axis=1)) >= observed).sum())
    p_value = (exceeding + 1) / (flips + 1)
    return p_value, sqrt(p_value * (1 - p_value) / flips)


def _sums_of_signs(units: FloatArray) -> FloatArray:
    """Sum of each eight units under each of their 256 signs (groups × 256).

    One random byte then flips eight units exactly, for the cost of one look into a table.
    """
    groups = np.zeros((-(-len(units) // TOGETHER), TOGETHER))
    groups.ravel()[: len(units)] = units
    signs = 1 - 2 * (np.arange(1 << TOGETHER)[:, None] >> np.arange(TOGETHER) & 1)
    return np.asarray(groups @ signs.T)


def checked(
    p_value: float, units: FloatArray, rng: np.random.Generator, flips: int
) -> tuple[float, bool]:
    """The p of t, or that of the permutation where t differs from it by more than chance."""
    if not needs_check(units):
        return p_value, False
    permuted, error = sign_flips(units, rng, flips)
    step = 2 / min(flips, 2.0 ** min(len(units), 60))
    if abs(permuted - p_value) <= MONTE_CARLO_ERRORS * error + step:
        return p_value, False
    return permuted, True
