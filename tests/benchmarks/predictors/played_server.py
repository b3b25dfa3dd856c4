"""A server and a clock that a test plays: waits cost nothing, and answers can be anything."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd

from benchmarks.outbound import Reply
from benchmarks.predictors.endpoint import EndpointPredictor
from benchmarks.predictors.protocols import Endpoint

OIP = Endpoint("oip", model="delays", batch_size=2)
MLFLOW = Endpoint("mlflow", batch_size=2)
FRAME = pd.DataFrame({"x": [0.1, 0.2, 0.3, 0.4, 0.5], "unread": list("abcde")})


class Wire:
    """Plays a server by a script, and a clock that only waiting and answering move."""

    def __init__(self, answer: Callable[[str, Any], Any], *, takes: float = 0.25) -> None:
        self.now, self.takes = 100.0, takes
        self.waits: list[float] = []
        self.asked: list[tuple[str, str]] = []
        self.limits: list[float] = []
        self.bodies: list[Any] = []
        self._answer = answer

    def send(self, method: str, path: str, body: bytes | None, seconds: float) -> Reply:
        self.asked.append((method, path))
        self.limits.append(seconds)
        self.now += self.takes
        if body is not None:
            self.bodies.append(json.loads(body))
        said = self._answer(path, None if body is None else json.loads(body))
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, Reply) else Reply(200, json.dumps(said).encode())

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def predictor(
        self, endpoint=OIP, task="binary", *, seconds=1000.0, seed=0, columns=("x",), tries=None
    ):
        return EndpointPredictor(
            endpoint,
            self.send,
            list(columns),
            task,
            seconds=seconds,
            seed=seed,
            tries=tries,
            clock=lambda: self.now,
            sleep=self.sleep,
        )


def oip(path: str, body: Any, *, outputs: Any = None, **said: Any) -> Any:
    """A server whose score of a row is its x."""
    if path.endswith("/ready"):
        return {}
    if body is None:
        return {"name": "delays", "versions": ["3"], "platform": "sklearn", "inputs": []}
    data = body["inputs"][0]["data"]
    tensor = {"name": "score", "datatype": "FP64", "shape": [len(data)], "data": data}
    return {"model_name": "delays", "outputs": outputs or [tensor], **said}


def mlflow(path: str, body: Any) -> Any:
    if path == "/ping":
        return Reply(200, b"\n")
    return {"predictions": [row[0] for row in body["dataframe_split"]["data"]]}


def saying(outputs: Any = None, **said: Any) -> Wire:
    return Wire(lambda path, body: oip(path, body, outputs=outputs, **said))


def tensor(data: Any, shape: Any, datatype: str = "FP64", name: str = "score") -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def predicting(predictions: Any) -> Wire:
    return Wire(lambda path, body: {"predictions": predictions})
