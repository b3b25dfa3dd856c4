"""Two numeric samples, each sorted once: every statistic is read off the two sorted arrays."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

import numpy as np
from scipy import special

from benchmarks.engine.drift_blocks import Sample
from benchmarks.engine.drift_floor import (
    divergence_floor,
    grid_ranks,
    has_ties,
    jensen_shannon,
    psi_floor,
    tie_factor,
    wasserstein_floor,
)
from benchmarks.engine.drift_ranks import Marks, ks_gap, pooled_at, transport
from benchmarks.engine.drift_values import Distance, NumericDrift, Outline, Side
from benchmarks.engine.proportions import two_rates
from benchmarks.engine.scored import FloatArray, IntArray

PSI_CELLS = 10
SHAPE_CELLS = 20
OUTLINE_CELLS = 40
# Share of the pooled values that a drawing leaves out at each end, so that outliers do not rule.
OUTLINE_TAIL = 0.002
# An empty cell of PSI counts as this share, as is usual, or the logarithm would be infinite.
PSI_EMPTY = 1e-6
QUANTILES = (1, 5, 25, 50, 75, 95, 99)
# Largest pooled size whose Kolmogorov–Smirnov p is counted exactly.
EXACT_LIMIT = 1000
TIED = "kolmogorov with ties"
# As many values as stay in a processor's second cache between two looks at them; a product of so
# few is not shared out among threads, which would round in another order.
AT_ONCE = 1 << 13
TINY = float(np.finfo(np.float64).tiny)


def compare_numeric(
    first: Sample, second: Sample, *, seed: int
) -> tuple[NumericDrift, tuple[Distance, Distance]]:
    """All statistics of reference and current, each of at least one value.

    Returns the numbers and the two distances that may alarm: Wasserstein-1 in standard deviations
    of the reference, and Jensen–Shannon over cells of equal pooled share. From sketches every
    number is that of the remembered values: KS is off by at most `rank_error`, Wasserstein-1 by at
    most `rank_error` times the pooled range, and p is that of the smallest KS left possible.
    """
    reference, current, n, m = first.values, second.values, first.n, second.n
    known = Marks.of(reference, current)
    pooled, shape_ends, drawn = _pooled(reference, current, known)
    gap = ks_gap(reference, current, known)
    p_value, method = _ks_p(first, second, gap, pooled, seed)
    sides = _side(reference), _side(current)
    scale = sides[0].sd if sides[0].sd > 0 else _pooled_sd(sides, n, m)
    distance = transport(reference, current)
    psi, cells = _psi(reference, current)
    numbers = NumericDrift(
        ks=gap / (len(reference) * len(current)),
        ks_p=p_value,
        ks_method=method,
        wasserstein=distance,
        psi=psi,
        psi_floor=psi_floor(cells, n, m),
        distinct=_distinct(reference, current),
        rank_error=first.rank_error + second.rank_error,
        outline=_outline(reference, current, drawn[0], drawn[1]),
        reference=sides[0],
        current=sides[1],
    )
    floor = wasserstein_floor(pooled, n, m, seed) / scale if scale > 0 else 0.0
    effect = Distance("wasserstein_sd", distance / scale if scale > 0 else 0.0, floor)
    return numbers, (effect, _shape(first, second, shape_ends, seed))


def ks_test(first: Sample, second: Sample, *, seed: int) -> tuple[float, str]:
    """Two-sided Kolmogorov–Smirnov p and how it was found.

    Exact, with ties too, up to EXACT_LIMIT values in all; then by Kolmogorov's limit, which ties
    are allowed for. The p of two values is that of two rates, the p of a sketch the largest one
    that its error leaves possible.
    """
    known = Marks.of(first.values, second.values)
    gap = ks_gap(first.values, second.values, known)
    return _ks_p(first, second, gap, _pooled(first.values, second.values, known)[0], seed)


def _pooled(reference: FloatArray, current: FloatArray, known: Marks) -> tuple[FloatArray, ...]:
    """Pooled quantiles, found in one pass: of the floor's grid, between cells, for the drawing."""
    n, m = len(reference), len(current)
    cells = int(np.clip(min(n, m) // 5, 2, SHAPE_CELLS))
    ends = np.ceil(np.arange(1, cells) / cells * (n + m))
    drawn = np.clip(np.ceil(np.array([OUTLINE_TAIL, 1 - OUTLINE_TAIL]) * (n + m)), 1, n + m)
    parts = grid_ranks(n + m), ends.astype(np.int64), drawn.astype(np.int64)
    found = pooled_at(reference, current, np.concatenate(parts), known)
    return tuple(np.split(found, np.cumsum([len(part) for part in parts[:-1]])))


def kolmogorov_p(distance: float, n: int, m: int) -> float:
    """Asymptotic two-sided p with the finite-sample correction of Vrbik (2018)."""
    size = n * m / (n + m)
    scaled = sqrt(size) * distance
    corrected = scaled + 1 / (6 * sqrt(size)) + (scaled - 1) / (4 * size)
    return max(TINY, float(special.kolmogorov(max(0.0, corrected))))


def exact_ks_p(reference: FloatArray, current: FloatArray, gap: int) -> float:
    """P(distance ≥ gap / (n m)) over all orders of the labels, given the pooled values' ties.

    The walk of labels is followed value by value and absorbed where it is first at least `gap`
    away at the end of a tie (Schröer and Trenkler 1995), so the test is exact with ties too.
    """
    if gap == 0:
        return 1.0
    few, many = sorted((reference, current), key=len)
    n, m = len(few), len(many)
    pooled = np.sort(np.concatenate([few, many]))
    ends = np.append(pooled[1:] != pooled[:-1], True)
    taken = np.arange(n + 1)
    chance = np.zeros(n + 1)
    chance[0] = 1.0
    absorbed = 0.0
    for step in range(1, n + m + 1):
        left = n + m - step + 1
        up = chance[:-1] * (n - taken[:-1]) / left
        chance *= np.clip(m - step + 1 + taken, 0, None) / left
        chance[1:] += up
        if ends[step - 1]:
            outside = np.abs(taken * m - (step - taken) * n) >= gap
            absorbed += float(chance[outside].sum())
            chance[outside] = 0.0
    return min(1.0, max(TINY, absorbed))


def _ks_p(
    first: Sample, second: Sample, gap: int, pooled: FloatArray, seed: int
) -> tuple[float, str]:
    n, m = first.n, second.n
    distance = gap / (len(first.values) * len(second.values))
    error = first.rank_error + second.rank_error
    if error > 0:
        return kolmogorov_p(max(0.0, distance - error), n, m), "kolmogorov of a sketch"
    if n + m <= EXACT_LIMIT:
        return exact_ks_p(first.values, second.values, gap), "exact"
    p_value = kolmogorov_p(distance, n, m)
    if not has_ties(pooled, n + m):
        return p_value, "kolmogorov"
    known = _different(pooled)
    upto = [side.values.searchsorted(known, side="right") for side in (first, second)]
    if len(known) == 2:
        below = [int(count[0]) for count in upto]
        return two_rates((below[1], m), (below[0], n))
    return max(TINY, tie_factor((upto[0] + upto[1]) / (n + m), seed) * p_value), TIED


def _side(values: FloatArray) -> Side:
    mean, variance = _moments(values)
    found = values[_quantile_places(len(values))].tolist()
    quantiles = tuple(zip(QUANTILES, found, strict=True))
    return Side(mean, sqrt(variance), float(values[0]), float(values[-1]), quantiles)


@lru_cache(maxsize=8)
def _quantile_places(n: int) -> IntArray:
    ranks = np.ceil(np.array(QUANTILES) / 100 * n).astype(np.int64)
    return np.maximum(ranks - 1, 0)


def _moments(values: FloatArray) -> tuple[float, float]:
    """Mean and variance (of n − 1) of sorted values.

    The squares are of deviations from the mean, so that no digits are lost, taken piece by piece
    while they are at hand.
    """
    n, mean = len(values), float(values.mean())
    # Of equal values the mean may miss the value by a rounding, which is no spread.
    if values[0] == values[-1]:
        return float(values[0]), 0.0
    room = np.empty(min(n, AT_ONCE))
    squares = 0.0
    for start in range(0, n, AT_ONCE):
        piece = values[start : start + AT_ONCE]
        part = np.subtract(piece, mean, out=room[: len(piece)])
        squares += float(part.dot(part))
    return mean, squares / (n - 1)


def _pooled_sd(sides: tuple[Side, Side], n: int, m: int) -> float:
    """Spread of both sides together, for a reference that is constant."""
    first, second = sides
    within = max(0, n - 1) * first.sd**2 + max(0, m - 1) * second.sd**2
    between = n * m / (n + m) * (first.mean - second.mean) ** 2
    return sqrt((within + between) / (n + m))


def _different(values: FloatArray) -> FloatArray:
    """Each value of a sorted array once."""
    result: FloatArray = values[np.append(True, values[1:] != values[:-1])]
    return result


def _cells(values: FloatArray, edges: FloatArray) -> IntArray:
    """Counts of the cells that end at each edge, the edge included, and of the one behind."""
    upto = values.searchsorted(edges, side="right")
    return np.diff(np.concatenate([[0], upto, [len(values)]]))


def _psi(reference: FloatArray, current: FloatArray) -> tuple[float, int]:
    """Population stability index over reference deciles, and how many cells it has."""
    ranks = np.ceil(np.arange(1, PSI_CELLS) / PSI_CELLS * len(reference)).astype(np.int64) - 1
    edges = _different(reference[ranks])
    counts = np.array([_cells(side, edges) for side in (reference, current)])
    counts = counts[:, counts.sum(axis=0) > 0]
    shares = np.maximum(counts / counts.sum(axis=1, keepdims=True), PSI_EMPTY)
    return float((np.diff(shares, axis=0) * np.diff(np.log(shares), axis=0)).sum()), counts.shape[
        1
    ]


def _shape(first: Sample, second: Sample, ends: FloatArray, seed: int) -> Distance:
    """Jensen–Shannon distance over the cells between pooled quantiles, five expected in each."""
    edges = _different(ends)
    counts = np.array([_cells(side.values, edges) for side in (first, second)])
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2:
        return Distance("jensen_shannon", 0.0, 0.0)
    shares = counts / counts.sum(axis=1, keepdims=True)
    sizes = np.array([first.n, second.n])
    pooled = np.rint(sizes @ shares).astype(np.int64)
    floor = divergence_floor(pooled, first.n, second.n, seed)
    return Distance("jensen_shannon", float(jensen_shannon(shares[0], shares[1])), floor)


def _distinct(reference: FloatArray, current: FloatArray) -> int:
    """Different values of the side that has more of them."""
    return max(1 + int(np.count_nonzero(side[1:] != side[:-1])) for side in (reference, current))


def _outline(reference: FloatArray, current: FloatArray, low: float, high: float) -> Outline:
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, OUTLINE_CELLS + 1)
    shares, below, above = [], [], []
    for side in (reference, current):
        left = side.searchsorted(edges, side="left")
        left[-1] = side.searchsorted(edges[-1], side="right")
        shares.append(tuple((np.diff(left) / len(side)).tolist()))
        below.append(float(left[0] / len(side)))
        above.append(float(1 - left[-1] / len(side)))
    return Outline(
        tuple(edges.tolist()), shares[0], shares[1], (below[0], below[1]), (above[0], above[1])
    )
