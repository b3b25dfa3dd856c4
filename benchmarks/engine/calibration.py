"""Calibration of probabilities: slope and intercept with their test.

Gates rest on the Brier score or the log loss, which are means over items. What stands here
explains a change in them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from benchmarks.engine.intervals import Mean, unit_sums
from benchmarks.engine.scored import FloatArray, IntArray, Scored

# Keeps the loss of a certain but wrong probability finite, as scikit-learn does for float64.
SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)
STEPS = 30
TOLERANCE = 1e-10
# Beyond this the classes are separated and the slope has no finite value.
LARGEST_SLOPE = 50.0


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """Coefficients with each item's influence on them (items × coefficients)."""

    coefficients: FloatArray
    influence: FloatArray


@dataclass(frozen=True)
class CalibrationTest:
    """Slope 1 and intercept 0 tested together; both parts as estimates with their errors."""

    slope: Mean
    intercept: Mean
    p_value: float


def log_odds(scores: FloatArray) -> FloatArray:
    inside = np.clip(scores, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return np.asarray(special.logit(inside))


def logistic(design: FloatArray, label: FloatArray, offset: FloatArray) -> LogisticFit | None:
    """Maximum likelihood by Newton's method; None where it does not exist."""
    beta = np.zeros(design.shape[1])
    for _ in range(STEPS):
        fitted = special.expit(design @ beta + offset)
        weight = fitted * (1 - fitted)
        information = design.T @ (weight[:, None] * design)
        if np.linalg.cond(information) > 1 / np.finfo(float).eps:
            return None
        step = np.linalg.solve(information, design.T @ (label - fitted))
        beta = beta + step
        if np.abs(beta).max() > LARGEST_SLOPE:
            return None
        if np.abs(step).max() < TOLERANCE:
            scores = design * (label - fitted)[:, None]
            return LogisticFit(beta, scores @ np.linalg.inv(information))
    return None


def slope_fit(sample: Scored) -> tuple[float, FloatArray] | None:
    """Slope of the label's log odds on the score's, and the items' influence on it."""
    odds = log_odds(sample["score"])
    fit = logistic(np.column_stack([np.ones(sample.n), odds]), sample["label"], np.zeros(sample.n))
    return None if fit is None else (float(fit.coefficients[1]), fit.influence[:, 1])


def intercept_fit(sample: Scored) -> tuple[float, FloatArray] | None:
    """Calibration in the large: the shift of the log odds at slope 1, with influences."""
    fit = logistic(np.ones((sample.n, 1)), sample["label"], log_odds(sample["score"]))
    return None if fit is None else (float(fit.coefficients[0]), fit.influence[:, 0])


def influence_mean(value: float, influence: FloatArray, clusters: IntArray | None) -> Mean:
    """A fitted value with its sandwich error, over clusters if there are any."""
    influence = unit_sums(influence, clusters)
    units = len(influence)
    variance = float(influence @ influence) * units / max(units - 1, 1)
    return Mean(value, variance, max(units - 1, 0), units)


def calibration_test(sample: Scored) -> CalibrationTest | None:
    """Wald test of slope 1 and intercept 0 together, by F over units (Cox 1958); None where no
    fit exists.
    """
    slope, shift = slope_fit(sample), intercept_fit(sample)
    odds = log_odds(sample["score"])
    design = np.column_stack([np.ones(sample.n), odds - odds.mean()])
    # The departure from the score itself: both coefficients are 0 under calibration.
    fit = logistic(design, sample["label"], odds)
    if slope is None or shift is None or fit is None:
        return None
    influence = np.column_stack([unit_sums(part, sample.cluster) for part in fit.influence.T])
    units = len(influence)
    covariance = influence.T @ influence * units / max(units - 1, 1)
    if units < 4 or np.linalg.det(covariance) <= 0:
        return None
    wald = float(fit.coefficients @ np.linalg.solve(covariance, fit.coefficients))
    p_value = float(stats.f.sf(wald * (units - 2) / (2 * (units - 1)), 2, units - 2))
    return CalibrationTest(
        influence_mean(*slope, sample.cluster), influence_mean(*shift, sample.cluster), p_value
    )
