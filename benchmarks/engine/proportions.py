"""Comparison of two rates: paired by the discordant items, unpaired by score or exact tests."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from benchmarks.engine.scored import FloatArray

# Below this many discordant pairs the plain exact test is used (mid-p is not exact).
FEW_DISCORDANT = 25
# A smaller expected count makes the score test unreliable (Cochran's rule).
SMALL_EXPECTED = 5
# Boschloo's search grows with the square of n; Fisher's test takes over above this.
BOSCHLOO_LIMIT = 120


@dataclass(frozen=True)
class Pairs:
    """Items by outcome: both right, lost by the candidate, gained by it, neither right."""

    both: int
    lost: int
    gained: int
    neither: int

    @property
    def discordant(self) -> int:
        return self.lost + self.gained


def pairs_of(baseline: FloatArray, candidate: FloatArray) -> Pairs:
    codes = (2 * baseline + candidate).astype(np.int64)
    neither, gained, lost, both = np.bincount(codes, minlength=4)
    return Pairs(int(both), int(lost), int(gained), int(neither))


def mcnemar(pairs: Pairs) -> tuple[float, str]:
    """Two-sided p: exact for few discordant pairs, mid-p otherwise (Fagerland 2013)."""
    smaller, n = min(pairs.lost, pairs.gained), pairs.discordant
    if n == 0:
        return 1.0, "mcnemar exact"
    tail = float(stats.binom.cdf(smaller, n, 0.5))
    if n < FEW_DISCORDANT:
        return min(1.0, 2 * tail), "mcnemar exact"
    return min(1.0, 2 * tail - float(stats.binom.pmf(smaller, n, 0.5))), "mcnemar mid-p"


def two_rates(candidate: tuple[int, int], baseline: tuple[int, int]) -> tuple[float, str]:
    """Two-sided p for two independent rates, each as (successes, n)."""
    (x1, n1), (x2, n2) = candidate, baseline
    pooled = (x1 + x2) / (n1 + n2)
    if pooled in (0.0, 1.0):
        return 1.0, "score"
    table = np.array([[x1, x2], [n1 - x1, n2 - x2]])
    if min(pooled, 1 - pooled) * min(n1, n2) >= SMALL_EXPECTED:
        error = sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
        return float(2 * stats.norm.sf(abs(x1 / n1 - x2 / n2) / error)), "score"
    if n1 + n2 <= BOSCHLOO_LIMIT:
        return float(stats.boschloo_exact(table).pvalue), "boschloo exact"
    return float(stats.fisher_exact(table).pvalue), "fisher exact"
