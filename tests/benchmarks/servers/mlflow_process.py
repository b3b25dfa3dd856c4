"""Starts MLflow's own scoring server in a process of its own, with what it needs installed."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(__file__).with_name("mlflow_scoring.py")
#: The first start on a machine installs MLflow.
PATIENCE = 300.0


@contextmanager
def mlflow_server(frame: pd.DataFrame, columns: list[str], folder: Path) -> Iterator[str]:
    """The server's origin; its model is trained on the frame's columns and `label`."""
    rows, log = folder / "rows.csv", folder / "server.log"
    frame.to_csv(rows, index=False)
    port = _free_port()
    command = ["uv", "run", "--script", str(SCRIPT), str(rows), ",".join(columns), str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        origin = f"http://127.0.0.1:{port}"
        _wait(process, origin, log)
        yield origin
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _wait(process: subprocess.Popen, origin: str, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{origin}/ping", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    _give_up(f"MLflow's scoring server did not start: {log.read_text()[-2000:]}")


def _give_up(reason: str) -> None:
    """A machine without the package index may go without; the build that decides may not."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
