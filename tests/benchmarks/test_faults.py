"""Workers that are killed at random, and the same bytes in the end.

The short form runs with the other tests. The long one, 204 blocks of rows over 4 workers with 10
kills, takes some minutes: `FAULTS=long uv run pytest tests/benchmarks/test_faults.py`.
"""

import os
import random
from dataclasses import dataclass

import pytest
from django.core.files.storage import default_storage

from benchmarks.actions import start_run
from benchmarks.choices import PartStatus, RunStatus
from benchmarks.models import ChallengeRun, Measurement, RowBlock
from tests.benchmarks.small_world import ROWS
from tests.benchmarks.test_worker import CELLS, IMPATIENT, finish, status
from tests.stack import Worker, running_worker, wait_until

pytestmark = pytest.mark.worker

SCENARIOS = 12


@dataclass(frozen=True)
class Size:
    blocks: int  # of every scenario
    workers: int
    kills: int


SIZES = {"short": Size(blocks=3, workers=2, kills=2), "long": Size(blocks=17, workers=4, kills=10)}


@pytest.fixture
def size() -> Size:
    return SIZES[os.environ.get("FAULTS", "short")]


def blocks_done(run: ChallengeRun) -> int:
    blocks = RowBlock.objects.filter(part__run=run)
    return blocks.exclude(status=PartStatus.WAITING).count()


def content(run: ChallengeRun) -> list[object]:
    """Everything the run left: the bytes of its files, its numbers, its result's digest."""
    files = []
    for place in run.parts.order_by("position").values_list("outputs_place", flat=True):
        with default_storage.open(place) as file:
            files.append(file.read())
    cells = Measurement.objects.filter(run=run).order_by("scenario", "metric", "slice")
    numbers = list(cells.values_list("scenario", "metric", "slice", "value", "low", "high", "n"))
    return [files, numbers, run.result_digest]


def test_workers__killed_at_random__leave_the_bytes_of_an_undisturbed_run(
    committed_world, settings, size
):
    world, draw = committed_world, random.Random(11)  # noqa: S311 - chooses victims
    settings.BLOCK_ROWS = -(-ROWS // size.blocks)
    patient = IMPATIENT | {"JOB_MAX_ATTEMPTS": str(3 + size.kills)}

    def started() -> ChallengeRun:
        return start_run(world.versions["v1"], suite=world.suite, by=world.owner, seed=9)

    with running_worker(processes=2, **patient):
        undisturbed = finish(started())

    run = started()
    total = SCENARIOS * size.blocks
    assert run.jobs.count() == total
    workers = [Worker(**patient).start() for _ in range(size.workers)]
    struck = 0
    try:
        for kill in range(size.kills):
            goal = 1 + kill * (total - size.workers) // size.kills
            wait_until(lambda: blocks_done(run) >= goal, seconds=120, what="more blocks")  # noqa: B023
            struck += status(run) != RunStatus.EVALUATED
            victim = draw.randrange(size.workers)
            workers[victim].kill()
            workers[victim] = Worker(**patient).start()
        run = finish(run)
    finally:
        for worker in workers:
            worker.stop()

    assert struck == size.kills, "a worker was killed only after the work"
    assert content(run) == content(undisturbed)
    assert Measurement.objects.filter(run=run).count() == CELLS
    assert run.jobs.count() == total + SCENARIOS + 1
