"""Estimates against scikit-learn, and honest answers where a metric has no meaning."""

import numpy as np
import pytest
import statsmodels.api as sm
from engine_frames import decisions, scored_frame
from scipy import stats
from sklearn import metrics as sk

from benchmarks.engine.metrics import METRICS, Metric, estimate, estimates
from benchmarks.engine.slices import Slice
from benchmarks.engine.values import Kind, Reason

pytestmark = pytest.mark.pure

FRAME = scored_frame(500, seed=4)


def debiased_calibration_error(frame):
    """By the definition: squared mean departure of each bin less the variance of that mean."""
    kept = [
        (part.label - part.score).to_numpy()
        for _, part in frame.groupby(np.minimum((frame.score * 15).astype(int), 14))
        if len(part) > 1
    ]
    excess = sum(len(d) * (d.mean() ** 2 - d.var(ddof=1) / len(d)) for d in kept)
    return np.sqrt(max(excess / sum(map(len, kept)), 0.0))


def logistic_coefficients(frame):
    odds = np.log(frame.score / (1 - frame.score)).to_numpy()
    return sm.Logit(frame.label.to_numpy(), sm.add_constant(odds)).fit(disp=0, tol=1e-12).params


def shift_of_log_odds(frame):
    odds = np.log(frame.score / (1 - frame.score)).to_numpy()
    model = sm.GLM(
        frame.label.to_numpy(), np.ones(len(frame)), family=sm.families.Binomial(), offset=odds
    )
    return model.fit(tol=1e-12).params[0]


def rates_by_group(frame, label):
    """Share predicted positive of each group's items with this label, by scikit-learn."""
    parts = [part for _, part in frame[frame.label == label].groupby("protected_group")]
    return [sk.accuracy_score(np.ones(len(part)), part.prediction) for part in parts]


REFERENCE = {
    "accuracy": lambda f: sk.accuracy_score(f.label, f.prediction),
    "precision": lambda f: sk.precision_score(f.label, f.prediction),
    "recall": lambda f: sk.recall_score(f.label, f.prediction),
    "specificity": lambda f: sk.recall_score(f.label, f.prediction, pos_label=0),
    "f1": lambda f: sk.f1_score(f.label, f.prediction),
    "false_alarm_rate": lambda f: 1 - sk.recall_score(f.label, f.prediction, pos_label=0),
    "balanced_accuracy": lambda f: sk.balanced_accuracy_score(f.label, f.prediction),
    "alert_rate": lambda f: f.prediction.mean(),
    "roc_auc": lambda f: sk.roc_auc_score(f.label, f.score),
    "brier": lambda f: sk.brier_score_loss(f.label, f.score),
    "log_loss": lambda f: sk.log_loss(f.label, f.score),
    "ece": lambda f: debiased_calibration_error(f),
    "mean_cost": lambda f: f.cost.mean(),
    "mae": lambda f: sk.mean_absolute_error(f.label, f.prediction),
    "mean_latency": lambda f: f.latency_ms.mean(),
    "typical_latency": lambda f: stats.gmean(f.latency_ms),
    "p95_latency": lambda f: f.latency_ms.quantile(0.95),
    "p99_latency": lambda f: f.latency_ms.quantile(0.99),
    "p50_latency": lambda f: f.latency_ms.median(),
    "p50_size": lambda f: f.size_bytes.median(),
    "p95_size": lambda f: f.size_bytes.quantile(0.95),
    "mcc": lambda f: sk.matthews_corrcoef(f.label, f.prediction),
    "pr_auc": lambda f: sk.average_precision_score(f.label, f.score),
    "rmse": lambda f: sk.root_mean_squared_error(f.label, f.prediction),
    "r2": lambda f: sk.r2_score(f.label, f.prediction),
    "mape": lambda f: sk.mean_absolute_percentage_error(f.label, f.prediction),
    "pinball_p10": lambda f: sk.mean_pinball_loss(f.label, f.prediction, alpha=0.1),
    "pinball_p90": lambda f: sk.mean_pinball_loss(f.label, f.prediction, alpha=0.9),
    "macro_precision": lambda f: sk.precision_score(f.label, f.prediction, average="macro"),
    "macro_recall": lambda f: sk.recall_score(f.label, f.prediction, average="macro"),
    "macro_f1": lambda f: sk.f1_score(f.label, f.prediction, average="macro"),
    "weighted_precision": lambda f: sk.precision_score(f.label, f.prediction, average="weighted"),
    "weighted_recall": lambda f: sk.recall_score(f.label, f.prediction, average="weighted"),
    "weighted_f1": lambda f: sk.f1_score(f.label, f.prediction, average="weighted"),
    "event_rate": lambda f: f.events.sum() / f.exposure.sum(),
    "forecast_mae": lambda f: sk.mean_absolute_error(f.label, f.prediction),
    "forecast_mse": lambda f: sk.mean_squared_error(f.label, f.prediction),
    "win_rate": lambda f: f.preference.mean(),
    "calibration_slope": lambda f: abs(logistic_coefficients(f)[1] - 1),
    "calibration_intercept": lambda f: abs(shift_of_log_odds(f)),
    "demographic_parity_gap": lambda f: np.ptp(f.groupby("protected_group").prediction.mean()),
    "equal_opportunity_gap": lambda f: np.ptp(rates_by_group(f, 1)),
    "equalised_odds_gap": lambda f: max(np.ptp(rates_by_group(f, label)) for label in (0, 1)),
    "calibration_gap": lambda f: np.ptp((f.score - f.label).groupby(f.protected_group).mean()),
    "flip_rate": lambda f: np.mean(f.prediction != f.reference_prediction),
    "error_rate": lambda f: f.errored.mean(),
    "never_answered": lambda f: f.backlog_lost[f.errored == 1].mean(),
    "p95_backlog_age": lambda f: f.backlog_age[f.backlog_age > 0].quantile(0.95),
    "p95_drain_time": lambda f: f.backlog_drain[f.backlog_age > 0].quantile(0.95),
    "net_detection": lambda f: f.net_held[f.prediction != f.label].mean(),
    "net_false_alarm": lambda f: f.net_held[f.prediction == f.label].mean(),
}
# Shares of the label need labels other than 0, gaps need more items of each group than a slice
# has here: they have tests of their own.
GAPS = [key for key, metric in METRICS.items() if metric.kind is Kind.GROUP_GAP]
GENERAL = [key for key in REFERENCE if key not in ("mape", *GAPS)]
GROUP = Slice("g1", "Group 1", {"column": "group", "op": "eq", "value": 1})


