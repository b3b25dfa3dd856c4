"""Adjusted p- and e-values for families: Holm, Benjamini-Hochberg and -Yekutieli, e-BH."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.engine.scored import FloatArray


def holm(p_values: Sequence[float]) -> list[float]:
    """Family-wise error under any dependence (Holm 1979)."""
    ordered, order = _ordered(p_values)
    factors = np.arange(len(ordered), 0, -1)
    return _restored(np.maximum.accumulate(ordered * factors), order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """False discovery rate under independence or positive dependence."""
    return _step_up(p_values, 1.0)


def benjamini_yekutieli(p_values: Sequence[float]) -> list[float]:
    """False discovery rate under any dependence, at the price of a harmonic factor."""
    return _step_up(p_values, float(np.sum(1 / np.arange(1, len(p_values) + 1))))


def e_benjamini_hochberg(e_values: Sequence[float]) -> list[float]:
    """Adjusted values of e-BH: false discovery rate under any dependence, without a penalty
    (Wang and Ramdas 2022). A cell is found at q where its value is at most q.

    The k largest e-values are found if the k-th is at least m / (k q). Raises ValueError for a
    negative e-value.
    """
    values = np.asarray(e_values, dtype=np.float64)
    if not (values >= 0).all():
        raise ValueError("An e-value cannot be negative or missing.")
    with np.errstate(divide="ignore"):
        return _step_up(list(1 / values), 1.0)


def e_value(p_value: float, kappa: float = 0.5) -> float:
    """An e-value from a p-value by the calibrator κ p^(κ−1) (Shafer and others 2011)."""
    if not (0 < p_value <= 1 and 0 < kappa < 1):
        raise ValueError("p lies above 0 and up to 1, and κ between 0 and 1.")
    return float(kappa * p_value ** (kappa - 1))


def _step_up(p_values: Sequence[float], penalty: float) -> list[float]:
    ordered, order = _ordered(p_values)
    m = len(ordered)
    scaled = ordered * penalty * m / np.arange(1, m + 1)
    return _restored(np.minimum.accumulate(scaled[::-1])[::-1], order)


def _ordered(p_values: Sequence[float]) -> tuple[FloatArray, np.ndarray]:
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    return values[order], order


def _restored(adjusted: FloatArray, order: np.ndarray) -> list[float]:
    result = np.empty(len(order))
    result[order] = np.minimum(adjusted, 1.0)
    return [float(value) for value in result]
