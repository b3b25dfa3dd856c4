"""One cell of a run with everything known about it: value, change, criteria, neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.engine.slices import ALL
from benchmarks.models import (
    ChallengeRun,
    Comparison,
    CriterionCheck,
    Measurement,
    MetricComparison,
)
from benchmarks.panels.cells import SILENT, rules_of, state_of
from benchmarks.panels.reading import (
    CellAddress,
    MetricWords,
    PlanWords,
    ScenarioWords,
    SliceWords,
    sentence_of,
)


@dataclass(frozen=True)
class CellView:
    """A cell's page. Whatever is missing is None, and `silence` says why nothing was measured."""

    scenario: ScenarioWords
    metric: MetricWords
    slice: SliceWords
    measured: Measurement | None
    reason: str
    change: MetricComparison | None
    change_reason: str
    checks: tuple[CriterionCheck, ...]
    state: str
    silence: str
    baseline_scenario: ScenarioWords | None


def cell_view(
    run: ChallengeRun,
    comparison: Comparison | None,
    words: PlanWords,
    scenario: str,
    metric: str,
    slice: str,
) -> CellView | None:
    """The cell that an address names, or None where the plan has no such cell."""
    if not _is_planned(words, scenario, metric, slice):
        return None
    keys = {"scenario": scenario, "metric": metric, "slice": slice}
    measured = run.measurements.filter(**keys).first()
    change = comparison.changes.filter(**keys).first() if comparison else None
    checks = tuple(comparison.checks.filter(**keys)) if comparison else ()
    ruled = rules_of(checks).get((scenario, slice))
    return CellView(
        scenario=words.scenarios[scenario],
        metric=words.named(metric),
        slice=words.slices[slice],
        measured=measured,
        reason=sentence_of(measured.reason) if measured else "",
        change=change,
        change_reason=sentence_of(change.reason) if change else "",
        checks=checks,
        state=ruled or state_of(measured, change),
        silence=_silence(comparison, scenario),
        baseline_scenario=_baseline_scenario(run, scenario),
    )


def _is_planned(words: PlanWords, scenario: str, metric: str, slice: str) -> bool:
    if scenario not in words.scenarios:
        return False
    plan = next(row for row in words.plan["scenarios"] if row["key"] == scenario)
    metrics = {*words.metrics, *(rule["metric"] for rule in plan["criteria"])}
    return metric in metrics and slice in {ALL, *(part["key"] for part in plan["slices"])}


def _silence(comparison: Comparison | None, scenario: str) -> str:
    judged = comparison.scenarios if comparison else []
    outcome = next((row for row in judged if row["key"] == scenario), None)
    silent = outcome is not None and outcome["finding"] in SILENT
    return sentence_of(outcome["reason"]) if outcome and silent else ""


def _baseline_scenario(run: ChallengeRun, scenario: str) -> ScenarioWords | None:
    if run.baseline_run is None:
        return None
    return PlanWords(run.baseline_run.plan).scenarios.get(scenario)


def neighbours(
    run: ChallengeRun,
    comparison: Comparison | None,
    cell: CellView,
    words: PlanWords,
    place: CellAddress,
) -> tuple[bool, list[dict[str, Any]]]:
    """The metric on every slice of the scenario; (whether these are differences, the rows)."""
    keys = {"scenario": cell.scenario.key, "metric": cell.metric.key}
    changes = list(comparison.changes.filter(**keys)) if comparison else []
    is_change = any(row.difference is not None for row in changes)
    source: Sequence[Any] = changes if is_change else list(run.measurements.filter(**keys))
    known = {row.slice: row for row in source}
    rows = [
        {
            "label": part.title,
            "value": row.difference if is_change else row.value,
            "low": row.low,
            "high": row.high,
            "state": row.change if is_change else "",
            "note": f"n = {row.n:,}" if row.n else sentence_of(row.reason),
            "url": place.of_cell(cell.scenario.key, cell.metric.key, part.key),
        }
        for part in words.slices.values()
        if (row := known.get(part.key)) is not None
    ]
    return is_change, rows
