"""Metrics without a normal formula compared: ratios, class averages, moments, quantiles."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite

import numpy as np
from scipy import stats

from benchmarks.engine.calibration_error import (
    paired_calibration,
    single_calibration,
)
from benchmarks.engine.calibration_pairs import pair_sum, paired_shift, unpaired_shift
from benchmarks.engine.draws import (
    FEWEST_CLUSTERS,
    Bootstrap,
    bootstrap_counts,
    generator,
    independent,
)
from benchmarks.engine.effects_base import (
    ZERO_VARIANCE_MINIMUM,
    Frame,
    Terms,
    count_of,
    shared_clusters,
    undefined_effect,
)
from benchmarks.engine.formulas import Metric, confusion, tabulate
from benchmarks.engine.intervals import difference_of, mean_of, order_ranks
from benchmarks.engine.multiclass import patterns_of
from benchmarks.engine.proportions import mcnemar
from benchmarks.engine.quantiles import exceedances, quantile_difference, time_blocks
from benchmarks.engine.scored import FloatArray, IntArray, Scored
from benchmarks.engine.skewed import skewed_difference, skewed_interval
from benchmarks.engine.values import Effect, Reason


def ratios(
    baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms
) -> Effect:
    before, after = confusion(baseline), confusion(candidate)
    first = float(metric.of_counts(before.total))
    second = float(metric.of_counts(after.total))
    n = min(baseline.n, candidate.n)
    if not (isfinite(first) and isfinite(second)):
        one_class = baseline.positives in (0, baseline.n)
        reason = Reason.ONE_CLASS if one_class else Reason.UNDEFINED
        known = [value if isfinite(value) else None for value in (first, second)]
        return undefined_effect(metric.key, slice, n, reason, *known)
    clusters = shared_clusters(baseline, candidate)
    frame = Frame(metric.key, slice, first, second, n, count_of(clusters), terms)
    if before.scarce or after.scarce:
        return frame.too_few()
    if terms.paired:
        if np.array_equal(baseline["prediction"], candidate["prediction"]):
            same = min(metric.trials_of(before.total), metric.trials_of(after.total))
            return frame.same_answers(same)
        boot = _joint_bootstrap(baseline, candidate, clusters, metric, slice, terms)
        return frame.from_bootstrap(boot, "paired bootstrap")
    rngs = [generator(terms.seed, metric.key, slice, side) for side in ("after", "before")]
    draws = [
        bootstrap_counts(counts, metric.of_counts, rng, terms.resamples)
        for counts, rng in zip((after, before), rngs, strict=True)
    ]
    return frame.from_bootstrap(independent(*draws), "bootstrap")


def _joint_bootstrap(
    baseline: Scored,
    candidate: Scored,
    clusters: IntArray | None,
    metric: Metric,
    slice: str,
    terms: Terms,
) -> Bootstrap:
    """Draws of both sides at once from the table label × baseline × candidate decision."""
    decided = candidate.confusion
    counts = tabulate(2 * decided - (decided & 1) + 2 * (baseline.confusion & 1), 8, clusters)
    cell = np.arange(8)
    to_baseline = np.eye(4)[2 * (cell // 4) + cell // 2 % 2]
    to_candidate = np.eye(4)[2 * (cell // 4) + cell % 2]

    def difference(table: FloatArray) -> FloatArray:
        return metric.of_counts(table @ to_candidate) - metric.of_counts(table @ to_baseline)

    rng = generator(terms.seed, metric.key, slice)
    return bootstrap_counts(counts, difference, rng, terms.resamples)


def class_averages(
    baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms
) -> Effect:
    """Bootstrap of the joint table of label and both predictions."""
    clusters = shared_clusters(baseline, candidate)
    before = patterns_of([baseline], baseline.cluster)
    after = patterns_of([candidate], candidate.cluster)
    values = before.value(metric.averaged, 0), after.value(metric.averaged, 0)
    n = min(baseline.n, candidate.n)
    frame = Frame(metric.key, slice, *values, n, count_of(clusters), terms)
    if before.counts.scarce or after.counts.scarce:
        return frame.too_few()
    if not terms.paired:
        draws = [
            bootstrap_counts(
                side.counts,
                side.average(metric.averaged, 0),
                generator(terms.seed, metric.key, slice, name),
                terms.resamples,
            )
            for name, side in (("after", after), ("before", before))
        ]
        return frame.from_bootstrap(independent(*draws), "bootstrap")
    if np.array_equal(baseline["prediction"], candidate["prediction"]):
        return frame.same_answers(n)
    both = patterns_of([candidate, baseline], clusters)
    sides = [both.average(metric.averaged, number) for number in (0, 1)]
    boot = bootstrap_counts(
        both.counts,
        lambda table: sides[0](table) - sides[1](table),
        generator(terms.seed, metric.key, slice),
        terms.resamples,
    )
    return frame.from_bootstrap(boot, "paired bootstrap")


def calibration_errors(
    baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms
) -> Effect:
    """The debiased error by its pairs of items; by resampling with clusters and near zero."""
    n = min(baseline.n, candidate.n)
    first, second = pair_sum(baseline), pair_sum(candidate)
    if n < ZERO_VARIANCE_MINIMUM or first is None or second is None:
        return undefined_effect(metric.key, slice, n, Reason.TOO_FEW)
    clusters = shared_clusters(baseline, candidate)
    frame = Frame(metric.key, slice, first.root, second.root, n, count_of(clusters), terms)
    counted = [side.cluster_count for side in (baseline, candidate)]
    if any(groups is not None and groups < FEWEST_CLUSTERS for groups in counted):
        return frame.too_few()
    if terms.paired and np.array_equal(baseline["score"], candidate["score"]):
        return frame.same_answers(n)
    shift = None
    if clusters is None:
        shift = (paired_shift if terms.paired else unpaired_shift)(first, second)
    if shift is None or shift.error is None:
        drawn = frame.from_bootstrap(_calibration_draws(baseline, candidate, frame), "bootstrap")
        return drawn if shift is None else replace(drawn, p_value=shift.p_value)
    half = float(stats.norm.ppf((1 + terms.level) / 2)) * shift.error
    middle = second.root - first.root
    return frame.from_error(
        (middle - half, middle + half), shift.p_value, "pairs of items", shift.error
    )


def _calibration_draws(baseline: Scored, candidate: Scored, frame: Frame) -> Bootstrap:
    terms = frame.terms
    rng = generator(terms.seed, frame.metric, frame.slice)
    if terms.paired:
        clusters = shared_clusters(baseline, candidate)
        return paired_calibration(baseline, candidate, clusters, rng, terms.resamples)
    sides = [single_calibration(side, rng, terms.resamples) for side in (candidate, baseline)]
    return independent(*sides)


def moments(
    baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms
) -> Effect:
    """t of the items' influences; their BCa interval where they are skewed."""
    clusters = shared_clusters(baseline, candidate)
    (before, first), (after, second) = metric.moments.of(baseline), metric.moments.of(candidate)
    n = min(baseline.n, candidate.n)
    if not (isfinite(before) and isfinite(after)):
        known = [value if isfinite(value) else None for value in (before, after)]
        return undefined_effect(metric.key, slice, n, Reason.UNDEFINED, *known)
    frame = Frame(metric.key, slice, before, after, n, count_of(clusters), terms)
    shift = after - before
    rng = generator(terms.seed, metric.key, slice)
    if terms.paired:
        influence = second - first + shift
        part = replace(mean_of(influence, clusters), value=shift)
        bent = skewed_interval(influence, clusters, terms.level, rng, terms.resamples)
        effect = frame.from_mean(part, "paired t of influences")
    else:
        sides = (second + after, candidate.cluster), (first + before, baseline.cluster)
        part = difference_of(mean_of(*sides[0]), mean_of(*sides[1]))
        bent = skewed_difference(*sides, terms.level, rng, terms.resamples)
        effect = frame.from_mean(part, "welch t of influences")
    return effect if effect.interval is None else replace(effect, interval=bent or effect.interval)


