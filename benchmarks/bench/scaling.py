"""The engine's part of a run by one worker process and by two.

Each part is one scenario as a worker computes it: a perturbation, every summed metric on all
slices with intervals, and the paired comparison of all rows. The processes share nothing but the
queue, as workers do. Seconds are those of the clock, because that is what more workers shorten.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from typing import Any

import pandas as pd

from benchmarks.bench.data import group_slices, scored_rows
from benchmarks.engine.effects import compare
from benchmarks.engine.perturbations import apply
from benchmarks.engine.resampling import bootstrap

SIZES = {"short": (4, 20_000, 5, 1), "full": (24, 200_000, 20, 3)}
METRICS = ("accuracy", "precision", "recall", "f1", "roc_auc", "brier", "log_loss", "p95_latency")
RESAMPLES = 2000
TARGET = ">= 1.8 times faster with 2 workers"


def rows(size: str) -> Iterator[dict[str, Any]]:
    """One line: the wall seconds of two processes beside those of one."""
    parts, count, slices, rounds = SIZES[size]
    one, two = [], []
    with ProcessPoolExecutor(1) as single, ProcessPoolExecutor(2) as double:
        for pool in (single, double):  # everything imported and the data made before the clock
            _seconds(pool, 4, count, slices)
        for _ in range(rounds):
            one.append(_seconds(single, parts, count, slices))
            two.append(_seconds(double, parts, count, slices))
    ours, peer = statistics.median(two), statistics.median(one)
    yield {
        "work": "engine part of a run, 2 worker processes (wall seconds)",
        "size": f"{parts} parts, {count:,} rows, {slices} slices",
        "ours_s": round(ours, 3),
        "ours_mb": None,
        "peer": "1 worker process",
        "peer_s": round(peer, 3),
        "peer_mb": None,
        "limit": "half of one worker's time",
        "limit_s": round(peer / 2, 3),
        "ratio_peer": round(peer / ours, 2),
        "ratio_limit": round(2 * ours / peer, 2),
        "target": TARGET,
    }


def _seconds(pool: ProcessPoolExecutor, parts: int, count: int, slices: int) -> float:
    started = time.perf_counter()
    list(pool.map(_part, range(parts), [count] * parts, [slices] * parts))
    return time.perf_counter() - started


@lru_cache(maxsize=1)
def _frame(count: int, slices: int) -> pd.DataFrame:
    return scored_rows(count, 5, slices)


def _part(number: int, count: int, slices: int) -> float:
    frame = _frame(count, slices)
    steps = [{"kind": "noise", "parameters": {"column": "latency_ms", "sd": 1.0 + number}}]
    changed = apply(frame, steps, seed=number).frame
    table = bootstrap(changed, METRICS, group_slices(slices), seed=number, resamples=RESAMPLES)
    compare(frame, changed, "p95_latency", paired=True, seed=number)
    return table.at("accuracy", "all").value or 0.0
