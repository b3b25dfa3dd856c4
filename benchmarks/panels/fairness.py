"""How a run treats groups and how steady its decisions are, read from what its parts kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from benchmarks import plans
from benchmarks.choices import PartStatus
from benchmarks.engine.fairness import GAPS, GROUP_RATES
from benchmarks.models import (
    ChallengeRun,
    Comparison,
    CriterionCheck,
    MetricComparison,
    RunPart,
)
from benchmarks.panels.reading import CellAddress, PlanWords, sentence_of
from catalog.models import Project
from catalog.pages import address

#: Above this p a gap is no wider than chance alone makes it often enough.
ALPHA = 0.05
FLIP_RATE = "flip_rate"

Ends = tuple[float | None, float | None]
Keys = tuple[str, str]


@dataclass(frozen=True)
class Number:
    """A value with its ends; without a value, the reason."""

    value: float | None
    low: float | None
    high: float | None
    reason: str = ""


@dataclass(frozen=True)
class RateLine:
    """One rate of all groups: rows for the figure and cells for the table."""

    label: str
    description: str
    rows: tuple[dict[str, Any], ...]
    numbers: tuple[Number, ...]


@dataclass(frozen=True)
class GapLine:
    """One gap beside its bound, what chance gives, and what the baseline had."""

    label: str
    number: Number
    n: int
    chance: Mapping[str, Any] | None
    ratio: Number | None
    left_out: tuple[str, ...]
    check: CriterionCheck | None
    change: MetricComparison | None
    url: str

    @property
    def is_beyond_chance(self) -> bool:
        return self.chance is not None and self.chance["p_value"] <= ALPHA

    @property
    def row(self) -> dict[str, Any]:
        """For the figure."""
        expected = self.chance["expected"] if self.chance else None
        by_chance = "" if expected is None else f"by chance about {expected:.3g}"
        return {
            "label": self.label,
            "value": self.number.value,
            "low": self.number.low,
            "high": self.number.high,
            "state": self.check.finding if self.check else "",
            "note": by_chance or self.number.reason,
            "url": self.url,
        }


@dataclass(frozen=True)
class Groups:
    """The groups of one scenario; `silence` says why there are none."""

    key: str
    title: str
    silence: str
    names: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    rates: tuple[RateLine, ...] = ()
    gaps: tuple[GapLine, ...] = ()
    smallest: int = 0

    @property
    def gap_rows(self) -> list[dict[str, Any]]:
        return [gap.row for gap in self.gaps]

    @property
    def small(self) -> list[str]:
        """Groups too small to be compared at all."""
        return [
            name for name, size in zip(self.names, self.sizes, strict=True) if size < self.smallest
        ]

    @property
    def rows(self) -> list[tuple[str, int, list[Number]]]:
        """The table: one line a group."""
        return [
            (name, size, [rate.numbers[place] for rate in self.rates])
            for place, (name, size) in enumerate(zip(self.names, self.sizes, strict=True))
        ]


def groups(
    run: ChallengeRun,
    comparison: Comparison | None,
    parts: Sequence[RunPart],
    words: PlanWords,
    place: CellAddress,
) -> tuple[Groups, ...]:
    """The groups of every scenario in the plan's order: two queries however many there are."""
    keys = {"metric__in": GAPS, "slice": "all"}
    checks = list(comparison.checks.filter(**keys)) if comparison else []
    changes = list(comparison.changes.filter(**keys)) if comparison else []
    ruled = {(row.scenario, row.metric): row for row in checks}
    changed = {(row.scenario, row.metric): row for row in changes}
    return tuple(_groups(part, words, place, run.plan, ruled, changed) for part in parts)


def _groups(
    part: RunPart,
    words: PlanWords,
    place: CellAddress,
    plan: Mapping[str, Any],
    ruled: Mapping[Keys, CriterionCheck],
    changed: Mapping[Keys, MetricComparison],
) -> Groups:
    title, report = words.scenario_title(part.key), part.fairness
    if not report:
        return Groups(part.key, title, _silence(part))
    names = tuple(group["name"] for group in report["groups"])
    scenario = plans.scenario_of(plan, part.key)
    return Groups(
        key=part.key,
        title=title,
        silence="",
        names=names,
        sizes=tuple(group["n"] for group in report["groups"]),
        rates=tuple(_rate(key, report["groups"]) for key in GROUP_RATES),
        gaps=tuple(
            _gap(
                words.named(key).label,
                report["gaps"][key],
                ruled.get((part.key, key)),
                changed.get((part.key, key)),
                place.of_cell(part.key, key, "all") if plans.asks_for(plan, scenario, key) else "",
            )
            for key in GAPS
        ),
        smallest=report["smallest_group"],
    )


def _silence(part: RunPart) -> str:
    if part.status == PartStatus.WAITING:
        return "No worker has finished this scenario yet."
    return part.message or "Groups were not compared here."


