"""The value of a metric with its interval, by kind; undefined is None with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, inf, isfinite, sqrt
from types import MappingProxyType

import numpy as np
from scipy import stats

from benchmarks.engine.auc import Placement, area_interval
from benchmarks.engine.calibration import influence_mean
from benchmarks.engine.calibration_error import single_calibration
from benchmarks.engine.calibration_pairs import pair_sum
from benchmarks.engine.counts import DISPERSION_P, dispersion_p, garwood, robust_rate
from benchmarks.engine.draws import FEWEST_CLUSTERS, Bootstrap, Counts, bootstrap_counts
from benchmarks.engine.forecasts import long_run_mean
from benchmarks.engine.formulas import Metric, confusion, events_of
from benchmarks.engine.gaps import compared, gap_interval
from benchmarks.engine.intervals import Mean, mean_of, order_statistics, rate_interval, wilson
from benchmarks.engine.multiclass import patterns_of
from benchmarks.engine.precision_recall import (
    FEWEST_POSITIVES,
    average_precision,
    precision_bootstrap,
)
from benchmarks.engine.preferences import is_valid
from benchmarks.engine.scored import Scored
from benchmarks.engine.skewed import skewed_interval
from benchmarks.engine.values import Interval, Kind, Reason

Parts = tuple[float | None, Interval | None, int, Reason]


@dataclass(frozen=True)
class Draw:
    """The level of an interval, and what it may be resampled with."""

    level: float
    rng: np.random.Generator
    resamples: int


def _bounded(value: float, interval: Interval | None, n: int) -> Parts:
    return value, interval, n, Reason.NONE if interval else Reason.TOO_FEW


def _average(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    values, clusters = metric.items(sample)
    n = len(values)
    if n == 0:
        return None, None, 0, metric.uncounted
    if not np.isfinite(values).all():
        return None, None, n, Reason.UNDEFINED
    if metric.kind is Kind.PROPORTION:
        return _bounded(float(values.mean()), rate_interval(values, clusters, draw.level), n)
    part = mean_of(values, clusters)
    if part.units < 2:
        return part.value, None, n, Reason.TOO_FEW
    bent = skewed_interval(values, clusters, draw.level, draw.rng, draw.resamples)
    name = "t" if clusters is None else "cluster-robust t"
    return part.value, bent or _interval(part, draw, name), n, Reason.NONE


def _interval(part: Mean, draw: Draw, name: str) -> Interval:
    return Interval(*part.interval(draw.level), draw.level, name)


def _mean_of_influence(part: Mean, n: int, draw: Draw, name: str) -> Parts:
    if part.units < 2 or part.variance in (0, inf):
        return part.value, None, n, Reason.TOO_FEW
    return part.value, _interval(part, draw, name), n, Reason.NONE


def _log_average(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    """The geometric mean, its t interval turned back from the logs."""
    values, clusters = metric.items(sample)
    if values.min() <= 0:
        return None, None, len(values), Reason.UNDEFINED
    part = mean_of(np.log(values), clusters)
    if part.units < 2:
        return exp(part.value), None, len(values), Reason.TOO_FEW
    low, high = (exp(end) for end in part.interval(draw.level))
    interval = Interval(low, high, draw.level, "back-transformed t of logs")
    return exp(part.value), interval, len(values), Reason.NONE


def _ratio(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    counts = confusion(sample)
    value = float(metric.of_counts(counts.total))
    if not isfinite(value):
        one_class = sample.positives in (0, sample.n)
        return None, None, sample.n, Reason.ONE_CLASS if one_class else Reason.UNDEFINED
    if value in (metric.lowest, 1.0):
        # At the edge every resample repeats the value, which would claim certainty.
        return _bounded(value, _edge_interval(counts, metric, value, draw.level), sample.n)
    if counts.scarce:
        return value, None, sample.n, Reason.TOO_FEW
    draws = bootstrap_counts(counts, metric.of_counts, draw.rng, draw.resamples)
    interval = draws.interval(draw.level) if draws.usable and not draws.constant else None
    return _bounded(value, interval, sample.n)


def _edge_interval(counts: Counts, metric: Metric, value: float, level: float) -> Interval | None:
    trials = metric.trials_of(counts.total)
    if counts.clustered:
        trials = min(trials, len(counts.table))
    if trials < 1:
        return None
    share = (value - metric.lowest) / (1 - metric.lowest)
    low, high = (
        metric.lowest + (1 - metric.lowest) * end for end in wilson(share * trials, trials, level)
    )
    return Interval(low, high, level, "wilson over its trials")


def _area(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    if sample.positives in (0, sample.n):
        return None, None, sample.n, Reason.ONE_CLASS
    placement = Placement(sample)
    return _bounded(placement.area, area_interval(placement, draw.level), sample.n)


def _quantile(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    values, clusters = metric.items(sample)
    if not len(values):
        return None, None, 0, metric.uncounted
    value = float(np.quantile(values, metric.quantile))
    interval = order_statistics(values, metric.quantile, draw.level, clusters)
    empty = interval.low is None and interval.high is None
    return _bounded(value, None if empty else interval, len(values))


def _from_bootstrap(boot: Bootstrap, n: int, draw: Draw) -> Parts:
    interval = boot.interval(draw.level) if boot.usable and not boot.constant else None
    return _bounded(boot.value, interval, n)


def _precision_area(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    if not sample.positives:
        return None, None, sample.n, Reason.ONE_CLASS
    few = sample.cluster_count is not None and sample.cluster_count < FEWEST_CLUSTERS
    if few or min(sample.positives, sample.n - sample.positives) < FEWEST_POSITIVES:
        return average_precision(sample), None, sample.n, Reason.TOO_FEW
    boot = precision_bootstrap([sample], sample.cluster, draw.rng, draw.resamples)
    return _from_bootstrap(boot, sample.n, draw)


def _moment(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    value, influence = metric.moments.of(sample)
    if not isfinite(value):
        return None, None, sample.n, Reason.UNDEFINED
    part = mean_of(influence + value, sample.cluster)
    bent = skewed_interval(influence + value, sample.cluster, draw.level, draw.rng, draw.resamples)
    if bent is not None:
        return value, bent, sample.n, Reason.NONE
    return _mean_of_influence(part, sample.n, draw, "t of influences")


def _class_average(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    patterns = patterns_of([sample], sample.cluster)
    value = patterns.value(metric.averaged, 0)
    if value in (0.0, 1.0):
        units = len(patterns.counts.table) if patterns.counts.clustered else sample.n
        low, high = wilson(value * units, units, draw.level)
        return value, Interval(low, high, draw.level, "wilson over units"), sample.n, Reason.NONE
    if patterns.counts.scarce:
        return value, None, sample.n, Reason.TOO_FEW
    boot = bootstrap_counts(
        patterns.counts, patterns.average(metric.averaged, 0), draw.rng, draw.resamples
    )
    return _from_bootstrap(boot, sample.n, draw)


def _event_rate(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    """Exact Poisson interval, or the linearised rate's where items differ by more than that."""
    events = events_of(sample)
    if not events.is_countable:
        return None, None, sample.n, Reason.UNDEFINED
    if events.clusters is None and dispersion_p(events) >= DISPERSION_P:
        low, high = garwood(events.total, events.time, draw.level)
        return events.rate, Interval(low, high, draw.level, "garwood"), sample.n, Reason.NONE
    return _mean_of_influence(robust_rate(events), sample.n, draw, "t of the rate")


