"""What needs somebody and what is at risk: one function a panel of the home page."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.text import capfirst

from benchmarks.choices import (
    BaselineStatus,
    CycleStatus,
    ProgramStatus,
    RemediationStatus,
    RunStatus,
)
from benchmarks.models import Baseline, ChallengeRun, ProgramCycle, Remediation
from catalog.choices import FailureStatus
from catalog.models import Assumption, FailureCase, Project
from catalog.pages import address, assumption_statuses
from rollouts import gates
from rollouts.choices import DecisionKind, GateKind, GateVerdict, PlanStatus, RequestStatus
from rollouts.models import ApprovalRequest, DecisionRecord, GateCheck, RolloutPlan, Stage
from rollouts.panels.cards import found
from rollouts.querysets import requests_awaiting

SHOWN = 6
LATELY = timedelta(days=30)
_SERIOUS = ("high", "critical")
_BACKWARD = (DecisionKind.STOP_LOSS, DecisionKind.ROLL_BACK)
_AT_EASE = (GateVerdict.PASS, GateVerdict.PENDING)


@dataclass(frozen=True)
class Item:
    """One line that asks for attention, linked to what it is about."""

    title: str
    sentence: str
    url: str
    badge: str
    label: str = ""
    since: datetime | None = None
    #: The data's own time; decisions and work have the clock's.
    observed: datetime | None = None


Panel = Callable[[Project, Any], list[Item]]


# -- needs me ---------------------------------------------------------------------------------


def approvals_to_sign(project: Project, user: Any) -> list[Item]:
    """Open sign-offs that this person may answer, oldest first."""
    waiting = [row for row in requests_awaiting(user) if row.owning_project_id == project.pk]
    return [approval_item(request, project) for request in waiting]


def approval_item(request: ApprovalRequest, project: Project) -> Item:
    step = request.evidence["exposure"]
    asked = f"{request.plan.candidate.version} from {step['from']} to {step['to']} % of users"
    if request.stage is not None:
        asked = f"Stage “{request.stage.name}” is ready: {asked}."
    else:
        asked = f"The plan is complete: {asked} at first."
    url = address("rollout-detail", project, pk=request.plan_id)
    return Item(
        f"Sign: {request.plan.title}", asked, f"{url}#sign-off", "in_review", "", request.opened_at
    )


def baselines_to_decide(project: Project, user: Any) -> list[Item]:
    if not user.has_perm("benchmarks.approve_baseline", project):
        return []
    rows = undecided_baselines(user).filter(suite__project=project)
    related = rows.select_related("suite", "run__model_version", "created_by")
    return [
        Item(
            f"Decide: {row.run.model_version.version} as baseline of {row.suite.title}",
            f"{row.created_by} proposed it: {row.reason}",
            address("suite-detail", project, pk=row.suite_id) + "#baseline",
            "in_review",
            "",
            row.created_at,
        )
        for row in related.order_by("created_at")[:SHOWN]
    ]


def undecided_baselines(user: Any) -> QuerySet[Baseline]:
    """Proposals that somebody else made on a run that somebody else started."""
    own = Q(created_by=user) | Q(run__created_by=user)
    return Baseline.objects.filter(status=BaselineStatus.PROPOSED).exclude(own)


def cases_to_verify(project: Project, user: Any) -> list[Item]:
    if not user.has_perm("catalog.verify_failurecase", project):
        return []
    rows = unverified_cases(user).filter(model__project=project)
    return [
        Item(
            f"Verify: {row.title}",
            f"{row.annotated_by} says what it is; somebody else has to confirm it.",
            address("failure-detail", project, pk=row.pk),
            row.severity,
            observed=row.last_seen,
        )
        for row in rows.select_related("annotated_by").order_by("last_seen")[:SHOWN]
    ]


def unverified_cases(user: Any) -> QuerySet[FailureCase]:
    """Cases that wait for a second person to confirm what the first one wrote."""
    return FailureCase.objects.filter(status=FailureStatus.ANNOTATED).exclude(annotated_by=user)


def rollouts_to_move(project: Project, user: Any) -> list[Item]:
    """What an operator can take further now: signed steps, approved plans, held stages."""
    if not user.has_perm("rollouts.operate_plan", project):
        return []
    signed = Q(status=PlanStatus.RUNNING, requests__status=RequestStatus.APPROVED)
    still = Q(status__in=[PlanStatus.APPROVED, PlanStatus.PAUSED])
    plans = RolloutPlan.objects.filter(signed | still, model__project=project).distinct()
    words = {
        PlanStatus.APPROVED: ("Start", "Approved and not started."),
        PlanStatus.PAUSED: ("Look into", "On hold until somebody resumes it or goes back."),
        PlanStatus.RUNNING: ("Advance", "The next step is signed and waits for you."),
    }
    return [
        Item(
            f"{words[PlanStatus(plan.status)][0]}: {plan.title}",
            words[PlanStatus(plan.status)][1],
            address("rollout-detail", project, pk=plan.pk),
            plan.status,
        )
        for plan in plans
    ]


def drafts_sent_back(project: Project, user: Any) -> list[Item]:
    """One's own plans that came back from review."""
    latest = ApprovalRequest.objects.filter(plan=OuterRef("pk")).order_by("-pk")
    rows = RolloutPlan.objects.filter(
        model__project=project, owner=user, status=PlanStatus.DRAFT
    ).annotate(answer=Subquery(latest.values("status")[:1]))
    return [
        Item(
            f"Rework: {plan.title}",
            "A reviewer asked for changes; the decision log says which.",
            address("rollout-detail", project, pk=plan.pk) + "#log",
            "changes_requested",
        )
        for plan in rows.filter(answer=RequestStatus.CHANGES_REQUESTED)
    ]


