"""Metrics that are smooth functions of item means, such as RMSE and R²: value and influence.

The influence of an item is what it adds to the value's error; its mean's error is the value's
(the infinitesimal jackknife, Jaeckel 1972; Efron 1982).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.engine.scored import FloatArray, Scored


@dataclass(frozen=True)
class Moments:
    """Item columns (n × k), the value as a function of their means, and its gradient there."""

    columns: Callable[[Scored], FloatArray]
    value: Callable[[FloatArray], FloatArray]
    gradient: Callable[[FloatArray], FloatArray]

    def of(self, sample: Scored) -> tuple[float, FloatArray]:
        """The value and each item's influence on it; NaN where the value is undefined."""
        columns = self.columns(sample)
        means = columns.mean(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            influence = (columns - means) @ self.gradient(means)
            return float(self.value(means)), influence


def _squares(sample: Scored) -> FloatArray:
    return ((sample["prediction"] - sample["label"]) ** 2)[:, None]


def _variances(sample: Scored) -> FloatArray:
    # Shifting the labels changes nothing and spares the squares their rounding.
    label = sample["label"] - sample["label"].mean()
    return np.column_stack([(sample["prediction"] - sample["label"]) ** 2, label, label**2])


def _r2(means: FloatArray) -> FloatArray:
    error, first, second = means[..., 0], means[..., 1], means[..., 2]
    return np.asarray(1 - error / (second - first**2))


def _r2_gradient(means: FloatArray) -> FloatArray:
    error, first, second = means
    spread = second - first**2
    return np.array([-1 / spread, -2 * first * error / spread**2, error / spread**2])


RMSE = Moments(
    _squares,
    lambda means: np.sqrt(means[..., 0]),
    lambda means: np.where(means > 0, 0.5 / np.sqrt(means), 0.0),
)
R2 = Moments(_variances, _r2, _r2_gradient)
