"""The frozen plan of a run: everything it is judged by, copied out of the suite when it starts."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from benchmarks import amendments, frames
from benchmarks.engine.slices import Slice as EngineSlice
from benchmarks.engine.values import Criterion as EngineCriterion
from benchmarks.engine.values import ScenarioPlan
from benchmarks.models import MetricSpec, Program, Quarantine, Scenario, Suite
from catalog.models import DatasetVersion


def freeze(suite: Suite, window: DatasetVersion | None) -> dict[str, Any]:
    """The plan as plain data. Raises ValidationError when the suite cannot be run as it stands."""
    specs = _specs(suite)
    set_aside = _set_aside(suite)
    scenarios = [
        _scenario(place.scenario, window, suite.protected_column)
        for place in suite.places.select_related("scenario__dataset_version__dataset")
    ]
    corrected = amendments.in_force(scenario["dataset_version"] for scenario in scenarios)
    for scenario in scenarios:
        scenario |= set_aside.get(scenario["key"], {})
        if scenario["dataset_version"] in corrected:  # other plans stay as they were
            scenario["corrections"] = corrected[scenario["dataset_version"]]
    if not scenarios:
        raise ValidationError({"suite": "The suite has no scenarios, so nothing could be shown."})
    return {
        "suite": {
            "id": suite.pk,
            "key": suite.key,
            "kind": suite.kind,
            "cluster_columns": suite.cluster_columns,
            "unit_of_independence": suite.unit_of_independence,
            "protected_column": suite.protected_column,
            "error_budget": suite.error_budget,
            "planned_n": suite.planned_n,
        },
        "program": _program(suite.program),
        "metrics": [_metric(specs[key]) for key in suite.metrics],
        "scenarios": scenarios,
    }


def _set_aside(suite: Suite) -> dict[str, dict[str, Any]]:
    """What a quarantined scenario's plan holds besides; other plans stay as they were."""
    rows = Quarantine.objects.active(timezone.localdate()).filter(suite=suite)
    return {
        row.scenario.key: {"quarantine": {"id": row.pk, "until": row.until.isoformat()}}
        for row in rows.select_related("scenario")
    }


def _program(program: Program | None) -> dict[str, Any] | None:
    """Its rubric is frozen with the criteria: nobody weighs results after having seen them."""
    if program is None:
        return None
    return {"id": program.pk, "key": program.key, "rubric": program.rubric}


def _specs(suite: Suite) -> dict[str, MetricSpec]:
    specs = {spec.key: spec for spec in MetricSpec.objects.filter(project=suite.project_id)}
    lacking = [key for key in suite.metrics if key not in specs]
    if lacking or not suite.metrics:
        raise ValidationError(
            {"metrics": f"The suite needs metrics that the project defines: {', '.join(lacking)}."}
        )
    return specs


def _metric(spec: MetricSpec) -> dict[str, Any]:
    fields = ("key", "label", "kind", "direction", "unit", "margin", "severe_margin", "minimum_n")
    return {name: getattr(spec, name) for name in fields}


def _scenario(
    scenario: Scenario, window: DatasetVersion | None, protected_column: str
) -> dict[str, Any]:
    data = scenario.dataset_version or window
    if data is None:
        raise ValidationError({"dataset_version": f"Say which data “{scenario}” is to use."})
    if data.dataset_id != scenario.dataset_id:
        raise ValidationError(
            {"dataset_version": f"“{scenario}” needs data of {scenario.dataset}."}
        )
    if data.dataset.retention_passed(timezone.localdate()):
        raise ValidationError(
            {
                "dataset_version": f"“{data.dataset}” could be used until "
                f"{data.dataset.retention_until:%d %B %Y}, so no run starts on it. Use other "
                "data, or have the day moved with a reason."
            }
        )
    if protected_column and (problem := frames.unfit_for_groups(data, protected_column)):
        raise ValidationError({"protected_column": problem})
    return {
        "key": scenario.key,
        "title": scenario.title,
        "description": scenario.description,
        "risk_area": scenario.risk_area,
        "dataset_version": data.pk,
        "dataset_label": str(data),
        "dataset_digest": data.digest,
        "perturbation": scenario.perturbation,
        "seed": scenario.seed,
        "slices": [
            {
                "key": link.slice.key,
                "title": link.slice.title,
                "condition": link.slice.condition,
                "critical": link.slice.critical,
            }
            for link in scenario.slice_links.select_related("slice")
        ],
        "criteria": [
            _criterion(row) for row in scenario.criteria.select_related("metric", "slice")
        ],
    }


def _criterion(row: Any) -> dict[str, Any]:
    return {
        "metric": row.metric.key,
        "slice": row.slice.key if row.slice else "all",
        "value_threshold": row.value_threshold,
        "margin": row.change_threshold,
        "severe_margin": row.metric.severe_margin,
        "critical": row.critical or bool(row.slice and row.slice.critical),
        "minimum_n": row.metric.minimum_n,
        "why": row.why,
    }


def scenario_of(plan: Mapping[str, Any], key: str) -> dict[str, Any]:
    return next(s for s in plan["scenarios"] if s["key"] == key)


def slices_of(scenario: Mapping[str, Any]) -> tuple[EngineSlice, ...]:
    return tuple(EngineSlice(s["key"], s["title"], s["condition"]) for s in scenario["slices"])


def protected_column(plan: Mapping[str, Any]) -> str:
    """Empty where none was declared, as in every plan from before there were any."""
    return str(plan["suite"].get("protected_column", ""))


def asks_for(plan: Mapping[str, Any], scenario: Mapping[str, Any], metric: str) -> bool:
    """Whether the scenario is measured or judged by the metric."""
    criteria = (rule["metric"] for rule in scenario["criteria"])
    return metric in {*metric_keys(plan), *criteria}


def metric_keys(plan: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(metric["key"] for metric in plan["metrics"])


def engine_plans(plan: Mapping[str, Any]) -> list[ScenarioPlan]:
    """The plan as the judge wants it."""
    return [
        ScenarioPlan(
            key=scenario["key"],
            criteria=tuple(EngineCriterion(**criterion) for criterion in scenario["criteria"]),
            slices=slices_of(scenario),
            metrics=metric_keys(plan),
            margins=tuple((metric["key"], metric["margin"]) for metric in plan["metrics"]),
            quarantined="quarantine" in scenario,
        )
        for scenario in plan["scenarios"]
    ]
