"""What people do with a running rollout: start, advance, hold, resume, roll back, waive."""

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from catalog.actions import require, set_production
from catalog.errors import Conflict
from catalog.models import RegisteredModel
from catalog.signals import happened
from catalog.transactions import write_block
from rollouts import policy, signoff, watching
from rollouts.choices import DecisionKind, GateKind, PlanStatus, RequestStatus, StageStatus
from rollouts.definition import fallback_problem
from rollouts.ledger import record_decision
from rollouts.models import ApprovalRequest, Gate, RolloutPlan, Stage, Waiver
from rollouts.transitions import (
    demand_person,
    demand_reason,
    demand_stage,
    demand_status,
    locked,
    move_plan,
    move_request,
    move_stage,
)

_WATCHED = (PlanStatus.RUNNING, PlanStatus.PAUSED)
_ONLY_OPERATORS = "Only an operator of the project moves a rollout."
_EVIDENCE_CHANGED = (
    "What was signed has changed, so the sign-off no longer stands. Reload the page."
)


def start(
    plan: RolloutPlan, *, by: Any, expected_version: int | None = None, now: datetime | None = None
) -> RolloutPlan:
    """Expose the first stage, provided that what was approved is still what there is."""
    _demand_operator(plan, by)
    now = now or timezone.now()
    with write_block():
        plan = locked(plan, expected_version)
        demand_status(plan, PlanStatus.APPROVED)
        watching.watch(plan, now)
        if started := plan.status == PlanStatus.APPROVED:
            _start(plan, by, now)
    if not started:
        raise Conflict(_EVIDENCE_CHANGED, code="evidence_changed")
    return plan


def advance(
    plan: RolloutPlan, *, by: Any, expected_version: int | None = None, now: datetime | None = None
) -> RolloutPlan:
    """Take the approved next step: the next stage, or everybody after the last one."""
    _demand_operator(plan, by)
    now = now or timezone.now()
    with write_block():
        plan = locked(plan, expected_version)
        demand_status(plan, PlanStatus.RUNNING)
        stage = demand_stage(plan)
        request = signoff.standing_request(plan)
        if request is None or request.status != RequestStatus.APPROVED:
            raise Conflict("This stage has not been signed off.", code="not_signed")
        watching.watch(plan, now)
        request.refresh_from_db(fields=["status"])
        if stands := request.status == RequestStatus.APPROVED:
            _promote(plan, stage, request, by, now)
    if not stands:
        raise Conflict(_EVIDENCE_CHANGED, code="evidence_changed")
    return plan


def hold(
    plan: RolloutPlan,
    *,
    by: Any,
    reason: str,
    expected_version: int | None = None,
    now: datetime | None = None,
) -> RolloutPlan:
    """Pause: exposure stays where it is, and nothing moves up until somebody resumes."""
    _demand_operator_or_owner(plan, by)
    reason = demand_reason(reason)
    with write_block():
        plan = locked(plan, expected_version)
        demand_status(plan, PlanStatus.RUNNING)
        watching.hold_stage(
            plan,
            demand_stage(plan),
            actor=by,
            summary=f"Held at {plan.exposure} %.",
            reason=reason,
            now=now or timezone.now(),
        )
    return plan


def resume(
    plan: RolloutPlan,
    *,
    by: Any,
    reason: str,
    expected_version: int | None = None,
    now: datetime | None = None,
) -> RolloutPlan:
    """Watch on after a hold, once no gate of the stage says no any more."""
    _demand_operator(plan, by)
    reason = demand_reason(reason)
    now = now or timezone.now()
    with write_block():
        plan = locked(plan, expected_version)
        demand_status(plan, PlanStatus.PAUSED)
        failing = watching.still_failing(watching.watch(plan, now))
        if resumed := not failing and plan.status == PlanStatus.PAUSED:
            _resume(plan, by, reason, now)
    if not resumed:
        why = " ".join(failing) or "The rollout is going back."
        raise Conflict(f"It cannot be resumed yet. {why}", code="still_failing")
    return plan


