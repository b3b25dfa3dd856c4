"""Models answer from the sandbox as they would in process; hostile ones end in a sentence."""

import io
import json
import os
import pickle
import signal
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
import skops.io
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

from benchmarks.predictors.allowed import refused_by
from benchmarks.predictors.artifact import ArtifactPredictor
from benchmarks.predictors.base import PredictorError
from benchmarks.predictors.process import SandboxProcess

pytestmark = pytest.mark.pure

NUMBERS = ["delay", "distance"]
COLUMNS = [*NUMBERS, "origin"]


@pytest.fixture(scope="module")
def rows():
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "delay": draw.normal(10, 20, 400),
            "distance": draw.integers(100, 2000, 400),
            "origin": draw.choice(["EWR", "JFK", "LGA"], 400),
            "unused": "x",
        },
        index=np.arange(1000, 1400),
    )
    frame.loc[frame.index[::7], "delay"] = np.nan
    frame["late"] = (frame["delay"].fillna(0) + draw.normal(0, 5, 400) > 12).astype(int)
    return frame


@pytest.fixture(scope="module")
def logistic(rows):
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer(
        [("n", numbers, NUMBERS), ("c", OneHotEncoder(handle_unknown="ignore"), ["origin"])]
    )
    return make_pipeline(columns, LogisticRegression()).fit(rows[COLUMNS], rows["late"])


@pytest.fixture(scope="module")
def boosted(rows):
    names = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = ColumnTransformer([("n", "passthrough", NUMBERS), ("c", names, ["origin"])])
    model = HistGradientBoostingClassifier(max_iter=5, random_state=0)
    return make_pipeline(columns, model).fit(rows[COLUMNS], rows["late"])


def stored(folder, content, name="model.skops"):
    path = folder / name
    path.write_bytes(content)
    return path


def with_schema(change):
    """A genuine archive whose schema was edited by somebody else."""
    archive = zipfile.ZipFile(io.BytesIO(skops.io.dumps(LogisticRegression())))
    schema = json.loads(archive.read("schema.json"))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as edited:
        edited.writestr("schema.json", json.dumps(change(schema)))
    return content.getvalue()


@pytest.mark.parametrize("model", ["logistic", "boosted"])
def test_predict__skops_pipeline__gives_the_probabilities_of_scikit_learn(
    request, tmp_path, rows, model
):
    pipeline = request.getfixturevalue(model)
    strange = rows.assign(origin=rows["origin"].where(rows["delay"] < 20, "XXX"))
    with ArtifactPredictor(
        stored(tmp_path, skops.io.dumps(pipeline)), "skops", COLUMNS, threshold=0.3
    ) as predictor:
        for frame in (rows, strange, rows.iloc[[3, 3, 1]]):
            expected = pipeline.predict_proba(frame[COLUMNS])[:, 1]
            assert predictor.predict(frame) == pytest.approx(expected, abs=1e-12)
        answer = predictor.answer(rows)
        first = predictor._process.pid
        assert predictor.predict(rows.iloc[:0]).shape == (0,)
        predictor.predict(rows)
        assert predictor._process.pid == first
    assert set(answer.prediction) == {0, 1}
    assert np.array_equal(answer.prediction == 1, answer.score >= 0.3)
    assert predictor.limits["writing"]
    assert predictor.limits["memory"]


def test_answer__regression__gives_values_and_no_score(tmp_path, rows):
    model = HistGradientBoostingRegressor(max_iter=3).fit(rows[NUMBERS], rows["delay"].fillna(0))
    path = stored(tmp_path, skops.io.dumps(model))
    with ArtifactPredictor(path, "skops", NUMBERS, task="regression") as predictor:
        answer = predictor.answer(rows)
    assert answer.score is None
    assert answer.prediction == pytest.approx(model.predict(rows[NUMBERS]), abs=1e-12)


def test_predict__onnx_with_an_input_per_column__agrees_with_scikit_learn(
    tmp_path, rows, logistic
):
    known = rows.assign(distance=rows["distance"].astype(float))
    kinds = [(name, FloatTensorType([None, 1])) for name in NUMBERS]
    onnx = convert_sklearn(
        logistic, initial_types=[*kinds, ("origin", StringTensorType([None, 1]))]
    )
    path = stored(tmp_path, onnx.SerializeToString(), "model.onnx")
    with ArtifactPredictor(path, "onnx", COLUMNS) as predictor:
        expected = logistic.predict_proba(known[COLUMNS])[:, 1]
        assert predictor.predict(known) == pytest.approx(expected, abs=1e-5)


def test_predict__onnx_with_one_matrix__agrees_with_scikit_learn(tmp_path, rows):
    model = make_pipeline(StandardScaler(), LogisticRegression())
    known = rows.dropna()
    model.fit(known[NUMBERS].to_numpy(), known["late"])
    onnx = convert_sklearn(
        model,
        initial_types=[("X", FloatTensorType([None, 2]))],
        options={id(model): {"zipmap": False}},
    )
    path = stored(tmp_path, onnx.SerializeToString(), "model.onnx")
    with ArtifactPredictor(path, "onnx", NUMBERS) as predictor:
        expected = model.predict_proba(known[NUMBERS].to_numpy())[:, 1]
        assert predictor.predict(known) == pytest.approx(expected, abs=1e-5)


class Payload:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_predict__pickle__is_refused_and_never_run(tmp_path, rows):
    sentinel = tmp_path / "sentinel"
    path = stored(tmp_path, pickle.dumps(Payload(f"touch {sentinel}")))
    with (
        ArtifactPredictor(path, "skops", COLUMNS) as predictor,
        pytest.raises(PredictorError, match=r"a pickle or joblib file\. Only skops and ONNX"),
    ):
        predictor.predict(rows)
    assert not sentinel.exists()


