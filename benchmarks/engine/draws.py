"""Bootstrap arithmetic: seeded draws from counts, BCa or percentile ends, p-values never 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, sqrt
from zlib import crc32

import numpy as np
from scipy import special, stats

from benchmarks.engine.scored import FloatArray
from benchmarks.engine.values import Interval

RESAMPLES = 2000
# Above this share of undefined draws the rest no longer describe the statistic.
UNDEFINED_SHARE = 0.05
# Fewer distinct draws than this make BCa's bias correction jump from one tie to the next.
DISTINCT_DRAWS = 20
# Fewer clusters than this and their bootstrap understates the spread.
FEWEST_CLUSTERS = 8
BLOCK_CELLS = 4_000_000
# From this many units on, a cell's Poisson count follows its expansion in a normal variable.
SMOOTH_SIZE = 20
# Beyond both of these, multinomial draws give way to the far cheaper counts of cells.
MANY_ITEMS = 500
MANY_CELLS = 16
# So many counts stay in the processor's cache while they are worked on.
CACHED_CELLS = 16_384
# A multinomial draw of a pattern takes about as long as drawing this many clusters one by one.
PATTERN_COST = 4


def generator(seed: int, *names: str) -> np.random.Generator:
    """A stream of its own for each named cell, so that order of computation cannot matter."""
    return np.random.default_rng([abs(seed), *(crc32(name.encode()) for name in names)])


def unit_weights(rng: np.random.Generator, units: int, resamples: int) -> Iterator[FloatArray]:
    """How often each unit is drawn, in blocks of resamples that fit into memory."""
    size = max(1, BLOCK_CELLS // units)
    for done in range(0, resamples, size):
        rows = min(size, resamples - done)
        drawn = rng.integers(units, size=(rows, units)) + units * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * units)
        yield counts.reshape(rows, units).astype(np.float64)


def cell_counts(sizes: FloatArray, rng: np.random.Generator, resamples: int) -> FloatArray:
    """How many items of each cell a resample of Σ sizes items holds (resamples × cells).

    Poisson counts brought to the fixed total, so that a linear statistic keeps the first three
    cumulants that multinomial counts give it (to a relative 1 / (18 × size) in the third). Cells
    of fewer than 20 items are drawn exactly; larger ones by Cornish and Fisher's expansion (1938),
    whose counts are not whole and may, in cells of one item, fall below 0 by about 1/√n.
    """
    counts = rng.standard_normal((resamples, len(sizes)))
    root, total = np.sqrt(np.maximum(sizes - 1 / 18, 0)), float(sizes.sum())
    small = np.flatnonzero(sizes < SMOOTH_SIZE)
    exact = rng.poisson(sizes[small], size=(resamples, len(small)))
    rows = max(1, CACHED_CELLS // len(sizes))
    scratch = np.empty((rows, len(sizes)))
    for at in range(0, resamples, rows):
        block = counts[at : at + rows]
        step = scratch[: len(block)]
        np.multiply(block, 1 / 6, out=step)
        step += root
        block *= step
        block += sizes - 1 / 6
        block[:, small] = exact[at : at + rows]
        excess = block.sum(axis=1) - total
        block -= np.multiply(excess[:, None], sizes / total, out=step)
    return counts


@dataclass(frozen=True, eq=False)
class Counts:
    """Units × cells: one row per cluster, or a single row when every item is its own unit."""

    table: FloatArray
    clustered: bool

    @property
    def scarce(self) -> bool:
        return self.clustered and len(self.table) < FEWEST_CLUSTERS

    @property
    def total(self) -> FloatArray:
        return np.asarray(self.table.sum(axis=0), dtype=np.float64)

    def draws(self, rng: np.random.Generator, resamples: int) -> FloatArray:
        if self.clustered:
            return self._cluster_draws(rng, resamples)
        total = self.total
        items = int(total.sum())
        if items > MANY_ITEMS and len(total) > MANY_CELLS:
            return cell_counts(total, rng, resamples)
        return rng.multinomial(items, total / items, size=resamples).astype(np.float64)

    def _cluster_draws(self, rng: np.random.Generator, resamples: int) -> FloatArray:
        units = len(self.table)
        patterns, sizes = np.unique(self.table, axis=0, return_counts=True)
        if len(patterns) * PATTERN_COST < units:
            # Clusters with the same counts are exchangeable: only how many of each matters.
            return rng.multinomial(units, sizes / units, size=resamples) @ patterns
        blocks = unit_weights(rng, units, resamples)
        return np.vstack([weights @ self.table for weights in blocks])

    def left_out(self) -> tuple[FloatArray, FloatArray]:
        """Counts with one unit removed, and how many units each such removal stands for."""
        if self.clustered:
            return self.total - self.table, np.ones(len(self.table))
        present = self.total > 0
        return (self.total - np.eye(self.table.shape[1]))[present], self.total[present]


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Draws of a statistic around its value, with leave-one-out values for the acceleration."""

    value: float
    draws: FloatArray
    left_out: FloatArray
    multiplicity: FloatArray
    undefined_share: float
    units: float = inf  # clusters drawn from; resamples of few of them spread too little

    @property
    def widening(self) -> float:
        return 1.0 if self.units == inf else sqrt(self.units / (self.units - 1))

    @property
    def scarce(self) -> bool:
        return self.units < FEWEST_CLUSTERS

    @property
    def usable(self) -> bool:
        return self.undefined_share <= UNDEFINED_SHARE and len(self.draws) > 0

    @property
    def constant(self) -> bool:
        return bool(np.ptp(self.draws) == 0)

    @property
    def error(self) -> float:
        return float(self.draws.std(ddof=1)) * self.widening

    @property
    def p_value(self) -> float:
        """Two-sided p for no difference: (exceedances + 1) / (draws + 1)."""
        tail = min(int((self.draws <= 0).sum()), int((self.draws >= 0).sum()))
        share = min(0.5, (tail + 1) / (len(self.draws) + 1))
        if self.units == inf:
            return 2 * share
        return float(2 * stats.t.sf(-special.ndtri(share) / self.widening, self.units - 1))

    def interval(self, level: float, name: str = "bootstrap") -> Interval:
        """Bias-corrected and accelerated (Efron 1987), percentile where draws cannot carry it."""
        adjusted = self._bca_tails(self._tails(level))
        if adjusted is None:
            return self.percentile(level, name)
        return self._between(adjusted, level, f"bca {name}")

    def percentile(self, level: float, name: str = "bootstrap") -> Interval:
        return self._between(self._tails(level), level, f"percentile {name}")

    def _between(self, tails: FloatArray, level: float, method: str) -> Interval:
        places = tails * (len(self.draws) - 1)
        low, high = np.interp(places, np.arange(len(self.draws)), self._ordered)
        return Interval(float(low), float(high), level, method)

    @cached_property
    def _ordered(self) -> FloatArray:
        return np.sort(self.draws)

    def _tails(self, level: float) -> FloatArray:
        """Tails, expanded for few clusters so that they cover as t does (Hesterberg 2015)."""
        if self.units == inf:
            return np.asarray([(1 - level) / 2, (1 + level) / 2])
        reach = float(stats.t.ppf((1 + level) / 2, self.units - 1)) * self.widening
        return np.array([special.ndtr(-reach), special.ndtr(reach)])

    def _bca_tails(self, tails: FloatArray) -> FloatArray | None:
        """Efron's corrected tail shares; None where the draws cannot carry the correction."""
        acceleration = self._acceleration()
        below = np.mean(self.draws < self.value) + np.mean(self.draws == self.value) / 2
        if acceleration is None or not 0 < below < 1:
            return None
        if 1 + np.count_nonzero(np.diff(self._ordered)) < DISTINCT_DRAWS:
            return None
        bias = special.ndtri(below)
        shifted = bias + special.ndtri(tails)
        return np.asarray(special.ndtr(bias + shifted / (1 - acceleration * shifted)))

    def _acceleration(self) -> float | None:
        if len(self.left_out) == 0 or not np.isfinite(self.left_out).all():
            return None
        mean = np.average(self.left_out, weights=self.multiplicity)
        departure = mean - self.left_out
        squares = float(self.multiplicity @ departure**2)
        if squares == 0:
            return None
        return float(self.multiplicity @ departure**3) / (6 * squares**1.5)


