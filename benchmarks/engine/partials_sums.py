"""Sums and histograms whose merging is exact, so that no order of shards can change a bit.

Counts are whole numbers. Floating values are added in fixed point: whole part and two times 32
bits of fraction, each in 64-bit integers, so that a sum is exact to 2⁻⁶⁴ for every item and does
not depend on the order. Values fall into bins that are the same everywhere: 1,024 to the octave,
counted from 0 and, above one half, from 1, so that both ends of a probability are seen sharply.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from benchmarks.engine.scored import FloatArray, IntArray

# Bits of the significand that a bin keeps; a representative is off by 2⁻¹¹ of its distance.
BITS = 10
_SHIFT = 52 - BITS
_HALF = int(np.float64(0.5).view(np.int64)) >> _SHIFT
_LIMB = 2**32
# Above this a whole part does not fit into 64 bits with room for sums.
LARGEST = 2.0**52


class Mergeable(Protocol):
    """A piece of a shard's statistics; merging is exact, commutative and associative."""

    def merged(self, other: Any) -> Any: ...


@dataclass(frozen=True, eq=False)
class Tally:
    """Whole counts."""

    counts: IntArray

    def merged(self, other: Self) -> Tally:
        return Tally(self.counts + other.counts)


def limbs_of(values: FloatArray) -> IntArray:
    """Fixed-point parts (… × 3) of finite values, each with the value's sign.

    Towards 0, because 1 less something tiny has no room for all of its bits. Raises ValueError
    beyond 2⁵².
    """
    if values.size and np.abs(values).max() > LARGEST:
        raise ValueError("A value is too large to be summed exactly.")
    whole = np.trunc(values)
    fraction = (values - whole) * _LIMB
    upper = np.trunc(fraction)
    lower = np.trunc((fraction - upper) * _LIMB)
    return np.stack([whole, upper, lower], axis=-1).astype(np.int64)


def carried(limbs: IntArray) -> IntArray:
    """The same sums with both fractions below 1, so that equal sums have equal limbs."""
    whole, upper, lower = np.moveaxis(limbs, -1, 0)
    upper = upper + lower // _LIMB
    return np.stack([whole + upper // _LIMB, upper % _LIMB, lower % _LIMB], axis=-1)


def floats_of(limbs: IntArray) -> FloatArray:
    """The sums as numbers; those below 0 by way of their opposite, for the same reason."""
    below = limbs[..., :1] < 0
    sizes = carried(np.where(below, -limbs, limbs))
    whole, upper, lower = np.moveaxis(sizes.astype(np.float64), -1, 0)
    found = whole + (upper + lower / _LIMB) / _LIMB
    return np.asarray(np.where(below[..., 0], -found, found))


@dataclass(frozen=True, eq=False)
class FixedSums:
    """Sums of columns."""

    limbs: IntArray

    @classmethod
    def of(cls, columns: FloatArray) -> FixedSums:
        """Column sums of items × columns."""
        return cls(carried(limbs_of(columns).sum(axis=0)))

    def merged(self, other: Self) -> FixedSums:
        return FixedSums(carried(self.limbs + other.limbs))

    @property
    def totals(self) -> FloatArray:
        return floats_of(self.limbs)


def bin_of(values: FloatArray) -> IntArray:
    """The bin of each finite value; larger values never have smaller bins."""
    upper = (values >= 0.5) & (values <= 1)
    beyond = values > 1
    distance = np.abs(np.where(upper, 1 - values, np.where(beyond, values - 1, values)))
    bits = np.asarray(distance, dtype=np.float64).view(np.int64) >> _SHIFT
    # What is too small for a bin of its own is 0, on whichever side of it.
    found = np.where((values < 0) & (bits > 0), -1 - bits, bits)
    found = np.where(upper, 2 * _HALF - bits, found)
    return np.where(beyond, 2 * _HALF + 1 + bits, found)


def value_of(bins: IntArray) -> FloatArray:
    """The middle of each bin, and 0, ½ and 1 themselves."""
    upper = (bins >= _HALF) & (bins <= 2 * _HALF)
    beyond = bins > 2 * _HALF
    bits = np.where(bins < 0, -1 - bins, bins)
    bits = np.where(upper, 2 * _HALF - bins, bits)
    bits = np.where(beyond, bins - 2 * _HALF - 1, bits)
    middle = (bits << _SHIFT) | (1 << (_SHIFT - 1))
    distance = np.where(bits == 0, 0.0, middle.astype(np.int64).view(np.float64))
    found = np.where(bins < 0, -distance, distance)
    found = np.where(upper, 1 - distance, np.where(beyond, 1 + distance, found))
    # Counted from above, the bin at one half holds nothing else.
    return np.where(bins == _HALF, 0.5, found)


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of ascending codes."""

    codes: IntArray
    counts: IntArray

    @classmethod
    def of(cls, codes: IntArray) -> Histogram:
        return cls(*np.unique(codes, return_counts=True))

    def merged(self, other: Self) -> Histogram:
        codes, places = np.unique(np.concatenate([self.codes, other.codes]), return_inverse=True)
        counts = np.zeros(len(codes), dtype=np.int64)
        np.add.at(counts, places, np.concatenate([self.counts, other.counts]))
        return Histogram(codes, counts)


@dataclass(frozen=True, eq=False)
class KeyedSums:
    """Sums of columns for each unit, by ascending unit key (units × columns × 3)."""

    keys: np.ndarray
    limbs: IntArray

    @classmethod
    def of(cls, keys: np.ndarray, columns: FloatArray) -> KeyedSums:
        return _keyed_sums(keys, limbs_of(columns))

    def merged(self, other: Self) -> KeyedSums:
        return _keyed_sums(
            np.concatenate([self.keys, other.keys]), np.concatenate([self.limbs, other.limbs])
        )

    @property
    def totals(self) -> FloatArray:
        return floats_of(self.limbs)


def _keyed_sums(keys: np.ndarray, limbs: IntArray) -> KeyedSums:
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return KeyedSums(ordered[starts], carried(np.add.reduceat(limbs[order], starts)))


@dataclass(frozen=True, eq=False)
class KeyedCounts:
    """Counts of codes for each unit, by ascending unit key and code."""

    keys: np.ndarray
    codes: IntArray
    counts: IntArray

    @classmethod
    def of(cls, keys: np.ndarray, codes: IntArray) -> KeyedCounts:
        return _keyed_counts(keys, codes, np.ones(len(codes), dtype=np.int64))

    def merged(self, other: Self) -> KeyedCounts:
        pairs = zip(
            (self.keys, self.codes, self.counts),
            (other.keys, other.codes, other.counts),
            strict=True,
        )
        return _keyed_counts(*(np.concatenate(pair) for pair in pairs))


def _keyed_counts(keys: np.ndarray, codes: IntArray, counts: IntArray) -> KeyedCounts:
    order = np.lexsort((codes, keys))
    keys, codes = keys[order], codes[order]
    new = np.ones(len(keys), dtype=bool)
    new[1:] = (keys[1:] != keys[:-1]) | (codes[1:] != codes[:-1])
    starts = np.flatnonzero(new)
    return KeyedCounts(keys[starts], codes[starts], np.add.reduceat(counts[order], starts))


def merged_pieces(
    first: tuple[Mergeable, ...], second: Iterable[Mergeable]
) -> tuple[Mergeable, ...]:
    return tuple(one.merged(other) for one, other in zip(first, second, strict=True))