def test_predict__skops_schema_that_calls_os_system__is_refused_and_never_run(tmp_path, rows):
    sentinel = tmp_path / "sentinel"
    archive = zipfile.ZipFile(io.BytesIO(skops.io.dumps((f"touch {sentinel}",))))
    arguments = json.loads(archive.read("schema.json"))

    def hostile(schema):
        return {
            "__class__": "system",
            "__module__": "os",
            "__loader__": "LossNode",
            "__reduce__": {"args": arguments},
            "content": arguments,
            "protocol": schema["protocol"],
        }

    path = stored(tmp_path, with_schema(hostile))
    with (
        ArtifactPredictor(path, "skops", COLUMNS) as predictor,
        pytest.raises(PredictorError, match=r"not on the allow-list: os\.system"),
    ):
        predictor.predict(rows)
    assert not sentinel.exists()


def test_predict__cut_off_archive__is_refused(tmp_path, rows, logistic):
    content = skops.io.dumps(logistic)
    path = stored(tmp_path, content[: len(content) // 2])
    with (
        ArtifactPredictor(path, "skops", COLUMNS) as predictor,
        pytest.raises(PredictorError, match="damaged or cut off"),
    ):
        predictor.predict(rows)


def test_predict__tree_that_leads_back_to_itself__is_stopped_at_the_deadline(tmp_path, rows):
    model = HistGradientBoostingClassifier(max_iter=1).fit(rows[NUMBERS], rows["late"])
    nodes = model._predictors[0][0].nodes
    nodes["is_leaf"], nodes["left"], nodes["right"] = 0, 0, 0
    path = stored(tmp_path, skops.io.dumps(model))
    with ArtifactPredictor(path, "skops", NUMBERS, deadline=0.5) as predictor:
        with pytest.raises(PredictorError, match=r"within 0\.5 seconds and was stopped"):
            predictor.predict(rows)
        assert predictor._process is None


def test_predict__process_killed__says_so_and_starts_anew(tmp_path, rows, logistic):
    path = stored(tmp_path, skops.io.dumps(logistic))
    with ArtifactPredictor(path, "skops", COLUMNS) as predictor:
        before = predictor.predict(rows)
        os.kill(predictor._process.pid, signal.SIGKILL)
        with pytest.raises(PredictorError, match="was ended by SIGKILL"):
            predictor.predict(rows)
        assert np.array_equal(predictor.predict(rows), before)


def test_predict__more_memory_than_allowed__ends_in_a_refusal(tmp_path, rows, logistic):
    path = stored(tmp_path, skops.io.dumps(logistic))
    with (
        ArtifactPredictor(path, "skops", COLUMNS, memory_bytes=1 << 20) as predictor,
        pytest.raises(PredictorError),
    ):
        predictor.predict(rows)


def test_predict__fault_in_the_rows__is_told_in_the_models_words(tmp_path, rows, logistic):
    path = stored(tmp_path, skops.io.dumps(logistic))
    with (
        ArtifactPredictor(path, "skops", COLUMNS) as predictor,
        pytest.raises(PredictorError, match="The model failed on these rows: ValueError"),
    ):
        predictor.predict(rows.assign(delay="soon"))


def test_predict__missing_column_or_file__is_refused_before_anything_starts(tmp_path, rows):
    predictor = ArtifactPredictor(tmp_path / "nowhere.skops", "skops", COLUMNS)
    with pytest.raises(PredictorError, match="no column origin"):
        predictor.predict(rows[NUMBERS])
    with pytest.raises(PredictorError, match="cannot be read from storage"):
        predictor.predict(rows)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (GaussianNB(), "sklearn.naive_bayes.GaussianNB"),
        (FunctionTransformer(np.exp), "FunctionNode (loader)"),
        (FunctionTransformer(os.path.join), "FunctionNode (loader)"),
    ],
)
def test_allow_list__type_that_skops_would_trust__is_still_refused(model, name):
    archive = zipfile.ZipFile(io.BytesIO(skops.io.dumps(model)))
    assert name in refused_by(json.loads(archive.read("schema.json")))


@pytest.mark.parametrize(
    "model",
    [
        HistGradientBoostingRegressor(max_iter=2),
        RandomForestClassifier(n_estimators=2),
        DecisionTreeRegressor(max_depth=2),
        LinearRegression(),
        make_pipeline(RobustScaler(), MinMaxScaler(), MaxAbsScaler(), Ridge()),
        make_pipeline(
            make_union(MissingIndicator(features="all"), SimpleImputer()), LogisticRegression()
        ),
        make_pipeline(SimpleImputer(add_indicator=True), LogisticRegression()),
    ],
)
def test_allow_list__usual_fitted_model__is_accepted(rows, model):
    fitted = model.fit(rows[NUMBERS].fillna(0) + 0.0, rows["late"])
    archive = zipfile.ZipFile(io.BytesIO(skops.io.dumps(fitted)))
    assert refused_by(json.loads(archive.read("schema.json"))) == []


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("import sys; sys.exit('no such luck')", "ended without an answer: no such luck"),
        ("import os; os.abort()", "was ended by SIGABRT"),
        ("import sys; sys.stdout.buffer.write(b'N' + b'\\xff' * 8)", "broke the protocol"),
    ],
)
def test_process__stranger_at_the_other_end__ends_in_a_sentence(script, sentence):
    process = SandboxProcess(command=(sys.executable, "-c", script))
    with pytest.raises(PredictorError, match=sentence):
        process.ask(b"x" * (1 << 20), seconds=30)
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
