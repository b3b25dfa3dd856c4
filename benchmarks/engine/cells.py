"""Measures one scenario: every metric on every slice, candidate against baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from benchmarks.engine.alarms import concord
from benchmarks.engine.effects import Terms, compare_scored, undefined_effect
from benchmarks.engine.families import Concordance
from benchmarks.engine.formulas import Metric
from benchmarks.engine.metrics import estimate_scored, metric_of
from benchmarks.engine.pairing import aligned
from benchmarks.engine.scored import Scored, scored
from benchmarks.engine.sequential import sequential_effect_scored, sequential_estimate
from benchmarks.engine.slices import ALL, BoolArray, mask
from benchmarks.engine.values import Effect, Estimate, Reason, ScenarioPlan, ScenarioResult

Cell = tuple[str, str]


@dataclass(frozen=True)
class Rules:
    """What holds for the whole judgement; a planned n means that there will be many looks."""

    alpha: float
    seed: int
    clusters: str | None
    planned_n: int | None


@dataclass(frozen=True)
class Measured:
    """Estimates where a criterion asks for them, effects everywhere, leanings by metric."""

    estimates: Mapping[Cell, Estimate]
    effects: Mapping[Cell, Effect]
    leanings: Mapping[str, Concordance]


@dataclass(frozen=True)
class _Sides:
    candidate: Scored
    baseline: Scored | None
    rows: Mapping[str, BoolArray | None]
    rows_before: Mapping[str, BoolArray | None]  # the same rows, unless they are unpaired
    reason: Reason  # why there is no baseline side


def cells_of(plan: ScenarioPlan) -> list[Cell]:
    """Metric and slice of each cell, those that only a criterion names included."""
    names = [ALL, *(part.key for part in plan.slices)]
    cells = [(metric, name) for name in names for metric in plan.metrics]
    for criterion in plan.criteria:
        if criterion.slice not in names:
            raise ValueError(
                f"Scenario “{plan.key}” has a criterion on “{criterion.slice}”, which is none of "
                "its slices."
            )
        cells.append((criterion.metric, criterion.slice))
    return list(dict.fromkeys(cells))


def margin_of(plan: ScenarioPlan, metric: str, slice: str) -> float | None:
    """The worsening that matters: of the cell's own criterion, else as agreed, else by default."""
    known = [(c.slice, c.margin) for c in plan.criteria if c.metric == metric]
    own = [margin for name, margin in known if name == slice and margin is not None]
    agreed = [margin for name, margin in plan.margins if name == metric]
    other = [margin for _, margin in known if margin is not None]
    return min(own or agreed or other, default=metric_of(metric).margin)


def measure(
    plan: ScenarioPlan, candidate: ScenarioResult, baseline: ScenarioResult | None, rules: Rules
) -> Measured:
    """Numbers for a received result; without item data every number says so."""
    cells = cells_of(plan)
    asked = {(criterion.metric, criterion.slice) for criterion in plan.criteria}
    if candidate.frame is None:
        reason = Reason.NO_ITEM_DATA
        return Measured(
            {
                cell: Estimate(*cell, None, None, 0, None, reason)
                for cell in cells
                if cell in asked
            },
            {cell: undefined_effect(*cell, 0, reason) for cell in cells},
            {},
        )
    sides = _sides(plan, candidate.frame, candidate.data_digest, baseline, rules)
    estimates: dict[Cell, Estimate] = {}
    effects: dict[Cell, Effect] = {}
    for name, rows in sides.rows.items():
        part = None if rows is None else sides.candidate.where(rows)
        earlier = sides.rows_before[name]
        before = (
            None if earlier is None or sides.baseline is None else sides.baseline.where(earlier)
        )
        for cell in cells:
            if cell[1] != name:
                continue
            metric = metric_of(cell[0])
            if cell in asked:
                estimates[cell] = _estimate(metric, name, part, rules)
            effects[cell] = _effect(plan, metric, name, part, before, sides.reason, rules)
    return Measured(estimates, effects, _leanings(plan, sides, rules))