def roll_back(
    plan: RolloutPlan,
    *,
    by: Any,
    reason: str,
    expected_version: int | None = None,
    now: datetime | None = None,
) -> RolloutPlan:
    """Go back to the fallback at once. No gate and no signature is asked."""
    _demand_operator_or_owner(plan, by)
    reason = demand_reason(reason)
    with write_block():
        plan = locked(plan, expected_version)
        demand_status(plan, *_WATCHED)
        watching.go_back(
            plan,
            demand_stage(plan),
            kind=DecisionKind.ROLL_BACK,
            actor=by,
            summary=f"Rolled back from {plan.exposure} % to {plan.fallback.version}.",
            reason=reason,
            now=now or timezone.now(),
        )
    return plan


def report_exposure(
    plan: RolloutPlan, *, exposure: int, by: Any, now: datetime | None = None
) -> RolloutPlan:
    """Take note of the exposure that the delivery system has really set.

    More than the stage allows is refused and recorded; zero confirms a rollback.
    """
    sentence = "Only the account of the delivery system reports exposure."
    require(by, "rollouts.report_exposure", plan, sentence)
    if not 0 <= exposure <= 100:
        raise ValidationError({"exposure": "Exposure is a percentage from 0 to 100."})
    with write_block():
        plan = locked(plan)
        demand_status(plan, *_WATCHED, PlanStatus.ROLLING_BACK)
        ceiling = _ceiling(plan)
        if exposure <= ceiling:
            _take_note(plan, exposure, by, now or timezone.now())
        else:
            happened.send(
                sender=RolloutPlan,
                action="rollouts.exposure_exceeded",
                obj=plan,
                actor=by,
                project_id=plan.owning_project_id,
                payload={"reported": exposure, "ceiling": ceiling},
            )
    if exposure > ceiling:
        raise Conflict(
            f"{exposure} % is more than the {ceiling} % allowed now. Lower it at once.",
            code="exposure_exceeded",
        )
    return plan


def waive(
    gate: Gate,
    *,
    by: Any,
    reason: str,
    expires_at: datetime,
    compensating_control: str = "",
    now: datetime | None = None,
) -> Waiver:
    """Accept an exception to one gate until a date; it is shown for ever."""
    now = now or timezone.now()
    require(by, "rollouts.waive_gate", gate, "Only those who answer for risk waive a gate.")
    demand_person(by)
    reason = demand_reason(reason)
    if expires_at <= now:
        raise ValidationError({"expires_at": "A waiver ends at some time in the future."})
    with write_block():
        plan = locked(gate.stage.plan)
        stage = _demand_waivable(plan, gate, by)
        waiver = Waiver(
            gate=gate,
            reason=reason,
            compensating_control=compensating_control,
            expires_at=expires_at,
        ).record(by=by, reason=reason)
        record_decision(
            plan,
            stage=stage,
            kind=DecisionKind.WAIVED,
            actor=by,
            summary=f"Gate “{gate.name}” waived until {expires_at:%d %B %Y}.",
            reason=reason,
            now=now,
        )
        watching.watch(plan, now)
    return waiver


# -- the steps, under the lock ----------------------------------------------------------------


def _start(plan: RolloutPlan, by: Any, now: datetime) -> None:
    # Two plans of one model could start at once; their lock is the model's row.
    RegisteredModel.objects.select_for_update(no_key=True).get(pk=plan.model_id)
    if RolloutPlan.objects.live().filter(model=plan.model_id).exists():
        raise Conflict("Another rollout of this model is under way.")
    if problem := fallback_problem(plan):
        raise Conflict(problem)
    request = signoff.standing_request(plan)
    if request is None:
        raise Conflict("This plan has not been signed off.", code="not_signed")
    stage = plan.stages.order_by("position")[0]
    move_request(request, RequestStatus.APPLIED, by=by, reason="started", now=now)
    move_stage(stage, StageStatus.OBSERVING, by=by, reason="started", now=now)
    move_plan(plan, PlanStatus.RUNNING, by=by, reason="started", exposure=stage.exposure)
    _record_step(plan, stage, request, DecisionKind.STARTED, by, now)
    watching.watch(plan, now)


