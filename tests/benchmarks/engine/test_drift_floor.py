"""Seeded simulations without drift: floors are passed as rarely, tests speak as often, as said."""

import numpy as np
import pytest

from benchmarks.engine.drift_blocks import NumericBlock
from benchmarks.engine.drift_floor import GRID, divergence_floor, tie_factor
from benchmarks.engine.drift_levels import compare_levels, level_test, pool_rare
from benchmarks.engine.drift_numeric import compare_numeric, ks_test
from benchmarks.engine.drift_verdicts import missing_test

pytestmark = pytest.mark.pure

# The bar of a 5 % test, and three binomial errors around the 1 % of a floor in 200 columns.
LOWER, UPPER = 0.035, 0.065
FLOOR_UPPER = 0.01 + 3 * np.sqrt(0.01 * 0.99 / 200)

SOURCES = {
    "normal": lambda rng, n: rng.normal(size=n),
    "skewed": lambda rng, n: rng.lognormal(0, 1, n),
    "mostly zero": lambda rng, n: np.where(rng.random(n) < 0.6, 0, rng.exponential(size=n)),
    "few counts": lambda rng, n: rng.poisson(2, n).astype(float),
}


def numeric(source, n, m, repetitions):
    rng = np.random.default_rng(17)
    for _ in range(repetitions):
        sides = [NumericBlock.of(SOURCES[source](rng, size)).sample() for size in (n, m)]
        yield compare_numeric(*sides, seed=3)


def ks_size(source, n, m, repetitions):
    """Share of repetitions in which the test speaks at 5 %."""
    rng = np.random.default_rng(17)
    spoken = 0
    for _ in range(repetitions):
        sides = [NumericBlock.of(source(rng, size)).sample() for size in (n, m)]
        spoken += ks_test(*sides, seed=3)[0] < 0.05
    return spoken / repetitions


@pytest.mark.parametrize("sizes", [(2000, 60), (2000, 1000)], ids=str)
@pytest.mark.parametrize("source", SOURCES)
def test_floor__no_drift__is_passed_in_one_of_a_hundred(source, sizes):
    found = list(numeric(source, *sizes, 200))
    for place in (0, 1):
        passed = np.mean([distances[place].beyond for _, distances in found])
        assert passed <= FLOOR_UPPER


@pytest.mark.parametrize("source", SOURCES)
def test_ks_p__no_drift__speaks_at_its_level_with_and_without_ties(source):
    assert LOWER <= ks_size(SOURCES[source], 1500, 1200, 1200) <= UPPER


def test_ks_p__no_drift_and_two_values__speaks_at_its_level():
    coin = ks_size(lambda rng, n: rng.integers(0, 2, n).astype(float), 1500, 1200, 2500)
    assert LOWER <= coin <= UPPER


def test_ks_p__no_drift_and_counted_exactly__speaks_no_more_than_it_may():
    assert 0.02 <= ks_size(SOURCES["normal"], 30, 25, 500) <= UPPER


def level_sides(levels, repetitions):
    rng = np.random.default_rng(29)
    shares = 1 / np.arange(1, levels + 1)
    for _ in range(repetitions):
        yield np.array([rng.multinomial(n, shares / shares.sum()) for n in (2000, 300)])


@pytest.mark.parametrize("levels", [2, 8, 60])
def test_level_test__no_drift__speaks_at_its_level(levels):
    p_values = [level_test(pool_rare(counts)[0])[0] for counts in level_sides(levels, 3000)]
    assert LOWER <= np.mean(np.array(p_values) < 0.05) <= UPPER


@pytest.mark.parametrize("levels", [2, 8, 60])
def test_floor__levels_without_drift__is_passed_in_one_of_a_hundred(levels):
    names = [f"level {i:02d}" for i in range(levels)]
    passed = []
    for counts in level_sides(levels, 200):
        sides = [dict(zip(names, side.tolist(), strict=True)) for side in counts]
        passed.append(compare_levels(*sides, seed=3)[2].beyond)
    assert np.mean(passed) <= FLOOR_UPPER


def test_missing_test__no_difference__speaks_at_its_level():
    rng = np.random.default_rng(31)
    missing = rng.binomial([2000, 800], 0.1, size=(3000, 2))
    found = [missing_test((int(a), 2000), (int(b), 800)) for a, b in missing]
    assert LOWER <= np.mean([test.p_value < 0.05 for test in found]) <= UPPER
    assert 0 < np.mean([test.beyond for test in found]) <= 0.016


def test_floor__larger_samples__falls_with_the_root_of_their_size():
    floors = [divergence_floor(np.full(20, n // 10), n, n, seed=1) for n in (20_000, 80_000)]
    assert floors[0] / floors[1] == pytest.approx(2.0, rel=1e-9)


def test_divergence_floor__drawn_or_by_the_limit__agree_where_both_hold():
    drawn = divergence_floor(np.full(10, 950), 4750, 4750, seed=1)
    assert divergence_floor(np.full(10, 90), 450, 450, seed=1) == pytest.approx(
        drawn * np.sqrt(4750 / 450), rel=0.05
    )


def test_tie_factor__values_that_end_everywhere__is_one():
    assert tie_factor(GRID, seed=1) > 0.98


def test_tie_factor__fewer_values__is_smaller():
    factors = [tie_factor(np.arange(1, k) / k, seed=1) for k in (3, 10, 100)]
    assert factors == sorted(factors)
    assert factors[0] < 0.7