def quantiles(
    baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms
) -> Effect:
    if metric.eligible is not None:
        baseline, candidate = (side.where(metric.eligible(side)) for side in (baseline, candidate))
    n = min(baseline.n, candidate.n)
    if n == 0:
        return undefined_effect(metric.key, slice, 0, metric.uncounted)
    if metric.own_rows:  # what counts on one side is not what counts on the other
        terms = replace(terms, paired=False)
    first, first_clusters = _timed(baseline, metric)
    second, second_clusters = _timed(candidate, metric)
    before, after = (float(np.quantile(side, metric.quantile)) for side in (first, second))
    clusters = second_clusters if first_clusters is None else first_clusters
    in_blocks = "time" in baseline.columns and baseline.cluster is None
    frame = Frame(metric.key, slice, before, after, n, count_of(clusters), terms)
    for side, codes in ((first, first_clusters), (second, second_clusters)):
        low, high = order_ranks(side, metric.quantile, terms.level, codes)
        if low < 1 or high > len(side):
            return frame.too_few()
    if terms.paired and np.array_equal(first, second):
        return frame.same_answers(n)
    if in_blocks and (frame.clusters or 0) < FEWEST_CLUSTERS:
        return frame.too_few()
    boot = quantile_difference(
        after - before,
        second,
        first,
        metric.quantile,
        (clusters, clusters) if terms.paired else (second_clusters, first_clusters),
        paired=terms.paired,
        rng=generator(terms.seed, metric.key, slice),
        resamples=terms.resamples,
    )
    name = "paired bootstrap" if terms.paired else "bootstrap"
    effect = frame.from_bootstrap(boot, f"{name} by time block" if in_blocks else name)
    if effect.interval is None or clusters is not None or not terms.paired:
        return effect
    p_value, test = mcnemar(exceedances(second, first, metric.quantile))
    return replace(effect, p_value=p_value, method=f"{test} of exceedances")


def _timed(sample: Scored, metric: Metric) -> tuple[FloatArray, IntArray | None]:
    """The values with their clusters, which are blocks of time where a time is given."""
    values, clusters = metric.items(sample)
    if clusters is not None or "time" not in sample.columns:
        return values, clusters
    below = (values <= np.quantile(values, metric.quantile)).astype(np.float64)
    return values, time_blocks(sample["time"], below)
