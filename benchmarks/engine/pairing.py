"""Puts two results into the same order of items, or says why they do not belong together."""

from __future__ import annotations

import numpy as np
import pandas as pd


def aligned(baseline: pd.DataFrame, candidate: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both frames with matching rows; items drawn more than once are matched by order."""
    if baseline.index.equals(candidate.index):
        first, second = baseline, candidate
    else:
        first, second = _sorted(baseline), _sorted(candidate)
        if not first.index.equals(second.index):
            raise ValueError(_difference(baseline, candidate))
    _same_labels(first, second)
    return first, second


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_index(kind="stable")


def _difference(baseline: pd.DataFrame, candidate: pd.DataFrame) -> str:
    lost = len(baseline.index.difference(candidate.index))
    added = len(candidate.index.difference(baseline.index))
    return (
        "Candidate and baseline cannot be paired: they do not hold the same items one to one "
        f"({len(baseline)} rows in the baseline, {len(candidate)} in the candidate; {lost} items "
        f"only in the baseline, {added} only in the candidate)."
    )


def _same_labels(baseline: pd.DataFrame, candidate: pd.DataFrame) -> None:
    if "label" not in baseline.columns or "label" not in candidate.columns:
        return
    first = baseline["label"].to_numpy(dtype=np.float64, na_value=np.nan)
    second = candidate["label"].to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.array_equal(first, second, equal_nan=True):
        raise ValueError(
            "Candidate and baseline cannot be paired: the same items carry different labels."
        )
