"""Seconds, peak memory and the one form in which every measurement is reported."""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEYS = (
    "work", "size", "ours_s", "ours_mb", "peer", "peer_s", "peer_mb",
    "limit", "limit_s", "ratio_peer", "ratio_limit", "target",
)  # fmt: skip

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Timing:
    """Medians over rounds: wall and CPU seconds, and the most memory above the start, in MB."""

    wall_s: float
    cpu_s: float
    added_mb: float


def measured(work: Callable[[], object], rounds: int = 3) -> Timing:
    return interleaved([work], rounds)[0]


def interleaved(works: list[Callable[[], object]], rounds: int = 3) -> list[Timing]:
    """Each work once a round, in turn, so that a noisy minute hits all of them."""
    taken: list[list[Timing]] = [[] for _ in works]
    for _ in range(rounds):
        for kept, work in zip(taken, works, strict=True):
            kept.append(_once(work))
    return [_median(kept) for kept in taken]


def _once(work: Callable[[], object]) -> Timing:
    start_mb = _resting_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Timing(wall, cpu, max(0.0, _peak_mb() - start_mb))


def _median(kept: list[Timing]) -> Timing:
    return Timing(
        statistics.median(t.wall_s for t in kept),
        statistics.median(t.cpu_s for t in kept),
        statistics.median(t.added_mb for t in kept),
    )


def _resting_mb() -> float:
    """Memory in use now; where Linux allows it the peak is set back to it."""
    if os.access(_CLEAR, os.W_OK):
        _CLEAR.write_text("5")
    return _peak_mb()


def _peak_mb() -> float:
    if _STATUS.exists():
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def row(
    work: str,
    size: str,
    ours: Timing,
    *,
    peer: str = "",
    peer_s: float | None = None,
    peer_mb: float | None = None,
    limit: str = "",
    limit_s: float | None = None,
    target: str = "",
) -> dict[str, Any]:
    """One reported line; seconds are CPU seconds, `ratio_peer` how many times faster we are."""
    return {
        "work": work,
        "size": size,
        "ours_s": round(ours.cpu_s, 4),
        "ours_mb": round(ours.added_mb, 1),
        "peer": peer,
        "peer_s": _rounded(peer_s, 4),
        "peer_mb": _rounded(peer_mb, 1),
        "limit": limit,
        "limit_s": _rounded(limit_s, 4),
        "ratio_peer": _rounded(peer_s and peer_s / ours.cpu_s, 1),
        "ratio_limit": _rounded(limit_s and ours.cpu_s / limit_s, 2),
        "target": target,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
