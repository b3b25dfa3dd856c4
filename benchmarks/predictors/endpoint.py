"""A model answered by a server over HTTP; how a request travels is the caller's business."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.outbound import Refused, Reply, Unreachable
from benchmarks.predictors import payloads
from benchmarks.predictors.base import Floats, PredictorError
from benchmarks.predictors.protocols import PROTOCOLS, Endpoint, Protocol
from benchmarks.predictors.usage import Meter, NoMeter

TRIES = 5
#: Seconds; each wait is up to twice the one before, and no server may ask for more than the last.
FIRST_WAIT = 0.5
LONGEST_WAIT = 20.0
TOO_MANY = 429

#: Method, path, body and seconds to a reply; raises Refused or Unreachable.
Send = Callable[[str, str, bytes | None, float], Reply]


@dataclass
class Tries:
    """How often rows may still be sent; counted down with each time, answered or not."""

    left: int


@dataclass(frozen=True)
class Asked:
    """One score a row; the milliseconds that its request took; what answered, for the record."""

    scores: Floats
    latency_ms: Floats
    served_by: dict[str, Any]


class EndpointPredictor:
    """Asks in batches, one after the other, and never takes a doubtful answer for one.

    A request that finds the server away, busy or broken is repeated, with waits drawn from the
    seed; the latency of a row is the time of the request that was answered, without the waits.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        send: Send,
        input_columns: Sequence[str],
        task: str,
        *,
        seconds: float,
        seed: int = 0,
        tries: Tries | None = None,
        meter: Meter | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint = endpoint
        self.input_columns = list(input_columns)
        self.task = task
        self._send, self._clock, self._sleep = send, clock, sleep
        self._draw = random.Random(seed)  # noqa: S311 (spreads waits, keeps no secret)
        self._seconds, self._until = seconds, clock() + seconds
        self._retried, self._tries, self._meter = 0, tries, meter or NoMeter()
        self._protocol = PROTOCOLS[endpoint.protocol](endpoint, self.input_columns)

    def answer(self, frame: pd.DataFrame) -> Asked:
        """A score for every row in the frame's order. Raises PredictorError in plain words."""
        columns = payloads.inputs_of(frame, self.input_columns)
        scores, latency = np.empty(len(frame)), np.empty(len(frame))
        times: list[float] = []
        if len(frame):
            self.introduced()
        for start in range(0, len(frame), self.endpoint.batch_size):
            stop = min(start + self.endpoint.batch_size, len(frame))
            batch = [column.part(start, stop) for column in columns]
            scores[start:stop], milliseconds = self._batch(batch, stop - start)
            latency[start:stop] = milliseconds
            times.append(milliseconds)
        return Asked(scores, latency, self._facts(times))

    def introduced(self) -> Protocol:
        """What to speak with the server, once it is ready and said what it is; nothing is timed.

        Raises PredictorError where it is another model than was registered.
        """
        self._request("GET", self._protocol.ready, None, may_lack=not self._protocol.metadata)
        if self._protocol.metadata:
            body, _ = self._request("GET", self._protocol.metadata, None)
            self._protocol.introduced(payloads.read(body))
        return self._protocol

    def _batch(self, columns: list[payloads.Column], rows: int) -> tuple[Floats, float]:
        asked = self._protocol.asked(columns)
        body, seconds = self._request("POST", self._protocol.infer, asked)
        content = payloads.read(body)
        self._meter.heard(content)  # first: a useless answer was paid for all the same
        return self._protocol.answered(content, rows, self.task), 1000 * seconds

    def _request(
        self, method: str, path: str, body: bytes | None, *, may_lack: bool = False
    ) -> tuple[bytes, float]:
        """The body of a good reply and the seconds it took, after as many tries as it needs.

        What a server `may_lack` is passed over where it says that it knows no such address.
        """
        for attempt in range(TRIES):
            started = self._clock()
            reply, trouble = self._tried(method, path, body)
            if reply.status == 200:
                return reply.body, self._clock() - started
            if not trouble:
                if may_lack:
                    return b"", 0.0
                raise PredictorError(_refusal(reply.status))
            if attempt + 1 < TRIES:
                self._wait(attempt, reply)
        raise PredictorError(f"The endpoint did not answer in {TRIES} tries. {trouble}")

    def _tried(self, method: str, path: str, body: bytes | None) -> tuple[Reply, str]:
        """A reply, and what was wrong with it where another try may go better."""
        seconds = min(self.endpoint.deadline, self._left())
        if method == "POST":
            self._count()
            self._meter.sent()
        try:
            reply = self._send(method, path, body, seconds)
        except Unreachable as error:
            return Reply(0), str(error)
        except Refused as error:
            raise PredictorError(f"The endpoint was not heard. {error}") from error
        if reply.status == TOO_MANY:
            return reply, "It says that it is asked too often."
        if reply.status >= 500:
            return reply, "It failed itself (status 5xx)."
        return reply, ""

    def _count(self) -> None:
        """One try less of those that carry rows, where these are limited."""
        if self._tries is None:
            return
        if self._tries.left <= 0:
            raise PredictorError(
                "The run's limit of requests was reached, because some had to be tried again."
            )
        self._tries.left -= 1

    def _wait(self, attempt: int, reply: Reply) -> None:
        """Longer each time, never in step with others, and as long as the server asks for."""
        planned = min(LONGEST_WAIT, FIRST_WAIT * 2**attempt) * (0.5 + self._draw.random() / 2)
        asked_for = min(LONGEST_WAIT, reply.retry_after or 0.0)
        self._retried += 1
        self._sleep(min(max(planned, asked_for), self._left()))

    def _left(self) -> float:
        left = self._until - self._clock()
        if left <= 0:
            raise PredictorError(
                f"The endpoint did not answer all rows within {self._seconds:g} seconds. Ask more"
                " rows at a time, or fewer rows."
            )
        return left

    def _facts(self, times: list[float]) -> dict[str, Any]:
        facts: dict[str, Any] = {"protocol": self.endpoint.protocol, **self._protocol.declared}
        facts |= {"rows_a_request": self.endpoint.batch_size, "requests": len(times)}
        facts["retried"] = self._retried
        if times:
            half, most = np.quantile(times, [0.5, 0.95])
            facts |= {"request_ms_p50": round(half, 3), "request_ms_p95": round(most, 3)}
        return facts


def _refusal(status: int) -> str:
    if 300 <= status < 400:
        return "The endpoint answered with a redirect (status 3xx), which is not followed."
    if 400 <= status < 500:
        return (
            "The endpoint refused the request (status 4xx). Look at its address, the model's name"
            " there, and the columns that the model reads."
        )
    return "The endpoint answered with a status that says neither yes nor no."
