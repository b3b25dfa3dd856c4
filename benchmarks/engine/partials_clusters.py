"""The mergeable pieces of clustered rows: sums and counts for each cluster."""

from __future__ import annotations

import numpy as np

from benchmarks.engine.calibration_error import (
    BINS,
    calibration_error,
    drawn_calibration_error,
    item_columns,
)
from benchmarks.engine.formulas import Metric
from benchmarks.engine.partials_sums import (
    KeyedCounts,
    KeyedSums,
    Mergeable,
    bin_of,
    value_of,
)
from benchmarks.engine.resampling_cells import quotient
from benchmarks.engine.resampling_units import Units, counted_area, counted_quantile, summed
from benchmarks.engine.scored import Scored
from benchmarks.engine.values import Kind


def cluster_pieces(part: Scored, metric: Metric, keys: np.ndarray) -> tuple[Mergeable, ...]:
    """What the metric needs of each cluster; `keys` names the cluster of each row."""
    match metric.kind:
        case Kind.RATIO:
            return (KeyedSums.of(keys, np.eye(4)[part.confusion]),)
        case Kind.CALIBRATION_ERROR:
            bins, columns = item_columns(part)
            rows = np.zeros((part.n, 3, BINS))
            rows[np.arange(part.n), :, bins] = columns
            return (KeyedSums.of(keys, rows.reshape(part.n, 3 * BINS)),)
        case Kind.AUC:
            codes = 2 * bin_of(part["score"]) + (part["label"] == 1)
            return (KeyedCounts.of(keys, codes),)
        case Kind.QUANTILE:
            if metric.eligible is not None:
                keys = keys[metric.eligible(part)]
            return (KeyedCounts.of(keys, bin_of(metric.items(part)[0])),)
        case Kind.PROPORTION | Kind.MEAN:
            counted = np.ones(part.n)
            if metric.eligible is not None:
                counted = metric.eligible(part).astype(np.float64)
            return (KeyedSums.of(keys, np.column_stack([metric.values(part) * counted, counted])),)
        case _:
            raise ValueError(f"“{metric.key}” has no sums to merge.")


def cluster_units(pieces: tuple[Mergeable, ...], metric: Metric, keys: np.ndarray) -> Units:
    """The statistic over clusters, whose numbers are their places among all `keys`."""
    piece = pieces[0]
    if isinstance(piece, KeyedSums):
        members = np.searchsorted(keys, piece.keys)
        if metric.kind is Kind.CALIBRATION_ERROR:
            return summed(members, piece.totals, calibration_error, drawn_calibration_error)
        finish = metric.of_counts if metric.kind is Kind.RATIO else quotient
        return summed(members, piece.totals, finish)
    if not isinstance(piece, KeyedCounts):
        raise TypeError("A cluster's piece is neither sums nor counts.")
    members, places = np.unique(np.searchsorted(keys, piece.keys), return_inverse=True)
    if metric.kind is Kind.AUC:
        ranks = np.unique(piece.codes // 2, return_inverse=True)[1]
        return counted_area(members, places, ranks, piece.codes % 2 == 1, piece.counts)
    values = value_of(piece.codes)
    return counted_quantile(members, places, values, piece.counts, metric.quantile, False)
