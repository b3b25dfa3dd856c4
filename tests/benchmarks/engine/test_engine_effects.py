"""Comparisons against statsmodels and scipy, and their behaviour at the edges."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from engine_frames import correctness, decisions, paired_table, scored_frame
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportions_ztest

from benchmarks.engine.effects import compare
from benchmarks.engine.intervals import newcombe_paired
from benchmarks.engine.metrics import METRICS
from benchmarks.engine.values import Reason

pytestmark = pytest.mark.pure

BEFORE, AFTER = scored_frame(600, seed=3), scored_frame(600, seed=3, noise=1.5)
# A preference belongs to the pair, not to a side; shares of the label need labels other than 0.
TWO_SIDED = [key for key in METRICS if key not in ("win_rate", "mape")]
DEFINED_HERE = [key for key in METRICS if key != "mape"]
RATIOS = ["precision", "f1", "balanced_accuracy"]


def ends(effect):
    return effect.interval.low, effect.interval.high


def test_mcnemar__few_discordant_pairs__is_the_exact_test():
    effect = compare(*paired_table(40, 9, 2, 10), "recall", paired=True)
    expected = mcnemar([[40, 9], [2, 10]], exact=True).pvalue
    assert (effect.p_value, effect.method) == (pytest.approx(expected), "mcnemar exact")
    assert (effect.n, effect.discordant) == (61, 11)


def test_mcnemar__many_discordant_pairs__is_the_mid_p_test():
    effect = compare(*paired_table(40, 30, 12, 10), "recall", paired=True)
    exact = mcnemar([[40, 30], [12, 10]], exact=True).pvalue
    assert effect.p_value == pytest.approx(exact - stats.binom.pmf(12, 42, 0.5))
    assert effect.method == "mcnemar mid-p"


def test_paired_rates__interval__is_newcombes():
    effect = compare(*paired_table(36, 12, 2, 0), "recall", paired=True)
    assert ends(effect) == pytest.approx(newcombe_paired(36, 12, 2, 0, 0.95))
    assert effect.difference == pytest.approx(-0.2)


def test_paired_rates__recall__looks_at_the_positives_only():
    baseline = decisions([1, 1, 1, 0, 0], [1, 1, 0, 1, 0])
    candidate = decisions([1, 1, 1, 0, 0], [1, 0, 0, 0, 1])
    effect = compare(baseline, candidate, "recall", paired=True)
    assert (effect.n, effect.discordant) == (3, 1)


def test_unpaired_rates__large__is_the_score_test():
    baseline, candidate = correctness([1] * 60 + [0] * 40), correctness([1] * 80 + [0] * 30)
    effect = compare(baseline, candidate, "accuracy", paired=False)
    expected = proportions_ztest([80, 60], [110, 100])[1]
    assert (effect.p_value, effect.method) == (pytest.approx(expected), "score")


@pytest.mark.parametrize(
    ("size", "test", "name"),
    [(10, stats.boschloo_exact, "boschloo exact"), (100, stats.fisher_exact, "fisher exact")],
)
def test_unpaired_rates__small_counts__is_an_exact_test(size, test, name):
    baseline = correctness([1] * (size - 3) + [0] * 3)
    candidate = correctness([1] * (size - 1) + [0])
    effect = compare(baseline, candidate, "accuracy", paired=False)
    expected = test(np.array([[size - 1, size - 3], [1, 3]])).pvalue
    assert (effect.p_value, effect.method) == (pytest.approx(expected), name)


def test_clustered_rates__paired__agree_with_a_cluster_robust_regression():
    groups = np.arange(600) // 20
    effect = compare(
        BEFORE.assign(day=groups),
        AFTER.assign(day=groups),
        "accuracy",
        paired=True,
        clusters="day",
    )
    hit = [(frame.label == frame.prediction).astype(float) for frame in (BEFORE, AFTER)]
    fit = sm.OLS((hit[1] - hit[0]).to_numpy(), np.ones(600)).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    assert ends(effect) == pytest.approx(tuple(fit.conf_int()[0]))
    assert effect.p_value == pytest.approx(fit.pvalues[0])
    assert effect.clusters == 30


def test_clustered_rates__nothing_discordant__counts_each_cluster_once():
    frame = correctness([1] * 300 + [0] * 100).assign(cluster=np.arange(400) // 40)
    effect = compare(frame, frame, "accuracy", paired=True)
    low, high = ends(effect)
    assert low < -0.1
    assert high > 0.1
    assert effect.p_value == 1


@pytest.mark.parametrize("metric", ["brier", "log_loss", "mae", "mean_cost"])
def test_means__paired__agree_with_the_paired_t_test(metric):
    after = AFTER.assign(cost=AFTER.cost * AFTER.score)
    effect = compare(BEFORE, after, metric, paired=True)
    values = {
        "brier": lambda f: (f.score - f.label) ** 2,
        "log_loss": lambda f: -np.log(np.where(f.label == 1, f.score, 1 - f.score)),
        "mae": lambda f: (f.prediction - f.label).abs(),
        "mean_cost": lambda f: f.cost,
    }[metric]
    expected = stats.ttest_rel(values(after), values(BEFORE))
    assert effect.p_value == pytest.approx(expected.pvalue)
    assert ends(effect) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_means__unpaired__agree_with_welch():
    after = AFTER.iloc[:350]
    effect = compare(BEFORE, after, "mean_cost", paired=False)
    expected = stats.ttest_ind(after.cost, BEFORE.cost, equal_var=False)
    assert effect.p_value == pytest.approx(expected.pvalue)
    assert ends(effect) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_area__paired__is_much_sharper_than_unpaired():
    paired = compare(BEFORE, scored_frame(600, seed=3, noise=0.3), "roc_auc", paired=True)
    unpaired = compare(BEFORE, scored_frame(600, seed=3, noise=0.3), "roc_auc", paired=False)
    assert paired.difference == pytest.approx(unpaired.difference)
    assert paired.detectable < unpaired.detectable / 2


def test_area__both_perfect_by_different_scores__does_not_claim_certainty():
    frame = scored_frame(60, skill=50.0)
    other = frame.assign(score=frame.score**2)
    low, high = ends(compare(frame, other, "roc_auc", paired=True))
    assert low < 0 < high


@pytest.mark.parametrize("metric", RATIOS)
def test_ratios__worse_model__regresses_with_a_p_that_is_never_0(metric):
    worse = BEFORE.assign(prediction=1 - BEFORE.prediction)
    effect = compare(BEFORE, worse, metric, paired=True, resamples=500)
    assert ends(effect)[1] < 0
    assert effect.p_value == pytest.approx(2 / 501)


@pytest.mark.parametrize("metric", RATIOS)
def test_ratios__bootstrap_error__agrees_with_a_plain_row_bootstrap(metric):
    effect = compare(BEFORE, AFTER, metric, paired=True)
    rng = np.random.default_rng(0)
    label, first, second = (
        column.to_numpy() for column in (BEFORE.label, BEFORE.prediction, AFTER.prediction)
    )
    draws = []
    for _ in range(800):
        rows = rng.integers(600, size=600)
        draws.append(
            reference(metric, label[rows], second[rows])
            - reference(metric, label[rows], first[rows])
        )
    error = effect.detectable / 2.8016
    assert error == pytest.approx(np.std(draws, ddof=1), rel=0.1)


def reference(metric, label, prediction):
    tp = (label * prediction).sum()
    fp, fn = ((1 - label) * prediction).sum(), (label * (1 - prediction)).sum()
    tn = len(label) - tp - fp - fn
    return {
        "precision": tp / (tp + fp),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
    }[metric]


@pytest.mark.parametrize("metric", RATIOS)
@pytest.mark.parametrize("paired", [True, False])
def test_ratios__by_cluster__use_the_clusters(metric, paired):
    groups = np.arange(600) // 10
    effect = compare(
        BEFORE.assign(cluster=groups), AFTER.assign(cluster=groups), metric, paired=paired
    )
    assert effect.clusters == 60
    assert ends(effect)[0] < effect.difference < ends(effect)[1]


@pytest.mark.parametrize("paired", [True, False])
def test_quantiles__slower_candidate__is_found(paired):
    slower = BEFORE.assign(latency_ms=BEFORE.latency_ms * 1.5)
    effect = compare(BEFORE, slower, "p95_latency", paired=paired)
    assert ends(effect)[0] > 0
    assert effect.p_value < 0.05


def test_quantiles__bootstrap_error__agrees_with_scipys_smooth_quantile_of_resampled_rows():
    after = AFTER.assign(latency_ms=AFTER.latency_ms * (0.8 + 0.4 * AFTER.score))
    effect = compare(BEFORE, after, "p95_latency", paired=True)
    rng = np.random.default_rng(0)
    first, second = BEFORE.latency_ms.to_numpy(), after.latency_ms.to_numpy()
    draws = []
    for _ in range(800):
        rows = rng.integers(600, size=600)
        both = (stats.mstats.hdquantiles(side[rows], 0.95)[0] for side in (second, first))
        draws.append(next(both) - next(both))
    assert effect.detectable / 2.8016 == pytest.approx(np.std(draws, ddof=1), rel=0.12)


def test_quantiles__singleton_clusters__agree_with_items():
    after = AFTER.assign(latency_ms=AFTER.latency_ms * (0.8 + 0.4 * AFTER.score))
    single = np.arange(600)
    by_item = compare(BEFORE, after, "p95_latency", paired=True)
    by_cluster = compare(
        BEFORE.assign(cluster=single), after.assign(cluster=single), "p95_latency", paired=True
    )
    assert by_cluster.detectable == pytest.approx(by_item.detectable, rel=0.12)


def test_quantiles__99th_of_few_items__is_not_compared():
    effect = compare(BEFORE.iloc[:100], AFTER.iloc[:100], "p99_latency", paired=True)
    assert (effect.interval, effect.reason) == (None, Reason.TOO_FEW)
    assert effect.difference is not None


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("paired", [True, False])
def test_compare__no_row__is_none_with_its_reason(metric, paired):
    effect = compare(BEFORE.iloc[:0], AFTER.iloc[:0], metric, paired=paired)
    assert (effect.difference, effect.interval, effect.p_value) == (None, None, None)
    assert effect.reason is Reason.NO_ROWS


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_compare__hardly_any_row__gives_a_wide_interval_or_a_reason(metric, paired, n):
    effect = compare(BEFORE.iloc[:n], AFTER.iloc[:n], metric, paired=paired, resamples=200)
    if effect.interval is None:
        assert effect.reason is not Reason.NONE
    else:
        low, high = ends(effect)
        assert np.isfinite([low, high, effect.p_value]).all()
        assert low < high


@pytest.mark.parametrize("metric", TWO_SIDED)
def test_compare__same_answers__shows_no_difference(metric):
    effect = compare(BEFORE, BEFORE, metric, paired=True)
    assert effect.difference == 0
    assert effect.p_value == 1
    assert ends(effect)[0] <= 0 <= ends(effect)[1]


@pytest.mark.parametrize("metric", ["brier", "f1", "p95_latency", "roc_auc"])
def test_compare__same_answers_on_few_items__is_not_called_certain(metric):
    effect = compare(BEFORE.iloc[:12], BEFORE.iloc[:12], metric, paired=True)
    assert (effect.interval, effect.reason) == (None, Reason.TOO_FEW)


@pytest.mark.parametrize("metric", TWO_SIDED)
def test_compare__sides_swapped__turns_the_difference_round(metric):
    there = compare(BEFORE, AFTER, metric, paired=True)
    back = compare(AFTER, BEFORE, metric, paired=True)
    assert there.difference == pytest.approx(-back.difference)
    assert (there.baseline, there.candidate) == (back.candidate, back.baseline)


def test_compare__rows_in_another_order__gives_the_same_effect():
    shuffled = AFTER.sample(frac=1.0, random_state=1)
    for metric in ("accuracy", "f1"):
        assert compare(BEFORE, shuffled, metric, paired=True) == compare(
            BEFORE, AFTER, metric, paired=True
        )


def test_compare__constant_difference__never_has_p_0():
    after = BEFORE.assign(cost=BEFORE.cost * 0 + 3.0)
    before = BEFORE.assign(cost=BEFORE.cost * 0 + 2.0)
    effect = compare(before, after, "mean_cost", paired=True)
    assert ends(effect) == (1.0, 1.0)
    assert effect.p_value > 0


def test_compare__other_items__is_refused_with_counts():
    with pytest.raises(ValueError, match="1 items only in the baseline, 0 only in the candidate"):
        compare(BEFORE, AFTER.iloc[1:], "accuracy", paired=True)


def test_compare__other_labels__is_refused():
    with pytest.raises(ValueError, match="different labels"):
        compare(BEFORE, AFTER.assign(label=1 - AFTER.label), "accuracy", paired=True)


def test_compare__item_repeated_on_one_side_only__is_refused():
    doubled = pd.concat([AFTER, AFTER.iloc[:1]])
    with pytest.raises(ValueError, match="same items one to one"):
        compare(BEFORE, doubled, "accuracy", paired=True)


def test_compare__repeated_items__are_matched_by_order_and_counted_as_one_unit():
    rows = np.repeat(np.arange(600), 3)
    effect = compare(BEFORE.iloc[rows], AFTER.iloc[rows], "accuracy", paired=True)
    once = compare(BEFORE, AFTER, "brier", paired=True)
    tripled = compare(BEFORE.iloc[rows], AFTER.iloc[rows], "brier", paired=True)
    assert effect.clusters == 600
    assert tripled.p_value == pytest.approx(once.p_value)


def test_compare__missing_prediction__is_named():
    after = AFTER.assign(prediction=AFTER.prediction.astype(float), errored=0)
    after.iloc[0, after.columns.get_loc("prediction")] = np.nan
    effect = compare(BEFORE, after, "accuracy", paired=True)
    assert (effect.difference, effect.reason) == (None, Reason.NOT_A_NUMBER)


def test_compare__precision_without_alerts__keeps_the_side_that_is_defined():
    effect = compare(BEFORE, AFTER.assign(prediction=0), "precision", paired=True)
    assert effect.baseline is not None
    assert (effect.candidate, effect.reason) == (None, Reason.UNDEFINED)


def test_ratios__many_clusters_of_few_patterns__agree_with_a_plain_cluster_bootstrap():
    cluster = np.arange(600) // 2
    effect = compare(
        BEFORE.assign(cluster=cluster), AFTER.assign(cluster=cluster), "f1", paired=True
    )
    rng = np.random.default_rng(0)
    label, first, second = (
        column.to_numpy().reshape(300, 2)
        for column in (BEFORE.label, BEFORE.prediction, AFTER.prediction)
    )
    draws = []
    for _ in range(800):
        rows = rng.integers(300, size=300)
        draws.append(
            reference("f1", label[rows].ravel(), second[rows].ravel())
            - reference("f1", label[rows].ravel(), first[rows].ravel())
        )
    assert effect.detectable / 2.8016 == pytest.approx(np.std(draws, ddof=1), rel=0.1)


def test_unpaired_clusters__rates__use_both_sides_own_clusters():
    rng = np.random.default_rng(4)
    days = np.repeat(np.arange(30), 20)
    luck = np.clip(0.7 + 0.2 * rng.normal(size=(2, 30)), 0, 1)
    first, second = (
        correctness((rng.random(600) < luck[i][days]).astype(int)).assign(cluster=days)
        for i in range(2)
    )
    robust = compare(first, second, "accuracy", paired=False)
    blind = compare(
        first.drop(columns="cluster"), second.drop(columns="cluster"), "accuracy", paired=False
    )
    fit = [
        sm.OLS(side.prediction.to_numpy(), np.ones(600)).fit(
            cov_type="cluster", cov_kwds={"groups": days}
        )
        for side in (first, second)
    ]
    error = np.hypot(fit[0].bse[0], fit[1].bse[0])
    assert robust.detectable == pytest.approx(2.8016 * error, rel=1e-3)
    assert robust.detectable > 1.5 * blind.detectable


def test_unpaired_clusters__all_right_on_both_sides__keeps_a_doubt():
    frame = correctness([1] * 200).assign(cluster=np.arange(200) // 20)
    low, high = ends(compare(frame, frame, "accuracy", paired=False))
    assert low < -0.1
    assert high > 0.1


@pytest.mark.parametrize("metric", DEFINED_HERE)
@pytest.mark.parametrize("paired", [True, False])
def test_compare__a_single_cluster__cannot_tell(metric, paired):
    effect = compare(
        BEFORE.assign(cluster=1), AFTER.assign(cluster=1), metric, paired=paired, resamples=100
    )
    unpairable = metric.startswith("forecast") and not paired
    few = Reason.ONE_GROUP if metric.endswith("_gap") else Reason.TOO_FEW
    reason = Reason.NO_PAIRS if unpairable else few
    assert (effect.interval, effect.reason) == (None, reason)