def test_dictionary__every_metric__has_a_reference_here():
    assert set(METRICS) == set(REFERENCE)


@pytest.mark.parametrize("key", GENERAL)
def test_estimate__each_metric__agrees_with_the_reference_on_all_rows_and_on_a_slice(key):
    for part, rows in (("all", FRAME), (GROUP, FRAME[FRAME.group == 1])):
        found = estimate(FRAME, key, slice=part, seed=1)
        assert found.value == pytest.approx(REFERENCE[key](rows), abs=1e-12)


@pytest.mark.parametrize("key", GENERAL)
def test_estimate__each_metric__lies_inside_its_interval(key):
    found = estimate(FRAME, key, seed=1)
    assert found.interval is not None
    assert found.interval.low < found.value
    assert found.interval.high is None or found.value < found.interval.high


@pytest.mark.parametrize("key", GAPS)
def test_estimate__each_gap__agrees_with_the_reference_inside_its_interval(key):
    found = estimate(FRAME, key, seed=1)
    assert found.value == pytest.approx(REFERENCE[key](FRAME), abs=1e-12)
    assert 0 <= found.interval.low <= found.value < found.interval.high


@pytest.mark.parametrize("key", [*GENERAL, *GAPS])
def test_estimate__no_row__is_none_with_its_reason(key):
    found = estimate(FRAME.iloc[:0], key, seed=1)
    assert (found.value, found.interval, found.reason) == (None, None, Reason.NO_ROWS)


@pytest.mark.parametrize("key", [*GENERAL, *GAPS])
@pytest.mark.parametrize("n", [1, 2])
def test_estimate__one_or_two_rows__never_gives_nan(key, n):
    found = estimate(FRAME.iloc[:n], key, seed=1)
    ends = (found.interval.low, found.interval.high) if found.interval else ()
    assert all(end is None or np.isfinite(end) for end in (found.value, *ends))
    assert found.interval is not None or found.reason is not Reason.NONE


@pytest.mark.parametrize("key", ["recall", "precision", "f1", "balanced_accuracy", "roc_auc"])
def test_estimate__no_positive_label__names_the_single_class(key):
    frame = FRAME.assign(label=0, prediction=0)
    found = estimate(frame, key, seed=1)
    assert (found.value, found.reason, found.positives) == (None, Reason.ONE_CLASS, 0)


