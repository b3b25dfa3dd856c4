"""Sign flips and skewed means: exact where they can be, never 0, and heard where t is wrong."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.engine.effects import compare
from benchmarks.engine.signflips import checked, sign_flips
from benchmarks.engine.skewed import is_skewed, skewed_difference, skewed_interval

pytestmark = pytest.mark.pure

values = st.lists(st.floats(-100, 100), min_size=1, max_size=9).map(np.array)


@given(values)
def test_sign_flips__few_units__are_all_tried(units):
    sums = [abs(units @ np.array(signs)) for signs in product((1, -1), repeat=len(units))]
    expected = np.mean(np.array(sums) >= abs(units.sum()) * (1 - 1e-12))
    assert sign_flips(units, np.random.default_rng(1), 2000) == (pytest.approx(expected), 0.0)


@given(values)
def test_sign_flips__any_units__never_give_0(units):
    assert sign_flips(units, np.random.default_rng(1), 50)[0] > 0


def test_sign_flips__many_units__agree_with_scipy():
    units = np.random.default_rng(2).normal(0.2, 1, 60)
    expected = stats.permutation_test(
        (units,), np.mean, permutation_type="samples", n_resamples=5000, rng=3
    ).pvalue
    found, error = sign_flips(units, np.random.default_rng(4), 5000)
    assert found == pytest.approx(expected, abs=4 * error)


def test_checked__one_huge_outlier__hands_over_to_the_permutation():
    units = np.r_[np.full(15, 0.1), 50.0]
    t = stats.ttest_1samp(units, 0).pvalue
    p_value, by_flips = checked(t, units, np.random.default_rng(5), 2000)
    assert by_flips
    assert p_value < t / 100


def test_paired_mean__outlier__names_the_permutation_as_its_test():
    before = pd.DataFrame({"cost": np.zeros(16)})
    after = pd.DataFrame({"cost": np.r_[np.linspace(0.1, 0.2, 15), 50.0]})
    assert compare(before, after, "mean_cost", paired=True).method == "sign-flip permutation"


def test_paired_mean__ordinary_differences__keeps_t():
    rng = np.random.default_rng(6)
    before, after = (pd.DataFrame({"cost": rng.normal(size=40)}) for _ in range(2))
    effect = compare(before, after, "mean_cost", paired=True)
    assert effect.method == effect.interval.method == "paired t"


def test_skewed_interval__lognormal_values__agrees_with_scipys_bca():
    sample = np.random.default_rng(7).lognormal(0, 1.2, 80)
    found = skewed_interval(sample, None, 0.95, np.random.default_rng(8), 4000)
    expected = stats.bootstrap(
        (sample,), np.mean, n_resamples=4000, method="BCa", rng=9
    ).confidence_interval
    assert found.method.startswith("bca")
    assert found.low == pytest.approx(expected.low, rel=0.04)
    assert found.high == pytest.approx(expected.high, rel=0.06)


def test_skewed_interval__normal_values__leaves_it_to_t():
    rng = np.random.default_rng(10)
    assert skewed_interval(rng.normal(size=100), None, 0.95, rng, 500) is None


@pytest.mark.parametrize("n", [1, 2, 19])
def test_is_skewed__few_units__cannot_tell(n):
    assert not is_skewed(np.r_[np.zeros(n - 1), 100.0], np.ones(n))


def test_is_skewed__constant_units__are_not():
    assert not is_skewed(np.full(50, 3.0), np.ones(50))


def test_skewed_difference__by_cluster__covers_the_truth_of_a_skewed_side():
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        sides = [(rng.gamma(0.15, 1.0, 120), None), (rng.normal(0, 0.1, 120), None)]
        interval = skewed_difference(*sides, 0.95, rng, 400)
        covered += interval is None or interval.low <= 0.15 <= interval.high
    assert covered >= 180
