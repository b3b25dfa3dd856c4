"""The queue before a model: what found no answer waits here, and is sent again at a set rate.

It knows nothing of connections or clocks: the driver tells it what happened, and takes from it.
"""

import threading
from collections import deque
from dataclasses import dataclass

from benchmarks.engine.load import Planned


@dataclass(slots=True)
class Kept:
    """One request in the backlog; moments in seconds from the start of the load.

    `left_at` is None for as long as it waits, so for good where its time ran out.
    """

    request: Planned
    kept_at: float
    tries: int = 0
    left_at: float | None = None
    is_answered: bool = False


class Backlog:
    """First come, first sent. It opens with each live answer and closes with each failure.

    So an outage is met with silence, and its end is noticed by the live requests, as a queue's
    circuit breaker does it. Where none are left, its own tries have to tell.
    """

    def __init__(self) -> None:
        self._waiting: deque[Kept] = deque()
        self._lock = threading.Lock()
        self._is_open, self._is_live, self._under_way = True, True, 0

    def answered(self) -> None:
        """A live request was answered."""
        with self._lock:
            self._is_open = True

    def keep(self, request: Planned, at: float) -> Kept:
        """A live request found no answer, and another try may."""
        with self._lock:
            self._is_open = False
            item = Kept(request, at)
            self._waiting.append(item)
            return item

    def live_ended(self) -> None:
        """No live request is left that could fail, or tell that others are answered again."""
        with self._lock:
            self._is_live = False

    @property
    def is_done(self) -> bool:
        """Whether nothing waits or is under way, and nothing can come any more."""
        with self._lock:
            return not (self._is_live or self._waiting or self._under_way)

    def take(self) -> Kept | None:
        """The one that waited longest, if it may be sent now."""
        with self._lock:
            if not self._waiting or (self._is_live and not self._is_open):
                return None
            self._under_way += 1
            item = self._waiting.popleft()
            item.tries += 1
            return item

    def failed(self, item: Kept) -> None:
        """It goes to the end, so that one which always fails holds nobody up."""
        with self._lock:
            self._is_open = False
            self._under_way -= 1
            self._waiting.append(item)

    def leave(self, item: Kept, at: float, *, is_answered: bool) -> None:
        """It was answered, or told that asking once more is in vain."""
        with self._lock:
            self._under_way -= 1
            item.left_at, item.is_answered = at, is_answered
