"""The second half of the sandbox: loads one artefact and answers rows until its input ends.

Started by sandbox.py, never by hand; its one argument says whether the network is out of reach.
"""

import json
import os
import sys
from typing import BinaryIO

import pandas as pd
import pyarrow as pa

from benchmarks.predictors import wire
from benchmarks.predictors.base import PredictorError
from benchmarks.predictors.confinement import NETWORK_LEFT, allow_cpu, confine
from benchmarks.predictors.loading import Answer, loaded

LONGEST_SENTENCE = 400


def main() -> None:
    asked, answers = sys.stdin.buffer, _private_output()
    settings = wire.read_message(asked)
    if settings is None or settings[0] != wire.SETTINGS:
        return
    chosen = json.loads(settings[1])
    held = confine(cpu_seconds=chosen["cpu_seconds"], memory_bytes=chosen["memory_bytes"])
    held["network"] = sys.argv[1:] == [NETWORK_LEFT]
    artifact = wire.read_message(asked)
    if artifact is None or artifact[0] != wire.ARTIFACT:
        return
    try:
        model = loaded(
            artifact[1],
            format=chosen["format"],
            columns=chosen["input_columns"],
            task=chosen["task"],
        )
    except Exception as error:
        _refuse(answers, "The artefact could not be loaded", error)
        return
    _send(answers, wire.READY, json.dumps({"limits": held}).encode())
    _serve(asked, answers, model, chosen["cpu_seconds"])


def _serve(asked: BinaryIO, answers: BinaryIO, model: Answer, cpu_seconds: int) -> None:
    while (message := wire.read_message(asked)) is not None:
        allow_cpu(cpu_seconds)
        try:
            scores = model(_frame(message[1]))
        except Exception as error:
            _refuse(answers, "The model failed on these rows", error)
        else:
            _send(answers, wire.SCORES, scores.astype("<f8").tobytes())


def _frame(payload: bytes) -> pd.DataFrame:
    options = pa.ipc.IpcReadOptions(use_threads=False)
    table = pa.ipc.open_stream(payload, options=options).read_all()
    frame: pd.DataFrame = table.to_pandas(use_threads=False)
    return frame


def _private_output() -> BinaryIO:
    """The answer pipe out of reach of anything that prints: standard output becomes stderr."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe


def _refuse(answers: BinaryIO, what: str, error: Exception) -> None:
    if isinstance(error, PredictorError):
        sentence = str(error)
    elif isinstance(error, MemoryError):
        sentence = f"{what}: it needs more memory than a model may use."
    else:
        reason = next(iter(str(error).splitlines()), "")
        sentence = f"{what}: {type(error).__name__}: {reason}"
    short = sentence[:LONGEST_SENTENCE]
    _send(answers, wire.REFUSAL, json.dumps({"sentence": short}).encode())


def _send(answers: BinaryIO, kind: bytes, payload: bytes) -> None:
    answers.write(wire.packed(kind, payload))
    answers.flush()


if __name__ == "__main__":
    main()
