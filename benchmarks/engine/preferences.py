"""Pairwise preferences: Bradley-Terry with ties (Davidson 1970) and a position term
(Davidson and Beaver 1977), between a candidate and a baseline.

A judgement is the candidate's win, a tie or its loss, with the candidate shown first or second.
The six counts are sufficient, so fits of resampled counts run side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from benchmarks.engine.draws import Counts
from benchmarks.engine.intervals import normal_quantile
from benchmarks.engine.scored import FloatArray, Scored

OUTCOMES = (0.0, 0.5, 1.0)
STEPS = 40
TOLERANCE = 1e-9
# Half a judgement spread over the six cells keeps every strength finite (Firth-like).
PRIOR = 0.5 / 6

# Per cell (shown second × loss, tie, win; then shown first): strength, position, tie.
_DESIGN = np.array(
    [
        [[-0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [0.5, -0.5, 0.0]],
        [[-0.5, -0.5, 0.0], [0.0, 0.0, 1.0], [0.5, 0.5, 0.0]],
    ]
)


@dataclass(frozen=True, eq=False)
class Strengths:
    """Log strength of candidate over baseline, advantage of the first place, log tie weight."""

    coefficients: FloatArray  # … × 3
    covariance: FloatArray  # … × 3 × 3

    @property
    def strength(self) -> FloatArray:
        return np.asarray(self.coefficients[..., 0])

    @property
    def win_rate(self) -> FloatArray:
        """Chance of a win, a tie counting half, with the advantage of position taken out."""
        half = self.strength / 2
        tie = np.exp(self.coefficients[..., 2])
        return np.asarray((np.exp(half) + tie / 2) / (np.exp(half) + np.exp(-half) + tie))

    @property
    def win_rate_error(self) -> float:
        """Error of a single fit's win rate by the delta method."""
        step = 1e-5
        shifts = step * np.array([[1.0, 0, 0], [0, 0, 1.0]])
        up, down = (
            Strengths(self.coefficients + sign * shifts, self.covariance).win_rate
            for sign in (1, -1)
        )
        gradient = (up - down) / (2 * step)
        slopes = np.array([gradient[0], 0.0, gradient[1]])
        return float(np.sqrt(slopes @ self.covariance @ slopes))


def logit_interval(rate: float, error: float, level: float) -> tuple[float, float]:
    """Interval of a rate on the logit scale, so that it cannot leave 0 to 1."""
    half = normal_quantile(level) * error / (rate * (1 - rate))
    low, high = special.expit(special.logit(rate) + np.array([-half, half]))
    return float(low), float(high)


def is_valid(sample: Scored) -> bool:
    """Only wins, ties and losses, and positions of 0 or 1."""
    first = sample.columns.get("shown_first")
    places = first is None or bool(np.isin(first, (0.0, 1.0)).all())
    return places and bool(np.isin(sample["preference"], OUTCOMES).all())


def has_positions(sample: Scored) -> bool:
    first = sample.columns.get("shown_first")
    return first is not None and bool(np.ptp(first) > 0)


def outcome_counts(sample: Scored) -> Counts:
    """Six cells: shown second or first × loss, tie, win; one row per cluster if any."""
    place = sample["shown_first"] if has_positions(sample) else np.ones(sample.n)
    codes = (3 * place + 2 * sample["preference"]).astype(np.int64)
    if sample.cluster is None:
        return Counts(np.bincount(codes, minlength=6)[None, :].astype(np.float64), False)
    units, rows = np.unique(sample.cluster, return_inverse=True)
    flat = np.bincount(rows * 6 + codes, minlength=len(units) * 6)
    return Counts(flat.reshape(len(units), 6).astype(np.float64), True)


def bradley_terry(counts: FloatArray) -> Strengths:
    """Fit to counts (… × 6) by Newton's method.

    Judgements that were all made in one position say nothing about it: its term stays 0.
    """
    table = np.atleast_2d(counts) + PRIOR
    table = np.where(np.atleast_2d(counts).sum(axis=-1, keepdims=True) > 0, table, np.nan)
    shape = table.reshape(-1, 2, 3)
    trials = shape.sum(axis=2)
    one_place = (np.atleast_2d(counts).reshape(-1, 2, 3).sum(axis=2) == 0).any(axis=1)
    beta = np.zeros((len(shape), 3))
    ridge = np.zeros((len(shape), 3, 3))
    ridge[one_place, 1, 1] = 1e9
    information = np.tile(np.eye(3), (len(shape), 1, 1))
    for _ in range(STEPS):
        chance = special.softmax(np.einsum("gok,rk->rgo", _DESIGN, beta), axis=2)
        mean = np.einsum("rgo,gok->rgk", chance, _DESIGN)
        score = np.einsum("rgo,gok->rk", shape - trials[..., None] * chance, _DESIGN)
        square = np.einsum("rg,rgo,gok,gol->rkl", trials, chance, _DESIGN, _DESIGN)
        information = square - np.einsum("rg,rgk,rgl->rkl", trials, mean, mean) + ridge
        score[one_place, 1] = 0.0
        step = np.linalg.solve(information, score[..., None])[..., 0]
        beta = beta + step
        if not np.nanmax(np.abs(step), initial=0.0) > TOLERANCE:
            break
    covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
    if counts.ndim == 1:
        return Strengths(beta[0], covariance[0])
    return Strengths(beta, covariance)
