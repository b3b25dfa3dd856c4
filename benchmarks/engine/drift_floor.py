"""What chance alone makes of a distance: the no-drift floor at the two sizes at hand.

Between two samples of one source the difference of the empirical distribution functions is, in the
order of the pooled values, a random walk of labels: for large samples a Brownian bridge times
√(1/n + 1/m) (Donsker 1952), for small ones a hypergeometric walk. One matrix of such walks serves
every column: only the distances between the pooled quantiles differ from column to column.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np
from scipy import special

from benchmarks.engine.draws import generator
from benchmarks.engine.scored import FloatArray, IntArray

LEVEL = 0.99
WALKS = 2000
# Below this smaller side the bridge is no longer close enough to the walk of labels.
BRIDGE_FROM = 100
# Below this expected count the χ² limit of a divergence is more than a few per cent off.
LIMIT_FROM = 50
PSI_LIMIT_FROM = 30
DRAWN_CELLS = 400_000
# As many bridges as stay in a processor's second cache while they are drawn.
WALKS_AT_ONCE = 200


def _grid() -> FloatArray:
    """Pooled shares: even steps in the middle, half octaves in the tails, down to 2⁻²²."""
    tail = 2.0 ** -np.arange(8.5, 22.5, 0.5)
    return np.sort(np.concatenate([tail, np.arange(1, 256) / 256, 1 - tail]))


GRID = _grid()


@lru_cache(maxsize=8)
def grid_ranks(total: int) -> IntArray:
    """Ranks (1 to total) of the pooled values at which every walk is known."""
    ranks: IntArray = np.clip(np.ceil(GRID * total), 1, total).astype(np.int64)
    ranks.flags.writeable = False
    return ranks


@dataclass(frozen=True, eq=False)
class Bridges:
    """What is kept of WALKS absolute Brownian bridges at the grid.

    `means` is the mean height of each between neighbouring points, in single precision; `highest`
    are the bridges that rise above `limit`, which one in twenty does.
    """

    means: np.ndarray
    highest: FloatArray
    limit: float


@lru_cache(maxsize=2)
def bridges(seed: int) -> Bridges:
    steps = np.diff(np.concatenate([[0.0], GRID, [1.0]]))
    stream = generator(seed, "drift bridges")
    means = np.empty((WALKS, len(GRID) - 1), dtype=np.float32)
    heights = np.empty(WALKS)
    tall = np.empty((0, len(GRID)))
    # One more than a twentieth, because the limit lies between two heights.
    wanted = WALKS // 20 + 1
    for start in range(0, WALKS, WALKS_AT_ONCE):
        walks = stream.standard_normal((min(WALKS_AT_ONCE, WALKS - start), len(steps)))
        walks *= np.sqrt(steps)
        np.cumsum(walks, axis=1, out=walks)
        inner = np.abs(walks[:, :-1] - walks[:, -1:] * GRID)
        place = slice(start, start + len(inner))
        means[place] = (inner[:, :-1] + inner[:, 1:]) / 2
        heights[place] = inner.max(axis=1)
        tall = np.concatenate([tall, inner])
        tall = tall[np.argsort(tall.max(axis=1), kind="stable")[-wanted:]]
    limit = float(np.quantile(heights, 0.95))
    return Bridges(means, tall[tall.max(axis=1) > limit], limit)


@lru_cache(maxsize=4)
def _label_walks(n: int, m: int, seed: int) -> FloatArray:
    """Absolute differences of the two distribution functions at the grid's ranks, n ≤ m."""
    ranks = grid_ranks(n + m)
    sizes = np.diff(np.concatenate([[0], ranks, [n + m]]))
    drawn = generator(seed, f"drift labels {n} {m}").multivariate_hypergeometric(
        sizes, n, size=WALKS, method="marginals"
    )
    small = np.cumsum(drawn[:, :-1], axis=1)
    return np.abs(small / n - (ranks - small) / m)


