"""Seeded simulations: without a difference each test speaks as often as it claims to, and its
interval holds the difference that there is. The strict form is `python -m benchmarks.bench.bars`.
"""

import numpy as np
import pandas as pd
import pytest
from engine_frames import decisions

from benchmarks.bench.bars import rows, world_rows
from benchmarks.bench.families import family_rows
from benchmarks.bench.worlds import WORLDS
from benchmarks.engine.effects import compare
from benchmarks.engine.metrics import metric_of
from benchmarks.engine.values import Kind

pytestmark = pytest.mark.pure

SIMULATIONS = 60


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_comparison__in_a_world_of_known_truth__keeps_its_size_and_coverage(world):
    for row in world_rows(world, SIMULATIONS):
        assert row["holds"], row


def test_worlds__every_kind__has_one():
    assert {metric_of(world.metric).kind for world in WORLDS} == set(Kind)


def test_families__200_cells__keep_their_false_discoveries():
    for row in family_rows(SIMULATIONS):
        assert row["holds"], row


def test_bars__unknown_form__is_refused():
    with pytest.raises(ValueError, match="short, full"):
        next(rows("huge"))


def test_area__10_positives__speaks_in_about_5_percent():
    """Where a normal law would speak too often, by the t law of few positives."""
    rng = np.random.default_rng(11)
    label = np.r_[np.ones(10), np.zeros(90)]
    p_values = []
    for _ in range(600):
        shared = rng.normal(size=100) + label
        sides = [
            pd.DataFrame({"label": label, "score": shared + 0.7 * rng.normal(size=100)})
            for _ in range(2)
        ]
        p_values.append(compare(*sides, "roc_auc", paired=True, resamples=50).p_value)
    assert 0.03 <= np.mean(np.array(p_values) < 0.05) <= 0.075


def test_clusters__ignored__would_speak_far_too_often():
    rng = np.random.default_rng(11)
    cluster = np.repeat(np.arange(40), 15)
    alarms = 0
    for _ in range(300):
        luck = 0.12 * rng.normal(size=(2, 40))
        sides = [
            decisions(np.ones(600), (rng.random(600) < np.clip(0.7 + part, 0, 1)[cluster]) * 1)
            for part in luck
        ]
        alarms += compare(*sides, "accuracy", paired=True).p_value < 0.05
    assert alarms / 300 > 0.095
