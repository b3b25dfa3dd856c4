"""What a run used of the tokens and money that its suite allows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import limits, plans
from benchmarks.models import ChallengeRun


@dataclass(frozen=True)
class Used:
    """Amounts so far and at most; None where there is no such limit."""

    tokens: int
    most_tokens: int | None
    cost: str
    highest_cost: str | None
    unit: str
    terms: str


def used(run: ChallengeRun) -> Used | None:
    """None for a run that is limited in neither."""
    declared = plans.limits(run.plan)
    if not {"most_tokens", "highest_cost"} & set(declared):
        return None
    use = limits.used(run)
    return Used(
        tokens=use.tokens,
        most_tokens=declared.get("most_tokens"),
        cost=plans.plain(use.cost),
        highest_cost=declared.get("highest_cost"),
        unit=declared.get("cost_unit", ""),
        terms=_terms(declared),
    )


def _terms(declared: Mapping[str, Any]) -> str:
    """By whose word the amounts are counted."""
    prices = [
        f"{declared[name]} {declared['cost_unit']} for 1,000 {of}"
        for name, of in (("requests_price", "requests"), ("tokens_price", "tokens"))
        if name in declared
    ]
    told = ["as the endpoint reports it"] if "usage_reported" in declared else []
    return ", ".join([*told, *(f"at {price}" for price in prices)])
