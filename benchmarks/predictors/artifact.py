"""A model answered from its artefact, loaded in a sandbox and never in this process."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.predictors import wire
from benchmarks.predictors.base import Floats, Prediction, PredictorError
from benchmarks.predictors.process import SMALL_ANSWER, SandboxProcess

MAX_ARTIFACT_BYTES = 512 << 20
# Loading imports scikit-learn on a machine that may be busy with other shards.
START_SECONDS = 120.0
SCORE_BYTES = 8


class ArtifactPredictor:
    """Starts its sandbox at the first question and keeps it until closed.

    `deadline` is the wall clock of one call and `cpu_seconds` its processor time.
    """

    def __init__(
        self,
        path: Path | str,
        format: Literal["skops", "onnx"],
        input_columns: Sequence[str],
        threshold: float = 0.5,
        task: Literal["binary", "regression"] = "binary",
        *,
        deadline: float = 60.0,
        cpu_seconds: int = 300,
        memory_bytes: int = 4 << 30,
    ) -> None:
        self.path = Path(path)
        self.input_columns = list(input_columns)
        self.threshold = threshold
        self.task = task
        self.deadline = deadline
        self.limits: dict[str, bool] = {}
        self._settings = {
            "format": format,
            "input_columns": self.input_columns,
            "task": task,
            "cpu_seconds": cpu_seconds,
            "memory_bytes": memory_bytes,
        }
        self._process: SandboxProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    def answer(self, frame: pd.DataFrame) -> Prediction:
        """Scores and the decisions that the threshold makes of them; values for a regression."""
        values = self.predict(frame)
        if self.task == "regression":
            return Prediction(score=None, prediction=values)
        return Prediction(score=values, prediction=(values >= self.threshold).astype(np.int64))

    def predict(self, frame: pd.DataFrame) -> Floats:
        """One number per row in the frame's order."""
        if missing := [name for name in self.input_columns if name not in frame.columns]:
            raise PredictorError(
                f"The data have no column {', '.join(missing[:5])}, which the model reads."
            )
        if frame.empty:
            return np.empty(0)
        rows = _arrow(frame[self.input_columns])
        process = self._started()
        try:
            kind, payload = process.ask(
                wire.packed(wire.FRAME, rows),
                seconds=self.deadline,
                largest=max(SMALL_ANSWER, SCORE_BYTES * len(frame)),
            )
            return self._checked(kind, payload, len(frame))
        except PredictorError:
            self.close()
            raise

    def _started(self) -> SandboxProcess:
        if self._process is None:
            content = _read(self.path)
            self._process = SandboxProcess()
            message = wire.packed(wire.SETTINGS, json.dumps(self._settings).encode())
            message += wire.packed(wire.ARTIFACT, content)
            try:
                kind, payload = self._process.ask(message, seconds=START_SECONDS)
                self.limits = _limits(kind, payload)
            except PredictorError:
                self.close()
                raise
        return self._process

    def _checked(self, kind: bytes, payload: bytes, rows: int) -> Floats:
        if kind != wire.SCORES or len(payload) != SCORE_BYTES * rows:
            raise PredictorError(f"The model did not give one number for each of {rows} rows.")
        values = np.frombuffer(payload, dtype="<f8").astype(float)
        if bad := int(np.sum(~np.isfinite(values))):
            raise PredictorError(f"The model gave no finite number for {bad} of {rows} rows.")
        if self.task == "binary" and (values.min() < 0 or values.max() > 1):
            raise PredictorError("The model gave scores outside 0 to 1, so not probabilities.")
        return values


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_ARTIFACT_BYTES:
            limit = MAX_ARTIFACT_BYTES >> 20
            raise PredictorError(f"The artefact is larger than {limit} MB.")
        return path.read_bytes()
    except OSError as error:
        raise PredictorError("The artefact cannot be read from storage.") from error


def _arrow(frame: pd.DataFrame) -> bytes:
    sink = pa.BufferOutputStream()
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise PredictorError(f"The rows cannot be handed to the model: {reason}") from error
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _limits(kind: bytes, payload: bytes) -> dict[str, bool]:
    """Which limits the sandbox says it holds; a statement for the record, not a proof."""
    if kind != wire.READY:
        raise PredictorError("The model's process answered before it was ready.")
    try:
        return {str(name): bool(held) for name, held in json.loads(payload)["limits"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PredictorError("The model's process broke the protocol at its start.") from error
