"""Precision, recall and F1 over many classes: label and prediction hold the classes' codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.engine.draws import Counts
from benchmarks.engine.scored import FloatArray, IntArray, Scored

Part = Literal["precision", "recall", "f1"]
Weighting = Literal["macro", "weighted"]


@dataclass(frozen=True)
class Averaged:
    """One of the three parts, averaged over classes plainly or by how often they occur.

    As in scikit-learn: only classes that occur among labels or predictions count, and a class
    that is never predicted has a precision of 0.
    """

    part: Part
    weighting: Weighting

    def of(self, hits: FloatArray, predicted: FloatArray, actual: FloatArray) -> FloatArray:
        """The average for each row of (rows × classes) counts."""
        base = {"precision": predicted, "recall": actual, "f1": (predicted + actual) / 2}
        with np.errstate(divide="ignore", invalid="ignore"):
            each = np.where(base[self.part] > 0, hits / base[self.part], 0.0)
            occurs = (predicted + actual > 0).astype(np.float64)
            weights = occurs if self.weighting == "macro" else actual
            return np.asarray((each * weights).sum(axis=-1) / weights.sum(axis=-1))


@dataclass(frozen=True, eq=False)
class Patterns:
    """Which (label, prediction of each side) occur, and how often, per cluster if any."""

    counts: Counts
    sides: tuple[tuple[FloatArray, FloatArray], ...]  # hits and predicted: patterns × classes
    actual: FloatArray

    def average(self, averaged: Averaged, side: int) -> Callable[[FloatArray], FloatArray]:
        hits, predicted = self.sides[side]
        return lambda table: averaged.of(table @ hits, table @ predicted, table @ self.actual)

    def value(self, averaged: Averaged, side: int) -> float:
        return float(self.average(averaged, side)(self.counts.total))


def patterns_of(samples: list[Scored], clusters: IntArray | None) -> Patterns:
    """The joint table of one sample, or of two on the same items."""
    columns = [samples[0]["label"], *(sample["prediction"] for sample in samples)]
    rows, codes = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
    classes = np.unique(rows)
    actual = (rows[:, :1] == classes).astype(np.float64)
    sides = []
    for number in range(len(samples)):
        predicted = (rows[:, number + 1, None] == classes).astype(np.float64)
        sides.append((predicted * actual, predicted))
    return Patterns(_tabulated(codes.ravel(), len(rows), clusters), tuple(sides), actual)


def _tabulated(codes: IntArray, cells: int, clusters: IntArray | None) -> Counts:
    if clusters is None:
        return Counts(np.bincount(codes, minlength=cells)[None, :].astype(np.float64), False)
    units, rows = np.unique(clusters, return_inverse=True)
    flat = np.bincount(rows * cells + codes, minlength=len(units) * cells)
    return Counts(flat.reshape(len(units), cells).astype(np.float64), True)
