"""Exact walks over two sorted arrays without merging them: largest gap, transport, pooled ranks.

All arrays are sorted ascending and finite, of lengths n (reference) and m (current). Temporary
memory is a few hundred kilobytes whatever the lengths.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.engine.scored import FloatArray, IntArray

BLOCK = 1 << 12
# Standard errors, about, within which a split is looked for first.
NEAR = 3
# By how much finer each look of `ks_gap` is.
CLOSER = 8


def pooled_at(reference: FloatArray, current: FloatArray, ranks: IntArray) -> FloatArray:
    """The pooled values of the given ranks (1 is the smallest), by bisection of the split."""
    low, high = _split_bracket(reference, current, ranks)
    while True:
        open_ = low < high
        if not open_.any():
            break
        middle = (low + high) >> 1
        up = reference.take(middle, mode="clip") < current.take(ranks - middle - 1, mode="clip")
        low = np.where(open_ & up, middle + 1, low)
        high = np.where(open_ & ~up, middle, high)
    first = np.where(low > 0, reference.take(low - 1, mode="clip"), -np.inf)
    second = np.where(ranks > low, current.take(ranks - low - 1, mode="clip"), -np.inf)
    result: FloatArray = np.maximum(first, second)
    return result


def _split_bracket(
    reference: FloatArray, current: FloatArray, ranks: IntArray
) -> tuple[IntArray, IntArray]:
    """Bounds of how many of the first `ranks` pooled values come from the reference.

    Without drift that is close to the reference's share; where it is not, all that is possible.
    """
    n, m = len(reference), len(current)
    lowest, highest = np.maximum(0, ranks - m), np.minimum(ranks, n)
    likely = (ranks * (n / (n + m))).astype(np.int64)
    margin = NEAR * int(np.sqrt(n + m))
    low = np.minimum(np.maximum(lowest, likely - margin), highest)
    high = np.maximum(np.minimum(highest, likely + margin), lowest)
    above = reference.take(low - 1, mode="clip") < current.take(ranks - low, mode="clip")
    below = reference.take(high, mode="clip") >= current.take(ranks - high - 1, mode="clip")
    low = np.where(above | (low == lowest), low, lowest)
    return low, np.where(below | (high == highest), high, highest)


def ks_gap(reference: FloatArray, current: FloatArray) -> int:
    """n m times the two-sample Kolmogorov–Smirnov distance, a whole number.

    Only some current values are placed among the reference at first; between two of them the gap
    is bounded by their ranks, and only stretches that could exceed the largest gap found are
    looked into, more closely each time.
    """
    n, m = len(reference), len(current)
    stride = 1 << max(0, int(np.log2(m)) // 2 - 2)
    starts = np.arange(0, m, stride)
    best = 0
    while True:
        ends = np.minimum(starts + stride, m)
        after = np.searchsorted(reference, current[starts], side="right")
        before = np.searchsorted(reference, current[starts], side="left")
        best = max(best, int((n * (starts + 1) - m * after).max()))
        best = max(best, int((m * before - n * starts).max()))
        if stride == 1:
            return best
        last = np.searchsorted(reference, current[ends - 1], side="left")
        bound = np.maximum(n * ends - m * after, m * last - n * starts)
        starts = starts[bound > best]
        if len(starts) == 0:
            return best
        closer = max(1, stride // CLOSER)
        starts = (starts[:, None] + np.arange(0, stride, closer)).ravel()
        starts, stride = starts[starts < m], closer


def transport(reference: FloatArray, current: FloatArray) -> float:
    """Wasserstein-1 distance: the mean distance of equal quantiles (Vallender 1974).

    The quantile functions of both sides are constant between the shares i/n and j/m, whose order
    is known without looking at a value; counted in units of 1/(n m) all of this is whole numbers.
    """
    n, m = len(reference), len(current)
    if n == m:
        return _block_sum(lambda s: np.abs(reference[s] - current[s]).sum(), n) / n
    total = _pieces(reference, current) + _pieces(current, reference, inner=True)
    return total / n / m


def _pieces(own: FloatArray, other: FloatArray, inner: bool = False) -> float:
    """Length times distance over the pieces that end at a share of `own`.

    With `inner` the shares that both sides have are left to the other call.
    """
    n, m = len(own), len(other)

    def part(block: slice) -> float:
        ends = np.arange(block.start + 1, block.stop + 1, dtype=np.int64) * m
        partner = (ends - 1) // n
        lengths = np.minimum(ends - partner * n, m)
        if inner:
            lengths[(partner + 1) * n == ends] = 0
        return float(lengths @ np.abs(own[block] - other[partner]))

    return _block_sum(part, n)


def _block_sum(part: Callable[[slice], float], length: int) -> float:
    blocks = (slice(s, min(s + BLOCK, length)) for s in range(0, length, BLOCK))
    return float(np.sum([part(block) for block in blocks]))
