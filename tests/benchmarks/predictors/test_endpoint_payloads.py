"""What travels to an endpoint and back: columns as JSON, and which answers count."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.outbound import Reply
from benchmarks.predictors.base import PredictorError
from benchmarks.predictors.protocols import Endpoint
from tests.benchmarks.predictors.played_server import (
    FRAME,
    MLFLOW,
    Wire,
    mlflow,
    oip,
    predicting,
    saying,
    tensor,
)

pytestmark = pytest.mark.pure

# -- what counts as an answer -----------------------------------------------------------------

TWO = FRAME.iloc[:2]


@pytest.mark.parametrize(
    "output",
    [
        tensor([0.1, 0.2], [2]),
        tensor([0.1, 0.2], [2, 1]),
        tensor([[0.1], [0.2]], [2, 1]),
        tensor([[0.9, 0.1], [0.8, 0.2]], [2, 2]),
        tensor([0.9, 0.1, 0.8, 0.2], [2, 2], "FP32"),
        tensor([0.90000004, 0.1, 0.8, 0.2], [2, 2], "FP32"),
    ],
)
def test_oip__scores_in_any_usual_shape__are_the_probability_of_the_positive_class(output):
    assert saying([output]).predictor().answer(TWO).scores.tolist() == [0.1, 0.2]


@pytest.mark.parametrize(
    "output",
    [
        tensor([0.1], [1]),
        tensor([0.1, 0.2, 0.3], [3]),
        tensor([], [0]),
        tensor([0.1, 0.2], [3]),
        tensor([0.1, 0.2], [-2]),
        tensor([0.1, 0.2], None),
        tensor([0.1, 0.2], [True, 2]),
        tensor(None, [2]),
        tensor([0.1, None], [2]),
        tensor(["0.1", "0.2"], [2]),
        tensor([True, False], [2]),
        tensor([True, False], [2], "BOOL"),
        tensor(["late", "early"], [2], "BYTES"),
        tensor([0.1, 1.2], [2]),
        tensor([-0.1, 0.2], [2]),
        tensor([0.1, 10**400], [2]),
        tensor([{"a": 1}, 0.2], [2]),
        tensor([[0.9, 0.9], [0.8, 0.2]], [2, 2]),
        tensor([0.2, 0.3, 0.5, 0.2, 0.3, 0.5], [2, 3]),
        tensor([0.1, [0.2]], [2, 2]),
    ],
)
def test_oip__answer_that_is_not_one_probability_a_row__is_an_error(output):
    with pytest.raises(PredictorError, match="endpoint"):
        saying([output]).predictor().answer(TWO)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e400"])
def test_answer__number_that_is_not_finite__is_an_error(number):
    wire = Wire(lambda path, body: Reply(200, b'{"predictions": [0.5, ' + number + b"]}"))
    with pytest.raises(PredictorError, match="finite"):
        wire.predictor(MLFLOW, "regression").answer(TWO)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b"\xff", b"[" * 100_000, b"0.5", b"null"]
)
def test_answer__that_is_no_json_object__is_an_error_and_never_shown(body):
    wire = Wire(lambda path, asked: Reply(200, body if asked else b"{}"))
    with pytest.raises(PredictorError, match=r"not JSON|not a JSON object") as refused:
        wire.predictor(MLFLOW).answer(TWO)
    assert "html" not in str(refused.value)


@pytest.mark.parametrize(
    "predictions",
    [
        [0.1, 0.2],
        [[0.1], [0.2]],
        [[0.9, 0.1], [0.8, 0.2]],
        [{"0": 0.1}, {"0": 0.2}],
    ],
)
def test_mlflow__predictions_in_any_usual_form__are_read(predictions):
    scores = predicting(predictions).predictor(MLFLOW).answer(TWO).scores
    assert scores.tolist() == [0.1, 0.2]


@pytest.mark.parametrize(
    "predictions",
    [None, {}, 0.5, [], [0.1], [0.1, "b"], [0.1, [0.2, 0.3]], [{}, {}], [{"a": 0, "b": 1}] * 2],
)
def test_mlflow__anything_else__is_an_error(predictions):
    with pytest.raises(PredictorError, match="endpoint"):
        predicting(predictions).predictor(MLFLOW).answer(TWO)


def test_mlflow__named_output__is_taken_from_each_record():
    endpoint = Endpoint("mlflow", output="score")
    wire = predicting([{"score": 0.1, "label": "a"}, {"score": 0.2, "label": "b"}])
    assert wire.predictor(endpoint).answer(TWO).scores.tolist() == [0.1, 0.2]
    for other in ([{"label": "a"}] * 2, [0.1, 0.2]):
        with pytest.raises(PredictorError, match="no output “score”"):
            predicting(other).predictor(endpoint).answer(TWO)


def test_oip__several_outputs__need_the_name_of_one():
    both = [tensor(["a", "b"], [2], "BYTES", "label"), tensor([0.1, 0.2], [2])]
    with pytest.raises(PredictorError, match="Name the one"):
        saying(both).predictor().answer(TWO)
    wire = saying(both)
    named = Endpoint("oip", model="delays", output="score")
    assert wire.predictor(named).answer(TWO).scores.tolist() == [0.1, 0.2]
    assert wire.bodies[0]["outputs"] == [{"name": "score"}]


def test_regression__numbers_outside_0_to_1__are_values():
    scores = predicting([-5, 40.5]).predictor(MLFLOW, "regression").answer(TWO).scores
    assert scores.tolist() == [-5.0, 40.5]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
TENSORS = st.lists(
    st.fixed_dictionaries(
        {"shape": ANYTHING | st.just([2]), "data": ANYTHING},
        optional={"name": ANYTHING, "datatype": ANYTHING},
    ),
    max_size=2,
)


@given(
    metadata=st.fixed_dictionaries(
        {"name": st.just("delays")},
        optional={"versions": ANYTHING, "platform": ANYTHING, "inputs": ANYTHING | TENSORS},
    ),
    answer=st.fixed_dictionaries(
        {"model_name": st.just("delays")},
        optional={"model_version": ANYTHING, "outputs": ANYTHING | TENSORS},
    ),
)
def test_oip__whatever_json_comes__is_scores_or_a_refusal_in_words(metadata, answer):
    wire = Wire(lambda path, body: answer if body else metadata)
    try:
        scores = wire.predictor().answer(TWO).scores
    except PredictorError:
        return
    assert ((scores >= 0) & (scores <= 1)).all()


@given(st.lists(ANYTHING, min_size=2, max_size=2) | ANYTHING)
def test_mlflow__whatever_json_comes__is_scores_or_a_refusal_in_words(predictions):
    try:
        scores = predicting(predictions).predictor(MLFLOW).answer(TWO).scores
    except PredictorError:
        return
    assert ((scores >= 0) & (scores <= 1)).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(1, 25))
@pytest.mark.parametrize(("protocol", "server"), [("oip", oip), ("mlflow", mlflow)])
def test_answer__whatever_the_batch_size__is_the_same_to_the_last_bit(
    protocol, server, values, batch_size
):
    endpoint = Endpoint(protocol, model="delays", batch_size=batch_size)
    wire = Wire(server)
    scores = wire.predictor(endpoint).answer(pd.DataFrame({"x": values})).scores
    assert scores.tolist() == values
    assert len(wire.bodies) == -(-len(values) // batch_size)


# -- what is sent -----------------------------------------------------------------------------


def sent(values: Any) -> dict[str, Any]:
    """How one column travels, as a tensor."""
    frame = pd.DataFrame({"x": values})
    wire = Wire(
        lambda path, body: (
            {"name": "delays"}
            if body is None
            else {"model_name": "delays", "outputs": [tensor([0.5] * len(frame), [len(frame)])]}
        )
    )
    wire.predictor(Endpoint("oip", model="delays")).answer(frame)
    return wire.bodies[0]["inputs"][0]


@pytest.mark.parametrize(
    ("values", "datatype", "data"),
    [
        ([1.5, np.nan], "FP64", [1.5, None]),
        (pd.array([1, 2], "int32"), "INT64", [1, 2]),
        (pd.array([1, None], "Int64"), "FP64", [1.0, None]),
        (pd.array([True, False]), "BOOL", [True, False]),
        (pd.array([True, None], "boolean"), "BOOL", [True, None]),
        (["a", None], "BYTES", ["a", None]),
        (pd.array(["a", "b"], object), "BYTES", ["a", "b"]),
        (pd.Categorical(["a", None]), "BYTES", ["a", None]),
        (pd.Categorical([2, 3]), "INT64", [2, 3]),
        (pd.array([1, 2.5], object), "FP64", [1.0, 2.5]),
        ([None, None], "BYTES", [None, None]),
        (
            pd.to_datetime(["2024-02-29 12:30", None]),
            "BYTES",
            ["2024-02-29T12:30:00", None],
        ),
        (
            pd.to_datetime(["2024-02-29 12:30"]).tz_localize("Europe/Berlin"),
            "BYTES",
            ["2024-02-29T12:30:00+01:00"],
        ),
        ([pd.Timestamp("2024-02-29").date()], "BYTES", ["2024-02-29"]),
    ],
)
def test_column__of_each_kind__is_sent_in_its_datatype_with_null_for_missing(
    values, datatype, data
):
    tensor = sent(values)
    assert (tensor["datatype"], tensor["data"]) == (datatype, data)
    assert tensor["shape"] == [len(data), 1]


def test_column__of_times__says_that_its_texts_are_times():
    assert sent(pd.to_datetime(["2024-01-01"]))["parameters"] == {"content_type": "datetime"}


@pytest.mark.parametrize(
    "values",
    [
        [1.0, np.inf],
        [[1], [2]],
        [b"a", b"b"],
        ["a", 1],
        pd.to_timedelta(["1h"]),
        [1 + 2j],
        pd.period_range("2024", periods=1),
    ],
)
def test_column__that_json_cannot_hold__is_refused_by_name(values):
    with pytest.raises(PredictorError, match="The column x"):
        sent(values)
