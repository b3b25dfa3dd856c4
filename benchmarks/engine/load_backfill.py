"""What came of a backlog: who got an answer after all, how long it took, what it cost the others.

A request in the backlog stays the error that it was when it had no answer in time. What is counted
here is whether its work was done at all. One that never was counts with the whole time that there
was, as a failed request counts with its deadline: quantiles there mean at least that long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.engine.intervals import wilson
from benchmarks.engine.load import LoadProfile
from benchmarks.engine.load_summary import WINDOW, quantile_of
from benchmarks.engine.scored import BACKLOG_AGE, BACKLOG_DRAIN, BACKLOG_LOST
from benchmarks.engine.values import Reason

#: Seconds between two moments of the backlog's course: the shortest that keeps them few.
STEPS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
MOST_MOMENTS = 60
AGES = (("p50", 0.5), ("p95", 0.95))

NOT_EMPTY = "The backlog was not empty when its time was over."
TOO_FEW_BEFORE = f"Fewer than {WINDOW} requests came before anything was kept."
TOO_FEW_DURING = f"Fewer than {WINDOW} requests came while the backlog was drained."


def backlog_columns(requests: pd.DataFrame, profile: LoadProfile) -> pd.DataFrame:
    """What the metrics of a backlog read, a row a request; all 0 of one that was never kept."""
    failed = requests["errored"] == 1
    is_kept = requests["kept_at"].notna()
    ended = requests["left_at"].where(requests["filled"] == 1, profile.lasts)
    drained = (ended - _drain_start(requests, profile)).clip(lower=0)
    return pd.DataFrame(
        {
            BACKLOG_LOST: (failed & (requests["filled"] == 0)).astype(float),
            BACKLOG_AGE: (ended - requests["at"]).where(is_kept, 0.0),
            BACKLOG_DRAIN: drained.where(is_kept, 0.0),
        }
    )


def summarise_backfill(
    requests: pd.DataFrame, profile: LoadProfile, *, level: float = 0.95
) -> dict[str, Any]:
    """Plain numbers about the backlog of requests in the order in which they fell due.

    Intervals treat requests as independent of one another.
    """
    kept = requests[requests["kept_at"].notna()]
    errors, filled = int(requests["errored"].sum()), int(requests["filled"].sum())
    found: dict[str, Any] = {
        "kept": len(kept),
        "backfilled": filled,
        "lost": len(kept) - filled,
        "not_kept": errors - len(kept),
        "tries": int(requests["again"].sum()),
        "most_waiting": 0,
        "series": [],
    }
    if not errors:
        return found | {"reason": Reason.NOTHING_TO_BACKFILL.sentence}
    low, high = wilson(errors - filled, errors, level)
    found |= {
        "reason": "",
        "never_answered": {"value": (errors - filled) / errors, "low": low, "high": high},
    }
    if kept.empty:
        return found
    series = _series(kept, _drain_end(kept, profile))
    columns = backlog_columns(requests, profile).loc[kept.index]
    age = columns[BACKLOG_AGE].to_numpy()
    return found | {
        "drain": _drain(kept, profile),
        "age": {name: quantile_of(age, share, level) for name, share in AGES},
        "oldest": float(age.max()),
        "most_waiting": max(row["waiting"] for row in series),
        "live": _live(requests, kept, profile, level),
        "series": series,
    }


def _drain_start(requests: pd.DataFrame, profile: LoadProfile) -> float:
    """The end of the outage; without one, when the first request was kept."""
    if profile.outage_seconds:
        return profile.outage_start + profile.outage_seconds
    first = requests["kept_at"].min()
    return 0.0 if np.isnan(first) else float(first)


def _drain_end(kept: pd.DataFrame, profile: LoadProfile) -> float:
    """When the backlog was empty for good, or its time was over."""
    return profile.lasts if kept["left_at"].isna().any() else float(kept["left_at"].max())


def _drain(kept: pd.DataFrame, profile: LoadProfile) -> dict[str, Any]:
    if kept["left_at"].isna().any():
        return {"seconds": None, "reason": NOT_EMPTY}
    lasted = _drain_end(kept, profile) - _drain_start(kept, profile)
    return {"seconds": max(0.0, lasted), "reason": ""}


def _live(
    requests: pd.DataFrame, kept: pd.DataFrame, profile: LoadProfile, level: float
) -> dict[str, Any]:
    """Live requests before anything was kept or declared to happen, and while draining."""
    starts = [span[0] for span in profile.disturbances]
    at, start = requests["at"], _drain_start(kept, profile)
    calm = at < min([*starts, float(kept["kept_at"].min())])
    draining = (at >= start) & (at < _drain_end(kept, profile))
    return {
        "before": _told(requests[calm], TOO_FEW_BEFORE, level),
        "draining": _told(requests[draining], TOO_FEW_DURING, level),
    }


def _told(part: pd.DataFrame, too_few: str, level: float) -> dict[str, Any]:
    if len(part) < WINDOW:
        return {"n": len(part), "reason": too_few}
    errors = int(part["errored"].sum())
    low, high = wilson(errors, len(part), level)
    return {
        "n": len(part),
        "reason": "",
        "p95": quantile_of(part["latency_ms"].to_numpy(dtype=np.float64), 0.95, level),
        "error_rate": {"value": errors / len(part), "low": low, "high": high},
    }


def _series(kept: pd.DataFrame, until: float) -> list[dict[str, Any]]:
    """How many came, left and waited by each moment, from the start of the load on."""
    step = next((step for step in STEPS if until / step <= MOST_MOMENTS), STEPS[-1])
    moments = step * np.arange(int(np.ceil(until / step)) + 1)
    came, left = (
        np.searchsorted(np.sort(kept[name].dropna()), moments, side="right")
        for name in ("kept_at", "left_at")
    )
    return [
        {"at": float(at), "came": int(more), "left": int(less), "waiting": int(more - less)}
        for at, more, less in zip(moments, came, left, strict=True)
    ]
