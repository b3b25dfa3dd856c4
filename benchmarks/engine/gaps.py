"""Gaps between groups: the largest difference of a rate, and how sure one can be of it.

The largest of many noisy differences is above 0 without any unfairness. So the interval is not
the percentile of resampled gaps, which would add the noise a second time, but comes from the noise
of all pairs at once: draws of the Gaussian multiplier bootstrap over units (Chernozhukov,
Chetverikov and Kato 2013).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

from benchmarks.engine.draws import BLOCK_CELLS, FEWEST_CLUSTERS
from benchmarks.engine.intervals import normal_quantile
from benchmarks.engine.scored import GROUP, FloatArray, IntArray, Scored
from benchmarks.engine.slices import BoolArray
from benchmarks.engine.values import Interval

# A group with fewer items than this is named and left out of a gap.
SMALLEST_GROUP = 30
METHOD = "simultaneous bootstrap of pairs"


@dataclass(frozen=True)
class Rate:
    """What is averaged in each group, among the rows on which it is defined."""

    values: Callable[[Scored], FloatArray]
    eligible: Callable[[Scored], BoolArray] | None = None

    def rows(self, sample: Scored) -> BoolArray:
        return np.ones(sample.n, dtype=bool) if self.eligible is None else self.eligible(sample)


@dataclass(frozen=True, eq=False)
class Strand:
    """One rate on the groups that are large enough for it, of one side or of two on same rows."""

    groups: IntArray  # the codes of the groups kept
    code: IntArray  # of each row: the place of its group among those kept
    values: FloatArray  # rows × sides
    cluster: IntArray | None
    left_out: IntArray

    @property
    def n(self) -> int:
        return len(self.code)

    @cached_property
    def sizes(self) -> FloatArray:
        return np.bincount(self.code, minlength=len(self.groups)).astype(np.float64)

    @cached_property
    def units(self) -> FloatArray:
        """Independent units in each group."""
        if self.cluster is None:
            return self.sizes
        return _units(self.code, self.cluster, len(self.groups))

    @cached_property
    def rates(self) -> FloatArray:
        """Groups × sides."""
        sums = [np.bincount(self.code, side, len(self.groups)) for side in self.values.T]
        return np.column_stack(sums) / self.sizes[:, None]

    @property
    def influence(self) -> FloatArray:
        """What each row moves its own group's rate by (rows × sides)."""
        moved = (self.values - self.rates[self.code]) / self.sizes[self.code][:, None]
        return np.asarray(moved, dtype=np.float64)

    @property
    def is_share(self) -> bool:
        return bool(np.isin(self.values, (0.0, 1.0)).all())


