"""The job table's claim, heartbeat, finish and re-dispatch: exactly one outcome for every job.

A message only says "look at job 7". Whoever claims it gets a fence number; only the holder of
the newest fence can write the outcome, so a worker that was thought dead cannot spoil it.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.db.models import (
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Now
from django.utils import timezone
from kombu.exceptions import OperationalError

from benchmarks.choices import JobKind, JobState, PartStatus, RunSource
from benchmarks.models import ChallengeRun, Job, RunPart

logger = logging.getLogger(__name__)


#: The doorbell's name: a string, because tasks import this module and not the other way round.
WORK = "benchmarks.tasks.work"


#: States after which a job is nobody's any more.
CLOSED = (JobState.DONE, JobState.FAILED)


class LostLease(Exception):
    """Somebody else has the job now; what was computed here is dropped."""


def _from_now(**delta: Any) -> ExpressionWrapper:
    """The database's own clock plus a delta: workers' clocks may differ."""
    return ExpressionWrapper(Now() + Value(timedelta(**delta)), output_field=DateTimeField())


def claimable() -> QuerySet[Job]:
    """What waits or has lost its worker, but no load on an endpoint that is under load."""
    expired = Q(state=JobState.RUNNING, lease_until__lt=Now())
    loading = Job.objects.filter(
        load_on=OuterRef("load_on"), state=JobState.RUNNING, lease_until__gte=Now()
    )
    is_taken = Exists(loading.exclude(load_on=""))
    return Job.objects.filter(Q(state=JobState.QUEUED) | expired).exclude(is_taken)


def claim(job_id: int) -> int | None:
    """Take the job and return the fence, or None when it is done, taken or out of attempts."""
    with transaction.atomic():
        _lock_loads_beside(job_id)
        taken = (
            claimable()
            .filter(pk=job_id, attempt__lt=settings.JOB_MAX_ATTEMPTS)
            .update(
                state=JobState.RUNNING,
                attempt=F("attempt") + 1,
                fence=F("fence") + 1,
                lease_until=_from_now(seconds=settings.JOB_LEASE_SECONDS),
            )
        )
        return Job.objects.values_list("fence", flat=True).get(pk=job_id) if taken else None


def _lock_loads_beside(job_id: int) -> None:
    """So that of two loads on one endpoint the second sees that the first was taken."""
    load_on = Job.objects.values_list("load_on", flat=True).get(pk=job_id)
    if load_on:
        open_jobs = Job.objects.filter(load_on=load_on).exclude(state__in=CLOSED)
        list(open_jobs.select_for_update().order_by("pk").values_list("pk"))


def renew(job_id: int, fence: int) -> bool:
    return bool(
        _held(job_id, fence).update(lease_until=_from_now(seconds=settings.JOB_LEASE_SECONDS))
    )


def finish(job_id: int, fence: int, *, state: str = JobState.DONE, error: str = "") -> None:
    """Close the job, inside the transaction that writes its outcome. Raises LostLease."""
    closed = _held(job_id, fence).update(
        state=state, error=error, finished_at=Now(), lease_until=None
    )
    if not closed:
        raise LostLease(f"Job {job_id} is no longer held under fence {fence}.")
    _ring_next_load(job_id)


def release(job_id: int, fence: int, *, error: str) -> None:
    """Give a failed attempt back to the queue; the next claim counts as another attempt."""
    _held(job_id, fence).update(
        state=JobState.QUEUED, error=error[:2000], lease_until=None, sent_at=None
    )


def _ring_next_load(job_id: int) -> None:
    """Whoever waited for the endpoint may have dropped its message; the dispatcher is slower."""
    loads = Job.objects.filter(pk=job_id).exclude(load_on="").values("load_on")
    waiting = Job.objects.filter(load_on__in=loads, state=JobState.QUEUED)
    if (following := waiting.first()) is not None:
        ring([following.pk])


def _held(job_id: int, fence: int) -> QuerySet[Job]:
    return Job.objects.filter(pk=job_id, state=JobState.RUNNING, fence=fence)


@contextmanager
def kept_alive(job_id: int, fence: int) -> Iterator[None]:
    """Renew the lease at a third of its length while the block runs, on its own connection."""
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(job_id, fence, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)


def _beat(job_id: int, fence: int, stop: threading.Event) -> None:
    try:
        while not stop.wait(settings.JOB_LEASE_SECONDS / 3):
            if not renew(job_id, fence):
                logger.warning("Job %s: the lease under fence %s is gone.", job_id, fence)
                return
    finally:
        connection.close()


def queue_next_load(run: ChallengeRun) -> None:
    """Queue the next part under load once nothing else of the run is being asked.

    Such a part has no job before: beside another it would measure that one's load too. The run's
    lock is held, so that exactly one caller sees the last other part.
    """
    waiting = run.parts.filter(status=PartStatus.WAITING).order_by("position")
    if waiting.filter(Q(job__isnull=False) | Q(blocks__isnull=False)).exists():
        return
    if (part := waiting.first()) is not None:
        address = _asked_at(run)
        job = Job.objects.create(kind=JobKind.EVALUATE, run=run, part=part, load_on=address)
        ring([job.pk])


def _asked_at(run: ChallengeRun) -> str:
    """Empty where no endpoint is asked: other versions, and answers that were kept."""
    endpoint = getattr(run.model_version, "endpoint", None)
    return endpoint.address if endpoint and run.source == RunSource.WORKER else ""


def queue_judge_if_ready(run: ChallengeRun) -> None:
    """Create the run's judging job once its own parts and its baseline's verdict are there.

    The baseline's row is locked first: its verdict and this run's last part may arrive at the
    same moment, and each side would otherwise see the other as not yet there.
    """
    baseline = None
    if run.baseline_run_id is not None:
        rows = ChallengeRun.objects.select_for_update(of=("self",)).order_by()
        baseline = rows.get(pk=run.baseline_run_id)
    if run.parts.filter(status=PartStatus.WAITING).exists():
        return
    if baseline is not None and not baseline.is_finished:
        return
    job, created = Job.objects.get_or_create(run=run, kind=JobKind.JUDGE)
    if created:
        ring([job.pk])


def left_unjudged() -> QuerySet[ChallengeRun]:
    """Runs with every part in and nobody to judge them: a step that was cut short."""
    waiting = RunPart.objects.filter(run=OuterRef("pk"), status=PartStatus.WAITING)
    judges = Job.objects.filter(run=OuterRef("pk"), kind=JobKind.JUDGE)
    return ChallengeRun.objects.in_progress().filter(~Exists(waiting), ~Exists(judges))


def ring(job_ids: list[int]) -> None:
    """Send a message for each job once this transaction commits.

    Nothing depends on it: a broker that is away is logged, and the dispatcher sends again.
    """
    transaction.on_commit(lambda: _send(job_ids))


def _send(job_ids: list[int]) -> None:
    try:
        for job_id in job_ids:
            current_app.send_task(WORK, args=[job_id])
    except (OperationalError, OSError) as error:
        logger.warning("The broker cannot be reached (%s); jobs wait to be sent again.", error)
        return
    mark_sent(job_ids, timezone.now())


def due(now: datetime) -> QuerySet[Job]:
    """Jobs whose message was never sent, may be lost, or whose worker died."""
    unsent = Q(sent_at__isnull=True)
    stale = Q(sent_at__lt=now - timedelta(seconds=settings.JOB_RESEND_SECONDS))
    expired = Q(state=JobState.RUNNING, lease_until__lt=Now())
    return Job.objects.filter(
        Q(state=JobState.QUEUED) & (unsent | stale) | expired,
        attempt__lt=settings.JOB_MAX_ATTEMPTS,
    )


def poisoned() -> QuerySet[Job]:
    """Jobs that used up their attempts without an outcome: each time the worker died or failed."""
    return claimable().filter(attempt__gte=settings.JOB_MAX_ATTEMPTS)


def mark_sent(job_ids: list[int], now: datetime) -> None:
    Job.objects.filter(pk__in=job_ids).update(sent_at=now)
