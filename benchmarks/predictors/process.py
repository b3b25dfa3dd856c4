"""The portal's end of a sandbox: starts it, talks to it against a clock, ends it for certain."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

from benchmarks.predictors import wire
from benchmarks.predictors.base import PredictorError

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-E", "-s", "-m", "benchmarks.predictors.sandbox")
CHUNK = 1 << 16
KEPT_STDERR = 8192
SHOWN_STDERR = 200
# Room for a sentence or the list of limits beside the scores.
SMALL_ANSWER = 1 << 16


class SandboxProcess:
    """One process, one artefact. Any breach of the protocol, of time or of life ends it.

    It also ends with the thread that started it, so that a killed worker leaves none behind.
    """

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._process = subprocess.Popen(  # noqa: S603 (a fixed command)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        self._stdin, self._stdout = _pipe(self._process.stdin), _pipe(self._process.stdout)
        os.set_blocking(self._stdin.fileno(), False)
        os.set_blocking(self._stdout.fileno(), False)
        self._stderr = b""
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(
        self, message: bytes, *, seconds: float, largest: int = SMALL_ANSWER
    ) -> tuple[bytes, bytes]:
        """Sends a message and waits for one answer; a refusal is raised in the model's words."""
        try:
            kind, payload = self._exchange(memoryview(message), seconds, largest)
        except PredictorError:
            self.close()
            raise
        if kind == wire.REFUSAL:
            raise PredictorError(_sentence(payload))
        return kind, payload

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._listener.join(timeout=1)
        for pipe in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):
                pipe.close()

    def _exchange(self, outgoing: memoryview, seconds: float, largest: int) -> tuple[bytes, bytes]:
        until = time.monotonic() + seconds
        incoming, expected = bytearray(), wire.HEADER.size
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            selector.register(self._stdin, selectors.EVENT_WRITE)
            while len(incoming) < expected:
                for key, _ in self._ready(selector, until, seconds):
                    if key.fileobj is self._stdin:
                        outgoing = self._write(selector, outgoing)
                    else:
                        incoming += self._read()
                if len(incoming) >= wire.HEADER.size:
                    expected = _expected(incoming, largest)
        kind, _ = wire.HEADER.unpack_from(incoming)
        return kind, bytes(incoming[wire.HEADER.size : expected])

    def _ready(
        self, selector: selectors.BaseSelector, until: float, seconds: float
    ) -> list[tuple[selectors.SelectorKey, int]]:
        left = until - time.monotonic()
        if left <= 0:
            raise PredictorError(
                f"The model did not answer within {seconds:g} seconds and was stopped."
            )
        return selector.select(left)

    def _write(self, selector: selectors.BaseSelector, outgoing: memoryview) -> memoryview:
        try:
            outgoing = outgoing[os.write(self._stdin.fileno(), outgoing[:CHUNK]) :]
        except BrokenPipeError:
            # The reason, if there is one, is still to be read from the other pipe.
            outgoing = outgoing[:0]
        if not outgoing:
            selector.unregister(self._stdin)
        return outgoing

    def _read(self) -> bytes:
        chunk = os.read(self._stdout.fileno(), CHUNK)
        if not chunk:
            raise PredictorError(self._last_words())
        return chunk

    def _last_words(self) -> str:
        """How the process ended, as far as it can still be told."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        self._listener.join(timeout=1)
        code = self._process.returncode
        how = "ended without an answer"
        if code is not None and code < 0:
            how = f"was ended by {_signal_name(-code)}"
        lines = self._stderr.decode(errors="replace").strip().splitlines()
        return f"The model's process {how}" + (f": {lines[-1][:SHOWN_STDERR]}" if lines else ".")

    def _listen(self) -> None:
        """Keeps the end of stderr; left unread, a full pipe would stop the model."""
        with _pipe(self._process.stderr) as pipe:
            while chunk := os.read(pipe.fileno(), CHUNK):
                self._stderr = (self._stderr + chunk)[-KEPT_STDERR:]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise PredictorError("The model's process has no pipes.")
    return pipe


def _expected(incoming: bytearray, largest: int) -> int:
    _, length = wire.HEADER.unpack_from(incoming)
    if length > largest:
        raise PredictorError("The model's process broke the protocol and was stopped.")
    return wire.HEADER.size + int(length)


def _sentence(payload: bytes) -> str:
    try:
        sentence = json.loads(payload)["sentence"]
    except (ValueError, KeyError, TypeError):
        sentence = None
    return sentence if isinstance(sentence, str) else "The model refused without saying why."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
