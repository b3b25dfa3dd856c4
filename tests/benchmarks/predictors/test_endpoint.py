"""Models asked over HTTP: what is asked, waits and retries, who answered."""

from typing import Any

import pandas as pd
import pytest

from benchmarks.outbound import Refused, Reply, Unreachable
from benchmarks.predictors.base import PredictorError
from benchmarks.predictors.endpoint import LONGEST_WAIT, TRIES, Tries
from benchmarks.predictors.protocols import Endpoint
from tests.benchmarks.predictors.played_server import (
    FRAME,
    MLFLOW,
    Wire,
    mlflow,
    oip,
    saying,
    tensor,
)

pytestmark = pytest.mark.pure

# -- asking -----------------------------------------------------------------------------------


def test_oip__rows__are_asked_in_batches_and_come_back_in_order():
    wire = saying()
    answer = wire.predictor().answer(FRAME)
    assert answer.scores.tolist() == FRAME["x"].tolist()
    assert wire.asked == [
        ("GET", "/v2/models/delays/ready"),
        ("GET", "/v2/models/delays"),
        *[("POST", "/v2/models/delays/infer")] * 3,
    ]
    assert [body["inputs"][0]["shape"] for body in wire.bodies] == [[2, 1], [2, 1], [1, 1]]


def test_oip__named_version__is_asked_for_by_name():
    wire = saying(model_version="3")
    wire.predictor(Endpoint("oip", model="delays", version="3")).answer(FRAME)
    assert wire.asked[-1] == ("POST", "/v2/models/delays/versions/3/infer")


def test_mlflow__rows__are_asked_as_a_split_frame_of_the_columns_it_reads():
    wire = Wire(mlflow)
    answer = wire.predictor(MLFLOW).answer(FRAME)
    assert answer.scores.tolist() == FRAME["x"].tolist()
    assert wire.asked[0] == ("GET", "/ping")
    assert wire.bodies[0] == {"dataframe_split": {"columns": ["x"], "data": [[0.1], [0.2]]}}


def test_mlflow__server_without_a_ping__is_asked_all_the_same():
    wire = Wire(lambda path, body: Reply(404) if path == "/ping" else mlflow(path, body))
    assert len(wire.predictor(MLFLOW).answer(FRAME).scores) == 5


def test_answer__no_rows__asks_nobody():
    wire = saying()
    assert len(wire.predictor().answer(FRAME.iloc[:0]).scores) == 0
    assert wire.asked == []


def test_answer__data_without_a_column_that_the_model_reads__is_refused_by_name():
    with pytest.raises(PredictorError, match="no column y"):
        saying().predictor(columns=["x", "y"]).answer(FRAME)


def test_oip__one_declared_tensor__gets_the_columns_as_one_table():
    def matrix(path: str, body: Any) -> Any:
        if body is None:
            inputs = [{"name": "input-0", "datatype": "FP32", "shape": [-1, 2]}]
            return {"name": "delays", "inputs": inputs}
        sums = [sum(row) for row in body["inputs"][0]["data"]]
        return {"model_name": "delays", "outputs": [tensor(sums, [len(sums)])]}

    wire = Wire(matrix)
    frame = pd.DataFrame({"x": [0.1, 0.2], "z": [1, 2]})
    answer = wire.predictor(task="regression", columns=["x", "z"]).answer(frame)
    assert answer.scores.tolist() == [1.1, 2.2]
    assert wire.bodies[0]["inputs"] == [
        {"name": "input-0", "shape": [2, 2], "datatype": "FP32", "data": [[0.1, 1], [0.2, 2]]}
    ]


@pytest.mark.parametrize(
    "inputs",
    [
        [{"name": "input-0", "datatype": "FP32", "shape": [-1, 3]}],
        [{"name": "input-0", "datatype": "BYTES", "shape": [-1, 1]}],
        [{"name": "a", "datatype": "FP32"}, {"name": "b", "datatype": "FP32"}],
        [{"name": {"x": 1}, "datatype": []}],
    ],
)
def test_oip__declared_inputs_that_are_not_the_registered_columns__are_an_error(inputs):
    wire = Wire(lambda path, body: {"name": "delays", "inputs": inputs})
    with pytest.raises(PredictorError, match="declares"):
        wire.predictor().answer(FRAME)


# -- time -------------------------------------------------------------------------------------


def test_latency__each_row__is_the_time_of_its_own_request():
    wire = saying()
    answer = wire.predictor().answer(FRAME)
    assert answer.latency_ms.tolist() == [250.0] * 5
    assert answer.served_by["requests"] == 3
    assert answer.served_by["request_ms_p95"] == 250.0


def test_latency__request_that_was_repeated__is_that_of_the_answered_try_without_the_waits():
    said = iter([Reply(503), Unreachable("away")])
    wire = Wire(lambda path, body: (body and next(said, None)) or oip(path, body))
    answer = wire.predictor().answer(FRAME)
    assert answer.latency_ms.tolist() == [250.0] * 5
    assert len(wire.waits) == answer.served_by["retried"] == 2


