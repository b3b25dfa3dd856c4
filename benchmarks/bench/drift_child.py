"""One way to compare two tables, timed in a process of its own so that memory is its own too."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import scipy
from scipy import stats

from benchmarks.bench.drift_data import categorical, numeric, report
from benchmarks.engine.drift import REPORT_VERSION, compare_frames


def columns(reference: pd.DataFrame, current: pd.DataFrame) -> object:
    """Every statistic, floor and verdict of the columns.

    Another seed for another length, so that the walks of the warming run are not at hand.
    """
    return compare_frames(reference, current, seed=len(reference), classifier=False)


def everything(reference: pd.DataFrame, current: pd.DataFrame) -> object:
    """The columns and the domain classifier."""
    return compare_frames(reference, current, seed=len(reference))


def by_scipy(reference: pd.DataFrame, current: pd.DataFrame) -> object:
    """What one writes first: scipy's functions column by column, without floors or verdicts."""
    found: list[object] = []
    for name in numeric(reference):
        sides = reference[name].to_numpy(), current[name].to_numpy()
        found.append(stats.ks_2samp(*sides, method="asymp"))
        found.append(stats.wasserstein_distance(*sides))
    for name in categorical(reference):
        counts = pd.concat([side[name].value_counts() for side in (reference, current)], axis=1)
        found.append(stats.chi2_contingency(counts.fillna(0).to_numpy().T))
    return found


def limit(reference: pd.DataFrame, current: pd.DataFrame) -> object:
    """The least that any of this needs: each side of each column sorted or counted once."""
    kept: list[object] = []
    for table in (reference, current):
        for name in numeric(table):
            kept = [np.sort(table[name].to_numpy())]
        for name in categorical(table):
            kept = [pc.value_counts(pa.chunked_array(table[name].array.__arrow_array__()))]
    return kept


WORKS = {"columns": columns, "everything": everything, "scipy": by_scipy, "limit": limit}

if __name__ == "__main__":
    report(WORKS[sys.argv[1]], scipy.__version__ if sys.argv[1] == "scipy" else REPORT_VERSION)
