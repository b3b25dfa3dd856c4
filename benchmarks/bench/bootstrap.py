"""Percentile and BCa intervals of six metrics on fifty slices, beside scipy.stats.bootstrap.

scipy would take hours, so one evaluation of each statistic is timed on two slices inside
`scipy.stats.bootstrap`, and the evaluations that all slices need are added up: `resamples` for a
percentile interval, `resamples` + n for BCa, whose jackknife leaves out every row once.
A command in TOUCHSTONE_BENCH_LIMIT that prints a JSON line with `cpu_s` is timed as the limit.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import roc_auc_score

from benchmarks.bench.data import group_slices, scored_rows
from benchmarks.bench.timing import measured, row
from benchmarks.engine.resampling import bootstrap

METRICS = ("accuracy", "roc_auc", "brier", "ece", "mean_latency", "p99_latency")
SIZES = {"short": (20_000, 5, 200), "full": (1_000_000, 50, 2000)}
BINS = 15
TARGET = "≥ 500 × peer, ≤ 3 × limit"
# Rows × resamples that scipy may hold at once: its fastest batch on these machines.
BATCH = 4_000_000


def rows(size: str) -> Iterator[dict[str, Any]]:
    """One line for percentile intervals alone, one for percentile and BCa together."""
    n, slices, resamples = SIZES[size]
    frame, parts = scored_rows(n, 11, slices), group_slices(slices)
    ours = measured(lambda: bootstrap(frame, METRICS, parts, seed=1, resamples=resamples), 5)
    percentile, bca = _peer_seconds(frame, resamples)
    shown = f"{n:,} rows, {slices} slices, {len(METRICS)} metrics, {resamples:,} resamples"
    limit_s = _limit_seconds() if size == "full" else None
    common: dict[str, Any] = {
        "peer": "scipy.stats.bootstrap per cell, extrapolated",
        "limit": "compiled loop" if limit_s else "",
        "limit_s": limit_s,
        "target": TARGET,
    }
    yield row("bootstrap, peer percentile only", shown, ours, peer_s=percentile, **common)
    yield row("bootstrap, percentile and BCa", shown, ours, peer_s=percentile + bca, **common)


def _limit_seconds() -> float | None:
    command = os.environ.get("TOUCHSTONE_BENCH_LIMIT")
    if not command:
        return None
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)  # noqa: S603
    return float(json.loads(done.stdout.splitlines()[-1])["cpu_s"])


def _peer_seconds(frame: pd.DataFrame, resamples: int) -> tuple[float, float]:
    """CPU seconds of scipy on all slices by percentile and by BCa, from two measured slices."""
    groups = [part for _, part in frame.groupby("group")]
    sizes = np.array(sorted(len(part) for part in groups), dtype=np.float64)
    groups.sort(key=len)
    small, large = groups[0], groups[len(groups) // 2]
    percentile = bca = 0.0
    for metric in METRICS:
        costs = [_seconds_each(metric, part, resamples) for part in (small, large)]
        slope = max(0.0, (costs[1] - costs[0]) / (len(large) - len(small)))
        each = costs[0] + slope * (sizes - len(small))
        percentile += float((resamples * each).sum())
        bca += float(((resamples + sizes) * each).sum())
    return percentile, bca


def _seconds_each(metric: str, part: pd.DataFrame, resamples: int) -> float:
    arrays, statistic, vectorised = _statistic(metric, part)
    batch = max(1, BATCH // len(part)) if vectorised else None
    taken = max(20, resamples // 10)

    def run() -> object:
        return stats.bootstrap(
            arrays,
            statistic,
            n_resamples=taken,
            method="percentile",
            paired=True,
            vectorized=vectorised,
            batch=batch,
            rng=np.random.default_rng(1),
        )

    return measured(run, 3).cpu_s / taken


def _statistic(
    metric: str, part: pd.DataFrame
) -> tuple[tuple[np.ndarray, ...], Callable[..., Any], bool]:
    label, score = part.label.to_numpy(float), part.score.to_numpy()
    latency = part.latency_ms.to_numpy()
    return {
        "accuracy": (((part.prediction == part.label).to_numpy(float),), _mean, True),
        "brier": (((score - label) ** 2,), _mean, True),
        "mean_latency": ((latency,), _mean, True),
        "p99_latency": ((latency,), _p99, True),
        "roc_auc": ((label, score), roc_auc_score, False),
        "ece": ((label, score), _calibration_error, False),
    }[metric]


def _mean(values: np.ndarray, axis: int = -1) -> np.ndarray:
    return values.mean(axis=axis)


def _p99(values: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.quantile(values, 0.99, axis=axis)


def _calibration_error(label: np.ndarray, score: np.ndarray) -> float:
    bins = np.minimum((score * BINS).astype(np.int64), BINS - 1)
    return float(np.abs(np.bincount(bins, label - score, BINS)).sum() / len(label))