def _promote(
    plan: RolloutPlan, stage: Stage, request: ApprovalRequest, by: Any, now: datetime
) -> None:
    move_request(request, RequestStatus.APPLIED, by=by, reason="advanced", now=now)
    move_stage(stage, StageStatus.PASSED, by=by, reason="advanced", now=now)
    following = plan.stages.filter(position__gt=stage.position).order_by("position").first()
    if following is None:
        _complete(plan, stage, request, by, now)
        return
    move_stage(following, StageStatus.OBSERVING, by=by, reason="advanced", now=now)
    move_plan(plan, plan.status, by=by, reason="advanced", exposure=following.exposure)
    _record_step(plan, following, request, DecisionKind.ADVANCED, by, now)
    watching.watch(plan, now)


def _complete(
    plan: RolloutPlan, stage: Stage, request: ApprovalRequest, by: Any, now: datetime
) -> None:
    """The candidate serves everybody from now on and is the model's production version."""
    reason = f"Rollout {plan.pk} completed."
    move_plan(plan, PlanStatus.COMPLETED, by=by, reason="completed", exposure=100, ended_at=now)
    _record_step(plan, stage, request, DecisionKind.COMPLETED, by, now)
    model = RegisteredModel.objects.select_for_update(no_key=True).get(pk=plan.model_id)
    set_production(model, plan.candidate, by=by, reason=reason)


def _record_step(
    plan: RolloutPlan, stage: Stage, request: ApprovalRequest, kind: str, by: Any, now: datetime
) -> None:
    record_decision(
        plan,
        stage=stage,
        kind=kind,
        actor=by,
        summary=f"{DecisionKind(kind).label}: {plan.candidate.version} at {plan.exposure} %.",
        evidence_digest=request.evidence_digest,
        observed_until=signoff.observed_until(request.stage) if request.stage else None,
        now=now,
    )


def _resume(plan: RolloutPlan, by: Any, reason: str, now: datetime) -> None:
    stage = demand_stage(plan)
    move_stage(stage, StageStatus.OBSERVING, by=by, reason=reason, now=now)
    move_plan(plan, PlanStatus.RUNNING, by=by, reason=reason)
    record_decision(
        plan,
        stage=stage,
        kind=DecisionKind.RESUMED,
        actor=by,
        summary=f"Resumed at {plan.exposure} %.",
        reason=reason,
        now=now,
    )
    watching.watch(plan, now)


def _ceiling(plan: RolloutPlan) -> int:
    """Only a promotion raises it; a paused plan stays where it is, one going back has none."""
    if plan.status != PlanStatus.RUNNING:
        return plan.exposure
    return demand_stage(plan).exposure


def _take_note(plan: RolloutPlan, exposure: int, by: Any, now: datetime) -> None:
    if plan.status != PlanStatus.ROLLING_BACK:
        if exposure != plan.exposure:
            move_plan(plan, plan.status, by=by, reason="exposure reported", exposure=exposure)
        return
    move_plan(plan, PlanStatus.ROLLED_BACK, by=by, reason="exposure is 0", ended_at=now)
    record_decision(
        plan,
        kind=DecisionKind.ROLLED_BACK,
        actor=by,
        summary="The delivery system confirmed that nobody is exposed any more.",
        now=now,
    )


# -- who may ----------------------------------------------------------------------------------


def _demand_operator(plan: RolloutPlan, by: Any) -> None:
    require(by, "rollouts.operate_plan", plan, _ONLY_OPERATORS)
    demand_person(by)


def _demand_operator_or_owner(plan: RolloutPlan, by: Any) -> None:
    """Stopping is also open to whoever answers for the plan or the model."""
    demand_person(by)
    if by.has_perm("rollouts.operate_plan", plan):
        return
    owns = by.pk in {plan.owner_id, plan.model.owner_id}
    if not owns or not RolloutPlan.objects.visible_to(by).filter(pk=plan.pk).exists():
        raise PermissionDenied("Only an operator or the owner stops a rollout.")


def _demand_waivable(plan: RolloutPlan, gate: Gate, by: Any) -> Stage:
    demand_status(plan, *_WATCHED)
    stage = demand_stage(plan)
    if gate.stage_id != stage.pk:
        raise Conflict("Only a gate of the stage at work can be waived.")
    if gate.kind == GateKind.APPROVAL or gate.stop_loss:
        raise ValidationError({"gate": "Sign-off and stop-loss cannot be waived."})
    if by.pk in policy.contributors(plan):
        raise PermissionDenied("You worked on this rollout; somebody else has to waive its gates.")
    return stage
