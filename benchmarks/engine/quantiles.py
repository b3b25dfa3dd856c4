"""Bootstrap of quantiles: only the items near the quantile need draws of their own.

Pairs are resampled with Harrell and Davis's (1982) smooth quantile. Resamples of a single order
statistic repeat few values, and where both sides share most of their variation the plain
bootstrap then speaks in 1 % of cases instead of 5 % (Wilcox and Erceg-Hurn 2012). That quantile
is an average over about a standard error of ranks, so that rows within a small part of one can
stand for each other: of many rows a few hundred cells are drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, inf

import numpy as np
from scipy import special

from benchmarks.engine.draws import (
    BLOCK_CELLS,
    PATTERN_COST,
    Bootstrap,
    cell_counts,
    collect,
    unit_weights,
)
from benchmarks.engine.intervals import mean_of
from benchmarks.engine.proportions import Pairs, pairs_of
from benchmarks.engine.scored import FloatArray, IntArray

# Standard errors of the rank beyond which no resample's quantile falls (chance about 1e-9).
REACH = 6.0
# Fewer blocks of time than this cannot be resampled, however long the dependence lasts.
FEWEST_BLOCKS = 20
STRONGEST_LAG = 0.97
# Cells to a standard error of the rank. Values that are even within a cell cost nothing, whatever
# its width, because the average's weights end in nothing on both sides.
CELLS_PER_ERROR = 4
# Points at which the beta law is tabulated between its outermost quantiles.
BETA_POINTS = 2001


@dataclass(frozen=True, eq=False)
class Window:
    """Rows whose rank the quantile can reach in a resample; the others are only counted."""

    values: FloatArray
    near: IntArray  # rows in the window, in ascending order of value
    below: np.ndarray  # mask of the rows under the window
    quantile: float
    cell: int  # rows that may stand for each other where the quantile is smooth


def _window(values: FloatArray, quantile: float, clusters: IntArray | None) -> Window:
    n = len(values)
    order = np.argsort(values, kind="stable")
    below = (values <= np.quantile(values, quantile)).astype(np.float64)
    error = mean_of(below, clusters).error
    reach = n if not np.isfinite(error) else int(np.ceil(REACH * error * n)) + 2
    centre = int(quantile * (n - 1))
    low, high = max(0, centre - reach), min(n, centre + reach + 2)
    under = np.zeros(n, dtype=bool)
    under[order[:low]] = True
    cell = int(reach / REACH / CELLS_PER_ERROR) if clusters is None else 1
    return Window(values, order[low:high], under, quantile, max(1, cell))


def quantile_draws(
    samples: list[FloatArray],
    quantile: float,
    clusters: IntArray | None,
    rng: np.random.Generator,
    resamples: int,
    *,
    smooth: bool = False,
) -> FloatArray:
    """Resampled quantiles, one column per sample; the samples share rows and thus weights."""
    resampled = _smoothed if smooth else _resampled
    windows = [_window(values, quantile, clusters) for values in samples]
    if smooth and clusters is None and all(window.cell > 1 for window in windows):
        return _celled(windows, rng, resamples)
    if clusters is None:
        units = _pooled_rows(windows)
        blocks: Iterable[np.ndarray] = [_item_weights(units, rng, resamples)]
    else:
        codes, units = np.unique(clusters, return_inverse=True)
        blocks = unit_weights(rng, len(codes), resamples)
    return np.vstack(
        [
            np.column_stack([resampled(window, part, units) for window in windows])
            for block in blocks
            for part in _thin(block, max(len(window.near) for window in windows))
        ]
    )


def _thin(weights: np.ndarray, rows: int) -> list[np.ndarray]:
    """Cuts that keep the resamples × rows table small when a window is wide."""
    return np.array_split(weights, 1 + len(weights) * rows // BLOCK_CELLS)


def _pooled_rows(windows: list[Window]) -> IntArray:
    """Units of drawing: near rows alone, far rows together by the side on which they lie."""
    n = len(windows[0].values)
    side = np.zeros(n, dtype=np.int64)
    near = np.zeros(n, dtype=bool)
    for place, window in enumerate(windows):
        side += window.below.astype(np.int64) << place
        near[window.near] = True
    codes = np.where(near, (1 << len(windows)) + np.arange(n), side)
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def _item_weights(units: IntArray, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """How often each unit's rows are drawn, per row of it (pooled rows share their draws)."""
    sizes = np.bincount(units)
    n = int(sizes.sum())
    if len(sizes) * PATTERN_COST > n:
        # Hardly any rows are pooled: drawing them one by one is quicker than by multinomials.
        pooled = np.zeros((n, len(sizes)))
        pooled[np.arange(n), units] = 1 / sizes[units]
        return np.concatenate([drawn @ pooled for drawn in unit_weights(rng, n, resamples)])
    return rng.multinomial(n, sizes / n, size=resamples) / sizes


def _resampled(window: Window, weights: np.ndarray, units: IntArray) -> FloatArray:
    """Linear-interpolation quantile of each resample, from weights per unit of rows."""
    sizes = np.bincount(units, minlength=weights.shape[1])
    under = np.bincount(units, weights=window.below, minlength=weights.shape[1])
    total = weights @ sizes
    heights = window.quantile * (total - 1)
    rank = np.floor(heights + 1e-9)
    reached = np.cumsum(weights[:, units[window.near]], axis=1) + (weights @ under)[:, None]
    values = window.values[window.near]
    lower = values[_first(reached, rank + 1)]
    upper = values[_first(reached, np.minimum(rank + 2, total))]
    return lower + (heights - rank) * (upper - lower)


