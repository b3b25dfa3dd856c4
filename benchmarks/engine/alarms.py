"""Concordance alarms: many small changes that point one way, each too small to be called alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.engine.draws import generator
from benchmarks.engine.families import Concordance, concordance
from benchmarks.engine.formulas import Metric
from benchmarks.engine.scored import FloatArray, Scored
from benchmarks.engine.slices import BoolArray
from benchmarks.engine.values import Kind

# Units are added up in this many random groups: signs of groups are as valid as signs of units.
GROUPS = 1024
# Random signs of fewer units than this cannot reach a small p.
FEWEST_UNITS = 20
FEWEST_SLICES = 3


def concord(
    baseline: Scored,
    candidate: Scored,
    metric: Metric,
    slices: Mapping[str, BoolArray],
    *,
    seed: int,
    scenario: str,
) -> Concordance | None:
    """Whether a metric leans one way over its slices; above 0 is better.

    For metrics that average a value of the same items; both results hold them in the same
    order. None for other kinds, for hardly any unit, and where no slice differs at all.
    """
    averages = metric.kind in (Kind.PROPORTION, Kind.MEAN) and not metric.own_rows
    if not averages or len(slices) < FEWEST_SLICES:
        return None
    rng = generator(seed, metric.key, f"concordance of {scenario}")
    difference = metric.direction.sign * (metric.values(candidate) - metric.values(baseline))
    if not np.isfinite(difference).all():
        return None
    counted = np.ones(candidate.n, bool) if metric.eligible is None else metric.eligible(candidate)
    units = np.arange(candidate.n) if candidate.cluster is None else candidate.cluster
    number = len(np.unique(units[counted]))
    if number < FEWEST_UNITS:
        return None
    groups = _groups(int(units.max()) + 1, rng)[units]
    table = _table(difference, groups, [rows & counted for rows in slices.values()])
    found = concordance(table, rng)
    return found if found.cells >= FEWEST_SLICES else None


def _groups(units: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(units) % GROUPS


def _table(difference: FloatArray, groups: np.ndarray, slices: list[BoolArray]) -> FloatArray:
    """Sums of differences, groups × slices."""
    return np.column_stack(
        [np.bincount(groups[rows], difference[rows], GROUPS) for rows in slices]
    )
