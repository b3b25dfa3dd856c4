"""Pieces of an evaluation that can be computed anywhere, sent, and merged without loss.

A shard's rows become whole counts, fixed-point sums and histograms of fixed bins
(`partials_sums`). Merging adds whole numbers only: any split of the rows and any order of merging
give the same bytes. Draws come after the merging, in one stream for each metric and slice, or
over the clusters in the order of their keys; so they too know nothing of shards.

Exact as on the whole frame: shares, ratios, means, the calibration error. The ROC area counts
scores of one bin as ties (off by at most half the sum over bins of the product of both classes'
shares); a quantile is the middle of its bin (off by at most 2⁻¹¹ of its distance from 0 or 1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd

from benchmarks.engine.calibration_error import CELLS, cell_columns, cell_of
from benchmarks.engine.draws import RESAMPLES, Bootstrap, generator, unit_weights
from benchmarks.engine.formulas import Metric
from benchmarks.engine.metrics import summed_metric_of
from benchmarks.engine.partials_clusters import cluster_pieces, cluster_units
from benchmarks.engine.partials_sums import (
    FixedSums,
    Histogram,
    KeyedCounts,
    KeyedSums,
    Mergeable,
    Tally,
    bin_of,
    merged_pieces,
    value_of,
)
from benchmarks.engine.resampling import EstimateTable, Outcome, column_of, table_of
from benchmarks.engine.resampling_cells import (
    Ladder,
    area_cells,
    calibration_error_cells,
    mean_cells,
    quantile_bootstrap,
    rate_cells,
    ratio_cells,
)
from benchmarks.engine.resampling_rows import rows_of
from benchmarks.engine.resampling_units import resampled
from benchmarks.engine.scored import CLUSTER, FloatArray, Scored, scored_columns
from benchmarks.engine.slices import Slice
from benchmarks.engine.values import Kind, Reason

UNITS = "units"


@dataclass(frozen=True, eq=False)
class SlicePartial:
    """One slice of one shard; `pieces` by what they are made from, so that metrics share them."""

    n: int
    positives: int
    odd_labels: int
    unfit: dict[str, int]  # rows without a finite number, by column
    undefined: dict[str, int]  # rows without a finite value, by metric
    pieces: dict[str, tuple[Mergeable, ...]]

    def merged(self, other: SlicePartial) -> SlicePartial:
        unfit = {name: self.unfit[name] + other.unfit[name] for name in self.unfit}
        undefined = {key: self.undefined[key] + other.undefined[key] for key in self.undefined}
        pieces = self.pieces | other.pieces
        for key in self.pieces.keys() & other.pieces.keys():
            pieces[key] = merged_pieces(self.pieces[key], other.pieces[key])
        return SlicePartial(
            self.n + other.n,
            self.positives + other.positives,
            self.odd_labels + other.odd_labels,
            unfit,
            undefined,
            pieces,
        )

    @property
    def known_positives(self) -> int | None:
        return None if self.odd_labels or "label" not in self.unfit else self.positives

    def obstacle(self, metric: Metric) -> Reason:
        if any(name not in self.unfit for name in metric.needs):
            return Reason.NO_COLUMN
        if self.n == 0:
            return Reason.NO_ROWS
        if any(self.unfit[name] for name in metric.needs):
            return Reason.NOT_A_NUMBER
        if self.undefined[metric.key]:
            return Reason.UNDEFINED
        one_class = self.known_positives in (0, self.n)
        return Reason.ONE_CLASS if metric.kind is Kind.AUC and one_class else Reason.NONE


@dataclass(frozen=True, eq=False)
class Partial:
    """What a shard adds to the evaluation of some metrics on some slices."""

    metrics: tuple[str, ...]
    columns: tuple[str, ...]
    clustered: bool
    slices: dict[str, SlicePartial]

    def merged(self, other: Partial) -> Partial:
        """Both shards together; ValueError when they do not answer the same question."""
        if self._question != other._question:
            raise ValueError("Partials of different metrics, columns or slices cannot be merged.")
        slices = {name: part.merged(other.slices[name]) for name, part in self.slices.items()}
        return Partial(self.metrics, self.columns, self.clustered, slices)

    @property
    def _question(self) -> tuple[object, ...]:
        return self.metrics, self.columns, self.clustered, tuple(self.slices)

    def table(
        self, *, seed: int, resamples: int = RESAMPLES, level: float = 0.95
    ) -> EstimateTable:
        """Estimates with BCa and percentile intervals, as `resampling.bootstrap` gives them."""
        chosen = [summed_metric_of(key) for key in self.metrics]
        draw = self._clusters_drawn if self.clustered else self._rows_drawn
        return table_of(draw(chosen, seed, resamples), level)

    def _rows_drawn(self, chosen: list[Metric], seed: int, resamples: int) -> list[Outcome]:
        outcomes = []
        for name, part in self.slices.items():
            for metric in chosen:
                reason = part.obstacle(metric)
                rng = generator(seed, metric.key, name)
                boot = None if reason else _drawn(part, metric, rng, resamples)
                outcomes.append(Outcome(metric, name, part.n, part.known_positives, boot, reason))
        return outcomes

    def _clusters_drawn(self, chosen: list[Metric], seed: int, resamples: int) -> list[Outcome]:
        cells = [
            (metric, name, part, part.obstacle(metric))
            for name, part in self.slices.items()
            for metric in chosen
        ]
        keys = self._cluster_keys()
        statistics = [
            None if reason else cluster_units(part.pieces[_source(metric, True)], metric, keys)
            for metric, _, part, reason in cells
        ]
        rng = generator(seed, "bootstrap")
        blocks = unit_weights(rng, len(keys), resamples) if len(keys) else iter([])
        boots = resampled(statistics, blocks, independent=False)
        return [
            Outcome(metric, name, part.n, part.known_positives, boot, reason)
            for (metric, name, part, reason), boot in zip(cells, boots, strict=True)
        ]

    def _cluster_keys(self) -> np.ndarray:
        found = [
            piece.keys
            for part in self.slices.values()
            for piece in part.pieces.get(UNITS, ())
            if isinstance(piece, KeyedCounts)
        ]
        return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.uint64)


def partial_of(
    frame: pd.DataFrame,
    metrics: Iterable[str],
    slices: Sequence[Slice],
    *,
    clusters: str | None = None,
) -> Partial:
    """The mergeable statistics of the rows of one shard.

    Without clusters every row is a unit of its own, whatever the index says: a shard cannot see
    repetitions in another one. Clusters are known by a 64-bit hash of their value.
    Raises ValueError for unknown metrics and columns and for values beyond 2⁵².
    """
    chosen = [summed_metric_of(key) for key in metrics]
    columns = scored_columns(frame)
    column = clusters or (CLUSTER if CLUSTER in frame.columns else None)
    if column is not None and column not in frame.columns:
        raise ValueError(f"The cluster column “{column}” is not in the data.")
    keys = None if column is None else pd.util.hash_array(frame[column].to_numpy())
    found = {}
    for name, rows in rows_of(frame, slices).items():
        part = Scored({key: values[rows] for key, values in columns.items()}, None, len(rows))
        found[name] = _slice_partial(part, chosen, None if keys is None else keys[rows])
    return Partial(
        tuple(metric.key for metric in chosen), tuple(columns), column is not None, found
    )


def merged(partials: Iterable[Partial]) -> Partial:
    """All shards together; ValueError for none at all."""
    shards = list(partials)
    if not shards:
        raise ValueError("There is nothing to merge.")
    return reduce(Partial.merged, shards)


def _slice_partial(part: Scored, chosen: list[Metric], keys: np.ndarray | None) -> SlicePartial:
    unfit = {
        name: int(np.count_nonzero(~np.isfinite(values))) for name, values in part.columns.items()
    }
    label = part.columns.get("label", np.empty(0))
    positives = int(np.count_nonzero(label == 1))
    odd = len(label) - positives - int(np.count_nonzero(label == 0))
    pieces: dict[str, tuple[Mergeable, ...]] = {}
    if keys is not None and part.n:
        pieces[UNITS] = (KeyedCounts.of(keys, np.zeros(part.n, dtype=np.int64)),)
    undefined = {metric.key: _undefined(part, metric) for metric in chosen}
    for metric in chosen:
        source = _source(metric, keys is not None)
        if source in pieces or part.obstacle(metric.needs) or undefined[metric.key]:
            continue
        if keys is None:
            pieces[source] = _PIECES[metric.kind](part, metric)
        else:
            pieces[source] = cluster_pieces(part, metric, keys)
    return SlicePartial(part.n, positives, odd, unfit, undefined, pieces)


def _undefined(part: Scored, metric: Metric) -> int:
    """Rows whose numbers are fine but whose value is not, as a share of a label of 0."""
    if metric.kind is not Kind.MEAN or part.obstacle(metric.needs):
        return 0
    return int(np.count_nonzero(~np.isfinite(metric.items(part)[0])))


def _source(metric: Metric, clustered: bool) -> str:
    """What the pieces of a metric are made from; metrics of one source share them."""
    column = column_of(metric) if metric.kind in (Kind.MEAN, Kind.QUANTILE) else None
    if column is not None:
        return f"{metric.kind} of {column}" if clustered else f"values of {column}"
    return str(metric.kind) if metric.kind is Kind.RATIO else metric.key


def _rate_pieces(part: Scored, metric: Metric) -> tuple[Mergeable, ...]:
    values, _ = metric.items(part)
    return (Tally(np.array([np.count_nonzero(values), len(values)], dtype=np.int64)),)


def _ratio_pieces(part: Scored, metric: Metric) -> tuple[Mergeable, ...]:
    return (Tally(np.bincount(part.confusion, minlength=4).astype(np.int64)),)


def _value_pieces(part: Scored, metric: Metric) -> tuple[Mergeable, ...]:
    values, _ = metric.items(part)
    return Histogram.of(bin_of(values)), FixedSums.of(values[:, None])


def _score_pieces(part: Scored, metric: Metric) -> tuple[Mergeable, ...]:
    return (Histogram.of(2 * bin_of(part["score"]) + (part["label"] == 1)),)


def _calibration_pieces(part: Scored, metric: Metric) -> tuple[Mergeable, ...]:
    cells = cell_of(part).astype(np.int16)
    departure = part["label"] - part["score"]
    sums = KeyedSums.of(cells, np.column_stack([departure, departure**2]))
    limbs = np.zeros((CELLS, 2, 3), dtype=np.int64)
    limbs[sums.keys] = sums.limbs
    return Tally(np.bincount(cells, minlength=CELLS).astype(np.int64)), FixedSums(limbs)


_PIECES: dict[Kind, Callable[[Scored, Metric], tuple[Mergeable, ...]]] = {
    Kind.PROPORTION: _rate_pieces,
    Kind.RATIO: _ratio_pieces,
    Kind.MEAN: _value_pieces,
    Kind.QUANTILE: _value_pieces,
    Kind.AUC: _score_pieces,
    Kind.CALIBRATION_ERROR: _calibration_pieces,
}


def _drawn(
    part: SlicePartial, metric: Metric, rng: np.random.Generator, resamples: int
) -> Bootstrap:
    match part.pieces[_source(metric, False)]:
        case (Tally(counts),) if metric.kind is Kind.PROPORTION:
            return rate_cells(int(counts[0]), int(counts[1]), part.n).bootstrap(rng, resamples)
        case (Tally(counts),):
            return ratio_cells(metric, counts.astype(np.float64)).bootstrap(rng, resamples)
        case (Tally(counts), FixedSums() as sums):
            sizes = counts.astype(np.float64)
            bins = np.arange(CELLS) // 2
            table = cell_columns(sizes, sums.totals[:, 0], sums.totals[:, 1], bins)
            return calibration_error_cells(sizes, table).bootstrap(rng, resamples)
        case (Histogram() as scores,):
            return area_cells(*_both_classes(scores)).bootstrap(rng, resamples)
        case (Histogram() as values, FixedSums() as sums):
            ladder = Ladder(value_of(values.codes), values.counts.astype(np.float64))
            if metric.kind is Kind.QUANTILE:
                return quantile_bootstrap(ladder, metric.quantile, rng, resamples)
            value = float(sums.totals[0]) / ladder.n
            return mean_cells(ladder, value).bootstrap(rng, resamples)
    raise TypeError("A partial holds pieces that its metric cannot be made from.")


def _both_classes(scores: Histogram) -> tuple[FloatArray, FloatArray]:
    bins, places = np.unique(scores.codes // 2, return_inverse=True)
    sides = np.zeros((2, len(bins)))
    sides[scores.codes % 2, places] = scores.counts
    return sides[0], sides[1]
