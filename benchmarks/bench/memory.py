"""A Parquet file larger than the memory that the process evaluating it may have.

The file is written first; then a child process of this module limits its own data (RLIMIT_DATA:
heap, private mappings and stacks) and evaluates it. The full form may have 1 GB in all, libraries
included, for a file of 2 GB; the short form may add 56 MB to its libraries for one of 64 MB.
The peer is pandas reading the same columns at once, without a limit, for the memory it takes.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.bench.data import group_slices, scored_rows
from benchmarks.bench.timing import Timing, measured, row
from benchmarks.engine.streaming import evaluate_parquet

MB = 1 << 20
# Of the file, of all data, and of the data that the evaluation may add, in MB.
SIZES = {"short": (64, 1024, 56), "full": (2048, 1024, 1024)}
METRICS = ("accuracy", "f1", "roc_auc", "brier", "ece", "mean_latency", "p99_latency")
SLICES = 10
ROWS_AT_ONCE = 500_000
PATIENCE_S = 900
SINGLE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


def rows(size: str) -> Iterator[dict[str, Any]]:
    """One line; MemoryError when the evaluation does not complete under its limit."""
    file_mb, limit_mb, added_mb = SIZES[size]
    with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as folder:
        path = Path(folder) / "scored.parquet"
        n = write(path, file_mb)
        ours = _child("evaluate", path, min(limit_mb, added_mb), limit_mb)
        peer = _child("read", path, 0, 0)
        allowed = f"{limit_mb:,} MB" if added_mb == limit_mb else f"{added_mb:,} MB more"
        shown = f"{n:,} rows, {path.stat().st_size // MB:,} MB file, limit {allowed}"
    yield row(
        "evaluation larger than memory",
        shown,
        ours,
        peer="pandas.read_parquet alone",
        peer_s=peer.cpu_s,
        peer_mb=peer.added_mb,
        target="completes under the limit",
    )


def write(path: Path, file_mb: int) -> int:
    """Write uncompressed scored rows until the file has its size; the number of rows."""
    frame = scored_rows(ROWS_AT_ONCE, 5, SLICES)
    block = pa.Table.from_pandas(frame, preserve_index=False)
    written = 0
    options: dict[str, Any] = {"compression": "none", "use_dictionary": False}
    with pq.ParquetWriter(path, block.schema, **options) as file:
        while path.stat().st_size < file_mb * MB:
            file.write_table(block, row_group_size=ROWS_AT_ONCE)
            written += len(frame)
    return written


def _child(task: str, path: Path, added_mb: int, limit_mb: int) -> Timing:
    """What the limited process measured; 0 for no limit."""
    command = [sys.executable, "-m", "benchmarks.bench.memory", task, str(path)]
    done = subprocess.run(  # noqa: S603 - this interpreter and this module
        [*command, str(added_mb), str(limit_mb)],
        capture_output=True,
        text=True,
        env=os.environ | SINGLE,
        timeout=PATIENCE_S,
    )
    if done.returncode:
        raise MemoryError((done.stderr.splitlines() or ["no message"])[-1])
    return Timing(**json.loads(done.stdout))


def _limited(task: str, path: str, added_mb: int, limit_mb: int) -> dict[str, Any]:
    square = np.ones((512, 512))
    np.linalg.norm(square @ square)  # large enough for the BLAS to take its buffers now
    limit = min(limit_mb, _data_mb() + added_mb) * MB
    if limit_mb:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    timing = measured(lambda: _TASKS[task](path), 1)
    return asdict(timing)


def _evaluate(path: str) -> object:
    return evaluate_parquet(path, METRICS, group_slices(SLICES), seed=1)


_TASKS: dict[str, Callable[[str], object]] = {"evaluate": _evaluate, "read": pd.read_parquet}


def _data_mb() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmData:")[1].split()[0]) // 1024


if __name__ == "__main__":
    print(json.dumps(_limited(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
