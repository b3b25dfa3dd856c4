"""Two samples of levels, from their exact counts: tests with rare levels pooled, new levels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import special

from benchmarks.engine.drift_floor import divergence_floor, jensen_shannon
from benchmarks.engine.drift_values import Distance, Level, LevelDrift
from benchmarks.engine.proportions import two_rates
from benchmarks.engine.scored import IntArray

# Cochran's rule: a level expected less often than this on one side is pooled with other rare ones.
SMALL_EXPECTED = 5
LISTED = 20
SURE = 0.95
TINY = float(np.finfo(np.float64).tiny)


def compare_levels(
    reference: Mapping[str, int], current: Mapping[str, int], *, seed: int
) -> tuple[LevelDrift, float, Distance]:
    """Level counts of both sides, each with at least one row.

    Returns the numbers, the p that counts and the Jensen–Shannon distance over the pooled levels.
    Pearson's χ² counts, G is shown beside it; with two cells it is the score test or, for small
    counts, an exact one.
    """
    names = sorted(set(reference) | set(current))
    counts = np.array([[side.get(name, 0) for name in names] for side in (reference, current)])
    order = np.argsort(-counts.sum(axis=0), kind="stable")
    names, counts = [names[i] for i in order], counts[:, order]
    table, pooled = pool_rare(counts)
    n, m = (int(side) for side in counts.sum(axis=1))
    p_value, method = level_test(table)
    distance = Distance("jensen_shannon", 0.0, 0.0)
    if table.shape[1] > 1:
        value = float(jensen_shannon(table[0] / n, table[1] / m))
        floor = divergence_floor(table.sum(axis=0), n, m, seed)
        distance = Distance("jensen_shannon", value, floor)
    return _numbers(names, counts, table, pooled, method), p_value, distance


def pool_rare(counts: IntArray) -> tuple[IntArray, int]:
    """The table (2, cells) that can be tested, and how many levels were pooled for it.

    `counts` come with the most frequent level first. Two levels stay as they are, whatever their
    counts, because two rates have an exact test.
    """
    counts = counts[:, counts.sum(axis=0) > 0]
    rows = counts.sum(axis=1)
    share = rows.min() / rows.sum()
    rare = counts.sum(axis=0) * share < SMALL_EXPECTED
    if counts.shape[1] <= 2 or not rare.any():
        return counts, 0
    kept, rest = counts[:, ~rare], counts[:, rare].sum(axis=1)
    if kept.shape[1] == 0:
        return np.column_stack([counts[:, 0], counts[:, 1:].sum(axis=1)]), counts.shape[1] - 1
    if rest.sum() * share < SMALL_EXPECTED and kept.shape[1] > 1:
        kept[:, -1] += rest
        return kept, int(rare.sum()) + 1
    return np.column_stack([kept, rest]), int(rare.sum())


def level_test(table: IntArray) -> tuple[float, str]:
    """Two-sided p of a pooled table (2, cells), and the name of the test."""
    if table.shape[1] < 2:
        return 1.0, "one level"
    if table.shape[1] > 2:
        p_value = float(special.chdtrc(table.shape[1] - 1, chi_square(table)))
        return max(TINY, p_value), "chi-square"
    (a, b), (c, d) = table.tolist()
    p_value, method = two_rates((c, c + d), (a, a + b))
    return max(TINY, p_value), method


def chi_square(table: IntArray) -> float:
    """Pearson's χ² of a table (2, cells) without empty cells in both rows at once."""
    expected = _expected(table)
    return float(((table - expected) ** 2 / expected).sum())


def g_statistic(table: IntArray) -> float:
    """The likelihood ratio statistic G (Woolf 1957) of the same table."""
    return float(2 * special.rel_entr(table, _expected(table)).sum())


def rule_of_three(n: int) -> float | None:
    """Upper 95 % end of the share of a level that did not occur in n rows (about 3/n)."""
    return 1 - (1 - SURE) ** (1 / n) if n > 0 else None


def _expected(table: IntArray) -> np.ndarray:
    product: np.ndarray = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return product


def _tail(df: int, statistic: float | None) -> float | None:
    return None if statistic is None else max(TINY, float(special.chdtrc(df, statistic)))


def _numbers(
    names: list[str],
    counts: IntArray,
    table: IntArray,
    pooled: int,
    method: str,
) -> LevelDrift:
    n, m = (int(side) for side in counts.sum(axis=1))
    df = table.shape[1] - 1
    statistic, g = (chi_square(table), g_statistic(table)) if df > 0 else (None, None)
    unseen, vanished = np.flatnonzero(counts[0] == 0), np.flatnonzero(counts[1] == 0)

    def listed(places: IntArray, bound: float | None) -> tuple[Level, ...]:
        return tuple(
            Level(names[i], int(counts[0, i]), int(counts[1, i]), bound) for i in places[:LISTED]
        )

    return LevelDrift(
        chi_square=statistic,
        chi_square_p=None
        if statistic is None
        else max(TINY, float(special.chdtrc(df, statistic))),
        g=g,
        g_p=_tail(df, g),
        df=df,
        method=method,
        levels=len(names),
        pooled=pooled,
        unseen_count=len(unseen),
        vanished_count=len(vanished),
        unseen=listed(unseen, rule_of_three(n)),
        vanished=listed(vanished, rule_of_three(m)),
        top=listed(np.arange(len(names)), None),
    )
