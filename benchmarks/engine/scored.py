"""A scored frame as plain arrays, so that every slice and metric reads it at the same low cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.engine.slices import BoolArray
from benchmarks.engine.values import Reason

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CLUSTER = "cluster"
GROUP = "protected_group"
HELD = "net_held"
#: Of a request under load with a backfill: whether it never got an answer; in seconds how old it
#: was when it got one, and how long after the outage. 0 of one that was answered in time.
BACKLOG_LOST, BACKLOG_AGE, BACKLOG_DRAIN = "backlog_lost", "backlog_age", "backlog_drain"
COLUMNS = ("label", "score", "prediction", "latency_ms", "cost")
# Read only where they hold numbers: a feature may bear one of these names.
OPTIONAL_COLUMNS = (
    "size_bytes", "events", "exposure", "preference", "shown_first", "horizon",
    GROUP, "reference_prediction", "reference_score", "errored", HELD,
    BACKLOG_LOST, BACKLOG_AGE, BACKLOG_DRAIN,
)  # fmt: skip

# Columns that an evaluation adds only where it can, with what it means that it could not.
_ABSENT = {
    GROUP: Reason.NO_GROUPS,
    "reference_prediction": Reason.NO_REFERENCE,
    "errored": Reason.NO_LOAD,
    HELD: Reason.NO_NET,
    BACKLOG_LOST: Reason.NO_BACKFILL,
    BACKLOG_AGE: Reason.NO_BACKFILL,
    BACKLOG_DRAIN: Reason.NO_BACKFILL,
}


@dataclass(frozen=True, eq=False)
class Scored:
    """Rows of one result; `cluster` holds whole numbers, one per unit of independence."""

    columns: dict[str, FloatArray]
    cluster: IntArray | None
    n: int

    def __getitem__(self, column: str) -> FloatArray:
        return self.columns[column]

    def where(self, mask: BoolArray) -> Scored:
        columns = {name: values[mask] for name, values in self.columns.items()}
        cluster = None if self.cluster is None else self.cluster[mask]
        return Scored(columns, cluster, int(np.count_nonzero(mask)))

    def taken(self, rows: IntArray) -> Scored:
        """The rows of these ascending numbers; no copy where that is every row."""
        if len(rows) == self.n:
            return self
        columns = {name: values[rows] for name, values in self.columns.items()}
        cluster = None if self.cluster is None else self.cluster[rows]
        return Scored(columns, cluster, len(rows))

    def obstacle(self, needs: Iterable[str]) -> Reason:
        """Why nothing can be computed from these rows, if so."""
        needed = tuple(needs)
        absent = [name for name in needed if name not in self.columns]
        if absent:
            return _ABSENT.get(absent[0], Reason.NO_COLUMN)
        if self.n == 0:
            return Reason.NO_ROWS
        if self._whole.issuperset(needed):
            return Reason.NONE
        absent_values = [~np.isfinite(self.columns[name]) for name in needed]
        failed = self.columns.get("errored", np.zeros(self.n)) == 1
        unanswered = all(failed[rows].all() for rows in absent_values)
        return Reason.UNANSWERED if unanswered else Reason.NOT_A_NUMBER

    @cached_property
    def _whole(self) -> set[str]:
        """Columns without a missing value."""
        return {name for name, values in self.columns.items() if np.isfinite(values).all()}

    @cached_property
    def confusion(self) -> IntArray:
        """2 for a positive label plus 1 for a positive decision, of each row."""
        return 2 * (self["label"] == 1).astype(np.int64) + (self["prediction"] == 1)

    @cached_property
    def positives(self) -> int | None:
        """How many labels are 1, if the labels are classes at all."""
        label = self.columns.get("label")
        if label is None or not np.isin(label, (0.0, 1.0)).all():
            return None
        return int(label.sum())

    @cached_property
    def cluster_count(self) -> int | None:
        return None if self.cluster is None else int(np.unique(self.cluster).size)


def scored(frame: pd.DataFrame, clusters: str | None = None) -> Scored:
    """The arrays of a frame, with clusters from the named column or else from `cluster`."""
    return Scored(scored_columns(frame), cluster_codes(frame, clusters), len(frame))


def scored_columns(frame: pd.DataFrame) -> dict[str, FloatArray]:
    """The columns that metrics read, those that the frame has."""
    return {
        name: frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for name in (*COLUMNS, *OPTIONAL_COLUMNS)
        if name in frame.columns
        and (name in COLUMNS or pd.api.types.is_numeric_dtype(frame[name].dtype))
    }


def cluster_codes(frame: pd.DataFrame, clusters: str | None) -> IntArray | None:
    """One number per unit of independence; an item that occurs twice is still one item."""
    if clusters is None and CLUSTER not in frame.columns:
        return None if frame.index.is_unique else pd.factorize(frame.index)[0].astype(np.int64)
    column = clusters or CLUSTER
    if column not in frame.columns:
        raise ValueError(f"The cluster column “{column}” is not in the data.")
    codes, _ = pd.factorize(frame[column], use_na_sentinel=False)
    return codes.astype(np.int64)
