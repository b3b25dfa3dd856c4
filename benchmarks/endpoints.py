"""Asks a registered endpoint through the guard: at its address, if allowed, while time lasts."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from django.conf import settings

from benchmarks.engine.load import LoadProfile, schedule
from benchmarks.engine.metrics import metric_of
from benchmarks.outbound import Outbound, Refused, Unreachable
from benchmarks.predictors.base import PredictorError
from benchmarks.predictors.endpoint import Asked, EndpointPredictor, Tries
from benchmarks.predictors.load import LoadDriver, Loaded
from benchmarks.predictors.protocols import Endpoint
from benchmarks.predictors.usage import Meter
from catalog.choices import ArtifactFormat
from catalog.models import ModelEndpoint, ModelVersion

#: What a job's own work may take of its time limit; the rest is for measuring and writing.
SHARE_OF_LIMIT = 0.9


def ask(
    version: ModelVersion,
    frame: pd.DataFrame,
    *,
    alone: bool,
    seed: int,
    seconds: float | None = None,
    tries: Tries | None = None,
    meter: Meter | None = None,
) -> Asked:
    """The endpoint's answers; `alone` sends each row by itself, so that its time is its own.

    `seconds` and `tries` are what a run's limits leave, None for no limit beyond the job's own.
    Raises PredictorError in words that the model's owner can act on.
    """
    endpoint = description(version.endpoint, alone=alone)
    longest = settings.CELERY_TASK_SOFT_TIME_LIMIT * SHARE_OF_LIMIT
    try:
        with Outbound(
            version.endpoint.address, allowed=settings.OUTBOUND_HOSTS, seconds=endpoint.deadline
        ) as outbound:
            predictor = EndpointPredictor(
                endpoint,
                outbound.send,
                list(version.input_columns),
                version.model.task,
                seconds=longest if seconds is None else min(longest, seconds),
                seed=seed,
                tries=tries,
                meter=meter,
            )
            return predictor.answer(frame)
    except (Refused, Unreachable) as error:
        raise PredictorError(f"The endpoint was not asked. {error}") from error


def stress(
    version: ModelVersion,
    frame: pd.DataFrame,
    profile: LoadProfile,
    *,
    seed: int,
    meter: Meter | None = None,
) -> Loaded:
    """What becomes of requests about these rows under the profile.

    Raises PredictorError where the version has no endpoint, or nothing could be asked at all.
    """
    if version.artifact_format != ArtifactFormat.ENDPOINT:
        raise PredictorError(
            "System stress is put on a live endpoint, and this version has none. Register the"
            " address where it is served as a version."
        )
    limit = settings.CELERY_TASK_SOFT_TIME_LIMIT * SHARE_OF_LIMIT
    if profile.lasts + profile.deadline_ms / 1000 > limit:
        raise PredictorError(
            f"The load lasts {profile.lasts:g} seconds and a job {limit:.0f}. Shorten the load"
            " or raise JOB_TIME_LIMIT."
        )
    endpoint = description(version.endpoint, alone=True)

    def connect() -> Outbound:
        return Outbound(
            version.endpoint.address, allowed=settings.OUTBOUND_HOSTS, seconds=endpoint.deadline
        )

    driver = LoadDriver(
        endpoint, connect, list(version.input_columns), version.model.task, profile, meter=meter
    )
    try:
        return driver.run(frame, schedule(profile, len(frame), seed))
    except (Refused, Unreachable) as error:
        raise PredictorError(f"The endpoint was not asked. {error}") from error


def requests_for(version: ModelVersion, rows: int, *, alone: bool) -> int:
    """How many requests so many rows take when none has to be tried again."""
    return -(-rows // (1 if alone else version.endpoint.batch_size))


def description(row: ModelEndpoint, *, alone: bool = False) -> Endpoint:
    return Endpoint(
        protocol=row.protocol,
        model=row.served_model,
        version=row.served_version,
        output=row.output,
        batch_size=1 if alone else row.batch_size,
        deadline=row.deadline,
    )


def measures_latency(plan: Mapping[str, Any]) -> bool:
    """Whether anything in a run's plan is judged by the time that an answer takes."""
    keys = {metric["key"] for metric in plan["metrics"]}
    for scenario in plan["scenarios"]:
        keys |= {criterion["metric"] for criterion in scenario["criteria"]}
    return any("latency_ms" in metric_of(key).needs for key in keys)
