"""The engine's promises about comparisons, looks and families, measured by simulation.

`python -m benchmarks.bench.bars [short|full]` prints one row per promise. A row holds when the
measured share lies between its ends; few simulations widen these by three of their errors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.bench.families import family_rows
from benchmarks.bench.looks import look_rows
from benchmarks.bench.worlds import WORLDS, World, slack
from benchmarks.engine.draws import generator
from benchmarks.engine.effects import Terms, compare_scored
from benchmarks.engine.estimating import ESTIMATES, Draw
from benchmarks.engine.metrics import metric_of
from benchmarks.engine.preferences import bradley_terry, outcome_counts
from benchmarks.engine.scored import Scored
from benchmarks.engine.values import Interval, Kind

Row = dict[str, Any]

SIMULATIONS = {"short": 90, "full": 1000}
# Resamples of one comparison: enough for a 95 % interval, few enough for many simulations.
RESAMPLES = 400
SIZE = (0.035, 0.065)
COVERAGE = (0.93, 0.97)
MANY_ITEMS = 200_000


def rows(size: str = "short") -> Iterator[Row]:
    """One row per bar and kind: measured share, its ends, whether it holds."""
    if size not in SIMULATIONS:
        raise ValueError(f"The size is one of {', '.join(SIMULATIONS)}.")
    for world in WORLDS:
        yield from world_rows(world, SIMULATIONS[size])
    yield from look_rows(SIMULATIONS[size])
    yield from family_rows(SIMULATIONS[size])


def world_rows(world: World, simulations: int) -> Iterator[Row]:
    """How often the test speaks without a difference, how often the interval holds one."""
    silent = generator(1, world.name, "size")
    spoken = generator(1, world.name, "coverage")
    truth = true_difference(world)
    alarms = covered = 0
    for number in range(simulations):
        p_value, _ = _compared(world, silent, 0.0, number)
        alarms += p_value < 0.05
        _, interval = _compared(world, spoken, world.shift, number)
        covered += _holds(interval, truth)
    for bar, count, ends in (
        ("size at 5 %", alarms, SIZE),
        ("coverage of 95 %", covered, COVERAGE),
    ):
        yield _row(bar, world.name, count / simulations, ends, simulations)


def _compared(
    world: World, rng: np.random.Generator, shift: float, seed: int
) -> tuple[float, Interval | None]:
    baseline, candidate = world.sides(rng, shift, world.n)
    terms = Terms(world.paired, seed=seed, resamples=RESAMPLES, adjusted=world.adjusted)
    effect = compare_scored(baseline, candidate, metric_of(world.metric), "all", terms)
    return 1.0 if effect.p_value is None else effect.p_value, effect.interval


def _holds(interval: Interval | None, truth: float) -> bool:
    if interval is None or interval.low is None or interval.high is None:
        return False
    return interval.low <= truth <= interval.high


def true_difference(world: World) -> float:
    """The difference in the same world with very many items."""
    baseline, candidate = world.make(generator(2, world.name), MANY_ITEMS, world.shift)
    metric = metric_of(world.metric)
    if metric.kind is Kind.PREFERENCE:
        return float(bradley_terry(outcome_counts(candidate).total).win_rate) - 0.5
    return _value(candidate, world.metric) - _value(baseline, world.metric)


def _value(sample: Scored, key: str) -> float:
    metric = metric_of(key)
    if metric.kind is Kind.FORECAST:
        return float(metric.values(sample).mean())
    value = ESTIMATES[metric.kind](sample, metric, Draw(0.95, generator(3, key), 2))[0]
    if value is None:
        raise ValueError(f"“{key}” has no value in its own world.")
    return value


def _row(bar: str, kind: str, measured: float, ends: tuple[float, float], simulations: int) -> Row:
    allowance = slack(sum(ends) / 2, simulations)
    low, high = max(0.0, ends[0] - allowance), min(1.0, ends[1] + allowance)
    return {
        "bar": bar,
        "kind": kind,
        "measured": round(measured, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "holds": low <= measured <= high,
        "simulations": simulations,
    }


def main(size: str) -> int:
    """Print the rows as a table; 1 when a bar does not hold."""
    print(f"{'bar':<26}{'kind':<36}{'measured':>9}{'low':>8}{'high':>8}  holds  simulations")
    failed = 0
    for row in rows(size):
        failed += not row["holds"]
        print(
            f"{row['bar']:<26}{row['kind']:<36}{row['measured']:>9.4f}{row['low']:>8.4f}"
            f"{row['high']:>8.4f}  {'yes' if row['holds'] else 'NO':<5}  {row['simulations']}",
            flush=True,
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["short"])))
