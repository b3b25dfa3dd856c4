"""Made-up worlds with a known truth, one for each kind of comparison.

Each takes a stream, a number of items and a shift of the candidate (0: no difference), and
returns both results. The truth at a shift is the same world with very many items.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from benchmarks.engine.scored import FloatArray, IntArray, Scored

# From this many simulations on a share must keep its ends without allowance for chance.
ENOUGH = 1000

Sides = tuple[Scored, Scored]
Make = Callable[[np.random.Generator, int, float], Sides]


def slack(nominal: float, simulations: int) -> float:
    """Three simulation errors where there are few simulations, else nothing."""
    return 0.0 if simulations >= ENOUGH else 3 * sqrt(nominal * (1 - nominal) / simulations)


@dataclass(frozen=True)
class World:
    """What is compared, on how many items, and the shift at which coverage is counted."""

    name: str
    make: Make
    metric: str
    n: int
    shift: float
    paired: bool = True
    adjusted: bool = False

    def sides(self, rng: np.random.Generator, shift: float, n: int) -> Sides:
        """Both results; without pairs each has items of its own."""
        if self.paired:
            return self.make(rng, n, shift)
        return self.make(rng, n, shift)[0], self.make(rng, n, shift)[1]


def _sample(cluster: IntArray | None = None, **columns: ArrayLike) -> Scored:
    values = {name: np.asarray(part, dtype=np.float64) for name, part in columns.items()}
    return Scored(values, cluster, len(next(iter(values.values()))))


def _hits(rng: np.random.Generator, n: int, shift: float) -> Sides:
    shared = rng.random(n)
    sides = []
    for extra in (0.0, shift):
        own = np.where(rng.random(n) < 0.3, rng.random(n), shared)
        sides.append(_sample(label=np.ones(n), prediction=own < 0.7 + extra))
    return sides[0], sides[1]


def _clustered_hits(rng: np.random.Generator, n: int, shift: float) -> Sides:
    days = np.arange(n) // 15
    sides = []
    for extra in (0.0, shift):
        luck = np.clip(0.7 + extra + 0.12 * rng.normal(size=days[-1] + 1), 0, 1)
        sides.append(_sample(days, label=np.ones(n), prediction=rng.random(n) < luck[days]))
    return sides[0], sides[1]


def _few_hits(rng: np.random.Generator, n: int, shift: float) -> Sides:
    first, second = (rng.random(n) < 0.2 + extra for extra in (0.0, shift))
    return _sample(label=np.ones(n), prediction=first), _sample(
        label=np.ones(n), prediction=second
    )


def _losses(rng: np.random.Generator, n: int, shift: float) -> Sides:
    shared = rng.gamma(2.0, 1.0, n)
    first, second = (shared + rng.normal(extra, 1.0, n) for extra in (0.0, shift))
    return _sample(cost=first), _sample(cost=second)


def _skewed_losses(rng: np.random.Generator, n: int, shift: float) -> Sides:
    first, second = (rng.gamma(0.4, 1.0 + extra, n) for extra in (0.0, shift))
    return _sample(cost=first), _sample(cost=second)


def _covered_losses(rng: np.random.Generator, n: int, shift: float) -> Sides:
    sides = []
    for extra in (0.0, shift):
        reference = rng.normal(size=n)
        sides.append(
            _sample(cost=reference + 0.5 * rng.normal(size=n) + extra, reference=reference)
        )
    return sides[0], sides[1]


def _latencies(rng: np.random.Generator, n: int, shift: float) -> Sides:
    shared = rng.normal(4.0, 0.8, n)
    first, second = (np.exp(shared + 0.3 * rng.normal(size=n) + extra) for extra in (0.0, shift))
    return _sample(latency_ms=first), _sample(latency_ms=second)


def _timed_latencies(rng: np.random.Generator, n: int, shift: float) -> Sides:
    """Load that comes and goes, felt by each side in its own way."""
    sides = []
    for extra in (0.0, shift):
        load = _autoregression(rng, n, 0.5)
        sides.append(
            _sample(latency_ms=np.exp(3 + 0.4 * load + extra), time=np.arange(n, dtype=float))
        )
    return sides[0], sides[1]


def _autoregression(rng: np.random.Generator, n: int, lag: float) -> FloatArray:
    noise = rng.normal(size=n)
    noise[0] /= np.sqrt(1 - lag**2)
    series = np.empty(n)
    level = 0.0
    for place, value in enumerate(noise.tolist()):
        level = lag * level + value
        series[place] = level
    return series


def _scores(share: float) -> Make:
    def make(rng: np.random.Generator, n: int, shift: float) -> Sides:
        # A fixed number of positives: the rarer class decides how much an area can tell.
        label = np.zeros(n)
        label[: round(share * n)] = 1
        shared = rng.normal(size=n) + label
        sides = []
        for extra in (0.0, shift):
            signal = shared + 0.7 * rng.normal(size=n) + extra * label
            decision = signal > 0.5
            sides.append(_sample(label=label, score=special.expit(signal), prediction=decision))
        return sides[0], sides[1]

    return make


def _classes(rng: np.random.Generator, n: int, shift: float) -> Sides:
    label = rng.integers(0, 4, n)
    sides = []
    for extra in (0.0, shift):
        right = rng.random(n) < 0.6 + extra
        sides.append(
            _sample(label=label, prediction=np.where(right, label, rng.integers(0, 4, n)))
        )
    return sides[0], sides[1]


def _regression(rng: np.random.Generator, n: int, shift: float) -> Sides:
    label = rng.normal(size=n) * 2
    shared = rng.normal(size=n)
    first, second = (
        label + (shared + 0.7 * rng.normal(size=n)) * (1 + extra) for extra in (0.0, shift)
    )
    return _sample(label=label, prediction=first), _sample(label=label, prediction=second)


def _events(rng: np.random.Generator, n: int, shift: float) -> Sides:
    sides = []
    for extra in (0.0, shift):
        exposure = rng.uniform(0.5, 2.0, n)
        sides.append(_sample(events=rng.poisson((1 + extra) * exposure), exposure=exposure))
    return sides[0], sides[1]


def _dispersed_events(rng: np.random.Generator, n: int, shift: float) -> Sides:
    first, second = (
        rng.poisson((2 + extra) * rng.gamma(1.5, 1 / 1.5, n)) for extra in (0.0, shift)
    )
    return _sample(events=first), _sample(events=second)


def _paired_events(rng: np.random.Generator, n: int, shift: float) -> Sides:
    """Items differ widely in their rates; within an item only chance separates the sides."""
    rate = rng.gamma(0.7, 2.0, n)
    first, second = (rng.poisson((1 + extra) * rate) for extra in (0.0, shift))
    return _sample(events=first), _sample(events=second)


def _forecasts(rng: np.random.Generator, n: int, shift: float) -> Sides:
    first, second = (_autoregression(rng, n, 0.5) * (1 + extra) for extra in (0.0, shift))
    return _sample(label=np.zeros(n), prediction=first), _sample(
        label=np.zeros(n), prediction=second
    )


def _judgements(rng: np.random.Generator, n: int, shift: float) -> Sides:
    """The first place is an advantage of 0.4 and a fifth are ties; positions are uneven."""
    place = (rng.random(n) < 0.65).astype(float)
    lead = (shift + 0.4 * (2 * place - 1)) / 2
    weights = np.column_stack([np.exp(-lead), np.full(n, 0.5), np.exp(lead)])
    bounds = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    outcome = (rng.random(n)[:, None] > bounds[:, :2]).sum(axis=1) / 2
    sample = _sample(preference=outcome, shown_first=place)
    return sample, sample


def _probabilities(rng: np.random.Generator, n: int, shift: float) -> Sides:
    odds = 1.5 * rng.normal(size=n)
    label = rng.random(n) < special.expit(odds)
    first, second = (
        special.expit(1.4 * odds * (1 + extra) + 0.3 * rng.normal(size=n))
        for extra in (0.0, shift)
    )
    return _sample(label=label, score=first), _sample(label=label, score=second)


def _two_groups(rng: np.random.Generator, n: int, shift: float) -> Sides:
    """The second group is selected more often; where both are alike the test only errs less."""
    group, shared = np.arange(n) % 2, rng.random(n)
    sides = []
    for extra in (0.0, shift):
        own = np.where(rng.random(n) < 0.4, rng.random(n), shared)
        sides.append(_sample(protected_group=group, prediction=own < 0.3 + (0.25 + extra) * group))
    return sides[0], sides[1]


WORLDS: tuple[World, ...] = (
    World("rates, paired", _hits, "accuracy", 400, 0.05),
    World("rates, paired, by cluster", _clustered_hits, "accuracy", 600, 0.05),
    World("rates, unpaired", _hits, "accuracy", 400, 0.05, paired=False),
    World("rates, unpaired, few items", _few_hits, "accuracy", 40, 0.2, paired=False),
    World("means, paired", _losses, "mean_cost", 60, 0.3),
    World("means, unpaired", _losses, "mean_cost", 60, 0.3, paired=False),
    World("means, paired, skewed", _skewed_losses, "mean_cost", 150, 0.5),
    World("means, adjusted by a covariate", _covered_losses, "mean_cost", 60, 0.3, False, True),
    World("typical latency, paired", _latencies, "typical_latency", 60, 0.1),
    World("F1, paired", _scores(0.4), "f1", 300, 0.3),
    World("MCC, paired", _scores(0.4), "mcc", 300, 0.3),
    World("macro F1, paired", _classes, "macro_f1", 300, 0.05),
    World("RMSE, paired", _regression, "rmse", 200, 0.1),
    World("R², paired", _regression, "r2", 200, 0.1),
    World("AUC, paired", _scores(0.3), "roc_auc", 300, 0.2),
    World("AUC, paired, 15 positives", _scores(0.1), "roc_auc", 150, 0.2),
    World("AUC, unpaired", _scores(0.3), "roc_auc", 300, 0.2, paired=False),
    World("PR AUC, paired", _scores(0.3), "pr_auc", 300, 0.2),
    World("median latency, paired", _latencies, "p50_latency", 200, 0.1),
    World("95th percentile latency, paired", _latencies, "p95_latency", 1000, 0.1),
    World("median latency, many pairs", _latencies, "p50_latency", 3000, 0.1),
    World("99th percentile latency, many pairs", _latencies, "p99_latency", 4000, 0.1),
    World("95th percentile by time block", _timed_latencies, "p95_latency", 600, 0.2),
    World("event rates, unpaired", _events, "event_rate", 150, 0.2, paired=False),
    World("event rates, overdispersed", _dispersed_events, "event_rate", 150, 0.4, False),
    World("event rates, paired", _paired_events, "event_rate", 150, 0.2),
    World("forecasts, correlated errors", _forecasts, "forecast_mse", 200, 0.2),
    World("preferences", _judgements, "win_rate", 300, 0.4),
    World("calibration by Brier score", _probabilities, "brier", 200, 0.3),
    World("calibration error", _probabilities, "ece", 3000, 0.3),
    World("calibration slope", _probabilities, "calibration_slope", 300, 0.3),
    World("gap between groups, paired", _two_groups, "demographic_parity_gap", 600, 0.1),
    World("gap between groups, unpaired", _two_groups, "demographic_parity_gap", 1500, 0.1, False),
)
