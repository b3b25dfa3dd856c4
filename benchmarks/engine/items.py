"""Which items a version answers rightly or wrongly, beside the answers of an earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from benchmarks.engine.slices import ALL, BoolArray, Slice, mask

ANSWERS = ("label", "prediction", "score")
BEFORE = "_before"


class ItemKind(StrEnum):
    NEWLY_FAILING = "newly_failing"
    NEWLY_FIXED = "newly_fixed"
    STILL_FAILING = "still_failing"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, eq=False)
class Items:
    """Every item of either side once, in the order of the keys.

    `table` has the item, its `kind` (empty where nothing changed and nothing is wrong), and label,
    prediction and score of the candidate and, with `BEFORE`, of the baseline; `members` says by
    slice which of its rows belong to it.
    """

    table: pd.DataFrame
    members: dict[str, BoolArray]

    def counts(self, slice_key: str = ALL) -> dict[ItemKind, int]:
        kinds = self.table["kind"][self._inside(slice_key)]
        return {kind: int((kinds == kind).sum()) for kind in ItemKind}

    def places(self, kind: ItemKind, slice_key: str = ALL) -> np.ndarray:
        """The rows of the table that are of this kind and in this slice."""
        found = (self.table["kind"] == kind).to_numpy() & self._inside(slice_key)
        return np.flatnonzero(found)

    def _inside(self, slice_key: str) -> BoolArray:
        every = np.ones(len(self.table), dtype=bool)
        return every if slice_key == ALL else self.members[slice_key]


def compared(baseline: pd.DataFrame, candidate: pd.DataFrame, slices: Sequence[Slice]) -> Items:
    """Both sides item by item; the frames are indexed by item and hold what the slices read.

    An item that was drawn more than once is matched by its order, as in every paired test. Each
    side is right or wrong by its own label, and neither where the label is missing. An item that
    both sides have is in the candidate's slices.
    """
    after, before = _side(candidate), _side(baseline)
    table = after.merge(before, on=["item", "drawn"], how="outer", suffixes=("", BEFORE))
    here, there = (table[name].notna().to_numpy() for name in ("at", f"at{BEFORE}"))
    kinds = _kinds(table, here, there)
    members = {part.key: _member(part, candidate, baseline, table, here, there) for part in slices}
    columns = ["item", *ANSWERS, *(name + BEFORE for name in ANSWERS)]
    return Items(table[columns].assign(kind=kinds), members)


def _side(frame: pd.DataFrame) -> pd.DataFrame:
    names = pd.Series(frame.index, name="item").map(str)
    drawn = names.groupby(names, sort=False).cumcount()
    answers = {name: frame[name].to_numpy() for name in ANSWERS}
    return pd.DataFrame({"item": names, "drawn": drawn, "at": np.arange(len(frame)), **answers})


def _kinds(table: pd.DataFrame, here: BoolArray, there: BoolArray) -> np.ndarray:
    (right, wrong), (was_right, was_wrong) = (_verdicts(table, end) for end in ("", BEFORE))
    found = [
        (ItemKind.ADDED, here & ~there),
        (ItemKind.REMOVED, there & ~here),
        (ItemKind.NEWLY_FAILING, was_right & wrong),
        (ItemKind.NEWLY_FIXED, was_wrong & right),
        (ItemKind.STILL_FAILING, was_wrong & wrong),
    ]
    chosen = np.select([rows for _, rows in found], [kind.value for kind, _ in found], default="")
    result: np.ndarray = chosen.astype(object)
    return result


def _verdicts(table: pd.DataFrame, end: str) -> tuple[BoolArray, BoolArray]:
    """Right and wrong items of one side."""
    label = table[f"label{end}"].to_numpy(dtype=float, na_value=np.nan)
    answer = table[f"prediction{end}"].to_numpy(dtype=float, na_value=np.nan)
    known = ~np.isnan(label) & ~np.isnan(answer)
    return known & (label == answer), known & (label != answer)


def _member(
    part: Slice,
    candidate: pd.DataFrame,
    baseline: pd.DataFrame,
    table: pd.DataFrame,
    here: BoolArray,
    there: BoolArray,
) -> BoolArray:
    inside = np.zeros(len(table), dtype=bool)
    gone = there & ~here
    for rows, name, frame in ((gone, f"at{BEFORE}", baseline), (here, "at", candidate)):
        if rows.any():
            inside[rows] = mask(frame, part.condition)[table[name][rows].astype(int)]
    return inside
