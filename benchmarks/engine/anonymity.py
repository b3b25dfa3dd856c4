"""What outsiders are told of a program: counts that recognise nobody, and what cannot be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.engine.values import Finding

FORMAT = "touchstone public summary 1"
#: Below this a count could point to one item, one run, one person.
FEWEST = 5
FEWER = f"fewer than {FEWEST}"
#: What a scenario's finding is called outside; what gave no evidence is one heap.
OUTCOMES = {
    Finding.PASS: "passed",
    Finding.FAIL: "failed",
    Finding.INCONCLUSIVE: "inconclusive",
    Finding.NOT_USED: "does not concern the model",
    Finding.ERRORED: "no evidence",
    Finding.SKIPPED: "no evidence",
    Finding.MISSING: "no evidence",
}
NOTHING_JUDGED = "No run has been judged, so nothing is known of how the model holds."
NOT_COVERED = "Some declared risk areas have no scenario, so nothing is known of them."
NO_EVIDENCE = (
    "Where scenarios were inconclusive or gave no evidence, nothing is shown, good or bad."
)
NO_CADENCE = "The program runs when somebody starts it, so no cadence could be kept or missed."
ALWAYS = (
    "A scenario shows what happens under the condition it sets, never that the model holds "
    "elsewhere.",
    f"Counts below {FEWEST}, zero among them, are not told, so totals cannot always be checked.",
)


@dataclass(frozen=True)
class Area:
    """One risk area by its released name: its scenarios, and the newest finding of each."""

    name: str
    scenarios: int
    findings: Sequence[Finding]
    declared: bool = True


@dataclass(frozen=True)
class Counted:
    """Everything that is counted for outsiders; of texts only what a person released."""

    title: str
    areas: Sequence[Area]
    #: How often, in words made from numbers; empty where nothing is due on its own.
    cadence: str
    turns: Mapping[str, int]
    weaknesses: Mapping[str, int]
    verdicts: Mapping[str, int]


def told(count: int) -> int | str:
    return count if count >= FEWEST else FEWER


def summary(counted: Counted) -> dict[str, Any]:
    """The summary as plain data, every count masked where it is small."""
    return {
        "format": FORMAT,
        "title": counted.title,
        "areas": [_area(area) for area in counted.areas],
        "verdicts": _told(counted.verdicts),
        "cadence": {"how_often": counted.cadence, "turns": _told(counted.turns)},
        "weaknesses": _told(counted.weaknesses),
        "cannot_be_said": _cannot_be_said(counted),
    }


def _area(area: Area) -> dict[str, Any]:
    heaps = dict.fromkeys(OUTCOMES.values(), 0)
    for finding in area.findings:
        heaps[OUTCOMES[finding]] += 1
    return {"name": area.name, "scenarios": told(area.scenarios), "findings": _told(heaps)}


def _told(counts: Mapping[str, int]) -> dict[str, int | str]:
    return {name: told(count) for name, count in counts.items()}


def _cannot_be_said(counted: Counted) -> list[str]:
    findings = [finding for area in counted.areas for finding in area.findings]
    conclusive = {Finding.PASS, Finding.FAIL, Finding.NOT_USED}
    sentences = [] if findings else [NOTHING_JUDGED]
    if any(area.declared and not area.scenarios for area in counted.areas):
        sentences.append(NOT_COVERED)
    if set(findings) - conclusive:
        sentences.append(NO_EVIDENCE)
    if not counted.cadence:
        sentences.append(NO_CADENCE)
    return [*sentences, *ALWAYS]
