"""How small an effect the data could have found, and how many items the margin needs."""

from __future__ import annotations

from math import ceil, inf, sqrt

from scipy import optimize, special

POWER = 0.80
_Z_SIZE = float(special.ndtri(0.975))
Z_POWER = float(special.ndtri(POWER))
# Standard errors that a two-sided 5 % test needs for 80 % power: 2.80.
ERRORS_NEEDED = _Z_SIZE + Z_POWER


def detectable_from_error(error: float) -> float | None:
    """Smallest difference found, for an estimate that is nearly normal."""
    return ERRORS_NEEDED * error if 0 < error < inf else None


def needed_from_error(error: float, n: int, margin: float | None) -> int | None:
    """Items that would find the margin, the error shrinking with the root of n."""
    if not margin or not 0 < error < inf:
        return None
    return ceil(n * (ERRORS_NEEDED * error / margin) ** 2)


def needed_pairs(discordant_share: float, difference: float) -> float:
    """Pairs that McNemar's test needs for a difference at this share of discordant pairs."""
    share = max(discordant_share, difference)
    root = _Z_SIZE * sqrt(share) + Z_POWER * sqrt(max(0.0, share - difference**2))
    return (root / difference) ** 2


def detectable_pairs(discordant: int, n: int) -> float | None:
    """Smallest paired difference found; none seen still leaves room for one discordant pair."""
    if n == 0 or needed_pairs(1.0, 1.0) > n:
        return None
    share = max(discordant, 1) / n
    return float(optimize.brentq(lambda e: needed_pairs(share, e) - n, 1e-9, 1.0, xtol=1e-9))


def needed_for_margin(discordant: int, n: int, margin: float | None) -> int | None:
    if not margin or n == 0:
        return None
    return ceil(needed_pairs(max(discordant, 1) / n, min(margin, 1.0)))
