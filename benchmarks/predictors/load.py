"""Asks an endpoint under declared stress: on a schedule, by many callers, through faults.

The schedule does not wait for answers, and every time counts from when a request fell due, also
that of a request which found all connections busy. `engine/load.py` plans, this module keeps time.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd

from benchmarks.engine.load import FIRST_PAUSE_MS, LoadProfile, Planned
from benchmarks.outbound import Refused, Reply, Unreachable
from benchmarks.predictors import payloads
from benchmarks.predictors.base import PredictorError
from benchmarks.predictors.endpoint import TOO_MANY, EndpointPredictor
from benchmarks.predictors.protocols import Endpoint

# What a request failed of, in the words of its table.
LATE = "no answer in time"
LOST = "lost on its way"
REFUSED = "refused by what lies before the model"
BROKEN = "broken connection"
FAILED = "status 429 or 5xx"
REJECTED = "another status"
UNUSABLE = "no usable answer"
#: What asking the same once more cannot mend.
FINAL = frozenset({REJECTED, UNUSABLE})


class Connection(AbstractContextManager["Connection"], Protocol):
    """One caller's way to the server: a request at a time."""

    def __enter__(self) -> Self: ...

    def send(
        self, method: str, path: str, body: bytes | None = None, seconds: float = 10.0
    ) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request; a failed one has its deadline for a time, and no score."""

    at: float
    row: int
    latency_ms: float
    errored: int
    tries: int
    cause: str = ""
    score: float = np.nan
    #: How much later than due the caller itself woke up; missing where all were busy.
    own_delay_ms: float = np.nan


@dataclass(frozen=True)
class Loaded:
    """Every request in the order in which it fell due, and what answered, for the record."""

    requests: pd.DataFrame
    served_by: dict[str, Any]


class LoadDriver:
    """Callers that share one schedule: whoever is free takes what falls due next."""

    def __init__(
        self,
        endpoint: Endpoint,
        connect: Callable[[], Connection],
        input_columns: Sequence[str],
        task: str,
        profile: LoadProfile,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint, self.profile, self.task = endpoint, profile, task
        self.input_columns = list(input_columns)
        self._connect, self._clock, self._sleep = connect, clock, sleep

    def run(self, frame: pd.DataFrame, planned: Sequence[Planned]) -> Loaded:
        """Ask all that was planned about the frame's rows. Raises PredictorError where nothing
        can be asked at all; a request that fails is a result."""
        lacking = self.profile.partial_columns
        if lacking and not {*lacking} & {*self.input_columns}:
            raise PredictorError("The model reads none of the columns that are to arrive empty.")
        self._columns = payloads.inputs_of(frame, self.input_columns)
        with ExitStack() as stack:
            callers = [
                stack.enter_context(self._connect()) for _ in range(self.profile.connections)
            ]
            self._introduce(callers)
            outcomes = self._all(callers, planned)
        requests = pd.DataFrame([asdict(one) for one in outcomes])
        return Loaded(requests, self._facts(requests))

    def _introduce(self, callers: Sequence[Connection]) -> None:
        """Ask one caller's server what it is, and open the connections of the others."""
        first = EndpointPredictor(
            self.endpoint,
            callers[0].send,
            self.input_columns,
            self.task,
            seconds=self.endpoint.deadline,
            clock=self._clock,
            sleep=self._sleep,
        )
        self._protocol = first.introduced()
        for caller in callers[1:]:
            try:
                caller.send("GET", self._protocol.ready, None, self.endpoint.deadline)
            except (Refused, Unreachable):
                return  # the load itself will tell

    def _all(self, callers: Sequence[Connection], planned: Iterable[Planned]) -> list[Outcome]:
        waiting = deque(planned)
        self._started = self._clock()
        with ThreadPoolExecutor(len(callers)) as pool:
            try:
                shares = [pool.submit(self._share, caller, waiting) for caller in callers]
                outcomes = [outcome for share in shares for outcome in share.result()]
            finally:
                waiting.clear()  # a job that has to end does not wait for the rest of the load
        return sorted(outcomes, key=lambda outcome: outcome.at)

    def _share(self, caller: Connection, waiting: deque[Planned]) -> list[Outcome]:
        done: list[Outcome] = []
        while True:
            try:
                request = waiting.popleft()
            except IndexError:
                return done
            done.append(self._asked(caller, request))

    # -- one request --------------------------------------------------------------------------

    def _asked(self, caller: Connection, request: Planned) -> Outcome:
        body = self._body(request)
        due = self._started + request.at
        is_free = self._clock() < due
        self._wait_until(due)
        own_delay = 1000 * (self._clock() - due) if is_free else np.nan
        until = due + self.profile.deadline_ms / 1000
        tries, cause, score = 0, LATE, np.nan
        while tries <= self.profile.retries and self._clock() < until and cause not in FINAL:
            tries += 1
            cause, score = self._tried(caller, request, body, tries, until)
            latency = self._clock() - due
            if not cause and self._clock() <= until:
                return Outcome(
                    request.at, request.row, 1000 * latency, 0, tries, "", score, own_delay
                )
            pause = FIRST_PAUSE_MS / 1000 * 2 ** (tries - 1)
            if tries <= self.profile.retries and cause not in FINAL:
                self._wait_until(min(self._clock() + pause, until))
        deadline = self.profile.deadline_ms
        return Outcome(
            request.at, request.row, deadline, 1, tries, cause or LATE, np.nan, own_delay
        )

    def _tried(
        self, caller: Connection, request: Planned, body: bytes, number: int, until: float
    ) -> tuple[str, float]:
        """What the try failed of, or nothing and the score.

        A lost try holds its caller for as long as one without an answer would.
        """
        ends = min(until, self._clock() + self.profile.try_ms / 1000)
        if number <= request.lost:
            self._wait_until(ends)
            return LOST, np.nan
        if self.profile.is_out(self._clock() - self._started):
            return REFUSED, np.nan
        if request.delayed:
            self._wait_until(min(ends, self._clock() + self.profile.delay_ms / 1000))
        if self._clock() >= ends:
            return LATE, np.nan
        try:
            reply = caller.send("POST", self._protocol.infer, body, ends - self._clock())
        except Unreachable:
            return (LATE if self._clock() >= ends else BROKEN), np.nan
        except Refused:
            return UNUSABLE, np.nan
        return self._read(reply)

    def _read(self, reply: Reply) -> tuple[str, float]:
        if reply.status == TOO_MANY or reply.status >= 500:
            return FAILED, np.nan
        if reply.status != 200:
            return REJECTED, np.nan
        try:
            found = self._protocol.answered(payloads.read(reply.body), 1, self.task)
        except PredictorError:
            return UNUSABLE, np.nan
        return "", float(found[0])

    def _body(self, request: Planned) -> bytes:
        columns = [column.part(request.row, request.row + 1) for column in self._columns]
        if request.partial:
            lacking = self.profile.partial_columns
            columns = [each.emptied() if each.name in lacking else each for each in columns]
        return self._protocol.asked(columns)

    def _wait_until(self, moment: float) -> None:
        if (left := moment - self._clock()) > 0:
            self._sleep(left)

    def _facts(self, requests: pd.DataFrame) -> dict[str, Any]:
        tries = int(requests["tries"].sum())
        again = int((requests["tries"] - 1).clip(lower=0).sum())
        return {
            "protocol": self.endpoint.protocol,
            **self._protocol.declared,
            "rows_a_request": 1,
            "requests": tries,
            "retried": again,
        }