def _leanings(plan: ScenarioPlan, sides: _Sides, rules: Rules) -> dict[str, Concordance]:
    """Not under repeated looks, whose many p-values would add up to false alarms, nor unpaired."""
    if sides.baseline is None or rules.planned_n is not None or plan.unpaired:
        return {}
    slices = {name: rows for name, rows in sides.rows.items() if name != ALL and rows is not None}
    found = {
        key: concord(
            sides.baseline,
            sides.candidate,
            metric_of(key),
            slices,
            seed=rules.seed,
            scenario=plan.key,
        )
        for key in plan.metrics
        if all(name in side.columns for side in _both(sides) for name in metric_of(key).needs)
    }
    return {key: leaning for key, leaning in found.items() if leaning is not None}


def _both(sides: _Sides) -> tuple[Scored, ...]:
    return (sides.candidate,) if sides.baseline is None else (sides.candidate, sides.baseline)


def _sides(
    plan: ScenarioPlan,
    frame: pd.DataFrame,
    digest: str,
    baseline: ScenarioResult | None,
    rules: Rules,
) -> _Sides:
    reason, before = _baseline_frame(digest, baseline)
    if before is not None and not plan.unpaired:
        try:
            before, frame = aligned(before, frame)
        except ValueError:
            reason, before = Reason.MISMATCHED_DATA, None
    rows = _rows(plan, frame)
    earlier = _rows(plan, before) if plan.unpaired and before is not None else rows
    first = None if before is None else scored(before, rules.clusters)
    return _Sides(scored(frame, rules.clusters), first, rows, earlier, reason)


def _rows(plan: ScenarioPlan, frame: pd.DataFrame) -> dict[str, BoolArray | None]:
    """The rows of every slice; None where it needs a column that is not there."""
    rows: dict[str, BoolArray | None] = {ALL: mask(frame, {})}
    for part in plan.slices:
        try:
            rows[part.key] = mask(frame, part.condition)
        except ValueError:
            rows[part.key] = None
    return rows


def _baseline_frame(
    digest: str, baseline: ScenarioResult | None
) -> tuple[Reason, pd.DataFrame | None]:
    if baseline is None or baseline.status != "received":
        return Reason.NO_BASELINE, None
    if baseline.data_digest != digest:
        return Reason.MISMATCHED_DATA, None
    if baseline.frame is None:
        return Reason.NO_ITEM_DATA, None
    return Reason.NONE, baseline.frame


def _estimate(metric: Metric, slice: str, part: Scored | None, rules: Rules) -> Estimate:
    if part is None:
        return Estimate(metric.key, slice, None, None, 0, None, Reason.NO_COLUMN)
    if rules.planned_n is not None:
        return sequential_estimate(
            part, metric, slice, alpha=rules.alpha, planned_n=rules.planned_n
        )
    return estimate_scored(part, metric, slice, level=1 - rules.alpha, seed=rules.seed)


def _effect(
    plan: ScenarioPlan,
    metric: Metric,
    slice: str,
    part: Scored | None,
    before: Scored | None,
    reason: Reason,
    rules: Rules,
) -> Effect:
    if part is None:
        return undefined_effect(metric.key, slice, 0, Reason.NO_COLUMN)
    if before is None:
        return undefined_effect(metric.key, slice, part.n, reason)
    margin = margin_of(plan, metric.key, slice)
    if rules.planned_n is not None and plan.unpaired:
        return undefined_effect(metric.key, slice, part.n, Reason.NO_SEQUENCE)
    if rules.planned_n is not None:
        return sequential_effect_scored(
            before,
            part,
            metric,
            slice,
            alpha=rules.alpha,
            planned_n=rules.planned_n,
            margin=margin,
        )
    terms = Terms(not plan.unpaired, 1 - rules.alpha, margin, rules.seed)
    return compare_scored(before, part, metric, slice, terms)
