"""Kinds that need a model of their own: event counts, forecasts, preferences, calibration."""

from __future__ import annotations

from math import inf

import numpy as np
from scipy import stats

from benchmarks.engine.calibration import influence_mean
from benchmarks.engine.counts import (
    DISPERSION_P,
    Events,
    difference_error,
    dispersion_p,
    exact_p,
    exact_ratio,
    negative_binomial,
    pair_dispersion_p,
    rate_difference,
    ratio_interval,
    robust_difference,
    robust_rate,
)
from benchmarks.engine.draws import FEWEST_CLUSTERS, bootstrap_counts, generator
from benchmarks.engine.effects_base import (
    Frame,
    Terms,
    count_of,
    shared_clusters,
    undefined_effect,
)
from benchmarks.engine.forecasts import long_run_mean
from benchmarks.engine.formulas import Metric, events_of
from benchmarks.engine.intervals import Mean, difference_of, mean_of
from benchmarks.engine.preferences import bradley_terry, is_valid, logit_interval, outcome_counts
from benchmarks.engine.scored import Scored
from benchmarks.engine.values import Effect, Interval, Reason

# Fewer judgements than this do not determine strength, ties and position together.
FEWEST_JUDGEMENTS = 20


def event_rates(
    baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms
) -> Effect:
    """Exact Poisson, negative binomial if overdispersed, by units where these are paired."""
    first, second = events_of(baseline), events_of(candidate)
    n = min(baseline.n, candidate.n)
    if not (first.is_countable and second.is_countable):
        return undefined_effect(metric.key, slice, n, Reason.UNDEFINED)
    clusters = shared_clusters(baseline, candidate)
    frame = Frame(metric.key, slice, first.rate, second.rate, n, count_of(clusters), terms)
    if clusters is not None:
        part = (
            robust_difference(second, first)
            if terms.paired
            else difference_of(robust_rate(second), robust_rate(first))
        )
        return frame.from_mean(part, "cluster-robust t")
    if terms.paired and pair_dispersion_p(second, first) < DISPERSION_P:
        return frame.from_mean(robust_difference(second, first), "paired t of rates")
    if not terms.paired and dispersion_p(second, first) < DISPERSION_P:
        log_ratio = negative_binomial(second, first)
        if log_ratio is not None:
            return _negative_binomial(frame, first, second, log_ratio)
    return _poisson(frame, first, second)


def _poisson(frame: Frame, baseline: Events, candidate: Events) -> Effect:
    level = frame.terms.level
    ends = Interval(
        *rate_difference(candidate, baseline, level), level, "square-and-add of exact rates"
    )
    ratio = exact_ratio(candidate, baseline, level)
    p_value = exact_p(candidate, baseline)
    return frame.from_error(
        ends,
        p_value,
        "conditional binomial" if frame.terms.paired else "exact poisson",
        difference_error(candidate, baseline),
        Interval(*ratio, level, "clopper-pearson of the share"),
    )


def _negative_binomial(frame: Frame, baseline: Events, candidate: Events, part: Mean) -> Effect:
    level = frame.terms.level
    ratio = ratio_interval(part, level)
    spread = difference_of(robust_rate(candidate), robust_rate(baseline))
    ends = Interval(*spread.interval(level), level, "welch t of rates")
    relative = Interval(*ratio, level, "negative binomial")
    return frame.from_error(ends, part.p_value, "negative binomial", spread.error, relative)


def forecasts(
    baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms
) -> Effect:
    """Diebold-Mariano over the order of time (of `time` where given, else of the rows)."""
    n = min(baseline.n, candidate.n)
    if not terms.paired:
        return undefined_effect(metric.key, slice, n, Reason.NO_PAIRS)
    horizon = candidate.columns.get("horizon")
    if horizon is not None and np.ptp(horizon) > 0:
        return undefined_effect(metric.key, slice, n, Reason.MIXED_HORIZONS)
    first, second = metric.values(baseline), metric.values(candidate)
    clusters = shared_clusters(baseline, candidate)
    sd = float(first.std(ddof=1)) if n > 1 else None
    values = float(first.mean()), float(second.mean())
    frame = Frame(metric.key, slice, *values, n, count_of(clusters), terms, sd)
    differences = second - first
    if clusters is not None:
        return frame.from_mean(mean_of(differences, clusters), "cluster-robust t")
    time = candidate.columns.get("time")
    if time is not None:
        differences = differences[np.argsort(time, kind="stable")]
    return frame.from_mean(long_run_mean(differences), "diebold-mariano")


def preferences(
    baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms
) -> Effect:
    """The candidate's win rate against an even one, position and ties modelled.

    The judgements stand in the candidate's rows: `preference` (1 win, 0.5 tie, 0 loss) and, if
    known, `shown_first` (1 where the candidate came first).
    """
    n = candidate.n
    if not is_valid(candidate):
        return undefined_effect(metric.key, slice, n, Reason.UNDEFINED)
    counts = outcome_counts(candidate)
    fit = bradley_terry(counts.total)
    frame = Frame(
        metric.key, slice, 0.5, float(fit.win_rate), n, count_of(candidate.cluster), terms
    )
    units = len(counts.table) if counts.clustered else n
    if n < FEWEST_JUDGEMENTS or units < FEWEST_CLUSTERS:
        return frame.too_few()
    if counts.clustered:
        boot = bootstrap_counts(
            counts,
            lambda table: bradley_terry(table).win_rate - 0.5,
            generator(terms.seed, metric.key, slice),
            terms.resamples,
        )
        return frame.from_bootstrap(boot, "bradley-terry bootstrap")
    part = Mean(float(fit.strength), float(fit.covariance[0, 0]), inf, n)
    odds = Interval(*ratio_interval(part, terms.level), terms.level, "bradley-terry odds")
    p_value = float(2 * stats.norm.sf(abs(part.value) / part.error))
    error = fit.win_rate_error
    low, high = logit_interval(frame.candidate, error, terms.level)
    ends = Interval(low - 0.5, high - 0.5, terms.level, "bradley-terry win rate")
    return frame.from_error(ends, p_value, "bradley-terry", error, odds)


def calibration_departures(
    baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms
) -> Effect:
    """Change of the distance to perfect calibration, each side's sign taken as it was found.

    A side near perfection may have either sign, so the interval errs on the wide side there.
    """
    n = min(baseline.n, candidate.n)
    first, second = metric.fit(baseline), metric.fit(candidate)
    if first is None or second is None:
        one_class = any(side.positives in (0, side.n) for side in (baseline, candidate))
        reason = Reason.ONE_CLASS if one_class else Reason.UNDEFINED
        return undefined_effect(metric.key, slice, n, reason)
    departures = [value - metric.target for value, _ in (first, second)]
    turned = [np.sign(d) * side[1] for d, side in zip(departures, (first, second), strict=True)]
    before, after = (abs(d) for d in departures)
    clusters = shared_clusters(baseline, candidate)
    frame = Frame(metric.key, slice, before, after, n, count_of(clusters), terms)
    if terms.paired:
        part = influence_mean(after - before, turned[1] - turned[0], clusters)
    else:
        part = difference_of(
            influence_mean(after, turned[1], candidate.cluster),
            influence_mean(before, turned[0], baseline.cluster),
        )
    return frame.from_mean(
        part, "paired t of influences" if terms.paired else "welch t of influences"
    )
