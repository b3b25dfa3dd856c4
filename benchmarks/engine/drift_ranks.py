"""Exact walks over two sorted arrays without merging them: largest gap, transport, pooled ranks.

All arrays are sorted ascending and finite, of lengths n (reference) and m (current). Temporary
memory is a few hundred kilobytes whatever the lengths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.engine.scored import FloatArray, IntArray

BLOCK = 1 << 12
# Blocks that are taken at once, as much as stays in a processor's second cache.
BLOCKS = 8
# A mark stands at about every 2⁻² root of the length.
COARSE = 2
# By how much finer each look of `ks_gap` is.
CLOSER = 4


@dataclass(frozen=True, eq=False)
class Marks:
    """Every `stride`-th current value, and how many reference values lie below each.

    Found once for a pair of columns: it narrows every later search to a stretch of `stride`.
    `below` has one entry more, that of the last current value.
    """

    stride: int
    starts: IntArray
    below: IntArray

    @classmethod
    def of(cls, reference: FloatArray, current: FloatArray) -> Marks:
        m = len(current)
        stride = 1 << max(0, int(np.log2(m)) // 2 - COARSE)
        starts = np.arange(0, m, stride)
        values = current[np.append(starts, m - 1)]
        return cls(stride, starts, reference.searchsorted(values))


def pooled_at(
    reference: FloatArray, current: FloatArray, ranks: IntArray, known: Marks | None = None
) -> FloatArray:
    """The pooled values of the given ranks (1 is the smallest), by bisection of the split."""
    known = known or Marks.of(reference, current)
    low, high = _split_bracket(len(reference), len(current), ranks, known)
    for _ in range(int((high - low).max(initial=0)).bit_length()):
        middle = (low + high) >> 1
        up = reference.take(middle, mode="clip") < current.take(ranks - middle - 1, mode="clip")
        # Where the split is known already, the middle is at both ends of it.
        low, high = np.where(up & (low < high), middle + 1, low), np.where(up, high, middle)
    first = np.where(low > 0, reference.take(low - 1, mode="clip"), -np.inf)
    second = np.where(ranks > low, current.take(ranks - low - 1, mode="clip"), -np.inf)
    result: FloatArray = np.maximum(first, second)
    return result


def _split_bracket(n: int, m: int, ranks: IntArray, known: Marks) -> tuple[IntArray, IntArray]:
    """Bounds of how many of the first `ranks` pooled values come from the reference.

    Of equal values the current ones come first. The mark before a rank is then among the first
    `ranks` values, and the mark behind it is not.
    """
    behind = (known.starts + known.below[:-1]).searchsorted(ranks)
    starts, below = np.append(known.starts, m), np.append(known.below[:-1], n)
    # Every rank is behind the first mark or, where that lies higher, among the reference.
    before = np.maximum(behind - 1, 0)
    inside = behind > 0
    low = np.maximum(np.where(inside, below[before], 0), ranks - starts[behind])
    high = np.minimum(below[behind], ranks - np.where(inside, starts[before] + 1, 0))
    return low, high


def ks_gap(reference: FloatArray, current: FloatArray, known: Marks | None = None) -> int:
    """n m times the two-sample Kolmogorov–Smirnov distance, a whole number.

    Only the marks are placed among the reference at first; between two of them the gap is bounded
    by their ranks, and only stretches that could exceed the largest gap found are looked into,
    more closely each time.
    """
    n, m = len(reference), len(current)
    known = known or Marks.of(reference, current)
    stride, starts, below, last = known.stride, known.starts, known.below[:-1], known.below[1:]
    best = 0
    while True:
        upto = _upto(reference, current[starts], below)
        largest = np.maximum(n * (starts + 1) - m * upto, m * below - n * starts).max()
        best = max(best, int(largest))
        ends = np.minimum(starts + stride, m)
        bound = np.maximum(n * ends - m * upto, m * last - n * starts)
        open_ = bound > best
        if stride == 1 or not open_.any():
            return best
        finer = max(1, stride // CLOSER)
        # A place behind the end becomes the last one, which changes no maximum.
        inner = np.minimum(starts[open_, None] + np.arange(0, stride, finer), m - 1)
        placed = reference.searchsorted(current[inner])
        last = np.column_stack([placed[:, 1:], last[open_]]).ravel()
        starts, below, stride = inner.ravel(), placed.ravel(), finer


def _upto(reference: FloatArray, values: FloatArray, below: IntArray) -> IntArray:
    """How many reference values are at most each value; `below` counts those that are less."""
    equal = reference.take(below, mode="clip") == values
    if not equal.any():
        return below
    upto = below.copy()
    upto[equal] = np.searchsorted(reference, values[equal], side="right")
    return upto


def transport(reference: FloatArray, current: FloatArray) -> float:
    """Wasserstein-1 distance: the mean distance of equal quantiles (Vallender 1974).

    The quantile functions of both sides are constant between the shares i/n and j/m, whose order
    is known without looking at a value; counted in units of 1/(n m) all of this is whole numbers.
    """
    n, m = len(reference), len(current)
    if n == m:
        return float(np.sum(_distances(reference, current))) / n
    total = _pieces(reference, current) + _pieces(current, reference, inner=True)
    return total / n / m


def _distances(first: FloatArray, second: FloatArray) -> FloatArray:
    """Summed distances of the values at equal places, of one block after the other."""
    length = len(first)
    sums = np.empty(-(-length // BLOCK))
    room = np.empty(min(BLOCK * BLOCKS, length))
    for start in range(0, length, BLOCK * BLOCKS):
        stop = min(start + BLOCK * BLOCKS, length)
        part = np.subtract(first[start:stop], second[start:stop], out=room[: stop - start])
        np.abs(part, out=part)
        whole = (stop - start) // BLOCK
        at = start // BLOCK
        sums[at : at + whole] = part[: whole * BLOCK].reshape(whole, BLOCK).sum(axis=1)
        if whole * BLOCK < stop - start:
            sums[-1] = part[whole * BLOCK :].sum()
    return sums


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
