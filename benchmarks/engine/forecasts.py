"""Diebold and Mariano's comparison of forecast losses, with an error that knows dependence.

The long-run variance is the equal-weighted cosine estimate, and t its law: among the HAC forms
the one that keeps its size best (Lazarus, Lewis, Stock and Watson 2018; for this test Coroneo
and Iacone 2020).
"""

from __future__ import annotations

from math import inf

import numpy as np

from benchmarks.engine.intervals import Mean
from benchmarks.engine.scored import FloatArray

# Fewer losses than this say nothing about their dependence.
FEWEST_LOSSES = 10
# Cosines used, for n losses: this × n^(2/3).
COSINES = 0.4


def long_run_mean(series: FloatArray) -> Mean:
    """Mean of a series in order of time, with its dependence-robust error."""
    n = len(series)
    mean = float(series.mean()) if n else 0.0
    if n < FEWEST_LOSSES:
        return Mean(mean, inf, 0, min(n, 1))
    if np.ptp(series) == 0:
        return Mean(mean, 0.0, n - 1, n)
    cosines = max(1, int(COSINES * n ** (2 / 3)))
    angles = np.pi * np.outer(np.arange(1, cosines + 1), (np.arange(n) + 0.5) / n)
    projections = np.sqrt(2 / n) * (np.cos(angles) @ (series - mean))
    return Mean(mean, float((projections**2).mean()) / n, cosines, n)
