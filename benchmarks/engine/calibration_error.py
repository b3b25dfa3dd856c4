"""Calibration error without the part that is only noise (Bröcker 2012; Kumar et al. 2019).

Scores fall into equally wide bins. In each the squared mean of label − score is an estimate of the
squared miscalibration that is too large by the variance of that mean, which is taken off. The
metric is the root of the weighted mean over bins, in units of probability.
"""

from __future__ import annotations

import numpy as np

from benchmarks.engine.draws import RESAMPLES, Bootstrap, bootstrap_counts
from benchmarks.engine.formulas import tabulate
from benchmarks.engine.scored import FloatArray, IntArray, Scored

BINS = 15
# A cell is a bin and a label: 2 × bin + label.
CELLS = 2 * BINS
# One item in a bin says nothing about the noise there.
FEWEST_IN_BIN = 2


def bin_of(scores: FloatArray) -> IntArray:
    return np.clip((scores * BINS).astype(np.int64), 0, BINS - 1)


def cell_of(sample: Scored) -> IntArray:
    return 2 * bin_of(sample["score"]) + (sample["label"] == 1)


def calibration_error(totals: FloatArray, noises: int = 1) -> FloatArray:
    """Debiased error from (…, 3 × bins) totals: items, Σd and Σd² of d = label − score per bin.

    Bins of one item are left out; NaN where no bin is left. Draws need `noises=2`, because
    resampling adds the noise of the data once more.
    """
    n, sums, squares = np.split(totals, 3, axis=-1)
    kept = n >= FEWEST_IN_BIN
    size = np.where(kept, n, np.nan)
    mean = sums / size
    noise = np.maximum(squares / size - mean**2, 0) / (size - 1)
    excess = np.nansum(size * (mean**2 - noises * noise), axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(np.maximum(excess / np.where(kept, n, 0).sum(axis=-1), 0))


def drawn_calibration_error(totals: FloatArray) -> FloatArray:
    return calibration_error(totals, noises=2)


def item_columns(sample: Scored) -> tuple[IntArray, FloatArray]:
    """Bin of each item, and what it adds to the three columns of that bin (items × 3)."""
    departure = sample["label"] - sample["score"]
    return bin_of(sample["score"]), np.column_stack([np.ones(sample.n), departure, departure**2])


def cell_columns(
    counts: FloatArray, sums: FloatArray, squares: FloatArray, bins: IntArray
) -> FloatArray:
    """What one average item of each cell adds to the totals (cells × 3 bins)."""
    size = np.maximum(counts, 1)
    table = np.zeros((len(counts), 3, BINS))
    table[np.arange(len(counts)), :, bins] = np.column_stack(
        [np.ones(len(counts)), sums / size, squares / size]
    )
    return table.reshape(len(counts), 3 * BINS)


def columns_of(sample: Scored, cells: IntArray, number: int) -> FloatArray:
    """`cell_columns` for any cells that are finer than the bins."""
    departure = sample["label"] - sample["score"]
    bins = np.zeros(number, dtype=np.int64)
    bins[cells] = bin_of(sample["score"])
    return cell_columns(
        _added(np.ones(sample.n), cells, number),
        _added(departure, cells, number),
        _added(departure**2, cells, number),
        bins,
    )


def _added(values: FloatArray, cells: IntArray, number: int) -> FloatArray:
    return np.bincount(cells, weights=values, minlength=number).astype(np.float64)


def single_calibration(
    sample: Scored, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Bootstrap:
    """Draws of the error of one result, some bin of which holds two items."""
    cells = cell_of(sample)
    table = columns_of(sample, cells, CELLS)
    counts = tabulate(cells, CELLS, sample.cluster)
    return bootstrap_counts(
        counts,
        lambda drawn: calibration_error(drawn @ table),
        rng,
        resamples,
        lambda drawn: drawn_calibration_error(drawn @ table),
    )


def paired_calibration(
    baseline: Scored,
    candidate: Scored,
    clusters: IntArray | None,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Bootstrap:
    """Draws of candidate − baseline on the same items, from cells of both bins and the label."""
    pairs = CELLS * bin_of(baseline["score"]) + cell_of(candidate)
    present, codes = np.unique(pairs, return_inverse=True)
    before, after = (columns_of(side, codes, len(present)) for side in (baseline, candidate))
    return bootstrap_counts(
        tabulate(codes, len(present), clusters),
        lambda drawn: calibration_error(drawn @ after) - calibration_error(drawn @ before),
        rng,
        resamples,
        lambda drawn: (
            drawn_calibration_error(drawn @ after) - drawn_calibration_error(drawn @ before)
        ),
    )