def _smoothed(window: Window, weights: np.ndarray, units: IntArray) -> FloatArray:
    """Harrell-Davis quantile of each resample: order statistics under a beta law's weights."""
    under = np.bincount(units, weights=window.below, minlength=weights.shape[1])
    total = weights @ np.bincount(units, minlength=weights.shape[1])
    reached = np.cumsum(weights[:, units[window.near]], axis=1) + (weights @ under)[:, None]
    return _harrell_davis(window, reached / total[:, None], window.values[window.near])


def _harrell_davis(window: Window, reached: np.ndarray, values: FloatArray) -> FloatArray:
    """From ascending values, and the share of each resample that each of them closes."""
    n = len(window.values)
    shape = (n + 1) * window.quantile, (n + 1) * (1 - window.quantile)
    first, last = special.betaincinv(*shape, [1e-12, 1 - 1e-12]).tolist()
    grid = np.linspace(first, last, BETA_POINTS)
    law = special.betainc(*shape, grid)
    share = np.interp(reached[:, :-1], grid, law, left=0.0, right=1.0)
    return np.asarray(values[-1] - share @ np.diff(values))


def _celled(windows: list[Window], rng: np.random.Generator, resamples: int) -> FloatArray:
    """Smooth quantiles from counts of cells; rows in the same cells everywhere are one unit."""
    places = [_places(window) for window in windows]
    codes = np.zeros(len(places[0]), dtype=np.int64)
    for place in places:
        codes = codes * (int(place.max()) + 1) + place
    _, firsts, sizes = np.unique(codes, return_index=True, return_counts=True)
    drawn = cell_counts(sizes.astype(np.float64), rng, resamples) / sizes.sum()
    return np.column_stack(
        [
            _smoothed_cells(window, drawn, place[firsts])
            for window, place in zip(windows, places, strict=True)
        ]
    )


def _places(window: Window) -> IntArray:
    """Each row's cell, counted from 1; 0 lies under the window, the last above it."""
    cells = np.arange(len(window.near)) // window.cell + 1
    place = np.full(len(window.values), cells[-1] + 1, dtype=np.int64)
    place[window.below] = 0
    place[window.near] = cells
    return place


def _smoothed_cells(window: Window, shares: np.ndarray, place: IntArray) -> FloatArray:
    """From the share of each unit in each resample, and the cell in which the unit lies."""
    starts = np.arange(0, len(window.near), window.cell)
    values = window.values[window.near]
    means = np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values)))
    within = np.zeros((len(place), len(means) + 2))
    within[np.arange(len(place)), place] = 1.0
    reached = np.cumsum(shares @ within, axis=1)[:, 1:-1]
    return _harrell_davis(window, reached, means)


def _first(reached: np.ndarray, rank: np.ndarray) -> IntArray:
    """Place of the first item at which the count has reached the rank."""
    short = (reached < rank[:, None] - 1e-6).sum(axis=1)
    return np.minimum(short, reached.shape[1] - 1).astype(np.int64)


def quantile_difference(
    candidate: FloatArray,
    baseline: FloatArray,
    quantile: float,
    clusters: tuple[IntArray | None, IntArray | None],
    *,
    paired: bool,
    rng: np.random.Generator,
    resamples: int,
) -> Bootstrap:
    """Bootstrap of candidate − baseline; pairs are drawn together."""
    value = float(np.quantile(candidate, quantile) - np.quantile(baseline, quantile))
    if paired:
        both = quantile_draws(
            [candidate, baseline], quantile, clusters[0], rng, resamples, smooth=True
        )
        draws = both[:, 0] - both[:, 1]
    else:
        first = quantile_draws([candidate], quantile, clusters[0], rng, resamples)
        second = quantile_draws([baseline], quantile, clusters[1], rng, resamples)
        draws = first[:, 0] - second[:, 0]
    nothing = np.empty(0)
    units = min((np.unique(codes).size for codes in clusters if codes is not None), default=inf)
    return collect(value, draws, nothing, nothing, units)


def exceedances(candidate: FloatArray, baseline: FloatArray, quantile: float) -> Pairs:
    """Pairs by whether each side is beyond the quantile of both sides together.

    Under no difference as many pairs cross it one way as the other (Mood's 1950 idea on pairs);
    the bootstrap's own p is too seldom small where both sides share most of their variation.
    """
    limit = np.quantile(np.concatenate([candidate, baseline]), quantile)
    return pairs_of((baseline > limit).astype(np.float64), (candidate > limit).astype(np.float64))


def time_blocks(times: FloatArray, below: FloatArray) -> IntArray:
    """Codes of successive blocks of items, long enough to hold the dependence within them.

    The length is twice Carlstein's (1986) for an autoregression fitted to `below`, the indicator
    of lying under the quantile, whose own dependence understates the series'. `FEWEST_BLOCKS`
    blocks are kept where there are items for them.
    """
    order = np.argsort(times, kind="stable")
    n = len(times)
    departure = below[order] - below.mean()
    square = float(departure @ departure)
    lag = float(departure[1:] @ departure[:-1]) / square if square > 0 else 0.0
    lag = min(abs(lag), STRONGEST_LAG)
    length = 2 * (2 * lag / (1 - lag**2)) ** (2 / 3) * n ** (1 / 3)
    size = max(1, min(ceil(length), n // FEWEST_BLOCKS))
    blocks = np.empty(n, dtype=np.int64)
    blocks[order] = np.minimum(np.arange(n) // size, max(n // size - 1, 0))
    return blocks
