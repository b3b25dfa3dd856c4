"""What every page's frame shows: where one is, where one can go and what waits there.

Runs on each page, so it asks four questions of the database, however much there is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.cache import cache
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse

from catalog.choices import Role
from catalog.lifecycle import OPEN
from catalog.models import FailureCase, Membership, Project
from portal.accounts.roles import ROLE_PERMISSIONS
from portal.dashboards import queries
from rollouts import policy
from rollouts.models import ApprovalRequest
from rollouts.signoff import open_slots

#: Label, address name, and the part of the address that marks it as the place one is at.
PLACES = (
    ("Home", "project-home", ("",)),
    ("Inbox", "inbox", ("inbox", "requests")),
    ("Rollouts", "rollout-list", ("rollouts",)),
    ("Programs", "program-list", ("programs", "remediation")),
    ("Runs", "run-list", ("runs", "comparisons")),
    ("Suites", "suite-list", ("suites", "scenarios")),
    ("Models", "model-list", ("models", "versions")),
    ("Data", "dataset-list", ("data", "data-versions", "drift")),
    ("Assumptions", "assumption-list", ("assumptions",)),
    ("Failures", "failure-list", ("failures",)),
    ("Audit", "audit-timeline", ("audit",)),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    here: Project | None = getattr(request, "project", None)
    held = list(Membership.objects.open_to(user).select_related("project").order_by("project"))
    projects = {row.project.pk: row.project for row in held}
    context: dict[str, Any] = {"projects": [_choice(row, here) for row in projects.values()]}
    if here is None or here.pk not in projects:
        return context
    roles = [row.role for row in held if row.project_id == here.pk]
    return context | {
        "account_roles": role_labels(roles),
        "navigation": list(_places(request, here, _counts(user, here, roles))),
    }


def role_labels(roles: Iterable[str]) -> list[str]:
    return [str(role.label) for role in Role if role in set(roles)]


def _choice(project: Project, here: Project | None) -> dict[str, Any]:
    url = reverse("project-home", args=[project.slug])
    return {"label": project.name, "url": url, "active": here is not None and here == project}


def _places(
    request: HttpRequest, project: Project, counts: Mapping[str, int]
) -> Iterable[dict[str, Any]]:
    home = reverse("project-home", args=[project.slug])
    part = request.path.removeprefix(home).split("/")[0]
    for label, name, parts in PLACES:
        yield {
            "label": label,
            "url": reverse(name, args=[project.slug]),
            "active": part in parts,
            "count": counts.get(name, 0),
        }


def _counts(user: Any, project: Project, roles: list[str]) -> dict[str, int]:
    """What waits in the inbox and how many failures are open."""
    failures = FailureCase.objects.filter(model__project=OuterRef("pk"), status__in=OPEN)
    baselines = queries.undecided_baselines(user).filter(suite__project=OuterRef("pk"))
    cases = queries.unverified_cases(user).filter(model__project=OuterRef("pk"))
    row = (
        Project.objects.filter(pk=project.pk)
        .values_list(
            _number_of(failures, "model__project"),
            _number_of(baselines, "suite__project"),
            _number_of(cases, "model__project"),
        )
        .get()
    )
    may = frozenset[str]().union(*(ROLE_PERMISSIONS[role] for role in roles))
    waiting = _signatures(user, project, roles) if "rollouts.sign" in may else 0
    waiting += row[1] if "benchmarks.approve_baseline" in may else 0
    waiting += row[2] if "catalog.verify_failurecase" in may else 0
    return {"failure-list": row[0], "inbox": waiting}


def _number_of(rows: QuerySet[Any], path: str) -> Coalesce:
    counted = rows.order_by().values(path).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def _signatures(user: Any, project: Project, roles: list[str]) -> int:
    requests = (
        ApprovalRequest.objects.open()
        .filter(plan__model__project=project)
        .exclude(approvals__user=user)
        .select_related("plan__candidate")
        .prefetch_related("approvals")
    )
    return sum(
        bool(set(open_slots(request)) & set(roles)) and user.pk not in _contributors(request)
        for request in requests
    )


def _contributors(request: ApprovalRequest) -> set[int]:
    """Remembered as long as the request stands: what would change them takes the request back.

    Signing asks anew; here only a number beside a word depends on it.
    """
    key = f"contributors-{request.pk}-{request.evidence_digest}"
    found: set[int] | None = cache.get(key)
    if found is None:
        found = policy.contributors(request.plan)
        cache.set(key, found, timeout=300)
    return found