@pytest.mark.parametrize("trouble", [Reply(429), Reply(500), Reply(503), Unreachable("It broke.")])
def test_retry__server_that_never_recovers__is_given_up_after_its_tries(trouble):
    wire = Wire(lambda path, body: trouble)
    with pytest.raises(PredictorError, match=f"did not answer in {TRIES} tries"):
        wire.predictor().answer(FRAME)
    assert len(wire.asked) == TRIES
    assert len(wire.waits) == TRIES - 1


def test_retry__waits__grow_are_capped_and_follow_from_the_seed():
    def waits(seed: int) -> list[float]:
        wire = Wire(lambda path, body: Reply(503))
        with pytest.raises(PredictorError):
            wire.predictor(seed=seed).answer(FRAME)
        return wire.waits

    assert waits(1) == waits(1) != waits(2)
    for planned, wait in zip([0.5, 1, 2, 4], waits(1), strict=True):
        assert planned / 2 <= wait <= planned


@pytest.mark.parametrize(("asked_for", "waited"), [(7.0, 7.0), (86400.0, LONGEST_WAIT)])
def test_retry__server_that_says_how_long__is_believed_within_reason(asked_for, waited):
    said = iter([Reply(429, retry_after=asked_for)])
    wire = Wire(lambda path, body: next(said, None) or oip(path, body))
    wire.predictor().answer(FRAME)
    assert wire.waits == [waited]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 422])
def test_retry__refusal__is_final_and_says_its_class_alone(status):
    wire = Wire(lambda path, body: Reply(status, b"secret page"))
    with pytest.raises(PredictorError, match=rf"{status // 100}xx") as refused:
        wire.predictor().answer(FRAME)
    assert len(wire.asked) == 1
    assert "secret" not in str(refused.value)
    assert str(status) not in str(refused.value)


def test_retry__what_the_guard_refuses__is_not_tried_again():
    wire = Wire(lambda path, body: Refused("Its answer is larger than 1024 kB."))
    with pytest.raises(PredictorError, match="larger than 1024 kB"):
        wire.predictor().answer(FRAME)
    assert len(wire.asked) == 1


def test_tries__used_up__end_the_asking_and_are_counted_down():
    tries = Tries(4)
    wire = Wire(lambda path, body: oip(path, body) if body is None else Reply(503))
    with pytest.raises(PredictorError, match="limit of requests"):
        wire.predictor(tries=tries).answer(FRAME)
    assert tries.left == 0
    assert len(wire.bodies) == 4


def test_tries__enough_for_all_batches__leave_the_rest():
    tries = Tries(5)
    Wire(oip).predictor(tries=tries).answer(FRAME)
    assert tries.left == 2


def test_deadline__of_all_rows__ends_the_asking():
    wire = Wire(oip, takes=4.0)
    with pytest.raises(PredictorError, match="within 13 seconds"):
        wire.predictor(seconds=13.0).answer(FRAME)
    assert wire.limits == [10.0, 9.0, 5.0, 1.0]


def test_deadline__waiting_for_a_retry__does_not_outlast_it():
    wire = Wire(lambda path, body: Reply(503, retry_after=15.0), takes=1.0)
    with pytest.raises(PredictorError, match="within 5 seconds"):
        wire.predictor(seconds=5.0).answer(FRAME)
    assert wire.now == 105.0


# -- who answered -----------------------------------------------------------------------------


def test_served_by__what_the_endpoint_declares__is_recorded():
    facts = saying(model_version="3").predictor().answer(FRAME).served_by
    assert (facts["model"], facts["version"], facts["platform"]) == ("delays", "3", "sklearn")
    assert facts["rows_a_request"] == 2


def test_served_by__server_that_declares_nothing__is_recorded_without_a_version():
    assert "version" not in Wire(mlflow).predictor(MLFLOW).answer(FRAME).served_by


@pytest.mark.parametrize("name", ["x" * 5000, "a\nb", "a\u202eb", 7, None, ["3"]])
def test_served_by__strange_words__are_cut_or_left_out(name):
    def strange(path: str, body: Any) -> Any:
        said = oip(path, body)
        return said if body else {**said, "platform": name}

    kept = Wire(strange).predictor().answer(FRAME).served_by.get("platform", "")
    assert len(kept) <= 64
    assert kept.isprintable()


def test_oip__another_model_than_was_registered__is_an_error():
    for said in ({"model_name": "other"}, {"model_name": None}):
        with pytest.raises(PredictorError, match="another model"):
            saying(**said).predictor().answer(FRAME)


def test_oip__another_version_than_was_registered__is_an_error():
    pinned = Endpoint("oip", model="delays", version="4")
    with pytest.raises(PredictorError, match="does not have version 4"):
        saying().predictor(pinned).answer(FRAME)
    pinned = Endpoint("oip", model="delays", version="3")
    with pytest.raises(PredictorError, match="another version"):
        saying(model_version="4").predictor(pinned).answer(FRAME)


def test_oip__version_that_changes_while_it_is_asked__is_an_error():
    versions = iter(["3", "3", "4"])

    def redeployed(path: str, body: Any) -> Any:
        said = oip(path, body)
        return {**said, "model_version": next(versions)} if body else said

    with pytest.raises(PredictorError, match="changed its model"):
        Wire(redeployed).predictor().answer(FRAME)
