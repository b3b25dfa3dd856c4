"""Can a model tell from a row which table it comes from? Sees what single columns do not show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.engine.auc import Placement, area_interval
from benchmarks.engine.draws import generator
from benchmarks.engine.drift_columns import LEVEL_KINDS
from benchmarks.engine.drift_sources import Source
from benchmarks.engine.drift_values import ClassifierDrift, ColumnDrift, ColumnKind
from benchmarks.engine.scored import FloatArray, IntArray, scored

ROUNDS = 30
LEAVES = 8
FEWEST_ROWS = 30
LISTED = 10
LEVEL = 0.95
# Columns shuffled in one prediction, so that wide tables stay within memory.
SHUFFLED_AT_ONCE = 20


def domain_classifier(
    columns: Sequence[ColumnDrift], reference: Source, current: Source, *, seed: int
) -> ClassifierDrift | None:
    """Area of gradient boosted trees that guess the table of unseen rows (Lopez-Paz, Oquab 2017).

    A seeded half of the sampled rows of each side is learned from and the other half is guessed,
    by the columns that can be compared one by one. Guessing every row out of its fold instead
    would look at twice the rows, but the folds' models share their rows, and DeLong's interval,
    which does not know that, is too narrow (Bengio, Grandvalet 2004).
    The columns are named only where the interval lies above 0.5. None with fewer than FEWEST_ROWS
    rows on a side, or without a usable column.
    """
    used = [c for c in columns if c.detail is not None and c.kind is not ColumnKind.EMBEDDING]
    if not used or min(reference.rows, current.rows) < FEWEST_ROWS:
        return None
    names = tuple(column.name for column in used)
    sides = [source.sampled(names) for source in (reference, current)]
    rows = pd.concat(sides, ignore_index=True)
    features = np.column_stack([_feature(rows[c.name], c.kind) for c in used])
    label = np.repeat([0, 1], [len(side) for side in sides])
    # scikit-learn takes seeds of 32 bits.
    state = abs(seed) % 2**32
    learned, asked, known, hidden = train_test_split(
        features, label, test_size=0.5, stratify=label, random_state=state
    )
    model = HistGradientBoostingClassifier(
        max_iter=ROUNDS, max_leaf_nodes=LEAVES, early_stopping=False, random_state=state
    )
    telling: tuple[tuple[str, float], ...] = ()
    # One thread: the same bytes on every machine, and no waiting for cores that others use.
    with threadpool_limits(1):
        model.fit(learned, known)
        placement = _placement(hidden, model.predict_proba(asked)[:, 1])
        interval = area_interval(placement, LEVEL)
        if interval is not None and (interval.low or 0.0) > 0.5:
            telling = _largest(names, _falls(model, asked, hidden, placement.area, seed))
    return ClassifierDrift(placement.area, interval, len(sides[0]), len(sides[1]), telling)


def _feature(values: pd.Series, kind: ColumnKind) -> FloatArray:
    """Numbers as they are; levels by their place in the order of the names; NaN where missing."""
    if kind not in LEVEL_KINDS:
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    known = values.notna().to_numpy()
    codes = np.full(len(values), np.nan)
    codes[known] = np.unique(values[known].astype(str).to_numpy(dtype=str), return_inverse=True)[1]
    return codes


def _placement(label: IntArray, score: FloatArray) -> Placement:
    return Placement(scored(pd.DataFrame({"label": label, "score": score})))


def _falls(
    model: HistGradientBoostingClassifier,
    asked: FloatArray,
    hidden: IntArray,
    area: float,
    seed: int,
) -> FloatArray:
    """By how much the area falls when one column's values are shuffled (Breiman 2001)."""
    order = generator(seed, "drift shuffles").permutation(len(asked))
    falls = np.empty(asked.shape[1])
    for start in range(0, len(falls), SHUFFLED_AT_ONCE):
        chosen = range(start, min(start + SHUFFLED_AT_ONCE, len(falls)))
        copies = np.repeat(asked[None], len(chosen), axis=0)
        for i, column in enumerate(chosen):
            copies[i, :, column] = asked[order, column]
        answers = model.predict_proba(copies.reshape(-1, len(falls)))[:, 1]
        scores = answers.reshape(len(chosen), -1)
        falls[start : chosen.stop] = [area - _placement(hidden, s).area for s in scores]
    return falls


def _largest(names: Sequence[str], falls: FloatArray) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-falls, kind="stable")[:LISTED]
    return tuple((names[i], float(falls[i])) for i in order if falls[i] > 0)
