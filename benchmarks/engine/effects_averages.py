"""Rates and means compared: paired, unpaired, by cluster, on logs, adjusted by a covariate."""

from __future__ import annotations

from dataclasses import replace
from math import exp, inf

import numpy as np

from benchmarks.engine.draws import generator
from benchmarks.engine.effects_base import (
    ZERO_VARIANCE_MINIMUM,
    Frame,
    Terms,
    count_of,
    undefined_effect,
)
from benchmarks.engine.formulas import Metric
from benchmarks.engine.intervals import (
    Mean,
    difference_of,
    mean_of,
    newcombe,
    newcombe_paired,
    unit_sums,
)
from benchmarks.engine.power import (
    detectable_from_error,
    detectable_pairs,
    needed_for_margin,
    needed_from_error,
)
from benchmarks.engine.proportions import Pairs, mcnemar, pairs_of, two_rates
from benchmarks.engine.scored import FloatArray, IntArray, Scored
from benchmarks.engine.signflips import checked
from benchmarks.engine.skewed import skewed_difference, skewed_interval
from benchmarks.engine.slices import BoolArray
from benchmarks.engine.values import Effect, Interval, Kind, Reason

Side = tuple[FloatArray, IntArray | None]


def averages(
    baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms
) -> Effect:
    first, second = metric.items(baseline), metric.items(candidate)
    n = min(len(first[0]), len(second[0]))
    if n == 0:
        return undefined_effect(metric.key, slice, 0, metric.uncounted)
    if not (np.isfinite(first[0]).all() and np.isfinite(second[0]).all()):
        return undefined_effect(metric.key, slice, n, Reason.UNDEFINED)
    clusters = second[1] if first[1] is None else first[1]
    sd = float(first[0].std(ddof=1)) if n > 1 else None
    values = float(first[0].mean()), float(second[0].mean())
    frame = Frame(metric.key, slice, *values, n, count_of(clusters), terms, sd)
    if metric.own_rows and terms.paired:
        return _own_rates(frame, *shared_shift(baseline, candidate, metric))
    if metric.kind is Kind.PROPORTION:
        return _rates(frame, first, second)
    if terms.paired:
        return _paired_mean(frame, second[0] - first[0], clusters)
    return _unpaired_mean(frame, first, second, _covariates(baseline, candidate, metric, terms))


def _rates(frame: Frame, baseline: Side, candidate: Side) -> Effect:
    if frame.terms.paired:
        clusters = candidate[1] if baseline[1] is None else baseline[1]
        return _paired_rates(frame, baseline[0], candidate[0], clusters)
    return _unpaired_rates(frame, baseline, candidate)


def _paired_rates(
    frame: Frame, baseline: FloatArray, candidate: FloatArray, clusters: IntArray | None
) -> Effect:
    pairs = pairs_of(baseline, candidate)
    if clusters is None:
        p_value, method = mcnemar(pairs)
        return frame.effect(
            Interval(*_newcombe(pairs, frame.terms.level), frame.terms.level, "newcombe paired"),
            p_value,
            method,
            discordant=pairs.discordant,
            detectable=detectable_pairs(pairs.discordant, frame.n),
            needed_n=needed_for_margin(pairs.discordant, frame.n, frame.margin),
        )
    part = mean_of(candidate - baseline, clusters)
    if part.units < 2:
        return frame.too_few()
    if part.variance > 0:
        return frame.from_mean(part, "cluster-robust t")
    # Without any spread each cluster counts as one pair, or certainty would be invented.
    ends = _newcombe(pairs, frame.terms.level, part.units / frame.n)
    return frame.from_error(ends, part.p_value, "newcombe over clusters", 0.0)


def _own_rates(frame: Frame, shifts: FloatArray, clusters: IntArray | None) -> Effect:
    if frame.n < ZERO_VARIANCE_MINIMUM:
        return frame.too_few()
    name = "t of influences" if clusters is None else "cluster-robust t of influences"
    return frame.from_mean(mean_of(shifts, clusters), name)


