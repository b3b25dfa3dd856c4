"""Where a scenario's answers come from: posted, kept, gathered in blocks, or asked for now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import endpoints, frames, limits, plans
from benchmarks.choices import PartStatus, RunSource
from benchmarks.engine.perturbations import Perturbed
from benchmarks.models import ChallengeRun, RowBlock, RunPart
from benchmarks.predictors import pool
from benchmarks.predictors.base import PredictorError
from benchmarks.predictors.endpoint import Asked, Tries
from benchmarks.predictors.stored import stored_scores
from catalog.choices import ArtifactFormat, Task


@dataclass(frozen=True)
class Scores:
    """One number a row, with the time each took and who gave it where that is known."""

    scores: np.ndarray
    latency_ms: np.ndarray | None = None
    served_by: dict[str, Any] = field(default_factory=dict)


def is_unchanged(scenario: Mapping[str, Any], asked: Perturbed) -> bool:
    """Whether a perturbation was declared and did nothing to these rows."""
    return bool(scenario["perturbation"] and asked.cells_changed == 0 and not asked.reweights_rows)


def scores_of(part: RunPart, asked: pd.DataFrame, label_column: str) -> Scores:
    """A part's answers about these rows. Raises PredictorError in the model owner's words."""
    run = part.run
    if run.answers_of is not None:
        return _kept_scores(part, run.answers_of, asked)
    if run.source == RunSource.POSTED:
        return Scores(stored_scores(frames.posted(part.posted_place), asked.index))
    blocks = list(part.blocks.order_by("number"))
    return _gathered(blocks) if blocks else ask(part, asked, label_column)


def ask(part: RunPart, asked: pd.DataFrame, label_column: str) -> Scores:
    """What the version's endpoint says, or its artefact from the sandbox.

    An endpoint is asked row by row where the run measures latency: rows that share a request
    share its time, and a hundred copies of one time are one observation. Raises LimitReached
    where the run may not send so much, or take so long.
    """
    run, version = part.run, part.run.model_version
    inputs = asked.drop(columns=[label_column])
    if version.artifact_format == ArtifactFormat.ENDPOINT:
        alone = version.endpoint.batch_size == 1 or endpoints.measures_latency(run.plan)
        heard = _heard(part, inputs, alone=alone)
        return Scores(heard.scores, heard.latency_ms if alone else None, heard.served_by)
    if not version.artifact_place:
        raise PredictorError("The version has no artefact here. Post its predictions instead.")
    sandbox = pool.predictor(
        digest=version.artifact_digest,
        content=frames.read_verified(version.artifact_place, version.artifact_digest),
        format=version.artifact_format,
        input_columns=list(version.input_columns),
        threshold=version.decision_threshold,
        task=run.suite.model.task,
    )
    return Scores(sandbox.predict(inputs))


def _heard(part: RunPart, inputs: pd.DataFrame, *, alone: bool) -> Asked:
    """The endpoint asked within what the run's limits leave."""
    run, version = part.run, part.run.model_version
    planned = endpoints.requests_for(version, len(inputs), alone=alone)
    allowed = limits.reserve(part, planned)
    tries = None if allowed is None else Tries(allowed)
    try:
        return endpoints.ask(
            version,
            inputs,
            alone=alone,
            seed=run.seed,
            seconds=limits.seconds_left(run),
            tries=tries,
            meter=limits.meter(part),
        )
    except PredictorError:
        limits.check_time(run)
        raise
    finally:
        if allowed is not None and tries is not None:
            limits.settle(part, allowed - tries.left - planned)


def reference_scores(
    part: RunPart, original: pd.DataFrame, label_column: str
) -> np.ndarray | None:
    """The scores of the unchanged rows, where flips are asked for and there are any.

    A model that can be asked is asked; posted and kept answers are those of the plan's scenario
    that leaves the same data as they are.
    """
    run, scenario = part.run, plans.scenario_of(part.run.plan, part.key)
    wanted = plans.asks_for(run.plan, scenario, "flip_rate")
    if not wanted or not scenario["perturbation"] or run.suite.model.task != Task.BINARY:
        return None
    try:
        if run.source == RunSource.WORKER:
            return ask(part, original, label_column).scores
        source = _unchanged(part, scenario)
        return None if source is None else scores_of(source, original, label_column).scores
    except PredictorError:
        return None  # the scenario's own answers stand, only flips cannot be told


def _unchanged(part: RunPart, scenario: dict[str, Any]) -> RunPart | None:
    keys = [
        other["key"]
        for other in part.run.plan["scenarios"]
        if other["dataset_version"] == scenario["dataset_version"]
        and not other["perturbation"]
        and not plans.stress_of(other)
    ]
    source = part.run.parts.filter(key__in=keys).order_by("position").first()
    if source is None or (part.run.source == RunSource.POSTED and not source.posted_place):
        return None
    source.run = part.run
    return source


def _gathered(blocks: list[RowBlock]) -> Scores:
    """The blocks' answers in the order of their rows; one model has to have given them all."""
    told = [block.served_by for block in blocks if block.served_by]  # a block may hold no row
    if any(served_by != told[0] for served_by in told):
        raise PredictorError("The endpoint came to serve another model while it was being asked.")
    answers = pd.concat([frames.block_answers(block) for block in blocks], ignore_index=True)
    return Scores(answers["score"].to_numpy(), _times(answers), told[0] if told else {})


def _kept_scores(part: RunPart, earlier: ChallengeRun, asked: pd.DataFrame) -> Scores:
    """What the model answered in an earlier run, if it was asked exactly these rows."""
    kept = earlier.parts.filter(key=part.key, status=PartStatus.RECEIVED).first()
    if kept is None:
        raise PredictorError(f"Run {earlier.pk} holds no answers under this scenario.")
    scenario = plans.scenario_of(part.run.plan, part.key)
    if kept.data_digest != frames.data_digest(scenario, seed=part.run.seed):
        raise PredictorError(
            f"Run {earlier.pk} was asked other rows here: the data, the change or the seed differ."
        )
    answers = frames.kept_answers(kept.outputs_place, kept.outputs_digest)
    if not answers.index.equals(asked.index):
        raise PredictorError(f"Run {earlier.pk} kept its answers in another order of rows.")
    return Scores(answers["score"].to_numpy(), _times(answers), kept.served_by)


def _times(answers: pd.DataFrame) -> np.ndarray | None:
    return answers[frames.LATENCY].to_numpy() if frames.LATENCY in answers else None
