"""What a worker does with one scenario: ask the model, record the answers once.

A scenario over many rows is asked block by block, each by whichever worker is free; the last
block's record queues the scenario's own evaluation, which puts their answers together.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from django.utils import timezone

from benchmarks import amendments, asking, frames, jobs, limits, loads, plans, safety
from benchmarks.asking import Scores
from benchmarks.choices import JobKind, JobState, PartStatus, RunStatus
from benchmarks.engine.amending import Amendments, amended
from benchmarks.engine.fairness import fairness, group_codes
from benchmarks.engine.metrics import estimates
from benchmarks.engine.nets import NetError
from benchmarks.engine.observed import observed
from benchmarks.engine.perturbations import PerturbationError
from benchmarks.engine.stability import flips_by_slice
from benchmarks.engine.values import Estimate
from benchmarks.limits import LimitReached
from benchmarks.models import (
    ChallengeRun,
    Job,
    Measurement,
    RowBlock,
    RunPart,
)
from benchmarks.predictors.base import PredictorError
from catalog.models import DatasetVersion
from catalog.transactions import write_block

BATCH = 1000
#: What asking again would not mend: the part is errored, in the words of what went wrong.
UNANSWERABLE = (
    PredictorError, PerturbationError, NetError, LimitReached, frames.DamagedFile,
)  # fmt: skip


@dataclass(frozen=True)
class Answered:
    """A scenario's outcome, computed and filed but not yet recorded."""

    status: str
    message: str = ""
    not_used: bool = False
    place: str = ""
    outputs_digest: str = ""
    data_digest: str = ""
    rows: int = 0
    cells_changed: int = 0
    served_by: dict[str, Any] = field(default_factory=dict)
    estimates: tuple[Estimate, ...] = ()
    fairness: dict[str, Any] = field(default_factory=dict)
    stability: dict[str, Any] = field(default_factory=dict)
    observed: dict[str, Any] = field(default_factory=dict)
    load: dict[str, Any] = field(default_factory=dict)
    net: dict[str, Any] = field(default_factory=dict)


# -- one scenario -----------------------------------------------------------------------------


def evaluate_part(job: Job, fence: int) -> None:
    """Ask the model about one scenario and record what came of it, under the job's fence."""
    started = time.monotonic()
    part = RunPart.objects.select_related(
        "run__suite__model", "run__model_version__model", "run__answers_of"
    ).get(job=job)
    try:
        limits.begin(part)
        answered = answer(part)
    except UNANSWERABLE as error:
        answered = Answered(PartStatus.ERRORED, message=str(error))
    record_part(job, fence, part, answered, seconds=time.monotonic() - started)


def answer(part: RunPart) -> Answered:
    """Compute one scenario. Raises PredictorError in the model owner's words."""
    run = part.run
    scenario = plans.scenario_of(run.plan, part.key)
    version = DatasetVersion.objects.get(pk=scenario["dataset_version"])
    original = frames.data(version)
    asked = frames.perturbed(original, scenario, seed=run.seed)
    if asking.is_unchanged(scenario, asked):
        message = "The perturbation changed nothing in these rows."
        return Answered(PartStatus.SKIPPED, message=message)
    if plans.stress_of(scenario):
        return _answered_under_load(part, original, asked.frame, version.label_column)
    answers = asking.scores_of(part, asked.frame, version.label_column)
    watch = safety.watch(scenario, version, original, asked, answers.scores, run.suite.model.task)
    scored = frames.scored(
        original,
        asked.frame,
        answers.scores,
        latency_ms=answers.latency_ms,
        reference=asking.reference_scores(part, original, version.label_column),
        held=watch.held,
        **_terms(run, version.label_column),
    )
    # What was answered is kept as it came; only what is measured and judged is corrected.
    place, outputs_digest = frames.store_outputs(scored)
    corrections = _corrections(part)
    judged = amended(scored, corrections)
    return Answered(
        status=PartStatus.RECEIVED,
        not_used=not_used(run, version, asked, watch.columns),
        place=place,
        outputs_digest=outputs_digest,
        data_digest=frames.data_digest(scenario, seed=run.seed),
        rows=len(scored),
        cells_changed=asked.cells_changed,
        served_by=answers.served_by,
        estimates=_estimates(run, scenario, judged, also=watch.metric_keys),
        fairness=_fairness(run, original, judged),
        stability=_stability(scenario, judged),
        net=watch.report(scored, corrections, seed=run.seed),
        observed=asdict(
            observed(scored, original, asked.frame, touched=asked.touched, seed=run.seed)
        ),
    )


