"""The debiased calibration error's own spread: by brute force over pairs, and by simulation."""

import numpy as np
import pytest
from engine_frames import scored_frame

from benchmarks.engine.calibration_error import BINS, bin_of, calibration_error, item_columns
from benchmarks.engine.calibration_pairs import pair_sum, paired_shift, unpaired_shift
from benchmarks.engine.effects import compare
from benchmarks.engine.metrics import estimates
from benchmarks.engine.scored import scored

pytestmark = pytest.mark.pure


def sample(n, seed, overconfidence=1.0):
    frame = scored_frame(n, seed=seed)
    odds = overconfidence * np.log(frame.score / (1 - frame.score))
    return scored(frame.assign(score=1 / (1 + np.exp(-odds))))


def perfectly_calibrated(rng, n):
    frame = scored_frame(n, seed=1)
    score = rng.random(n)
    return scored(frame.assign(score=score, label=(rng.random(n) < score).astype(int)))


def test_square__of_a_sample__is_the_sum_over_pairs_of_one_bin():
    part = sample(60, seed=4)
    bins, departure = bin_of(part["score"]), part["label"] - part["score"]
    sizes = np.bincount(bins, minlength=BINS)
    total = sizes[sizes >= 2].sum()
    expected = sum(
        departure[i] * departure[j] / (total * (sizes[bins[i]] - 1))
        for i in range(60)
        for j in range(60)
        if i != j and bins[i] == bins[j]
    )
    assert pair_sum(part).square == pytest.approx(expected)


def test_root__of_a_sample__is_the_debiased_error_of_its_totals():
    part = sample(500, seed=2, overconfidence=2.5)
    bins, columns = item_columns(part)
    totals = np.zeros((BINS, 3))
    np.add.at(totals, bins, columns)
    assert pair_sum(part).root == pytest.approx(float(calibration_error(totals.T.ravel())))


def test_square__of_a_perfect_forecaster__is_zero_on_average():
    rng = np.random.default_rng(5)
    squares = [pair_sum(perfectly_calibrated(rng, 150)).square for _ in range(400)]
    assert abs(np.mean(squares)) < 3 * np.std(squares) / 20


@pytest.mark.parametrize("n", [200, 1500])
def test_variance__of_a_perfect_forecaster__is_the_spread_over_samples(n):
    """Only pairs matter here: influences alone would say twice as much."""
    rng = np.random.default_rng(6)
    found = [pair_sum(perfectly_calibrated(rng, n)) for _ in range(400)]
    spread = np.var([part.square for part in found])
    assert np.mean([part.variance for part in found]) == pytest.approx(spread, rel=0.25)


def test_shift__one_result_twice__has_nothing_that_varies():
    part = pair_sum(sample(300, seed=3))
    assert paired_shift(part, part) is None


def test_shift__without_pairs__counts_both_sides_noise():
    before = pair_sum(sample(3000, seed=3, overconfidence=2))
    after = pair_sum(sample(3000, seed=8, overconfidence=3))
    found = unpaired_shift(before, after)
    errors = (before.slope**2 * before.variance, after.slope**2 * after.variance)
    assert found.error == pytest.approx(np.sqrt(sum(errors)))


def test_pairs__no_bin_with_two_items__are_none():
    assert pair_sum(sample(1, seed=3)) is None


def test_comparison__clearly_miscalibrated_side__is_told_by_pairs_of_items():
    frame = scored_frame(3000, seed=9)
    odds = np.log(frame.score / (1 - frame.score))
    sides = [frame.assign(score=1 / (1 + np.exp(-k * odds))) for k in (2.0, 2.6)]
    effect = compare(*sides, "ece", paired=True)
    assert effect.method == "pairs of items"
    assert effect.interval.low <= effect.difference <= effect.interval.high
    [estimate] = estimates(sides[0], ["ece"], [], seed=1)
    assert estimate.interval.method == "pairs of items"
    assert estimate.interval.low < estimate.value < estimate.interval.high
