"""What happened beside the score: the decisions that would have followed, and what moved.

A score can hold while the number of alerts doubles, or fall because an input has gone missing:
these are the numbers that an operator of the model sees, who has no labels yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.engine.drift import compare_frames
from benchmarks.engine.scored import scored
from benchmarks.engine.stability import Share, share


@dataclass(frozen=True)
class InputShift:
    """How far a touched input moved: its distance beside chance's floor, its missing values.

    The distance is the one by which drift reports rank the column, and None where the column is of
    a kind that has none; the shares of missing values are before and after the change.
    """

    column: str
    measure: str
    distance: float | None
    floor: float | None
    missing_before: float | None
    missing_after: float | None


@dataclass(frozen=True)
class Observed:
    """`decided` is the share of items decided 1, None where decisions are not 0 and 1."""

    decided: Share | None
    shifts: tuple[InputShift, ...]


def observed(
    answers: pd.DataFrame,
    original: pd.DataFrame,
    asked: pd.DataFrame,
    *,
    touched: Iterable[str],
    seed: int,
) -> Observed:
    """What a scenario did beside its score; `answers` is its scored frame."""
    return Observed(_decided(answers), _shifts(original, asked, sorted(touched), seed))


def _decided(answers: pd.DataFrame) -> Share | None:
    sample = scored(answers)
    if sample.obstacle(("prediction",)):
        return None
    decisions = sample["prediction"]
    if not np.isin(decisions, (0.0, 1.0)).all():
        return None
    return share(decisions == 1, sample)


def _shifts(
    original: pd.DataFrame, asked: pd.DataFrame, names: list[str], seed: int
) -> tuple[InputShift, ...]:
    if not names or not len(asked):
        return ()
    report = compare_frames(
        original[names], asked[names], columns=names, seed=seed, classifier=False
    )
    return tuple(
        InputShift(
            column=column.name,
            measure=column.effect.name if column.effect else "",
            distance=column.effect.value if column.effect else None,
            floor=column.effect.floor if column.effect else None,
            missing_before=column.missing.reference_share,
            missing_after=column.missing.current_share,
        )
        for column in report.columns
    )
