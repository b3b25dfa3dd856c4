"""Safety nets beside a model: what a declared net catches, and what that is worth.

A guardrail holds the rows that meet its condition or whose score lies in its band. A fallback
catches in the same way and answers those rows itself. An alert rings for so many rows in a row
when too many of them meet its condition. A net is data: it reads what is asked and answered, and
never what is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.engine.effects import compare
from benchmarks.engine.formulas import Metric, column
from benchmarks.engine.intervals import wilson
from benchmarks.engine.metrics import estimate_scored, metric_of
from benchmarks.engine.scored import HELD, FloatArray, Scored, scored
from benchmarks.engine.slices import ALL, BoolArray, mask
from benchmarks.engine.values import Direction, Effect, Estimate, Interval, Kind, Reason

GUARDRAIL, FALLBACK, ALERT = "guardrail", "fallback", "alert"
#: The metrics that a net of single rows is judged by.
METRIC_KEYS = ("net_detection", "net_false_alarm")

_CAUGHT = Metric(
    "net_caught", "Caught", Kind.PROPORTION, Direction.LOWER_IS_BETTER, "", (HELD,),
    "Share of items that the safety net catches.", values=column(HELD),
)  # fmt: skip

Net = Mapping[str, Any]


class NetError(ValueError):
    """A net that cannot be carried out on these data, in words for its author."""


@dataclass(frozen=True)
class Caught:
    """What a guardrail or fallback caught, and the decisions without it and with it.

    With a guardrail, `after` is the accuracy of the rows that the model still answers; with a
    fallback that of all rows, and `gain` is what the fallback changes.
    """

    rows: int
    caught: int
    wrong: int
    wrong_caught: int
    right_caught: int
    share: Estimate
    detection: Estimate
    false_alarm: Estimate
    before: Estimate
    after: Estimate
    gain: Effect | None


@dataclass(frozen=True)
class Rung:
    """How often an alert rang: detection on the disturbed rows, false alarms on undisturbed."""

    window: int
    disturbed: int
    disturbed_rung: int
    undisturbed: int
    undisturbed_rung: int
    detection: Estimate
    false_alarm: Estimate


# -- carrying out -----------------------------------------------------------------------------


def held(frame: pd.DataFrame, net: Net, scores: FloatArray) -> BoolArray:
    """Rows that a guardrail or fallback catches. Raises NetError for data that it cannot read."""
    rows = np.zeros(len(frame), dtype=bool)
    if net.get("condition"):
        rows |= _meets(frame, net)
    if net.get("band"):
        low, high = net["band"]
        rows |= (scores >= low) & (scores <= high)
    return rows


def answered(
    frame: pd.DataFrame, net: Net, caught: BoolArray, predictions: FloatArray
) -> FloatArray:
    """Decisions with a fallback: its own where it caught, the model's elsewhere."""
    return np.where(caught, _answers(frame, net["answer"]), predictions)


def rings(frame: pd.DataFrame, net: Net) -> BoolArray:
    """One answer for each whole window of consecutive rows, windows side by side."""
    size = net["window"]
    whole = len(frame) // size
    met = _meets(frame, net)[: whole * size].reshape(whole, size)
    return met.mean(axis=1) > net["threshold"] if whole else np.zeros(0, dtype=bool)


def _meets(frame: pd.DataFrame, net: Net) -> BoolArray:
    try:
        return mask(frame, net["condition"])
    except ValueError as error:
        said = str(error).replace("slice condition", "safety net")
        raise NetError(said) from error


def _answers(frame: pd.DataFrame, answer: Net) -> FloatArray:
    """A missing value does not reach the bound, so that it gives the decision 0."""
    if "decision" in answer:
        return np.full(len(frame), float(answer["decision"]))
    name = answer["column"]
    if name not in frame.columns or not pd.api.types.is_numeric_dtype(frame[name].dtype):
        raise NetError(f"The fallback answers by column “{name}”, which holds no numbers here.")
    values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return (values >= answer["at_least"]).astype(np.float64)


# -- measuring --------------------------------------------------------------------------------


def caught_of(frame: pd.DataFrame, instead: FloatArray | None, *, seed: int) -> Caught:
    """What the net did to a scored frame with column `net_held`.

    `instead` holds the decisions with the fallback; a guardrail has none.
    """
    sample = scored(frame)
    net, wrong = sample[HELD] == 1, sample["prediction"] != sample["label"]
    after, gain = _after(frame, sample, instead, seed)
    detection, false_alarm = (_estimate(sample, metric_of(key), seed) for key in METRIC_KEYS)
    return Caught(
        rows=sample.n,
        caught=int(net.sum()),
        wrong=int(wrong.sum()),
        wrong_caught=int((net & wrong).sum()),
        right_caught=int((net & ~wrong).sum()),
        share=_estimate(sample, _CAUGHT, seed),
        detection=detection,
        false_alarm=false_alarm,
        before=_estimate(sample, metric_of("accuracy"), seed),
        after=after,
        gain=gain,
    )


def _after(
    frame: pd.DataFrame, sample: Scored, instead: FloatArray | None, seed: int
) -> tuple[Estimate, Effect | None]:
    accuracy = metric_of("accuracy")
    if instead is None:
        return _estimate(sample.where(sample[HELD] == 0), accuracy, seed), None
    mended = frame.assign(prediction=instead)
    gain = compare(frame, mended, "accuracy", paired=True, seed=seed)
    return _estimate(scored(mended), accuracy, seed), gain


def _estimate(sample: Scored, metric: Metric, seed: int) -> Estimate:
    return estimate_scored(sample, metric, ALL, level=0.95, seed=seed)


def rung_of(disturbed: BoolArray | None, undisturbed: BoolArray, window: int) -> Rung:
    """`disturbed` is None where the scenario disturbs nothing that could be detected."""
    rung = np.zeros(0, dtype=bool) if disturbed is None else disturbed
    return Rung(
        window=window,
        disturbed=len(rung),
        disturbed_rung=int(rung.sum()),
        undisturbed=len(undisturbed),
        undisturbed_rung=int(undisturbed.sum()),
        detection=_share("alert_detection", rung),
        false_alarm=_share("alert_false_alarm", undisturbed),
    )


def _share(key: str, rung: BoolArray) -> Estimate:
    """By Wilson over windows, which are further apart than the rows within them."""
    n, hits = len(rung), int(rung.sum())
    if n == 0:
        return Estimate(key, ALL, None, None, 0, None, Reason.TOO_FEW)
    interval = Interval(*wilson(hits, n, 0.95), 0.95, "wilson")
    return Estimate(key, ALL, hits / n, interval, n, None)
