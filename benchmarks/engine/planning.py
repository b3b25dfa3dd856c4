"""What a comparison needs before it starts: detectable effects, items, and days per stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log, sqrt

import numpy as np
from scipy import optimize

from benchmarks.engine.power import ERRORS_NEEDED, Z_POWER, needed_pairs
from benchmarks.engine.quantiles import quantile_draws
from benchmarks.engine.scored import FloatArray
from benchmarks.engine.sequential import Mixture

LARGEST_N = 10**9


@dataclass(frozen=True)
class Traffic:
    """Items per day that carry a label or a measurement, of which the candidate gets a share."""

    items_per_day: float
    share: float = 1.0

    def __post_init__(self) -> None:
        if not (self.items_per_day > 0 and 0 < self.share <= 1):
            raise ValueError("Traffic is above 0, and the candidate's share above 0 and up to 1.")


@dataclass(frozen=True)
class StagePlan:
    """Items each side needs to find the margin with 80 % power, and the whole days they take.

    `sequential_items` allows for looking daily through a normal-mixture sequence tuned at them.
    """

    items: int
    days: int
    sequential_items: int
    sequential_days: int


def rates_error(rate: float, difference: float) -> float:
    """Error of the difference of two independent rates, for one item on each side."""
    second = min(max(rate + difference, 0.0), 1.0)
    return sqrt(rate * (1 - rate) + second * (1 - second))


def needed_rates(rate: float, difference: float) -> int:
    """Items on each side that find a difference of two independent rates."""
    _positive(abs(difference))
    return ceil(_needed_rates(rate, difference))


def detectable_rates(rate: float, n: int) -> float | None:
    """Smallest difference of two rates found with n items on each side; None if even 1 is not."""
    if n < needed_rates(rate, 1.0):
        return None
    return float(optimize.brentq(lambda d: _needed_rates(rate, d) - n, 1e-9, 1.0, xtol=1e-9))


def _needed_rates(rate: float, difference: float) -> float:
    # The less favourable direction counts: away from 0 and 1 a rate varies more.
    error = max(rates_error(rate, difference), rates_error(rate, -difference))
    return (ERRORS_NEEDED * error / difference) ** 2


def needed_exposure(rate: float, ratio: float, dispersion: float = 0.0) -> float:
    """Exposure on each side that finds a ratio of two event rates, on logs.

    `dispersion` is the negative binomial's α for items of exposure 1 (0 is Poisson).
    """
    _positive(rate)
    if not (ratio > 0 and ratio != 1):
        raise ValueError("The ratio to find is above 0 and not 1.")
    variance = 1 / rate + 1 / (rate * ratio) + 2 * dispersion
    return (ERRORS_NEEDED / log(ratio)) ** 2 * variance


def detectable_ratio(rate: float, exposure: float, dispersion: float = 0.0) -> float:
    """Smallest rise, as a ratio of event rates, found with this exposure on each side."""

    def excess(size: float) -> float:
        return needed_exposure(rate, float(np.exp(size)), dispersion) - exposure

    return float(np.exp(optimize.brentq(excess, 1e-6, 50.0)))


def needed_area(area: float, difference: float, positives_share: float, overlap: float) -> int:
    """Items that find a difference of two areas under the curve.

    The variance of one area is Hanley and McNeil's (1982) for many items; `overlap` is the
    correlation of the two areas (0 for different items).
    """
    _positive(abs(difference))
    if not (0 < positives_share < 1 and 0 <= overlap < 1 and 0 < area < 1):
        raise ValueError("Area and share lie between 0 and 1, the overlap from 0 to below 1.")
    first = (area / (2 - area) - area**2) / (1 - positives_share)
    second = (2 * area**2 / (1 + area) - area**2) / positives_share
    variance = 2 * (1 - overlap) * (first + second)
    n = ERRORS_NEEDED**2 * variance / difference**2
    return ceil(n)


def detectable_quantile(
    values: FloatArray, quantile: float, n: int, rng: np.random.Generator, resamples: int = 500
) -> float:
    """Smallest difference of a quantile found with n independent items on each side.

    The error is that of the quantile in resamples of the given values, scaled to n.
    """
    _positive(n)
    draws = quantile_draws([values], quantile, None, rng, resamples)[:, 0]
    error = float(draws.std(ddof=1)) * sqrt(len(values) / n)
    return ERRORS_NEEDED * error * sqrt(2)


def needed_quantile(
    values: FloatArray,
    quantile: float,
    margin: float,
    rng: np.random.Generator,
    resamples: int = 500,
) -> int:
    """Items on each side that find a margin on a quantile."""
    _positive(margin)
    n = len(values)
    return ceil(n * (detectable_quantile(values, quantile, n, rng, resamples) / margin) ** 2)


def plan_mean(margin: float, sd: float, traffic: Traffic, *, paired: bool = False) -> StagePlan:
    """Items and days for a margin on a mean; `sd` is of items, or of differences if paired."""
    _positive(margin)
    variance = sd**2 if paired else 2 * sd**2
    return _planned(ERRORS_NEEDED**2 * variance / margin**2, variance, margin, traffic)


def plan_rate(
    margin: float, rate: float, traffic: Traffic, *, discordant: float | None = None
) -> StagePlan:
    """Items and days for a margin on a rate; with a share of discordant pairs, for pairs."""
    _positive(margin)
    if discordant is None:
        error = max(rates_error(rate, margin), rates_error(rate, -margin))
        return _planned(_needed_rates(rate, margin), error**2, margin, traffic)
    share = max(discordant, margin)
    return _planned(needed_pairs(share, margin), share, margin, traffic)


def plan_stages(
    margin: float, rate: float, items_per_day: float, shares: Sequence[float]
) -> list[StagePlan]:
    """One plan per stage of a rollout, each with its share of the traffic."""
    return [plan_rate(margin, rate, Traffic(items_per_day, share)) for share in shares]


def _planned(needed: float, variance: float, margin: float, traffic: Traffic) -> StagePlan:
    sequential = _sequential(needed, variance, margin)
    per_day = traffic.items_per_day * traffic.share
    return StagePlan(ceil(needed), ceil(needed / per_day), sequential, ceil(sequential / per_day))


def _sequential(needed: float, variance: float, margin: float) -> int:
    """Items at which a sequence tuned for them has found the margin with 80 % chance."""

    def excess(n: float) -> float:
        reach = Mixture(0.05, n).widening(round(n)) + Z_POWER
        return reach * sqrt(variance / n) - margin

    high = max(needed, 2.0)
    while excess(high) > 0 and high < LARGEST_N:
        high *= 2
    return ceil(optimize.brentq(excess, max(needed / 2, 1.0), high, xtol=0.5))


def _positive(value: float) -> None:
    if not value > 0:
        raise ValueError("What is to be found must be above 0.")
