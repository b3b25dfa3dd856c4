"""Events per exposure: exact Poisson intervals and tests, negative binomial when overdispersed."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log, sqrt

import numpy as np
from scipy import optimize, special, stats

from benchmarks.engine.intervals import Mean, square_and_add, unit_sums
from benchmarks.engine.scored import FloatArray, IntArray

# A dispersion this improbable under Poisson calls for the negative binomial model.
DISPERSION_P = 0.05
LARGEST_DISPERSION = 1e3


@dataclass(frozen=True, eq=False)
class Events:
    """Events and exposure of each item, in the same order."""

    events: FloatArray
    exposure: FloatArray
    clusters: IntArray | None = None

    @property
    def total(self) -> float:
        return float(self.events.sum())

    @property
    def time(self) -> float:
        return float(self.exposure.sum())

    @property
    def rate(self) -> float:
        return self.total / self.time

    @property
    def is_countable(self) -> bool:
        """Whole numbers of events, and exposures above 0."""
        whole = (self.events >= 0).all() and (self.events == np.floor(self.events)).all()
        return bool(whole and (self.exposure > 0).all())


def garwood(events: float, exposure: float, level: float) -> tuple[float, float]:
    """Exact interval of a Poisson rate (Garwood 1936)."""
    tail = (1 - level) / 2
    low = special.gammaincinv(events, tail) if events > 0 else 0.0
    return float(low) / exposure, float(special.gammaincinv(events + 1, 1 - tail)) / exposure


def rate_difference(candidate: Events, baseline: Events, level: float) -> tuple[float, float]:
    """Candidate − baseline from each side's exact interval, also without any event."""
    after, before = (
        (side.rate, *garwood(side.total, side.time, level)) for side in (candidate, baseline)
    )
    return square_and_add(after, before)


def exact_p(candidate: Events, baseline: Events) -> float:
    """Two-sided p of equal rates given the sum of events: twice the smaller binomial tail."""
    total = round(candidate.total + baseline.total)
    if total == 0:
        return 1.0
    share = candidate.time / (candidate.time + baseline.time)
    hits = round(candidate.total)
    tails = stats.binom.cdf(hits, total, share), stats.binom.sf(hits - 1, total, share)
    return min(1.0, 2 * float(min(tails)))


def exact_ratio(
    candidate: Events, baseline: Events, level: float
) -> tuple[float | None, float | None]:
    """Interval of the rate ratio from Clopper and Pearson's interval of the candidate's share."""
    hits, misses = candidate.total, baseline.total
    scale, tail = baseline.time / candidate.time, (1 - level) / 2
    low = special.betaincinv(hits, misses + 1, tail) if hits > 0 else 0.0
    high = special.betaincinv(hits + 1, misses, 1 - tail) if misses > 0 else 1.0
    return (
        float(low / (1 - low)) * scale if low < 1 else None,
        float(high / (1 - high)) * scale if high < 1 else None,
    )


def dispersion_p(*sides: Events) -> float:
    """Chance of a dispersion as large under Poisson (Pearson's chi-square around each rate)."""
    square, freedom = 0.0, 0
    for side in sides:
        expected = side.rate * side.exposure
        if side.total > 0:
            square += float(((side.events - expected) ** 2 / expected).sum())
            freedom += len(expected) - 1
    return float(stats.chi2.sf(square, freedom)) if freedom > 0 else 1.0


def pair_dispersion_p(candidate: Events, baseline: Events) -> float:
    """The same for pairs: each item's events split between the sides as its exposures do."""
    total = candidate.events + baseline.events
    share = candidate.total / (candidate.total + baseline.total)
    some = total > 0
    if not 0 < share < 1 or some.sum() < 2:
        return 1.0
    square = (candidate.events - share * total)[some] ** 2 / (total[some] * share * (1 - share))
    return float(stats.chi2.sf(square.sum(), int(some.sum()) - 1))


def negative_binomial(candidate: Events, baseline: Events) -> Mean | None:
    """Log rate ratio of two negative binomial samples with a common dispersion (maximum
    likelihood, NB2; Lawless 1987), its error from the information. None without events.
    """
    sides = candidate, baseline
    if min(side.total for side in sides) == 0:
        return None
    found = optimize.minimize_scalar(
        lambda alpha: -sum(_likelihood(side, exp(alpha)) for side in sides),
        bounds=(log(1e-8), log(LARGEST_DISPERSION)),
        method="bounded",
    )
    alpha = exp(float(found.x))
    rates = [_rate_at(side, alpha) for side in sides]
    variance = sum(
        1 / float((rate * side.exposure / (1 + alpha * rate * side.exposure)).sum())
        for rate, side in zip(rates, sides, strict=True)
    )
    units = [len(side.events) for side in sides]
    return Mean(log(rates[0] / rates[1]), variance, sum(units) - 2, min(units))


def _rate_at(side: Events, alpha: float) -> float:
    """Maximum-likelihood rate for a given dispersion (the plain rate if exposures are equal)."""
    rate = side.rate
    if np.ptp(side.exposure) == 0:
        return rate
    for _ in range(50):
        weight = 1 / (1 + alpha * rate * side.exposure)
        following = float((weight * side.events).sum() / (weight * side.exposure).sum())
        if abs(following - rate) <= 1e-12 * rate:
            return following
        rate = following
    return rate


def _likelihood(side: Events, alpha: float) -> float:
    expected = _rate_at(side, alpha) * side.exposure
    size = 1 / alpha
    terms = special.gammaln(side.events + size) - special.gammaln(size)
    terms += side.events * np.log(alpha * expected / (1 + alpha * expected))
    terms -= size * np.log1p(alpha * expected)
    return float(terms.sum())


def robust_rate(side: Events) -> Mean:
    """The rate with the error of its linearised ratio, over clusters if there are any."""
    residual = side.events - side.rate * side.exposure
    return _linear(side.rate, residual / side.time, side.clusters)


def robust_difference(candidate: Events, baseline: Events) -> Mean:
    """Paired difference of rates with the error of the items' (or clusters') differences."""
    after = (candidate.events - candidate.rate * candidate.exposure) / candidate.time
    before = (baseline.events - baseline.rate * baseline.exposure) / baseline.time
    clusters = candidate.clusters if baseline.clusters is None else baseline.clusters
    return _linear(candidate.rate - baseline.rate, after - before, clusters)


def _linear(value: float, residual: FloatArray, clusters: IntArray | None) -> Mean:
    residual = unit_sums(residual, clusters)
    units = len(residual)
    if units < 2:
        return Mean(value, inf, 0, units)
    variance = units / (units - 1) * float(residual @ residual)
    return Mean(value, variance, units - 1, units)


def ratio_interval(part: Mean, level: float) -> tuple[float, float]:
    low, high = part.interval(level)
    return exp(low), exp(high)


def difference_error(candidate: Events, baseline: Events) -> float:
    """Poisson error of the difference of two rates."""
    return sqrt(sum(max(side.total, 1.0) / side.time**2 for side in (candidate, baseline)))
