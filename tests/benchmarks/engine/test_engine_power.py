"""Smallest detectable effects: do they have the power that they promise?"""

import numpy as np
import pytest
from engine_frames import paired_table
from statsmodels.stats.power import TTestPower

from benchmarks.engine.effects import compare
from benchmarks.engine.power import (
    detectable_from_error,
    detectable_pairs,
    needed_for_margin,
    needed_from_error,
    needed_pairs,
)
from benchmarks.engine.proportions import Pairs, mcnemar

pytestmark = pytest.mark.pure


def test_needed_pairs__a_difference__is_found_in_about_80_percent():
    share, difference = 0.10, 0.03
    n = int(np.ceil(needed_pairs(share, difference)))
    rng = np.random.default_rng(8)
    cells = [(share - difference) / 2, (share + difference) / 2, 1 - share]
    draws = rng.multinomial(n, cells, size=600)
    found = sum(mcnemar(Pairs(0, int(a), int(b), int(c)))[0] < 0.05 for a, b, c in draws)
    assert 0.75 <= found / 600 <= 0.85


def test_detectable_pairs__inverts_needed_pairs():
    found = detectable_pairs(100, 1000)
    assert needed_pairs(0.1, found) == pytest.approx(1000, rel=1e-4)


def test_detectable_pairs__more_items__finds_smaller_effects():
    assert detectable_pairs(1000, 10000) < detectable_pairs(100, 1000)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_detectable_pairs__hardly_any_item__finds_nothing(n):
    assert detectable_pairs(0, n) is None


def test_detectable_from_error__mean__agrees_with_statsmodels_for_large_samples():
    expected = TTestPower().solve_power(nobs=5000, alpha=0.05, power=0.8)
    assert detectable_from_error(1 / np.sqrt(5000)) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("error", [0.0, np.inf])
def test_detectable_from_error__no_usable_error__is_none(error):
    assert detectable_from_error(error) is None
    assert needed_from_error(error, 10, 0.1) is None


def test_needed_n__at_the_detectable_effect__is_the_n_there_is():
    assert needed_from_error(0.01, 400, detectable_from_error(0.01)) == pytest.approx(400, abs=1)


@pytest.mark.parametrize("margin", [None, 0.0])
def test_needed_n__without_a_margin__is_none(margin):
    assert needed_for_margin(10, 100, margin) is None


def test_effect__margin_that_the_data_can_find__needs_no_more_items_than_there_are():
    effect = compare(*paired_table(900, 50, 50, 1000), "recall", paired=True, margin=0.05)
    assert effect.detectable < 0.05
    assert effect.needed_n < effect.n
