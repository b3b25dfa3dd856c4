"""What a run may take at most, as its suite declared it: time, requests, tokens, cost."""

from collections.abc import Mapping
from decimal import ROUND_UP, Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Min, Sum
from django.utils import timezone

from benchmarks import plans
from benchmarks.models import ChallengeRun, RunPart
from benchmarks.predictors.usage import Counter, Meter, Tally, Terms, Use
from catalog.transactions import write_block

#: As many decimals of a cost are kept.
SMALLEST = Decimal("1e-9")


class LimitReached(Exception):
    """The run is at a limit that its suite declared; the sentence names it."""


def begin(part: RunPart) -> None:
    """Note when a worker took the part first. Raises LimitReached once the run's time is over."""
    if "longest_seconds" not in plans.limits(part.run.plan):
        return
    RunPart.objects.filter(pk=part.pk, begun_at__isnull=True).update(begun_at=timezone.now())
    check_time(part.run)


def check_time(run: ChallengeRun, *, needed: float = 0.0) -> None:
    """Raises LimitReached where no time is left, or less than is needed."""
    left = seconds_left(run)
    if left is not None and left <= needed:
        longest = plans.limits(run.plan)["longest_seconds"]
        raise LimitReached(
            f"The run's limit of {longest:,} seconds leaves no time for this scenario."
        )


def seconds_left(run: ChallengeRun) -> float | None:
    """Counted from when a worker took the run's first part; None without such a limit."""
    longest = plans.limits(run.plan).get("longest_seconds")
    if longest is None:
        return None
    begun = run.parts.aggregate(first=Min("begun_at"))["first"]
    worked = (timezone.now() - begun).total_seconds() if begun else 0.0
    return float(longest - worked)


def reserve(part: RunPart, requests: int) -> int | None:
    """Take so many requests out of what the run may send, before any of them is sent.

    Returns how often may be tried, which is more where others leave something; None without a
    limit. Under the run's lock, so that workers cannot take the same requests.
    """
    most = plans.limits(part.run.plan).get("most_requests")
    if most is None:
        return None
    with write_block():
        ChallengeRun.objects.select_for_update(of=("self",)).get(pk=part.run_id)
        taken = RunPart.objects.filter(run=part.run_id).aggregate(n=Sum("requests"))["n"]
        if taken + requests > most:
            raise LimitReached(
                f"The run may send at most {most:,} requests: {taken:,} are taken, and this "
                f"scenario needs {requests:,} more."
            )
        RunPart.objects.filter(pk=part.pk).update(requests=F("requests") + requests)
    return int(most - taken)


def settle(part: RunPart, difference: int) -> None:
    """Set right what was reserved by what was sent: tries again are more, an early end is less."""
    RunPart.objects.filter(pk=part.pk).update(requests=F("requests") + difference)


# -- tokens and cost ----------------------------------------------------------------------------


def refuse_unkept(plan: Mapping[str, Any]) -> None:
    """Raises ValidationError where an endpoint is to be asked within a limit that nothing tells.

    Asked before a run begins, because a limit that cannot be kept is noticed too late.
    """
    declared = plans.limits(plan)
    is_reported = "usage_reported" in declared
    if "most_tokens" in declared and not is_reported:
        raise ValidationError(
            {
                "most_tokens": "The limit of tokens could not be kept: say in the suite that the"
                " endpoint reports what its answers use, or take the limit away."
            }
        )
    by_requests, by_tokens = "requests_price" in declared, "tokens_price" in declared
    if "highest_cost" in declared and not (is_reported or by_requests):
        raise ValidationError(
            {
                "highest_cost": "The limit of cost could not be kept: "
                + (
                    "a price of tokens needs an endpoint that reports them."
                    if by_tokens
                    else "declare a price in the suite, or that the endpoint reports its cost."
                )
            }
        )
    if by_tokens and not is_reported:
        raise ValidationError(
            {"tokens_price": "A price of tokens needs an endpoint that reports them."}
        )


def meter(part: RunPart, tally: Tally | None = None) -> Meter | None:
    """What counts for the run's limits while the part is asked; None without such a limit.

    Each use is kept at once, so that other workers see it and a worker that dies hides none. With
    a `tally` it is added up there and kept from time to time: callers of a load cannot wait.
    """
    declared = plans.limits(part.run.plan)
    if not {"most_tokens", "highest_cost"} & set(declared):
        return None
    if tally is None:
        return Counter(_terms(part, declared), lambda: check_use(part), lambda u: spend(part, u))
    before = _used(part.run_id)
    return Counter(
        _terms(part, declared),
        check=lambda: _check(declared, before + tally.used),
        add=tally.add,
        keep=lambda: spend(part, tally.take()),
    )


def check_use(part: RunPart) -> None:
    """Raises LimitReached once the run's parts together have used what the run may use."""
    _check(plans.limits(part.run.plan), _used(part.run_id))


def spend(part: RunPart, use: Use) -> None:
    """Add what was used, under the run's lock. Never taken back: asked twice is paid twice."""
    if not use:
        return
    with write_block():
        ChallengeRun.objects.select_for_update(of=("self",)).get(pk=part.run_id)
        row = RunPart.objects.only("tokens", "cost").get(pk=part.pk)
        row.tokens += use.tokens
        # In Python, because one of the databases adds decimals as floats; and never down.
        row.cost = (row.cost + use.cost).quantize(SMALLEST, rounding=ROUND_UP)
        row.save(update_fields=["tokens", "cost"])


def used(run: ChallengeRun) -> Use:
    return _used(run.pk)


def _used(run_id: int) -> Use:
    rows = RunPart.objects.filter(run=run_id).values_list("tokens", "cost")
    return sum((Use(tokens, cost) for tokens, cost in rows), Use())


def _check(declared: Mapping[str, Any], use: Use) -> None:
    most = declared.get("most_tokens")
    if most is not None and use.tokens >= most:
        raise LimitReached(
            f"The run may use at most {most:,} tokens, and {use.tokens:,} are used."
        )
    highest = declared.get("highest_cost")
    if highest is not None and use.cost >= Decimal(highest):
        raise LimitReached(
            f"The run may cost at most {highest} {declared['cost_unit']}, and"
            f" {plans.plain(use.cost)} {declared['cost_unit']} are spent."
        )


def _terms(part: RunPart, declared: Mapping[str, Any]) -> Terms:
    prices = {
        name: Decimal(declared[name])
        for name in ("requests_price", "tokens_price")
        if name in declared
    }
    return Terms(
        protocol=part.run.model_version.endpoint.protocol,
        counts_tokens="most_tokens" in declared,
        counts_cost="highest_cost" in declared,
        **prices,
    )
