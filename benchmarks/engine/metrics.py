"""The metric dictionary, and the estimate of each metric on each slice.

A new metric is one entry: values per item for rates and means, a function of the confusion counts
for ratios, or a quantile of a column. Its interval and its tests follow from its kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType

import pandas as pd

from benchmarks.engine.calibration import intercept_fit, slope_fit
from benchmarks.engine.draws import RESAMPLES, generator
from benchmarks.engine.estimating import ESTIMATES, Draw
from benchmarks.engine.formulas import (
    Metric,
    absolute_error,
    alerts,
    balanced_accuracy,
    column,
    excess,
    f1,
    flips,
    hits,
    log_loss,
    matthews,
    negatives,
    pinball,
    positives,
    precision,
    queued,
    right,
    selected,
    share_of_label,
    squared_distance,
    squared_error,
    trials_of_f1,
    trials_of_precision,
    trials_of_rarer_class,
    unanswered,
    wrong,
)
from benchmarks.engine.gaps import Rate
from benchmarks.engine.moments import R2, RMSE
from benchmarks.engine.multiclass import Averaged
from benchmarks.engine.scored import BACKLOG_AGE, BACKLOG_DRAIN, BACKLOG_LOST, HELD, Scored, scored
from benchmarks.engine.slices import ALL, Slice, mask, masks
from benchmarks.engine.values import Direction, Estimate, Kind, Reason

__all__ = ["METRICS", "Metric", "estimate", "estimate_scored", "estimates", "metric_of"]

HIGHER, LOWER = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER
DECISION, PROBABILITY = ("label", "prediction"), ("label", "score")

_METRICS = (
    Metric("accuracy", "Accuracy", Kind.PROPORTION, HIGHER, "", DECISION,
           "Share of items decided rightly.", 0.01, values=hits),
    Metric("precision", "Precision", Kind.RATIO, HIGHER, "", DECISION,
           "Share of alerts that are right.", 0.02, ratio=precision,
           trials=trials_of_precision),
    Metric("recall", "Recall", Kind.PROPORTION, HIGHER, "", DECISION,
           "Share of positives that are found.", 0.02, values=alerts, eligible=positives),
    Metric("specificity", "Specificity", Kind.PROPORTION, HIGHER, "", DECISION,
           "Share of negatives left in peace.", 0.02, values=hits, eligible=negatives),
    Metric("f1", "F1", Kind.RATIO, HIGHER, "", DECISION,
           "Harmonic mean of precision and recall.", 0.02, ratio=f1, trials=trials_of_f1),
    Metric("false_alarm_rate", "False alarm rate", Kind.PROPORTION, LOWER, "", DECISION,
           "Share of negatives that raise an alert.", 0.02, values=alerts,
           eligible=negatives),
    Metric("balanced_accuracy", "Balanced accuracy", Kind.RATIO, HIGHER, "", DECISION,
           "Mean of recall and specificity.", 0.02, ratio=balanced_accuracy,
           trials=trials_of_rarer_class),
    Metric("alert_rate", "Alert rate", Kind.PROPORTION, LOWER, "", ("prediction",),
           "Share of items that raise an alert.", 0.02, values=alerts),
    Metric("roc_auc", "ROC AUC", Kind.AUC, HIGHER, "", PROBABILITY,
           "Chance that a positive scores above a negative.", 0.01),
    Metric("brier", "Brier score", Kind.MEAN, LOWER, "", PROBABILITY,
           "Mean squared error of the probability.", 0.005, values=squared_error),
    Metric("log_loss", "Log loss", Kind.MEAN, LOWER, "nats", PROBABILITY,
           "Mean surprise at the true label.", 0.02, values=log_loss),
    Metric("ece", "Calibration error", Kind.CALIBRATION_ERROR, LOWER, "", PROBABILITY,
           "Distance between score and frequency, without its share of noise.", 0.02),
    Metric("mean_cost", "Mean cost", Kind.MEAN, LOWER, "", ("cost",),
           "Mean cost of the decisions.", values=column("cost")),
    Metric("mae", "Mean absolute error", Kind.MEAN, LOWER, "", DECISION,
           "Mean distance between prediction and label.", values=absolute_error),
    Metric("mean_latency", "Mean latency", Kind.MEAN, LOWER, "ms", ("latency_ms",),
           "Mean time to answer.", values=column("latency_ms")),
    Metric("typical_latency", "Typical latency", Kind.LOG_MEAN, LOWER, "ms", ("latency_ms",),
           "Geometric mean of the time to answer: compared by ratios.",
           values=column("latency_ms")),
    Metric("p95_latency", "95th percentile latency", Kind.QUANTILE, LOWER, "ms",
           ("latency_ms",), "Time within which 95 % are answered.",
           values=column("latency_ms"), quantile=0.95),
    Metric("p99_latency", "99th percentile latency", Kind.QUANTILE, LOWER, "ms",
           ("latency_ms",), "Time within which 99 % are answered.",
           values=column("latency_ms"), quantile=0.99),
    Metric("p50_latency", "Median latency", Kind.QUANTILE, LOWER, "ms", ("latency_ms",),
           "Time within which half are answered.", values=column("latency_ms"), quantile=0.5),
    Metric("p50_size", "Median size", Kind.QUANTILE, LOWER, "B", ("size_bytes",),
           "Size of half of the answers at most.", values=column("size_bytes"), quantile=0.5),
    Metric("p95_size", "95th percentile size", Kind.QUANTILE, LOWER, "B", ("size_bytes",),
           "Size of 95 % of the answers at most.", values=column("size_bytes"), quantile=0.95),
    Metric("mcc", "Matthews correlation", Kind.RATIO, HIGHER, "", DECISION,
           "Correlation of decision and label.", 0.02, ratio=matthews,
           trials=trials_of_rarer_class, lowest=-1.0),
    Metric("pr_auc", "PR AUC", Kind.PR_AUC, HIGHER, "", PROBABILITY,
           "Average precision over all thresholds.", 0.02),
    Metric("rmse", "RMSE", Kind.MOMENT, LOWER, "", DECISION,
           "Root of the mean squared distance between prediction and label.", moments=RMSE),
    Metric("r2", "R²", Kind.MOMENT, HIGHER, "", DECISION,
           "Share of the labels' variance that is explained.", 0.01, moments=R2),
    Metric("mape", "Mean absolute percentage error", Kind.MEAN, LOWER, "", DECISION,
           "Mean distance in shares of the label.", 0.01, values=share_of_label),
    Metric("pinball_p10", "Pinball loss, 10th percentile", Kind.MEAN, LOWER, "", DECISION,
           "Loss of a forecast 10th percentile.", values=pinball(0.1)),
    Metric("pinball_p90", "Pinball loss, 90th percentile", Kind.MEAN, LOWER, "", DECISION,
           "Loss of a forecast 90th percentile.", values=pinball(0.9)),
    Metric("macro_precision", "Macro precision", Kind.MULTICLASS, HIGHER, "", DECISION,
           "Precision of each class, averaged.", 0.02, averaged=Averaged("precision", "macro")),
    Metric("macro_recall", "Macro recall", Kind.MULTICLASS, HIGHER, "", DECISION,
           "Recall of each class, averaged.", 0.02, averaged=Averaged("recall", "macro")),
    Metric("macro_f1", "Macro F1", Kind.MULTICLASS, HIGHER, "", DECISION,
           "F1 of each class, averaged.", 0.02, averaged=Averaged("f1", "macro")),
    Metric("weighted_precision", "Weighted precision", Kind.MULTICLASS, HIGHER, "", DECISION,
           "Precision by class, weighted by its share.", 0.02,
           averaged=Averaged("precision", "weighted")),
    Metric("weighted_recall", "Weighted recall", Kind.MULTICLASS, HIGHER, "", DECISION,
           "Recall by class, weighted by its share.", 0.02,
           averaged=Averaged("recall", "weighted")),
    Metric("weighted_f1", "Weighted F1", Kind.MULTICLASS, HIGHER, "", DECISION,
           "F1 by class, weighted by its share.", 0.02, averaged=Averaged("f1", "weighted")),
    Metric("event_rate", "Event rate", Kind.COUNT, LOWER, "per exposure", ("events",),
           "Events per exposure."),
    Metric("forecast_mae", "Forecast absolute error", Kind.FORECAST, LOWER, "", DECISION,
           "Mean distance of forecast and outcome over time.", values=absolute_error),
    Metric("forecast_mse", "Forecast squared error", Kind.FORECAST, LOWER, "", DECISION,
           "Mean squared distance of forecast and outcome over time.", values=squared_distance),
    Metric("win_rate", "Win rate", Kind.PREFERENCE, HIGHER, "", ("preference",),
           "Share of comparisons won against the baseline, a tie counting half.", 0.02,
           values=column("preference")),
    Metric("calibration_slope", "Calibration slope departure", Kind.CALIBRATION, LOWER, "",
           PROBABILITY, "Distance of the calibration slope from 1.", 0.1, fit=slope_fit,
           target=1.0),
    Metric("calibration_intercept", "Calibration intercept departure", Kind.CALIBRATION, LOWER,
           "log odds", PROBABILITY, "Distance of calibration in the large from 0.", 0.1,
           fit=intercept_fit),
    Metric("demographic_parity_gap", "Demographic parity gap", Kind.GROUP_GAP, LOWER, "",
           ("protected_group", "prediction"),
           "Largest difference between groups in the share that is selected.", 0.02,
           rates=(Rate(selected),)),
    Metric("equal_opportunity_gap", "Equal opportunity gap", Kind.GROUP_GAP, LOWER, "",
           ("protected_group", *DECISION),
           "Largest difference between groups in the share of positives that is found.", 0.02,
           rates=(Rate(selected, positives),)),
    Metric("equalised_odds_gap", "Equalised odds gap", Kind.GROUP_GAP, LOWER, "",
           ("protected_group", *DECISION),
           "The larger of the gaps in positives found and in negatives selected.", 0.02,
           rates=(Rate(selected, positives), Rate(selected, negatives))),
    Metric("calibration_gap", "Calibration gap", Kind.GROUP_GAP, LOWER, "",
           ("protected_group", *PROBABILITY),
           "Largest difference between groups in mean score less mean label.", 0.02,
           rates=(Rate(excess),)),
    Metric("flip_rate", "Flip rate", Kind.PROPORTION, LOWER, "",
           ("reference_prediction", "prediction"),
           "Share of items decided otherwise than on their unchanged rows.", 0.02,
           values=flips),
    Metric("error_rate", "Error rate", Kind.PROPORTION, LOWER, "", ("errored",),
           "Share of requests under load without a usable answer in time.", 0.01,
           values=column("errored")),
    Metric("never_answered", "Never answered", Kind.PROPORTION, LOWER, "",
           ("errored", BACKLOG_LOST),
           "Of the requests without an answer in time, the share that the backfill did not mend.",
           0.02, values=column(BACKLOG_LOST), eligible=unanswered, own_rows=True,
           uncounted=Reason.NOTHING_TO_BACKFILL),
    Metric("p95_backlog_age", "95th percentile age in the backlog", Kind.QUANTILE, LOWER, "s",
           (BACKLOG_AGE,), "Age at which 95 % of the backlog were answered.",
           values=column(BACKLOG_AGE), eligible=queued, quantile=0.95, own_rows=True,
           uncounted=Reason.NOTHING_TO_BACKFILL),
    Metric("p95_drain_time", "Time to drain 95 % of the backlog", Kind.QUANTILE, LOWER, "s",
           (BACKLOG_AGE, BACKLOG_DRAIN),
           "Seconds from the end of the outage until 95 % of the backlog were answered.",
           values=column(BACKLOG_DRAIN), eligible=queued, quantile=0.95, own_rows=True,
           uncounted=Reason.NOTHING_TO_BACKFILL),
    Metric("net_detection", "Caught by the safety net", Kind.PROPORTION, HIGHER, "",
           (HELD, *DECISION), "Share of wrongly decided items that the safety net catches.",
           0.02, values=column(HELD), eligible=wrong, own_rows=True,
           uncounted=Reason.NOTHING_COUNTS),
    Metric("net_false_alarm", "Held without need", Kind.PROPORTION, LOWER, "",
           (HELD, *DECISION), "Share of rightly decided items that the safety net catches.",
           0.02, values=column(HELD), eligible=right, own_rows=True,
           uncounted=Reason.NOTHING_COUNTS),
)  # fmt: skip
METRICS = MappingProxyType({metric.key: metric for metric in _METRICS})


#: Kinds whose statistic follows from sums or counts that resamples and shards can share.
SUMMED = frozenset(
    {
        Kind.PROPORTION,
        Kind.RATIO,
        Kind.MEAN,
        Kind.AUC,
        Kind.QUANTILE,
        Kind.CALIBRATION_ERROR,
    }
)


def summed_metric_of(key: str) -> Metric:
    """The metric, if resamples and shards can share its sums. Raises ValueError otherwise."""
    metric = metric_of(key)
    if metric.kind not in SUMMED:
        raise ValueError(
            f"“{key}” has no sums to resample or merge; benchmarks.engine.metrics.estimate has "
            "an interval of its own for it."
        )
    return metric


def metric_of(key: str) -> Metric:
    if key not in METRICS:
        raise ValueError(f"There is no metric called “{key}”.")
    return METRICS[key]


def estimate(
    frame: pd.DataFrame,
    metric_key: str,
    *,
    slice: Slice | str = ALL,
    level: float = 0.95,
    seed: int,
    resamples: int = RESAMPLES,
    clusters: str | None = None,
) -> Estimate:
    """One metric on the rows of a slice; a plain name labels a frame that is cut already."""
    sample = scored(frame, clusters)
    name = slice if isinstance(slice, str) else slice.key
    if isinstance(slice, Slice):
        sample = sample.where(mask(frame, slice.condition))
    return estimate_scored(
        sample, metric_of(metric_key), name, level=level, seed=seed, resamples=resamples
    )


def estimates(
    frame: pd.DataFrame,
    metric_keys: Iterable[str],
    slices: Sequence[Slice],
    *,
    level: float = 0.95,
    seed: int,
    resamples: int = RESAMPLES,
    clusters: str | None = None,
) -> list[Estimate]:
    """Every metric on all rows and on every slice, slice by slice."""
    sample = scored(frame, clusters)
    metrics = [metric_of(key) for key in metric_keys]
    return [
        estimate_scored(part, metric, name, level=level, seed=seed, resamples=resamples)
        for name, rows in masks(frame, slices).items()
        for part in [sample.where(rows)]
        for metric in metrics
    ]


def estimate_scored(
    sample: Scored,
    metric: Metric,
    slice: str,
    *,
    level: float,
    seed: int,
    resamples: int = RESAMPLES,
) -> Estimate:
    """One metric on rows already selected; undefined is None with its reason."""
    obstacle = sample.obstacle(metric.needs)
    if obstacle:
        return Estimate(metric.key, slice, None, None, sample.n, None, obstacle)
    draw = Draw(level, generator(seed, metric.key, slice), resamples)
    value, interval, n, reason = ESTIMATES[metric.kind](sample, metric, draw)
    return Estimate(metric.key, slice, value, interval, n, sample.positives, reason)