def errored_runs(project: Project, user: Any) -> list[Item]:
    """Runs that this person started and that ended without a result."""
    rows = ChallengeRun.objects.filter(
        suite__project=project, created_by=user, status=RunStatus.ERRORED
    )
    related = rows.select_related("suite", "model_version").defer("plan", "environment")
    return [
        Item(
            f"Errored: {row}",
            row.error.splitlines()[0] if row.error else "No message was kept.",
            address("run-detail", project, pk=row.pk),
            "errored",
            "",
            row.finished_at,
        )
        for row in related.order_by("-finished_at")[:SHOWN]
    ]


def overdue_assumptions(project: Project, user: Any) -> list[Item]:
    rows = Assumption.objects.filter(
        model__project=project, owner=user, review_date__lt=timezone.localdate()
    )
    return [
        Item(
            f"Review: {row.statement}",
            f"It was to be looked at again by {row.review_date:%-d %b %Y}.",
            address("assumption-detail", project, pk=row.pk),
            "expired",
            "Overdue",
            _midnight(row.review_date),
        )
        for row in rows.order_by("review_date")[:SHOWN]
    ]


def programs_due(project: Project, user: Any) -> list[Item]:
    """Turns of one's own programs that are late, with what is outstanding."""
    rows = ProgramCycle.objects.filter(
        program__project=project,
        program__owner=user,
        program__status=ProgramStatus.ACTIVE,
        status=CycleStatus.OVERDUE,
    )
    return [
        Item(
            f"Run: {row.program}",
            " ".join(row.outstanding),
            address("program-detail", project, pk=row.program_id) + "#cadence",
            "overdue",
            since=_midnight(row.due_on),
        )
        for row in rows.select_related("program").order_by("due_on")[:SHOWN]
    ]


def items_to_mend(project: Project, user: Any) -> list[Item]:
    """One's own open remediation items that are due within a week or late."""
    today = timezone.localdate()
    rows = Remediation.objects.filter(
        model__project=project,
        owner=user,
        status=RemediationStatus.OPEN,
        due_on__lte=today + timedelta(days=7),
    )
    return [
        Item(
            f"Mend: {row.title}",
            f"Done when: {row.acceptance}",
            address("remediation-detail", project, pk=row.pk),
            "overdue" if row.due_on < today else "open",
            "" if row.due_on < today else f"Due {row.due_on:%-d %b}",
        )
        for row in rows.order_by("due_on")[:SHOWN]
    ]


def items_to_close(project: Project, user: Any) -> list[Item]:
    """Items of others whose evidence waits to be looked at."""
    if not user.has_perm("benchmarks.close_remediation", project):
        return []
    rows = Remediation.objects.filter(
        model__project=project,
        status=RemediationStatus.IN_VALIDATION,
        validation_run__status=RunStatus.EVALUATED,
    ).exclude(owner=user)
    return [
        Item(
            f"Close: {row.title}",
            f"{row.owner} offers run {row.validation_run_id} as evidence.",
            address("remediation-detail", project, pk=row.pk),
            row.status,
        )
        for row in rows.select_related("owner").order_by("due_on")[:SHOWN]
    ]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())


