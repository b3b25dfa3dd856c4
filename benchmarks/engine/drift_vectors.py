"""Columns of vectors: a seeded sample that any split of the rows gives alike, and its MMD test."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.engine.draws import generator
from benchmarks.engine.drift_values import Distance, EmbeddingDrift
from benchmarks.engine.scored import FloatArray, IntArray

# Rows of each side that the test looks at: its matrix grows with the square.
SAMPLED = 500
PERMUTATIONS = 999
LEVEL = 0.99


def priorities(start: int, rows: int, seed: int) -> np.ndarray:
    """A fixed random number for each row of a table, by its place and the seed (SplitMix64).

    Taking the rows of lowest priority draws the same sample however the table is cut.
    """
    with np.errstate(over="ignore"):
        mixed = np.arange(start, start + rows, dtype=np.uint64)
        mixed = (mixed + np.uint64(abs(seed) + 1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        result: np.ndarray = mixed ^ (mixed >> np.uint64(31))
    return result


def lowest(order: np.ndarray, count: int) -> IntArray:
    """Places of the `count` lowest priorities, lowest first."""
    if len(order) > count:
        near = np.argpartition(order, count)[:count]
        return near[np.argsort(order[near])]
    return np.argsort(order)


@dataclass(frozen=True, eq=False)
class VectorBlock:
    """A seeded sample of a piece of a column of vectors; `ragged` when their lengths differ."""

    order: np.ndarray
    vectors: FloatArray
    n: int
    missing: int
    ragged: bool = False

    @classmethod
    def of(cls, values: np.ndarray, start: int, seed: int) -> VectorBlock:
        """From an object array of equal-length vectors or None; a vector with NaN is missing."""
        order = priorities(start, len(values), seed)
        known = [i for i, value in enumerate(values) if value is not None and np.ndim(value) == 1]
        lengths = {len(values[i]) for i in known}
        if len(lengths) != 1:
            ragged = len(lengths) > 1
            return cls(order[:0], np.empty((0, 0)), len(known), len(values) - len(known), ragged)
        table = np.array([values[i] for i in known], dtype=np.float64)
        finite = np.isfinite(table).all(axis=1)
        table, order = table[finite], order[known][finite]
        chosen = lowest(order, SAMPLED)
        n = len(table)
        return cls(order[chosen], table[chosen], n, len(values) - n)

    def with_missing(self, rows: int) -> VectorBlock:
        return replace(self, missing=self.missing + rows)

    def merged(self, other: VectorBlock) -> VectorBlock:
        n, missing = self.n + other.n, self.missing + other.missing
        parts = [part for part in (self, other) if len(part.vectors)]
        ragged = self.ragged or other.ragged or len({p.vectors.shape[1] for p in parts}) > 1
        if ragged or not parts:
            return VectorBlock(self.order[:0], np.empty((0, 0)), n, missing, ragged)
        order = np.concatenate([part.order for part in parts])
        chosen = lowest(order, SAMPLED)
        vectors = np.concatenate([part.vectors for part in parts])[chosen]
        return VectorBlock(order[chosen], vectors, n, missing)


def compare_vectors(
    reference: VectorBlock, current: VectorBlock, *, seed: int
) -> tuple[EmbeddingDrift, float, Distance]:
    """Maximum mean discrepancy with a Gaussian kernel (Gretton and others 2012).

    The unbiased estimate on the sampled rows, its bandwidth the median distance of the pooled
    rows. p is (exceedances + 1) / (permutations + 1), and the floor is the 99th percentile of the
    permuted distances, so both are of the sampled sizes. At least two vectors on each side.
    """
    n, m = len(reference.vectors), len(current.vectors)
    rows = np.concatenate([reference.vectors, current.vectors])
    kernel, bandwidth = _kernel(rows)
    labels = np.repeat([True, False], [n, m])
    stream = generator(seed, "drift permutations")
    permuted = stream.permuted(np.tile(labels, (PERMUTATIONS, 1)), axis=1)
    squared = _discrepancies(kernel, np.vstack([labels, permuted]))
    # Sums in another order must not count as a difference.
    exceeding = np.count_nonzero(squared[1:] >= squared[0] - 1e-12)
    p_value = (exceeding + 1) / (PERMUTATIONS + 1)
    distances = np.sqrt(np.maximum(0.0, squared))
    floor = float(np.quantile(distances[1:], LEVEL, method="higher"))
    numbers = EmbeddingDrift(float(squared[0]), bandwidth, rows.shape[1], n, m, PERMUTATIONS)
    return numbers, p_value, Distance("mmd", float(distances[0]), floor)


def _kernel(rows: FloatArray) -> tuple[FloatArray, float]:
    centred = rows - rows.mean(axis=0)
    lengths = (centred**2).sum(axis=1)
    squares = np.maximum(0.0, lengths[:, None] + lengths[None, :] - 2 * centred @ centred.T)
    np.fill_diagonal(squares, 0.0)
    median = float(np.median(squares[np.triu_indices(len(rows), 1)]))
    scale = median if median > 0 else float(squares.mean()) or 1.0
    return np.exp(-squares / (2 * scale)), float(np.sqrt(scale))


def _discrepancies(kernel: FloatArray, labels: np.ndarray) -> FloatArray:
    """Unbiased squared discrepancy of each labelling; the diagonal of the kernel is 1."""
    first = labels.astype(np.float64)
    n = first[0].sum()
    m = first.shape[1] - n
    totals = kernel.sum(axis=1)
    toward = first @ kernel
    inside = (toward * first).sum(axis=1)
    across = first @ totals - inside
    rest = totals.sum() - inside - 2 * across
    result: FloatArray = (inside - n) / (n * (n - 1)) + (rest - m) / (m * (m - 1))
    return result - 2 * across / (n * m)
