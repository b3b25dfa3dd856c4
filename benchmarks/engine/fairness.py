"""How a model treats groups: each group's rates, the gaps between them, and what chance gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from benchmarks.engine.draws import RESAMPLES, generator
from benchmarks.engine.formulas import Metric, column, excess
from benchmarks.engine.gaps import SMALLEST_GROUP, Chance, Ratio, chance, compared, ratio_of
from benchmarks.engine.metrics import METRICS, estimate_scored, metric_of
from benchmarks.engine.scored import GROUP, IntArray, Scored, scored
from benchmarks.engine.values import Direction, Estimate, Kind, Reason

__all__ = ["GAPS", "GROUP_RATES", "SMALLEST_GROUP", "fairness", "group_codes"]

#: Permutations, so that p can be as small as 0.001.
PERMUTATIONS = 999
NOT_STATED = "not stated"

GAPS = tuple(key for key, metric in METRICS.items() if metric.kind is Kind.GROUP_GAP)
# Whatever else is amiss, these say that the groups themselves are known.
_WITH_GROUPS = (Reason.NONE, Reason.ONE_GROUP, Reason.TOO_FEW)
_PREVALENCE = Metric(
    "prevalence", "Positives", Kind.PROPORTION, Direction.HIGHER_IS_BETTER, "", ("label",),
    "Share of the group's items that are positive.", values=column("label"),
)  # fmt: skip
_EXCESS = Metric(
    "mean_excess", "Score above label", Kind.MEAN, Direction.LOWER_IS_BETTER, "",
    ("label", "score"), "Mean score less mean label: calibration in the large.", values=excess,
)  # fmt: skip
#: What is said about each group, by key.
GROUP_RATES: Mapping[str, Metric] = MappingProxyType(
    {
        metric.key: metric
        for metric in (
            _PREVALENCE,
            metric_of("alert_rate"),
            metric_of("recall"),
            metric_of("false_alarm_rate"),
            metric_of("accuracy"),
            _EXCESS,
            metric_of("ece"),
        )
    }
)


@dataclass(frozen=True)
class Group:
    """One group with its rates; a rate that rests on too few items is shown, not compared."""

    name: str
    n: int
    rates: Mapping[str, Estimate]


@dataclass(frozen=True)
class GapFound:
    """A gap beside what chance alone would give, and the groups that it had to leave out."""

    estimate: Estimate
    chance: Chance | None
    ratio: Ratio | None
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Fairness:
    smallest_group: int
    groups: tuple[Group, ...]
    gaps: Mapping[str, GapFound]


def group_codes(values: pd.Series) -> tuple[IntArray, tuple[str, ...]]:
    """A number for each row's group, and the groups' names; what is missing is a group too."""
    text = values.astype("string").fillna(NOT_STATED)
    codes, names = pd.factorize(text, sort=True)
    return codes.astype(np.int64), tuple(str(name) for name in names)


def fairness(
    frame: pd.DataFrame,
    names: Sequence[str],
    *,
    seed: int,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> Fairness:
    """All groups of a scored frame, whose column `protected_group` holds places in `names`."""
    sample = scored(frame)
    groups = tuple(
        _group(sample, code, names[code], level=level, seed=seed, resamples=resamples)
        for code in np.unique(sample[GROUP]).astype(int).tolist()
    )
    found = {
        key: _gap(sample, METRICS[key], names, level=level, seed=seed, resamples=resamples)
        for key in GAPS
    }
    return Fairness(SMALLEST_GROUP, groups, found)


def _group(
    sample: Scored, code: int, name: str, *, level: float, seed: int, resamples: int
) -> Group:
    part = sample.where(sample[GROUP] == code)
    rates = {
        key: estimate_scored(part, metric, name, level=level, seed=seed, resamples=resamples)
        for key, metric in GROUP_RATES.items()
    }
    return Group(name, part.n, rates)


def _gap(
    sample: Scored,
    metric: Metric,
    names: Sequence[str],
    *,
    level: float,
    seed: int,
    resamples: int,
) -> GapFound:
    found = estimate_scored(sample, metric, "all", level=level, seed=seed, resamples=resamples)
    if found.reason not in _WITH_GROUPS:
        return GapFound(found, None, None, ())
    rates = compared([sample], metric.rates)
    left_out = tuple(names[code] for code in rates.left_out)
    if not rates.comparable or found.value is None:
        return GapFound(found, None, None, left_out)
    rng = generator(seed, metric.key, "chance")
    ratio = None
    if len(rates.strands) == 1 and rates.strands[0].is_share:
        ratio = ratio_of(rates, level, generator(seed, metric.key, "ratio"), resamples)
    return GapFound(found, chance(rates, rng, PERMUTATIONS, level), ratio, left_out)
