"""The domain classifier: silent without drift, and right about what single columns hide."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.engine.drift import compare_frames

pytestmark = pytest.mark.pure


def frame(n, seed, correlation=0.0):
    rng = np.random.default_rng([n, seed])
    x, noise = rng.normal(size=(2, n))
    y = correlation * x + np.sqrt(1 - correlation**2) * noise
    return pd.DataFrame({"x": x, "y": y, "level": rng.choice(list("abc"), n)})


def classified(reference, current):
    return compare_frames(reference, current, seed=3).classifier


def test_area__columns_alike_but_no_longer_related__is_seen():
    report = compare_frames(frame(1500, 1, 0.9), frame(1500, 2, 0.0), seed=3)
    assert report.drifted == ()
    assert report.classifier.separates
    assert report.classifier.area > 0.7
    assert {name for name, _ in report.classifier.columns[:2]} == {"x", "y"}


def test_interval__no_drift__misses_one_half_at_its_level():
    missed = []
    for i in range(60):
        found = classified(frame(150, i), frame(120, i + 500)).interval
        missed.append(not found.low <= 0.5 <= found.high)
    # Three binomial errors of 60 repetitions above 5 %.
    assert np.mean(missed) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)


def test_area__far_apart__is_certain_and_names_the_column():
    moved = frame(300, 2)
    moved["level"] = "z"
    found = classified(frame(400, 1), moved)
    assert found.area == 1.0
    assert found.interval.low > 0.9
    assert found.columns[0][0] == "level"
    assert (found.reference_used, found.current_used) == (400, 300)


def test_area__missing_values_alone__are_a_trace():
    holed = frame(400, 2)
    holed.loc[:200, "x"] = np.nan
    assert classified(frame(400, 1), holed).columns[0][0] == "x"


def test_area__large_tables__are_sampled():
    found = classified(frame(3000, 1), frame(2500, 2))
    assert (found.reference_used, found.current_used) == (2000, 2000)


@pytest.mark.parametrize("n", [0, 1, 2, 29])
def test_area__too_few_rows__is_missing(n):
    assert classified(frame(200, 1), frame(n, 2)) is None


def test_area__nothing_to_compare__is_missing():
    names = pd.DataFrame({"id": [f"row {i}" for i in range(200)]})
    assert classified(names, names) is None


def test_area__identical_tables__does_not_separate():
    assert not classified(frame(300, 1), frame(300, 1)).separates
