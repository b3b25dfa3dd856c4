"""Groups and their gaps: numbers one can check by hand, the size of the test, honest silence."""

import numpy as np
import pandas as pd
import pytest
from engine_frames import scored_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from benchmarks.engine.effects import compare
from benchmarks.engine.fairness import GAPS, NOT_STATED, fairness, group_codes
from benchmarks.engine.formulas import alerts, excess, negatives, positives
from benchmarks.engine.gaps import SMALLEST_GROUP, Rate, chance, compared, gap_interval, ratio_of
from benchmarks.engine.metrics import estimate
from benchmarks.engine.scored import scored
from benchmarks.engine.values import Reason

pytestmark = pytest.mark.pure

SELECTED, FOUND = Rate(alerts), Rate(alerts, positives)


def groups_of(table):
    """A frame from {group: (true positives, missed, false alarms, left in peace)}."""
    rows = [
        (group, label, prediction)
        for group, counts in table.items()
        for (label, prediction), count in zip(
            ((1, 1), (1, 0), (0, 1), (0, 0)), counts, strict=True
        )
        for _ in range(count)
    ]
    return pd.DataFrame(rows, columns=["protected_group", "label", "prediction"])


def drawn(rng, sizes, rates, *, cluster=0):
    """Decisions by group; `cluster` rows share their luck, across groups."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    rate, frame = np.asarray(rates)[group], pd.DataFrame({"protected_group": group})
    if cluster:
        frame["cluster"] = rng.integers(0, len(group) // cluster, len(group))
        rate = np.clip(rate + (0.15 * rng.normal(size=len(group)))[frame.cluster], 0, 1)
    frame["label"] = (rng.random(len(group)) < 0.5).astype(int)
    frame["prediction"] = (rng.random(len(group)) < rate).astype(int)
    frame["score"] = np.clip(rng.beta(2, 2, len(group)), 0.01, 0.99)
    return frame


# Made by hand: 60 of 100, 30 of 100, 45 of 100 selected; 40/50, 20/40, 36/60 of positives found.
ADMISSIONS = groups_of({0: (40, 10, 20, 30), 1: (20, 20, 10, 50), 2: (36, 24, 9, 31)})


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("demographic_parity_gap", 0.60 - 0.30),
        ("equal_opportunity_gap", 40 / 50 - 20 / 40),
        ("equalised_odds_gap", max(40 / 50 - 20 / 40, 20 / 50 - 10 / 60)),
    ],
)
def test_gap__counts_made_by_hand__is_the_largest_difference(key, expected):
    assert estimate(ADMISSIONS, key, seed=1).value == pytest.approx(expected)


def test_equalised_odds__wider_in_the_false_positives__takes_that_gap():
    frame = groups_of({0: (25, 25, 40, 10), 1: (25, 25, 10, 40)})
    assert estimate(frame, "equalised_odds_gap", seed=1).value == pytest.approx(0.6)


def test_ratio__four_fifths__is_the_smaller_rate_over_the_larger_with_its_interval():
    found = ratio_of(
        compared([scored(ADMISSIONS)], [SELECTED]), 0.95, np.random.default_rng(1), 500
    )
    assert found.value == pytest.approx(0.5)
    assert found.interval.low < 0.5 < found.interval.high < 0.8


def test_ratio__nobody_selected_in_one_group__is_0_without_an_interval():
    frame = groups_of({0: (40, 10, 20, 30), 1: (0, 40, 0, 60)})
    found = ratio_of(compared([scored(frame)], [SELECTED]), 0.95, np.random.default_rng(1), 500)
    assert (found.value, found.interval) == (0.0, None)


def test_fairness__each_group__has_the_rates_that_scikit_learn_gives():
    frame = scored_frame(900, seed=5)
    found = fairness(frame, ("north", "south"), seed=1, resamples=200)
    assert [group.name for group in found.groups] == ["north", "south"]
    for code, group in enumerate(found.groups):
        part = frame[frame.protected_group == code]
        value = {key: rate.value for key, rate in group.rates.items()}
        assert group.n == len(part)
        assert value["prevalence"] == pytest.approx(part.label.mean())
        assert value["alert_rate"] == pytest.approx(part.prediction.mean())
        assert value["recall"] == pytest.approx(sk.recall_score(part.label, part.prediction))
        false_alarms = 1 - sk.recall_score(part.label, part.prediction, pos_label=0)
        assert value["false_alarm_rate"] == pytest.approx(false_alarms)
        assert value["accuracy"] == pytest.approx(sk.accuracy_score(part.label, part.prediction))
        assert value["mean_excess"] == pytest.approx(part.score.mean() - part.label.mean())
        assert all(rate.interval is not None for rate in group.rates.values())


def test_fairness__small_group__is_named_shown_and_left_out_of_the_gap():
    frame = groups_of({0: (20, 20, 20, 20), 1: (20, 20, 20, 20), 2: (5, 0, 5, 0)})
    found = fairness(frame, ("a", "b", "tiny"), seed=1, resamples=200)
    gap = found.gaps["demographic_parity_gap"]
    assert (gap.estimate.value, gap.estimate.n, gap.left_out) == (0.0, 160, ("tiny",))
    assert found.groups[2].rates["alert_rate"].value == 1.0
    assert found.smallest_group == SMALLEST_GROUP


def test_fairness__too_few_positives_in_a_group__leaves_it_out_of_what_rests_on_them():
    frame = groups_of({0: (30, 30, 30, 30), 1: (30, 30, 30, 30), 2: (3, 3, 30, 30)})
    found = fairness(frame, ("a", "b", "c"), seed=1, resamples=200).gaps
    assert found["demographic_parity_gap"].left_out == ()
    assert found["equal_opportunity_gap"].left_out == ("c",)
    assert found["equalised_odds_gap"].left_out == ("c",)


@pytest.mark.parametrize("groups", [{0: (30, 30, 30, 30)}, {0: (30, 30, 30, 30), 1: (1, 1, 1, 1)}])
def test_gap__fewer_than_two_large_groups__is_undefined_with_its_reason(groups):
    found = fairness(groups_of(groups), ("a", "b"), seed=1, resamples=200)
    gap = found.gaps["equal_opportunity_gap"]
    assert (gap.estimate.value, gap.estimate.reason) == (None, Reason.ONE_GROUP)
    assert gap.chance is None


def test_gap__no_protected_column__says_that_none_was_declared():
    found = estimate(ADMISSIONS.drop(columns="protected_group"), "demographic_parity_gap", seed=1)
    assert (found.value, found.reason) == (None, Reason.NO_GROUPS)


def test_gap__all_selected_everywhere__keeps_a_doubt():
    frame = groups_of({0: (20, 0, 20, 0), 1: (20, 0, 20, 0)})
    found = estimate(frame, "demographic_parity_gap", seed=1)
    assert (found.value, found.interval.low) == (0.0, 0.0)
    assert 0.02 < found.interval.high < 0.2


def test_gap__clusters_fewer_than_eight_in_a_group__leaves_it_out():
    frame = ADMISSIONS.assign(cluster=np.arange(300) % 5)
    found = estimate(frame, "demographic_parity_gap", seed=1)
    assert found.reason is Reason.ONE_GROUP


def test_gap__rows_repeated_in_their_clusters__is_no_surer_than_the_rows_once():
    once = estimate(ADMISSIONS, "demographic_parity_gap", seed=1).interval
    often = pd.concat([ADMISSIONS.assign(cluster=np.arange(300))] * 4, ignore_index=True)
    found = estimate(often, "demographic_parity_gap", seed=1).interval
    assert found.low == pytest.approx(once.low, abs=0.01)
    assert found.high == pytest.approx(once.high, abs=0.01)


def test_group_codes__missing_values__are_a_group_of_their_own():
    codes, names = group_codes(pd.Series(["b", None, "a", "b"]))
    assert names == ("a", "b", NOT_STATED)
    assert codes.tolist() == [1, 2, 0, 1]


# -- what chance gives ------------------------------------------------------------------------


def test_chance__equal_rates_of_many_small_groups__is_as_wide_as_a_plain_permutation():
    rng = np.random.default_rng(3)
    frame = drawn(rng, [60, 80, 40, 120], [0.4] * 4)
    found = chance(compared([scored(frame)], [SELECTED]), rng, 4000)
    group, decision = frame.protected_group.to_numpy(), frame.prediction.to_numpy()
    sizes = np.bincount(group)
    plain = [np.ptp(np.bincount(rng.permutation(group), decision) / sizes) for _ in range(4000)]
    assert found.expected == pytest.approx(np.mean(plain), rel=0.03)
    assert found.rarely_above == pytest.approx(np.quantile(plain, 0.95), rel=0.05)


@pytest.mark.parametrize("cluster", [0, 8])
@pytest.mark.parametrize(
    "rates",
    [(SELECTED,), (FOUND, Rate(alerts, negatives)), (Rate(excess),)],
    ids=["parity", "odds", "calibration"],
)
def test_chance__no_unfairness__is_called_unfair_in_about_one_of_twenty(rates, cluster):
    rng = np.random.default_rng(8)
    alarms, simulations = 0, 400
    for _ in range(simulations):
        frame = drawn(rng, [150, 250, 200], [0.3] * 3, cluster=cluster)
        found = compared([scored(frame)], rates)
        alarms += chance(found, rng, 99).p_value <= 0.05
    assert 0.02 <= alarms / simulations <= 0.08


def test_chance__gap_larger_than_any_permutation__never_has_p_0():
    frame = groups_of({0: (200, 0, 0, 0), 1: (0, 200, 0, 0)})
    found = chance(compared([scored(frame)], [SELECTED]), np.random.default_rng(1), 99)
    assert found.p_value == pytest.approx(1 / 100)


def test_interval__of_equal_and_unequal_groups__holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(4)
    for rates in ([0.3, 0.3, 0.3, 0.3], [0.3, 0.3, 0.4, 0.4], [0.2, 0.3, 0.3, 0.6]):
        held = 0
        for _ in range(200):
            found = compared([scored(drawn(rng, [150, 90, 300, 200], rates))], [SELECTED])
            interval = gap_interval(found, 0.95, rng, 300)
            held += interval.low <= max(rates) - min(rates) <= interval.high
        assert held >= 182


# -- against a baseline -----------------------------------------------------------------------


def test_compare__candidate_that_selects_one_group_more__is_a_wider_gap():
    rng = np.random.default_rng(2)
    before = drawn(rng, [400, 400], [0.3, 0.3])
    lifted = (before.protected_group == 1) & (rng.random(800) < 0.3)
    after = before.assign(prediction=np.where(lifted, 1, before.prediction))
    effect = compare(before, after, "demographic_parity_gap", paired=True)
    assert effect.interval.low > 0
    assert effect.p_value < 0.001
    assert effect.difference == pytest.approx(effect.candidate - effect.baseline)


def test_compare__baseline_without_groups__is_grouped_as_the_candidate_is():
    rng = np.random.default_rng(2)
    before, after = (drawn(rng, [200, 200], [0.3, 0.5]) for _ in range(2))
    after["label"] = before["label"]
    bare = compare(before.drop(columns="protected_group"), after, GAPS[0], paired=True)
    assert bare == compare(before, after, GAPS[0], paired=True)
    assert bare.interval is not None


def test_compare__unpaired_without_groups_on_one_side__says_so():
    before = drawn(np.random.default_rng(2), [200, 200], [0.3, 0.5])
    effect = compare(before.drop(columns="protected_group"), before, GAPS[0], paired=False)
    assert effect.reason is Reason.NO_GROUPS


# -- laws -------------------------------------------------------------------------------------

COUNTS = st.tuples(*[st.integers(0, 40)] * 4)
TABLES = st.dictionaries(st.integers(0, 5), COUNTS, min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(TABLES, st.permutations(range(6)))
def test_gap__groups_renamed__is_the_same(table, names):
    frame = groups_of(table)
    renamed = groups_of({names[group]: counts for group, counts in table.items()})
    for key in ("demographic_parity_gap", "equalised_odds_gap"):
        first, second = (estimate(f, key, seed=1, resamples=50) for f in (frame, renamed))
        assert first.reason is second.reason
        assert first.value == pytest.approx(second.value)


@settings(max_examples=40, deadline=None)
@given(TABLES)
def test_gap__any_table__lies_in_its_interval_or_has_a_reason(table):
    for key in ("demographic_parity_gap", "equal_opportunity_gap", "equalised_odds_gap"):
        found = estimate(groups_of(table), key, seed=1, resamples=50)
        if found.interval is None:
            assert found.reason is not Reason.NONE
        else:
            assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1
