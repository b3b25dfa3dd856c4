"""Artefact bytes to a function of rows. Runs in the sandbox only: the portal never imports it."""

import json
import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd
import skops.io

from benchmarks.predictors.allowed import PROTOCOL, TRUSTED, refused_by
from benchmarks.predictors.base import Floats, PredictorError
from benchmarks.predictors.formats import ONNX, recognised
from benchmarks.predictors.onnx_scan import check_self_contained

Answer = Callable[[pd.DataFrame], Floats]

# A schema is text about types; the largest demo model needs less than 1 MB.
MAX_SCHEMA_BYTES = 64 << 20

_ONNX_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


def loaded(content: bytes, *, format: str, columns: Sequence[str], task: str) -> Answer:
    """The model's answering function: probabilities of the positive class, or values."""
    found = recognised(content)
    if found != format:
        raise PredictorError(f"The artefact is registered as {format}, but it is {found}.")
    if found == ONNX:
        return _onnx_answer(content, list(columns), task)
    return _skops_answer(content, task)


def _skops_answer(content: bytes, task: str) -> Answer:
    _check_schema(content)
    model = skops.io.loads(content, trusted=TRUSTED)
    if task != "binary":
        return lambda frame: _values(model.predict(frame), 1)
    if not hasattr(model, "predict_proba") or len(model.classes_) != 2:
        raise PredictorError("The model must give probabilities for exactly two classes.")
    return lambda frame: _values(model.predict_proba(frame), 2)


def _check_schema(content: bytes) -> None:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        if archive.getinfo("schema.json").file_size > MAX_SCHEMA_BYTES:
            raise PredictorError("The artefact's schema is too large.")
        schema = json.loads(archive.read("schema.json"))
    if not isinstance(schema, dict) or schema.get("protocol") != PROTOCOL:
        raise PredictorError(
            f"The artefact is not in skops' protocol {PROTOCOL}; save it with a current skops."
        )
    if refused := refused_by(schema):
        more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
        raise PredictorError(
            f"The artefact holds what is not on the allow-list: {', '.join(refused[:3])}{more}."
        )


def _onnx_answer(content: bytes, columns: list[str], task: str) -> Answer:
    """Feeds one input per column where the inputs are named like columns, else one float matrix.

    Of the outputs, the last one with decimals is read: converters put labels first.
    """
    check_self_contained(content)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    by_name = all(each.name in columns for each in inputs)
    if not by_name and len(inputs) != 1:
        raise PredictorError(
            "The ONNX inputs must be named like the columns, or be one matrix of numbers."
        )
    output = _onnx_output(session)
    width = 2 if task == "binary" else 1

    def answer(frame: pd.DataFrame) -> Floats:
        if by_name:
            feed = {each.name: _onnx_column(frame[each.name], each) for each in inputs}
        else:
            feed = {inputs[0].name: frame[columns].to_numpy(_onnx_dtype(inputs[0]))}
        return _values(_matrix(session.run([output], feed)[0]), width)

    return answer


def _onnx_output(session: Any) -> str:
    decimal = [
        each.name
        for each in session.get_outputs()
        if "int64" not in each.type or each.type.startswith("seq")
    ]
    if not decimal:
        raise PredictorError("The ONNX model has no output of probabilities or values.")
    return str(decimal[-1])


def _onnx_column(column: pd.Series, declared: Any) -> npt.NDArray[Any]:
    dtype = _onnx_dtype(declared)
    if dtype is np.object_:
        values = column.astype(object).where(column.notna(), "").astype(str).to_numpy(object)
    else:
        values = column.to_numpy(dtype)
    return values.reshape(-1, 1) if len(declared.shape) == 2 else values


def _onnx_dtype(declared: Any) -> Any:
    if declared.type not in _ONNX_DTYPES:
        raise PredictorError(f"The ONNX input “{declared.name}” has the type {declared.type}.")
    return _ONNX_DTYPES[declared.type]


def _matrix(output: Any) -> npt.NDArray[Any]:
    """A tensor as it is; the list of label → probability of some converters, sorted by label."""
    if isinstance(output, list):
        return np.array([[row[label] for label in sorted(row)] for row in output])
    return np.asarray(output)


def _values(output: npt.NDArray[Any], width: int) -> Floats:
    """One number per row: the last of at most `width` columns."""
    values = np.asarray(output, dtype=float)
    if values.ndim == 2 and values.shape[1] in (1, width):
        values = values[:, -1]
    if values.ndim != 1:
        raise PredictorError(f"The model answers with the shape {values.shape}, not one per row.")
    return values