def shared_shift(
    baseline: Scored, candidate: Scored, metric: Metric
) -> tuple[FloatArray, IntArray | None]:
    """One number for each item that counts on either side; their mean is the change of the share.

    Where each side counts rows of its own, there are no pairs of values. Each share is a ratio
    of means over the same items, and the change is linearised in both (Cochran 1977, 6.3).
    """
    sides = [(metric.values(side), counted_rows(side, metric)) for side in (candidate, baseline)]
    rows = sides[0][1] | sides[1][1]
    (second, after), (first, before) = (_influences(v[rows], c[rows]) for v, c in sides)
    clusters = candidate.cluster if baseline.cluster is None else baseline.cluster
    shifts = second - first + (after - before)
    return shifts, None if clusters is None else clusters[rows]


def _influences(values: FloatArray, counted: BoolArray) -> tuple[FloatArray, float]:
    share = float(values[counted].mean())
    return np.where(counted, values - share, 0.0) / counted.mean(), share


def counted_rows(sample: Scored, metric: Metric) -> BoolArray:
    return np.ones(sample.n, bool) if metric.eligible is None else metric.eligible(sample)


def _newcombe(pairs: Pairs, level: float, scale: float = 1.0) -> tuple[float, float]:
    table = (pairs.both, pairs.lost, pairs.gained, pairs.neither)
    both, lost, gained, neither = (scale * count for count in table)
    return newcombe_paired(both, lost, gained, neither, level)


def _unpaired_rates(frame: Frame, baseline: Side, candidate: Side) -> Effect:
    sides = mean_of(*candidate), mean_of(*baseline)
    part = difference_of(*sides)
    if frame.clusters is None:
        after = int(candidate[0].sum()), len(candidate[0])
        before = int(baseline[0].sum()), len(baseline[0])
        p_value, method = two_rates(after, before)
        level = frame.terms.level
        interval = Interval(*newcombe(after, before, level), level, "newcombe")
        return frame.from_error(interval, p_value, method, part.error)
    if part.units < 2:
        return frame.too_few()
    if part.variance > 0:
        return frame.from_mean(part, "cluster-robust t")
    second, first = ((side.value * side.units, side.units) for side in sides)
    ends = newcombe(second, first, frame.terms.level)
    return frame.from_error(ends, part.p_value, "newcombe over clusters", 0.0)


def _paired_mean(frame: Frame, differences: FloatArray, clusters: IntArray | None) -> Effect:
    """t checked by sign flips; the interval by BCa over units where these are skewed."""
    part = mean_of(differences, clusters)
    effect = frame.from_mean(part, "paired t" if clusters is None else "cluster-robust t")
    if part.variance in (0, inf) or effect.interval is None or effect.p_value is None:
        return effect
    level, seed, resamples = frame.terms.level, frame.terms.seed, frame.terms.resamples
    flips = generator(seed, frame.metric, frame.slice, "flips")
    units = unit_sums(differences, clusters)
    p_value, by_flips = checked(effect.p_value, units, flips, resamples)
    rng = generator(seed, frame.metric, frame.slice)
    interval = skewed_interval(differences, clusters, level, rng, resamples) or effect.interval
    method = "sign-flip permutation" if by_flips else effect.method
    return replace(effect, p_value=p_value, method=method, interval=interval)


def _covariates(
    baseline: Scored, candidate: Scored, metric: Metric, terms: Terms
) -> tuple[FloatArray, FloatArray] | None:
    if not terms.adjusted:
        return None
    rows = [
        slice(None) if metric.eligible is None else metric.eligible(side)
        for side in (baseline, candidate)
    ]
    return baseline["reference"][rows[0]], candidate["reference"][rows[1]]


