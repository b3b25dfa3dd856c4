"""Opens the question to people, and takes it back the moment what they were shown has changed."""

from datetime import datetime
from typing import Any

from catalog.choices import Role
from catalog.models import Membership
from rollouts import policy
from rollouts.choices import Answer, DecisionKind, PlanStatus, RequestStatus, StageStatus, Subject
from rollouts.evidence import bundle, bundle_digest, latest_checks
from rollouts.ledger import record_decision
from rollouts.models import ApprovalRequest, RolloutPlan, Stage
from rollouts.transitions import move_plan, move_request, move_stage


def standing_request(plan: RolloutPlan) -> ApprovalRequest | None:
    """The one request that is open, or approved and not yet applied."""
    standing = (RequestStatus.OPEN, RequestStatus.APPROVED)
    return plan.requests.filter(status__in=standing).first()


def open_request(
    plan: RolloutPlan, stage: Stage | None, *, by: Any, now: datetime
) -> ApprovalRequest:
    """Ask the functions of the policy; the slots and the evidence are copied, not referred to."""
    subject = Subject.STAGE if stage else Subject.PLAN
    slots = policy.slots_for(plan, subject)
    content = bundle(plan, stage, slots=slots)
    request = ApprovalRequest(
        plan=plan,
        stage=stage,
        subject=subject,
        slots=slots,
        evidence=content,
        evidence_digest=bundle_digest(content),
        opened_at=now,
    )
    return request.record(by=by, reason="opened")


def open_slots(request: ApprovalRequest) -> list[str]:
    signed = {a.slot for a in request.approvals.all() if a.answer == Answer.APPROVED}
    return [slot for slot in request.slots if slot not in signed]


def current_digest(request: ApprovalRequest) -> str:
    """The digest that the request would have if it were opened now, under its own slots."""
    return bundle_digest(bundle(request.plan, request.stage, slots=request.slots))


def what_lapsed(request: ApprovalRequest) -> str:
    """Why the request no longer stands, in a sentence; empty while it does."""
    if current_digest(request) != request.evidence_digest:
        return "The evidence changed since the sign-off was opened."
    excluded = policy.contributors(request.plan)
    for approval in request.approvals.filter(answer=Answer.APPROVED).select_related("user"):
        if approval.user_id in excluded or not holds_slot(approval.user, approval.slot, request):
            label = Role(approval.slot).label
            return f"{approval.printed_name} may no longer sign as {label}."
    return ""


def holds_slot(user: Any, slot: str, request: ApprovalRequest, *, lock: bool = False) -> bool:
    """Whether the person holds the slot's role now; locked, it cannot end before the commit."""
    rows = Membership.objects.filter(user=user, project=request.owning_project_id, role=slot)
    if lock:
        # Unordered: the order joins the project, and everybody would queue for that row.
        rows = rows.order_by().select_for_update(no_key=True)
    return user.is_active and bool(list(rows.values_list("pk", flat=True)))


def supersede(request: ApprovalRequest, *, why: str, now: datetime) -> None:
    """Take the request back; its answers stay visible and count no longer."""
    move_request(request, RequestStatus.SUPERSEDED, by=None, reason=why, now=now)
    record_decision(
        request.plan,
        stage=request.stage,
        kind=DecisionKind.SUPERSEDED,
        actor=None,
        summary=f"Sign-off {request.pk} superseded.",
        reason=why,
        evidence_digest=request.evidence_digest,
        now=now,
    )


def lapse(request: ApprovalRequest, *, why: str, now: datetime) -> None:
    """Take the request back and put its subject where the question can be asked again."""
    plan, stage = request.plan, request.stage
    supersede(request, why=why, now=now)
    if stage is not None:
        move_stage(stage, StageStatus.OBSERVING, by=None, reason=why, now=now)
        move_plan(plan, plan.status, by=None, reason=why)
    elif plan.status == PlanStatus.IN_REVIEW and not unmet(plan, Subject.PLAN):
        open_request(plan, None, by=None, now=now)
        move_plan(plan, plan.status, by=None, reason=why)
    else:
        return_to_draft(plan, actor=None, reason=why, now=now)


def return_to_draft(plan: RolloutPlan, *, actor: Any, reason: str, now: datetime) -> None:
    move_plan(plan, PlanStatus.DRAFT, by=actor, reason=reason)
    record_decision(
        plan,
        kind=DecisionKind.RETURNED,
        actor=actor,
        summary="Plan sent back to its owner.",
        reason=reason,
        now=now,
    )


def unmet(plan: RolloutPlan, subject: str) -> str:
    return policy.unmet_slots(plan, policy.slots_for(plan, subject))


def observed_until(stage: Stage) -> datetime | None:
    """Up to when, in the data's own time, the stage has been watched."""
    return max((c.observed_until for c in latest_checks(stage) if c.observed_until), default=None)
