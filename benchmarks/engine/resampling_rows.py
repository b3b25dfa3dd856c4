"""Which rows fall into each slice, found once per distinct value instead of once per row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.engine.scored import IntArray
from benchmarks.engine.slices import ALL, Condition, Slice, mask

# A column with more distinct values than this is looked at row by row.
MOST_VALUES = 5000


def rows_of(frame: pd.DataFrame, slices: Sequence[Slice]) -> dict[str, IntArray]:
    """Row numbers of each slice in ascending order, the implicit slice of all rows first.

    The same rows as `slices.masks`; conditions on one column are answered on its distinct values.
    """
    groups: dict[str, _Groups | None] = {}
    found = {ALL: np.arange(len(frame))}
    for part in slices:
        columns = columns_of(part.condition)
        name = next(iter(columns)) if len(columns) == 1 else None
        if name is None or name not in frame.columns:
            found[part.key] = np.flatnonzero(mask(frame, part.condition))
            continue
        if name not in groups:
            groups[name] = _grouped(frame[[name]])
        group = groups[name]
        if group is None:
            found[part.key] = np.flatnonzero(mask(frame, part.condition))
        else:
            found[part.key] = group.rows(part.condition)
    return found


def columns_of(condition: Condition) -> set[Any]:
    """The columns that a condition reads."""
    if "column" in condition:
        return {condition["column"]}
    nested = [*condition.get("all", ()), *condition.get("any", ())]
    nested += [condition["not"]] if "not" in condition else []
    return set().union(*(columns_of(inner) for inner in nested))


class _Groups:
    """Rows of a frame of one column, grouped by value."""

    def __init__(self, codes: IntArray, values: pd.DataFrame) -> None:
        self.values = values
        small = codes.astype(np.int16)  # numpy sorts 16 bits by radix, in one pass
        self.order = np.argsort(small, kind="stable")
        sizes = np.bincount(codes, minlength=len(values))
        self.ends = np.cumsum(sizes)
        self.starts = self.ends - sizes

    def rows(self, condition: Condition) -> IntArray:
        chosen = np.flatnonzero(mask(self.values, condition))
        if len(chosen) == 1:
            return self.order[self.starts[chosen[0]] : self.ends[chosen[0]]]
        pieces = [self.order[self.starts[code] : self.ends[code]] for code in chosen]
        return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *pieces]))


def _grouped(column: pd.DataFrame) -> _Groups | None:
    codes, _ = pd.factorize(column.iloc[:, 0], use_na_sentinel=False)
    number = int(codes.max()) + 1 if len(codes) else 0
    if number > MOST_VALUES:
        return None
    first = np.zeros(number, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return _Groups(codes.astype(np.int64), column.iloc[first].reset_index(drop=True))
