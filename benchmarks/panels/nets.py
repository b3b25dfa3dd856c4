"""What the safety nets of a run caught, read from what its parts kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.engine.nets import ALERT, METRIC_KEYS
from benchmarks.models import CriterionCheck, RunPart
from benchmarks.panels.fairness import Number, number_of
from benchmarks.panels.reading import CellAddress, PlanWords

Rules = Mapping[tuple[str, str], CriterionCheck]
DETECTION, FALSE_ALARM = METRIC_KEYS


@dataclass(frozen=True)
class NetShare:
    """So many of so many, as a share; with the criterion that was set on it, if any."""

    label: str
    hits: int
    of: int
    number: Number
    check: CriterionCheck | None
    url: str


@dataclass(frozen=True)
class NetLine:
    """One scenario's net; `silence` is filled instead of numbers where nothing was scored."""

    title: str
    words: str
    silence: str
    shares: tuple[NetShare, ...] = ()
    unit: str = "rows"
    total: int = 0
    before: Number | None = None
    after: Number | None = None
    gain: Number | None = None

    @property
    def accuracies(self) -> tuple[Number | None, ...]:
        """The table's last cells in their order."""
        return self.before, self.after, self.gain

    @property
    def rows(self) -> list[dict[str, Any]]:
        """For the figure."""
        return [
            {
                "label": f"{self.title}: {share.label}",
                "value": share.number.value,
                "low": share.number.low,
                "high": share.number.high,
                "state": share.check.finding if share.check else "",
                "note": share.number.reason or f"{share.hits:,} of {share.of:,}",
                "url": share.url,
            }
            for share in self.shares
        ]


@dataclass(frozen=True)
class Nets:
    lines: tuple[NetLine, ...]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for line in self.lines for row in line.rows]


def nets(
    parts: Sequence[RunPart],
    checks: Sequence[CriterionCheck],
    words: PlanWords,
    place: CellAddress,
) -> Nets:
    """The nets of a run in the plan's order; no query of its own."""
    ruled = {(row.scenario, row.metric): row for row in checks if row.slice == "all"}
    declared = (part for part in parts if words.scenarios[part.key].net)
    return Nets(tuple(_line(part, words, ruled, place) for part in declared))


def _line(part: RunPart, words: PlanWords, ruled: Rules, place: CellAddress) -> NetLine:
    scenario, found = words.scenarios[part.key], part.net
    silence = found.get("silence", "") if found else part.message or "Nothing was scored here."
    if silence:
        return NetLine(scenario.title, scenario.net, silence)
    if found["kind"] == ALERT:
        return NetLine(
            scenario.title, scenario.net, "", _rung(found), "windows", found["disturbed"]
        )
    shares = tuple(
        NetShare(label, hits, of, number_of(found[name]), ruled.get((part.key, key)), url)
        for label, hits, of, name, key in (
            ("wrong ones caught", found["wrong_caught"], found["wrong"], "detection", DETECTION),
            (
                "right ones caught",
                found["right_caught"],
                found["rows"] - found["wrong"],
                "false_alarm",
                FALSE_ALARM,
            ),
        )
        for url in [place.of_cell(part.key, key, "all") if (part.key, key) in ruled else ""]
    )
    gain = found["gain"]
    return NetLine(
        scenario.title,
        scenario.net,
        "",
        shares,
        total=found["rows"],
        before=number_of(found["before"]),
        after=number_of(found["after"]),
        gain=number_of({**gain, "value": gain["difference"]}) if gain else None,
    )


def _rung(found: Mapping[str, Any]) -> tuple[NetShare, ...]:
    return tuple(
        NetShare(label, found[f"{side}_rung"], found[side], number_of(found[name]), None, "")
        for label, side, name in (
            ("disturbed windows rung", "disturbed", "detection"),
            ("calm windows rung", "undisturbed", "false_alarm"),
        )
    )
