"""A run's last part and its baseline's verdict arriving at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from benchmarks import tasks
from benchmarks.actions import start_run
from benchmarks.choices import JobKind
from benchmarks.models import Job
from tests.benchmarks import small_world
from tests.benchmarks.small_world import SmallWorld


@pytest.fixture
def world(transactional_db) -> SmallWorld:
    """Two scenarios: a part that is in, and the last one."""
    return small_world.peopled(scenarios=2)


def work_together(job_ids: list[int]) -> None:
    barrier = threading.Barrier(len(job_ids))

    def do(job_id: int) -> None:
        barrier.wait(timeout=20)
        try:
            tasks.work(job_id)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(job_ids)) as pool:
        for done in [pool.submit(do, job_id) for job_id in job_ids]:
            done.result()


def test_judge__last_part_beside_the_baselines_verdict__is_queued_exactly_once(world):
    for _ in range(5):
        before = start_run(world.versions["v1"], suite=world.suite, by=world.owner)
        after = start_run(
            world.versions["v2"], suite=world.suite, by=world.owner, baseline_run=before
        )
        own = list(Job.objects.filter(run=after).values_list("pk", flat=True))
        for job_id in [*Job.objects.filter(run=before).values_list("pk", flat=True), *own[:-1]]:
            tasks.work(job_id)
        verdict = Job.objects.get(run=before, kind=JobKind.JUDGE).pk
        work_together([own[-1], verdict])
        assert Job.objects.filter(run=after, kind=JobKind.JUDGE).count() == 1
