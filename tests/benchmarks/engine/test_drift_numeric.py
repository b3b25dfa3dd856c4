"""Statistics of two numeric samples against scipy, brute force and their definitions."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from benchmarks.engine.drift_blocks import NumericBlock, Sample
from benchmarks.engine.drift_numeric import compare_numeric, exact_ks_p, kolmogorov_p
from benchmarks.engine.drift_ranks import ks_gap, pooled_at, transport

pytestmark = pytest.mark.pure

SHAPES = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy tails": lambda rng, n: rng.standard_t(2, n),
    "tied": lambda rng, n: np.round(rng.exponential(size=n), 1),
    "few values": lambda rng, n: rng.integers(0, 3, n).astype(float),
    "constant": lambda rng, n: np.full(n, 2.5),
}
SIZES = [(1, 1), (1, 7), (2, 3), (40, 40), (500, 73), (3000, 20_001), (30_000, 30_000)]

values = st.lists(st.integers(-3, 3).map(float) | st.floats(-1e6, 1e6), min_size=1, max_size=40)


def sample(numbers) -> Sample:
    return NumericBlock.of(np.asarray(numbers, dtype=float)).sample()


def compared(reference, current, seed=1):
    return compare_numeric(sample(reference), sample(current), seed=seed)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_distances__any_sizes_and_ties__equal_scipys(shape, sizes):
    rng = np.random.default_rng(3)
    first, second = (SHAPES[shape](rng, n) for n in sizes)
    second = second + 0.1
    numbers, _ = compared(first, second)
    assert numbers.ks == pytest.approx(
        stats.ks_2samp(first, second, method="asymp").statistic, abs=1e-9
    )
    assert numbers.wasserstein == pytest.approx(
        stats.wasserstein_distance(first, second), rel=1e-9, abs=1e-9
    )


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_pooled_ranks__any_sizes_and_ties__are_those_of_the_joined_values(shape, sizes):
    rng = np.random.default_rng(7)
    first, second = (np.sort(SHAPES[shape](rng, n)) for n in sizes)
    ranks = np.unique(rng.integers(1, sum(sizes) + 1, 500))
    joined = np.sort(np.concatenate([first, second]))
    assert np.array_equal(pooled_at(first, second, ranks), joined[ranks - 1])


@pytest.mark.parametrize("offset", [0.0, 1e9, -1e9])
@pytest.mark.parametrize("shape", SHAPES)
def test_sides__far_from_zero__have_numpys_mean_and_spread(shape, offset):
    values = SHAPES[shape](np.random.default_rng(8), 70_000) + offset
    side = compared(values, values)[0].reference
    assert side.mean == pytest.approx(values.mean(), rel=1e-14, abs=1e-12)
    assert side.sd == pytest.approx(np.std(values - offset, ddof=1), rel=1e-6, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(values, values)
def test_distances__any_two_lists__equal_scipys(first, second):
    one, two = np.sort(first), np.sort(second)
    expected = stats.ks_2samp(first, second, method="asymp").statistic
    assert ks_gap(one, two) / (len(one) * len(two)) == pytest.approx(expected, abs=1e-12)
    expected = stats.wasserstein_distance(first, second)
    assert transport(one, two) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    ranks = np.arange(1, len(one) + len(two) + 1)
    assert np.array_equal(pooled_at(one, two, ranks), np.sort(np.concatenate([one, two])))


@pytest.mark.parametrize("sizes", [(1, 1), (2, 2), (5, 3), (20, 20), (50, 73), (300, 12)], ids=str)
def test_ks_p__small_and_untied__equals_scipys_exact_one(sizes):
    rng = np.random.default_rng(5)
    first, second = np.sort(rng.normal(size=sizes[0])), np.sort(rng.normal(0.3, size=sizes[1]))
    expected = stats.ks_2samp(first, second, method="exact").pvalue
    assert exact_ks_p(first, second, ks_gap(first, second)) == pytest.approx(expected, abs=1e-9)


def test_ks_p__small_and_tied__equals_the_share_of_all_relabellings():
    first, second = np.array([0.0, 0.0, 1.0, 3.0]), np.array([1.0, 1.0, 2.0, 3.0, 3.0])
    pooled = np.concatenate([first, second])
    gap = ks_gap(first, second)
    as_far = []
    for chosen in combinations(range(len(pooled)), len(first)):
        mask = np.isin(np.arange(len(pooled)), chosen)
        as_far.append(ks_gap(np.sort(pooled[mask]), np.sort(pooled[~mask])) >= gap)
    assert exact_ks_p(first, second, gap) == pytest.approx(np.mean(as_far), abs=1e-12)


@pytest.mark.parametrize("n", [200, 1000, 5000])
@pytest.mark.parametrize("scaled", [0.6, 1.0, 1.36, 1.8])
def test_kolmogorov_p__moderate_sizes__is_close_to_the_exact_one_sample_law(n, scaled):
    distance_ = scaled / np.sqrt(n)
    found = kolmogorov_p(distance_, 2 * n, 2 * n)
    assert found == pytest.approx(stats.kstwo.sf(distance_, n), rel=0.02)


def test_jensen_shannon__cells_of_equal_share__equals_scipys():
    rng = np.random.default_rng(8)
    first, second = rng.normal(size=4000), rng.normal(0.2, size=3000)
    _, (_, shape) = compared(first, second)
    pooled = np.sort(np.concatenate([first, second]))
    edges = pooled[np.ceil(np.arange(1, 20) / 20 * 7000).astype(int) - 1]
    counts = [np.bincount(np.searchsorted(edges, side), minlength=20) for side in (first, second)]
    assert shape.value == pytest.approx(distance.jensenshannon(*counts, base=2), abs=1e-9)


def test_psi__reference_deciles__follows_its_definition():
    rng = np.random.default_rng(9)
    first, second = rng.normal(size=1000), rng.normal(0.3, size=800)
    edges = np.sort(first)[np.arange(100, 1000, 100) - 1]
    p, q = (
        np.bincount(np.searchsorted(edges, side), minlength=10) / len(side)
        for side in (first, second)
    )
    numbers, _ = compared(first, second)
    assert numbers.psi == pytest.approx(((q - p) * np.log(q / p)).sum(), abs=1e-9)


def test_effect__shift_of_a_normal_column__is_the_shift_in_standard_deviations():
    rng = np.random.default_rng(2)
    column = 5 * rng.normal(size=20_000)
    _, (effect, _) = compared(column, column + 1.0)
    assert effect.value == pytest.approx(1.0 / column.std(ddof=1), rel=1e-9)


def test_effect__constant_reference__is_measured_in_the_pooled_spread():
    numbers, (effect, _) = compared([1.0] * 50, [1.0] * 25 + [3.0] * 25)
    assert numbers.reference.sd == 0
    assert effect.value == pytest.approx(1.0 / np.std([1.0] * 75 + [3.0] * 25))
    assert effect.beyond


def test_compare_numeric__both_constant_and_equal__finds_no_distance():
    numbers, distances = compared([0.1] * 300, [0.1] * 200)
    assert numbers.ks == numbers.wasserstein == numbers.psi == 0
    assert numbers.ks_p == 1
    assert [(d.value, d.beyond) for d in distances] == [(0, False), (0, False)]


def test_block__missing_and_infinite_values__are_counted_apart():
    block = NumericBlock.of(np.array([np.nan, 1.0, -np.inf, np.inf, 0.0, -0.0]))
    assert block.missing == 3
    assert block.sample().values.tolist() == [0.0, 0.0, 1.0]
    assert not np.signbit(block.sample().values).any()


def test_outline__two_samples__draws_every_value_once():
    rng = np.random.default_rng(4)
    numbers, _ = compared(np.append(rng.normal(size=999), 1e9), rng.normal(1, size=500))
    outline = numbers.outline
    assert len(outline.edges) == len(outline.reference) + 1 == len(outline.current) + 1
    for side, shares in enumerate((outline.reference, outline.current)):
        total = sum(shares) + outline.below[side] + outline.above[side]
        assert total == pytest.approx(1.0)
    assert outline.edges[-1] < 10


def test_compare_numeric__same_seed__gives_equal_numbers():
    rng = np.random.default_rng(6)
    first, second = rng.normal(size=3000), rng.poisson(2, 90).astype(float)
    assert compared(first, second, seed=5) == compared(first, second, seed=5)
