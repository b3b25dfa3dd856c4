"""The decision log: every decision gets the next number and is chained to the one before it."""

from datetime import datetime
from typing import Any

from catalog.digests import digest
from rollouts.models import DecisionRecord, RolloutPlan, Stage


def record_decision(
    plan: RolloutPlan,
    *,
    kind: str,
    actor: Any,
    summary: str,
    now: datetime,
    reason: str = "",
    stage: Stage | None = None,
    evidence_digest: str = "",
    observed_until: datetime | None = None,
) -> DecisionRecord:
    """Append a decision. The caller holds the plan's lock, so numbers have no gap."""
    last = plan.decisions.order_by("number").last()
    decision = DecisionRecord(
        plan=plan,
        stage=stage,
        number=last.number + 1 if last else 1,
        kind=kind,
        actor=actor,
        summary=summary,
        reason=reason,
        evidence_digest=evidence_digest,
        observed_until=observed_until,
        decided_at=now,
        previous_digest=last.digest if last else "",
    )
    decision.digest = content_digest(decision)
    decision.full_clean()
    decision.save()
    return decision


def content_digest(decision: DecisionRecord) -> str:
    """Covers all that the decision says, and through the previous digest all before it."""
    return digest(
        {
            "plan": decision.plan_id,
            "stage": decision.stage_id,
            "number": decision.number,
            "kind": str(decision.kind),
            "actor": decision.actor_id,
            "summary": decision.summary,
            "reason": decision.reason,
            "evidence_digest": decision.evidence_digest,
            "observed_until": decision.observed_until,
            "decided_at": decision.decided_at,
            "previous_digest": decision.previous_digest,
        }
    )


def first_broken(plan: RolloutPlan) -> int | None:
    """The number of the first decision that does not continue the chain; None when it is whole."""
    previous = ""
    for expected, decision in enumerate(plan.decisions.order_by("number"), start=1):
        whole = decision.number == expected and decision.previous_digest == previous
        if not whole or decision.digest != content_digest(decision):
            return expected
        previous = decision.digest
    return None
