"""Average precision: the area under the precision-recall curve, and its bootstrap.

The step-wise sum over distinct scores, without interpolation (Davis and Goadrich 2006 on why).
There is no trustworthy closed form for its error, so everything rests on resampled units.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np

from benchmarks.engine.draws import BLOCK_CELLS, Bootstrap, collect, unit_weights
from benchmarks.engine.scored import FloatArray, IntArray, Scored

# Fewer positives than this: a resample of them does not describe the curve.
FEWEST_POSITIVES = 10

Weighted = Callable[[FloatArray], FloatArray]


def average_precision(sample: Scored) -> float:
    return float(weighted_precision(sample)(np.ones((1, sample.n)))[0])


def weighted_precision(sample: Scored) -> Weighted:
    """Average precision as a function of item weights (resamples × items); one sort for all."""
    order = np.argsort(-sample["score"], kind="stable")
    ordered, positive = sample["score"][order], sample["label"][order] == 1
    ends = np.flatnonzero(np.r_[np.diff(ordered) != 0, True])

    def of(weights: FloatArray) -> FloatArray:
        weighted = weights[:, order]
        drawn = np.cumsum(weighted, axis=1)[:, ends]
        found = np.cumsum(weighted * positive, axis=1)[:, ends]
        gained = np.diff(found, axis=1, prepend=0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            precision = np.where(drawn > 0, found / drawn, 0.0)
            return np.asarray((gained * precision).sum(axis=1) / found[:, -1])

    return of


def precision_bootstrap(
    samples: list[Scored],
    clusters: IntArray | None,
    rng: np.random.Generator,
    resamples: int,
) -> Bootstrap:
    """One sample's value, or first − second for two that share their items."""
    functions = [weighted_precision(sample) for sample in samples]
    signs = (1.0, -1.0)
    n = samples[0].n

    def of(weights: FloatArray) -> FloatArray:
        parts = [sign * f(weights) for sign, f in zip(signs, functions, strict=False)]
        return np.asarray(np.sum(parts, axis=0))

    codes = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    units = int(codes.max()) + 1
    draws = [
        of(part[:, codes])
        for block in unit_weights(rng, units, resamples)
        for part in np.array_split(block, 1 + len(block) * n // BLOCK_CELLS)
    ]
    value = float(of(np.ones((1, n)))[0])
    nothing = np.empty(0)
    return collect(
        value, np.concatenate(draws), nothing, nothing, inf if clusters is None else units
    )
