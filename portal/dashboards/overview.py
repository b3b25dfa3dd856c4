"""What changed of late, and each model at a glance: the parts of home that are for everybody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from benchmarks.models import ChallengeRun
from catalog.choices import FailureStatus
from catalog.models import FailureCase, ModelVersion, Project, RegisteredModel
from catalog.pages import Entry, address
from rollouts.choices import DecisionKind
from rollouts.models import DecisionRecord, RolloutPlan
from rollouts.models.plan import LIVE
from rollouts.panels import summary
from rollouts.providers import decision_entry

CHANGES = 12
VERDICTS = 8


# -- what changed -----------------------------------------------------------------------------


def changes(project: Project) -> list[Entry]:
    """Decisions, verdicts, versions and confirmed failures in the order in which they came."""
    entries = [*_decisions(project), *_verdicts(project), *_versions(project), *_verified(project)]
    return sorted(entries, key=lambda entry: entry["when"], reverse=True)[:CHANGES]


def _decisions(project: Project) -> Iterable[Entry]:
    rows = DecisionRecord.objects.filter(plan__model__project=project).exclude(
        kind=DecisionKind.ANSWERED  # who signed what stands in the rollout's own log
    )
    related = rows.select_related("plan__model__project", "actor").order_by("-decided_at")
    return map(decision_entry, related[:CHANGES])


def _verdicts(project: Project) -> Iterable[Entry]:
    for run in _compared(project)[:CHANGES]:
        yield Entry(
            when=run.finished_at or run.created_at,
            title=f"{run.model_version.version} in {run.suite.title}",
            kind="Verdict",
            url=address("run-detail", project, pk=run.pk),
            badge=run.verdict,
        )


def _compared(project: Project) -> QuerySet[ChallengeRun]:
    """Runs that were held against something, newest first; of the others nothing can be said."""
    rows = ChallengeRun.objects.filter(suite__project=project, baseline_run__isnull=False)
    related = rows.evaluated().select_related("suite", "model_version")
    return related.defer("plan", "environment").order_by("-finished_at")


def _versions(project: Project) -> Iterable[Entry]:
    rows = ModelVersion.objects.filter(model__project=project)
    for version in rows.select_related("model", "created_by").order_by("-created_at")[:CHANGES]:
        yield Entry(
            when=version.created_at,
            title=f"{version} registered",
            kind="Version",
            who=str(version.created_by or ""),
            url=address("version-detail", project, pk=version.pk),
        )


def _verified(project: Project) -> Iterable[Entry]:
    """Confirmed failures, by the row of their history in which they first were so."""
    rows = FailureCase.history.filter(model__project=project, status=FailureStatus.VERIFIED)
    first: dict[int, Any] = {}
    for row in rows.select_related("history_user").order_by("-history_date")[: 4 * CHANGES]:
        first[row.id] = row
    for pk, row in first.items():
        yield Entry(
            when=row.history_date,
            title=f"Failure verified: {row.title}",
            kind="Failure",
            who=str(row.history_user or ""),
            url=address("failure-detail", project, pk=pk),
            badge="verified",
        )


# -- a strip for each model -------------------------------------------------------------------


@dataclass(frozen=True)
class Strip:
    """One model at a glance: what serves, what is on its way, what the latest runs said."""

    model: RegisteredModel
    plan: RolloutPlan | None
    steps: list[dict[str, Any]]
    runs: list[ChallengeRun]


def strips(project: Project) -> list[Strip]:
    """A fixed number of queries for any number of models."""
    models = list(
        RegisteredModel.objects.filter(project=project).select_related("production_version")
    )
    plans = _newest_plans(project)
    runs = _latest_runs(project)
    return [
        Strip(
            model,
            plans.get(model.pk),
            summary.steps(plans[model.pk]) if model.pk in plans else [],
            runs.get(model.pk, []),
        )
        for model in models
    ]


def _newest_plans(project: Project) -> Mapping[int, RolloutPlan]:
    """Each model's rollout that runs, else the one written last."""
    rows = RolloutPlan.objects.filter(model__project=project)
    related = rows.select_related("model__project", "candidate").prefetch_related("stages")
    found: dict[int, RolloutPlan] = {}
    for plan in related.order_by("created_at", "pk"):
        standing = found.get(plan.model_id)
        if standing is None or standing.status not in LIVE:
            found[plan.model_id] = plan
    return found


def _latest_runs(project: Project) -> dict[int, list[ChallengeRun]]:
    found: dict[int, list[ChallengeRun]] = {}
    for run in _compared(project)[: 20 * VERDICTS]:
        own = found.setdefault(run.suite.model_id, [])
        if len(own) < VERDICTS:
            own.append(run)
    return {model: own[::-1] for model, own in found.items()}
