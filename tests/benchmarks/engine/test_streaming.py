"""A Parquet file read in batches gives what its rows give at once."""

import numpy as np
import pandas as pd
import pytest
from engine_frames import scored_frame

from benchmarks.engine.partials import partial_of
from benchmarks.engine.slices import Slice
from benchmarks.engine.streaming import evaluate_parquet
from benchmarks.engine.values import Reason

pytestmark = pytest.mark.pure

FRAME = scored_frame(700, seed=8).assign(
    day=np.arange(700) // 10, place=lambda f: f.group.map({0: "north", 1: "south"})
)
KEYS = ["accuracy", "roc_auc", "ece", "mean_latency", "p95_latency", "f1"]
SLICES = [
    Slice("north", "North", {"column": "place", "op": "eq", "value": "north"}),
    Slice("nowhere", "Nowhere", {"column": "place", "op": "is_null"}),
    Slice(
        "dear-south",
        "Dear south",
        {
            "all": [
                {"column": "place", "op": "ne", "value": "north"},
                {"column": "cost", "op": "gt", "value": 5},
            ]
        },
    ),
]


@pytest.fixture
def path(tmp_path):
    FRAME.to_parquet(tmp_path / "rows.parquet", row_group_size=130)
    return tmp_path / "rows.parquet"


@pytest.mark.parametrize("clusters", [None, "day"])
@pytest.mark.parametrize("batch_rows", [1, 97, 10_000])
def test_evaluate_parquet__any_batch_size__gives_the_same_table(path, clusters, batch_rows):
    if batch_rows == 1:
        FRAME.iloc[:40].to_parquet(path)
    frame = FRAME.iloc[:40] if batch_rows == 1 else FRAME
    found = evaluate_parquet(
        path, KEYS, SLICES, seed=3, clusters=clusters, resamples=100, batch_rows=batch_rows
    )
    whole = partial_of(frame, KEYS, SLICES, clusters=clusters).table(seed=3, resamples=100)
    assert found.estimates == whole.estimates
    assert [d.tobytes() for d in found.draws] == [d.tobytes() for d in whole.draws]


def test_evaluate_parquet__predict__answers_batch_by_batch(tmp_path):
    path = tmp_path / "inputs.parquet"
    FRAME.drop(columns=["score", "prediction"]).to_parquet(path)

    def predict(frame):
        score = 1 / (1 + np.exp(-frame.cost.to_numpy()))
        return pd.DataFrame({"score": score, "prediction": (score > 0.9).astype(int)})

    found = evaluate_parquet(path, KEYS, [], predict=predict, seed=1, batch_rows=90)
    answered = FRAME.assign(**predict(FRAME).set_index(FRAME.index))
    assert found.estimates == partial_of(answered, KEYS, []).table(seed=1).estimates


def test_evaluate_parquet__predict_loses_rows__is_refused(path):
    with pytest.raises(ValueError, match="were answered"):
        evaluate_parquet(path, KEYS, [], predict=lambda frame: frame.iloc[1:], seed=1)


def test_evaluate_parquet__empty_file__has_reasons(tmp_path):
    FRAME.iloc[:0].to_parquet(tmp_path / "empty.parquet")
    found = evaluate_parquet(tmp_path / "empty.parquet", KEYS, SLICES, seed=1)
    assert {estimate.reason for estimate in found.estimates} == {Reason.NO_ROWS}


def test_evaluate_parquet__column_that_is_not_there__is_told(tmp_path):
    FRAME.drop(columns="score").to_parquet(tmp_path / "rows.parquet")
    found = evaluate_parquet(tmp_path / "rows.parquet", ["roc_auc", "accuracy"], [], seed=1)
    assert found.at("roc_auc", "all").reason is Reason.NO_COLUMN
    assert found.at("accuracy", "all").reason is Reason.NONE


def test_evaluate_parquet__unknown_cluster_column__is_refused(path):
    with pytest.raises(ValueError, match="“week”"):
        evaluate_parquet(path, KEYS, [], seed=1, clusters="week")