def _forecast(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    horizon = sample.columns.get("horizon")
    if horizon is not None and np.ptp(horizon) > 0:
        return None, None, sample.n, Reason.MIXED_HORIZONS
    values, clusters = metric.items(sample)
    part = long_run_mean(values) if clusters is None else mean_of(values, clusters)
    return _mean_of_influence(part, sample.n, draw, "hac t" if clusters is None else "cluster t")


def _preference(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    """The plain win rate: positions as they came, a tie counting half."""
    if not is_valid(sample):
        return None, None, sample.n, Reason.UNDEFINED
    values, clusters = metric.items(sample)
    part = mean_of(values, clusters)
    if part.value in (0.0, 1.0) and part.units > 1:
        low, high = wilson(part.value * part.units, part.units, draw.level)
        return part.value, Interval(low, high, draw.level, "wilson"), sample.n, Reason.NONE
    return _mean_of_influence(part, sample.n, draw, "t")


def _departure(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    """Distance from perfect calibration: the part of the fit's interval seen from there."""
    fit = metric.fit(sample)
    if fit is None:
        one_class = sample.positives in (0, sample.n)
        return None, None, sample.n, Reason.ONE_CLASS if one_class else Reason.UNDEFINED
    value, influence = fit
    part = influence_mean(value - metric.target, influence, sample.cluster)
    if part.units < 2 or not 0 < part.variance < inf:
        return abs(part.value), None, sample.n, Reason.TOO_FEW
    low, high = part.interval(draw.level)
    nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    interval = Interval(nearest, max(abs(low), abs(high)), draw.level, "sandwich t, folded at 0")
    return abs(part.value), interval, sample.n, Reason.NONE


def _group_gap(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    found = compared([sample], metric.rates)
    if not found.comparable:
        return None, None, sample.n, Reason.ONE_GROUP
    if not np.isfinite(found.rates).all():
        return None, None, sample.n, Reason.UNDEFINED
    interval = gap_interval(found, draw.level, draw.rng, draw.resamples)
    return _bounded(float(found.values[0]), interval, found.n)


def _calibration_error(sample: Scored, metric: Metric, draw: Draw) -> Parts:
    pairs = pair_sum(sample)
    if pairs is None:
        return None, None, sample.n, Reason.TOO_FEW
    value, groups = pairs.root, sample.cluster_count
    if groups is not None and groups < FEWEST_CLUSTERS:
        return value, None, sample.n, Reason.TOO_FEW
    if groups is not None or not pairs.firm:
        boot = single_calibration(sample, draw.rng, draw.resamples)
        return _from_bootstrap(boot, sample.n, draw)
    half = float(stats.norm.ppf((1 + draw.level) / 2)) * pairs.slope * sqrt(pairs.variance)
    low, high = max(0.0, value - half), value + half
    return value, Interval(low, high, draw.level, "pairs of items"), sample.n, Reason.NONE


ESTIMATES: Mapping[Kind, Callable[[Scored, Metric, Draw], Parts]] = MappingProxyType(
    {
        Kind.PROPORTION: _average,
        Kind.MEAN: _average,
        Kind.LOG_MEAN: _log_average,
        Kind.RATIO: _ratio,
        Kind.MULTICLASS: _class_average,
        Kind.MOMENT: _moment,
        Kind.AUC: _area,
        Kind.PR_AUC: _precision_area,
        Kind.QUANTILE: _quantile,
        Kind.COUNT: _event_rate,
        Kind.FORECAST: _forecast,
        Kind.PREFERENCE: _preference,
        Kind.CALIBRATION: _departure,
        Kind.CALIBRATION_ERROR: _calibration_error,
        Kind.GROUP_GAP: _group_gap,
    }
)
