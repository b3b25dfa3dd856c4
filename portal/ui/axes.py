"""A shared axis: round ticks that cover the data, and where a value stands on it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from portal.ui.formats import fixed

STEPS = (1.0, 2.0, 5.0, 10.0)
# Below this share of the values' size, doubles can no longer tell neighbouring ticks apart.
NARROWEST = 1e-9


@dataclass(frozen=True, slots=True)
class Tick:
    place: str
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Axis:
    low: float
    high: float
    values: tuple[float, ...]
    decimals: int

    def share(self, value: float) -> float:
        """Position from 0 to 100; a value outside is held at the edge."""
        position = (value - self.low) / (self.high - self.low) * 100
        return min(100.0, max(0.0, position))

    def at(self, value: float) -> str:
        return percent_text(self.share(value))

    def up(self, value: float) -> str:
        """The same for an axis that stands: SVG counts from the top."""
        return percent_text(100 - self.share(value))

    def ticks(self, *, plus: bool = False) -> tuple[Tick, ...]:
        return tuple(self._tick(value, plus) for value in self.values)

    def _tick(self, value: float, plus: bool) -> Tick:
        label = f"{'+' if plus and value > 0 else ''}{fixed(value, self.decimals)}"
        anchor = {self.values[0]: "start", self.values[-1]: "end"}.get(value, "middle")
        return Tick(self.at(value), label, anchor)


def percent_text(share: float) -> str:
    return f"{share:.2f}%"


def _widened(low: float, high: float) -> tuple[float, float]:
    """A single value still needs an axis around it."""
    size = max(abs(low), abs(high))
    if high - low > size * NARROWEST:
        return low, high
    pad = size * 0.05 or 1.0
    return low - pad, high + pad


def _step(span: float, count: int) -> float:
    raw = span / count
    magnitude = 10.0 ** math.floor(math.log10(raw))
    return next(step * magnitude for step in STEPS if step * magnitude >= raw * (1 - 1e-9))


def axis(values: Iterable[float], count: int = 5) -> Axis:
    """The axis whose first and last round tick enclose all values, in about `count` steps."""
    finite = [float(value) for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = _widened(min(finite), max(finite))
    step = _step(high - low, count)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.floor(low / step), math.ceil(high / step)
    ticks = tuple(round(index * step, decimals) for index in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks, decimals)
