"""Intervals that stay valid however often one looks: the normal-mixture confidence sequence.

Asymptotic in the sense of Waudby-Smith and others (2021): it holds once the variance is known
well, so it stays silent before the first `FIRST_LOOK` units.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, exp, inf, log, log1p, sqrt

import numpy as np
import pandas as pd
from scipy import special

from benchmarks.engine.effects import undefined_effect
from benchmarks.engine.formulas import Metric
from benchmarks.engine.intervals import Mean, mean_of
from benchmarks.engine.metrics import metric_of
from benchmarks.engine.pairing import aligned
from benchmarks.engine.power import POWER
from benchmarks.engine.scored import FloatArray, IntArray, Scored, scored
from benchmarks.engine.slices import ALL
from benchmarks.engine.values import Effect, Estimate, Interval, Kind, Reason

METHOD = "confidence sequence"
FIRST_LOOK = 20
# Two discordant pairs more than were seen: a rate that never differed may still differ.
UNSEEN_PAIRS = 2.0


@dataclass(frozen=True)
class Mixture:
    """The boundary for `units` observations, narrowest near `planned` of them."""

    alpha: float
    planned: float

    @property
    def tuning(self) -> float:
        """Variance of the mixing prior that makes the interval narrowest at the planned size."""
        twice = -2 * log(self.alpha)
        return (twice + log(twice + 1)) / self.planned

    def widening(self, units: int) -> float:
        """Half width in standard errors (1.96 for a single planned look)."""
        spread = units * self.tuning
        return sqrt(2 * (spread + 1) / spread * log(sqrt(spread + 1) / self.alpha))

    def p_value(self, part: Mean) -> float:
        """Smallest alpha whose sequence has left 0, at this tuning."""
        spread = part.units * self.tuning
        squared = part.value**2 / part.variance
        return min(1.0, sqrt(spread + 1) * exp(-squared * spread / (2 * (spread + 1))))


def confidence_sequence(
    differences: FloatArray,
    *,
    alpha: float = 0.05,
    planned_n: int,
    clusters: IntArray | None = None,
) -> Interval:
    """Interval for the mean at this look; both ends are missing while nothing can be said."""
    part = _part(differences, clusters, 0.0)
    if part is None:
        return Interval(None, None, 1 - alpha, METHOD)
    return _interval(part, _mixture(part, len(differences), alpha, planned_n), alpha)


def sequential_effect(
    baseline_frame: pd.DataFrame,
    candidate_frame: pd.DataFrame,
    metric: str,
    *,
    planned_n: int,
    alpha: float = 0.05,
    clusters: str | None = None,
    slice: str = ALL,
    margin: float | None = None,
) -> Effect:
    """The paired effect at one of many looks."""
    baseline, candidate = aligned(baseline_frame, candidate_frame)
    return sequential_effect_scored(
        scored(baseline, clusters),
        scored(candidate, clusters),
        metric_of(metric),
        slice,
        alpha=alpha,
        planned_n=planned_n,
        margin=margin,
    )


def sequential_effect_scored(
    baseline: Scored,
    candidate: Scored,
    metric: Metric,
    slice: str,
    *,
    alpha: float,
    planned_n: int,
    margin: float | None,
) -> Effect:
    """The paired effect on rows already selected and in the same order."""
    reason = _obstacle(metric, baseline) or _obstacle(metric, candidate)
    if not reason and metric.own_rows:
        reason = Reason.NO_SEQUENCE
    if reason:
        return undefined_effect(metric.key, slice, candidate.n, reason)
    first, first_clusters = metric.items(baseline)
    second, second_clusters = metric.items(candidate)
    clusters = second_clusters if first_clusters is None else first_clusters
    n = len(first)
    if n == 0:
        return undefined_effect(metric.key, slice, 0, Reason.ONE_CLASS)
    if metric.kind is Kind.LOG_MEAN:
        if min(first.min(), second.min()) <= 0:
            return undefined_effect(metric.key, slice, n, Reason.UNDEFINED)
        first, second = np.log(first), np.log(second)
    values = float(first.mean()), float(second.mean())
    part = _part(second - first, clusters, _least_variance(metric, n))
    if part is None:
        known = [exp(value) if metric.kind is Kind.LOG_MEAN else value for value in values]
        return undefined_effect(metric.key, slice, n, Reason.TOO_FEW, *known)
    mixture = _mixture(part, n, alpha, planned_n)
    detectable = (mixture.widening(part.units) + float(special.ndtri(POWER))) * part.error
    effect = Effect(
        metric.key,
        slice,
        *values,
        values[1] - values[0],
        _interval(part, mixture, alpha),
        mixture.p_value(part),
        METHOD,
        n,
        None if clusters is None else part.units,
        int((first != second).sum()) if metric.kind is Kind.PROPORTION else None,
        detectable,
        ceil(n * (detectable / margin) ** 2) if margin else None,
    )
    return _turned_back(effect, margin) if metric.kind is Kind.LOG_MEAN else effect


def _turned_back(effect: Effect, margin: float | None) -> Effect:
    """An effect on logs as a change of the geometric mean in its own unit."""
    if effect.baseline is None or effect.candidate is None or effect.interval is None:
        return effect
    before, after = exp(effect.baseline), exp(effect.candidate)
    factors = [exp(end) for end in (effect.interval.low, effect.interval.high) if end is not None]
    detectable = effect.detectable or 0.0
    needed = None if not margin else ceil(effect.n * (detectable / log1p(margin / before)) ** 2)
    return replace(
        effect,
        baseline=before,
        candidate=after,
        difference=after - before,
        interval=replace(
            effect.interval, low=before * (factors[0] - 1), high=before * (factors[1] - 1)
        ),
        relative=replace(effect.interval, low=factors[0], high=factors[1]),
        detectable=before * (exp(detectable) - 1),
        needed_n=needed,
    )


def sequential_estimate(
    sample: Scored, metric: Metric, slice: str, *, alpha: float, planned_n: int
) -> Estimate:
    """A value whose interval may be held against a threshold at every look."""
    reason = _obstacle(metric, sample)
    if reason:
        return Estimate(metric.key, slice, None, None, sample.n, sample.positives, reason)
    values, clusters = metric.items(sample)
    n = len(values)
    if n == 0:
        return Estimate(metric.key, slice, None, None, 0, sample.positives, metric.uncounted)
    on_logs = metric.kind is Kind.LOG_MEAN
    if on_logs and values.min() <= 0:
        return Estimate(metric.key, slice, None, None, n, sample.positives, Reason.UNDEFINED)
    values = np.log(values) if on_logs else values
    mean = float(values.mean())
    value = exp(mean) if on_logs else mean
    part = _part(values, clusters, _least_variance(metric, n))
    if part is None:
        return Estimate(metric.key, slice, value, None, n, sample.positives, Reason.TOO_FEW)
    interval = _interval(part, _mixture(part, n, alpha, planned_n), alpha)
    if on_logs and interval.low is not None and interval.high is not None:
        interval = replace(interval, low=exp(interval.low), high=exp(interval.high))
    return Estimate(metric.key, slice, value, interval, n, sample.positives)


def _obstacle(metric: Metric, sample: Scored) -> Reason:
    if metric.kind not in (Kind.PROPORTION, Kind.MEAN, Kind.LOG_MEAN):
        return Reason.NO_SEQUENCE
    return sample.obstacle(metric.needs)


def _least_variance(metric: Metric, n: int) -> float:
    """Variance of the mean that unseen discordant pairs leave possible, for rates only."""
    return UNSEEN_PAIRS / n**2 if metric.kind is Kind.PROPORTION else 0.0


def _part(values: FloatArray, clusters: IntArray | None, least: float) -> Mean | None:
    if len(values) == 0:
        return None
    part = mean_of(values, clusters)
    variance = max(part.variance, least)
    if part.units < FIRST_LOOK or not 0 < variance < inf:
        return None
    return Mean(part.value, variance, part.df, part.units)


def _mixture(part: Mean, n: int, alpha: float, planned_n: int) -> Mixture:
    """Clusters are counted where they are the units, the plan being scaled to them."""
    return Mixture(alpha, planned_n * part.units / n)


def _interval(part: Mean, mixture: Mixture, alpha: float) -> Interval:
    half = mixture.widening(part.units) * part.error
    return Interval(part.value - half, part.value + half, 1 - alpha, METHOD)