def _answered_under_load(
    part: RunPart, original: pd.DataFrame, asked: pd.DataFrame, label_column: str
) -> Answered:
    """A row a request; how groups fare and what flips is not told from those that came through."""
    run, scenario = part.run, plans.scenario_of(part.run.plan, part.key)
    loaded = loads.requests_of(part, asked, label_column)
    scored = frames.scored_under_load(
        original, asked, loaded.requests, **_terms(run, label_column)
    )
    place, outputs_digest = frames.store_outputs(scored)
    return Answered(
        status=PartStatus.RECEIVED,
        place=place,
        outputs_digest=outputs_digest,
        data_digest=frames.data_digest(scenario, seed=run.seed),
        rows=len(scored),
        served_by=loaded.served_by,
        estimates=_estimates(run, scenario, amended(scored, _corrections(part))),
        load=loaded.summary,
    )


def _corrections(part: RunPart) -> Amendments:
    return amendments.of_plan(part.run.plan).get(part.key, Amendments())


def _terms(run: ChallengeRun, label_column: str) -> dict[str, Any]:
    """What decides how answers become a scored frame, whichever way they came."""
    return {
        "label_column": label_column,
        "threshold": run.model_version.decision_threshold,
        "task": run.suite.model.task,
        "cluster_columns": run.plan["suite"]["cluster_columns"],
        "protected_column": plans.protected_column(run.plan),
    }


def _estimates(
    run: ChallengeRun, scenario: dict[str, Any], scored: pd.DataFrame, also: Sequence[str] = ()
) -> tuple[Estimate, ...]:
    """The run's metrics, and those that a scenario is measured by besides."""
    metrics = list(dict.fromkeys([*plans.metric_keys(run.plan), *also]))
    return tuple(estimates(scored, metrics, list(plans.slices_of(scenario)), seed=run.seed))


def _fairness(run: ChallengeRun, original: pd.DataFrame, scored: pd.DataFrame) -> dict[str, Any]:
    column = plans.protected_column(run.plan)
    if not column:
        return {}
    _, names = group_codes(original[column])
    return {"column": column, **asdict(fairness(scored, names, seed=run.seed))}


def _stability(scenario: dict[str, Any], scored: pd.DataFrame) -> dict[str, Any]:
    if "reference_prediction" not in scored.columns:
        return {}
    found = flips_by_slice(scored, plans.slices_of(scenario))
    return {name: asdict(flips) for name, flips in found.items()}


# -- one block of a large scenario ------------------------------------------------------------


def ask_block(job: Job, fence: int) -> None:
    """Ask the model about one block of rows and file its answers, under the job's fence."""
    started = time.monotonic()
    block = RowBlock.objects.select_related(
        "part__run__suite__model", "part__run__model_version__model"
    ).get(job=job)
    filed: dict[str, Any] = {"status": PartStatus.RECEIVED}
    try:
        answers = _answers_of_block(block)
        place, digest = frames.store_answers(answers.scores, answers.latency_ms)
        filed |= {"answers_place": place, "answers_digest": digest}
        filed |= {"served_by": answers.served_by}
    except UNANSWERABLE as error:
        filed = {"status": PartStatus.ERRORED, "message": str(error)}
    with write_block():
        run = ChallengeRun.objects.select_for_update(of=("self",)).get(pk=block.part.run_id)
        jobs.finish(job.pk, fence)
        RowBlock.objects.filter(pk=block.pk).update(
            **filed, seconds=time.monotonic() - started, finished_at=timezone.now()
        )
        _after_block(run, block.part)


def _answers_of_block(block: RowBlock) -> Scores:
    """The whole frame is perturbed, because a change may look at all rows; one block is asked."""
    limits.begin(block.part)
    run = block.part.run
    scenario = plans.scenario_of(run.plan, block.part.key)
    version = DatasetVersion.objects.get(pk=scenario["dataset_version"])
    asked = frames.perturbed(frames.data(version), scenario, seed=run.seed)
    total = block.part.blocks.count()
    first, last = (
        len(asked.frame) * number // total for number in (block.number, block.number + 1)
    )
    if asking.is_unchanged(scenario, asked) or first == last:
        return Scores(np.empty(0))
    return asking.ask(block.part, asked.frame.iloc[first:last], version.label_column)


