"""The moves that every action is made of: lock, compare, step along the lifecycle.

The plan's row is the one lock of a rollout. It is taken first, and whatever was read before it
is read again.
"""

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError

from catalog.errors import Conflict
from rollouts import lifecycle
from rollouts.choices import StageStatus
from rollouts.models import ApprovalRequest, RolloutPlan, Stage

_LATE = "This has moved on since you looked. Reload the page and decide again."


def locked(plan: RolloutPlan, expected_version: int | None = None) -> RolloutPlan:
    """The plan as it stands now, held against everybody else until the write block ends."""
    fresh = RolloutPlan.objects.select_for_update().get(pk=plan.pk)
    if expected_version is not None and fresh.lock_version != expected_version:
        raise Conflict(_LATE, code="version")
    return fresh


def move_plan(plan: RolloutPlan, status: str, *, by: Any, reason: str, **changes: Any) -> None:
    """Take the plan one legal step further, or stay in its status with other `changes`."""
    if status != plan.status and not lifecycle.allows(lifecycle.PLAN, plan.status, status):
        raise Conflict(
            f"The plan is {plan.get_status_display().lower()}; this cannot be done now."
        )
    plan.status = status
    for name, value in changes.items():
        setattr(plan, name, value)
    plan.lock_version += 1
    plan.record(by=by, reason=reason)


def move_stage(stage: Stage, status: str, *, by: Any, reason: str, now: datetime) -> None:
    if not lifecycle.allows(lifecycle.STAGE, stage.status, status):
        raise Conflict(
            f"The stage is {stage.get_status_display().lower()}; this cannot be done now."
        )
    if stage.status == StageStatus.PENDING and status == StageStatus.OBSERVING:
        stage.started_at = now
    if not lifecycle.STAGE[status]:
        stage.ended_at = now
    stage.status = status
    stage.record(by=by, reason=reason)


def move_request(
    request: ApprovalRequest, status: str, *, by: Any, reason: str, now: datetime
) -> None:
    if not lifecycle.allows(lifecycle.REQUEST, request.status, status):
        raise Conflict(f"The request is {request.get_status_display().lower()}.", code="closed")
    request.status = status
    request.closed_at = now
    request.record(by=by, reason=reason)


def demand_status(plan: RolloutPlan, *statuses: str) -> None:
    if plan.status not in statuses:
        raise Conflict(
            f"The plan is {plan.get_status_display().lower()}; this cannot be done now."
        )


def demand_stage(plan: RolloutPlan) -> Stage:
    """The stage at work, which every running or paused plan has."""
    stage = plan.current_stage
    if stage is None:
        raise Conflict("No stage is at work.")
    return stage


def demand_reason(reason: str) -> str:
    if not reason.strip():
        raise ValidationError({"reason": "Say why, in a sentence that others can understand."})
    return reason.strip()


def demand_person(by: Any) -> None:
    """Decisions are made by people who signed in themselves, never by a token."""
    if not by.is_person or getattr(by, "token_in_use", None) is not None:
        raise PermissionDenied("Only a person who is signed in can decide this.")
