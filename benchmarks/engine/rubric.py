"""A weighted score of metrics that cannot reward finding without punishing false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from benchmarks.engine.metrics import METRICS

#: Raised by alerting more often, whether or not the alerts are right.
DETECTION = frozenset({"recall", "alert_rate"})
#: Spoilt by alerting without cause.
RESTRAINT = frozenset(
    {"precision", "specificity", "false_alarm_rate", "accuracy", "balanced_accuracy", "f1", "mcc"}
)
FULL = 100.0


@dataclass(frozen=True)
class Part:
    """What one metric adds: its value and interval as shares of the way from worst to best."""

    metric: str
    weight: float
    value: float | None
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Score:
    """Points from 0 to 100. Without every metric there is no score; `missing` names what lacks.

    `low` and `high` are the points when every metric sits at the same end of its interval at
    once: wider than an interval of the score itself, and never narrower.
    """

    points: float | None
    low: float | None
    high: float | None
    parts: tuple[Part, ...]
    missing: tuple[str, ...]


def problems(lines: Any) -> list[str]:
    """What is wrong with a rubric, as sentences; an empty rubric is none at all and is allowed."""
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        return ["A rubric is a list of objects with metric, weight, worst and best."]
    found = [problem for line in lines for problem in _line_problems(line)]
    keys = [str(line.get("metric")) for line in lines]
    found += [f"“{key}” is weighed twice." for key in sorted(set(keys)) if keys.count(key) > 1]
    if set(keys) & DETECTION and not set(keys) & RESTRAINT:
        found.append(
            "The rubric rewards detection and ignores false alarms: a model that always alerts "
            "would win. Add precision, specificity or the false alarm rate."
        )
    return found


def _line_problems(line: Mapping[str, Any]) -> list[str]:
    key = line.get("metric")
    if key not in METRICS:
        return [f"There is no metric called “{key}”."]
    unknown = sorted(set(line) - {"metric", "weight", "worst", "best"})
    if unknown:
        return [f"“{key}” has unknown parts: {', '.join(unknown)}."]
    numbers = [line.get(name) for name in ("weight", "worst", "best")]
    if not all(_is_number(number) for number in numbers):
        return [f"“{key}” needs numbers for weight, worst and best."]
    weight, worst, best = (float(number) for number in numbers)  # type: ignore[arg-type]
    if weight <= 0:
        return [f"“{key}” needs a weight above 0."]
    metric = METRICS[str(key)]
    if (best - worst) * metric.direction.sign <= 0:
        better = "above" if metric.direction.sign > 0 else "below"
        return [f"For “{key}” best has to lie {better} worst."]
    return []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def score(
    lines: Sequence[Mapping[str, Any]],
    values: Mapping[str, tuple[float | None, float | None, float | None]],
) -> Score:
    """The score of one result. `values`: metric → value, low and high end of its interval."""
    parts = tuple(_part(line, values.get(line["metric"], (None, None, None))) for line in lines)
    missing = tuple(part.metric for part in parts if part.share is None)
    if missing or not parts:
        return Score(None, None, None, parts, missing)
    bounded = all(part.low is not None for part in parts)
    return Score(
        _weighted(parts, "share"),
        _weighted(parts, "low") if bounded else None,
        _weighted(parts, "high") if bounded else None,
        parts,
        (),
    )


def _part(line: Mapping[str, Any], found: tuple[float | None, float | None, float | None]) -> Part:
    value, *ends = found
    if value is None:
        return Part(line["metric"], line["weight"], None, None, None, None)
    bounds = sorted(_share(line, end) for end in ends if end is not None)
    low, high = bounds if len(bounds) == 2 else (None, None)
    return Part(line["metric"], line["weight"], value, _share(line, value), low, high)


def _share(line: Mapping[str, Any], value: float) -> float:
    return min(1.0, max(0.0, (value - line["worst"]) / (line["best"] - line["worst"])))


def _weighted(parts: Sequence[Part], name: str) -> float:
    total = sum(part.weight for part in parts)
    return FULL * sum(part.weight * getattr(part, name) for part in parts) / total
