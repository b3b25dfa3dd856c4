"""The two protocols that models are asked in over HTTP, as pure translation to and from JSON."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from benchmarks.predictors.base import Floats, PredictorError
from benchmarks.predictors.payloads import Column, scores_from, written

OPEN_INFERENCE = "oip"
MLFLOW = "mlflow"
LONGEST_WORD = 64


@dataclass(frozen=True)
class Endpoint:
    """How a model is asked: its protocol, its name there, and how much at a time.

    `output` names what holds the scores where there is more than one; `deadline` is in seconds,
    for one request.
    """

    protocol: str
    model: str = ""
    version: str = ""
    output: str = ""
    batch_size: int = 100
    deadline: float = 10.0


@dataclass
class OpenInference:
    """Open Inference Protocol v2, as KServe, Triton, MLServer and others speak it.

    Each column is a tensor of its own; a model that declares one other tensor gets a matrix.
    """

    endpoint: Endpoint
    columns: Sequence[str]
    declared: dict[str, str] = field(default_factory=dict)
    _matrix: tuple[str, str] | None = None

    @property
    def _model(self) -> str:
        place = f"/v2/models/{quote(self.endpoint.model, safe='')}"
        version = quote(self.endpoint.version, safe="")
        return f"{place}/versions/{version}" if version else place

    @property
    def ready(self) -> str:
        return f"{self._model}/ready"

    @property
    def metadata(self) -> str:
        return self._model

    @property
    def infer(self) -> str:
        return f"{self._model}/infer"

    def introduced(self, content: dict[str, Any]) -> None:
        """Keep what the endpoint says it is. Raises PredictorError when that is another model."""
        self._check("model", content.get("name"), self.endpoint.model)
        versions = content.get("versions")
        versions = versions if isinstance(versions, list) else []
        wanted = self.endpoint.version
        if wanted and versions and wanted not in versions:
            raise PredictorError(f"The endpoint does not have version {wanted} of the model.")
        self._note("model", content.get("name"))
        self._note("platform", content.get("platform"))
        if len(versions) == 1:
            self._note("version", versions[0])
        self._matrix = _matrix(content.get("inputs"), self.columns)

    def asked(self, columns: list[Column]) -> bytes:
        content: dict[str, Any]
        if self._matrix is None:
            inputs = [_tensor(column) for column in columns]
            content = {"parameters": {"content_type": "pd"}, "inputs": inputs}
        else:
            content = {"inputs": [_matrix_tensor(*self._matrix, columns)]}
        if self.endpoint.output:
            content["outputs"] = [{"name": self.endpoint.output}]
        return written(content)

    def answered(self, content: dict[str, Any], rows: int, task: str) -> Floats:
        self._check("model", content.get("model_name"), self.endpoint.model)
        if version := str(content.get("model_version") or ""):
            self._check("version", version, self.endpoint.version or version)
            if version != self.declared.get("version", version):
                raise PredictorError("The endpoint changed its model while it was asked.")
            self._note("version", version)
        return scores_from(_rows(self._output(content.get("outputs"))), rows, task)

    def _output(self, outputs: Any) -> dict[str, Any]:
        found = _objects(outputs)
        if self.endpoint.output:
            found = [each for each in found if each.get("name") == self.endpoint.output]
        if len(found) != 1:
            raise PredictorError(_which_output(self.endpoint.output))
        return found[0]

    def _check(self, what: str, given: Any, expected: str) -> None:
        if given != expected:
            raise PredictorError(f"The endpoint answered as another {what} than was registered.")

    def _note(self, name: str, value: Any) -> None:
        if isinstance(value, str) and value.isprintable() and value:
            self.declared[name] = value[:LONGEST_WORD]


_DATATYPES = {
    "bool": "BOOL",
    "integer": "INT64",
    "float": "FP64",
    "text": "BYTES",
    "time": "BYTES",
}
_CONTENT_TYPES = {"text": "str", "time": "datetime"}


def _tensor(column: Column) -> dict[str, Any]:
    tensor: dict[str, Any] = {
        "name": column.name,
        "shape": [len(column.values), 1],
        "datatype": _DATATYPES[column.kind],
        "data": column.values,
    }
    if column.kind in _CONTENT_TYPES:
        tensor["parameters"] = {"content_type": _CONTENT_TYPES[column.kind]}
    return tensor


def _matrix(inputs: Any, columns: Sequence[str]) -> tuple[str, str] | None:
    """Name and datatype of the one tensor that a model declares for all of its columns."""
    declared = _objects(inputs)
    names = [str(each.get("name")) for each in declared]
    if not names or set(columns) <= set(names):
        return None
    datatype = str(declared[0].get("datatype"))
    if len(declared) > 1 or not datatype.startswith(("FP", "INT", "UINT", "BF")):
        raise PredictorError("The endpoint declares other inputs than the registered columns.")
    shape = declared[0].get("shape")
    width = shape[-1] if isinstance(shape, list) and len(shape) > 1 else -1
    if width not in (-1, len(columns)):
        raise PredictorError(
            f"The endpoint declares {width} inputs a row; {len(columns)} columns are registered."
        )
    return names[0], datatype


def _matrix_tensor(name: str, datatype: str, columns: list[Column]) -> dict[str, Any]:
    if texts := [column.name for column in columns if column.kind in _CONTENT_TYPES]:
        raise PredictorError(
            f"The endpoint takes one table of numbers, and {texts[0]} does not hold numbers."
        )
    return {
        "name": name,
        "shape": [len(columns[0].values), len(columns)],
        "datatype": datatype,
        "data": _by_row(columns),
    }


def _objects(content: Any) -> list[dict[str, Any]]:
    """The objects of a list that a server sent, if it is one."""
    return (
        [each for each in content if isinstance(each, dict)] if isinstance(content, list) else []
    )


def _by_row(columns: list[Column]) -> list[list[Any]]:
    return [list(row) for row in zip(*(column.values for column in columns), strict=True)]


def _rows(output: dict[str, Any]) -> list[Any]:
    """The rows of an output tensor, whose data may be flat or nested."""
    shape, data = output.get("shape"), output.get("data")
    if not isinstance(shape, list) or not all(type(size) is int and size > 0 for size in shape):
        raise PredictorError("The endpoint's answer does not say its shape.")
    if str(output.get("datatype")) in {"BOOL", "BYTES"}:
        raise PredictorError(
            "The endpoint gave labels, not numbers. Name the output of the scores."
        )
    flat = data if isinstance(data, list) else []
    while any(isinstance(each, list) for each in flat):
        flat = [inner for each in flat for inner in (each if isinstance(each, list) else [each])]
    if len(flat) != math.prod(shape):
        raise PredictorError("The endpoint's answer does not have the shape that it says.")
    width = math.prod(shape[1:])
    return [flat[start : start + width] for start in range(0, len(flat), width)]


@dataclass
class MLflow:
    """MLflow's scoring server: `/invocations` with a data frame in split form."""

    endpoint: Endpoint
    columns: Sequence[str]
    declared: dict[str, str] = field(default_factory=dict)
    infer = "/invocations"
    ready = "/ping"
    metadata = ""

    def introduced(self, content: dict[str, Any]) -> None:
        """It declares nothing of its model."""

    def asked(self, columns: list[Column]) -> bytes:
        names = [column.name for column in columns]
        return written({"dataframe_split": {"columns": names, "data": _by_row(columns)}})

    def answered(self, content: dict[str, Any], rows: int, task: str) -> Floats:
        predictions = content.get("predictions")
        if not isinstance(predictions, list):
            raise PredictorError("The endpoint's answer holds no list of predictions.")
        return scores_from([self._row(each) for each in predictions], rows, task)

    def _row(self, prediction: Any) -> Any:
        """A prediction that is a record has one named number, or the one that was registered."""
        output = self.endpoint.output
        if not isinstance(prediction, dict):
            if output:
                raise PredictorError(_which_output(output))
            return prediction
        if not output and len(prediction) == 1:
            return next(iter(prediction.values()))
        if output not in prediction:
            raise PredictorError(_which_output(output))
        return prediction[output]


def _which_output(output: str) -> str:
    if output:
        return f"The endpoint's answer has no output “{output}”."
    return "The endpoint's answer does not have one output. Name the one that holds the scores."


Protocol = OpenInference | MLflow
PROTOCOLS: dict[str, type[Protocol]] = {OPEN_INFERENCE: OpenInference, MLFLOW: MLflow}
