"""What is seen beside the score: decisions counted, touched inputs measured, nothing invented."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from benchmarks.engine.observed import observed
from benchmarks.engine.perturbations import apply

pytestmark = pytest.mark.pure

N = 2000


@pytest.fixture
def original() -> pd.DataFrame:
    draw = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "x": draw.normal(size=N),
            "level": draw.choice(["a", "b", "c"], size=N),
            "untouched": draw.normal(size=N),
        }
    )


def seen(original, steps, decisions=None):
    asked = apply(original, steps, seed=1)
    answers = pd.DataFrame({"prediction": np.zeros(N) if decisions is None else decisions})
    return observed(answers, original, asked.frame, touched=asked.touched, seed=1)


def test_observed__decisions__are_the_share_of_ones_with_wilsons_interval(original):
    decisions = np.r_[np.ones(300), np.zeros(N - 300)]
    share = seen(original, [], decisions).decided
    assert (share.count, share.value) == (300, 0.15)
    expected = proportion_confint(300, N, method="wilson")
    assert (share.interval.low, share.interval.high) == pytest.approx(expected)


@pytest.mark.parametrize("decisions", [np.linspace(0, 5, N), np.full(N, np.nan)])
def test_observed__answers_that_are_no_decisions__have_no_share(original, decisions):
    assert seen(original, [], decisions).decided is None


def test_observed__nothing_touched__has_no_shift(original):
    assert seen(original, []).shifts == ()


def test_observed__shifted_number__is_measured_in_its_own_deviations(original):
    steps = [{"kind": "shift", "parameters": {"column": "x", "amount": 2.0}}]
    (shift,) = seen(original, steps).shifts
    assert (shift.column, shift.measure) == ("x", "wasserstein_sd")
    assert shift.distance == pytest.approx(2.0 / original["x"].std(), rel=1e-3)
    assert 0 < shift.floor < 0.2


def test_observed__values_gone__are_told_as_missing_and_not_as_a_distance(original):
    steps = [{"kind": "missing", "parameters": {"columns": ["x"]}}]
    (shift,) = seen(original, steps).shifts
    assert (shift.missing_before, shift.missing_after) == (0.0, 1.0)
    assert shift.distance is None


def test_observed__levels_swapped__are_measured_by_their_shares(original):
    steps = [
        {
            "kind": "unseen_level",
            "parameters": {"column": "level", "level": "new", "share": 0.5},
        }
    ]
    (shift,) = seen(original, steps).shifts
    assert (shift.column, shift.measure) == ("level", "jensen_shannon")
    assert shift.distance > shift.floor
