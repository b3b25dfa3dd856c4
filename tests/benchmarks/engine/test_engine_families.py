"""Families of many slices: published examples, laws, and what is falsely found in simulations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.engine.corrections import benjamini_hochberg, e_benjamini_hochberg, e_value
from benchmarks.engine.families import (
    between_variance,
    concordance,
    shrink,
    simes,
    simultaneous_reach,
    tree_adjusted,
    worst_slice,
)

pytestmark = pytest.mark.pure

# Efron and Morris (1975): batting averages of 18 players, as transformed there (table 1).
BATTING = [-1.35, -1.66, -1.97, -2.28, -2.60, -2.60, -2.92, -3.26, -3.60,
           -3.60, -3.95, -3.95, -3.95, -3.95, -3.95, -4.32, -4.70, -5.10]  # fmt: skip


def test_e_bh__wang_and_ramdas_rule__finds_the_k_largest_at_least_m_over_kq():
    values = [100.0, 45.0, 30.0, 12.0, 1.0, 0.2, 0.0, 3.0, 25.0, 8.0]
    found = [value <= 0.10 for value in e_benjamini_hochberg(values)]
    ordered = np.sort(values)[::-1]
    k = max((k for k in range(1, 11) if ordered[k - 1] >= 10 / (k * 0.10)), default=0)
    assert sum(found) == k == 4
    assert all(found[place] for place in (0, 1, 2, 8))


def test_e_bh__none_or_infinite__is_handled():
    assert e_benjamini_hochberg([]) == []
    assert e_benjamini_hochberg([np.inf, 0.0]) == [0.0, 1.0]


@pytest.mark.parametrize("bad", [[-1.0], [np.nan]])
def test_e_bh__no_e_value__is_refused(bad):
    with pytest.raises(ValueError, match="negative or missing"):
        e_benjamini_hochberg(bad)


def test_e_value__under_no_difference__has_mean_1():
    p_values = (np.arange(10_000) + 0.5) / 10_000
    assert np.mean([e_value(p) for p in p_values]) == pytest.approx(1.0, abs=0.01)


def tree_found(p_values, parents, q=0.1):
    return {node for node, p in tree_adjusted(p_values, parents, q).items() if p <= q}


@given(st.lists(st.floats(0.0001, 1), min_size=2, max_size=12))
def test_tree__flat__is_benjamini_hochberg(p_values):
    nodes = dict(enumerate(p_values))
    expected = dict(enumerate(benjamini_hochberg(p_values)))
    assert tree_adjusted(nodes, dict.fromkeys(nodes), 0.1) == pytest.approx(expected)


def test_tree__child_of_a_parent_that_is_not_found__is_never_found():
    p_values = {"all": 0.5, "north": 1e-9}
    assert tree_found(p_values, {"all": None, "north": "all"}) == set()


def test_tree__half_of_the_parents_found__halves_the_childrens_level():
    p_values = {"a": 1e-6, "b": 0.9, "a1": 0.06}
    parents = {"a": None, "b": None, "a1": "a"}
    assert tree_found(p_values, parents) == {"a"}
    assert tree_found(p_values | {"a1": 0.04}, parents) == {"a", "a1"}


@given(st.lists(st.floats(0.0001, 1), min_size=4, max_size=12))
def test_tree__child__never_has_less_than_its_parent(p_values):
    parents = {n: None if n < 2 else n % 2 for n in range(len(p_values))}
    adjusted = tree_adjusted(dict(enumerate(p_values)), parents, 0.1)
    assert all(adjusted[n] >= adjusted[n % 2] for n in adjusted)


def test_simes__published_rule__is_the_least_of_m_p_over_rank():
    p_values = [0.02, 0.4, 0.01, 0.9]
    assert simes(p_values) == pytest.approx(min(4 * 0.01 / 1, 4 * 0.02 / 2))
    assert simes([]) == 1.0


def test_tree__unknown_parent__is_refused():
    with pytest.raises(ValueError, match="parent"):
        tree_found({"a": 0.1}, {"a": "root"})


def test_concordance__small_changes_one_way__are_heard_together_only():
    rng = np.random.default_rng(1)
    units = rng.normal(size=(400, 25))
    units += 0.08 - units.mean(axis=0)
    alone = stats.ttest_1samp(units, 0).pvalue
    found = concordance(units, rng)
    assert (alone < 0.05 / 25).sum() == 0
    assert found.p_value < 0.01
    assert (found.value > 0, found.cells) == (True, 25)


def test_concordance__correlated_cells_without_change__alarm_in_about_5_percent():
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(400):
        units = 0.7 * rng.normal(size=(80, 1)) + rng.normal(size=(80, 12))
        units[rng.random(units.shape) < 0.3] = np.nan
        alarms += concordance(units, rng, 400).p_value < 0.05
    assert 8 <= alarms <= 33


def test_concordance__nothing_differs__has_p_1_and_never_0():
    rng = np.random.default_rng(3)
    assert concordance(np.zeros((10, 3)), rng).p_value == 1
    assert concordance(np.ones((50, 3)), rng, 99).p_value == pytest.approx(0.01)


def test_shrink__batting_averages__agree_with_efron_and_morris():
    shrunk = shrink(BATTING, [1.0] * 18)
    spread = sum((v - np.mean(BATTING)) ** 2 for v in BATTING)
    # Their estimator: the mean plus (1 − (k − 3) / spread) of the departure; published 0.209.
    factor = 1 - 15 / spread
    assert factor == pytest.approx(0.209, abs=0.01)
    expected = [np.mean(BATTING) + factor * (v - np.mean(BATTING)) for v in BATTING]
    assert [s.value for s in shrunk] == pytest.approx(expected, abs=1e-6)
    assert [s.raw for s in shrunk] == BATTING


def test_shrink__slices_without_own_truth__lie_nearer_to_it_than_raw():
    rng = np.random.default_rng(4)
    truth = 0.02 * rng.normal(size=40)
    error = rng.uniform(0.02, 0.1, 40)
    raw = truth + error * rng.normal(size=40)
    shrunk = np.array([s.value for s in shrink(raw, error)])
    assert ((shrunk - truth) ** 2).mean() < 0.5 * ((raw - truth) ** 2).mean()


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 9.0]])
def test_shrink__too_few_to_learn_from__stay_as_they_are(values):
    assert [s.value for s in shrink(values, [0.5] * len(values))] == values


def test_shrink__equal_slices__meet_in_the_middle():
    assert {s.value for s in shrink([2.0] * 6, [0.5] * 6)} == {2.0}


def test_shrink__no_error__is_refused():
    with pytest.raises(ValueError, match="error"):
        shrink([1.0, 2.0], [0.0, 1.0])


def test_between_variance__equal_errors__is_the_method_of_moments():
    values = np.array([1.0, 4.0, 2.0, 8.0, 5.0])
    assert between_variance(values, np.full(5, 1.0)) == pytest.approx(values.var(ddof=1) - 1)


def test_simultaneous_reach__independent_cells__is_sidaks():
    rng = np.random.default_rng(5)
    exact = simultaneous_reach(10, 0.95, rng, None)
    assert exact == pytest.approx(2.800, abs=1e-3)
    assert simultaneous_reach(10, 0.95, rng, np.eye(10)) == pytest.approx(exact, abs=0.05)
    assert simultaneous_reach(10, 0.95, rng, np.ones((10, 10))) == pytest.approx(1.96, abs=0.05)


def test_worst_slice__whichever_is_worst__is_held_by_its_interval():
    rng = np.random.default_rng(6)
    truth = np.linspace(0, 0.5, 20)
    held = plain = 0
    for _ in range(1000):
        values = truth + rng.normal(size=20)
        worst = worst_slice(values, np.ones(20), rng)
        held += worst.low <= truth[worst.place] <= worst.high
        plain += abs(worst.value - truth[worst.place]) <= 1.96
    assert held >= 940
    assert plain < 750


def test_worst_slice__no_slice__is_refused():
    with pytest.raises(ValueError, match="at least one"):
        worst_slice([], [], np.random.default_rng(7))
