"""How often the same question gets another answer: findings of repeated runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.engine.intervals import wilson
from benchmarks.engine.values import Finding, Interval

#: What says something about the model; an error or an absence is a matter of the machinery.
_TELLING = frozenset({Finding.PASS, Finding.FAIL, Finding.INCONCLUSIVE})


@dataclass(frozen=True)
class Flakiness:
    """`flips` of `pairs`: neighbouring runs of one series that found different things."""

    pairs: int
    flips: int
    interval: Interval | None

    @property
    def share(self) -> float | None:
        return self.flips / self.pairs if self.pairs else None


def flakiness(series: Iterable[Sequence[str]], level: float = 0.95) -> Flakiness:
    """Flips over all series, each holding the findings of one version asked the same, in order.

    Neighbours are compared instead of counting failures: a scenario that fails every time is
    broken, not flaky. The interval is Wilson's; overlapping neighbours make it a little narrow.
    """
    pairs = flips = 0
    for findings in series:
        telling = [finding for finding in findings if finding in _TELLING]
        pairs += max(0, len(telling) - 1)
        flips += sum(before != after for before, after in pairwise(telling))
    if not pairs:
        return Flakiness(0, 0, None)
    return Flakiness(pairs, flips, Interval(*wilson(flips, pairs, level), level, "wilson"))
