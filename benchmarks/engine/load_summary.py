"""What came of a load: error rate, times, throughput and recovery, each with what is known of it.

A request that failed has no time of its own. It counts with the whole deadline, the least that its
caller waited in vain, so quantiles at the deadline mean: at least that long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.engine.intervals import order_statistics, wilson
from benchmarks.engine.load import LoadProfile
from benchmarks.engine.scored import FloatArray

QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
#: Neighbouring requests that are looked at together, before and after a disturbance.
WINDOW = 20
#: With more errors than this the 95th percentile is the deadline, and nothing could be slower.
WELL = 0.05

NOTHING_PASSED = "Nothing passed within the run that it could recover from."
NO_LEVEL = f"Fewer than {WINDOW} requests came before it, so there is no level to return to."
NOT_WELL = "Before it more than one request in twenty failed, so there is no level to return to."
NO_AFTER = f"Fewer than {WINDOW} requests came after it."
NOT_BACK = "Times and errors were not back at the level before it when the run ended."


def summarise(
    requests: pd.DataFrame, profile: LoadProfile, *, level: float = 0.95
) -> dict[str, Any]:
    """Plain numbers about requests in the order in which they fell due.

    The frame has `at` (seconds), `latency_ms`, `errored` (0 or 1), `tries` and `cause`. Intervals
    treat requests as independent of one another.
    """
    offered, errors = len(requests), int(requests["errored"].sum())
    if not offered:
        raise ValueError("Without requests there is nothing to summarise.")
    latency = requests["latency_ms"].to_numpy(dtype=np.float64)
    lasted = max(profile.seconds, float((requests["at"] + latency / 1000).max()))
    low, high = wilson(errors, offered, level)
    causes = requests.loc[requests["errored"] == 1, "cause"].value_counts()
    return {
        "offered": offered,
        "answered": offered - errors,
        "errors": errors,
        "error_rate": {"value": errors / offered, "low": low, "high": high},
        "offered_rate": offered / profile.seconds,
        "answered_rate": (offered - errors) / lasted,
        "latency_ms": {name: quantile_of(latency, share, level) for name, share in QUANTILES},
        "deadline_ms": profile.deadline_ms,
        "retried": float((requests["tries"] > 1).mean()),
        "causes": {str(cause): int(count) for cause, count in causes.sort_index().items()},
        "recovery": _recovery(requests, profile, level),
        "series": _series(requests, profile),
    }


def quantile_of(values: FloatArray, share: float, level: float) -> dict[str, float | None]:
    interval = order_statistics(values, share, level, None)
    return {
        "value": float(np.quantile(values, share)),
        "low": interval.low,
        "high": interval.high,
    }


def _recovery(requests: pd.DataFrame, profile: LoadProfile, level: float) -> dict[str, Any]:
    """Seconds from the end of the last disturbance to the first window that is as before it.

    As before: neither the window's 95th percentile nor its error rate is above the upper end of
    the interval of what came before the first disturbance.
    """
    if not profile.disturbances:
        return {"seconds": None, "reason": NOTHING_PASSED}
    start = min(span[0] for span in profile.disturbances)
    end = max(span[1] for span in profile.disturbances)
    before, after = requests[requests["at"] < start], requests[requests["at"] >= end]
    for part, reason in ((before, NO_LEVEL), (after, NO_AFTER)):
        if len(part) < WINDOW:
            return {"seconds": None, "reason": reason}
    if before["errored"].mean() > WELL:
        return {"seconds": None, "reason": NOT_WELL}
    is_back = _as_before(before, after, level)
    if not is_back.any():
        return {"seconds": None, "reason": NOT_BACK}
    return {"seconds": float(after["at"].iloc[int(np.argmax(is_back))] - end), "reason": ""}


def _as_before(before: pd.DataFrame, after: pd.DataFrame, level: float) -> np.ndarray:
    """For each window after the disturbance, whether it is within the level before."""
    times = before["latency_ms"].to_numpy(dtype=np.float64)
    slowest = order_statistics(times, 0.95, level, None).high or float(times.max())
    _, most_errors = wilson(float(before["errored"].sum()), len(before), level)
    windows = np.lib.stride_tricks.sliding_window_view(
        after[["latency_ms", "errored"]].to_numpy(dtype=np.float64), WINDOW, axis=0
    )
    quick = np.quantile(windows[:, 0], 0.95, axis=1) <= slowest
    sound: np.ndarray = quick & (windows[:, 1].mean(axis=1) <= most_errors)
    return sound


def _series(requests: pd.DataFrame, profile: LoadProfile) -> list[dict[str, Any]]:
    """What became of the requests that fell due in each second; no time where none did."""
    second = np.floor(requests["at"].to_numpy()).astype(int)
    found = []
    for number in range(int(np.ceil(profile.seconds))):
        part = requests[second == number]
        half, most = (
            np.quantile(part["latency_ms"], [0.5, 0.95]).tolist() if len(part) else (None, None)
        )
        errors = int(part["errored"].sum())
        found.append(
            {
                "second": number,
                "offered": len(part),
                "answered": len(part) - errors,
                "errors": errors,
                "p50": half,
                "p95": most,
            }
        )
    return found
