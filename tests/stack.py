"""Real processes for tests: workers on the test database, and whole installations of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent


def wait_until(condition: Callable[[], Any], *, seconds: float, what: str) -> Any:
    """Poll until `condition` holds; fails in words when it does not in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"Waited {seconds} s in vain: {what}.")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_database_url() -> str:
    """The address under which another process reaches this run's test database."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{given['NAME']}"
    secret = f":{quote(given['PASSWORD'])}" if given["PASSWORD"] else ""
    host = f"{given['HOST'] or '127.0.0.1'}:{given['PORT'] or 5432}"
    return f"postgres://{given['USER']}{secret}@{host}/{given['NAME']}"


class Worker:
    """A real Celery worker on the test database; `kill` takes the whole process group at once."""

    def __init__(self, *, processes: int = 1, **environment: str) -> None:
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DATABASE_URL": test_database_url(),
            "DATA_DIR": str(settings.DATA_DIR),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            **environment,
        }
        self.processes = processes
        self.child: subprocess.Popen[bytes] | None = None
        self.log = Path(settings.DATA_DIR) / f"worker-{uuid.uuid4().hex[:8]}.log"

    def start(self) -> "Worker":
        command = ["-A", "portal", "worker", "-B", "-P", "prefork", "-c", str(self.processes)]
        command += ["-n", f"test-{uuid.uuid4().hex[:8]}@%h", "-l", "WARNING"]
        command += ["-s", str(self.log.with_suffix(".beat"))]
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "celery", *command, "--without-gossip", "--without-mingle"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def kill(self) -> None:
        """As a power cut would: no process of the group gets to say anything."""
        assert self.child is not None
        os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def stop(self) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def running_worker(**options: Any) -> Iterator[Worker]:
    worker = Worker(**options).start()
    try:
        yield worker
    finally:
        worker.stop()


@dataclass
class Installation:
    """A separate installation with its own data folder and database, driven by its commands."""

    folder: Path
    database_url: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DATA_DIR": str(self.folder),
            "DATABASE_URL": self.database_url,
        }

    def manage(self, *arguments: str, text: str = "", check: bool = True) -> str:
        """Run a management command; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout

    def read(self, script: str) -> Any:
        """Run a script inside the installation; returns the JSON value it prints last."""
        printed = self.manage("shell", "--no-imports", text=script)
        return json.loads(printed.strip().splitlines()[-1])


@contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    """A fresh installation on the same kind of database as this test run."""
    if connection.vendor == "sqlite":
        yield Installation(folder, f"sqlite:///{folder / 'touchstone.sqlite3'}")
        return
    name = f"touchstone_{uuid.uuid4().hex[:12]}"
    parts = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield Installation(folder, urlunsplit(parts._replace(path=f"/{name}")))
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
