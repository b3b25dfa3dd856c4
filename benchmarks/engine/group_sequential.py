"""Few looks at planned moments: O'Brien and Fleming's boundaries by spending (Lan and DeMets
1983), found by recursive integration (Armitage, McPherson and Rowe 1969).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt

import numpy as np
from scipy import optimize, special, stats

from benchmarks.engine.intervals import Mean
from benchmarks.engine.scored import FloatArray
from benchmarks.engine.values import Interval

POINTS = 801
# A boundary beyond this is never reached: the look spends less than any table shows.
NEVER = 8.0


def spent(fraction: float, alpha: float) -> float:
    """Share of a two-sided alpha that may be used up to this fraction of the information."""
    z = float(special.ndtri(1 - alpha / 4))
    return 4 * float(special.ndtr(-z / sqrt(fraction)))


def boundaries(fractions: Sequence[float], alpha: float = 0.05) -> list[float]:
    """The |z| that each look must exceed, for looks at these fractions of the information.

    Raises ValueError unless the fractions rise from above 0 to at most 1.
    """
    times = np.asarray(fractions, dtype=np.float64)
    if len(times) == 0 or times[0] <= 0 or times[-1] > 1 or not (np.diff(times) > 0).all():
        raise ValueError("The fractions of information rise from above 0 to at most 1.")
    found: list[float] = []
    used, last = 0.0, 0.0
    places, mass = np.zeros(1), np.ones(1)
    for time in times.tolist():
        total = spent(time, alpha)
        spread = sqrt(time - last)
        limit = _limit(places, mass, spread, sqrt(time), total - used)
        found.append(limit)
        following = np.linspace(-limit * sqrt(time), limit * sqrt(time), POINTS)
        density = stats.norm.pdf((following[:, None] - places) / spread) / spread @ mass
        places, mass = following, density * _weights(following)
        used, last = total, time
    return found


def _limit(
    places: FloatArray, mass: FloatArray, spread: float, root: float, allowance: float
) -> float:
    """The boundary whose crossing now, and not before, has the allowed chance."""

    def excess(limit: float) -> float:
        edge = limit * root
        beyond = special.ndtr((places - edge) / spread) + special.ndtr((-edge - places) / spread)
        return float(beyond @ mass) - allowance

    return NEVER if excess(NEVER) > 0 else float(optimize.brentq(excess, 0.0, NEVER, xtol=1e-10))


def _weights(points: FloatArray) -> FloatArray:
    """Simpson's rule on an odd number of equal steps."""
    weights = np.full(len(points), 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return weights * (points[1] - points[0]) / 3


def repeated_interval(part: Mean, look: int, limits: Sequence[float], alpha: float) -> Interval:
    """Interval at one of the planned looks, all of which hold at once (Jennison and Turnbull
    1989); `look` counts from 0. Both ends are missing while the error is not known.
    """
    if not 0 < part.variance < inf:
        return Interval(None, None, 1 - alpha, "group sequential")
    half = limits[look] * part.error
    return Interval(part.value - half, part.value + half, 1 - alpha, "group sequential")
