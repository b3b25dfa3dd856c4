"""A small server of the Open Inference Protocol v2 before a scikit-learn model.

It takes nothing on trust: a request that breaks the protocol is answered 400.
"""

import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pandas as pd

READERS = {
    "FP64": lambda data: np.array(data, dtype=float),
    "INT64": lambda data: np.array(data, dtype=np.int64),
    "BOOL": lambda data: np.array(data, dtype=bool),
    "BYTES": lambda data: np.array(data, dtype=object),
}


@dataclass
class Served:
    """One model under a name; `starting` requests for readiness are turned away first."""

    model: Any
    name: str = "small"
    version: str = "7"
    starting: int = 0
    port: int = 0
    heard: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def metadata(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "versions": [self.version],
            "platform": "sklearn",
            "inputs": [
                {"name": str(name), "datatype": "FP64", "shape": [-1, 1]}
                for name in self.model.feature_names_in_
            ],
            "outputs": [{"name": "probability", "datatype": "FP64", "shape": [-1, 2]}],
        }

    def infer(self, asked: dict[str, Any]) -> dict[str, Any]:
        columns = {tensor["name"]: _column(tensor) for tensor in asked["inputs"]}
        frame = pd.DataFrame(columns)[list(self.model.feature_names_in_)]
        found = self.model.predict_proba(frame)
        tensor = {
            "name": "probability",
            "datatype": "FP64",
            "shape": list(found.shape),
            "data": found.ravel().tolist(),
        }
        return {"model_name": self.name, "model_version": self.version, "outputs": [tensor]}


def _column(tensor: dict[str, Any]) -> np.ndarray:
    values = READERS[tensor["datatype"]](tensor["data"])
    assert tensor["shape"] == [len(values), 1], "the shape is not that of the data"
    assert math.prod(tensor["shape"]) == values.size
    return values


@contextmanager
def open_inference(served: Served) -> Iterator[Served]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else every answer waits 40 ms for an acknowledgement

        def do_GET(self) -> None:
            served.heard.append(self.path)
            place = f"/v2/models/{served.name}"
            if self.path in {f"{place}/ready", f"{place}/versions/{served.version}/ready"}:
                served.starting -= 1
                self._say(503 if served.starting >= 0 else 200, {})
            elif self.path in {place, f"{place}/versions/{served.version}"}:
                self._say(200, served.metadata())
            else:
                self._say(404, {"error": "There is no such model."})

        def do_POST(self) -> None:
            served.heard.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                self._say(200, served.infer(json.loads(body)))
            except (AssertionError, KeyError, TypeError, ValueError) as error:
                self._say(400, {"error": str(error)})

        def _say(self, status: int, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """The tests read what was heard instead."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
