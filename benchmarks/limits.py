"""What a run may take at most, as its suite declared it: time at work, requests to an endpoint."""

from django.db.models import F, Min, Sum
from django.utils import timezone

from benchmarks import plans
from benchmarks.models import ChallengeRun, RunPart
from catalog.transactions import write_block


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
