"""Starts web and worker as child processes and ends both together: the embedded installation."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

GRACE_SECONDS = 20
#: Numerical libraries start a thread per core in every process, which only slows several workers.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


class Supervisor:
    """Process groups such as `worker` and `web`, with their output in the data folder.

    As a context manager it ends what it started, also on Ctrl-C. `environment` is what they are
    told besides what this process was.
    """

    def __init__(self, *, workers: int = 2, environment: Mapping[str, str] | None = None) -> None:
        self.workers = workers
        self.environment = dict(environment or {})
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.logs = Path(settings.DATA_DIR) / "logs"

    def __enter__(self) -> "Supervisor":
        signal.signal(signal.SIGTERM, _interrupt)
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start_module(self, name: str, module: str, *arguments: str) -> None:
        """Another child of our own, run as a Python module."""
        self._start(name, module, *arguments)

    def start_worker(self) -> None:
        """A Celery worker with the beat inside. Its name is fixed: old names' queues pile up."""
        self._start(
            "worker",
            "celery",
            *("-A", "portal", "worker", "-B", "-P", "prefork", "-c", str(self.workers)),
            *("-n", "embedded@%h", "--without-gossip", "--without-mingle", "-l", "WARNING"),
        )

    def start_web(self, address: str) -> None:
        self._start(
            "web",
            "gunicorn",
            *("portal.wsgi:application", "-b", address, "-w", "1", "--threads", "8"),
            *("--timeout", "120", "--graceful-timeout", "5"),
        )

    def _start(self, name: str, module: str, *arguments: str) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            self.children[name] = subprocess.Popen(  # noqa: S603 - our own fixed command
                [sys.executable, "-m", module, *arguments],
                cwd=settings.BASE_DIR,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **ONE_THREAD, **self.environment},
                start_new_session=True,
            )

    def ended(self) -> str:
        """The name of a child that ended by itself, or nothing."""
        return next((n for n, child in self.children.items() if child.poll() is not None), "")

    def wait(self) -> str:
        """Block until a child ends by itself; returns its name."""
        while not (name := self.ended()):
            time.sleep(0.5)
        return name

    def stop(self) -> None:
        """Ask all to end, then end them: nothing is lost either way, jobs live in the database."""
        for child in self.children.values():
            _signal(child, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for child in self.children.values():
            try:
                child.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)
                child.wait()
            # Whoever the child itself started has its group.
            _signal(child, signal.SIGKILL)
        self.children.clear()


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    try:
        if number == signal.SIGTERM:
            child.send_signal(number)
        else:
            os.killpg(child.pid, number)
    except ProcessLookupError:
        pass


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