def _unpaired_mean(
    frame: Frame,
    baseline: Side,
    candidate: Side,
    covariates: tuple[FloatArray, FloatArray] | None,
) -> Effect:
    name = "welch t" if frame.clusters is None else "cluster-robust t"
    if covariates is not None:
        first, second = adjusted(baseline[0], candidate[0], *covariates)
        baseline, candidate = (first, baseline[1]), (second, candidate[1])
        frame = replace(frame, baseline=float(first.mean()), candidate=float(second.mean()))
        name = f"adjusted {name}"
    part = difference_of(mean_of(*candidate), mean_of(*baseline))
    effect = frame.from_mean(part, name)
    if part.variance in (0, inf) or effect.interval is None:
        return effect
    rng = generator(frame.terms.seed, frame.metric, frame.slice)
    bent = skewed_difference(candidate, baseline, frame.terms.level, rng, frame.terms.resamples)
    return replace(effect, interval=bent or effect.interval)


def adjusted(
    baseline: FloatArray,
    candidate: FloatArray,
    baseline_covariate: FloatArray,
    candidate_covariate: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Both sides moved to the common mean of a covariate that neither side could influence.

    The slope is the pooled one within the sides (Deng and others 2013, CUPED; Lin 2013 on why
    the variance stays right). The covariate is the baseline's own score of each item.
    """
    sides = ((baseline, baseline_covariate), (candidate, candidate_covariate))
    products = sum(float((y - y.mean()) @ (x - x.mean())) for y, x in sides)
    squares = sum(float((x - x.mean()) @ (x - x.mean())) for _, x in sides)
    slope = products / squares if squares > 0 else 0.0
    centre = float(np.concatenate([baseline_covariate, candidate_covariate]).mean())
    return tuple(y - slope * (x - centre) for y, x in sides)  # type: ignore[return-value]


def log_means(
    baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms
) -> Effect:
    """Geometric means by the t of log ratios, turned back into the metric's own unit."""
    first, second = metric.items(baseline), metric.items(candidate)
    n = min(len(first[0]), len(second[0]))
    if min(first[0].min(), second[0].min()) <= 0:
        return undefined_effect(metric.key, slice, n, Reason.UNDEFINED)
    logs = [(np.log(values), codes) for values, codes in (first, second)]
    clusters = second[1] if first[1] is None else first[1]
    before, after = (exp(float(values.mean())) for values, _ in logs)
    frame = Frame(metric.key, slice, before, after, n, count_of(clusters), terms)
    inner = replace(frame, baseline=0.0, candidate=float(np.log(after / before)))
    if terms.paired:
        ratio = _paired_mean(inner, logs[1][0] - logs[0][0], clusters)
    else:
        ratio = _unpaired_mean(inner, logs[0], logs[1], None)
    if ratio.interval is None:
        return frame.too_few()
    part = (
        mean_of(logs[1][0] - logs[0][0], clusters)
        if terms.paired
        else difference_of(mean_of(*logs[1]), mean_of(*logs[0]))
    )
    return _turned_back(frame, ratio, ratio.interval, part)


def _turned_back(frame: Frame, ratio: Effect, interval: Interval, part: Mean) -> Effect:
    method = ratio.method if ratio.method == "zero variance" else f"log-ratio {ratio.method}"
    factors = [exp(end) for end in (interval.low, interval.high) if end is not None]
    ends = tuple(frame.baseline * (factor - 1) for factor in factors)
    detectable = detectable_from_error(part.error)
    margin = frame.margin
    relative_margin = None if margin is None else float(np.log1p(margin / frame.baseline))
    return frame.effect(
        Interval(ends[0], ends[1], frame.terms.level, f"back-transformed {interval.method}"),
        ratio.p_value or 1.0,
        method,
        detectable=None if detectable is None else frame.baseline * (exp(detectable) - 1),
        needed_n=needed_from_error(part.error, frame.n, relative_margin),
        relative=Interval(factors[0], factors[1], frame.terms.level, method),
    )
