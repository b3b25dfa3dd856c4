"""Celery's side of the job table: load by id, leave if done, call, record."""

import logging

from celery import shared_task
from django.utils import timezone

from benchmarks import evaluation, jobs, judging, notices, programs, triggers
from benchmarks.choices import JobKind, ProgramStatus
from benchmarks.models import Job, Program
from catalog.transactions import write_block

logger = logging.getLogger(__name__)

DO = {
    JobKind.ASK: evaluation.ask_block,
    JobKind.EVALUATE: evaluation.evaluate_part,
    JobKind.JUDGE: judging.judge_run,
}
BATCH = 500


@shared_task(name=jobs.WORK)
def work(job_id: int) -> None:
    """Do one job if it is still to be done. Only its id came with the message."""
    fence = jobs.claim(job_id)
    if fence is None:
        return
    job = Job.objects.get(pk=job_id)
    try:
        with jobs.kept_alive(job_id, fence):
            DO[JobKind(job.kind)](job, fence)
    except jobs.LostLease as lost:
        logger.warning("Dropped a result: %s", lost)
    except Exception as error:
        # Any fault is the job's outcome for now: it goes back to the queue with what happened.
        logger.exception("Job %s failed in attempt %s.", job_id, job.attempt)
        jobs.release(job_id, fence, error=f"{type(error).__name__}: {error}")


@shared_task
def dispatch_jobs() -> None:
    """Send again what waits without a message or lost its worker; close what cannot be done."""
    now = timezone.now()
    for job in jobs.poisoned()[:BATCH]:
        evaluation.give_up(job, error=f"Gave up after {job.attempt} attempts. {job.error}".strip())
    for run in jobs.left_unjudged()[:BATCH]:
        with write_block():
            jobs.queue_judge_if_ready(run)
    jobs.ring(list(jobs.due(now).values_list("pk", flat=True)[:BATCH]))


@shared_task
def keep_cadences() -> None:
    """Look at every active program's cadence; one that fails does not stop the others."""
    today = timezone.localdate()
    for program in Program.objects.filter(status=ProgramStatus.ACTIVE).exclude(cadence_unit=""):
        try:
            programs.keep_cadence(program, today)
        except Exception:
            logger.exception("The cadence of program %s could not be kept.", program.pk)


@shared_task
def watch_triggers() -> None:
    """Look for changes that ask for runs; a program that fails does not stop the others."""
    for program in Program.objects.filter(status=ProgramStatus.ACTIVE).exclude(triggers=[]):
        try:
            triggers.watch(program)
        except Exception:
            logger.exception("The triggers of program %s could not be looked at.", program.pk)


@shared_task
def send_notices() -> None:
    notices.send_due()
