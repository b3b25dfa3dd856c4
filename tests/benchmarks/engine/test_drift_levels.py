"""Level counts against scipy and hand-made tables."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import distance

from benchmarks.engine.drift_levels import compare_levels, pool_rare, rule_of_three

pytestmark = pytest.mark.pure


def test_tests__frequent_levels__equal_scipys():
    reference, current = {"a": 500, "b": 300, "c": 200}, {"a": 130, "b": 120, "c": 50}
    table = [[500, 300, 200], [130, 120, 50]]
    found, p_value, effect = compare_levels(reference, current, seed=1)
    pearson = stats.chi2_contingency(table, correction=False)
    likelihood = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
    assert found.chi_square == pytest.approx(pearson.statistic, abs=1e-9)
    assert (found.chi_square_p, p_value) == pytest.approx([pearson.pvalue] * 2, abs=1e-12)
    assert (found.g, found.g_p) == pytest.approx(
        (likelihood.statistic, likelihood.pvalue), abs=1e-9
    )
    assert effect.value == pytest.approx(distance.jensenshannon(*table, base=2), abs=1e-9)
    assert (found.df, found.pooled) == (2, 0)


def test_tests__order_of_the_levels__does_not_matter():
    reference, current = {"a": 50, "b": 30, "c": 30}, {"c": 12, "a": 13}
    turned = [dict(reversed(side.items())) for side in (reference, current)]
    assert compare_levels(reference, current, seed=1) == compare_levels(*turned, seed=1)


def test_tests__two_small_levels__are_exact():
    found, p_value, _ = compare_levels({"yes": 8, "no": 2}, {"yes": 1, "no": 5}, seed=1)
    assert found.method == "boschloo exact"
    assert p_value == pytest.approx(stats.boschloo_exact([[1, 8], [5, 2]]).pvalue)


def test_tests__one_level_on_both_sides__finds_nothing():
    found, p_value, effect = compare_levels({"a": 10}, {"a": 7}, seed=1)
    assert (found.chi_square, found.g, found.df) == (None, None, 0)
    assert (p_value, effect.value, effect.beyond) == (1.0, 0.0, False)


def test_tests__one_level_each_and_different__is_certain_and_never_zero():
    _, p_value, effect = compare_levels({"a": 10**6}, {"b": 10**6}, seed=1)
    assert 0 < p_value < 1e-300
    assert effect.value == pytest.approx(1.0)
    assert effect.beyond


@pytest.mark.parametrize(
    ("counts", "expected", "pooled"),
    [
        ([[50, 40, 2, 1], [50, 40, 3, 9]], [[50, 40, 3], [50, 40, 12]], 2),
        ([[50, 40, 1, 0], [50, 40, 0, 1]], [[50, 41], [50, 41]], 3),
        ([[2, 1, 1, 1], [1, 1, 1, 0]], [[2, 3], [1, 2]], 3),
        ([[9, 1], [8, 0]], [[9, 1], [8, 0]], 0),
        ([[9, 0, 1], [8, 0, 0]], [[9, 1], [8, 0]], 0),
    ],
    ids=["rare together", "too rare even together", "all rare", "two levels", "empty level"],
)
def test_pool_rare__small_expected_counts__are_put_together(counts, expected, pooled):
    table, found = pool_rare(np.array(counts))
    assert table.tolist() == expected
    assert found == pooled


def test_levels__new_and_lost_ones__are_listed_with_their_bounds():
    reference = {"a": 290, "old": 10}
    current = {"a": 95, "new": 3, "newer": 2}
    found, _, _ = compare_levels(reference, current, seed=1)
    assert [(level.name, level.current) for level in found.unseen] == [("new", 3), ("newer", 2)]
    assert [(level.name, level.reference) for level in found.vanished] == [("old", 10)]
    assert found.unseen[0].bound == pytest.approx(3 / 300, rel=0.01)
    assert found.vanished[0].bound == pytest.approx(3 / 100, rel=0.02)
    assert found.top[0].bound is None


def test_levels__very_many_new_ones__are_counted_though_not_all_listed():
    current = {f"new {i:03d}": 1 for i in range(100)}
    found, _, _ = compare_levels({"a": 50}, {"a": 50, **current}, seed=1)
    assert found.unseen_count == 100
    assert len(found.unseen) == 20


def test_rule_of_three__no_rows__gives_no_bound():
    assert rule_of_three(0) is None
    assert rule_of_three(1) == pytest.approx(0.95)
