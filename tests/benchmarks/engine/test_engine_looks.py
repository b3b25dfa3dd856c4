"""Looks at bounded values and at planned moments: published boundaries and false alarms."""

import numpy as np
import pytest
from engine_frames import scored_frame
from scipy import stats

from benchmarks.engine.group_sequential import boundaries, repeated_interval, spent
from benchmarks.engine.intervals import mean_of
from benchmarks.engine.metrics import metric_of
from benchmarks.engine.scored import scored
from benchmarks.engine.sequential import sequential_effect, sequential_estimate
from benchmarks.engine.sequential_bounded import bounded_sequence, capital

pytestmark = pytest.mark.pure

METHODS = ["betting", "bernstein"]


@pytest.mark.parametrize(
    ("looks", "published"),
    [
        # Reboussin, DeMets, Kim and Lan (2000): O'Brien-Fleming spending, two-sided 5 %.
        (1, [1.9600]),
        (2, [2.9626, 1.9686]),
        (3, [3.7103, 2.5114, 1.9930]),
        (4, [4.3326, 2.9631, 2.3590, 2.0141]),
        (5, [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
    ],
)
def test_boundaries__equal_looks__are_the_published_ones(looks, published):
    fractions = [(look + 1) / looks for look in range(looks)]
    assert boundaries(fractions) == pytest.approx(published, abs=2e-4)


def test_boundaries__uneven_looks__spend_alpha_exactly():
    fractions = [0.2, 0.5, 0.55, 0.9]
    limits = np.array(boundaries(fractions, 0.05))
    rng = np.random.default_rng(1)
    steps = rng.normal(size=(200_000, 4)) * np.sqrt(np.diff(fractions, prepend=0.0))
    z = np.cumsum(steps, axis=1) / np.sqrt(fractions)
    crossed = (np.abs(z) > limits).any(axis=1).mean()
    assert crossed == pytest.approx(spent(0.9, 0.05), abs=0.0015)


@pytest.mark.parametrize("bad", [[], [0.0, 1.0], [0.5, 0.5], [0.5, 1.2], [0.8, 0.4]])
def test_boundaries__looks_that_do_not_rise__are_refused(bad):
    with pytest.raises(ValueError, match="rise"):
        boundaries(bad)


def test_repeated_interval__without_spread__says_nothing():
    limits = boundaries([0.5, 1.0])
    assert repeated_interval(mean_of(np.ones(9), None), 0, limits, 0.05).low is None
    part = mean_of(np.arange(9.0), None)
    found = repeated_interval(part, 1, limits, 0.05)
    assert found.high - found.low == pytest.approx(2 * limits[1] * part.error)


def test_group_sequential__20_looks_at_no_difference__alarms_in_at_most_5_percent():
    looks = np.arange(50, 1001, 50)
    limits = np.array(boundaries(looks / 1000))
    values = np.random.default_rng(2).normal(size=(4000, 1000))
    z = np.cumsum(values, axis=1)[:, looks - 1] / np.sqrt(looks)
    assert 0.04 <= (np.abs(z) > limits).any(axis=1).mean() <= 0.055


@pytest.mark.parametrize("method", METHODS)
def test_bounded_sequence__unchanged_rate__is_held_at_all_20_looks_at_once(method):
    rng = np.random.default_rng(3)
    lost = 0
    for _ in range(150):
        values = (rng.random(600) < 0.9).astype(float) - (rng.random(600) < 0.9)
        # The last interval is what all looks before it share, so it tells of each of them.
        ends = bounded_sequence(values, low=-1, high=1, method=method)
        lost += (ends.low or -1) > 0 or (ends.high or 1) < 0
    assert lost <= 12  # 5 % of 150, plus 1.7 binomial errors


def test_capital__under_the_true_mean__is_a_fair_game():
    rng = np.random.default_rng(4)
    refuted = np.mean([
        capital((rng.random(400) < 0.3).astype(float), np.array([0.3]), 0.05)[0] >= 20
        for _ in range(2000)
    ])  # fmt: skip
    assert refuted <= 0.05


def test_capital__by_hand__is_the_product_of_its_bets():
    share, mean = np.array([1.0, 0.0, 1.0]), 0.4
    bets = []
    for seen in range(3):
        past = share[:seen]
        running = [(0.5 + share[: i + 1].sum()) / (i + 2) for i in range(seen)]
        variance = (0.25 + ((past - np.array(running)) ** 2).sum()) / (seen + 1)
        time = seen + 1
        bets.append(np.sqrt(2 * np.log(40) / (variance * time * np.log(time + 1))))
    gaps = share - mean
    up = np.cumprod(1 + np.minimum(bets, 0.5 / mean) * gaps)
    down = np.cumprod(1 - np.minimum(bets, 0.5 / (1 - mean)) * gaps)
    expected = max(up.max(), down.max()) / 2
    assert capital(share, np.array([mean]), 0.05)[0] == pytest.approx(expected)


@pytest.mark.parametrize("method", METHODS)
def test_bounded_sequence__low_variance__beats_hoeffding(method):
    values = (np.random.default_rng(5).random(2000) < 0.95).astype(float)
    found = bounded_sequence(values, low=0, high=1, method=method)
    assert found.low <= values.mean() <= found.high
    assert found.high - found.low < 2 * np.sqrt(np.log(40) / 4000)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("values", [[], [1.0], [0.0, 1.0], [1.0] * 3])
def test_bounded_sequence__hardly_any_value__leaves_the_ends_open(method, values):
    found = bounded_sequence(np.array(values), low=0, high=1, method=method)
    assert found.low is None or found.low < 0.7
    assert found.high is None


@pytest.mark.parametrize("method", METHODS)
def test_bounded_sequence__constant_values__close_in_on_them(method):
    found = bounded_sequence(np.full(500, 0.5), low=0, high=1, method=method)
    assert 0.4 < found.low < 0.5 < found.high < 0.6


def test_bounded_sequence__value_beyond_the_ends__is_refused():
    with pytest.raises(ValueError, match="outside"):
        bounded_sequence(np.array([0.5, 1.5]), low=0, high=1)


def test_sequence__typical_latency__is_turned_back_from_its_logs():
    before = scored_frame(400, seed=8)
    after = before.assign(latency_ms=before.latency_ms * (1.1 + 0.1 * before.score))
    effect = sequential_effect(before, after, "typical_latency", planned_n=400)
    assert effect.candidate == pytest.approx(stats.gmean(after.latency_ms))
    assert effect.interval.low < effect.difference < effect.interval.high
    assert effect.relative.low > 1.1
    found = sequential_estimate(
        scored(before), metric_of("typical_latency"), "all", alpha=0.05, planned_n=400
    )
    assert found.interval.low < found.value < found.interval.high