def bootstrap_counts(
    counts: Counts,
    statistic: Callable[[FloatArray], FloatArray],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    drawn: Callable[[FloatArray], FloatArray] | None = None,
) -> Bootstrap:
    """Bootstrap of a statistic that needs nothing but the cell counts.

    `drawn` replaces the statistic on resamples where these need another correction.
    """
    draws = (drawn or statistic)(counts.draws(rng, resamples))
    left_out, multiplicity = counts.left_out()
    value = float(statistic(counts.total))
    units = len(counts.table) if counts.clustered else inf
    return collect(value, draws, statistic(left_out), multiplicity, units)


def collect(
    value: float,
    draws: FloatArray,
    left_out: FloatArray,
    multiplicity: FloatArray,
    units: float = inf,
) -> Bootstrap:
    """Draws without the undefined ones, whose share is kept."""
    defined = np.isfinite(draws)
    share = float(1 - defined.mean())
    return Bootstrap(value, draws[defined], left_out, multiplicity, share, units)


def independent(candidate: Bootstrap, baseline: Bootstrap) -> Bootstrap:
    """Candidate − baseline of two results that share no items."""
    size = min(len(candidate.draws), len(baseline.draws))
    boot = collect(
        candidate.value - baseline.value,
        candidate.draws[:size] - baseline.draws[:size],
        np.empty(0),
        np.empty(0),
        min(candidate.units, baseline.units),
    )
    share = max(candidate.undefined_share, baseline.undefined_share)
    return replace(boot, undefined_share=share)
