"""False discoveries in a family of 200 cells of slice × metric, a fifth of them truly changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.bench.worlds import slack
from benchmarks.engine.corrections import (
    benjamini_hochberg,
    benjamini_yekutieli,
    e_benjamini_hochberg,
    holm,
)
from benchmarks.engine.draws import generator
from benchmarks.engine.families import tree_adjusted
from benchmarks.engine.scored import FloatArray

Q = 0.10
GATE = 0.05
SLICES, METRICS = 40, 5
CELLS = SLICES * METRICS
CHANGED_SLICES = 8
SHIFT = 3.0
Rule = Callable[[FloatArray], np.ndarray]


def family_rows(simulations: int) -> Iterator[dict[str, Any]]:
    """One row per procedure: false discovery proportion, or any false one for the gate."""
    for name, (rule, bound) in RULES.items():
        rng = generator(6, "families")
        measured = float(np.mean([_false_share(rng, rule, name) for _ in range(simulations)]))
        high = bound + slack(bound, simulations)
        yield {
            "bar": f"false among 200 at {bound:.2f}",
            "kind": name,
            "measured": round(measured, 4),
            "low": 0.0,
            "high": round(high, 4),
            "holds": measured <= high,
            "simulations": simulations,
        }


def _false_share(rng: np.random.Generator, rule: Rule, name: str) -> float:
    changed = np.zeros((SLICES, METRICS), dtype=bool)
    changed[:CHANGED_SLICES] = True
    # Metrics of one slice rest on the same items, and slices share a common run.
    noise = 0.3 * rng.normal() + 0.6 * rng.normal(size=(SLICES, 1))
    noise = noise + np.sqrt(1 - 0.09 - 0.36) * rng.normal(size=(SLICES, METRICS))
    z = (noise + SHIFT * changed).ravel()
    found = rule(z)
    false = (found & ~changed.ravel()).sum()
    if name == GATE_NAME:
        return float(false > 0)
    return float(false / max(found.sum(), 1))


def _p(z: FloatArray) -> list[float]:
    values: list[float] = (2 * stats.norm.sf(np.abs(z))).tolist()
    return values


def _at(correction: Callable[[list[float]], list[float]], level: float) -> Rule:
    return lambda z: np.array(correction(_p(z))) <= level


def _e_values(z: FloatArray) -> np.ndarray:
    """e-values of a normal mixture with unit variance under no difference: exact for one cell."""
    width = 9.0
    e = np.exp(z**2 / 2 * width / (1 + width)) / np.sqrt(1 + width)
    return np.array(e_benjamini_hochberg(e.tolist())) <= Q


def _tree(z: FloatArray) -> np.ndarray:
    """Each slice's cells hang below the cell of the slice's first metric."""
    parents: Mapping[int, int | None] = {
        cell: None if cell % METRICS == 0 else cell - cell % METRICS for cell in range(CELLS)
    }
    adjusted = tree_adjusted(dict(enumerate(_p(z))), parents, Q)
    found = {node for node, p in adjusted.items() if p <= Q}
    return np.isin(np.arange(CELLS), list(found))


GATE_NAME = "Holm, any false one"
RULES: dict[str, tuple[Rule, float]] = {
    GATE_NAME: (_at(holm, GATE), GATE),
    "Benjamini-Hochberg": (_at(benjamini_hochberg, Q), Q),
    "Benjamini-Yekutieli": (_at(benjamini_yekutieli, Q), Q),
    "e-BH": (_e_values, Q),
    "tree, slice before its cells": (_tree, Q),
}
