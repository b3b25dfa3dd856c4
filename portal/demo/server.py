"""The demo's model server: one artefact behind the Open Inference Protocol, on this machine only.

Started as `python -m portal.demo.server` by the demo's supervisor, which also ends it. The model
runs in the same sandbox as everywhere else and answers one request at a time, as small servers do.
"""

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.predictors.artifact import ArtifactPredictor
from benchmarks.predictors.base import PredictorError

HOST = "127.0.0.1"
#: A request about one row takes a few hundred bytes.
LARGEST_BODY = 1 << 20


class ModelServer(ThreadingHTTPServer):
    """One model under one name, asked through its sandbox."""

    daemon_threads = True

    def __init__(self, port: int, predictor: ArtifactPredictor, name: str, version: str) -> None:
        super().__init__((HOST, port), _Handler)
        self.model_name, self.model_version = name, version
        # One thread for good: a sandbox ends with the thread that started it.
        self._predictor, self._asking = predictor, ThreadPoolExecutor(1)

    @property
    def place(self) -> str:
        return f"/v2/models/{self.model_name}"

    def metadata(self) -> dict[str, Any]:
        inputs = [{"name": name} for name in self._predictor.input_columns]
        return {
            "name": self.model_name,
            "versions": [self.model_version],
            "platform": "scikit-learn",
            "inputs": inputs,
            "outputs": [{"name": "late", "datatype": "FP64", "shape": [-1]}],
        }

    def infer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Raises KeyError, TypeError or ValueError for what is no request of the protocol."""
        frame = pd.DataFrame({each["name"]: each["data"] for each in asked["inputs"]})
        scores = self._asking.submit(self._predictor.predict, frame).result()
        output = {"name": "late", "datatype": "FP64", "shape": [len(scores)]}
        return {
            "model_name": self.model_name,
            "model_version": self.model_version,
            "outputs": [{**output, "data": scores.tolist()}],
        }


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits for an acknowledgement

    def do_GET(self) -> None:
        if self.path == f"{self.server.place}/ready":
            self._say(200, {})
        elif self.path == self.server.place:
            self._say(200, self.server.metadata())
        else:
            self._say(404, {"error": "There is no such model."})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.path != f"{self.server.place}/infer" or length > LARGEST_BODY:
            self.close_connection = True
            self._say(404, {"error": "There is no such model."})
            return
        try:
            self._say(200, self.server.infer(json.loads(self.rfile.read(length))))
        except (KeyError, TypeError, ValueError, PredictorError) as error:
            self._say(400, {"error": str(error)})

    def _say(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Hundreds of requests a run would bury what matters in the log."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--columns", nargs="+", required=True)
    given = parser.parse_args()
    with (
        ArtifactPredictor(given.artifact, "skops", given.columns) as predictor,
        ModelServer(given.port, predictor, given.name, given.version) as server,
    ):
        server.serve_forever()


if __name__ == "__main__":
    main()
