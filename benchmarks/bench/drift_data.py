"""Two tables to compare, and how a comparison is timed. Needs numpy and pandas alone."""

from __future__ import annotations

import ctypes
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

LEVELS = (3, 8, 20, 50, 100)
WARMING_ROWS = 500


def tables(rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reference and current: 20 numeric and 5 categorical columns, most a little shifted."""
    return _table(rows, 0.0, 1), _table(rows, 0.03, 2)


def _table(rows: int, step: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    columns: dict[str, np.ndarray | pd.Series] = {}
    for i in range(20):
        shift = step * (i % 4)
        columns[f"number_{i:02d}"] = (
            rng.normal(shift, 1 + shift, rows),
            rng.lognormal(shift, 0.8, rows),
            np.round(rng.exponential(1 + shift, rows), 2),
            rng.poisson(20 * (1 + shift), rows).astype(float),
            rng.random(rows) ** (1 + shift),
        )[i // 4]
    for i, count in enumerate(LEVELS):
        weights = 1 / np.arange(1, count + 1) ** (1 + step * (i % 2))
        names = np.array([f"level {k:03d}" for k in range(count)], dtype=object)
        chosen = names[rng.choice(count, rows, p=weights / weights.sum())]
        columns[f"level_{i}"] = pd.Series(chosen, dtype="str")
    return pd.DataFrame(columns)


def numeric(table: pd.DataFrame) -> list[str]:
    return [name for name in table.columns if name.startswith("number")]


def categorical(table: pd.DataFrame) -> list[str]:
    return [name for name in table.columns if name.startswith("level")]


def measured(
    compare: Callable[[pd.DataFrame, pd.DataFrame], object], rows: int, repeats: int
) -> dict[str, float | None]:
    """Median seconds by the clock and of processors; the first run's added memory peak in MB."""
    reference, current = tables(rows)
    compare(reference.head(WARMING_ROWS), current.head(WARMING_ROWS))
    before = _forget_peak()
    seconds, busy, added = [], [], None
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        compare(reference, current)
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - used)
        if added is None and before is not None:
            added = _memory("VmHWM") - before
    return {
        "seconds": statistics.median(seconds),
        "cpu_seconds": statistics.median(busy),
        "mb": added,
    }


def report(compare: Callable[[pd.DataFrame, pd.DataFrame], object], version: str) -> None:
    """Runs as a process of its own: rows and repeats from the command line, one JSON line out."""
    rows, repeats = (int(text) for text in sys.argv[-2:])
    print(json.dumps({"version": version, **measured(compare, rows, repeats)}))


def _forget_peak() -> float | None:
    """Resets the kernel's memory peak of this process; returns what is in use now.

    What making the tables has freed goes back to the system first, or the comparison would be
    served from it and seem to need nothing. None where the system cannot tell.
    """
    switch = Path("/proc/self/clear_refs")
    library = ctypes.CDLL(None)
    if not switch.exists() or not hasattr(library, "malloc_trim"):
        return None
    gc.collect()
    library.malloc_trim(0)
    switch.write_text("5")
    return _memory("VmRSS")


def _memory(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024
