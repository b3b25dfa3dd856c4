"""Asks an endpoint under declared stress: on a schedule, by many callers, through faults.

The schedule does not wait for answers, and every time counts from when a request fell due, also
that of a request which found all connections busy. `engine/load.py` plans, this module keeps time.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, replace
from threading import Lock
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd

from benchmarks.engine.load import FIRST_PAUSE_MS, LoadProfile, Planned, backfill_turns
from benchmarks.outbound import Refused, Reply, Unreachable
from benchmarks.predictors import payloads
from benchmarks.predictors.backlog import Backlog, Kept
from benchmarks.predictors.base import PredictorError
from benchmarks.predictors.endpoint import TOO_MANY, EndpointPredictor
from benchmarks.predictors.protocols import Endpoint
from benchmarks.predictors.usage import Meter, NoMeter

# What a request failed of, in the words of its table.
LATE = "no answer in time"
LOST = "lost on its way"
REFUSED = "refused by what lies before the model"
BROKEN = "broken connection"
FAILED = "status 429 or 5xx"
REJECTED = "another status"
UNUSABLE = "no usable answer"
#: As much of what a load uses goes unwritten when its worker is killed.
KEEP_SECONDS = 1.0
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


#: A request's outcome, and its place in the backlog where it found no answer and was kept.
Asked = tuple[Outcome, Kept | None]


@dataclass(frozen=True)
class Loaded:
    """Every request in the order in which it fell due, and what answered, for the record.

    Under a backfill `kept_at`, `left_at`, `filled` and `again` say what became of it later.
    """

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
        meter: Meter | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint, self.profile, self.task = endpoint, profile, task
        self.input_columns = list(input_columns)
        self._connect, self._clock, self._sleep = connect, clock, sleep
        self._meter = meter or NoMeter()

    def run(self, frame: pd.DataFrame, planned: Sequence[Planned]) -> Loaded:
        """Ask all that was planned about the frame's rows. Raises PredictorError where nothing
        can be asked at all; a request that fails is a result."""
        lacking = self.profile.partial_columns
        if lacking and not {*lacking} & {*self.input_columns}:
            raise PredictorError("The model reads none of the columns that are to arrive empty.")
        self._columns = payloads.inputs_of(frame, self.input_columns)
        with ExitStack() as stack:
            callers, refillers = (
                [stack.enter_context(self._connect()) for _ in range(count)]
                for count in (self.profile.connections, self.profile.backfill_connections)
            )
            self._introduce([*callers, *refillers])
            found = self._all(callers, refillers, planned)
        requests = pd.DataFrame([asdict(outcome) for outcome, _ in found])
        if self.profile.has_backfill:
            requests = requests.join(pd.DataFrame([_refilled(kept) for _, kept in found]))
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

    def _all(
        self,
        callers: Sequence[Connection],
        refillers: Sequence[Connection],
        planned: Iterable[Planned],
    ) -> list[Asked]:
        waiting, turns = deque(planned), deque[float]()
        if refillers:
            turns.extend(backfill_turns(self.profile))
        self._backlog, self._next = Backlog(), Lock()
        self._started = self._clock()
        with ThreadPoolExecutor(len(callers) + len(refillers)) as pool:
            try:
                shares = [pool.submit(self._share, caller, waiting) for caller in callers]
                again = [pool.submit(self._refill, caller, turns) for caller in refillers]
                self._watch(shares)
                found = [asked for share in shares for asked in share.result()]
                self._backlog.live_ended()
                self._watch(again)
                for share in again:
                    share.result()
            finally:
                # A job that has to end does not wait for the rest of the load.
                waiting.clear()
                turns.clear()
        return sorted(found, key=lambda asked: asked[0].at)

    def _watch(self, shares: Sequence[Future[Any]]) -> None:
        """Until all have ended or one has failed, keep what they use as it comes."""
        while True:
            done, pending = wait(shares, KEEP_SECONDS, FIRST_EXCEPTION)
            if not pending or any(share.exception() for share in done):
                return
            self._meter.keep()

    def _share(self, caller: Connection, waiting: deque[Planned]) -> list[Asked]:
        done: list[Asked] = []
        while True:
            try:
                request = waiting.popleft()
            except IndexError:
                return done
            done.append(self._told(request, self._asked(caller, request)))

    def _told(self, request: Planned, outcome: Outcome) -> Asked:
        """The outcome, and its place in the backlog where it has one."""
        if not outcome.errored:
            self._backlog.answered()
        elif self.profile.has_backfill and outcome.cause not in FINAL:
            return outcome, self._backlog.keep(request, self._clock() - self._started)
        return outcome, None

    # -- once more, from the backlog ----------------------------------------------------------

    def _refill(self, caller: Connection, turns: deque[float]) -> None:
        """Take turns with the others; one that found all of them busy has passed."""
        while True:
            with self._next:  # one waits for the turn, so that nobody waits when all is done
                if self._backlog.is_done or not turns:
                    return
                turn = self._started + turns.popleft()
                self._wait_until(turn)
                is_over = self._clock() - turn > 1 / self.profile.backfill_rate
                item = None if is_over else self._backlog.take()
            if item is not None:
                self._asked_again(caller, item)

    def _asked_again(self, caller: Connection, item: Kept) -> None:
        request = replace(item.request, lost=item.request.lost_again)
        until = self._started + self.profile.lasts
        cause, _ = self._tried(caller, request, self._body(request), item.tries, until)
        now = self._clock() - self._started
        if cause and cause not in FINAL:
            self._backlog.failed(item)
        else:
            self._backlog.leave(item, now, is_answered=not cause)

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
        self._meter.sent()
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
            content = payloads.read(reply.body)
        except PredictorError:
            return UNUSABLE, np.nan
        self._meter.heard(content)
        try:
            found = self._protocol.answered(content, 1, self.task)
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
        later = int(requests["again"].sum()) if self.profile.has_backfill else 0
        return {
            "protocol": self.endpoint.protocol,
            **self._protocol.declared,
            "rows_a_request": 1,
            "requests": tries + later,
            "retried": again + later,
        }


def _refilled(kept: Kept | None) -> dict[str, float]:
    """What became of a request in the backlog; moments are missing where there were none."""
    if kept is None:
        return {"kept_at": np.nan, "left_at": np.nan, "filled": 0, "again": 0}
    left_at = np.nan if kept.left_at is None else kept.left_at
    return {
        "kept_at": kept.kept_at,
        "left_at": left_at,
        "filled": int(kept.is_answered),
        "again": kept.tries,
    }
