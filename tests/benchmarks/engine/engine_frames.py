"""Scored frames with known properties for the engine's tests."""

import numpy as np
import pandas as pd


def scored_frame(n=400, seed=0, *, skill=1.0, noise=0.0, threshold=0.3, groups=4):
    """A classifier's answers; the same seed gives the same items, `noise` a worse model."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.3).astype(int)
    signal = rng.normal(size=n) + skill * label
    group = rng.integers(0, groups, n)
    cost = rng.gamma(2.0, 3.0, n)
    signal = signal + noise * np.random.default_rng(seed + 1).normal(size=n)
    score = 1 / (1 + np.exp(1.2 - signal))
    more = np.random.default_rng(seed + 2)
    return pd.DataFrame(
        {
            "label": label,
            "score": score,
            "prediction": (score > threshold).astype(int),
            "cost": cost,
            "latency_ms": cost * 10,
            "group": group,
            "size_bytes": cost * 100,
            "events": more.poisson(1.5, n),
            "exposure": more.uniform(0.5, 2.0, n),
            "preference": more.choice([0.0, 0.5, 1.0], n, p=[0.3, 0.2, 0.5]),
            "shown_first": more.integers(0, 2, n),
            "protected_group": more.integers(0, 2, n),
            "reference_prediction": (score + more.normal(0, 0.1, n) > threshold).astype(int),
            "errored": more.integers(0, 2, n),
            # In the backlog are other requests than those above: half, whatever came of them.
            "backlog_lost": more.integers(0, 2, n),
            "backlog_age": 0.1 * cost * more.integers(0, 2, n),
            "backlog_drain": 0.1 * cost,
            "net_held": (np.abs(score - threshold) < more.uniform(0.0, 0.3, n)).astype(int),
        },
        index=pd.Index(np.arange(n) + 1000, name="item"),
    )


def decisions(label, prediction):
    return pd.DataFrame({"label": label, "prediction": prediction})


def correctness(outcomes):
    """Items that are all positive, so that the prediction is the outcome."""
    return decisions([1] * len(outcomes), outcomes)


def paired_table(both, lost, gained, neither):
    """Baseline and candidate frames with the given paired outcomes."""
    baseline = [1] * (both + lost) + [0] * (gained + neither)
    candidate = [1] * both + [0] * lost + [1] * gained + [0] * neither
    return correctness(baseline), correctness(candidate)
