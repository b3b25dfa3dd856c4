"""Made-up scored rows: a classifier with latencies on slices of uneven size."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.engine.slices import Slice

SLICES = 50


def scored_rows(rows: int, seed: int, slices: int = SLICES) -> pd.DataFrame:
    """Columns label, score, prediction, latency_ms, cost, group; groups from 1 to 40 in size."""
    rng = np.random.default_rng(seed)
    weight = np.geomspace(1, 40, slices)
    group = rng.choice(slices, size=rows, p=weight / weight.sum())
    signal = rng.normal(0, 1.3, rows) + rng.normal(0, 0.5, slices)[group]
    label = rng.random(rows) < 1 / (1 + np.exp(-signal))
    score = 1 / (1 + np.exp(-(0.9 * signal + rng.normal(0, 0.6, rows))))
    return pd.DataFrame(
        {
            "label": label.astype(np.int8),
            "score": score,
            "prediction": (score >= 0.5).astype(np.int8),
            "latency_ms": rng.lognormal(3.0, 0.6, rows),
            "cost": rng.gamma(2.0, 3.0, rows),
            "group": group.astype(np.int16),
        }
    )


def group_slices(slices: int = SLICES) -> list[Slice]:
    return [
        Slice(f"group-{group}", f"Group {group}", {"column": "group", "op": "eq", "value": group})
        for group in range(slices)
    ]
