"""The job table: claims, fences, leases and what becomes of work that nobody finishes."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from benchmarks import evaluation, jobs, tasks
from benchmarks.actions import start_run
from benchmarks.choices import JobKind, JobState, PartStatus, RunStatus
from benchmarks.engine.values import Reason
from benchmarks.models import ChallengeRun, Job, Measurement


@pytest.fixture
def run(world):
    return start_run(world.versions["v1"], suite=world.suite, by=world.owner)


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def drain() -> None:
    while job := jobs.claimable().first():
        tasks.work(job.pk)


def test_claim__queued_job__gives_a_fence_and_refuses_the_second_comer(run):
    job = run.jobs.first()
    assert jobs.claim(job.pk) == 1
    assert jobs.claim(job.pk) is None


def test_claim__expired_lease__goes_to_the_next_worker_under_a_higher_fence(run):
    job = run.jobs.first()
    first = jobs.claim(job.pk)
    expire(job)
    assert jobs.claim(job.pk) == first + 1


def test_finish__stale_fence__is_refused_and_writes_nothing(run):
    job = run.jobs.first()
    stale = jobs.claim(job.pk)
    expire(job)
    jobs.claim(job.pk)
    part = job.part
    answered = evaluation.answer(part)
    with pytest.raises(jobs.LostLease):
        evaluation.record_part(job, stale, part, answered, seconds=1.0)
    part.refresh_from_db()
    assert part.status == PartStatus.WAITING
    assert not Measurement.objects.filter(run=run).exists()


def test_renew__held_lease__lives_on_and_a_lost_one_does_not(run):
    job = run.jobs.first()
    fence = jobs.claim(job.pk)
    assert jobs.renew(job.pk, fence)
    assert not jobs.renew(job.pk, fence + 1)


def test_work__every_job_done_twice__leaves_one_measurement_per_cell(run):
    drain()
    count = Measurement.objects.filter(run=run).count()
    for job in Job.objects.filter(run=run):
        tasks.work(job.pk)
    assert Measurement.objects.filter(run=run).count() == count == 3 * 3 * 2
    run.refresh_from_db()
    assert run.status == RunStatus.EVALUATED


def test_run__all_parts_in__is_judged_by_exactly_one_job(run):
    drain()
    assert run.jobs.filter(kind=JobKind.JUDGE).count() == 1
    assert set(run.jobs.values_list("state", flat=True)) == {JobState.DONE}


def test_due__job_whose_message_is_old__is_sent_again(run, settings):
    job = run.jobs.first()
    now = timezone.now()
    jobs.mark_sent([job.pk], now)
    later = now + timedelta(seconds=settings.JOB_RESEND_SECONDS + 1)
    assert job in jobs.due(later)
    assert job not in jobs.due(now)


def test_work__job_that_always_fails__ends_after_its_attempts_and_the_run_says_so(
    run, settings, monkeypatch
):
    def fail(*args, **kwargs):
        raise RuntimeError("disk on fire")

    monkeypatch.setitem(tasks.DO, JobKind.EVALUATE, fail)
    for _ in range(settings.JOB_MAX_ATTEMPTS):
        for job in run.jobs.all():
            tasks.work(job.pk)
    tasks.dispatch_jobs()
    monkeypatch.undo()
    drain()
    run.refresh_from_db()
    assert run.status == RunStatus.EVALUATED
    assert run.verdict == "inconclusive"
    assert run.comparison.errored == 3
    assert "disk on fire" in run.parts.first().message


def test_run__nothing_delivered__is_inconclusive_and_never_a_pass(world):
    posted = {f"scenario-{n}": {"status": "skipped", "message": "no data"} for n in range(3)}
    run = start_run(world.versions["v1"], suite=world.suite, by=world.owner, posted=posted)
    drain()
    run.refresh_from_db()
    assert run.verdict == "inconclusive"
    assert run.comparison.received == 0


def test_run__same_seed_again__has_the_same_result_digest(world):
    digests = set()
    for _ in range(2):
        run = start_run(world.versions["v1"], suite=world.suite, by=world.owner, seed=5)
        drain()
        run.refresh_from_db()
        digests.add(run.result_digest)
    assert len(digests) == 1


def test_dispatch__run_whose_judge_was_never_queued__is_judged_after_all(run):
    while job := jobs.claimable().filter(kind=JobKind.EVALUATE).first():
        tasks.work(job.pk)
    Job.objects.filter(run=run, kind=JobKind.JUDGE).delete()
    tasks.dispatch_jobs()
    drain()
    run.refresh_from_db()
    assert run.status == RunStatus.EVALUATED


def test_run__its_baseline_still_at_work__waits_and_is_judged_right_after_it(world):
    before = start_run(world.versions["v1"], suite=world.suite, by=world.owner)
    after = start_run(world.versions["v2"], suite=world.suite, by=world.owner, baseline_run=before)
    for job in Job.objects.filter(run=after):
        tasks.work(job.pk)
    assert not Job.objects.filter(run=after, kind=JobKind.JUDGE).exists()
    for job in Job.objects.filter(run=before):
        tasks.work(job.pk)
    tasks.work(Job.objects.get(run=before, kind=JobKind.JUDGE).pk)
    drain()
    after.refresh_from_db()
    assert after.comparison.baseline_run == before
    assert after.comparison.verdict == "pass"


def test_run__started_without_a_seed__disturbs_the_rows_its_baseline_was_asked(world):
    first = start_run(world.versions["v1"], suite=world.suite, by=world.owner, seed=2013)
    drain()
    run = start_run(world.versions["v2"], suite=world.suite, by=world.owner, baseline_run=first)
    drain()
    assert run.seed == 2013
    reasons = {effect["reason"] for effect in run.comparison.changes.values("reason")}
    assert Reason.MISMATCHED_DATA not in reasons


def test_run__other_seed_than_its_baseline__is_refused_by_name(world):
    first = start_run(world.versions["v1"], suite=world.suite, by=world.owner, seed=2013)
    with pytest.raises(ValidationError, match="The baseline ran with seed 2013"):
        start_run(
            world.versions["v2"], suite=world.suite, by=world.owner, baseline_run=first, seed=1
        )
    assert ChallengeRun.objects.filter(suite=world.suite).count() == 1
