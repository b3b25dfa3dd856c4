"""Safety nets: caught rows counted by hand, intervals by the books, and nets that are refused."""

import numpy as np
import pandas as pd
import pytest
from engine_frames import scored_frame
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from benchmarks.engine.effects import compare
from benchmarks.engine.metrics import estimate
from benchmarks.engine.net_checks import columns_of, describe, problems
from benchmarks.engine.nets import NetError, answered, caught_of, held, rings, rung_of
from benchmarks.engine.sequential import sequential_effect
from benchmarks.engine.values import Reason

pytestmark = pytest.mark.pure

HIGH = {"column": "pressure", "op": "gt", "value": 1030}
GUARDRAIL = {"kind": "guardrail", "condition": HIGH}
BAND = {"kind": "guardrail", "band": [0.4, 0.6]}
FALLBACK = {**GUARDRAIL, "kind": "fallback", "answer": {"decision": 0}}
RULE = {**FALLBACK, "answer": {"column": "delay", "at_least": 15}}
ALERT = {"kind": "alert", "condition": HIGH, "window": 10, "threshold": 0.2}
COLUMNS = {"pressure": "number", "delay": "number", "city": "string"}

# By item: label, decision, caught: 20 wrong of which 15 caught, 80 right of which 4 caught.
ITEMS = pd.DataFrame(
    [(1, 0, 1)] * 15 + [(1, 0, 0)] * 5 + [(0, 0, 1)] * 4 + [(1, 1, 0)] * 76,
    columns=["label", "prediction", "net_held"],
)


def asked(pressure, **more):
    return pd.DataFrame({"pressure": pressure, **more})


# -- catching ---------------------------------------------------------------------------------


def test_held__condition_and_band__either_catches_and_a_missing_value_does_not():
    frame = asked([1040.0, 1000.0, np.nan, 1000.0])
    both = {**GUARDRAIL, "band": [0.4, 0.6]}
    scores = np.array([0.9, 0.9, 0.9, 0.6])
    assert held(frame, both, scores).tolist() == [True, False, False, True]
    assert held(frame, BAND, scores).tolist() == [False, False, False, True]


def test_held__column_that_the_data_lack__is_named():
    with pytest.raises(NetError, match="The safety net reads column “pressure”"):
        held(pd.DataFrame({"city": ["Rome"]}), GUARDRAIL, np.zeros(1))


def test_answered__constant__replaces_only_what_was_caught():
    found = answered(asked([1, 2, 3]), FALLBACK, np.array([True, False, True]), np.ones(3))
    assert found.tolist() == [0, 1, 0]


def test_answered__by_column__decides_at_the_bound_and_never_by_a_missing_value():
    frame = asked([1, 2, 3], delay=[15.0, 14.9, np.nan])
    found = answered(frame, RULE, np.ones(3, dtype=bool), np.ones(3))
    assert found.tolist() == [1, 0, 0]


@pytest.mark.parametrize("column", ["delay", "city"])
def test_answered__column_without_numbers__is_named(column):
    frame = pd.DataFrame({"city": ["Rome"]})
    net = {**RULE, "answer": {"column": column, "at_least": 1}}
    with pytest.raises(NetError, match="holds no numbers"):
        answered(frame, net, np.ones(1, dtype=bool), np.ones(1))


def test_rings__share_above_the_threshold__not_at_it_and_no_half_window():
    pressure = [1040] * 2 + [1000] * 8 + [1040] * 3 + [1000] * 7 + [1040] * 9
    assert rings(asked(pressure), ALERT).tolist() == [False, True]
    assert rings(asked([1040] * 9), ALERT).tolist() == []


# -- measuring --------------------------------------------------------------------------------


def test_caught__counted_by_hand__with_wilsons_intervals():
    found = caught_of(ITEMS, None, seed=1)
    assert (found.rows, found.caught, found.wrong) == (100, 19, 20)
    assert (found.wrong_caught, found.right_caught) == (15, 4)
    assert (found.detection.value, found.detection.n) == (0.75, 20)
    assert (found.false_alarm.value, found.false_alarm.n) == (0.05, 80)
    for part, counts in ((found.detection, (15, 20)), (found.false_alarm, (4, 80))):
        ends = part.interval.low, part.interval.high
        assert ends == pytest.approx(proportion_confint(*counts, method="wilson"))


def test_caught__guardrail__shows_the_accuracy_of_what_is_still_answered():
    found = caught_of(ITEMS, None, seed=1)
    assert (found.before.value, found.after.value) == (0.8, pytest.approx(76 / 81))
    assert found.gain is None


def test_caught__fallback__shows_the_accuracy_without_and_with_it_and_the_gain():
    instead = np.where(ITEMS.net_held == 1, 1, ITEMS.prediction)
    found = caught_of(ITEMS, instead, seed=1)
    assert (found.before.value, found.after.value) == (0.8, pytest.approx(0.91))
    assert found.gain.difference == pytest.approx(0.11)
    assert found.gain.interval.low < 0.11 < found.gain.interval.high


def test_net_metrics__no_net__say_so_and_are_not_zero():
    for key in ("net_detection", "net_false_alarm"):
        found = estimate(ITEMS.drop(columns="net_held"), key, seed=1)
        assert (found.value, found.reason) == (None, Reason.NO_NET)


def test_net_detection__model_that_is_never_wrong__has_nothing_to_detect():
    faultless = ITEMS.assign(prediction=ITEMS.label)
    found = estimate(faultless, "net_detection", seed=1)
    assert (found.value, found.n, found.reason) == (None, 0, Reason.NOTHING_COUNTS)


