"""Who has to sign, who may, and whether enough independent people exist to do it."""

from collections.abc import Iterable, Mapping
from typing import Any

from catalog.choices import RiskTier, Role
from catalog.models import Membership, Project
from rollouts.choices import DecisionKind, Subject
from rollouts.evidence import attempts
from rollouts.models import Gate, RolloutPlan, Stage

_BY_TIER = {
    RiskTier.LOW: (Role.DATA_SCIENCE,),
    RiskTier.MEDIUM: (Role.DATA_SCIENCE, Role.PRODUCT),
    RiskTier.HIGH: (Role.DATA_SCIENCE, Role.PRODUCT, Role.RISK),
}
#: Risk tier and subject → the functions that must sign, each of them one slot.
SLOTS: dict[tuple[str, str], tuple[Role, ...]] = {
    (tier, subject): roles for tier, roles in _BY_TIER.items() for subject in Subject
}
_TIERS = tuple(_BY_TIER)


def slots_for(plan: RolloutPlan, subject: str) -> list[str]:
    """The slots of a new request; a request that is already open keeps its own."""
    return [str(role) for role in SLOTS[plan.risk_tier, subject]]


def is_at_least(tier: str, other: str) -> bool:
    return _TIERS.index(RiskTier(tier)) >= _TIERS.index(RiskTier(other))


def eligible(project: Project, role: str, *, excluding: Iterable[int] = ()) -> set[int]:
    """Ids of the active people who hold the role now; machines never sign."""
    members = Membership.objects.filter(project=project, role=role, user__is_active=True)
    people = {
        member.user_id for member in members.select_related("user") if is_person(member.user)
    }
    return people - set(excluding)


def can_be_met(slots: Iterable[str], people: Mapping[str, set[int]]) -> bool:
    """Whether every slot can get a person of its own: a matching by augmenting paths."""
    taken: dict[int, str] = {}

    def seat(slot: str, tried: set[int]) -> bool:
        for person in sorted(people.get(slot, set()) - tried):
            tried.add(person)
            if person not in taken or seat(taken[person], tried):
                taken[person] = slot
                return True
        return False

    return all(seat(slot, set()) for slot in slots)


def unmet_slots(plan: RolloutPlan, slots: Iterable[str]) -> str:
    """A sentence when independent people cannot fill the slots; empty when they can."""
    slots = list(slots)
    excluded = contributors(plan)
    people = {slot: eligible(plan.model.project, slot, excluding=excluded) for slot in slots}
    if can_be_met(slots, people):
        return ""
    names = ", ".join(Role(slot).label for slot in slots)
    return (
        f"Nobody could sign this off: {names} need a different person each,"
        " none of whom worked on the plan, the version or its evidence."
    )


def contributors(plan: RolloutPlan) -> set[int]:
    """Everybody whose work the sign-off is about: none of them may sign it.

    Taken from history, so that handing a plan over does not take its authors off the list.
    """
    people = {plan.owner_id, plan.created_by_id, plan.candidate.created_by_id}
    people |= _editors(plan)
    submitted = plan.decisions.filter(kind=DecisionKind.SUBMITTED)
    people |= set(submitted.values_list("actor", flat=True))
    people |= {run.created_by_id for run in attempts(plan) if is_person(run.created_by)}
    return {person for person in people if person is not None}


def is_person(user: Any) -> bool:
    return user is not None and user.is_person


def _editors(plan: RolloutPlan) -> set[int | None]:
    """Whoever made or changed what the plan says; moving it along its lifecycle is not editing."""
    stages = Stage.history.filter(plan_id=plan.pk)
    stage_ids = set(stages.values_list("id", flat=True))
    gates = Gate.history.filter(stage_id__in=stage_ids)
    return (
        _definers(plan.history.all(), RolloutPlan.DEFINITION)
        | _definers(stages, Stage.DEFINITION)
        | _definers(gates, Gate.DEFINITION)
    )


def _definers(history: Any, definition: tuple[str, ...]) -> set[int | None]:
    """The people behind the history rows that differ from the row's state before."""
    people: set[int | None] = set()
    seen: dict[int, tuple[Any, ...]] = {}
    columns = [history.model._meta.get_field(name).attname for name in definition]
    for row in history.order_by("history_date", "history_id"):
        content = (row.history_type == "-", *(getattr(row, column) for column in columns))
        if seen.get(row.id) != content:
            people.add(row.history_user_id)
        seen[row.id] = content
    return people
