"""What a model's page says of its rollouts: plans and decisions on the one timeline."""

from collections.abc import Iterable
from typing import Any

from django.utils.text import capfirst

from catalog.models import RegisteredModel
from catalog.pages import Entry
from rollouts.models import DecisionRecord, RolloutPlan
from rollouts.panels.summary import plan_address

TIMELINE_LIMIT = 200


def timeline(model: RegisteredModel, user: Any) -> Iterable[Entry]:
    """Every plan as it was written, and every line of the decision logs."""
    plans = RolloutPlan.objects.filter(model=model).select_related(
        "model__project", "candidate", "fallback", "created_by"
    )[:TIMELINE_LIMIT]
    decisions = (
        DecisionRecord.objects.filter(plan__model=model)
        .select_related("plan__model__project", "actor")
        .order_by("-decided_at", "-number")[:TIMELINE_LIMIT]
    )
    return [*map(plan_entry, plans), *map(decision_entry, decisions)]


def plan_entry(plan: RolloutPlan) -> Entry:
    return Entry(
        when=plan.created_at,
        title=f"{plan.title}: plan written",
        kind="Rollout",
        who=str(plan.created_by or ""),
        sentence=plan.hypothesis,
        url=plan_address(plan),
        badge="draft",
    )


def decision_entry(decision: DecisionRecord) -> Entry:
    return Entry(
        when=decision.decided_at,
        title=decision.summary.removesuffix("."),
        kind=f"{decision.plan.title}, decision {decision.number}",
        who=str(decision.actor or "by rule"),
        sentence=capfirst(decision.reason),
        url=f"{plan_address(decision.plan)}#decision-{decision.number}",
        badge=decision.kind,
    )
