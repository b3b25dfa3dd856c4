"""Candidate against baseline: the right test and interval for each kind of metric.

docs/comparisons.md holds the table of kinds, tests, intervals, sources and assumptions.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.engine.draws import RESAMPLES
from benchmarks.engine.effects_averages import averages, log_means
from benchmarks.engine.effects_base import Terms, undefined_effect
from benchmarks.engine.effects_curves import areas, precision_areas
from benchmarks.engine.effects_gaps import gaps, grouped_as
from benchmarks.engine.effects_models import (
    calibration_departures,
    event_rates,
    forecasts,
    preferences,
)
from benchmarks.engine.effects_ratios import (
    calibration_errors,
    class_averages,
    moments,
    quantiles,
    ratios,
)
from benchmarks.engine.formulas import Metric
from benchmarks.engine.metrics import metric_of
from benchmarks.engine.pairing import aligned
from benchmarks.engine.scored import FloatArray, Scored, scored
from benchmarks.engine.slices import ALL
from benchmarks.engine.values import Effect, Kind, Margin

__all__ = ["Terms", "compare", "compare_scored", "undefined_effect"]

_COMPARISONS = {
    Kind.PROPORTION: averages,
    Kind.MEAN: averages,
    Kind.LOG_MEAN: log_means,
    Kind.RATIO: ratios,
    Kind.MULTICLASS: class_averages,
    Kind.MOMENT: moments,
    Kind.AUC: areas,
    Kind.PR_AUC: precision_areas,
    Kind.QUANTILE: quantiles,
    Kind.COUNT: event_rates,
    Kind.FORECAST: forecasts,
    Kind.PREFERENCE: preferences,
    Kind.CALIBRATION: calibration_departures,
    Kind.CALIBRATION_ERROR: calibration_errors,
    Kind.GROUP_GAP: gaps,
}


def compare(
    baseline: pd.DataFrame,
    candidate: pd.DataFrame,
    metric: str,
    *,
    paired: bool,
    clusters: str | None = None,
    margin: float | Margin | None = None,
    alpha: float = 0.05,
    slice: str = ALL,
    seed: int = 0,
    resamples: int = RESAMPLES,
    time: str | None = None,
    covariate: str | None = None,
) -> Effect:
    """The effect on frames cut to the slice; clusters default to the column `cluster`, if any.

    `time` names the column that orders items for kinds that know of time (quantiles,
    forecasts). `covariate` names a column with the baseline's own score of each item, present
    on both sides, by which an unpaired difference of means is adjusted. Raises ValueError for
    an unknown metric or column, and for items that cannot be paired.
    """
    if paired:
        baseline, candidate = aligned(baseline, candidate)
    if paired and covariate is not None:
        raise ValueError("Pairs are their own adjustment: a covariate is for unpaired items.")
    terms = Terms(paired, 1 - alpha, margin, seed, resamples, covariate is not None)
    sides = [
        _extended(scored(frame, clusters), frame, {"time": time, "reference": covariate})
        for frame in (baseline, candidate)
    ]
    return compare_scored(sides[0], sides[1], metric_of(metric), slice, terms)


def _extended(sample: Scored, frame: pd.DataFrame, named: dict[str, str | None]) -> Scored:
    wanted = {name: column for name, column in named.items() if column is not None}
    extra = {name: _numbers(frame, column) for name, column in wanted.items()}
    return replace(sample, columns=sample.columns | extra)


def _numbers(frame: pd.DataFrame, column: str) -> FloatArray:
    if column not in frame.columns:
        raise ValueError(f"The column “{column}” is not in the data.")
    series = frame[column]
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        series = (series - series.min()) / np.timedelta64(1, "s")
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isfinite(values).all():
        raise ValueError(f"The column “{column}” has missing values.")
    return values


def compare_scored(
    baseline: Scored, candidate: Scored, metric: Metric, slice: str, terms: Terms
) -> Effect:
    """The effect on rows already selected and, when paired, already in the same order."""
    if metric.kind is Kind.GROUP_GAP and terms.paired:
        baseline = grouped_as(baseline, candidate)
    sides = (candidate,) if metric.kind is Kind.PREFERENCE else (baseline, candidate)
    n = min(side.n for side in sides)
    for side in sides:
        reason = side.obstacle(metric.needs)
        if reason:
            return undefined_effect(metric.key, slice, n, reason)
    return _COMPARISONS[metric.kind](baseline, candidate, metric, slice, terms)
