"""A real worker process takes what was started, and finds what its message was lost of."""

import pytest

from benchmarks.actions import start_run
from benchmarks.choices import RunStatus
from benchmarks.models import ChallengeRun, Job, Measurement
from tests.stack import running_worker, wait_until

pytestmark = pytest.mark.worker

#: Short leases and re-sends, so that a test does not wait a minute for what is the same logic.
IMPATIENT = {"JOB_LEASE_SECONDS": "4", "JOB_RESEND_SECONDS": "3", "JOB_MAX_ATTEMPTS": "6"}
CELLS = 12 * 3 * 2  # scenarios × slices with “all” × metrics


def status(run: ChallengeRun) -> str:
    return ChallengeRun.objects.values_list("status", flat=True).get(pk=run.pk)


def finish(run: ChallengeRun) -> ChallengeRun:
    wait_until(
        lambda: status(run) == RunStatus.EVALUATED, seconds=120, what="the run to be evaluated"
    )
    run.refresh_from_db()
    return run


def test_worker__run_started__evaluates_it_and_judges_it(committed_world):
    world = committed_world
    with running_worker(processes=2, **IMPATIENT):
        run = finish(start_run(world.versions["v1"], suite=world.suite, by=world.owner))
    assert run.comparison.received == 12
    assert Measurement.objects.filter(run=run).count() == CELLS


def test_worker__message_lost__the_dispatcher_finds_the_job(committed_world, monkeypatch):
    world = committed_world
    monkeypatch.setattr("benchmarks.jobs.current_app.send_task", lambda *a, **k: None)
    run = start_run(world.versions["v1"], suite=world.suite, by=world.owner)
    assert Job.objects.filter(run=run, sent_at__isnull=False).exists()
    with running_worker(processes=1, **IMPATIENT):
        assert finish(run).comparison.received == 12
