"""What every comparison shares: its terms, the parts of an effect, and how ends become one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from benchmarks.engine.draws import RESAMPLES, Bootstrap
from benchmarks.engine.intervals import Mean
from benchmarks.engine.power import detectable_from_error, needed_from_error
from benchmarks.engine.scored import IntArray, Scored
from benchmarks.engine.values import Effect, Interval, Margin, Reason

# Fewer units than this without any spread say nothing about the spread there is.
ZERO_VARIANCE_MINIMUM = 20

Ends = tuple[float, float] | Interval


@dataclass(frozen=True)
class Terms:
    """How two results are compared; `adjusted` asks for the covariate in column `reference`."""

    paired: bool
    level: float = 0.95
    margin: float | Margin | None = None
    seed: int = 0
    resamples: int = RESAMPLES
    adjusted: bool = False

    def margin_for(self, baseline: float, sd: float | None = None) -> float | None:
        """The margin in the metric's own unit."""
        if isinstance(self.margin, Margin):
            return self.margin.absolute(baseline, sd)
        return self.margin


def undefined_effect(
    metric: str,
    slice: str,
    n: int,
    reason: Reason,
    baseline: float | None = None,
    candidate: float | None = None,
) -> Effect:
    """An effect that cannot be told, with whatever values there are."""
    both = baseline is not None and candidate is not None
    difference = candidate - baseline if both else None  # type: ignore[operator]
    return Effect(metric, slice, baseline, candidate, difference, None, None, "", n, reason=reason)


@dataclass(frozen=True)
class Frame:
    """The parts of an effect that do not depend on the method; `sd` is of baseline items."""

    metric: str
    slice: str
    baseline: float
    candidate: float
    n: int
    clusters: int | None
    terms: Terms
    sd: float | None = None

    @property
    def margin(self) -> float | None:
        return self.terms.margin_for(self.baseline, self.sd)

    def effect(
        self,
        ends: Ends,
        p_value: float,
        method: str,
        *,
        discordant: int | None = None,
        detectable: float | None,
        needed_n: int | None,
        relative: Interval | None = None,
    ) -> Effect:
        if not isinstance(ends, Interval):
            ends = Interval(*ends, self.terms.level, method)
        return Effect(
            self.metric,
            self.slice,
            self.baseline,
            self.candidate,
            self.candidate - self.baseline,
            ends,
            p_value,
            method,
            self.n,
            self.clusters,
            discordant,
            detectable,
            needed_n,
            relative=relative,
        )

    def from_error(
        self,
        ends: Ends,
        p_value: float,
        method: str,
        error: float,
        relative: Interval | None = None,
    ) -> Effect:
        needed = needed_from_error(error, self.n, self.margin)
        detectable = detectable_from_error(error)
        return self.effect(
            ends, p_value, method, detectable=detectable, needed_n=needed, relative=relative
        )

    def from_mean(self, part: Mean, method: str) -> Effect:
        if part.variance == inf or part.units < 2:
            return self.too_few()
        if part.variance > 0:
            ends = part.interval(self.terms.level)
            return self.from_error(ends, part.p_value, method, part.error)
        if part.units < ZERO_VARIANCE_MINIMUM:
            return self.too_few()
        return self.from_error((part.value, part.value), part.p_value, "zero variance", 0.0)

    def from_bootstrap(self, boot: Bootstrap, name: str) -> Effect:
        if not boot.usable or boot.constant:
            return self.too_few()
        interval = boot.interval(self.terms.level, name)
        return self.from_error(interval, boot.p_value, interval.method, boot.error)

    def same_answers(self, trials: float) -> Effect:
        """Both sides gave the same answers: no change, if there were enough to show one."""
        if trials < ZERO_VARIANCE_MINIMUM:
            return self.too_few()
        return self.from_error((0.0, 0.0), 1.0, "zero variance", 0.0)

    def too_few(self) -> Effect:
        return undefined_effect(
            self.metric, self.slice, self.n, Reason.TOO_FEW, self.baseline, self.candidate
        )


def with_interval(effect: Effect, interval: Interval) -> Effect:
    """The same test beside an interval of another method."""
    return replace(effect, interval=interval)


def shared_clusters(baseline: Scored, candidate: Scored) -> IntArray | None:
    return candidate.cluster if baseline.cluster is None else baseline.cluster


def count_of(clusters: IntArray | None) -> int | None:
    return None if clusters is None else int(np.unique(clusters).size)
