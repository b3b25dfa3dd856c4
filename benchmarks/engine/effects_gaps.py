"""Gaps between groups compared: candidate against baseline.

A gap is the largest of several differences, which a plain bootstrap of the difference of gaps
misjudges in two ways: it is off where one side is fair and the other is not, and where several
pairs are equally wide. Two intervals that fail in different places are therefore joined: the plain
one, and one that follows the pairs that may be the widest (Fang and Santos 2019).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from benchmarks.engine.draws import generator
from benchmarks.engine.effects_base import (
    Frame,
    Terms,
    count_of,
    shared_clusters,
    undefined_effect,
)
from benchmarks.engine.formulas import Metric
from benchmarks.engine.gaps import Compared, compared, noise_of, pairs_of, widening_of
from benchmarks.engine.intervals import normal_quantile
from benchmarks.engine.scored import GROUP, FloatArray, Scored
from benchmarks.engine.values import Effect, Interval, Reason

# A pair this many of its errors below the widest may be the widest in truth.
NEAR = 1.0


@dataclass(frozen=True, eq=False)
class _Side:
    """One side's gap with draws of it, and of what its widest pairs are off by."""

    value: float
    gaps: FloatArray
    off: FloatArray


def gaps(baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms) -> Effect:
    """Same items and groups: both sides' noise is drawn together."""
    n = min(baseline.n, candidate.n)
    if terms.paired:
        joint = compared([baseline, candidate], metric.rates)
        found = [joint]
    else:
        found = [compared([side], metric.rates) for side in (baseline, candidate)]
    if not all(one.comparable for one in found):
        return undefined_effect(metric.key, slice, n, Reason.ONE_GROUP)
    if not all(np.isfinite(one.rates).all() for one in found):
        return undefined_effect(metric.key, slice, n, Reason.UNDEFINED)
    before, after = found[0].values[0], found[-1].values[-1]
    clusters = shared_clusters(baseline, candidate)
    frame = Frame(metric.key, slice, float(before), float(after), n, count_of(clusters), terms)
    if terms.paired and found[0].alike:
        return frame.same_answers(found[0].units)
    return _effect(frame, _sides(found, frame))


def grouped_as(baseline: Scored, candidate: Scored) -> Scored:
    """The baseline's rows in the candidate's groups: its own plan may name another column."""
    column = {name: candidate.columns[name] for name in (GROUP,) if name in candidate.columns}
    return replace(baseline, columns=baseline.columns | column)


def _sides(found: list[Compared], frame: Frame) -> tuple[_Side, _Side]:
    """Baseline and candidate, from one joint table of two sides or from two of one."""
    terms, sides = frame.terms, []
    for number, one in enumerate(found):
        rng = generator(terms.seed, frame.metric, frame.slice, str(number))
        noise = noise_of(one.covariance, rng, terms.resamples) * widening_of(one, terms.level)
        places = len(one.rates)
        for side in range(one.rates.shape[1]):
            own = np.s_[side * places : (side + 1) * places]
            sides.append(_side(one, side, noise[:, own], one.covariance[own, own]))
    return sides[0], sides[1]


def _side(found: Compared, side: int, noise: FloatArray, covariance: FloatArray) -> _Side:
    rates, value = found.rates[:, side], float(found.values[side])
    left, right = pairs_of(found)
    left, right = np.concatenate([left, right]), np.concatenate([right, left])
    variance = np.diag(covariance)
    squares = variance[left] + variance[right] - 2 * covariance[left, right]
    error = np.sqrt(np.maximum(squares, 0))
    near = value - (rates[left] - rates[right]) <= NEAR * error + 1e-12
    off = (noise[:, left[near]] - noise[:, right[near]]).max(axis=1)
    return _Side(value, found.gap(rates + noise), off)


def _effect(frame: Frame, sides: tuple[_Side, _Side]) -> Effect:
    before, after = sides
    difference, level = after.value - before.value, frame.terms.level
    error = float((after.gaps - before.gaps).std(ddof=1))
    if error == 0:
        return frame.too_few()
    off = after.off - before.off
    tails = (1 - level) / 2, (1 + level) / 2
    nearest, farthest = (float(end) for end in np.quantile(off, tails))
    reach = normal_quantile(level) * error
    ends = Interval(
        min(difference - reach, difference - farthest),
        max(difference + reach, difference - nearest),
        level,
        "joined bootstrap of pairs",
    )
    return frame.from_error(ends, _p_value(difference, error, off), ends.method, error)


def _p_value(difference: float, error: float, off: FloatArray) -> float:
    """The larger of the two p, as the interval is the wider of the two."""
    tail = min(int((off >= difference).sum()), int((off <= difference).sum()))
    drawn = 2 * (1 + tail) / (1 + len(off))
    return float(min(1.0, max(drawn, 2 * stats.norm.sf(abs(difference) / error))))
