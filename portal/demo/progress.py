"""What the terminal shows while the demo is made: one line a step, and the workers' progress."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from django.db import connection

from benchmarks.choices import RunStatus
from benchmarks.models import ChallengeRun, RunPart
from portal.supervisor import Supervisor

POLL_SECONDS = 0.3
BAR = 24


class Stalled(Exception):
    """Nothing more can come: a process the demo depends on has ended."""


class Terminal:
    """Prints steps with the time since the start; redraws one line where there is a terminal."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stdout
        self.started = time.monotonic()

    def say(self, text: str) -> None:
        self.out.write(f"{self._stamp()}  {text}\n")
        self.out.flush()

    def redraw(self, text: str) -> None:
        if self.out.isatty():
            self.out.write(f"\r\033[K{self._stamp()}  {text}")
            self.out.flush()

    def clear(self) -> None:
        if self.out.isatty():
            self.out.write("\r\033[K")

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        begun = time.monotonic()
        self.redraw(f"{text} …")
        yield
        self.clear()
        self.say(f"{text} ({time.monotonic() - begun:.1f} s)")

    def _stamp(self) -> str:
        return f"{time.monotonic() - self.started:6.1f} s"


def wait_for(
    runs: list[ChallengeRun], *, terminal: Terminal, supervisor: Supervisor, label: str
) -> list[ChallengeRun]:
    """Show the parts coming in until every run is judged; returns the runs as they are then."""
    ids = [run.pk for run in runs]
    begun = time.monotonic()
    total = RunPart.objects.filter(run__in=ids).count()
    finished_before = _finished(ids)
    while ChallengeRun.objects.filter(pk__in=ids).in_progress().exists():
        if ended := supervisor.ended():
            raise Stalled(f"The {ended} process has ended; its log is in {supervisor.logs}.")
        done = _finished(ids)
        rate = (done - finished_before) / (time.monotonic() - begun + 1e-9)
        left = f"{(total - done) / rate:.0f} s left" if rate and done < total else "judging"
        terminal.redraw(f"{label}  {_bar(done, total)} {done}/{total}, {rate:.1f}/s, {left}")
        time.sleep(POLL_SECONDS)
    terminal.clear()
    seconds = time.monotonic() - begun
    current = list(ChallengeRun.objects.filter(pk__in=ids).order_by("pk"))
    verdicts = ", ".join(f"{r.model_version.version} {r.verdict or r.status}" for r in current)
    for errored in (r for r in current if r.status == RunStatus.ERRORED):
        raise Stalled(f"{errored} could not be judged: {errored.error}")
    terminal.say(f"{label}: {total} scenario runs in {seconds:.1f} s: {verdicts}")
    return current


def _finished(ids: list[int]) -> int:
    connection.close_if_unusable_or_obsolete()
    return RunPart.objects.filter(run__in=ids, finished_at__isnull=False).count()


def _bar(done: int, total: int) -> str:
    filled = BAR * done // max(total, 1)
    return "█" * filled + "░" * (BAR - filled)
