"""A stored drift report as its page reads it: the columns that moved first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ORDER = ("drifted", "undecided", "too_few", "no_drift")
LEVELS = 8
DISTANCES = {
    "wasserstein_sd": "Wasserstein, in standard deviations",
    "ks": "Kolmogorov–Smirnov",
    "jensen_shannon": "Jensen–Shannon",
    "mmd": "maximum mean discrepancy",
}


@dataclass(frozen=True)
class LevelRow:
    name: str
    reference: float
    current: float


@dataclass(frozen=True)
class ColumnRow:
    """One column: its verdict in words, and what is needed to draw both sides."""

    name: str
    kind: str
    verdict: str
    sentence: str
    small: bool
    withheld: bool
    distance: str
    effect: float | None
    floor: float | None
    missing: tuple[float | None, float | None]
    direction: str
    outline: Mapping[str, Any] | None
    means: tuple[float, float] | None
    levels: tuple[LevelRow, ...]
    unseen: tuple[str, ...]
    unseen_count: int

    @property
    def state(self) -> str:
        """What its badge shows: a drift that is certain but small alarms less."""
        return "drifted_small" if self.small and self.verdict == "drifted" else self.verdict

    @property
    def times(self) -> float | None:
        """How many times the no-drift floor the effect is."""
        return self.effect / self.floor if self.effect is not None and self.floor else None


def column_rows(report: Mapping[str, Any]) -> list[ColumnRow]:
    """Drifted columns first, each group with the largest multiple of its floor first."""
    rows = [_row(column) for column in report["columns"]]
    return sorted(rows, key=lambda row: (_ORDER.index(row.verdict), -(row.times or 0), row.name))


def _row(column: Mapping[str, Any]) -> ColumnRow:
    detail, speaking = column["detail"] or {}, _speaking(column)
    missing = column["missing"]
    means = _means(detail)
    return ColumnRow(
        name=column["name"],
        kind=column["kind"],
        verdict=column["verdict"],
        sentence=column["sentence"],
        small=column["small"],
        withheld=column["withheld"],
        distance=DISTANCES.get(speaking.get("name", ""), ""),
        effect=speaking.get("value"),
        floor=speaking.get("floor"),
        missing=(missing["reference_share"], missing["current_share"]),
        direction=_direction(column, means),
        outline=detail.get("outline"),
        means=means,
        levels=_levels(detail, column),
        unseen=tuple(level["name"] for level in detail.get("unseen", ())[:LEVELS]),
        unseen_count=detail.get("unseen_count", 0),
    )


def _speaking(column: Mapping[str, Any]) -> Mapping[str, Any]:
    """The distance that rises highest over its floor, by which the column is ranked."""
    floored = [one for one in column["distances"] if one["floor"]]
    return max(
        floored, key=lambda one: one["value"] / one["floor"], default=column["effect"] or {}
    )


def _means(detail: Mapping[str, Any]) -> tuple[float, float] | None:
    if "outline" not in detail:
        return None
    return detail["reference"]["mean"], detail["current"]["mean"]


def _direction(column: Mapping[str, Any], means: tuple[float, float] | None) -> str:
    """Which way the mean went; nothing where no drift was found."""
    if means is None or column["verdict"] != "drifted" or means[0] == means[1]:
        return ""
    return "up" if means[1] > means[0] else "down"


def _levels(detail: Mapping[str, Any], column: Mapping[str, Any]) -> tuple[LevelRow, ...]:
    before, after = column["reference_n"] or 1, column["current_n"] or 1
    return tuple(
        LevelRow(level["name"], level["reference"] / before, level["current"] / after)
        for level in detail.get("top", ())[:LEVELS]
    )
