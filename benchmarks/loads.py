"""A scenario under system stress: asked now or kept from an earlier run, never posted."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import endpoints, frames, limits, plans
from benchmarks.choices import PartStatus, RunSource
from benchmarks.engine.load import LoadProfile
from benchmarks.engine.load_backfill import backlog_columns, summarise_backfill
from benchmarks.engine.load_summary import summarise
from benchmarks.models import ChallengeRun, RunPart
from benchmarks.predictors.base import PredictorError
from benchmarks.predictors.load import Loaded
from benchmarks.predictors.usage import Tally


@dataclass(frozen=True)
class Requests:
    """One row a request, with the row of the data that it asked about; what came of all."""

    requests: pd.DataFrame
    summary: dict[str, Any]
    served_by: dict[str, Any]


def requests_of(part: RunPart, asked: pd.DataFrame, label_column: str) -> Requests:
    """What became of the requests. Raises PredictorError in the model owner's words."""
    run, scenario = part.run, plans.scenario_of(part.run.plan, part.key)
    if run.answers_of is not None:
        return _kept(part, run.answers_of, scenario)
    if run.source == RunSource.POSTED:
        raise PredictorError(
            "Posted predictions say nothing about load. Start the run here, with a version that"
            " has an endpoint."
        )
    if asked.empty:
        raise PredictorError("There is no row to ask about.")
    profile = LoadProfile.of(plans.stress_of(scenario))
    seed = run.seed + scenario["seed"]
    loaded = _put_on(part, asked.drop(columns=[label_column]), profile, seed=seed)
    requests = loaded.requests
    summary = {**summarise(requests, profile), "own_delay_ms": _own_delay(requests)}
    if profile.has_backfill:
        summary["backfill"] = summarise_backfill(requests, profile)
        requests = requests.join(backlog_columns(requests, profile))
    return Requests(requests, summary, loaded.served_by)


def _put_on(part: RunPart, inputs: pd.DataFrame, profile: LoadProfile, *, seed: int) -> Loaded:
    """The whole load, or none of it where the run's limits do not leave room for it."""
    limits.check_time(part.run, needed=profile.lasts)
    planned, sent = profile.most_sent, 0
    allowed = limits.reserve(part, planned)
    used = Tally()
    try:
        meter = limits.meter(part, used)
        loaded = endpoints.stress(part.run.model_version, inputs, profile, seed=seed, meter=meter)
        sent = loaded.served_by["requests"]
        return loaded
    except limits.LimitReached:
        sent = planned  # in the middle of the load: how much was sent is not told
        raise
    finally:
        limits.spend(part, used.take())
        if allowed is not None:
            limits.settle(part, sent - planned)


def _own_delay(requests: pd.DataFrame) -> float | None:
    """How late the sender itself was in 99 of 100 requests that found a connection free."""
    known = requests["own_delay_ms"].dropna()
    return float(np.quantile(known, 0.99)) if len(known) else None


def _kept(part: RunPart, earlier: ChallengeRun, scenario: dict[str, Any]) -> Requests:
    """What became of the same requests in an earlier run."""
    kept = earlier.parts.filter(key=part.key, status=PartStatus.RECEIVED).first()
    if kept is None or not kept.load:
        raise PredictorError(f"Run {earlier.pk} kept no requests under this scenario.")
    if kept.data_digest != frames.data_digest(scenario, seed=part.run.seed):
        raise PredictorError(
            f"Run {earlier.pk} was asked otherwise here: the data, the stress or the seed differ."
        )
    requests = frames.kept_requests(kept.outputs_place, kept.outputs_digest)
    return Requests(requests, kept.load, kept.served_by)
