"""Writes to what is measured by: metrics, scenarios, suites."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from benchmarks import frames
from benchmarks.engine.metrics import METRICS
from benchmarks.models import (
    Criterion,
    MetricSpec,
    Scenario,
    ScenarioAssumption,
    ScenarioSlice,
    Suite,
    SuiteScenario,
)
from catalog.actions import require
from catalog.models import Assumption, Dataset, DatasetVersion, Project, Slice
from catalog.transactions import write_block

_EDIT = "benchmarks.change_suite"
_ONLY_CONTRIBUTORS = "Only contributors edit suites and scenarios."


def define_metric(
    project: Project, key: str, *, margin: float, by: Any, **fields: Any
) -> MetricSpec:
    """Fix the project's contract for a metric; name, kind and direction come with the metric."""
    require(by, _EDIT, project, _ONLY_CONTRIBUTORS)
    if key not in METRICS:
        raise ValidationError({"key": f"Unknown metric. Choose one of {', '.join(METRICS)}."})
    known = METRICS[key]
    row = MetricSpec(
        project=project,
        key=key,
        label=known.label,
        kind=known.kind.value,
        direction=known.direction.value,
        unit=known.unit,
        margin=margin,
        **fields,
    )
    return row.record(by=by, reason="defined")


def write_scenario(
    project: Project,
    *,
    key: str,
    title: str,
    dataset: Dataset,
    by: Any,
    dataset_version: DatasetVersion | None = None,
    perturbation: Sequence[Mapping[str, Any]] = (),
    slices: Iterable[Slice] = (),
    assumptions: Iterable[Assumption] = (),
    criteria: Iterable[Mapping[str, Any]] = (),
    **fields: Any,
) -> Scenario:
    """A scenario with its slices, assumptions and criteria, in one transaction.

    `criteria` are objects of metric (MetricSpec), slice, value_threshold, change_threshold,
    critical and why, the business reason in words.
    """
    require(by, _EDIT, project, _ONLY_CONTRIBUTORS)
    scenario = Scenario(
        project=project,
        key=key,
        title=title,
        dataset=dataset,
        dataset_version=dataset_version,
        perturbation=[dict(step) for step in perturbation],
        **fields,
    )
    with write_block():
        scenario.record(by=by, reason="written")
        _link(scenario, slices, assumptions, by)
        _set_criteria(scenario, criteria, by)
    return scenario


def change_scenario(
    scenario: Scenario,
    *,
    by: Any,
    reason: str,
    slices: Iterable[Slice],
    assumptions: Iterable[Assumption],
    criteria: Iterable[Mapping[str, Any]],
    **fields: Any,
) -> Scenario:
    """Change what later runs are asked; what was judged keeps the plan it was judged by."""
    require(by, _EDIT, scenario, _ONLY_CONTRIBUTORS)
    if not reason.strip():
        raise ValidationError({"reason": "Say why, for those who compare runs across the change."})
    with write_block():
        scenario = Scenario.objects.select_for_update(of=("self",)).get(pk=scenario.pk)
        for name, value in fields.items():
            setattr(scenario, name, value)
        scenario.record(by=by, reason=reason)
        _link(scenario, slices, assumptions, by)
        _set_criteria(scenario, criteria, by)
    return scenario


def _link(
    scenario: Scenario, slices: Iterable[Slice], assumptions: Iterable[Assumption], by: Any
) -> None:
    """Make exactly these its slices and assumptions."""
    for model, name, chosen in (
        (ScenarioSlice, "slice", slices),
        (ScenarioAssumption, "assumption", assumptions),
    ):
        wanted = {row.pk: row for row in chosen}
        for link in model.objects.filter(scenario=scenario):
            if wanted.pop(getattr(link, f"{name}_id"), None) is None:
                link.remove(by=by, reason="taken away")
        for row in wanted.values():
            model(scenario=scenario, **{name: row}).record(by=by)


def _set_criteria(scenario: Scenario, criteria: Iterable[Mapping[str, Any]], by: Any) -> None:
    """Make exactly these its criteria, one for each metric and slice."""
    standing = {(row.metric_id, row.slice_id): row for row in scenario.criteria.all()}
    seen = set()
    for rule in criteria:
        part = rule.get("slice")
        place = (rule["metric"].pk, part.pk if part else None)
        if place in seen:
            where = part or "all rows"
            raise ValidationError(
                {"criteria": f"{rule['metric']} on {where} has two criteria. Put both into one."}
            )
        seen.add(place)
        _set_criterion(scenario, standing.pop(place, None), rule, by)
    for row in standing.values():
        row.remove(by=by, reason="taken away")


def _set_criterion(
    scenario: Scenario, standing: Criterion | None, rule: Mapping[str, Any], by: Any
) -> None:
    if standing is None:
        Criterion(scenario=scenario, **rule).record(by=by)
        return
    terms = {"value_threshold": None, "change_threshold": None, "critical": False, **rule}
    changed = [name for name, value in terms.items() if getattr(standing, name) != value]
    for name in changed:
        setattr(standing, name, terms[name])
    if changed:
        standing.record(by=by, reason="changed")


def _check_groups(suite: Suite, scenarios: Iterable[Scenario]) -> None:
    """The protected column has to be in all data that the suite fixes; a window is seen later."""
    versions = (row.dataset_version for row in scenarios if row.dataset_version is not None)
    for version in versions if suite.protected_column else ():
        problem = frames.unfit_for_groups(version, suite.protected_column)
        if problem:
            raise ValidationError({"protected_column": problem})


def compose_suite(
    project: Project,
    *,
    key: str,
    title: str,
    scenarios: Sequence[Scenario],
    by: Any,
    **fields: Any,
) -> Suite:
    """A suite of scenarios in order."""
    require(by, _EDIT, project, _ONLY_CONTRIBUTORS)
    if not scenarios:
        raise ValidationError({"scenarios": "A suite without scenarios could show nothing."})
    with write_block():
        suite = Suite(project=project, key=key, title=title, **fields)
        _check_groups(suite, scenarios)
        suite.record(by=by, reason="composed")
        _place(suite, scenarios, by)
    return suite


def change_suite(
    suite: Suite, *, scenarios: Sequence[Scenario], by: Any, reason: str, **fields: Any
) -> Suite:
    """Change a suite and the order of its scenarios; runs that have started keep their plan."""
    require(by, _EDIT, suite, _ONLY_CONTRIBUTORS)
    if not reason.strip():
        raise ValidationError({"reason": "Say why, for those who compare runs across the change."})
    if not scenarios:
        raise ValidationError({"scenarios": "A suite without scenarios could show nothing."})
    with write_block():
        suite = Suite.objects.select_for_update(of=("self",)).get(pk=suite.pk)
        for name, value in fields.items():
            setattr(suite, name, value)
        _check_groups(suite, scenarios)
        suite.record(by=by, reason=reason)
        wanted = [scenario.pk for scenario in scenarios]
        standing = list(suite.places.values_list("scenario_id", flat=True))
        if standing != wanted:
            for place in suite.places.all():
                place.remove(by=by, reason="placed anew")
            _place(suite, scenarios, by)
    return suite


def _place(suite: Suite, scenarios: Sequence[Scenario], by: Any) -> None:
    for position, scenario in enumerate(scenarios, start=1):
        SuiteScenario(suite=suite, scenario=scenario, position=position).record(by=by)
