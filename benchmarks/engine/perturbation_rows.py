"""Perturbations that choose the rows again: each answers row positions."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.engine.perturbation_columns import (
    Parameters,
    PerturbationError,
    Positions,
    chosen_rows,
    column_of,
    equals,
    floats,
    spread,
)

RowChoice = Callable[[pd.DataFrame, Parameters, np.random.Generator], Positions]


def resample(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> Positions:
    column = column_of(frame, p["column"])
    weights = np.ones(len(frame))
    for value, weight in p["weights"].items():
        weights[equals(column, value)] = weight
    if weights.sum() == 0:
        raise PerturbationError(f"No row of “{p['column']}” has a weight above 0.")
    drawn = rng.choice(len(frame), round(p["size"] * len(frame)), p=weights / weights.sum())
    return np.sort(drawn)


def tilt(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> Positions:
    """Rows drawn anew, more of them the higher the column: e to the strength for each sd."""
    values = floats(column_of(frame, p["column"]))
    known, sd = np.isfinite(values), spread(values)
    if sd == 0:
        raise PerturbationError(f"“{p['column']}” does not vary, so nothing can be tilted by it.")
    middle = float(values[known].mean())
    weights = np.where(known, np.exp(p["strength"] * (values - middle) / sd), 1.0)
    return np.sort(rng.choice(len(frame), len(frame), p=weights / weights.sum()))


def label_shift(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> Positions:
    """Leaves out rows of the label that is too frequent: unlike drawing anew, none is repeated."""
    column, target = column_of(frame, p["column"]), p["target"]
    positive = equals(column, p["positive"])
    yes = rng.permutation(np.flatnonzero(positive))
    no = rng.permutation(np.flatnonzero(~positive & column.notna().to_numpy()))
    if not (len(yes) or target == 0) or not (len(no) or target == 1):
        raise PerturbationError(f"“{p['column']}” has one label only; its share cannot move.")
    if target * (len(yes) + len(no)) > len(yes):
        no = no[: round(len(yes) * (1 - target) / target)]
    else:
        yes = yes[: round(len(no) * target / (1 - target))] if target < 1 else yes
    return np.sort(np.concatenate([yes, no]))


def drop_rows(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> Positions:
    return np.setdiff1d(np.arange(len(frame)), chosen_rows(frame, p, rng))


def duplicate_rows(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> Positions:
    return np.sort(np.concatenate([np.arange(len(frame)), chosen_rows(frame, p, rng)]))


ROW_CHOICES: dict[str, RowChoice] = {
    "resample": resample,
    "tilt": tilt,
    "label_shift": label_shift,
    "drop_rows": drop_rows,
    "duplicate_rows": duplicate_rows,
}