def wasserstein_floor(pooled: FloatArray, n: int, m: int, seed: int) -> float:
    """99th percentile of the Wasserstein-1 distance without drift.

    `pooled` are the pooled values at `grid_ranks(n + m)`, in the column's unit, as is the result.
    """
    span = float(pooled[-1] - pooled[0])
    if span == 0:
        return 0.0
    widths = np.diff(pooled) / span
    if min(n, m) >= BRIDGE_FROM:
        scale = float(np.sqrt(1 / n + 1 / m))
        return span * scale * _percentile(_weighted(bridges(seed).means, widths))
    walks = _label_walks(min(n, m), max(n, m), seed)
    # Between neighbouring ranks the walk stands still; only a longer step has a slope to average.
    steps = np.diff(grid_ranks(n + m)) > 1
    slopes = np.where(steps, np.diff(walks, axis=1) / 2, 0.0)
    return span * _percentile(_weighted(walks[:, :-1] + slopes, widths))


def has_ties(pooled: FloatArray, total: int) -> bool:
    """Whether a value fills whole steps of the grid; `pooled` as for `wasserstein_floor`."""
    ranks = grid_ranks(total)
    return bool(np.any((pooled[1:] == pooled[:-1]) & (ranks[1:] > ranks[:-1])))


def tie_factor(ends: FloatArray, seed: int) -> float:
    """By how much ties shrink the Kolmogorov p at the 5 % point.

    `ends` are the pooled shares at which one value ends and the next begins, ascending. Only there
    can the distribution functions be compared, so that their largest difference is smaller than
    for a continuous column; the ratio is taken on the bridges that rise highest.
    """
    found = bridges(seed)
    highest, limit = found.highest, found.limit
    inner = ends[(ends > GRID[0]) & (ends < GRID[-1])]
    if len(inner) == 0:
        return 1.0
    right = np.searchsorted(GRID, inner, side="left")
    part = (inner - GRID[right - 1]) / (GRID[right] - GRID[right - 1])
    heights = highest[:, right - 1] * (1 - part) + highest[:, right] * part
    return min(1.0, (1 + np.count_nonzero(heights.max(axis=1) > limit)) / len(highest))


def divergence_floor(pooled: IntArray, n: int, m: int, seed: int) -> float:
    """99th percentile of the Jensen–Shannon distance (base 2) without drift.

    `pooled` are the counts of both sides together. By the χ² limit when every cell is expected
    often enough on both sides, otherwise by drawing the smaller side out of the pooled counts.
    """
    small = min(n, m)
    if float(pooled.min()) * small / (n + m) >= LIMIT_FROM:
        limit = special.chdtri(len(pooled) - 1, 1 - LEVEL)
        return float(np.sqrt(limit * (1 / n + 1 / m) / (8 * np.log(2))))
    return _drawn_floor(tuple(int(count) for count in pooled), small, seed)


@lru_cache(maxsize=64)
def _drawn_floor(pooled: tuple[int, ...], small: int, seed: int) -> float:
    counts = np.array(pooled)
    draws = int(np.clip(DRAWN_CELLS // len(counts), 400, WALKS))
    stream = generator(seed, f"drift divergence {small} {len(counts)}")
    drawn = stream.multivariate_hypergeometric(counts, small, size=draws, method="marginals")
    rest = counts - drawn
    return _percentile(jensen_shannon(drawn / small, rest / (counts.sum() - small)))


def psi_floor(cells: int, n: int, m: int) -> float | None:
    """99th percentile of PSI over `cells` even cells without drift, by its χ² limit.

    The limit of Yurdakul (2018). None when a cell expects too few for it on the smaller side.
    """
    if cells < 2 or min(n, m) < PSI_LIMIT_FROM * cells:
        return None
    return float(special.chdtri(cells - 1, 1 - LEVEL) * (1 / n + 1 / m))


def jensen_shannon(p: FloatArray, q: FloatArray) -> FloatArray:
    """Jensen–Shannon distance in base 2, from 0 to 1, along the last axis (Lin 1991)."""
    middle = (p + q) / 2
    terms = special.rel_entr(p, middle) + special.rel_entr(q, middle)
    result: FloatArray = np.sqrt(np.maximum(0.0, terms.sum(axis=-1)) / (2 * np.log(2)))
    return result


def _weighted(walks: FloatArray, widths: FloatArray) -> FloatArray:
    # Not a matrix product: its threads cost more than this sum, and round as they are shared out.
    result: FloatArray = np.vecdot(walks, widths.astype(walks.dtype))
    return result


def _percentile(values: FloatArray) -> float:
    """The LEVEL quantile, the higher value of two neighbours, without sorting them all."""
    place = ceil(LEVEL * (len(values) - 1))
    return float(np.partition(values, place)[place])
