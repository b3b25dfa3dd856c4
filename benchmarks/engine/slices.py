"""Which rows belong to a slice: declared conditions turned into masks, never evaluated as code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
Condition = Mapping[str, Any]
Truth = tuple[BoolArray, BoolArray]

ALL = "all"


@dataclass(frozen=True)
class Slice:
    """A named part of a dataset; an empty condition selects every row."""

    key: str
    label: str
    condition: dict[str, Any]


def mask(frame: pd.DataFrame, condition: Condition) -> BoolArray:
    """Rows that meet the condition; a missing value meets none but `is_null`, negated or not."""
    return _truth(frame, condition)[0]


def masks(frame: pd.DataFrame, slices: Iterable[Slice]) -> dict[str, BoolArray]:
    """One mask per slice key, the implicit slice of all rows first."""
    every = {ALL: np.ones(len(frame), dtype=bool)}
    return every | {part.key: mask(frame, part.condition) for part in slices}


def _truth(frame: pd.DataFrame, condition: Condition) -> Truth:
    """Rows where the condition holds and rows where it does not; a missing value is in neither."""
    if not condition:
        return _constant(frame, True)
    if "all" in condition:
        return _both(_constant(frame, True), *(_truth(frame, c) for c in condition["all"]))
    if "any" in condition:
        negated = (_negated(_truth(frame, c)) for c in condition["any"])
        return _negated(_both(_constant(frame, True), *negated))
    if "not" in condition:
        return _negated(_truth(frame, condition["not"]))
    return _leaf(frame, condition)


def _constant(frame: pd.DataFrame, value: bool) -> Truth:
    return np.full(len(frame), value), np.full(len(frame), not value)


def _negated(truth: Truth) -> Truth:
    return truth[1], truth[0]


def _both(*truths: Truth) -> Truth:
    return (
        np.logical_and.reduce([yes for yes, _ in truths]),
        np.logical_or.reduce([no for _, no in truths]),
    )


def _leaf(frame: pd.DataFrame, leaf: Condition) -> Truth:
    column, operator = str(leaf["column"]), str(leaf["op"])
    if column not in frame.columns:
        raise ValueError(f"The slice condition reads column “{column}”, which the data lack.")
    series = frame[column]
    present = series.notna().to_numpy(dtype=bool)
    if operator == "is_null":
        return ~present, present
    if operator == "not_null":
        return present, ~present
    if operator not in _OPERATORS:
        raise ValueError(f"The slice condition uses “{operator}”, which is no known operator.")
    try:
        matched = _OPERATORS[operator](series[present], leaf).to_numpy(dtype=bool)
    except TypeError as error:
        raise ValueError(f"Column “{column}” cannot be compared with that value.") from error
    yes, no = np.zeros(len(series), dtype=bool), np.zeros(len(series), dtype=bool)
    yes[present], no[present] = matched, ~matched
    return yes, no


def _between(series: pd.Series, leaf: Condition) -> pd.Series:
    low, high = leaf["values"]
    return (series >= low) & (series < high)


_OPERATORS: dict[str, Callable[[pd.Series, Condition], pd.Series]] = {
    "eq": lambda series, leaf: series == leaf["value"],
    "ne": lambda series, leaf: series != leaf["value"],
    "in": lambda series, leaf: series.isin(leaf["values"]),
    "not_in": lambda series, leaf: ~series.isin(leaf["values"]),
    "lt": lambda series, leaf: series < leaf["value"],
    "le": lambda series, leaf: series <= leaf["value"],
    "gt": lambda series, leaf: series > leaf["value"],
    "ge": lambda series, leaf: series >= leaf["value"],
    "between": _between,
}
