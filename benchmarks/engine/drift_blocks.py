"""What is kept of a column's rows: pieces that merge in any order into the same column.

Exact pieces hold every finite value (sorted runs) or every level's count; merging loses nothing.
Sketches hold a bounded number of values or levels and carry the error that they may have made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from benchmarks.engine.scored import FloatArray

SKETCH_SIZE = 4096
# How many values a sketch hands on; its rows may be more than fit in memory.
REPRESENTATIVES = 1 << 17


@dataclass(frozen=True, eq=False)
class Sample:
    """Sorted finite values that stand for `n` rows, one each unless a sketch thinned them.

    `rank_error` bounds how far the empirical distribution function may be off at any value.
    """

    values: FloatArray
    n: int
    rank_error: float = 0.0


@dataclass(frozen=True, eq=False)
class NumericBlock:
    """Every finite value of a piece of a numeric column, as sorted runs.

    `missing` counts the other rows. Infinite values are among them: they have no distance in the
    column's unit.
    """

    runs: tuple[FloatArray, ...]
    missing: int = 0

    @classmethod
    def of(cls, values: FloatArray) -> NumericBlock:
        """Sorts a copy of the values; NaN and infinities end up outside the run."""
        ordered = np.array(values, dtype=np.float64)
        ordered.sort()
        # Zeros may be −0.0 as well: equal values must have equal bytes in any order.
        ordered[ordered.searchsorted(0.0) : ordered.searchsorted(0.0, side="right")] = 0.0
        start = int(ordered.searchsorted(-np.inf, side="right"))
        stop = int(ordered.searchsorted(np.inf))
        return cls((ordered[start:stop],), len(ordered) - (stop - start))

    @property
    def n(self) -> int:
        return sum(len(run) for run in self.runs)

    def with_missing(self, rows: int) -> NumericBlock:
        return replace(self, missing=self.missing + rows)

    def merged(self, other: NumericBlock) -> NumericBlock:
        return NumericBlock(self.runs + other.runs, self.missing + other.missing)

    def sample(self) -> Sample:
        """All values in order; the stable sort makes use of runs that are sorted already."""
        if len(self.runs) == 1:
            return Sample(self.runs[0], self.n)
        return Sample(np.sort(np.concatenate(self.runs), kind="stable"), self.n)


@dataclass(frozen=True, eq=False)
class NumericSketch:
    """At most `size` values for each power of two: memory grows with the logarithm of the rows.

    `levels[k]` is a sorted buffer of which each value stands for 2ᵏ rows. When a buffer overflows,
    every second value goes one level up (Munro and Paterson 1980; Manku, Rajagopalan and Lindsay
    1998). Such a collapse at level k moves any rank by at most 2ᵏ, and these are added up in
    `slack`: a bound that always holds, whatever the values and their order. It grows as
    log₂(n / size) / (2 size) of the rows.
    """

    levels: tuple[FloatArray, ...]
    missing: int = 0
    slack: int = 0
    size: int = SKETCH_SIZE
    low: float = inf
    high: float = -inf

    @classmethod
    def of(cls, values: FloatArray, size: int = SKETCH_SIZE) -> NumericSketch:
        block = NumericBlock.of(values)
        run = block.runs[0]
        if len(run) == 0:
            return cls((), block.missing, 0, size)
        result = cls((), block.missing, 0, size, float(run[0]), float(run[-1]))
        for start in range(0, len(run), size):
            result = result._with(run[start : start + size], 0)
        return result

    @property
    def n(self) -> int:
        return sum(len(buffer) << k for k, buffer in enumerate(self.levels))

    @property
    def rank_error(self) -> float:
        return self.slack / self.n if self.n else 0.0

    def with_missing(self, rows: int) -> NumericSketch:
        return replace(self, missing=self.missing + rows)

    def merged(self, other: NumericSketch) -> NumericSketch:
        result = replace(
            self,
            missing=self.missing + other.missing,
            slack=self.slack + other.slack,
            low=min(self.low, other.low),
            high=max(self.high, other.high),
        )
        for k, buffer in enumerate(other.levels):
            result = result._with(buffer, k)
        return result

    def sample(self) -> Sample:
        """The remembered values in order, thinned to `REPRESENTATIVES` of equal weight."""
        parts = [np.stack([b, np.full(len(b), 2.0**k)]) for k, b in enumerate(self.levels)]
        values, weights = np.concatenate(parts or [np.empty((2, 0))], axis=1)
        order = np.argsort(values, kind="stable")
        n = self.n
        kept = min(n, REPRESENTATIVES)
        places = (np.arange(kept) + 0.5) * (n / max(kept, 1))
        chosen = values[order][np.searchsorted(np.cumsum(weights[order]), places)]
        if kept == 0:
            return Sample(chosen, 0)
        chosen[0], chosen[-1] = self.low, self.high
        thinned = 1 / kept if self.slack or kept < n else 0.0
        return Sample(chosen, n, self.rank_error + thinned)

    def _with(self, buffer: FloatArray, level: int) -> NumericSketch:
        levels = [*self.levels, *(np.empty(0) for _ in range(level + 1 - len(self.levels)))]
        slack = self.slack
        while True:
            joined = np.sort(np.concatenate([levels[level], buffer]), kind="stable")
            if len(joined) <= self.size:
                levels[level] = joined
                return replace(self, levels=tuple(levels), slack=slack)
            # An odd one out stays, so that every row is still stood for.
            even = len(joined) - len(joined) % 2
            levels[level] = joined[even:]
            # Taking now the first, now the second of each two keeps errors from adding up.
            buffer = joined[:even][(slack >> level) & 1 :: 2]
            slack += 1 << level
            level += 1
            if level == len(levels):
                levels.append(np.empty(0))


@dataclass(frozen=True, eq=False)
class LevelBlock:
    """Counts of the levels of a piece of a column; `limit` bounds how many are kept.

    Beyond the limit the smallest count is taken off all (Misra and Gries 1982; merging: Agarwal
    and others 2013), so that every count may be too low by at most `error`, which the piece keeps.
    Without a limit the counts are exact.
    """

    counts: Mapping[str, int]
    missing: int = 0
    limit: int | None = None
    error: int = 0
    taken_off: int = 0

    @classmethod
    def of(
        cls, counts: Mapping[str, int], missing: int = 0, limit: int | None = None
    ) -> LevelBlock:
        return cls(dict(counts), missing, limit)._cut()

    @property
    def n(self) -> int:
        return sum(self.counts.values()) + self.taken_off

    def with_missing(self, rows: int) -> LevelBlock:
        return replace(self, missing=self.missing + rows)

    def merged(self, other: LevelBlock) -> LevelBlock:
        counts = dict(self.counts)
        for name, count in other.counts.items():
            counts[name] = counts.get(name, 0) + count
        return LevelBlock(
            counts,
            self.missing + other.missing,
            self.limit,
            self.error + other.error,
            self.taken_off + other.taken_off,
        )._cut()

    def _cut(self) -> LevelBlock:
        if self.limit is None or len(self.counts) <= self.limit:
            return self
        least = sorted(self.counts.values(), reverse=True)[self.limit]
        kept = {name: count - least for name, count in self.counts.items() if count > least}
        lost = sum(self.counts.values()) - sum(kept.values())
        return LevelBlock(
            kept, self.missing, self.limit, self.error + least, self.taken_off + lost
        )
