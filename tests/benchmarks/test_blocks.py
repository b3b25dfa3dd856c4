"""A scenario over many rows is asked in blocks, and nothing in its result tells so."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from benchmarks import asking, evaluation, frames, jobs, tasks
from benchmarks.actions import start_run
from benchmarks.choices import JobKind, JobState, PartStatus, RunStatus
from benchmarks.models import ChallengeRun, Job, Measurement, RowBlock
from benchmarks.panels.reading import PlanWords
from benchmarks.panels.runs import progress
from benchmarks.predictors.base import PredictorError

BLOCKS = 5


@pytest.fixture
def few_rows(settings):
    settings.BLOCK_ROWS = 700  # of the small world's 3,000


def started(world) -> ChallengeRun:
    return start_run(world.versions["v1"], suite=world.suite, by=world.owner, seed=4)


def drain() -> None:
    while job := jobs.claimable().order_by("?").first():
        tasks.work(job.pk)


def result(run: ChallengeRun) -> list[tuple]:
    cells = Measurement.objects.filter(run=run).order_by("scenario", "metric", "slice")
    return list(cells.values_list("scenario", "metric", "slice", "value", "low", "high", "n"))


def test_run__rows_in_blocks__ends_with_the_result_of_the_undivided_run(world, settings):
    whole = started(world)
    drain()
    settings.BLOCK_ROWS = 700
    divided = started(world)
    assert divided.jobs.filter(kind=JobKind.ASK).count() == 3 * BLOCKS
    assert not divided.jobs.filter(kind=JobKind.EVALUATE).exists()
    drain()
    for run in (whole, divided):
        run.refresh_from_db()
        assert run.status == RunStatus.EVALUATED
    assert result(divided) == result(whole)
    assert divided.result_digest == whole.result_digest
    digests = [
        list(run.parts.values_list("outputs_digest", flat=True)) for run in (whole, divided)
    ]
    assert digests[0] == digests[1]


def test_part__last_block_is_in__gets_exactly_one_evaluation(world, few_rows):
    run = started(world)
    part = run.parts.get(key="scenario-1")
    for block in part.blocks.all():
        assert not Job.objects.filter(part=part).exists()
        tasks.work(block.job.pk)
    assert Job.objects.filter(part=part, kind=JobKind.EVALUATE).count() == 1


def test_block__stale_fence__writes_nothing(world, few_rows):
    job = started(world).jobs.first()
    stale = jobs.claim(job.pk)
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    jobs.claim(job.pk)
    with pytest.raises(jobs.LostLease):
        evaluation.ask_block(job, stale)
    assert RowBlock.objects.get(job=job).status == PartStatus.WAITING


def test_block__model_cannot_answer__makes_an_errored_part_that_says_which(
    world, few_rows, monkeypatch
):
    ask, calls = asking.ask, []

    def faltering(run, rows, label_column):
        calls.append(len(rows))
        if len(calls) == 3:
            raise PredictorError("The model refuses these rows.")
        return ask(run, rows, label_column)

    monkeypatch.setattr(asking, "ask", faltering)
    run = started(world)
    for job in run.jobs.order_by("pk"):
        tasks.work(job.pk)
    drain()
    run.refresh_from_db()
    part = run.parts.get(position=1)
    assert part.status == PartStatus.ERRORED
    assert part.message == "Block 3: The model refuses these rows."
    assert run.status == RunStatus.EVALUATED
    assert run.verdict == "inconclusive"


@pytest.mark.parametrize("rows", [700, 5000])
def test_part__change_that_the_data_do_not_allow__is_errored_at_once_in_its_words(
    world, settings, rows
):
    settings.BLOCK_ROWS = rows
    window = {"time": "seen", "first": "1999-01-01", "last": "1999-01-02"}
    scenario = world.suite.scenarios.get(key="scenario-1")
    scenario.perturbation = [{"kind": "replay", "parameters": {"columns": ["x"], **window}}]
    scenario.record(by=world.owner, reason="another time")
    run = started(world)
    drain()
    part = run.parts.get(key="scenario-1")
    assert part.status == PartStatus.ERRORED
    assert "No row lies between 1999-01-01 and 1999-01-02." in part.message
    assert set(run.jobs.values_list("attempt", flat=True)) == {1}


def test_part__endpoint_that_changed_between_blocks__is_errored(world, few_rows, monkeypatch):
    """A share of one model's answers and a share of another's are nobody's score."""
    models = iter(["a", "a", "b", "b", "b"])

    def serving(run, rows, label_column):
        return asking.Scores(np.full(len(rows), 0.5), None, {"model": next(models)})

    monkeypatch.setattr(asking, "ask", serving)
    run = started(world)
    for block in run.parts.get(position=1).blocks.all():
        tasks.work(block.job.pk)
    tasks.work(Job.objects.get(part__position=1).pk)
    part = run.parts.get(position=1)
    assert part.status == PartStatus.ERRORED
    assert "came to serve another model" in part.message


def test_part__blocks_with_times__keeps_them_in_the_order_of_its_rows(
    world, few_rows, monkeypatch
):
    def timed(run, rows, label_column):
        return asking.Scores(np.full(len(rows), 0.5), rows.index.to_numpy() * 2.0, {})

    monkeypatch.setattr(asking, "ask", timed)
    run = started(world)
    for block in reversed(run.parts.get(position=1).blocks.all()):
        tasks.work(block.job.pk)
    tasks.work(Job.objects.get(part__position=1).pk)
    part = run.parts.get(position=1)
    kept = frames.kept_answers(part.outputs_place, part.outputs_digest)
    assert (kept["latency_ms"] == kept.index * 2.0).all()
    assert len(kept) == 3000


def test_block__attempts_used_up__closes_the_part_and_the_run_goes_on(world, few_rows):
    run = started(world)
    lost = run.jobs.order_by("pk").first()
    Job.objects.filter(pk=lost.pk).update(attempt=99, state=JobState.QUEUED)
    for job in run.jobs.exclude(pk=lost.pk):
        tasks.work(job.pk)
    tasks.dispatch_jobs()
    drain()
    run.refresh_from_db()
    assert run.parts.get(position=1).message.startswith("Block 1: Gave up after 99 attempts.")
    assert run.status == RunStatus.EVALUATED


def test_progress__some_blocks_answered__says_how_many(world, few_rows):
    run = started(world)
    for block in run.parts.get(position=1).blocks.all()[:2]:
        tasks.work(block.job.pk)
    line = progress(run, PlanWords(run.plan), timezone.now()).parts[0]
    assert line.message == f"2 of {BLOCKS} blocks of rows answered"


def test_run__predictions_posted__is_not_divided(world, few_rows):
    items = {"item": world.frame["item"].tolist(), "score": np.full(3000, 0.5).tolist()}
    posted = {"scenario-0": {"items": items}}
    run = start_run(world.versions["v1"], suite=world.suite, by=world.owner, posted=posted)
    assert set(run.jobs.values_list("kind", flat=True)) == {JobKind.EVALUATE}
