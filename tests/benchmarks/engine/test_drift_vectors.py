"""Columns of vectors: the discrepancy by its definition, its permutation p, and the sample."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.engine.drift import compare_frames
from benchmarks.engine.drift_values import DriftReason, DriftVerdict
from benchmarks.engine.drift_vectors import VectorBlock, compare_vectors, lowest, priorities

pytestmark = pytest.mark.pure


def block(table, start=0):
    return VectorBlock.of(np.array([*list(table), None], dtype=object)[:-1], start, seed=1)


def by_definition(first, second, bandwidth):
    """Unbiased squared discrepancy from every pair of rows (Gretton and others 2012, eq. 3)."""

    def kernel(a, b):
        return np.exp(-((a - b) ** 2).sum() / (2 * bandwidth**2))

    def inside(rows):
        n = len(rows)
        pairs = [kernel(rows[i], rows[j]) for i in range(n) for j in range(n) if i != j]
        return sum(pairs) / (n * (n - 1))

    across = np.mean([kernel(a, b) for a in first for b in second])
    return inside(first) + inside(second) - 2 * across


def test_discrepancy__two_samples__is_that_of_its_definition():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(15, 3)), rng.normal(0.5, size=(12, 3))
    found, _, distance = compare_vectors(block(first), block(second), seed=1)
    assert found.mmd_squared == pytest.approx(by_definition(first, second, found.bandwidth))
    assert distance.value == pytest.approx(np.sqrt(max(0.0, found.mmd_squared)))


def test_bandwidth__two_samples__is_the_median_distance():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(20, 4))
    found, _, _ = compare_vectors(block(rows[:8]), block(rows[8:]), seed=1)
    pairs = [np.linalg.norm(rows[i] - rows[j]) ** 2 for i in range(20) for j in range(i)]
    assert found.bandwidth == pytest.approx(np.sqrt(np.median(pairs)))


def test_p__far_apart__is_the_smallest_that_permutations_can_give():
    rng = np.random.default_rng(2)
    sides = [block(rng.normal(shift, size=(40, 5))) for shift in (0, 9)]
    found, p_value, distance = compare_vectors(*sides, seed=1)
    assert p_value == 1 / (found.permutations + 1)
    assert distance.beyond


def test_p__equal_rows_everywhere__is_one():
    _, p_value, distance = compare_vectors(block(np.ones((9, 2))), block(np.ones((7, 2))), seed=1)
    assert (p_value, distance.value, distance.beyond) == (1.0, 0.0, False)


def test_p__no_drift__speaks_at_its_level():
    rng = np.random.default_rng(3)
    p_values = []
    for _ in range(200):
        sides = [block(rng.normal(size=(n, 2))) for n in (30, 20)]
        p_values.append(compare_vectors(*sides, seed=int(rng.integers(1 << 30)))[1])
    # Three binomial errors of 200 repetitions around 5 %.
    assert abs(np.mean(np.array(p_values) <= 0.05) - 0.05) <= 0.046


def test_sample__large_column__is_a_fair_share_and_the_same_in_pieces():
    table = np.arange(4000.0)[:, None]
    whole = block(table)
    parts = block(table[:900]), block(table[900:], start=900)
    assert len(whole.vectors) == 500
    assert abs(whole.vectors.mean() - 2000) < 4 * 1155 / np.sqrt(500)
    for joined in (parts[0].merged(parts[1]), parts[1].merged(parts[0])):
        assert np.array_equal(joined.vectors, whole.vectors)
        assert joined.n == 4000


def test_lowest__fewer_than_asked__takes_all_in_order():
    order = priorities(0, 6, seed=4)
    assert np.array_equal(np.sort(order), order[lowest(order, 10)])
    assert np.array_equal(order[lowest(order, 3)], np.sort(order)[:3])


@pytest.mark.parametrize(
    ("reference", "current", "verdict", "reason"),
    [
        ([[0.0, 1.0]] * 20, [[0.0]] * 20, DriftVerdict.UNDECIDED, DriftReason.LENGTHS_DIFFER),
        ([[1.0], [1.0, 2.0]] * 9, [[1.0]] * 9, DriftVerdict.UNDECIDED, DriftReason.LENGTHS_DIFFER),
        ([[1.0]] * 20, [[1.0]] * 2, DriftVerdict.TOO_FEW, DriftReason.TOO_FEW),
        ([[1.0]] * 20, [None] * 20, DriftVerdict.DRIFTED, DriftReason.MISSING_SHARE),
        ([[1.0, np.nan]] * 20, [[1.0, 2.0]] * 20, DriftVerdict.DRIFTED, "missing_share"),
    ],
)
def test_column__awkward_vectors__is_explained(reference, current, verdict, reason):
    frames = [pd.DataFrame({"v": side}) for side in (reference, current)]
    found = compare_frames(*frames, seed=1).column("v")
    assert (found.verdict, found.reason) == (verdict, reason)


def test_column__turned_vectors_with_equal_margins__is_drift():
    rng = np.random.default_rng(5)
    first = rng.normal(size=(400, 2))
    second = rng.normal(size=(400, 1)) @ np.ones((1, 2))
    frames = [pd.DataFrame({"v": list(side)}) for side in (first, second)]
    assert compare_frames(*frames, seed=1).column("v").verdict is DriftVerdict.DRIFTED
