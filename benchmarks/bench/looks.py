"""False alarms over twenty looks at an unchanged candidate, for each form of sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.bench.worlds import slack
from benchmarks.engine.draws import generator
from benchmarks.engine.group_sequential import boundaries
from benchmarks.engine.metrics import metric_of
from benchmarks.engine.scored import FloatArray, Scored
from benchmarks.engine.sequential import confidence_sequence, sequential_effect_scored
from benchmarks.engine.sequential_bounded import bounded_sequence, capital
from benchmarks.engine.values import Interval

ALPHA = 0.05
PLANNED = 1000
LOOKS = tuple(range(PLANNED // 20, PLANNED + 1, PLANNED // 20))
Alarm = Callable[[np.random.Generator], bool]


def look_rows(simulations: int) -> Iterator[dict[str, Any]]:
    """One row per form: the share of unchanged candidates that any of the looks accused."""
    for name, alarm in FORMS.items():
        rng = generator(4, name)
        share = sum(alarm(rng) for _ in range(simulations)) / simulations
        bound = ALPHA + slack(ALPHA, simulations)
        yield {
            "bar": "any alarm in 20 looks",
            "kind": name,
            "measured": round(share, 4),
            "low": 0.0,
            "high": round(bound, 4),
            "holds": share <= bound,
            "simulations": simulations,
        }


def _leaves_zero(interval: Interval) -> bool:
    below = interval.high is not None and interval.high < 0
    return below or (interval.low is not None and interval.low > 0)


def _mixture(rng: np.random.Generator) -> bool:
    differences = rng.gamma(2.0, 1.0, PLANNED) - rng.gamma(2.0, 1.0, PLANNED)
    return any(
        _leaves_zero(confidence_sequence(differences[:n], alpha=ALPHA, planned_n=PLANNED))
        for n in LOOKS
    )


def _pairs(rng: np.random.Generator) -> bool:
    sides = []
    for _ in range(2):
        hits = (rng.random(PLANNED) < 0.9).astype(np.float64)
        sides.append(Scored({"label": np.ones(PLANNED), "prediction": hits}, None, PLANNED))
    for n in LOOKS:
        baseline, candidate = (side.where(np.arange(PLANNED) < n) for side in sides)
        effect = sequential_effect_scored(
            baseline,
            candidate,
            metric_of("accuracy"),
            "all",
            alpha=ALPHA,
            planned_n=PLANNED,
            margin=None,
        )
        if effect.interval is not None and _leaves_zero(effect.interval):
            return True
    return False


def _outcomes(rng: np.random.Generator) -> FloatArray:
    """Differences of two rates of 0.9 over the same items."""
    hits = rng.random((2, PLANNED)) < 0.9
    return hits[1].astype(np.float64) - hits[0]


def _bernstein(rng: np.random.Generator) -> bool:
    """The interval after the last look is what all looks before it share."""
    differences = _outcomes(rng)
    ends = bounded_sequence(differences, low=-1, high=1, alpha=ALPHA, method="bernstein")
    return _leaves_zero(ends)


def _betting(rng: np.random.Generator) -> bool:
    """The largest purse against no difference, over every single item."""
    share = (_outcomes(rng) + 1) / 2
    return bool(capital(share, np.array([0.5]), ALPHA)[0] >= 1 / ALPHA)


LIMITS = np.array(boundaries([n / PLANNED for n in LOOKS], ALPHA))


def _planned(rng: np.random.Generator) -> bool:
    differences = rng.normal(size=PLANNED)
    sums = np.cumsum(differences)[np.array(LOOKS) - 1]
    squares = np.cumsum(differences**2)[np.array(LOOKS) - 1]
    return bool((np.abs(sums) / np.sqrt(squares) > LIMITS).any())


FORMS: dict[str, Alarm] = {
    "normal mixture, means": _mixture,
    "normal mixture, discordant pairs": _pairs,
    "empirical Bernstein, bounded": _bernstein,
    "betting, bounded": _betting,
    "O'Brien-Fleming spending": _planned,
}
