"""Plans before and after their life: written, rewritten, given up or replaced."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from catalog.actions import require
from catalog.models import ModelVersion, RegisteredModel
from catalog.transactions import write_block
from rollouts.choices import DecisionKind, PlanStatus
from rollouts.ledger import record_decision
from rollouts.models import Gate, RolloutPlan, Stage
from rollouts.signoff import standing_request
from rollouts.signoff import supersede as supersede_request
from rollouts.transitions import demand_person, demand_reason, demand_status, locked, move_plan

_ONLY_AUTHORS = "Only contributors of the project write and submit rollout plans."
_PLAN_FIELDS = {
    "title",
    "owner",
    "hypothesis",
    "scope",
    "limits",
    "risk_tier",
    "watch_suite",
    "candidate",
    "fallback",
}
_STAGE_FIELDS = {"name", "exposure", "cohort", "soak_hours", "minimum_sample"}
_GATE_FIELDS = {
    "kind",
    "name",
    "why",
    "suite",
    "metric",
    "slice",
    "margin",
    "stop_loss",
    "severity",
}

Definition = Mapping[str, Any]


def draft_plan(
    model: RegisteredModel,
    *,
    by: Any,
    candidate: ModelVersion,
    fallback: ModelVersion,
    title: str,
    hypothesis: str,
    stages: Sequence[Definition] = (),
    **fields: Any,
) -> RolloutPlan:
    """Write a plan. A stage is a mapping of its fields with `gates`, a gate one of its own fields.

    Owner and risk tier default to the author and the model's own tier.
    """
    require(by, "rollouts.author_plan", model, _ONLY_AUTHORS)
    demand_person(by)
    given = {"owner": by, "risk_tier": model.risk_tier, **fields}
    _demand_known(given, _PLAN_FIELDS, "plan")
    with write_block():
        plan = RolloutPlan(
            model=model,
            candidate=candidate,
            fallback=fallback,
            title=title,
            hypothesis=hypothesis,
            **given,
        ).record(by=by, reason="drafted")
        _write_stages(plan, stages, by)
    return plan


def revise_plan(
    plan: RolloutPlan,
    *,
    by: Any,
    stages: Sequence[Definition] | None = None,
    expected_version: int | None = None,
    **fields: Any,
) -> RolloutPlan:
    """Rewrite fields of a draft; `stages`, where given, replace all stages with their gates."""
    require(by, "rollouts.author_plan", plan, _ONLY_AUTHORS)
    demand_person(by)
    _demand_known(fields, _PLAN_FIELDS, "plan")
    with write_block():
        plan = locked(plan, expected_version)
        demand_status(plan, PlanStatus.DRAFT)
        move_plan(plan, PlanStatus.DRAFT, by=by, reason="revised", **fields)
        if stages is not None:
            _remove_stages(plan, by)
            _write_stages(plan, stages, by)
    return plan


def abort(
    plan: RolloutPlan,
    *,
    by: Any,
    reason: str,
    expected_version: int | None = None,
    now: datetime | None = None,
) -> RolloutPlan:
    """Give up a plan that nobody is exposed to; one that runs is rolled back instead."""
    return _end(plan, PlanStatus.ABORTED, "Aborted.", by, reason, expected_version, now)


def supersede(
    plan: RolloutPlan,
    *,
    by: Any,
    replacement: RolloutPlan,
    expected_version: int | None = None,
    now: datetime | None = None,
) -> RolloutPlan:
    """End a plan that has not started in favour of a newer one of the same model."""
    if replacement.model_id != plan.model_id or replacement.pk == plan.pk:
        raise ValidationError({"replacement": "Name another plan of the same model."})
    reason = f"Replaced by plan {replacement.pk}: {replacement.title}"
    summary = f"Superseded by plan {replacement.pk}."
    return _end(plan, PlanStatus.SUPERSEDED, summary, by, reason, expected_version, now)


def _end(
    plan: RolloutPlan,
    status: PlanStatus,
    summary: str,
    by: Any,
    reason: str,
    expected_version: int | None,
    now: datetime | None,
) -> RolloutPlan:
    require(by, "rollouts.author_plan", plan, _ONLY_AUTHORS)
    demand_person(by)
    reason = demand_reason(reason)
    now = now or timezone.now()
    with write_block():
        plan = locked(plan, expected_version)
        move_plan(plan, status, by=by, reason=reason, ended_at=now)
        if request := standing_request(plan):
            supersede_request(request, why=reason, now=now)
        record_decision(
            plan,
            kind=DecisionKind.ABORTED,
            actor=by,
            summary=summary,
            reason=reason,
            now=now,
        )
    return plan


def _write_stages(plan: RolloutPlan, stages: Sequence[Definition], by: Any) -> None:
    for position, definition in enumerate(stages, start=1):
        own = {name: value for name, value in definition.items() if name != "gates"}
        _demand_known(own, _STAGE_FIELDS, f"stage {position}")
        stage = Stage(plan=plan, position=position, **own).record(by=by, reason="drafted")
        for place, gate in enumerate(definition.get("gates", ()), start=1):
            _demand_known(gate, _GATE_FIELDS, f"gate {place} of stage {position}")
            Gate(stage=stage, position=place, **gate).record(by=by, reason="drafted")


def _remove_stages(plan: RolloutPlan, by: Any) -> None:
    for stage in plan.stages.all():
        for row in [*stage.gates.all(), stage]:
            row._history_user = by
            row.delete()


def _demand_known(given: Mapping[str, Any], known: set[str], what: str) -> None:
    if unknown := sorted(set(given) - known):
        raise ValidationError(f"The {what} has no field called {', '.join(unknown)}.")
