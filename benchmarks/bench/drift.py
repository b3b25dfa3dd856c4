"""The drift report beside Evidently where it is installed, scipy by column, and the limit.

`TOUCHSTONE_BENCH_EVIDENTLY` names the Python of an environment with `evidently==0.7.*`,
`pandas<3` and `numpy<2.3`; without it scipy is the only peer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"short": (100_000,), "full": (100_000, 1_000_000)}
REPEATS = 5
# Evidently takes minutes on the larger size, and does not vary by as much as it is slower.
PEER_REPEATS = 1
EVIDENTLY = os.environ.get("TOUCHSTONE_BENCH_EVIDENTLY", "")
LIMIT = "each column sorted or counted once"
EVIDENTLY_TARGET = ">= 100 times faster than Evidently, <= 1/4 of its added memory"
SCIPY_TARGET = "faster than scipy column by column"

WORKS = {
    "columns": "drift of 20 numeric and 5 categorical columns",
    "everything": "the same with the domain classifier",
}


def rows(size: str) -> Iterator[dict[str, Any]]:
    """One row for each work, number of rows and peer; `size` is short or full.

    Seconds are medians, megabytes the peak that the first run added. `ratio_peer` is how many
    times faster than the peer, `ratio_limit` how many times slower than the limit, both in
    processor seconds: nobody gains by threads or loses by what else the machine does.
    """
    for count in SIZES[size]:
        limit = _child("limit", count)
        peers = list(_peers(count))
        for work, title in WORKS.items():
            ours = _child(work, count)
            for name, peer, target in peers:
                yield _row(f"{title}, {count:,} rows", size, ours, limit, name, peer, target)


def _peers(count: int) -> Iterator[tuple[str, dict[str, Any], str]]:
    if EVIDENTLY:
        found = _run([EVIDENTLY, "-m", "benchmarks.bench.drift_evidently"], count, PEER_REPEATS)
        yield f"evidently {found['version']} DataDriftPreset", found, EVIDENTLY_TARGET
    found = _child("scipy", count)
    yield f"scipy {found['version']} per column", found, SCIPY_TARGET


def _row(
    work: str,
    size: str,
    ours: dict[str, Any],
    limit: dict[str, Any],
    name: str,
    peer: dict[str, Any],
    target: str,
) -> dict[str, Any]:
    return {
        "work": work,
        "size": size,
        "ours_s": ours["seconds"],
        "ours_mb": ours["mb"],
        "peer": name,
        "peer_s": peer["seconds"],
        "peer_mb": peer["mb"],
        "limit": LIMIT,
        "limit_s": limit["seconds"],
        "ratio_peer": peer["cpu_seconds"] / ours["cpu_seconds"],
        "ratio_limit": ours["cpu_seconds"] / limit["cpu_seconds"],
        "target": target,
        "ours_cpu_s": ours["cpu_seconds"],
        "peer_cpu_s": peer["cpu_seconds"],
        "limit_cpu_s": limit["cpu_seconds"],
    }


def _child(work: str, count: int) -> dict[str, Any]:
    return _run([sys.executable, "-m", "benchmarks.bench.drift_child", work], count, REPEATS)


def _run(command: list[str], count: int, repeats: int) -> dict[str, Any]:
    """The JSON line of a process. Raises CalledProcessError when it fails."""
    answer = subprocess.run(  # noqa: S603 - our own modules, by a Python that the user named
        [*command, str(count), str(repeats)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return result
