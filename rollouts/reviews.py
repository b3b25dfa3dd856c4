"""How a plan gets in front of people, and how each of them answers."""

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from catalog.actions import require
from catalog.choices import Role
from catalog.errors import Conflict
from catalog.transactions import write_block
from rollouts import policy, signoff, watching
from rollouts.choices import Answer, DecisionKind, PlanStatus, RequestStatus, Subject
from rollouts.definition import problems
from rollouts.evidence import definition_digest
from rollouts.ledger import record_decision
from rollouts.models import Approval, ApprovalRequest, RolloutPlan
from rollouts.transitions import (
    demand_person,
    demand_reason,
    demand_stage,
    demand_status,
    locked,
    move_plan,
    move_request,
)

_ONLY_AUTHORS = "Only contributors of the project write and submit rollout plans."


def submit(
    plan: RolloutPlan, *, by: Any, expected_version: int | None = None, now: datetime | None = None
) -> ApprovalRequest:
    """Freeze the plan and ask the reviewers. Raises ValidationError with every fault it has."""
    require(by, "rollouts.author_plan", plan, _ONLY_AUTHORS)
    demand_person(by)
    now = now or timezone.now()
    with write_block():
        plan = locked(plan, expected_version)
        demand_status(plan, PlanStatus.DRAFT)
        if faults := problems(plan):
            raise ValidationError(faults)
        if RolloutPlan.objects.live().filter(model=plan.model_id).exists():
            raise Conflict("Another rollout of this model is under way.")
        _freeze(plan, by, now)
        for subject in Subject:
            if fault := signoff.unmet(plan, subject):
                raise ValidationError(fault)
        return signoff.open_request(plan, None, by=by, now=now)


def withdraw(
    plan: RolloutPlan,
    *,
    by: Any,
    reason: str,
    expected_version: int | None = None,
    now: datetime | None = None,
) -> RolloutPlan:
    """Take a submitted plan back into the draft, before it is decided."""
    require(by, "rollouts.author_plan", plan, _ONLY_AUTHORS)
    demand_person(by)
    reason = demand_reason(reason)
    now = now or timezone.now()
    with write_block():
        plan = locked(plan, expected_version)
        demand_status(plan, PlanStatus.IN_REVIEW)
        if request := signoff.standing_request(plan):
            move_request(request, RequestStatus.WITHDRAWN, by=by, reason=reason, now=now)
        move_plan(plan, PlanStatus.DRAFT, by=by, reason=reason)
        record_decision(
            plan,
            kind=DecisionKind.WITHDRAWN,
            actor=by,
            summary="Withdrawn from review.",
            reason=reason,
            now=now,
        )
    return plan


def answer(
    request: ApprovalRequest,
    *,
    by: Any,
    slot: str,
    answer: str,
    evidence_digest: str,
    reason: str = "",
    now: datetime | None = None,
) -> Approval:
    """Give one person's answer in one slot to exactly the evidence of the digest.

    When that evidence is no longer what there is, the request is superseded, which is kept, and
    Conflict says so; the caller must not wrap this in a transaction of its own.
    """
    demand_person(by)
    require(by, "rollouts.sign", request, "Only reviewers of the project sign.")
    reason = _reason_for(answer, reason)
    now = now or timezone.now()
    with write_block():
        plan = locked(request.plan)
        request = plan.requests.select_related("stage").get(pk=request.pk)
        _demand_may_answer(request, by, slot, evidence_digest)
        approval = None
        if lapsed := signoff.what_lapsed(request):
            signoff.lapse(request, why=lapsed, now=now)
            watching.watch(plan, now)
        else:
            approval = _sign(request, by, slot, answer, reason, now)
            _conclude(request, approval, now)
    if approval is None:
        raise Conflict(f"{lapsed} The sign-off is superseded.", code="evidence_changed")
    return approval


def _freeze(plan: RolloutPlan, by: Any, now: datetime) -> None:
    if plan.requests.exists():
        plan.revision += 1
    move_plan(
        plan,
        PlanStatus.IN_REVIEW,
        by=by,
        reason="submitted",
        submitted_at=now,
        definition_digest=definition_digest(plan),
    )
    record_decision(
        plan,
        kind=DecisionKind.SUBMITTED,
        actor=by,
        summary=f"Submitted for review, revision {plan.revision}.",
        evidence_digest=plan.definition_digest,
        now=now,
    )


