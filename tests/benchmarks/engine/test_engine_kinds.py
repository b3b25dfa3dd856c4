"""Comparisons of the newer kinds against statsmodels, scipy, scikit-learn and textbooks."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from engine_frames import scored_frame
from scipy import stats
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from benchmarks.engine.calibration import calibration_test
from benchmarks.engine.counts import Events, exact_p, exact_ratio, garwood, negative_binomial
from benchmarks.engine.effects import compare
from benchmarks.engine.forecasts import long_run_mean
from benchmarks.engine.preferences import bradley_terry
from benchmarks.engine.quantiles import time_blocks
from benchmarks.engine.scored import scored
from benchmarks.engine.values import Margin, Reason

pytestmark = pytest.mark.pure

BEFORE, AFTER = scored_frame(600, seed=3), scored_frame(600, seed=3, noise=1.5)


def ends(effect):
    return effect.interval.low, effect.interval.high


def counted(events, exposure=None):
    frame = pd.DataFrame({"events": np.asarray(events, dtype=float)})
    return frame if exposure is None else frame.assign(exposure=exposure)


# Event counts


def test_events__two_totals__give_the_exact_conditional_p():
    effect = compare(counted([7, 4], [30, 20]), counted([9, 16], [25, 27]), "event_rate",
                     paired=False)  # fmt: skip
    tails = stats.binom.cdf(25, 36, 52 / 102), stats.binom.sf(24, 36, 52 / 102)
    assert effect.p_value == pytest.approx(2 * min(tails))
    assert effect.method == "exact poisson"
    assert effect.difference == pytest.approx(25 / 52 - 11 / 50)


def test_events__ratio_interval__is_clopper_and_pearsons_turned_back():
    candidate, baseline = Events(np.array([15.0]), np.ones(1)), Events(np.array([8.0]), np.ones(1))
    found = stats.binomtest(15, 23).proportion_ci(0.95, "exact")
    expected = found.low / (1 - found.low), found.high / (1 - found.high)
    assert exact_ratio(candidate, baseline, 0.95) == pytest.approx(expected)
    assert exact_p(candidate, baseline) == pytest.approx(2 * stats.binom.sf(14, 23, 0.5))


def test_garwood__ten_events__are_the_published_limits():
    # Ulm (1990), table: 10 observed events, 4.795 to 18.390.
    assert garwood(10, 1, 0.95) == pytest.approx((4.795, 18.390), abs=1e-3)
    assert garwood(0, 1, 0.95) == pytest.approx((0, 3.689), abs=1e-3)


def test_events__none_on_either_side__keep_a_doubt():
    effect = compare(counted([0] * 40), counted([0] * 40), "event_rate", paired=False)
    assert effect.p_value == 1
    assert ends(effect)[0] < 0 < ends(effect)[1]
    assert (effect.relative.low, effect.relative.high) == (0, None)


def test_events__overdispersed__agree_with_statsmodels_negative_binomial():
    rng = np.random.default_rng(5)
    first, second = (rng.poisson(mean * rng.gamma(1.5, 1 / 1.5, 150)) for mean in (2.0, 3.0))
    effect = compare(counted(first), counted(second), "event_rate", paired=False)
    side = np.repeat([0.0, 1.0], 150)
    fit = sm.NegativeBinomial(np.r_[first, second], sm.add_constant(side)).fit(disp=0)
    assert effect.method == "negative binomial"
    part = negative_binomial(
        Events(second.astype(float), np.ones(150)), Events(first.astype(float), np.ones(150))
    )
    assert part.value == pytest.approx(fit.params[1], abs=1e-4)
    assert part.error == pytest.approx(fit.bse[1], rel=0.01)


def test_events__uneven_exposure__agree_with_statsmodels_negative_binomial():
    rng = np.random.default_rng(6)
    exposure = rng.uniform(0.5, 3.0, 300)
    side = np.repeat([0.0, 1.0], 150)
    events = rng.poisson(2 * (1 + side) * exposure * rng.gamma(1.2, 1 / 1.2, 300)).astype(float)
    fit = sm.NegativeBinomial(events, sm.add_constant(side), exposure=exposure).fit(disp=0)
    part = negative_binomial(
        Events(events[150:], exposure[150:]), Events(events[:150], exposure[:150])
    )
    assert part.value == pytest.approx(fit.params[1], abs=1e-3)
    assert part.error == pytest.approx(fit.bse[1], rel=0.03)


def test_events__paired__are_the_binomial_of_their_sum():
    rng = np.random.default_rng(7)
    rate = rng.gamma(0.7, 2.0, 200)
    first, second = rng.poisson(rate), rng.poisson(rate)
    effect = compare(counted(first), counted(second), "event_rate", paired=True)
    expected = stats.binomtest(int(second.sum()), int(first.sum() + second.sum())).pvalue
    assert effect.method == "conditional binomial"
    assert effect.p_value == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("bad", [[-1.0, 2.0], [0.5, 1.0]])
def test_events__not_whole_numbers__are_undefined(bad):
    effect = compare(counted([1, 2]), counted(bad), "event_rate", paired=False)
    assert (effect.interval, effect.reason) == (None, Reason.UNDEFINED)


# Forecasts


def test_long_run_mean__independent_series__has_about_the_plain_error():
    rng = np.random.default_rng(8)
    errors = [long_run_mean(rng.normal(size=400)).variance * 400 for _ in range(200)]
    assert np.mean(errors) == pytest.approx(1.0, abs=0.06)


def test_long_run_mean__correlated_series__sees_most_of_its_larger_error():
    rng = np.random.default_rng(9)
    found = []
    for _ in range(100):
        series = np.convolve(rng.normal(size=500), np.ones(4) / 2, mode="valid")
        found.append(long_run_mean(series).variance * len(series))
    # Four equal weights of one half: long-run variance 4, variance of a single value 1.
    assert 3.2 < np.mean(found) < 4.4


def test_forecasts__several_horizons__are_refused_together():
    effect = compare(
        BEFORE.assign(horizon=BEFORE.group), AFTER.assign(horizon=AFTER.group), "forecast_mae",
        paired=True,
    )  # fmt: skip
    assert effect.reason is Reason.MIXED_HORIZONS


def test_forecasts__time_column__orders_the_losses():
    shuffled = np.random.default_rng(1).permutation(600)
    sides = [
        frame.assign(day=pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(600), "h"))
        for frame in (BEFORE, AFTER)
    ]
    expected = compare(*sides, "forecast_mse", paired=True, time="day")
    mixed = [side.iloc[shuffled] for side in sides]
    found = compare(*mixed, "forecast_mse", paired=True, time="day")
    assert found.p_value == pytest.approx(expected.p_value)
    assert found.p_value != compare(*mixed, "forecast_mse", paired=True).p_value


# Preferences


def test_bradley_terry__without_ties_and_position__is_the_log_odds_of_winning():
    fit = bradley_terry(np.array([30.0, 0, 70, 30, 0, 70]))
    assert fit.strength == pytest.approx(np.log(70 / 30), abs=0.01)
    assert fit.win_rate == pytest.approx(0.7, abs=0.005)
    assert fit.coefficients[1] == pytest.approx(0, abs=1e-6)


def test_bradley_terry__known_strengths__are_recovered_from_many_judgements():
    beta, place, tie = 0.5, 0.3, -0.4
    leads = np.array([beta - place, beta + place]) / 2
    weights = np.array([[np.exp(-lead), np.exp(tie), np.exp(lead)] for lead in leads])
    counts = 1e6 * weights / weights.sum(axis=1, keepdims=True)
    fit = bradley_terry(counts.ravel())
    assert fit.coefficients == pytest.approx([beta, place, tie], abs=1e-4)


def test_bradley_terry__davidsons_likelihood__agrees_with_a_general_optimiser():
    counts = np.array([12.0, 7, 25, 9, 11, 31])
    fit = bradley_terry(counts)
    grid = fit.coefficients + 1e-3 * np.array(list(product((-1, 0, 1), repeat=3)))

    def likelihood(beta):
        leads = np.array([beta[0] - beta[1], beta[0] + beta[1]]) / 2
        chance = np.exp(np.column_stack([-leads, np.full(2, beta[2]), leads]))
        chance /= chance.sum(axis=1, keepdims=True)
        return ((counts + 0.5 / 6) * np.log(chance.ravel())).sum()

    best = max(likelihood(beta) for beta in grid)
    assert likelihood(fit.coefficients) == pytest.approx(best, abs=1e-12)


def test_preferences__strong_place_and_uneven_order__do_not_make_a_winner():
    rng = np.random.default_rng(10)
    first = (rng.random(4000) < 0.9).astype(float)
    won = rng.random(4000) < np.where(first == 1, 0.7, 0.3)
    frame = pd.DataFrame({"preference": won.astype(float), "shown_first": first})
    effect = compare(frame, frame, "win_rate", paired=True)
    assert frame.preference.mean() > 0.6
    assert effect.candidate == pytest.approx(0.5, abs=0.03)
    assert ends(effect)[0] < 0 < ends(effect)[1]


@pytest.mark.parametrize("outcome", [0.0, 0.5, 1.0])
def test_preferences__all_alike__stay_finite(outcome):
    frame = pd.DataFrame({"preference": np.full(30, outcome)})
    effect = compare(frame, frame, "win_rate", paired=True)
    assert np.isfinite([*ends(effect), effect.p_value, effect.candidate]).all()
    assert effect.p_value > 0


def test_preferences__by_cluster__are_resampled_by_cluster():
    rng = np.random.default_rng(11)
    judge = np.repeat(np.arange(25), 20)
    luck = np.clip(0.5 + 0.3 * rng.normal(size=25), 0, 1)[judge]
    frame = pd.DataFrame({"preference": (rng.random(500) < luck).astype(float)})
    blind = compare(frame, frame, "win_rate", paired=True)
    robust = compare(frame, frame.assign(cluster=judge), "win_rate", paired=True, resamples=400)
    assert robust.clusters == 25
    assert robust.detectable > 1.8 * blind.detectable


def test_preferences__unknown_outcome__is_undefined():
    frame = pd.DataFrame({"preference": [0.0, 0.7, 1.0] * 10})
    assert compare(frame, frame, "win_rate", paired=True).reason is Reason.UNDEFINED


# Calibration


def calibrated(rng, n, slope=1.0, shift=0.0):
    odds = 1.5 * rng.normal(size=n)
    label = rng.random(n) < 1 / (1 + np.exp(-slope * odds - shift))
    return pd.DataFrame({"label": label.astype(int), "score": 1 / (1 + np.exp(-odds))})


def test_calibration_test__calibrated_scores__speaks_in_about_5_percent():
    rng = np.random.default_rng(12)
    p_values = [calibration_test(scored(calibrated(rng, 300))).p_value for _ in range(1000)]
    assert 0.03 <= np.mean(np.array(p_values) < 0.05) <= 0.07


@pytest.mark.parametrize(("slope", "shift"), [(0.5, 0.0), (1.0, 0.6)])
def test_calibration_test__miscalibrated_scores__are_found(slope, shift):
    frame = calibrated(np.random.default_rng(13), 2000, slope, shift)
    found = calibration_test(scored(frame))
    assert found.p_value < 1e-4
    low, high = found.slope.interval(0.99)
    assert low < slope < high


def test_calibration_test__separated_classes__has_no_answer():
    frame = pd.DataFrame({"label": [0] * 20 + [1] * 20, "score": [0.2] * 20 + [0.8] * 20})
    assert calibration_test(scored(frame)) is None


# Curves, class averages, moments


def test_precision_recall__weighted_draws__agree_with_a_plain_row_bootstrap():
    effect = compare(BEFORE, AFTER, "pr_auc", paired=True)
    rng = np.random.default_rng(0)
    label, first, second = (
        column.to_numpy() for column in (BEFORE.label, BEFORE.score, AFTER.score)
    )
    draws = []
    for _ in range(400):
        rows = rng.integers(600, size=600)
        draws.append(
            average_precision_score(label[rows], second[rows])
            - average_precision_score(label[rows], first[rows])
        )
    assert effect.detectable / 2.8016 == pytest.approx(np.std(draws, ddof=1), rel=0.12)


def test_area__few_positives__has_the_interval_of_resampled_classes():
    rows = np.r_[np.flatnonzero(BEFORE.label == 1)[:20], np.flatnonzero(BEFORE.label == 0)[:200]]
    before, after = (
        BEFORE.iloc[rows],
        AFTER.iloc[rows].assign(score=AFTER.score.iloc[rows].round(1)),
    )
    effect = compare(before, after, "roc_auc", paired=True)
    assert (effect.method, effect.interval.method) == (
        "delong paired",
        "percentile stratified bootstrap",
    )
    rng = np.random.default_rng(0)
    label, draws = before.label.to_numpy(), []
    for _ in range(600):
        chosen = np.r_[rng.integers(0, 20, 20), rng.integers(20, 220, 200)]
        draws.append(
            roc_auc_score(label[chosen], after.score.to_numpy()[chosen])
            - roc_auc_score(label[chosen], before.score.to_numpy()[chosen])
        )
    middle = (ends(effect)[0] + ends(effect)[1]) / 2
    assert middle == pytest.approx(np.mean(draws), abs=0.02)
    width = ends(effect)[1] - ends(effect)[0]
    assert width == pytest.approx(2 * 2.15 * np.std(draws, ddof=1), rel=0.15)


def test_class_averages__four_classes__agree_with_a_plain_row_bootstrap():
    rng = np.random.default_rng(15)
    label = rng.integers(0, 4, 400)
    first, second = (
        np.where(rng.random(400) < right, label, rng.integers(0, 4, 400)) for right in (0.6, 0.5)
    )
    sides = [pd.DataFrame({"label": label, "prediction": p}) for p in (first, second)]
    effect = compare(*sides, "macro_f1", paired=True)
    assert effect.candidate == pytest.approx(f1_score(label, second, average="macro"))
    draws = []
    for _ in range(400):
        rows = rng.integers(400, size=400)
        draws.append(
            f1_score(label[rows], second[rows], average="macro")
            - f1_score(label[rows], first[rows], average="macro")
        )
    assert effect.detectable / 2.8016 == pytest.approx(np.std(draws, ddof=1), rel=0.12)


@pytest.mark.parametrize("metric", ["rmse", "r2"])
def test_moments__paired__have_the_error_of_a_plain_row_bootstrap(metric):
    rng = np.random.default_rng(16)
    label = rng.normal(size=500)
    shared = rng.normal(size=500)
    first, second = (label + shared + scale * rng.normal(size=500) for scale in (0.5, 0.8))
    sides = [pd.DataFrame({"label": label, "prediction": p}) for p in (first, second)]
    effect = compare(*sides, metric, paired=True)

    def value(prediction, rows):
        error = ((prediction[rows] - label[rows]) ** 2).mean()
        return error**0.5 if metric == "rmse" else 1 - error / label[rows].var()

    draws = []
    for _ in range(600):
        rows = rng.integers(500, size=500)
        draws.append(value(second, rows) - value(first, rows))
    assert effect.detectable / 2.8016 == pytest.approx(np.std(draws, ddof=1), rel=0.12)


def test_r2__constant_labels__are_undefined():
    frame = pd.DataFrame({"label": [1.0] * 30, "prediction": np.arange(30.0)})
    assert compare(frame, frame, "r2", paired=True).reason is Reason.UNDEFINED


# Means


def test_typical_latency__paired__is_the_t_of_log_ratios_turned_back():
    after = AFTER.assign(latency_ms=BEFORE.latency_ms * np.exp(0.1 + 0.2 * (AFTER.score - 0.5)))
    effect = compare(BEFORE, after, "typical_latency", paired=True)
    logs = np.log(after.latency_ms) - np.log(BEFORE.latency_ms)
    expected = stats.ttest_1samp(logs, 0)
    low, high = expected.confidence_interval(0.95)
    assert effect.p_value == pytest.approx(expected.pvalue)
    assert (effect.relative.low, effect.relative.high) == pytest.approx(
        (np.exp(low), np.exp(high))
    )
    middle = stats.gmean(BEFORE.latency_ms)
    assert ends(effect) == pytest.approx((middle * (np.exp(low) - 1), middle * (np.exp(high) - 1)))


def test_typical_latency__a_zero__is_undefined():
    effect = compare(BEFORE, AFTER.assign(latency_ms=0.0), "typical_latency", paired=True)
    assert (effect.interval, effect.reason) == (None, Reason.UNDEFINED)


def test_covariate__explains_most__makes_an_unpaired_mean_much_sharper():
    rng = np.random.default_rng(17)
    sides = []
    for shift in (0.0, 0.5):
        old = rng.normal(size=80)
        sides.append(pd.DataFrame({"cost": old + 0.3 * rng.normal(size=80) + shift, "old": old}))
    plain = compare(*sides, "mean_cost", paired=False)
    sharper = compare(*sides, "mean_cost", paired=False, covariate="old")
    assert sharper.method == "adjusted welch t"
    assert sharper.detectable < plain.detectable / 2
    both = pd.concat(sides)
    side = np.repeat([0.0, 1.0], 80)
    fit = sm.OLS(both.cost.to_numpy(), np.column_stack([np.ones(160), side, both.old])).fit()
    assert sharper.difference == pytest.approx(fit.params[1])
    assert sharper.p_value == pytest.approx(fit.pvalues[1], rel=0.5)


def test_covariate__for_pairs__is_refused():
    with pytest.raises(ValueError, match="unpaired"):
        compare(BEFORE, AFTER, "mean_cost", paired=True, covariate="score")


@pytest.mark.parametrize(
    ("margin", "absolute"),
    [
        (Margin(0.3), 0.3),
        (Margin(0.1, "relative"), 0.1 * BEFORE.cost.mean()),
        (Margin(0.1, "sd"), 0.1 * BEFORE.cost.std()),
    ],
)
def test_margin__in_any_unit__asks_for_the_same_items_as_its_absolute_size(margin, absolute):
    after = AFTER.assign(cost=AFTER.cost * AFTER.score)
    found = compare(BEFORE, after, "mean_cost", paired=True, margin=margin)
    expected = compare(BEFORE, after, "mean_cost", paired=True, margin=absolute)
    assert found.needed_n == expected.needed_n is not None


# Time blocks


def test_time_blocks__independent_items__are_short_and_correlated_ones_long():
    rng = np.random.default_rng(18)
    times = np.arange(1000.0)
    free = (rng.random(1000) < 0.9).astype(float)
    bound = np.repeat((rng.random(50) < 0.9).astype(float), 20)
    assert np.bincount(time_blocks(times, free)).max() <= 8
    assert np.bincount(time_blocks(times, bound)).min() >= 40


def test_time_blocks__given_a_time__widen_the_interval_of_bursts():
    rng = np.random.default_rng(19)
    bursts = np.repeat(rng.normal(size=240), 5)
    first, second = (
        pd.DataFrame({
            "latency_ms": np.exp(3 + bursts * side + 0.1 * rng.normal(size=1200)),
            "at": np.arange(1200),
        })
        for side in (1.0, -1.0)
    )  # fmt: skip
    blind = compare(first, second, "p95_latency", paired=True)
    timed = compare(first, second, "p95_latency", paired=True, time="at")
    assert "by time block" in timed.method
    assert timed.detectable > 1.5 * blind.detectable
