"""From a judged run to the catalog: failed scenarios' wrong answers, gathered where they lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from django.utils import timezone

from benchmarks import frames, plans
from benchmarks.choices import SuiteKind
from benchmarks.engine.gathering import Gathering, gather
from benchmarks.engine.slices import mask
from benchmarks.engine.values import (
    Change,
    Finding,
    Judgement,
    ScenarioJudgement,
    ScenarioResult,
    Severity,
)
from benchmarks.models import ChallengeRun
from catalog import fingerprints
from catalog.choices import FailureSeverity, OccurrenceSource
from catalog.failures import Observation, report_failure
from catalog.models import DatasetVersion

#: Examples kept per case and run; the case's count covers the rest.
EXAMPLES = 25
ERRORS = {1: ("false alarms", "model.false_alarm"), 0: ("missed cases", "model.missed")}


@dataclass(frozen=True)
class Found:
    """One failure ready to be reported: identity, title, examples, and how many there were."""

    title: str
    parts: dict[str, str]
    mode_key: str
    severity: str
    observations: tuple[Observation, ...]


def failures_of(
    run: ChallengeRun,
    judgement: Judgement,
    candidate: Mapping[str, ScenarioResult],
    baseline: Mapping[str, ScenarioResult] | None,
) -> list[Found]:
    """The gathered wrong answers of every scenario in which a classifier failed or got worse.

    With a baseline only what it answered rightly counts: the rest is not new. What went wrong
    under load is no wrong answer about a row.
    """
    if run.suite.model.task != "binary":
        return []
    return [
        found
        for scenario in judgement.scenarios
        if _went_wrong(scenario) and not plans.stress_of(plans.scenario_of(run.plan, scenario.key))
        for found in _of_scenario(
            run, scenario, candidate[scenario.key], (baseline or {}).get(scenario.key)
        )
    ]


def _went_wrong(scenario: ScenarioJudgement) -> bool:
    """A criterion failed, or what a criterion watches was proven to be worse than before."""
    return scenario.finding is Finding.FAIL or any(
        change.family == "gate" and change.change is Change.REGRESSED
        for change in scenario.changes
    )


def record(run: ChallengeRun, found: list[Found]) -> None:
    """Report everything that was found; inside the transaction that records the judgement."""
    source = (
        OccurrenceSource.PRODUCTION
        if run.plan["suite"]["kind"] == SuiteKind.WATCH
        else OccurrenceSource.CHALLENGE
    )
    for failure in found:
        report_failure(
            run.model_version,
            title=failure.title,
            parts=failure.parts,
            observations=failure.observations,
            source=source,
            by=run.created_by,
            severity=failure.severity,
            mode_key=failure.mode_key,
        )


def _of_scenario(
    run: ChallengeRun,
    judged: ScenarioJudgement,
    result: ScenarioResult,
    before: ScenarioResult | None,
) -> list[Found]:
    frame = result.frame
    if frame is None:
        return []
    plan = plans.scenario_of(run.plan, judged.key)
    masks = {part.key: mask(frame, part.condition) for part in plans.slices_of(plan)}
    data = frames.data(DatasetVersion.objects.get(pk=plan["dataset_version"]))
    severe = any(change.severity is Severity.SEVERE for change in judged.changes)
    severity = FailureSeverity.HIGH if severe else FailureSeverity.MEDIUM
    found = []
    for predicted, (error, mode_key) in ERRORS.items():
        wrong = _newly_wrong(frame, before, predicted)
        for group in gather(wrong, masks):
            found.append(_found(run, plan, frame, data, group, error, mode_key, severity))
    return found


def _newly_wrong(frame: pd.DataFrame, before: ScenarioResult | None, predicted: int) -> np.ndarray:
    wrong = (frame["prediction"] == predicted) & (frame["label"] != predicted)
    if before is not None and before.frame is not None and len(before.frame) == len(frame):
        wrong &= before.frame["prediction"].to_numpy() == frame["label"].to_numpy()
    return wrong.to_numpy(dtype=bool)


def _found(run, plan, frame, data, group: Gathering, error, mode_key, severity) -> Found:
    titles = {s["key"]: s["title"] for s in plan["slices"]}
    place = titles.get(group.slice, fingerprints.ALL_ROWS)
    cause = plan["title"] if plan["perturbation"] else ""
    return Found(
        title=" · ".join(filter(None, [error.capitalize(), _sentence_case(place), cause])),
        parts=fingerprints.parts(error=error, place=place, cause=cause),
        mode_key=mode_key,
        severity=severity,
        observations=tuple(_observations(run, plan, frame, data, group)),
    )


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def _observations(run, plan, frame, data, group: Gathering) -> list[Observation]:
    """The most confident wrong answers one by one, and the rest as one bundle."""
    rows = frame.iloc[list(group.positions)]
    rows = rows.assign(_wrong_by=(rows["score"] - rows["label"]).abs())
    rows = rows.sort_values("_wrong_by", ascending=False, kind="stable")
    rows = rows[~rows.index.duplicated()]
    examples, rest = rows.head(EXAMPLES), rows.iloc[EXAMPLES:]
    inputs = list(run.model_version.input_columns)
    observations = [
        Observation(
            reference=f"{plan['key']}:{item}",
            observed_at=_observed_at(run, plan, data, item),
            expected=str(int(row["label"])),
            output=str(int(row["prediction"])),
            confidence=float(row["score"]),
            inputs=_plain(data.loc[item], inputs),
        )
        for item, row in examples.iterrows()
    ]
    if len(rest):
        last = max(observation.observed_at for observation in observations)
        bundle = tuple(f"{plan['key']}:{item}" for item in rest.index)
        reference = f"{plan['key']}:run {run.pk}"
        observations.append(Observation(reference=reference, observed_at=last, items=bundle))
    return observations


def _observed_at(run: ChallengeRun, plan: dict[str, Any], data: pd.DataFrame, item: Any) -> Any:
    """The item's own time where the data have one."""
    column = DatasetVersion.objects.values_list("time_column", flat=True).get(
        pk=plan["dataset_version"]
    )
    if not column:
        return timezone.now()
    return pd.Timestamp(data.loc[item, column]).tz_localize("UTC").to_pydatetime()


def _plain(row: pd.Series, columns: list[str]) -> dict[str, Any]:
    """One row's inputs as JSON values; a missing field is None."""
    known = {name: row[name] for name in columns if name in row.index}
    return {name: _value(value) for name, value in known.items()}


def _value(value: Any) -> Any:
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, str | int | float | bool) else str(value)