def _after_block(run: ChallengeRun, part: RunPart) -> None:
    """Queue the part once its last block is in; the run's lock is held, so exactly once."""
    if part.blocks.filter(status=PartStatus.WAITING).exists():
        return
    errored = part.blocks.filter(status=PartStatus.ERRORED).order_by("number").first()
    if errored is None:
        job = Job.objects.create(kind=JobKind.EVALUATE, run=run, part=part)
        jobs.ring([job.pk])
        return
    _close_errored(run, part, f"Block {errored.number + 1}: {errored.message}")


def _close_errored(run: ChallengeRun, part: RunPart, message: str) -> None:
    RunPart.objects.filter(pk=part.pk, status=PartStatus.WAITING).update(
        status=PartStatus.ERRORED, message=message[:2000], finished_at=timezone.now()
    )
    _after_part(run)


# -- what the record says ---------------------------------------------------------------------


def not_used(
    run: ChallengeRun, version: DatasetVersion, asked: Any, watched: Collection[str]
) -> bool:
    """Whether neither the model nor its safety net reads what the perturbation changed."""
    if asked.reweights_rows or not asked.touched:
        return False
    return not asked.touched & {*run.model_version.input_columns, version.label_column, *watched}


def record_part(
    job: Job, fence: int, part: RunPart, answered: Answered, *, seconds: float
) -> None:
    """Write a scenario's outcome once, under the run's lock and the job's fence."""
    with write_block():
        run = ChallengeRun.objects.select_for_update(of=("self",)).get(pk=part.run_id)
        jobs.finish(job.pk, fence)
        RunPart.objects.filter(pk=part.pk).update(
            status=answered.status,
            not_used=answered.not_used,
            message=answered.message,
            outputs_place=answered.place,
            outputs_digest=answered.outputs_digest,
            data_digest=answered.data_digest,
            rows=answered.rows,
            cells_changed=answered.cells_changed,
            served_by=answered.served_by,
            fairness=answered.fairness,
            stability=answered.stability,
            observed=answered.observed,
            load=answered.load,
            net=answered.net,
            seconds=seconds,
            finished_at=timezone.now(),
        )
        Measurement.objects.bulk_create(
            [_measurement(run, part, estimate) for estimate in answered.estimates],
            batch_size=BATCH,
        )
        _after_part(run)


def _measurement(run: ChallengeRun, part: RunPart, estimate: Estimate) -> Measurement:
    interval = estimate.interval
    return Measurement(
        run=run,
        scenario=part.key,
        metric=estimate.metric,
        slice=estimate.slice,
        value=estimate.value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        level=interval.level if interval else 0.95,
        method=interval.method if interval else "",
        n=estimate.n,
        reason=estimate.reason.value,
    )


def _after_part(run: ChallengeRun) -> None:
    """Move the run along; the run's lock is held, so exactly one caller sees the last part."""
    if run.status == RunStatus.QUEUED:
        run.status, run.started_at = RunStatus.RUNNING, timezone.now()
        run.record(by=run.created_by, reason="first part finished")
    jobs.queue_next_load(run)
    jobs.queue_judge_if_ready(run)


# -- what could not be done -------------------------------------------------------------------


def give_up(job: Job, *, error: str) -> None:
    """Close a job that used up its attempts; its run goes on to an honest end without it."""
    with write_block():
        run = ChallengeRun.objects.select_for_update(of=("self",)).get(pk=job.run_id)
        closed = (
            jobs.poisoned()
            .filter(pk=job.pk)
            .update(
                state=JobState.FAILED,
                error=error[:2000],
                finished_at=timezone.now(),
                lease_until=None,
            )
        )
        if not closed:
            return
        if job.kind == JobKind.JUDGE:
            run.status, run.error = RunStatus.ERRORED, error[:2000]
            run.finished_at = timezone.now()
            run.record(by=run.created_by, reason="judging failed")
            return
        if job.block is not None:
            RowBlock.objects.filter(job=job, status=PartStatus.WAITING).update(
                status=PartStatus.ERRORED, message=error[:2000], finished_at=timezone.now()
            )
            _after_block(run, job.block.part)
        elif job.part is not None:
            _close_errored(run, job.part, error)
