"""How steady decisions are: under a change of the input, and from one version to the next.

Items are paired: the same item before and after. An item that was drawn more than once is one
unit, as everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.engine.intervals import mean_of, order_statistics, rate_interval
from benchmarks.engine.pairing import aligned
from benchmarks.engine.scored import FloatArray, Scored, scored
from benchmarks.engine.slices import BoolArray, Slice, masks
from benchmarks.engine.values import Interval, Reason

LARGE_SHIFT = 0.95


@dataclass(frozen=True)
class Share:
    """So many of the items, as a share with its interval."""

    count: int
    value: float
    interval: Interval | None


@dataclass(frozen=True)
class Shift:
    """How far the scores moved, whichever way: on average, and for all but one in twenty."""

    mean: float
    mean_interval: Interval | None
    large: float
    large_interval: Interval | None


@dataclass(frozen=True)
class Flips:
    """Decisions that changed, by direction and by what became of their rightness.

    Parts are None where they have no meaning: directions without two classes, rightness without
    labels, a shift without scores.
    """

    n: int
    reason: Reason = Reason.NONE
    flipped: Share | None = None
    to_positive: Share | None = None
    to_negative: Share | None = None
    regressed: Share | None = None
    mended: Share | None = None
    shift: Shift | None = None


def flips(sample: Scored, *, level: float = 0.95) -> Flips:
    """Answers against those to the unchanged rows (`reference_prediction`, `reference_score`)."""
    obstacle = sample.obstacle(("reference_prediction", "prediction"))
    if obstacle:
        return Flips(sample.n, obstacle)
    columns = {
        name: sample[f"reference_{name}"]
        for name in ("prediction", "score")
        if f"reference_{name}" in sample.columns
    }
    before = Scored(columns, sample.cluster, sample.n)
    return _flips(before, sample, level)


def flips_by_slice(
    frame: pd.DataFrame, slices: Sequence[Slice], *, level: float = 0.95
) -> dict[str, Flips]:
    """Flips on all rows and on every slice."""
    sample = scored(frame)
    return {
        name: flips(sample.where(rows), level=level) for name, rows in masks(frame, slices).items()
    }


def churn(baseline: pd.DataFrame, candidate: pd.DataFrame, *, level: float = 0.95) -> Flips:
    """A version's answers against an earlier one's. Raises ValueError for items without pairs."""
    before, after = (scored(frame) for frame in aligned(baseline, candidate))
    obstacle = before.obstacle(("prediction",)) or after.obstacle(("prediction",))
    return Flips(after.n, obstacle) if obstacle else _flips(before, after, level)


def _flips(before: Scored, after: Scored, level: float) -> Flips:
    first, second = before["prediction"], after["prediction"]
    changed = first != second
    up = down = regressed = mended = None
    if _is_binary(first) and _is_binary(second):
        up, down = (share(changed & (second == to), after, level) for to in (1, 0))
    if not after.obstacle(("label",)):
        was, stays = first == after["label"], second == after["label"]
        regressed, mended = (share(r, after, level) for r in (was & ~stays, ~was & stays))
    return Flips(
        after.n,
        flipped=share(changed, after, level),
        to_positive=up,
        to_negative=down,
        regressed=regressed,
        mended=mended,
        shift=_shift(before, after, level),
    )


def _is_binary(decisions: FloatArray) -> bool:
    return bool(np.isin(decisions, (0.0, 1.0)).all())


def share(rows: BoolArray, sample: Scored, level: float = 0.95) -> Share:
    """So many of the sample's items, which are at least one; `rows` marks them."""
    interval = rate_interval(rows.astype(np.float64), sample.cluster, level)
    return Share(int(rows.sum()), float(rows.mean()), interval)


def _shift(before: Scored, after: Scored, level: float) -> Shift | None:
    if before.obstacle(("score",)) or after.obstacle(("score",)):
        return None
    moved = np.abs(after["score"] - before["score"])
    part = mean_of(moved, after.cluster)
    known = part.units > 1
    name = "t" if after.cluster is None else "cluster-robust t"
    return Shift(
        part.value,
        Interval(*_at_least_0(part.interval(level)), level, name) if known else None,
        float(np.quantile(moved, LARGE_SHIFT)),
        order_statistics(moved, LARGE_SHIFT, level, after.cluster),
    )


def _at_least_0(ends: tuple[float, float]) -> tuple[float, float]:
    return max(0.0, ends[0]), ends[1]
