"""A whole evaluation of two versions, beside libraries that give one number for each metric.

Ours: every metric of the dictionary on fifty slices and on all rows, with percentile and BCa
intervals of the candidate, and its paired comparison with the baseline on each of them.
The peer that is always there is scikit-learn for the plain values of all slices, without an
interval or a test. With TOUCHSTONE_BENCH_MLFLOW naming a Python that has mlflow,
`mlflow.models.evaluate` on the same rows (no slices, no intervals) is measured as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from benchmarks.bench.data import group_slices, scored_rows
from benchmarks.bench.timing import Timing, interleaved, row
from benchmarks.engine.effects import Terms, compare_scored
from benchmarks.engine.metrics import METRICS, SUMMED, Metric
from benchmarks.engine.resampling import bootstrap
from benchmarks.engine.resampling_rows import rows_of
from benchmarks.engine.scored import scored
from benchmarks.engine.slices import Slice

SIZES = {"short": (20_000, 5, 200), "full": (1_000_000, 50, 2000)}
PEER_SCRIPT = """
import json, resource, sys, tempfile, time
import mlflow, pandas as pd
from mlflow.models import evaluate
frame = pd.read_parquet(sys.argv[1])[["label", "prediction"]]
mlflow.set_tracking_uri("sqlite:///" + tempfile.mkdtemp() + "/m.db")
wall, cpu = time.perf_counter(), time.process_time()
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with mlflow.start_run():
    evaluate(data=frame, targets="label", predictions="prediction", model_type="classifier",
             evaluators="default")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu,
                  "added_mb": (peak - start) / 1024}))
"""


def rows(size: str) -> Iterator[dict[str, Any]]:
    """One line against scikit-learn, and one against mlflow where there is one."""
    n, slices, resamples = SIZES[size]
    candidate = scored_rows(n, 11, slices)
    baseline = _slightly_worse(candidate)
    parts = group_slices(slices)
    keys = [key for key, metric in METRICS.items() if _is_measured(metric, candidate)]

    def ours() -> None:
        bootstrap(candidate, keys, parts, seed=1, resamples=resamples)
        _paired_tests(baseline, candidate, keys, parts, resamples)

    timing, plain = interleaved([ours, lambda: _plain_values(candidate)], 1)
    shown = f"{n:,} rows, {len(keys)} metrics, {slices} slices, {resamples:,} resamples"
    yield _line(shown, timing, "scikit-learn: values alone", plain)
    mlflow = _mlflow(candidate)
    if mlflow:
        yield _line(shown, timing, "mlflow.models.evaluate: all rows, values alone", mlflow)


def _is_measured(metric: Metric, frame: pd.DataFrame) -> bool:
    """Metrics of a classifier's frame that have sums; shares of a label of 0 have no value."""
    return (
        metric.kind in SUMMED and set(metric.needs) <= set(frame.columns) and metric.key != "mape"
    )


def _paired_tests(
    baseline: pd.DataFrame,
    candidate: pd.DataFrame,
    keys: list[str],
    parts: list[Slice],
    resamples: int,
) -> None:
    terms = Terms(paired=True, seed=1, resamples=resamples)
    sides = scored(baseline), scored(candidate)
    for name, taken in rows_of(candidate, parts).items():
        before, after = (side.taken(taken) for side in sides)
        for key in keys:
            compare_scored(before, after, METRICS[key], name, terms)


def _line(shown: str, ours: Timing, peer: str, theirs: Timing) -> dict[str, Any]:
    return row(
        "evaluation with intervals and paired tests",
        shown,
        ours,
        peer=peer,
        peer_s=theirs.cpu_s,
        peer_mb=theirs.added_mb,
        target="faster than mlflow",
    )


def _slightly_worse(candidate: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    logit = np.log(candidate.score / (1 - candidate.score)) + rng.normal(0, 0.4, len(candidate))
    score = 1 / (1 + np.exp(-logit))
    latency = candidate.latency_ms * rng.lognormal(0, 0.2, len(candidate))
    prediction = (score >= 0.5).astype(np.int8)
    return candidate.assign(score=score, prediction=prediction, latency_ms=latency)


def _plain_values(frame: pd.DataFrame) -> None:
    for part in [frame, *(group for _, group in frame.groupby("group"))]:
        sk.accuracy_score(part.label, part.prediction)
        sk.precision_recall_fscore_support(part.label, part.prediction, average="binary")
        sk.balanced_accuracy_score(part.label, part.prediction)
        sk.roc_auc_score(part.label, part.score)
        sk.brier_score_loss(part.label, part.score)
        sk.log_loss(part.label, part.score)
        sk.mean_absolute_error(part.label, part.prediction)
        part.latency_ms.mean(), part.cost.mean(), part.latency_ms.quantile([0.95, 0.99])


def _mlflow(frame: pd.DataFrame) -> Timing | None:
    python = os.environ.get("TOUCHSTONE_BENCH_MLFLOW")
    if not python:
        return None
    with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as folder:
        path = Path(folder) / "scored.parquet"
        frame.to_parquet(path)
        done = subprocess.run(  # noqa: S603 - the interpreter that the person named
            [python, "-c", PEER_SCRIPT, str(path)],
            capture_output=True,
            text=True,
            check=True,
            cwd=folder,
        )
    return Timing(**json.loads(done.stdout.splitlines()[-1]))
