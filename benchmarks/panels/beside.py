"""What a run's scenarios did beside their scores: volume, time, decisions, inputs that moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import plans
from benchmarks.models import ChallengeRun, RunPart
from benchmarks.panels.drifts import DISTANCES
from benchmarks.panels.runs import PartLine

SHIFTS = 2


@dataclass(frozen=True)
class Decided:
    """The share of rows decided 1, and what the baseline decided under the same scenario."""

    value: float
    low: float | None
    high: float | None
    baseline: float | None


@dataclass(frozen=True)
class BesideLine:
    """One scenario; what was not measured is None and shown as such."""

    title: str
    rows: int
    per_second: float | None
    p50: float | None
    p95: float | None
    decided: Decided | None
    shifts: tuple[str, ...]
    more: int
    tokens: int
    cost: str


def beside(run: ChallengeRun, lines: Sequence[PartLine]) -> tuple[BesideLine, ...]:
    """The scenarios that delivered answers; one query, for the baseline's decisions."""
    before = _baseline_shares(run)
    return tuple(_line(line, before.get(line.part.key)) for line in lines if line.part.observed)


def _baseline_shares(run: ChallengeRun) -> dict[str, float]:
    if run.baseline_run_id is None:
        return {}
    parts = RunPart.objects.filter(run=run.baseline_run_id).values_list("key", "observed")
    return {key: said["decided"]["value"] for key, said in parts if said.get("decided")}


def _line(line: PartLine, baseline: float | None) -> BesideLine:
    part, said = line.part, line.part.observed
    shifts = sorted(said["shifts"], key=_weight, reverse=True)
    return BesideLine(
        title=line.title,
        rows=part.rows,
        per_second=part.rows / part.seconds if part.seconds else None,
        p50=part.served_by.get("request_ms_p50"),
        p95=part.served_by.get("request_ms_p95"),
        decided=_decided(said["decided"], baseline),
        shifts=tuple(_words(shift) for shift in shifts[:SHIFTS]),
        more=len(shifts[SHIFTS:]),
        tokens=part.tokens,
        cost=plans.plain(part.cost),
    )


def _decided(share: Mapping[str, Any] | None, baseline: float | None) -> Decided | None:
    if share is None:
        return None
    ends = share["interval"] or {"low": None, "high": None}
    return Decided(share["value"], ends["low"], ends["high"], baseline)


def _missing_more(shift: Mapping[str, Any]) -> float:
    before, after = shift["missing_before"], shift["missing_after"]
    return 0.0 if before is None or after is None else float(after - before)


def _weight(shift: Mapping[str, Any]) -> tuple[float, float]:
    """Values that went missing first, then by how many times chance's distance is exceeded."""
    floor = shift["floor"] or 0.0
    times = (shift["distance"] or 0.0) / floor if floor else 0.0
    return round(_missing_more(shift), 3), times


def _words(shift: Mapping[str, Any]) -> str:
    said = []
    if _missing_more(shift):
        said.append(f"missing {shift['missing_before']:.1%} → {shift['missing_after']:.1%}")
    if shift["distance"] is not None:
        said.append(f"{_distance(shift)}{_chance(shift)}")
    return f"{shift['column']}: {'; '.join(said) or 'other values, of a kind without a distance'}"


def _distance(shift: Mapping[str, Any]) -> str:
    if shift["measure"] == "wasserstein_sd":
        return f"moved by {shift['distance']:.2f} sd"
    return f"{DISTANCES[shift['measure']]} {shift['distance']:.2f}"


def _chance(shift: Mapping[str, Any]) -> str:
    if shift["floor"] is None:
        return ""
    if shift["distance"] <= shift["floor"]:
        return ", within chance"
    return f" (chance up to {shift['floor']:.2f})"
