"""The demo's live endpoint: v1 behind a server of its own, registered and put under load."""

import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from django.conf import settings

from benchmarks import actions, endpoints, frames
from benchmarks.models import MetricSpec, Scenario, Suite
from benchmarks.outbound import Outbound, Unreachable
from benchmarks.predictors.base import PredictorError
from catalog import actions as catalog_actions
from catalog.models import Dataset, DatasetVersion, ModelEndpoint, ModelVersion, RegisteredModel
from portal.demo.people import Cast
from portal.demo.progress import Stalled
from portal.demo.server import HOST
from portal.supervisor import Supervisor

SERVED = "v1-http"
NAME, VERSION = "late-arrival", "1"
#: An outage of a second leaves fewer than twenty departures behind.
FEWEST = {"never_answered": 10}
RISK_AREA = "slow answers"
#: Starting a sandbox takes seconds, more on a busy machine.
START_SECONDS = 60.0
MARGINS = {"error_rate": 0.02, "p50_latency": 20.0, "p95_latency": 100.0, "never_answered": 0.05}
_WHY_ERRORS = "A flight without an answer has no warning."
_WHY_NEVER = "A flight whose warning comes late is still looked at before it lands."
_WHY_TIME = "The desk has decided after a second and a half, with or without the warning."

#: key, title, what it stands for, the load; a hundred requests at least, five seconds at most.
SCENARIOS: tuple[tuple[str, str, str, Mapping[str, Any]], ...] = (
    (
        "load-steady",
        "Twenty departures a second",
        "More than the three airports ever have.",
        {"rate": 20, "seconds": 5, "arrivals": "poisson", "deadline_ms": 2000},
    ),
    (
        "load-burst",
        "A burst of departures",
        "A ground stop is lifted, and the queue leaves at once.",
        {
            "rate": 12, "seconds": 5, "burst_factor": 5, "burst_start": 2, "burst_seconds": 1,
            "deadline_ms": 2000,
        },
    ),
    (
        "load-outage",
        "What lies before the model is away for a second",
        "The gateway restarts; callers try three times more within a fifth of a second, and the"
        " desk's queue asks again about the flights that are left.",
        {
            "rate": 20, "seconds": 5, "outage_start": 2, "outage_seconds": 1, "retries": 3,
            "deadline_ms": 2000, "backfill_rate": 10, "backfill_seconds": 2,
        },
    ),
)  # fmt: skip


def origin() -> str:
    """Where the server of this demo listens: as it is registered, else at a port that is free."""
    known = ModelEndpoint.objects.filter(version__version=SERVED, address__startswith="http://")
    if (row := known.first()) is not None:
        return row.address
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return f"http://{HOST}:{probe.getsockname()[1]}"


def allow(address: str) -> dict[str, str]:
    """Let this process call the address; returns what lets its child processes call it too."""
    if address not in settings.OUTBOUND_HOSTS:
        settings.OUTBOUND_HOSTS = [*settings.OUTBOUND_HOSTS, address]
    return {"OUTBOUND_HOSTS": ",".join(settings.OUTBOUND_HOSTS)}


def start(supervisor: Supervisor, address: str, version: ModelVersion) -> None:
    """Serve the version's artefact at the address until the supervisor ends."""
    artifact = Path(settings.DATA_DIR) / "served.skops"
    artifact.write_bytes(frames.read_verified(version.artifact_place, version.artifact_digest))
    port = address.rpartition(":")[2]
    supervisor.start_module(
        "model server",
        "portal.demo.server",
        *(str(artifact), "--port", port, "--name", NAME, "--version", VERSION),
        *("--columns", *version.input_columns),
    )
    _wait_until_ready(supervisor, address)


def _wait_until_ready(supervisor: Supervisor, address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and not supervisor.ended():
        try:
            with Outbound(address, allowed=settings.OUTBOUND_HOSTS) as outbound:
                if outbound.send("GET", f"/v2/models/{NAME}/ready").status == 200:
                    return
        except Unreachable:
            time.sleep(0.2)
    raise Stalled(f"The demo's model server does not answer; see {supervisor.logs}.")


def register(cast: Cast, model: RegisteredModel, address: str, v1: ModelVersion) -> ModelVersion:
    """The same model as a version that answers over HTTP."""
    found = ModelVersion.objects.filter(model=model, version=SERVED).first()
    return found or catalog_actions.register_endpoint(
        model,
        version=SERVED,
        endpoint={"protocol": "oip", "address": address, "served_model": NAME},
        input_columns=list(v1.input_columns),
        training_data=v1.training_data,
        notes="v1 as the desk asks it. The server runs on this machine while the demo does.",
        by=cast["owner"],
    )


def warm_up(served: ModelVersion, flights: pd.DataFrame) -> None:
    """Have one flight answered: what starting a sandbox takes is nothing that a load measures."""
    try:
        endpoints.ask(served, flights.head(1), alone=True, seed=0)
    except PredictorError as error:
        raise Stalled(f"The demo's model server does not answer. {error}") from error


def compose_suite(
    cast: Cast, model: RegisteredModel, dataset: Dataset, data: Mapping[str, DatasetVersion]
) -> Suite:
    """A steady load, a burst and an outage, each judged by errors and time."""
    found = Suite.objects.filter(project=cast.project, key="serving").first()
    if found is not None:
        return found
    metrics = {
        key: actions.define_metric(
            cast.project, key, margin=margin, minimum_n=FEWEST.get(key, 100), by=cast["owner"]
        )
        for key, margin in MARGINS.items()
    }
    return actions.compose_suite(
        cast.project,
        key="serving",
        title="Served under load",
        goal="Whether the warning comes in time when many flights leave at once, or something "
        "between the desk and the model fails.",
        model=model,
        owner=cast["owner"],
        metrics=list(MARGINS),
        scenarios=[_scenario(cast, dataset, data["2013-07"], metrics, row) for row in SCENARIOS],
        unit_of_independence="one request",
        by=cast["owner"],
    )


def _scenario(
    cast: Cast,
    dataset: Dataset,
    july: DatasetVersion,
    metrics: Mapping[str, MetricSpec],
    row: tuple[str, str, str, Mapping[str, Any]],
) -> Scenario:
    key, title, description, stress = row
    backfill = {
        "metric": metrics["never_answered"], "value_threshold": 0.2, "why": _WHY_NEVER,
    }  # fmt: skip
    return actions.write_scenario(
        cast.project,
        key=key,
        title=title,
        description=description,
        risk_area=RISK_AREA,
        dataset=dataset,
        dataset_version=july,
        stress=stress,
        criteria=[
            {"metric": metrics["error_rate"], "value_threshold": 0.05, "why": _WHY_ERRORS},
            {"metric": metrics["p95_latency"], "value_threshold": 1500.0, "why": _WHY_TIME},
            *([backfill] if "backfill_rate" in stress else []),
        ],
        by=cast["owner"],
    )
