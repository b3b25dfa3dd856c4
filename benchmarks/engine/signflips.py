"""The sign-flip permutation test of paired differences, and when t may stand beside it.

Under no difference each unit's difference could as well have had the other sign (Fisher 1935).
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from benchmarks.engine.scored import FloatArray

# Above this many units t is checked only if a single unit carries much of the spread.
CHECKED_UNITS = 500
HEAVY_UNIT = 0.02
MONTE_CARLO_ERRORS = 3.0
# Units whose signs share one random byte.
TOGETHER = 8
# Tables and bytes of so many groups stay small enough for the processor's cache.
GROUPS_AT_ONCE = 100


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
    exceeding = int((np.abs(_flipped(units, rng, flips)) >= observed).sum())
    p_value = (exceeding + 1) / (flips + 1)
    return p_value, sqrt(p_value * (1 - p_value) / flips)


def _flipped(units: FloatArray, rng: np.random.Generator, flips: int) -> FloatArray:
    """Σ of the units under so many random signs.

    A random byte flips eight units at once: their sums under its 256 signs are tabulated.
    """
    groups = np.zeros((-(-len(units) // TOGETHER), TOGETHER))
    groups.ravel()[: len(units)] = units
    signs = 1 - 2 * (np.arange(1 << TOGETHER) >> np.arange(TOGETHER)[:, None] & 1)
    total = np.zeros(flips)
    for at in range(0, len(groups), GROUPS_AT_ONCE):
        tables = groups[at : at + GROUPS_AT_ONCE] @ signs
        bytes_ = rng.integers(0, 1 << TOGETHER, size=(len(tables), flips), dtype=np.uint8)
        for table, row in zip(tables, bytes_.astype(np.intp), strict=True):
            total += table.take(row)
    return total


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
