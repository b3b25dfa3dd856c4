"""The demo's model server against what asks it: as itself, and only what the protocol says."""

import json
import threading
import time
from contextlib import contextmanager

import pytest

from benchmarks.outbound import Outbound
from benchmarks.predictors.artifact import ArtifactPredictor
from benchmarks.predictors.endpoint import EndpointPredictor
from benchmarks.predictors.protocols import Endpoint
from portal.demo.server import ModelServer
from tests.benchmarks import small_world

COLUMNS = ["x", "z"]


@contextmanager
def served(tmp_path):
    path = tmp_path / "model.skops"
    path.write_bytes(small_world.artifact(COLUMNS))
    with (
        ArtifactPredictor(path, "skops", COLUMNS) as predictor,
        ModelServer(0, predictor, "late-arrival", "1") as server,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            with Outbound(origin, allowed=[origin]) as outbound:
                yield predictor, outbound
        finally:
            server.shutdown()


def test_server__asked_by_the_portal__answers_as_its_artefact_does(tmp_path):
    rows = small_world.rows(n=7)
    endpoint = Endpoint("oip", model="late-arrival", batch_size=3)
    with served(tmp_path) as (predictor, outbound):
        asking = EndpointPredictor(endpoint, outbound.send, COLUMNS, "binary", seconds=60)
        heard = asking.answer(rows)
        expected = predictor.predict(rows)
    assert heard.scores.tolist() == pytest.approx(expected.tolist())
    assert (heard.served_by["model"], heard.served_by["version"]) == ("late-arrival", "1")


def test_server__caller_that_leaves__does_not_take_the_model_along(tmp_path):
    rows = small_world.rows(n=1)
    with served(tmp_path) as (_, outbound):
        times = []
        for _ in range(3):
            endpoint = Endpoint("oip", model="late-arrival", batch_size=1)
            address = f"{outbound.address.scheme}://127.0.0.1:{outbound.address.port}"
            with Outbound(address, allowed=[address]) as another:
                asking = EndpointPredictor(endpoint, another.send, COLUMNS, "binary", seconds=60)
                times.append(asking.answer(rows).latency_ms[0])
            time.sleep(0.2)  # the thread of that caller ends
    assert max(times[1:]) < times[0] / 2, "the sandbox was started again"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v2/models/late-arrival/infer", b"{", 400),
        ("/v2/models/late-arrival/infer", b"[]", 400),
        ("/v2/models/late-arrival/infer", b'{"inputs": [{"name": "x"}]}', 400),
        ("/v2/models/other/infer", json.dumps({"inputs": []}).encode(), 404),
        ("/etc/passwd", None, 404),
    ],
)
def test_server__asked_for_what_it_is_not__refuses_and_stays(tmp_path, path, body, status):
    method = "GET" if body is None else "POST"
    with served(tmp_path) as (_, outbound):
        assert outbound.send(method, path, body).status == status
        assert outbound.send("GET", "/v2/models/late-arrival/ready").status == 200