def _units(code: IntArray, cluster: IntArray, groups: int) -> FloatArray:
    span = int(cluster.max()) + 1 if len(cluster) else 1
    pairs = np.unique(code * span + cluster)
    return np.bincount(pairs // span, minlength=groups).astype(np.float64)


def strand_of(samples: Sequence[Scored], rate: Rate) -> Strand:
    """The rate of each group with items enough; two samples hold the same rows in one order."""
    sample = samples[-1]
    rows = rate.rows(sample)
    codes = sample[GROUP][rows]
    cluster = None if sample.cluster is None else sample.cluster[rows]
    names, places = np.unique(codes, return_inverse=True)
    large = np.bincount(places, minlength=len(names)) >= SMALLEST_GROUP
    if cluster is not None and len(names):
        large &= _units(places, cluster, len(names)) >= FEWEST_CLUSTERS
    kept = large[places]
    values = np.column_stack([rate.values(side)[rows][kept] for side in samples])
    everybody = np.unique(sample[GROUP]).astype(np.int64)
    groups = names[large].astype(np.int64)
    return Strand(
        groups,
        (np.cumsum(large) - 1)[places[kept]].astype(np.int64),
        values,
        None if cluster is None else cluster[kept],
        np.setdiff1d(everybody, groups),
    )


@dataclass(frozen=True, eq=False)
class Compared:
    """The rates that a gap is taken over; a gap of several strands is the largest of theirs."""

    strands: tuple[Strand, ...]

    @property
    def comparable(self) -> bool:
        return all(len(strand.groups) > 1 for strand in self.strands)

    @property
    def n(self) -> int:
        return sum(strand.n for strand in self.strands)

    @property
    def units(self) -> int:
        """Of the smallest group: what the spread is known from."""
        return int(min(strand.units.min() for strand in self.strands))

    @property
    def left_out(self) -> IntArray:
        """Groups that are missing from the gap or from a part of it."""
        return np.unique(np.concatenate([strand.left_out for strand in self.strands]))

    @cached_property
    def rates(self) -> FloatArray:
        """All rates of all strands, one below the other (rates × sides)."""
        return np.vstack([strand.rates for strand in self.strands])

    @cached_property
    def bounds(self) -> tuple[tuple[int, int], ...]:
        """First and last place of each strand among all rates."""
        ends = np.cumsum([len(strand.groups) for strand in self.strands]).tolist()
        return tuple(zip([0, *ends[:-1]], ends, strict=True))

    def gap(self, rates: FloatArray) -> FloatArray:
        """The gap in each row of rates (… × rates)."""
        spans = [np.ptp(rates[..., first:last], axis=-1) for first, last in self.bounds]
        return np.asarray(np.max(spans, axis=0), dtype=np.float64)

    @cached_property
    def values(self) -> FloatArray:
        """The gap of each side."""
        return self.gap(self.rates.T)

    @cached_property
    def covariance(self) -> FloatArray:
        """Of all rates of all sides (side after side), by rows or by whole clusters."""
        if self.strands[0].cluster is None:
            return self._by_rows()
        return self._by_clusters()

    def _by_rows(self) -> FloatArray:
        sides, places = self.rates.shape[1], len(self.rates)
        found = np.zeros((sides, places, sides, places))
        for (first, last), strand in zip(self.bounds, self.strands, strict=True):
            influence, own = strand.influence, np.arange(first, last)
            for one in range(sides):
                for two in range(sides):
                    products = influence[:, one] * influence[:, two]
                    sums = np.bincount(strand.code, products, len(strand.groups))
                    found[one, own, two, own] = sums * strand.sizes / (strand.sizes - 1)
        return found.reshape(sides * places, sides * places)

    def _by_clusters(self) -> FloatArray:
        units = np.concatenate([s.cluster for s in self.strands if s.cluster is not None])
        code = np.concatenate(
            [s.code + first for s, (first, _) in zip(self.strands, self.bounds, strict=True)]
        )
        # A group of few clusters shows too little of its spread (CR1, group by group).
        influence = np.vstack(
            [s.influence * np.sqrt(s.units / (s.units - 1))[s.code, None] for s in self.strands]
        )
        number, places = int(units.max()) + 1, len(self.rates)
        sums = [
            np.bincount(units * places + code, side, number * places).reshape(number, places)
            for side in influence.T
        ]
        table = np.hstack(sums)
        return np.asarray(table.T @ table, dtype=np.float64)

    @property
    def alike(self) -> bool:
        """Whether two sides gave the same answers."""
        return all(np.array_equal(s.values[:, 0], s.values[:, -1]) for s in self.strands)


def compared(samples: Sequence[Scored], rates: Sequence[Rate]) -> Compared:
    return Compared(tuple(strand_of(samples, rate) for rate in rates))


def with_doubt(found: Compared) -> FloatArray:
    """The covariance of one side, a rate of exactly 0 or 1 given the spread that it may have.

    Such a rate shows no spread at all, which would claim certainty: half a unit is added to both
    of its outcomes.
    """
    covariance = found.covariance.copy()
    for (first, _), strand in zip(found.bounds, found.strands, strict=True):
        if not strand.is_share:
            continue
        for place in np.flatnonzero(np.isin(strand.rates[:, 0], (0.0, 1.0))):
            units = strand.units[place]
            share = (units * strand.rates[place, 0] + 0.5) / (units + 1)
            covariance[first + place, first + place] = share * (1 - share) / units
    return covariance


def gap_interval(
    found: Compared, level: float, rng: np.random.Generator, draws: int
) -> Interval | None:
    """Ends of one side's gap; None where no pair shows any spread."""
    ends = _ends(found, found.rates[:, 0], with_doubt(found), (level, draws), rng)
    if ends is None:
        return None
    low, high = ends
    shares = all(strand.is_share for strand in found.strands)
    return Interval(low, min(high, 1.0) if shares else high, level, METHOD)


def pairs_of(found: Compared) -> tuple[IntArray, IntArray]:
    """The places of any two groups of one strand."""
    left, right = np.concatenate(
        [np.asarray(np.triu_indices(last - first, k=1)) + first for first, last in found.bounds],
        axis=1,
    )
    return left, right


def _ends(
    found: Compared,
    values: FloatArray,
    covariance: FloatArray,
    terms: tuple[float, int],
    rng: np.random.Generator,
) -> tuple[float, float] | None:
    """Low: the largest difference that is beyond doubt for all pairs at once, or 0. High: the
    largest difference that any one pair may have, the pair that is truly the widest among them.
    """
    level, draws = terms
    left, right = pairs_of(found)
    variance = np.diag(covariance)
    squares = variance[left] + variance[right] - 2 * covariance[left, right]
    spread = squares > 0
    if not spread.any():
        return None
    difference, error = np.abs(values[left] - values[right]), np.sqrt(np.maximum(squares, 0))
    reach = normal_quantile(level) * widening_of(found, level)
    noisy = left[spread], right[spread], error[spread]
    joint = widening_of(found, level) * float(
        np.quantile(_largest(covariance, *noisy, rng, draws), level)
    )
    low = max(0.0, float((difference - joint * error).max()))
    return low, float((difference + reach * error).max())


def widening_of(found: Compared, level: float) -> float:
    """How much further t reaches than the normal law where the spread is known from few units."""
    reach = float(stats.t.ppf((1 + level) / 2, found.units - 1))
    return reach / normal_quantile(level)


def _largest(
    covariance: FloatArray,
    left: IntArray,
    right: IntArray,
    error: FloatArray,
    rng: np.random.Generator,
    draws: int,
) -> FloatArray:
    """By how many of its errors the noisiest pair is off, draw by draw."""
    rows = max(1, BLOCK_CELLS // len(error))
    found = []
    for done in range(0, draws, rows):
        noise = noise_of(covariance, rng, min(rows, draws - done))
        found.append(np.abs((noise[:, left] - noise[:, right]) / error).max(axis=1))
    return np.concatenate(found)


def noise_of(covariance: FloatArray, rng: np.random.Generator, draws: int) -> FloatArray:
    """What rates with this covariance are off by (draws × rates)."""
    roots, axes = np.linalg.eigh(covariance)
    scale = (axes * np.sqrt(np.maximum(roots, 0))).T
    return np.asarray(rng.standard_normal((draws, len(scale))) @ scale, dtype=np.float64)


# -- what chance alone gives ------------------------------------------------------------------


@dataclass(frozen=True)
class Chance:
    """The gap if all groups shared one rate: expected, rarely exceeded, and the p of the gap."""

    expected: float
    rarely_above: float
    p_value: float
    method: str


def chance(found: Compared, rng: np.random.Generator, draws: int, level: float = 0.95) -> Chance:
    """The gap's null distribution at these group sizes.

    Rows: the group labels permuted among the rows of each rate, so within one class of label for
    the rates that look at one. Clusters: rows of one cluster belong together, so its noise is
    drawn around one common rate instead.
    """
    if found.strands[0].cluster is None:
        gaps = np.max([_permuted(strand, rng, draws) for strand in found.strands], axis=0)
        method = "permutation of group labels"
    else:
        noise = noise_of(with_doubt(found), rng, draws)
        gaps = found.gap(noise * widening_of(found, level))
        method = "bootstrap of clusters around one rate"
    exceeding = int((gaps >= found.values[0] * (1 - 1e-12)).sum())
    rare = float(np.quantile(gaps, level))
    return Chance(float(gaps.mean()), rare, (1 + exceeding) / (1 + draws), method)


def _permuted(strand: Strand, rng: np.random.Generator, draws: int) -> FloatArray:
    """The strand's gap under each permutation of its group labels."""
    if strand.is_share:
        sizes = strand.sizes.astype(np.int64)
        ones = int(strand.values[:, 0].sum())
        counts = rng.multivariate_hypergeometric(sizes, ones, size=draws, method="marginals")
        return np.asarray(np.ptp(counts / strand.sizes, axis=1), dtype=np.float64)
    gaps = np.empty(draws)
    for draw in range(draws):
        values = rng.permutation(strand.values[:, 0])
        gaps[draw] = np.ptp(np.bincount(strand.code, values) / strand.sizes)
    return gaps


# -- ratio ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ratio:
    """The smallest rate over the largest: four fifths are the customary bound."""

    value: float
    interval: Interval | None


def ratio_of(found: Compared, level: float, rng: np.random.Generator, draws: int) -> Ratio | None:
    """The ratio of one strand's rates by their logs; None where all are 0."""
    rates = found.rates[:, 0]
    if rates.max() <= 0:
        return None
    value = float(rates.min() / rates.max())
    if rates.min() <= 0:
        return Ratio(value, None)
    covariance = with_doubt(found) / np.outer(rates, rates)
    ends = _ends(found, np.log(rates), covariance, (level, draws), rng)
    if ends is None:
        return Ratio(value, None)
    narrow, wide = ends
    return Ratio(value, Interval(float(np.exp(-wide)), float(np.exp(-narrow)), level, METHOD))