def _reason_for(answer: str, reason: str) -> str:
    if answer not in Answer.values:
        raise ValidationError({"answer": f"Answer with one of {', '.join(Answer.values)}."})
    return reason.strip() if answer == Answer.APPROVED else demand_reason(reason)


def _demand_may_answer(request: ApprovalRequest, by: Any, slot: str, evidence_digest: str) -> None:
    """Everything that is asked of the person and the request, read under the plan's lock."""
    if request.status != RequestStatus.OPEN:
        raise Conflict(f"The request is {request.get_status_display().lower()}.", code="closed")
    if slot not in request.slots:
        raise ValidationError({"slot": "This request does not ask that function."})
    if not signoff.holds_slot(by, slot, request, lock=True):
        raise PermissionDenied(f"You do not hold the role “{Role(slot).label}” here.")
    if by.pk in policy.contributors(request.plan):
        raise PermissionDenied(
            "You worked on this plan, its version or its evidence; somebody else has to sign."
        )
    if request.approvals.filter(user=by).exists():
        raise Conflict("You have answered this request already.", code="answered")
    if slot not in signoff.open_slots(request):
        raise Conflict("Somebody else has already signed for this function.", code="filled")
    if evidence_digest != request.evidence_digest:
        raise Conflict(
            "What you were shown is not what is asked now. Reload the page.", code="digest"
        )


def _sign(
    request: ApprovalRequest, by: Any, slot: str, answer: str, reason: str, now: datetime
) -> Approval:
    approval = Approval(
        request=request,
        slot=slot,
        user=by,
        printed_name=str(by),
        answer=answer,
        reason=reason,
        evidence_digest=request.evidence_digest,
        answered_at=now,
    )
    approval.full_clean()
    approval.save()
    _record(
        request,
        DecisionKind.ANSWERED,
        by,
        f"{approval.printed_name}, {Role(slot).label}: {approval.get_answer_display().lower()}.",
        now,
        reason,
    )
    return approval


def _conclude(request: ApprovalRequest, approval: Approval, now: datetime) -> None:
    """What the answer does to the request and its subject; the last signature approves."""
    if approval.answer != Answer.APPROVED:
        _conclude_without(request, approval, now)
    elif not signoff.open_slots(request):
        by = approval.user
        move_request(request, RequestStatus.APPROVED, by=by, reason="all signed", now=now)
        if request.stage is None:
            move_plan(request.plan, PlanStatus.APPROVED, by=by, reason="all signed")
            _record(request, DecisionKind.PLAN_APPROVED, None, "Plan approved.", now)
        else:
            move_plan(request.plan, request.plan.status, by=by, reason="all signed")
            summary = f"Stage “{request.stage.name}” approved."
            _record(request, DecisionKind.STAGE_APPROVED, None, summary, now)
            watching.watch(request.plan, now)


def _conclude_without(request: ApprovalRequest, approval: Approval, now: datetime) -> None:
    """One answer other than yes ends the request: a plan goes back or ends, a stage is held."""
    plan, by, reason = request.plan, approval.user, approval.reason
    move_request(request, approval.answer, by=by, reason=reason, now=now)
    if request.stage is not None:
        watching.hold_stage(
            plan,
            demand_stage(plan),
            actor=by,
            summary=f"Held at {plan.exposure} %: {approval.get_answer_display().lower()}.",
            reason=reason,
            now=now,
        )
    elif approval.answer == Answer.REJECTED:
        move_plan(plan, PlanStatus.REJECTED, by=by, reason=reason, ended_at=now)
        _record(request, DecisionKind.PLAN_REJECTED, by, "Plan rejected.", now, reason)
    else:
        signoff.return_to_draft(plan, actor=by, reason=reason, now=now)


def _record(
    request: ApprovalRequest, kind: str, actor: Any, summary: str, now: datetime, reason: str = ""
) -> None:
    record_decision(
        request.plan,
        stage=request.stage,
        kind=kind,
        actor=actor,
        summary=summary,
        reason=reason,
        evidence_digest=request.evidence_digest,
        now=now,
    )
