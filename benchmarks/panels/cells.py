"""The scenario × slice matrix of a run, and the slices that worsened most."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.choices import ChangeChoice, FindingChoice
from benchmarks.engine.values import Change, Finding, Reason
from benchmarks.models import (
    ChallengeRun,
    Comparison,
    CriterionCheck,
    Measurement,
    MetricComparison,
)
from benchmarks.panels.reading import (
    CellAddress,
    MetricWords,
    PlanWords,
    ScenarioWords,
    SliceWords,
    sentence_of,
)

#: A scenario that ended so delivered no evidence: its whole row says so.
SILENT = {Finding.NOT_USED, Finding.ERRORED, Finding.SKIPPED, Finding.MISSING}
_WORST_FIRST = (Finding.FAIL, Finding.INCONCLUSIVE, Finding.PASS)
#: Without a baseline nothing changed or stayed: the value is only measured.
MEASURED = "measured"
_STATE_OF_REASON = {
    Reason.NO_ROWS: "no_data",
    Reason.NO_COLUMN: "no_data",
    Reason.TOO_FEW: "too_few",
}


@dataclass(frozen=True)
class MatrixCell:
    """One value with what was found about it; `is_ruled` where a criterion speaks for the cell."""

    slice: SliceWords
    value: float | None
    low: float | None
    high: float | None
    n: int
    state: str
    is_ruled: bool
    sentence: str
    url: str


@dataclass(frozen=True)
class MatrixRow:
    """One scenario; `silence` is filled instead of the cells where it delivered no evidence."""

    scenario: ScenarioWords
    finding: str
    silence: str
    url: str
    cells: tuple[MatrixCell, ...] = ()


@dataclass(frozen=True)
class RunMatrix:
    metric: MetricWords
    columns: tuple[SliceWords, ...]
    rows: tuple[MatrixRow, ...]

    @property
    def states(self) -> list[str]:
        """The states that occur, for the legend."""
        return list(dict.fromkeys(cell.state for row in self.rows for cell in row.cells))

    @property
    def has_rules(self) -> bool:
        return any(cell.is_ruled for row in self.rows for cell in row.cells)


Keys = tuple[str, str]


def run_matrix(
    run: ChallengeRun,
    comparison: Comparison,
    checks: Iterable[CriterionCheck],
    words: PlanWords,
    metric: MetricWords,
    place: CellAddress,
    messages: Mapping[str, str],
) -> RunMatrix:
    """Every scenario of the plan against every slice, for one metric; three queries less checks.

    `messages` holds what a part said of its error or its being left out.
    """
    values: dict[Keys, Measurement] = {
        (row.scenario, row.slice): row for row in run.measurements.filter(metric=metric.key)
    }
    changes: dict[Keys, MetricComparison] = {
        (row.scenario, row.slice): row for row in comparison.changes.filter(metric=metric.key)
    }
    ruled = rules_of(check for check in checks if check.metric == metric.key)
    judged = {row["key"]: row for row in comparison.scenarios}
    rows = []
    groups = {**words.repeated}
    for scenario in words.scenarios.values():
        if group := groups.pop(words.key_of(scenario.key), None):
            rows.append(_group_row(group, judged.get(group.key), place, metric, scenario.key))
        outcome = judged.get(scenario.key, {"finding": Finding.MISSING, "reason": Reason.MISSING})
        url = place.of_cell(scenario.key, metric.key, "all")
        if outcome["finding"] in SILENT:
            silence = f"{sentence_of(outcome['reason'])} {messages.get(scenario.key, '')}".strip()
            rows.append(MatrixRow(scenario, outcome["finding"], silence, url))
            continue
        cells = tuple(
            matrix_cell(
                part,
                values.get((scenario.key, part.key)),
                changes.get((scenario.key, part.key)),
                ruled.get((scenario.key, part.key)),
                place.of_cell(scenario.key, metric.key, part.key),
            )
            for part in words.slices.values()
        )
        rows.append(MatrixRow(scenario, outcome["finding"], "", url, cells))
    return RunMatrix(metric, tuple(words.slices.values()), tuple(rows))


def _group_row(
    group: ScenarioWords,
    outcome: Mapping[str, Any] | None,
    place: CellAddress,
    metric: MetricWords,
    first: str,
) -> MatrixRow:
    """The repeats of a scenario together, above the rows of each; it leads to the first."""
    url = place.of_cell(first, metric.key, "all")
    if outcome is None:
        return MatrixRow(group, Finding.MISSING, sentence_of(Reason.MISSING), url)
    passed = f"{outcome['passed']} of {outcome['repeats']}"
    return MatrixRow(
        group, outcome["finding"], f"{passed} passed, {outcome['must_pass']} must", url
    )


def rules_of(checks: Iterable[CriterionCheck]) -> dict[Keys, str]:
    """The worst finding of the criteria on each scenario and slice."""
    found: dict[Keys, str] = {}
    for check in checks:
        keys = check.scenario, check.slice
        known = [found[keys]] if keys in found else []
        found[keys] = worst_finding([*known, check.finding])
    return found


def worst_finding(findings: Iterable[str]) -> str:
    given = list(findings)
    return next((finding for finding in _WORST_FIRST if finding in given), given[0])


def matrix_cell(
    part: SliceWords,
    measured: Measurement | None,
    change: MetricComparison | None,
    ruled: str | None,
    url: str,
) -> MatrixCell:
    """Criterion findings speak first, then what changed; a value that is not there says why."""
    return MatrixCell(
        slice=part,
        value=measured.value if measured else None,
        low=measured.low if measured else None,
        high=measured.high if measured else None,
        n=measured.n if measured else 0,
        state=ruled or state_of(measured, change),
        is_ruled=ruled is not None,
        sentence=_sentence(measured, change, ruled),
        url=url if measured else "",
    )


def state_of(measured: Measurement | None, change: MetricComparison | None) -> str:
    if measured is None:
        return "no_data"
    if measured.value is None:
        return _STATE_OF_REASON.get(Reason(measured.reason), "undefined")
    if change is None or change.reason == Reason.NO_BASELINE:
        return MEASURED
    return change.change


def _sentence(
    measured: Measurement | None, change: MetricComparison | None, ruled: str | None
) -> str:
    if measured is None:
        return "Not measured."
    if measured.value is None:
        return sentence_of(measured.reason)
    parts = [f"Criterion: {FindingChoice(ruled).label.lower()}." if ruled else ""]
    if change is not None and change.reason:
        parts.append(sentence_of(change.reason))
    elif change is not None:
        parts.append(f"Against the baseline: {ChangeChoice(change.change).label.lower()}.")
    return " ".join(filter(None, parts))


def worst_slices(
    comparison: Comparison, words: PlanWords, metric: MetricWords, place: CellAddress, k: int = 6
) -> list[dict[str, Any]]:
    """The slices of any scenario on which the metric worsened most: proven ones first."""
    changes = comparison.changes.filter(metric=metric.key).exclude(slice="all")
    worsened = [
        (row.change != Change.REGRESSED, metric.sign * row.difference, row)
        for row in changes
        if row.difference is not None and metric.sign * row.difference < 0
    ]
    return [
        {
            "label": words.slice_title(row.slice),
            "value": row.difference,
            "low": row.low,
            "high": row.high,
            "state": row.change,
            "note": words.scenario_title(row.scenario),
            "url": place.of_cell(row.scenario, row.metric, row.slice),
        }
        for _, _, row in sorted(worsened, key=lambda found: (found[0], found[1], found[2].pk))[:k]
    ]
