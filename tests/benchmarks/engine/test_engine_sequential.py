"""Confidence sequences: looking often must not raise false alarms."""

import numpy as np
import pytest
from engine_frames import paired_table, scored_frame

from benchmarks.engine.sequential import confidence_sequence, sequential_effect
from benchmarks.engine.values import Reason

pytestmark = pytest.mark.pure

LOOKS = range(100, 2001, 100)


def test_confidence_sequence__20_looks_at_no_difference__alarms_in_at_most_5_percent():
    rng = np.random.default_rng(12)
    alarms = 0
    for _ in range(400):
        differences = rng.choice([-1.0, 0.0, 1.0], p=[0.05, 0.9, 0.05], size=2000)
        alarms += any(excludes_zero(differences[:n]) for n in LOOKS)
    assert alarms <= 20


def test_fixed_interval__20_looks_at_no_difference__alarms_far_more_often():
    rng = np.random.default_rng(12)
    alarms = 0
    for _ in range(400):
        differences = rng.choice([-1.0, 0.0, 1.0], p=[0.05, 0.9, 0.05], size=2000)
        n = np.arange(1, 2001)
        z = np.cumsum(differences) / np.sqrt(np.maximum(np.cumsum(differences**2), 1))
        alarms += (np.abs(z[np.array(LOOKS) - 1]) > 1.96).any()
        assert len(n) == 2000
    assert alarms > 60


def excludes_zero(differences):
    interval = confidence_sequence(differences, planned_n=2000)
    return interval.low > 0 or interval.high < 0


def test_confidence_sequence__at_the_planned_n__is_1_55_times_as_wide_as_one_look():
    differences = np.random.default_rng(1).normal(size=5000)
    interval = confidence_sequence(differences, planned_n=5000)
    single = 1.96 * differences.std(ddof=1) / np.sqrt(5000)
    assert (interval.high - interval.low) / 2 / single == pytest.approx(1.55, abs=0.005)


def test_confidence_sequence__singleton_clusters__change_nothing():
    differences = np.random.default_rng(1).normal(size=300)
    plain = confidence_sequence(differences, planned_n=500)
    single = confidence_sequence(differences, planned_n=500, clusters=np.arange(300))
    assert (single.low, single.high) == pytest.approx((plain.low, plain.high))


def test_confidence_sequence__copies_in_clusters__is_as_wide_as_without_copies():
    differences = np.random.default_rng(1).normal(size=300)
    plain = confidence_sequence(differences, planned_n=500)
    copied = confidence_sequence(
        np.repeat(differences, 4), planned_n=2000, clusters=np.repeat(np.arange(300), 4)
    )
    assert (copied.low, copied.high) == pytest.approx((plain.low, plain.high))


@pytest.mark.parametrize("n", [0, 1, 2, 19])
def test_confidence_sequence__before_the_first_look__says_nothing(n):
    interval = confidence_sequence(np.ones(n), planned_n=100)
    assert (interval.low, interval.high) == (None, None)


def test_sequential_effect__lost_items__are_found_and_p_agrees_with_the_interval():
    effect = sequential_effect(*paired_table(700, 80, 10, 210), "recall", planned_n=1000)
    assert effect.interval.high < 0
    assert effect.p_value < 0.05
    assert effect.discordant == 90


@pytest.mark.parametrize("lost", range(20, 45, 4))
def test_sequential_effect__p_value__is_below_alpha_exactly_when_0_is_excluded(lost):
    effect = sequential_effect(*paired_table(700, lost, 10, 200), "recall", planned_n=1000)
    assert abs(effect.p_value - 0.05) < 0.02 or (effect.p_value < 0.05) == (
        effect.interval.high < 0
    )


def test_sequential_effect__nothing_discordant__still_has_width():
    effect = sequential_effect(*paired_table(90, 0, 0, 10), "recall", planned_n=1000)
    assert effect.interval.low < 0 < effect.interval.high
    assert effect.p_value == 1


def test_sequential_effect__margin__states_the_items_needed():
    frames = scored_frame(500), scored_frame(500, noise=0.5)
    effect = sequential_effect(*frames, "brier", planned_n=1000, margin=0.001)
    assert effect.needed_n > 500


@pytest.mark.parametrize("metric", ["roc_auc", "f1", "p95_latency"])
def test_sequential_effect__metric_without_a_sequence__says_so(metric):
    effect = sequential_effect(scored_frame(), scored_frame(noise=1), metric, planned_n=1000)
    assert (effect.interval, effect.reason) == (None, Reason.NO_SEQUENCE)


def test_sequential_effect__no_positive__is_undefined():
    frame = scored_frame().assign(label=0)
    effect = sequential_effect(frame, frame, "recall", planned_n=1000)
    assert effect.reason is Reason.ONE_CLASS
