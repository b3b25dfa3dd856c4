"""Flips and churn: paired by item, counted by direction, silent where they have no meaning."""

import numpy as np
import pandas as pd
import pytest
from engine_frames import scored_frame
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from benchmarks.engine.effects import compare
from benchmarks.engine.metrics import estimate
from benchmarks.engine.scored import scored
from benchmarks.engine.slices import Slice
from benchmarks.engine.stability import churn, flips, flips_by_slice
from benchmarks.engine.values import Reason

pytestmark = pytest.mark.pure

# By item: label, decision on the unchanged row, decision now.
ITEMS = pd.DataFrame(
    [(1, 1, 0)] * 6 + [(0, 0, 1)] * 3 + [(1, 0, 1)] * 2 + [(0, 1, 0)] * 1 + [(1, 1, 1)] * 88,
    columns=["label", "reference_prediction", "prediction"],
)


def test_flips__counted_by_hand__by_direction_and_rightness():
    found = flips(scored(ITEMS))
    parts = (found.flipped, found.to_positive, found.to_negative, found.regressed, found.mended)
    assert [part.count for part in parts] == [12, 5, 7, 9, 3]
    assert (found.n, found.flipped.value) == (100, 0.12)


def test_flips__interval__is_wilsons():
    interval = flips(scored(ITEMS)).flipped.interval
    expected = proportion_confint(12, 100, method="wilson")
    assert (interval.low, interval.high) == pytest.approx(expected)


def test_flips__score_shift__is_the_mean_and_the_95th_percentile_of_the_distance():
    frame = scored_frame(400, seed=2)
    before = frame.assign(reference_score=np.roll(frame.score, 1))
    moved = (before.score - before.reference_score).abs()
    shift = flips(scored(before)).shift
    assert (shift.mean, shift.large) == pytest.approx((moved.mean(), moved.quantile(0.95)))
    assert shift.mean_interval.low < shift.mean < shift.mean_interval.high
    assert shift.large_interval.low <= shift.large <= shift.large_interval.high


def test_flips__rows_of_one_cluster__widen_the_interval():
    day = np.repeat(np.arange(10), 10)
    plain, robust = (flips(scored(f)).flipped.interval for f in (ITEMS, ITEMS.assign(cluster=day)))
    assert robust.high - robust.low > plain.high - plain.low


def test_flips__no_unchanged_answers__says_so():
    found = flips(scored(ITEMS.drop(columns="reference_prediction")))
    assert (found.flipped, found.reason) == (None, Reason.NO_REFERENCE)


def test_flips__classes_beyond_two__have_no_direction():
    found = flips(scored(ITEMS.assign(prediction=ITEMS.prediction * 2)))
    assert (found.to_positive, found.to_negative) == (None, None)
    assert found.flipped is not None


def test_flips__by_slice__are_those_of_the_slice_alone():
    part = Slice("ones", "Ones", {"column": "label", "op": "eq", "value": 1})
    found = flips_by_slice(ITEMS, [part])
    assert found["ones"] == flips(scored(ITEMS[ITEMS.label == 1]))
    assert found["all"] == flips(scored(ITEMS))


def test_flip_rate__as_a_metric__is_the_same_share():
    found = estimate(ITEMS, "flip_rate", seed=1)
    assert (found.value, found.n) == (0.12, 100)
    assert found.interval == flips(scored(ITEMS)).flipped.interval


def test_flip_rate__against_a_baseline__is_a_paired_proportion():
    steadier = ITEMS.assign(prediction=np.where(np.arange(100) < 6, 1, ITEMS.prediction))
    effect = compare(ITEMS, steadier, "flip_rate", paired=True)
    assert (effect.difference, effect.discordant) == (pytest.approx(-0.06), 6)
    assert effect.method == "mcnemar exact"


def test_churn__two_versions__counts_what_regressed_and_what_was_mended():
    before = ITEMS.assign(prediction=ITEMS.reference_prediction)
    found = churn(before, ITEMS)
    assert [part.count for part in (found.flipped, found.regressed, found.mended)] == [12, 9, 3]


def test_churn__rows_in_another_order__pairs_by_item():
    before, after = scored_frame(300, seed=1), scored_frame(300, seed=1, noise=1.0)
    assert churn(before, after.sample(frac=1, random_state=1)) == churn(before, after)


def test_churn__other_items__is_refused():
    with pytest.raises(ValueError, match="cannot be paired"):
        churn(ITEMS, ITEMS.iloc[1:])


@given(st.lists(st.tuples(*[st.integers(0, 1)] * 3), min_size=1, max_size=60))
def test_flips__any_items__have_parts_that_add_up(rows):
    frame = pd.DataFrame(rows, columns=["label", "reference_prediction", "prediction"])
    found = flips(scored(frame))
    assert found.to_positive.count + found.to_negative.count == found.flipped.count
    assert found.regressed.count + found.mended.count == found.flipped.count
