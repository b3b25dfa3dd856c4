"""The rows that a resampled quantile can reach, and the smooth quantile of a resample of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf, isfinite, sqrt

import numpy as np
from scipy import special

from benchmarks.engine.intervals import mean_of
from benchmarks.engine.scored import FloatArray, IntArray
from benchmarks.engine.slices import BoolArray

# Standard errors of the rank beyond which no resample's quantile falls (chance about 1e-9).
REACH = 6.0
# Cells to a standard error of the rank. Values that are even within a cell cost nothing, whatever
# its width, because the average's weights end in nothing on both sides.
CELLS_PER_ERROR = 3
# Points at which the beta law is tabulated between its outermost quantiles.
BETA_POINTS = 1001
BETA_TAIL = 1e-12


@dataclass(frozen=True, eq=False)
class Window:
    """Rows whose rank the quantile can reach in a resample; the others are only counted."""

    values: FloatArray
    near: IntArray  # rows in the window, in ascending order of value
    below: BoolArray  # mask of the rows under the window
    quantile: float
    cell: int  # rows that may stand for each other where the quantile is smooth

    @property
    def size(self) -> int:
        return len(self.values)

    @property
    def starts(self) -> IntArray:
        """Where each cell begins among the near rows."""
        return np.arange(0, len(self.near), self.cell)

    @property
    def means(self) -> FloatArray:
        """Mean value of each cell."""
        sizes = np.diff(np.append(self.starts, len(self.near)))
        return np.asarray(np.add.reduceat(self.values[self.near], self.starts) / sizes)

    @property
    def places(self) -> IntArray:
        """Each row's cell, counted from 1; 0 lies under the window, the last above it."""
        cells = np.arange(len(self.near)) // self.cell + 1
        place = np.full(self.size, cells[-1] + 1, dtype=np.int64)
        place[self.below] = 0
        place[self.near] = cells
        return place


def window_of(values: FloatArray, quantile: float, clusters: IntArray | None) -> Window:
    n = len(values)
    error = _rank_error(values, quantile, clusters)
    reach = ceil(REACH * error) + 2 if isfinite(error) else n
    centre = int(quantile * (n - 1))
    near, below = _ranked(values, max(0, centre - reach), min(n, centre + reach + 2))
    cell = int(reach / REACH / CELLS_PER_ERROR) if clusters is None else 1
    return Window(values, near, below, quantile, max(1, cell))


def _rank_error(values: FloatArray, quantile: float, clusters: IntArray | None) -> float:
    """How far resamples scatter the quantile's rank, in rows; unknown of a single unit."""
    n = len(values)
    if clusters is not None:
        under = (values <= np.quantile(values, quantile)).astype(np.float64)
        return mean_of(under, clusters).error * n
    share = (int(quantile * (n - 1)) + 1) / n
    return n * sqrt(share * (1 - share) / (n - 1)) if n > 1 else inf


def _ranked(values: FloatArray, low: int, high: int) -> tuple[IntArray, BoolArray]:
    """Rows of ranks low … high − 1 in ascending order, and which rows rank before them.

    Rows of the same value rank in their own order, as in a stable sort of all rows, of which
    only these few are needed.
    """
    ends = np.partition(values, (low, high - 1))[[low, high - 1]]
    below = values < ends[0]
    first = np.flatnonzero(values == ends[0])
    below[first[: low - int(below.sum())]] = True
    reached = np.flatnonzero((values <= ends[1]) & ~below)
    order = np.argsort(values[reached], kind="stable")[: high - low]
    return reached[order], below


def harrell_davis(
    reached: FloatArray, values: FloatArray, quantile: float, size: int
) -> FloatArray:
    """Harrell and Davis's (1982) quantile of each resample: order statistics under a beta law.

    `values` ascend (k); `reached` is the share of each resample that each of them but the last
    closes (resamples × k − 1); `size` is the number of rows of a resample.
    """
    first, last, law = _beta_law(size, quantile)
    position = (reached - first) * ((BETA_POINTS - 1) / (last - first))
    np.clip(position, 0, BETA_POINTS - 1, out=position)
    point = np.minimum(position.astype(np.int64), BETA_POINTS - 2)
    position -= point
    share = np.diff(law)[point]
    share *= position
    share += law[point]
    return np.asarray(values[-1] - share @ np.diff(values))


@lru_cache(maxsize=16)
def _beta_law(size: int, quantile: float) -> tuple[float, float, FloatArray]:
    """The law's outermost quantiles, and its distribution at even points between them."""
    shape = (size + 1) * quantile, (size + 1) * (1 - quantile)
    first, last = special.betaincinv(*shape, [BETA_TAIL, 1 - BETA_TAIL]).tolist()
    law = special.betainc(*shape, np.linspace(first, last, BETA_POINTS))
    law[0], law[-1] = 0.0, 1.0
    law.flags.writeable = False
    return first, last, law
