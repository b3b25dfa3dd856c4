"""What an answer used: tokens and cost, as the endpoint says it or as a price list makes it.

Each protocol has one place for it. What stands there is believed only if it can be an amount: a
limit that is kept by a number read as 0 is none.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from threading import Lock
from typing import Any, Protocol

from benchmarks.predictors.base import PredictorError

#: Where an answer says what it used, by protocol: the object, and the names in it.
PLACES = {"oip": ("parameters", "tokens", "cost"), "mlflow": ("usage", "total_tokens", "cost")}
#: Nothing that is asked in one request uses more; such a number is a mistake.
MOST = 10**12
_PER = 1000


@dataclass(frozen=True)
class Terms:
    """What has to be counted, and by whose word; a price is of a thousand."""

    protocol: str
    counts_tokens: bool = False
    counts_cost: bool = False
    requests_price: Decimal | None = None
    tokens_price: Decimal | None = None

    @property
    def is_priced(self) -> bool:
        return self.requests_price is not None or self.tokens_price is not None

    @property
    def needs_tokens(self) -> bool:
        return self.counts_tokens or (self.counts_cost and self.tokens_price is not None)

    @property
    def needs_cost(self) -> bool:
        """Whether the endpoint's own word on the cost counts: only where there is no price."""
        return self.counts_cost and not self.is_priced


@dataclass(frozen=True)
class Use:
    tokens: int = 0
    cost: Decimal = Decimal(0)

    def __add__(self, other: "Use") -> "Use":
        return Use(self.tokens + other.tokens, self.cost + other.cost)

    def __bool__(self) -> bool:
        return bool(self.tokens or self.cost)


def of_request(terms: Terms) -> Use:
    """What sending costs, answered or not."""
    if not terms.counts_cost or terms.requests_price is None:
        return Use()
    return Use(cost=terms.requests_price / _PER)


def of_answer(content: dict[str, Any], terms: Terms) -> Use:
    """What an answer used. Raises PredictorError where it does not say so, or says nonsense."""
    place, tokens_name, cost_name = PLACES[terms.protocol]
    told = content.get(place)
    told = told if isinstance(told, dict) else {}
    tokens, cost = 0, Decimal(0)
    if terms.needs_tokens:
        tokens = _tokens(told.get(tokens_name), f"{place}.{tokens_name}")
    if terms.needs_cost:
        cost = _cost(told.get(cost_name), f"{place}.{cost_name}")
    elif terms.counts_cost and terms.tokens_price is not None:
        cost = tokens * terms.tokens_price / _PER
    return Use(tokens, cost)


def _tokens(value: Any, name: str) -> int:
    _present(value, name)
    if type(value) is not int or not 0 <= value <= MOST:
        raise PredictorError(
            f"The endpoint's “{name}” is no number of tokens: a whole number from 0 on."
        )
    return value


def _cost(value: Any, name: str) -> Decimal:
    _present(value, name)
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= MOST:
        raise PredictorError(f"The endpoint's “{name}” is no cost: a number from 0 on.")
    return Decimal(str(value))


def _present(value: Any, name: str) -> None:
    if value is None:
        raise PredictorError(
            f"The endpoint does not say what its answer used (“{name}”), so the run's limit"
            " cannot be kept."
        )


class Meter(Protocol):
    """Told of each request that is sent and of each answer; it raises what ends the asking."""

    def sent(self) -> None: ...

    def heard(self, content: dict[str, Any]) -> None: ...

    def keep(self) -> None: ...


class NoMeter:
    """Where a run has no such limit, nothing is read and nothing counted."""

    def sent(self) -> None:
        """Nothing is counted."""

    def heard(self, content: dict[str, Any]) -> None:
        """Nothing is read."""

    def keep(self) -> None:
        """There is nothing to keep."""


@dataclass
class Counter:
    """Adds up what is used; `check` raises where nothing more may be used.

    Where `add` does not write it down at once, `keep` is for whoever has the time.
    """

    terms: Terms
    check: Callable[[], None]
    add: Callable[[Use], None]
    keep: Callable[[], None] = lambda: None

    def sent(self) -> None:
        self.check()
        if use := of_request(self.terms):
            self.add(use)

    def heard(self, content: dict[str, Any]) -> None:
        if use := of_answer(content, self.terms):
            self.add(use)


class Tally:
    """What many callers use together; safe to add to at the same time."""

    def __init__(self) -> None:
        self.used, self._taken, self._lock = Use(), Use(), Lock()

    def add(self, use: Use) -> None:
        with self._lock:
            self.used += use

    def take(self) -> Use:
        """What came since it was asked last."""
        with self._lock:
            fresh = Use(self.used.tokens - self._taken.tokens, self.used.cost - self._taken.cost)
            self._taken = self.used
            return fresh
