"""The frozen plan of a run: everything it is judged by, copied out of the suite when it starts."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from benchmarks import amendments, frames
from benchmarks.choices import SuiteKind
from benchmarks.engine.load import LoadProfile
from benchmarks.engine.slices import Slice as EngineSlice
from benchmarks.engine.values import Criterion as EngineCriterion
from benchmarks.engine.values import ScenarioPlan
from benchmarks.models import MetricSpec, Program, Quarantine, Scenario, Suite
from catalog.models import DatasetVersion

#: Far apart, so that the repeats of one scenario do not disturb the rows of another's; the first
#: keeps the scenario's own seed.
SEED_STEP = 1_000_003
LARGEST_SEED = 2**31


def freeze(suite: Suite, window: DatasetVersion | None) -> dict[str, Any]:
    """The plan as plain data. Raises ValidationError when the suite cannot be run as it stands."""
    specs = _specs(suite)
    set_aside = _set_aside(suite)
    scenarios = [
        each
        for place in suite.places.select_related("scenario__dataset_version__dataset")
        for each in _repeated(
            place.scenario,
            _scenario(place.scenario, window, suite.protected_column)
            | set_aside.get(place.scenario.key, {}),
        )
    ]
    if suite.kind == SuiteKind.WATCH and any(map(stress_of, scenarios)):
        raise ValidationError(
            {"suite": "A production watch looks at what happened, and puts no stress on anything."}
        )
    corrected = amendments.in_force(scenario["dataset_version"] for scenario in scenarios)
    for scenario in scenarios:
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
            **_limits(suite),
        },
        "program": _program(suite.program),
        "metrics": [_metric(specs[key]) for key in suite.metrics],
        "scenarios": scenarios,
    }


def _limits(suite: Suite) -> dict[str, Any]:
    """Only where some are declared, so that the plans of other suites stay as they were."""
    names = ("longest_seconds", "most_requests", "most_tokens")
    limits: dict[str, Any] = {name: getattr(suite, name) for name in names}
    if suite.most_tokens is not None or suite.highest_cost is not None:
        limits["usage_reported"] = suite.usage_reported or None
    if suite.highest_cost is not None:
        limits |= {
            name: None if (amount := getattr(suite, name)) is None else plain(amount)
            for name in ("highest_cost", "requests_price", "tokens_price")
        }
        limits["cost_unit"] = suite.cost_unit
    limits = {name: value for name, value in limits.items() if value is not None}
    return {"limits": limits} if limits else {}


def plain(amount: Decimal) -> str:
    """An amount without the zeros that a database puts behind it."""
    whole, point, rest = f"{amount:f}".partition(".")
    return f"{whole}{point}{rest}".rstrip("0").rstrip(".") if point else whole


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
    if past := data.dataset.past_use(timezone.localdate(), "no run starts on it"):
        raise ValidationError({"dataset_version": past})
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
        **_only_where_declared(scenario),
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


def _only_where_declared(scenario: Scenario) -> dict[str, Any]:
    """What a plan holds of some scenarios only, so that the plans of others stay as they were.

    Of a stress it holds every setting, because a usual value may change.
    """
    stress = scenario.stress
    return {
        **({"stress": LoadProfile.of(stress).settings()} if stress else {}),
        **({"safety_net": scenario.safety_net} if scenario.safety_net else {}),
    }


def _repeated(scenario: Scenario, plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The scenario's plan, or one for each repeat, with a key and a seed of its own."""
    if scenario.repeats == 1:
        return [plan]
    terms = {
        "key": scenario.key,
        "repeats": scenario.repeats,
        "must_pass": scenario.must_pass,
    }
    return [
        {
            **plan,
            "key": f"{scenario.key}~{number}",
            "seed": (scenario.seed + (number - 1) * SEED_STEP) % LARGEST_SEED,
            "repeat_of": {**terms, "number": number},
        }
        for number in range(1, scenario.repeats + 1)
    ]


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


def stress_of(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """Empty where none was declared, as in every plan from before there was any."""
    return dict(scenario.get("stress", {}))


def repeat_of(scenario: Mapping[str, Any]) -> str:
    """The key of the scenario that this plan repeats; empty where it is asked once."""
    return str(scenario.get("repeat_of", {}).get("key", ""))


def slices_of(scenario: Mapping[str, Any]) -> tuple[EngineSlice, ...]:
    return tuple(EngineSlice(s["key"], s["title"], s["condition"]) for s in scenario["slices"])


def safety_net(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """Empty where none was declared."""
    return dict(scenario.get("safety_net", {}))


def limits(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What was declared of longest_seconds, most_requests, most_tokens, highest_cost, and by
    what the last two are kept; amounts of money are texts."""
    return dict(plan["suite"].get("limits", {}))


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
            unpaired=bool(stress_of(scenario)),
            repeat_of=repeat_of(scenario),
            must_pass=scenario.get("repeat_of", {}).get("must_pass", 1),
        )
        for scenario in plan["scenarios"]
    ]