NEEDS: tuple[Panel, ...] = (
    approvals_to_sign,
    rollouts_to_move,
    baselines_to_decide,
    cases_to_verify,
    drafts_sent_back,
    errored_runs,
    overdue_assumptions,
    programs_due,
    items_to_mend,
    items_to_close,
)


# -- at risk ----------------------------------------------------------------------------------


def rollouts_at_risk(project: Project, user: Any) -> list[Item]:
    """Live rollouts with a gate of the stage at work that is not met, the worst gate named."""
    plans = RolloutPlan.objects.live().filter(model__project=project)
    rows = plans.select_related("model__project").prefetch_related("stages")
    stages = {plan.pk: plan.current_stage for plan in rows}
    checks = _standing_checks(stage for stage in stages.values() if stage)
    items = []
    for plan in rows:
        stage = stages[plan.pk]
        unmet = [one for one in checks.get(stage.pk if stage else 0, []) if _says_no(one)]
        if unmet:
            worst = min(unmet, key=lambda one: gates.PRECEDENCE.index(one.verdict))
            items.append(_at_risk(plan, worst, project))
    return items


def _says_no(check: GateCheck) -> bool:
    return check.verdict not in _AT_EASE


def _standing_checks(stages: Iterable[Stage]) -> dict[int, list[GateCheck]]:
    """Stage → the newest check of each of its gates, for any number of stages at once."""
    newest = GateCheck.objects.filter(gate=OuterRef("gate")).order_by("-pk").values("pk")[:1]
    rows = GateCheck.objects.filter(gate__stage__in=list(stages), pk=Subquery(newest))
    found: dict[int, list[GateCheck]] = {}
    for check in rows.exclude(gate__kind=GateKind.APPROVAL).select_related("gate"):
        found.setdefault(check.gate.stage_id, []).append(check)
    return found


def _at_risk(plan: RolloutPlan, check: GateCheck, project: Project) -> Item:
    url = address("rollout-detail", project, pk=plan.pk)
    return Item(
        f"{plan.title}: {check.gate.name}",
        capfirst(found(check)),
        f"{url}#gate-{check.gate_id}",
        check.verdict,
        check.get_verdict_display(),
        check.checked_at,
    )


def violated_assumptions(project: Project, user: Any) -> list[Item]:
    rows = list(Assumption.objects.filter(model__project=project).select_related("model"))
    statuses = assumption_statuses(rows, user)
    return [
        Item(
            row.statement,
            statuses[row.pk].sentence,
            address("assumption-detail", project, pk=row.pk),
            "violated",
        )
        for row in rows
        if statuses[row.pk].status == "violated"
    ]


def serious_cases(project: Project, user: Any) -> list[Item]:
    rows = FailureCase.objects.filter(model__project=project, severity__in=_SERIOUS).open()
    related = rows.select_related("model").with_counts().order_by("-last_seen")
    return [
        Item(
            row.title,
            f"{row.get_status_display()}, seen {row.seen:,} time{'' if row.seen == 1 else 's'}"
            f" in {row.model.title}.",
            address("failure-detail", project, pk=row.pk),
            row.severity,
            observed=row.last_seen,
        )
        for row in related[:SHOWN]
    ]


def setbacks(project: Project, user: Any) -> list[Item]:
    """Stop-losses and rollbacks of the last weeks."""
    rows = DecisionRecord.objects.filter(
        plan__model__project=project,
        kind__in=_BACKWARD,
        decided_at__gte=timezone.now() - LATELY,
    )
    related = rows.select_related("plan").order_by("-decided_at")
    return [
        Item(
            f"{row.plan.title}: {row.get_kind_display().lower()}",
            capfirst(row.reason or row.summary),
            f"{address('rollout-detail', project, pk=row.plan_id)}#decision-{row.number}",
            row.kind,
            "",
            row.decided_at,
        )
        for row in related[:SHOWN]
    ]


RISKS: tuple[Panel, ...] = (
    rollouts_at_risk,
    setbacks,
    violated_assumptions,
    serious_cases,
)


def gathered(panels: Iterable[Panel], project: Project, user: Any) -> list[Item]:
    return [item for panel in panels for item in panel(project, user)]