def _rate(key: str, found: Sequence[Mapping[str, Any]]) -> RateLine:
    metric = GROUP_RATES[key]
    numbers = tuple(number_of(group["rates"][key]) for group in found)
    rows = tuple(
        {
            "label": group["name"],
            "value": number.value,
            "low": number.low,
            "high": number.high,
            "state": "",
            "note": number.reason if number.value is None else f"n = {group['rates'][key]['n']:,}",
        }
        for group, number in zip(found, numbers, strict=True)
    )
    return RateLine(metric.label, metric.description, rows, numbers)


def _gap(
    label: str,
    found: Mapping[str, Any],
    check: CriterionCheck | None,
    change: MetricComparison | None,
    url: str,
) -> GapLine:
    estimate, ratio = found["estimate"], found["ratio"]
    low, high = _ends(ratio)
    return GapLine(
        label=label,
        number=number_of(estimate),
        n=estimate["n"],
        chance=found["chance"],
        ratio=Number(ratio["value"], low, high) if ratio else None,
        left_out=tuple(found["left_out"]),
        check=check,
        change=change if change is not None and change.difference is not None else None,
        url=url,
    )


def number_of(estimate: Mapping[str, Any]) -> Number:
    """A stored estimate as the pages write it."""
    low, high = _ends(estimate)
    return Number(estimate["value"], low, high, sentence_of(estimate["reason"]))


def _ends(found: Mapping[str, Any] | None) -> Ends:
    interval = found["interval"] if found else None
    return (interval["low"], interval["high"]) if interval else (None, None)


# -- flips ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FlipLine:
    """Decisions of one scenario that changed; `silence` says why nothing can be told."""

    title: str
    silence: str
    n: int = 0
    flipped: Number | None = None
    to_positive: Number | None = None
    to_negative: Number | None = None
    regressed: Number | None = None
    mended: Number | None = None
    shift: Number | None = None
    large_shift: Number | None = None
    check: CriterionCheck | None = None
    url: str = ""

    @property
    def numbers(self) -> tuple[Number | None, ...]:
        """The table's cells in their order."""
        rates = (self.flipped, self.to_positive, self.to_negative, self.regressed, self.mended)
        return (*rates, self.shift, self.large_shift)

    @property
    def row(self) -> dict[str, Any]:
        """For the figure."""
        found = self.flipped or Number(None, None, None)
        return {
            "label": self.title,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "state": self.check.finding if self.check else "",
            "note": self.silence or f"n = {self.n:,}",
            "url": self.url,
        }


def flips(
    comparison: Comparison | None,
    parts: Sequence[RunPart],
    words: PlanWords,
    place: CellAddress,
) -> tuple[FlipLine, ...]:
    """Against the unchanged rows, for each scenario that changes some; none where not asked."""
    if not any(part.stability for part in parts):
        return ()
    checks = comparison.checks.filter(metric=FLIP_RATE, slice="all") if comparison else ()
    ruled = {row.scenario: row for row in checks}
    scenarios = {row["key"]: row for row in words.plan["scenarios"]}
    return tuple(
        _flip(
            words.scenario_title(part.key),
            part.stability.get("all"),
            part.message or "There are no answers to the unchanged rows to compare with.",
            ruled.get(part.key),
            place.of_cell(part.key, FLIP_RATE, "all") if part.stability else "",
        )
        for part in parts
        if scenarios[part.key]["perturbation"]
    )


def churn(
    comparison: Comparison | None, words: PlanWords, project: Project
) -> tuple[FlipLine, ...]:
    """Against the baseline version, for each scenario that both were asked alike."""
    if comparison is None:
        return ()
    page = address("comparison-items", project, pk=comparison.pk)
    found = comparison.churn
    return tuple(
        _flip(
            words.scenario_title(key),
            found[key],
            "",
            None,
            f"{page}?{urlencode({'scenario': key})}",
        )
        for key in words.scenarios
        if key in found
    )


def _flip(
    title: str,
    found: Mapping[str, Any] | None,
    silence: str,
    check: CriterionCheck | None,
    url: str,
) -> FlipLine:
    if found is None or found["reason"]:
        return FlipLine(title, sentence_of(found["reason"]) if found else silence, check=check)
    names = ("flipped", "to_positive", "to_negative", "regressed", "mended")
    shift = found["shift"]
    return FlipLine(
        title=title,
        silence="",
        n=found["n"],
        **{name: _share(found[name]) for name in names},
        shift=_part(shift, "mean", "mean_interval"),
        large_shift=_part(shift, "large", "large_interval"),
        check=check,
        url=url,
    )


def _share(found: Mapping[str, Any] | None) -> Number | None:
    return None if found is None else _part(found, "value", "interval")


def _part(found: Mapping[str, Any] | None, value: str, interval: str) -> Number | None:
    if found is None:
        return None
    ends = found[interval] or {"low": None, "high": None}
    return Number(found[value], ends["low"], ends["high"])
