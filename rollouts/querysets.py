"""Reads over several tables that pages and schedules ask for."""

from typing import Any

from catalog.models import Membership
from rollouts.choices import PlanStatus
from rollouts.models import ApprovalRequest, RolloutPlan
from rollouts.policy import contributors
from rollouts.signoff import open_slots

_WATCHED = (PlanStatus.IN_REVIEW, PlanStatus.APPROVED, PlanStatus.RUNNING, PlanStatus.PAUSED)


def watched_plans() -> "list[RolloutPlan]":
    """Plans whose gates or sign-off depend on evidence that may still change."""
    return list(RolloutPlan.objects.filter(status__in=_WATCHED).order_by("pk"))


def requests_awaiting(user: Any) -> list[ApprovalRequest]:
    """The open requests that this person may answer and has not, oldest first."""
    if not user.is_authenticated or not user.is_person:
        return []
    rows = (
        ApprovalRequest.objects.visible_to(user)
        .open()
        .exclude(approvals__user=user)
        .select_related("plan__model__project", "plan__candidate", "stage")
        .prefetch_related("approvals")
        .order_by("opened_at", "pk")
    )
    roles = _roles_by_project(user)
    return [
        request
        for request in rows
        if roles.get(request.owning_project_id, set()) & set(open_slots(request))
        and user.pk not in contributors(request.plan)
    ]


def slots_open_to(user: Any, request: ApprovalRequest) -> list[str]:
    """The open slots of a request that this person could fill, as far as roles go."""
    roles = _roles_by_project(user).get(request.owning_project_id, set())
    return [slot for slot in open_slots(request) if slot in roles]


def _roles_by_project(user: Any) -> dict[int, set[str]]:
    roles: dict[int, set[str]] = {}
    for project, role in Membership.objects.open_to(user).values_list("project", "role"):
        roles.setdefault(project, set()).add(role)
    return roles
