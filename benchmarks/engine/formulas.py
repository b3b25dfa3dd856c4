"""What metrics are made of: values per item, and functions of the four confusion counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.engine.calibration import SMALLEST_PROBABILITY
from benchmarks.engine.counts import Events
from benchmarks.engine.draws import Counts
from benchmarks.engine.gaps import Rate
from benchmarks.engine.moments import Moments
from benchmarks.engine.multiclass import Averaged
from benchmarks.engine.scored import BACKLOG_AGE, FloatArray, IntArray, Scored
from benchmarks.engine.slices import BoolArray
from benchmarks.engine.values import Direction, Kind, Reason

# Order of the confusion counts, and the place of an item in it: 2 × label + prediction.
TN, FP, FN, TP = range(4)


def _undeclared(_: object) -> Any:
    raise TypeError("The metric's kind asks for a part that its entry does not declare.")


class _Undeclared:
    """Stands for a part with attributes; reading any of them fails loudly."""

    def __getattr__(self, name: str) -> Any:
        return _undeclared(name)


_UNDECLARED: Any = _Undeclared()


@dataclass(frozen=True)
class Metric:
    """What a metric means and how it is made; `margin` is the worsening that hardly matters.

    `own_rows`: which rows count follows from the answers, so two results count different ones.
    `uncounted` says what it means that none counts.
    """

    key: str
    label: str
    kind: Kind
    direction: Direction
    unit: str
    needs: tuple[str, ...]
    description: str
    margin: float | None = None
    values: Callable[[Scored], FloatArray] = _undeclared
    eligible: Callable[[Scored], BoolArray] | None = None
    ratio: Callable[[FloatArray], FloatArray] = _undeclared
    trials: Callable[[FloatArray], float] = _undeclared
    lowest: float = 0.0
    quantile: float = 0.5
    moments: Moments = _UNDECLARED
    averaged: Averaged = _UNDECLARED
    fit: Callable[[Scored], tuple[float, FloatArray] | None] = _undeclared
    target: float = 0.0
    rates: tuple[Rate, ...] = _UNDECLARED
    own_rows: bool = False
    uncounted: Reason = Reason.ONE_CLASS

    def items(self, sample: Scored) -> tuple[FloatArray, IntArray | None]:
        """The values that are averaged, with their clusters: only rows that count."""
        values = self.values(sample)
        if self.eligible is None:
            return values, sample.cluster
        rows = self.eligible(sample)
        return values[rows], None if sample.cluster is None else sample.cluster[rows]

    def of_counts(self, counts: FloatArray) -> FloatArray:
        """The ratio for each row of confusion counts; NaN where it divides by zero."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.ratio(counts)

    def trials_of(self, counts: FloatArray) -> float:
        """How many items the ratio rests on."""
        return float(self.trials(counts))


def confusion(sample: Scored) -> Counts:
    return tabulate(sample.confusion, 4, sample.cluster)


def tabulate(codes: IntArray, cells: int, clusters: IntArray | None) -> Counts:
    """How often each code occurs, per cluster if there are clusters."""
    if clusters is None:
        return Counts(np.bincount(codes, minlength=cells)[None, :].astype(np.float64), False)
    groups = int(clusters.max()) + 1 if len(clusters) else 0
    flat = np.bincount(clusters * cells + codes, minlength=groups * cells)
    table = flat.reshape(groups, cells).astype(np.float64)
    return Counts(table[table.sum(axis=1) > 0], True)


def hits(sample: Scored) -> FloatArray:
    return (sample["label"] == sample["prediction"]).astype(np.float64)


def alerts(sample: Scored) -> FloatArray:
    return (sample["prediction"] == 1).astype(np.float64)


def selected(sample: Scored) -> FloatArray:
    """1 where the decision favours or flags the item; NaN where it is no decision of two."""
    prediction = sample["prediction"]
    return np.where(np.isin(prediction, (0.0, 1.0)), prediction, np.nan)


def flips(sample: Scored) -> FloatArray:
    return (sample["prediction"] != sample["reference_prediction"]).astype(np.float64)


def excess(sample: Scored) -> FloatArray:
    """How far the score is above the label: its mean is calibration in the large."""
    return sample["score"] - sample["label"]


def positives(sample: Scored) -> BoolArray:
    return sample["label"] == 1


def negatives(sample: Scored) -> BoolArray:
    return sample["label"] == 0


def wrong(sample: Scored) -> BoolArray:
    return sample["prediction"] != sample["label"]


def right(sample: Scored) -> BoolArray:
    return sample["prediction"] == sample["label"]


def unanswered(sample: Scored) -> BoolArray:
    """Requests without a usable answer in time."""
    return sample["errored"] == 1


def queued(sample: Scored) -> BoolArray:
    """Requests that were kept to be sent again."""
    return sample[BACKLOG_AGE] > 0


def squared_error(sample: Scored) -> FloatArray:
    return (sample["score"] - sample["label"]) ** 2


def absolute_error(sample: Scored) -> FloatArray:
    return np.abs(sample["prediction"] - sample["label"])


def log_loss(sample: Scored) -> FloatArray:
    score = np.clip(sample["score"], SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return -np.log(np.where(sample["label"] == 1, score, 1 - score))


def share_of_label(sample: Scored) -> FloatArray:
    """Absolute error in shares of the label; NaN or inf at a label of 0, where it has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.abs(sample["prediction"] - sample["label"]) / np.abs(sample["label"])


def squared_distance(sample: Scored) -> FloatArray:
    return (sample["prediction"] - sample["label"]) ** 2


def pinball(quantile: float) -> Callable[[Scored], FloatArray]:
    """Loss of a forecast of this quantile (Koenker and Bassett 1978)."""

    def loss(sample: Scored) -> FloatArray:
        short = sample["label"] - sample["prediction"]
        return np.maximum(quantile * short, (quantile - 1) * short)

    return loss


def events_of(sample: Scored) -> Events:
    """Events with their exposure, which is 1 for each item unless it is given."""
    exposure = sample.columns.get("exposure", np.ones(sample.n))
    return Events(sample["events"], exposure, sample.cluster)


def column(name: str) -> Callable[[Scored], FloatArray]:
    return lambda sample: sample[name]


def precision(counts: FloatArray) -> FloatArray:
    return counts[..., TP] / (counts[..., TP] + counts[..., FP])


def f1(counts: FloatArray) -> FloatArray:
    return 2 * counts[..., TP] / (2 * counts[..., TP] + counts[..., FP] + counts[..., FN])


def balanced_accuracy(counts: FloatArray) -> FloatArray:
    recall = counts[..., TP] / (counts[..., TP] + counts[..., FN])
    specificity = counts[..., TN] / (counts[..., TN] + counts[..., FP])
    return (recall + specificity) / 2


def matthews(counts: FloatArray) -> FloatArray:
    """Correlation of label and prediction (Matthews 1975)."""
    tp, tn, fp, fn = (counts[..., cell] for cell in (TP, TN, FP, FN))
    return (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))


def trials_of_precision(counts: FloatArray) -> float:
    return float(counts[TP] + counts[FP])


def trials_of_f1(counts: FloatArray) -> float:
    return float(counts[TP] + counts[FP] + counts[FN])


def trials_of_rarer_class(counts: FloatArray) -> float:
    return float(min(counts[TP] + counts[FN], counts[TN] + counts[FP]))