def test_net_detection__two_versions__compares_the_shares_of_their_own_errors():
    before, after = scored_frame(4000, seed=7), scored_frame(4000, seed=7, noise=1.0)
    effect = compare(before, after, "net_detection", paired=True)
    shares = [f.net_held[f.prediction != f.label].mean() for f in (before, after)]
    assert effect.difference == pytest.approx(shares[1] - shares[0])
    draw = np.random.default_rng(0)
    changes = []
    for _ in range(600):
        rows = draw.integers(0, 4000, 4000)
        sides = [f.iloc[rows] for f in (before, after)]
        first, second = (f.net_held[f.prediction != f.label].mean() for f in sides)
        changes.append(second - first)
    low, high = np.percentile(changes, [2.5, 97.5])
    assert effect.interval.low == pytest.approx(low, abs=0.15 * (high - low))
    assert effect.interval.high == pytest.approx(high, abs=0.15 * (high - low))


def test_net_detection__few_errors__are_too_few_to_compare():
    few = ITEMS.assign(prediction=np.where(np.arange(100) < 10, 0, ITEMS.label))
    assert compare(ITEMS, few, "net_detection", paired=True).reason is Reason.TOO_FEW


def test_net_detection__many_looks__is_not_compared():
    frame = scored_frame(400, seed=2)
    effect = sequential_effect(frame, frame, "net_detection", planned_n=400)
    assert effect.reason is Reason.NO_SEQUENCE


@given(st.lists(st.tuples(*[st.integers(0, 1)] * 3), min_size=1, max_size=60))
def test_caught__any_items__have_parts_that_add_up(rows):
    found = caught_of(pd.DataFrame(rows, columns=ITEMS.columns), None, seed=1)
    assert found.wrong_caught + found.right_caught == found.caught <= found.rows
    assert found.wrong_caught <= found.wrong


def test_rung__windows__are_counted_on_both_sides_with_wilsons_intervals():
    disturbed, calm = np.arange(20) < 18, np.arange(30) < 1
    found = rung_of(disturbed, calm, 10)
    assert (found.disturbed_rung, found.disturbed) == (18, 20)
    assert (found.undisturbed_rung, found.undisturbed) == (1, 30)
    ends = found.detection.interval.low, found.detection.interval.high
    assert ends == pytest.approx(proportion_confint(18, 20, method="wilson"))
    assert found.false_alarm.value == pytest.approx(1 / 30)


def test_rung__nothing_disturbed_or_no_whole_window__is_too_few_and_not_zero():
    found = rung_of(None, np.zeros(0, dtype=bool), 10)
    for part in (found.detection, found.false_alarm):
        assert (part.value, part.reason) == (None, Reason.TOO_FEW)


# -- declaring --------------------------------------------------------------------------------


@pytest.mark.parametrize("net", [{}, GUARDRAIL, BAND, FALLBACK, RULE, ALERT])
def test_problems__usable_net__has_none(net):
    assert problems(net, COLUMNS) == []


@pytest.mark.parametrize(
    ("net", "sentence"),
    [
        ("guard", "must be an object"),
        ({"kind": "fence"}, "one of guardrail, fallback, alert"),
        ({"kind": ["guardrail"]}, "one of guardrail, fallback, alert"),
        ({"kind": "guardrail"}, "Say which rows it catches"),
        ({**GUARDRAIL, "window": 5}, "Unexpected in a safety net of this kind: window"),
        ({**GUARDRAIL, "condition": {}}, "The condition is empty"),
        ({**GUARDRAIL, "condition": {**HIGH, "column": "presure"}}, "did you mean “pressure”"),
        ({**BAND, "band": [0.6, 0.4]}, "lowest score is above"),
        ({**BAND, "band": [0.6, float("nan")]}, "needs two numbers"),
        ({**BAND, "band": 0.5}, "needs two numbers"),
        ({**FALLBACK, "answer": {"decision": 2}}, "0 or 1"),
        ({**FALLBACK, "answer": {"decision": [1]}}, "0 or 1"),
        ({**FALLBACK, "answer": None}, "“answer” is"),
        ({**RULE, "answer": {"column": "city", "at_least": 1}}, "no column of numbers"),
        ({**RULE, "answer": {"column": 7, "at_least": 1}}, "needs the column's name"),
        ({**ALERT, "window": 3}, "from 10 to 1,000,000"),
        ({**ALERT, "window": 50.0}, "from 10 to 1,000,000"),
        ({**ALERT, "threshold": 1}, "from 0 to below 1"),
        ({**ALERT, "threshold": "half"}, "from 0 to below 1"),
        ({"kind": "alert", "window": 50, "threshold": 0.1}, "needs the condition"),
    ],
)
def test_problems__unusable_net__is_told_in_a_sentence(net, sentence):
    assert sentence in " ".join(problems(net, COLUMNS))


@pytest.mark.parametrize(
    ("net", "words"),
    [
        ({}, ""),
        (GUARDRAIL, "A guardrail holds rows where pressure above 1030"),
        (
            {**RULE, "band": [0.4, 0.6]},
            "A fallback answers 1 if delay is at least 15, else 0, where pressure above 1030 "
            "or the score is from 0.4 to 0.6",
        ),
        (
            ALERT,
            "An alert rings when of 10 consecutive rows more than 20 % have pressure above 1030",
        ),
    ],
)
def test_describe__net__is_a_plain_sentence(net, words):
    assert describe(net) == words


def test_columns__of_condition_and_answer__are_all_named():
    assert columns_of(RULE) == {"pressure", "delay"}
    assert columns_of(BAND) == set()
