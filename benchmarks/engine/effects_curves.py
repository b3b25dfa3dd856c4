"""Areas under curves compared: DeLong, bootstrap within classes, bootstrap of precision-recall."""

from __future__ import annotations

import numpy as np

from benchmarks.engine.auc import Placement, area, area_difference, area_interval
from benchmarks.engine.draws import FEWEST_CLUSTERS, Bootstrap, collect, generator
from benchmarks.engine.effects_base import (
    Frame,
    Terms,
    count_of,
    shared_clusters,
    undefined_effect,
    with_interval,
)
from benchmarks.engine.formulas import Metric
from benchmarks.engine.intervals import Mean, difference_of, square_and_add
from benchmarks.engine.precision_recall import (
    FEWEST_POSITIVES,
    average_precision,
    precision_bootstrap,
)
from benchmarks.engine.scored import Scored
from benchmarks.engine.stratified import area_difference_bootstrap, is_scarce
from benchmarks.engine.values import Effect, Reason


def areas(baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms) -> Effect:
    n = min(baseline.n, candidate.n)
    if any(side.positives in (0, side.n) for side in (baseline, candidate)):
        return undefined_effect(metric.key, slice, n, Reason.ONE_CLASS)
    second = Placement(candidate)
    first = Placement(baseline)
    clustered = second.clusters is not None
    part = (
        area_difference(second, first)
        if terms.paired
        else difference_of(area(second), area(first))
    )
    groups = candidate.cluster_count if clustered else None
    frame = Frame(metric.key, slice, first.area, second.area, n, groups, terms)
    method = "delong paired" if terms.paired else "delong independent"
    same = terms.paired and np.array_equal(baseline["score"], candidate["score"])
    if not part.variance > 0 and not same:
        return _edge_areas(frame, part, first, second)
    effect = frame.from_mean(part, f"clustered {method}" if clustered else method)
    if effect.interval is None or same or not (is_scarce(baseline) or is_scarce(candidate)):
        return effect
    return _bootstrapped(effect, baseline, candidate, terms)


def _bootstrapped(effect: Effect, baseline: Scored, candidate: Scored, terms: Terms) -> Effect:
    """Few positives or negatives: DeLong's test beside the interval of resampled classes."""
    if baseline.cluster is not None or candidate.cluster is not None:
        return effect
    boot = area_difference_bootstrap(
        candidate,
        baseline,
        paired=terms.paired,
        rng=generator(terms.seed, effect.metric, effect.slice),
        resamples=terms.resamples,
    )
    if not boot.usable or boot.constant:
        return effect
    return with_interval(effect, boot.interval(terms.level, "stratified bootstrap"))


def _edge_areas(frame: Frame, part: Mean, first: Placement, second: Placement) -> Effect:
    """Perfect or constant scores have no DeLong variance: each side's own interval is used."""
    sides = []
    for placement in (second, first):
        interval = area_interval(placement, frame.terms.level)
        if interval is None or interval.low is None or interval.high is None:
            return frame.too_few()
        sides.append((placement.area, interval.low, interval.high))
    ends = square_and_add(sides[0], sides[1])
    return frame.from_error(ends, part.p_value, "square-and-add of areas", 0.0)


def precision_areas(
    baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms
) -> Effect:
    n = min(baseline.n, candidate.n)
    if any(not side.positives for side in (baseline, candidate)):
        return undefined_effect(metric.key, slice, n, Reason.ONE_CLASS)
    clusters = shared_clusters(baseline, candidate)
    values = average_precision(baseline), average_precision(candidate)
    frame = Frame(metric.key, slice, *values, n, count_of(clusters), terms)
    if terms.paired and np.array_equal(baseline["score"], candidate["score"]):
        if (frame.clusters or n) < FEWEST_CLUSTERS:
            return frame.too_few()
        return frame.same_answers(baseline.positives or 0)
    if min(baseline.positives or 0, candidate.positives or 0) < FEWEST_POSITIVES:
        return frame.too_few()
    if frame.clusters is not None and frame.clusters < FEWEST_CLUSTERS:
        return frame.too_few()
    return frame.from_bootstrap(_precision_difference(baseline, candidate, frame), "bootstrap")


def _precision_difference(baseline: Scored, candidate: Scored, frame: Frame) -> Bootstrap:
    terms = frame.terms
    rng = generator(terms.seed, frame.metric, frame.slice)
    if terms.paired:
        clusters = shared_clusters(baseline, candidate)
        return precision_bootstrap([candidate, baseline], clusters, rng, terms.resamples)
    second, first = (
        precision_bootstrap([side], side.cluster, rng, terms.resamples)
        for side in (candidate, baseline)
    )
    size = min(len(first.draws), len(second.draws))
    return collect(
        second.value - first.value,
        second.draws[:size] - first.draws[:size],
        np.empty(0),
        np.empty(0),
        min(first.units, second.units),
    )
