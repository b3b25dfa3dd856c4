"""Many slices at once: families in a tree, alarms of concord, shrunk values, the worst slice."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import stats

from benchmarks.engine.corrections import benjamini_hochberg
from benchmarks.engine.draws import BLOCK_CELLS
from benchmarks.engine.scored import FloatArray

Node = TypeVar("Node", bound=Hashable)

# Draws for the largest of many correlated estimates.
SIMULTANEOUS_DRAWS = 20_000


def tree_adjusted(
    p_values: Mapping[Node, float], parents: Mapping[Node, Node | None], q: float
) -> dict[Node, float]:
    """Adjusted p down a tree: nodes with at most `q` are found, a child only below a found parent.

    Benjamini and Bogomolov's (2014) selective procedure: the roots are one family at q; the
    children of a found node are a family at the level of their parent's family times the share
    of that family that was found. The expected false discovery proportion, averaged over the
    families looked into, stays below q at each depth. Raises ValueError for a parent that is no
    node.
    """
    unknown = {parent for parent in parents.values() if parent is not None} - set(p_values)
    if unknown:
        raise ValueError("A parent in the tree has no p-value of its own.")
    children: dict[Node | None, list[Node]] = {}
    for node in p_values:
        children.setdefault(parents.get(node), []).append(node)
    adjusted: dict[Node, float] = {}
    families: list[tuple[Node | None, float]] = [(None, q)]
    while families:
        parent, level = families.pop()
        members = children.get(parent, [])
        above = 0.0 if parent is None else adjusted[parent]
        plain = benjamini_hochberg([p_values[node] for node in members])
        for node, p in zip(members, plain, strict=True):
            adjusted[node] = min(1.0, max(above, p * q / level)) if level else max(above, p)
        found = sum(adjusted[node] <= q for node in members)
        below = level * found / len(members) if members else 0.0
        families += [(node, below) for node in members if node in children]
    return adjusted


def simes(p_values: Sequence[float]) -> float:
    """One p for “nothing here differs” (Simes 1986): the smallest that Benjamini-Hochberg gives.

    Valid for independent and positively dependent values, as of overlapping slices.
    """
    return min(benjamini_hochberg(p_values), default=1.0)


@dataclass(frozen=True)
class Concordance:
    """The signed sum over cells in standard errors, and its permutation p."""

    value: float
    p_value: float
    cells: int


def concordance(
    unit_differences: FloatArray, rng: np.random.Generator, permutations: int = 2000
) -> Concordance:
    """Whether many small changes point one way: units × cells, more meaning better.

    Each cell is scaled by its own error, and the sum over cells is compared with the sums under
    random signs of whole units (items or clusters), so that the dependence between the cells
    stays as it is. NaN marks a unit that is not in a cell's slice. The given signs are one of
    the permutations: p is never 0.
    """
    present = np.isfinite(unit_differences)
    filled = np.where(present, unit_differences, 0.0)
    errors = np.sqrt((filled**2).sum(axis=0))
    useful = errors > 0
    units = (filled[:, useful] / errors[useful]).sum(axis=1)
    observed = float(units.sum())
    if not useful.any():
        return Concordance(0.0, 1.0, 0)
    exceeding = 0
    rows = max(1, BLOCK_CELLS // len(units))
    for done in range(0, permutations, rows):
        shape = (min(rows, permutations - done), len(units))
        signs = 1 - 2 * rng.integers(0, 2, size=shape, dtype=np.int8)
        exceeding += int((np.abs(signs @ units) >= abs(observed) * (1 - 1e-12)).sum())
    p_value = (exceeding + 1) / (permutations + 1)
    return Concordance(observed / float(np.sqrt(units @ units)), p_value, int(useful.sum()))


@dataclass(frozen=True)
class Shrunk:
    """A slice's raw value, and the value drawn towards the common mean with its error."""

    raw: float
    value: float
    error: float
    weight: float  # of the raw value: 1 is no shrinking


def shrink(values: Sequence[float], errors: Sequence[float]) -> list[Shrunk]:
    """Empirical Bayes under a normal law of slices (Morris 1983).

    The variance between slices is Paule and Mandel's (1982), which makes the weighted spread
    equal to its expectation; the factor (k − 3)/(k − 1) allows for having estimated it. Raises
    ValueError for an error that is not above 0.
    """
    raw, error = np.asarray(values, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if not (error > 0).all():
        raise ValueError("A slice without error cannot be shrunk.")
    k = len(raw)
    if k < 4:
        return [Shrunk(v, v, e, 1.0) for v, e in zip(raw.tolist(), error.tolist(), strict=True)]
    between = between_variance(raw, error)
    weights = 1 / (between + error**2)
    centre = float(weights @ raw / weights.sum())
    share = error**2 * weights * (k - 3) / (k - 1)
    shrunk = share * centre + (1 - share) * raw
    spread = error**2 * (1 - share) + share**2 * (
        1 / weights.sum() + 2 / (k - 3) * (raw - centre) ** 2
    )
    columns = zip(
        raw.tolist(), shrunk.tolist(), np.sqrt(spread).tolist(), (1 - share).tolist(), strict=True
    )
    return [Shrunk(*row) for row in columns]


def between_variance(values: FloatArray, errors: FloatArray) -> float:
    """Paule and Mandel's variance between slices, 0 where their spread needs none."""

    def excess(between: float) -> float:
        weights = 1 / (between + errors**2)
        centre = weights @ values / weights.sum()
        return float(weights @ (values - centre) ** 2) - (len(values) - 1)

    low, high = 0.0, float(np.ptp(values) ** 2) + 1e-300
    if excess(low) <= 0:
        return 0.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True)
class Worst:
    """The slice with the worst value, and an interval that holds for whichever is worst."""

    place: int
    value: float
    low: float
    high: float


def worst_slice(
    values: Sequence[float],
    errors: Sequence[float],
    rng: np.random.Generator | None = None,
    *,
    level: float = 0.95,
    correlation: FloatArray | None = None,
) -> Worst:
    """The lowest value with a simultaneous interval, higher meaning better.

    All slices at once are within ± c errors of their truth, c being the quantile of the largest
    of their standardised departures (max-|z|; Hothorn, Bretz and Westfall 2008), which holds for
    the selected one too. Without a correlation the slices count as independent, which for
    overlapping slices is wider than needed. Raises ValueError without a value.
    """
    value, error = np.asarray(values, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if len(value) == 0 or not (error >= 0).all():
        raise ValueError("The worst slice needs at least one value, and errors not below 0.")
    reach = simultaneous_reach(len(value), level, rng, correlation)
    place = int(np.argmin(value))
    half = reach * float(error[place])
    return Worst(
        place, float(value[place]), float(value[place]) - half, float(value[place]) + half
    )


def simultaneous_reach(
    cells: int, level: float, rng: np.random.Generator | None, correlation: FloatArray | None
) -> float:
    """Errors within which all of the cells lie at once with this probability."""
    if correlation is None:
        return float(stats.norm.ppf((1 + level ** (1 / cells)) / 2))
    if rng is None:
        raise ValueError("Correlated slices need a stream to draw from.")
    draws = rng.multivariate_normal(
        np.zeros(cells), correlation, size=SIMULTANEOUS_DRAWS, method="eigh"
    )
    return float(np.quantile(np.abs(draws).max(axis=1), level))