def test_precision__no_alert__is_undefined():
    found = estimate(FRAME.assign(prediction=0), "precision", seed=1)
    assert (found.value, found.reason) == (None, Reason.UNDEFINED)


@pytest.mark.parametrize("key", ["roc_auc", "brier", "log_loss"])
def test_estimate__missing_score__is_none_rather_than_ignored(key):
    frame = FRAME.copy()
    frame.loc[frame.index[3], "score"] = np.nan
    found = estimate(frame, key, seed=1)
    assert (found.value, found.reason) == (None, Reason.NOT_A_NUMBER)


def test_estimate__column_not_supplied__says_so():
    found = estimate(FRAME.drop(columns="score"), "roc_auc", seed=1)
    assert (found.value, found.reason) == (None, Reason.NO_COLUMN)


@pytest.mark.parametrize("key", ["accuracy", "precision", "recall", "f1", "balanced_accuracy"])
@pytest.mark.parametrize("flip", [False, True])
def test_estimate__all_right_or_all_wrong__keeps_a_doubt(key, flip):
    label = np.array([0, 1] * 10)
    found = estimate(decisions(label, 1 - label if flip else label), key, seed=1)
    assert found.value == (0.0 if flip else 1.0)
    assert found.interval.high - found.interval.low > 0.1


def test_estimate__recall__counts_the_positives_it_rests_on():
    found = estimate(FRAME, "recall", seed=1)
    assert found.n == found.positives == int(FRAME.label.sum())


def test_estimate__cluster_column__widens_the_interval_of_clustered_errors():
    rng = np.random.default_rng(5)
    day = np.repeat(np.arange(50), 20)
    right = rng.random(1000) < np.clip(0.8 + 0.3 * rng.normal(size=50), 0, 1)[day]
    frame = decisions(np.ones(1000), right.astype(int))
    plain = estimate(frame, "accuracy", seed=1).interval
    robust = estimate(frame.assign(day=day), "accuracy", seed=1, clusters="day").interval
    assert robust.high - robust.low > 2 * (plain.high - plain.low)


def test_estimate__too_few_clusters_for_their_bootstrap__has_no_interval():
    found = estimate(FRAME.assign(cluster=FRAME.group), "precision", seed=1)
    assert (found.interval, found.reason) == (None, Reason.TOO_FEW)


def test_estimate__unknown_cluster_column__is_refused():
    with pytest.raises(ValueError, match="“week”"):
        estimate(FRAME, "accuracy", seed=1, clusters="week")


def test_estimates__metrics_and_slices__come_slice_by_slice_and_equal_single_ones():
    found = estimates(FRAME, ["accuracy", "f1"], [GROUP], seed=1)
    assert [(e.slice, e.metric) for e in found] == [
        ("all", "accuracy"),
        ("all", "f1"),
        ("g1", "accuracy"),
        ("g1", "f1"),
    ]
    assert found[3] == estimate(FRAME, "f1", slice=GROUP, seed=1)


def test_estimate__unknown_metric__is_refused():
    with pytest.raises(ValueError, match="“brightness”"):
        estimate(FRAME, "brightness", seed=1)


def test_mape__labels_without_zero__agrees_with_the_reference():
    frame = FRAME.assign(label=FRAME.cost + 1, prediction=FRAME.cost)
    found = estimate(frame, "mape", seed=1)
    assert found.value == pytest.approx(REFERENCE["mape"](frame))


def test_mape__label_of_zero__is_undefined():
    found = estimate(FRAME, "mape", seed=1)
    assert (found.value, found.reason) == (None, Reason.UNDEFINED)


def test_metric__part_not_declared__fails_loudly():
    bare = Metric("x", "X", Kind.RATIO, METRICS["f1"].direction, "", (), "")
    with pytest.raises(TypeError, match="does not declare"):
        bare.of_counts(np.ones(4))


def test_bootstrap_interval__f1__covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(6)
    cells = np.array([0.6, 0.1, 0.1, 0.2])
    truth = 2 * 0.2 / (2 * 0.2 + 0.1 + 0.1)
    covered = 0
    for _ in range(200):
        code = rng.choice(4, size=300, p=cells)
        frame = decisions(code // 2, code % 2)
        interval = estimate(frame, "f1", seed=int(rng.integers(1 << 30)), resamples=500).interval
        covered += interval.low <= truth <= interval.high
    assert 180 <= covered <= 199
