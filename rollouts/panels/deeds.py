"""What this person may do with a plan now: the buttons of its page, and nothing more."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from catalog.pages import address
from rollouts.choices import PlanStatus as P
from rollouts.choices import RequestStatus
from rollouts.models import ApprovalRequest, RolloutPlan


@dataclass(frozen=True)
class Deed:
    """One button: what it does, and the question it asks before."""

    key: str
    label: str
    help: str
    url: str
    tone: str = "quiet"
    needs_reason: bool = True


def deeds(
    plan: RolloutPlan, user: Any, request: ApprovalRequest | None, faults: list[str]
) -> list[Deed]:
    """Nothing here decides: each action asks all of this again, under the plan's lock."""
    found: list[Deed] = []
    if user.has_perm("rollouts.author_plan", plan):
        found += _of_authors(plan, faults)
    operates = user.has_perm("rollouts.operate_plan", plan)
    if operates:
        found += _of_operators(plan, request)
    if operates or user.pk in {plan.owner_id, plan.model.owner_id}:
        found += _of_those_who_stop(plan)
    return found


def _of_authors(plan: RolloutPlan, faults: list[str]) -> Iterable[Deed]:
    if plan.status == P.DRAFT and not faults:
        yield _deed(
            plan,
            "submit",
            "Submit for review",
            "Freezes the plan and asks the reviewers of its risk tier.",
            tone="primary",
            needs_reason=False,
        )
    if plan.status == P.IN_REVIEW:
        yield _deed(plan, "withdraw", "Withdraw", "Takes the plan back into the draft.")
    if plan.status in {P.DRAFT, P.APPROVED}:
        yield _deed(plan, "abort", "Give up", "Ends the plan for good.", tone="danger")


def _of_operators(plan: RolloutPlan, request: ApprovalRequest | None) -> Iterable[Deed]:
    if plan.status == P.APPROVED:
        first = next(iter(plan.stages.all()), None)
        yield _deed(
            plan,
            "start",
            f"Start at {first.exposure if first else 0} %",
            "Exposes the first stage, if what was signed is still what there is.",
            tone="primary",
            needs_reason=False,
        )
    if plan.status == P.RUNNING and request and request.status == RequestStatus.APPROVED:
        target = request.evidence["exposure"]["to"]
        yield _deed(
            plan,
            "advance",
            f"Advance to {target} %",
            "Takes the step that was signed, if the evidence still stands.",
            tone="primary",
            needs_reason=False,
        )
    if plan.status == P.PAUSED:
        yield _deed(
            plan,
            "resume",
            "Resume",
            "Watches on, once no gate of the stage says no any more.",
            tone="primary",
        )


def _of_those_who_stop(plan: RolloutPlan) -> Iterable[Deed]:
    if plan.status == P.RUNNING:
        yield _deed(plan, "hold", "Hold", f"Stays at {plan.exposure} % until somebody resumes.")
    if plan.status in {P.RUNNING, P.PAUSED}:
        yield _deed(
            plan,
            "roll-back",
            "Roll back",
            f"Everybody gets {plan.fallback.version} again, at once. No gate and no signature"
            " is asked.",
            tone="danger",
        )


def _deed(plan: RolloutPlan, key: str, label: str, help: str, **kwargs: Any) -> Deed:
    url = address(f"rollout-{key}", plan.model.project, pk=plan.pk)
    return Deed(key, label, help, url, **kwargs)
