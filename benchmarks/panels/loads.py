"""What a run measured under system stress: in figures, over time, beside the baseline."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from benchmarks import frames, plans
from benchmarks.choices import PartStatus
from benchmarks.engine.load import LoadProfile, describe
from benchmarks.models import ChallengeRun, Comparison, CriterionCheck, RunPart
from benchmarks.panels.reading import CellAddress, PlanWords

QUANTILES = {"p50": "Median", "p95": "95th percentile", "p99": "99th percentile"}
NOTHING_KEPT = "No request failed in a way that asking again could mend: nothing to backfill."
Ends = tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class Line:
    """One figure here and in the baseline's run, each with its interval; None is not known."""

    label: str
    unit: str
    here: Ends
    before: Ends | None

    @property
    def is_open(self) -> bool:
        """Whether there are too few for an upper end."""
        return self.here[1] is not None and self.here[2] is None


@dataclass(frozen=True)
class Refill:
    """What became of the backlog of one scenario; `silence` where there was none."""

    found: Mapping[str, Any]
    before: Mapping[str, Any]

    @property
    def silence(self) -> str:
        return "" if self.found["kept"] else self.found["reason"] or NOTHING_KEPT

    @property
    def drain_words(self) -> str:
        return _drained(self.found)

    @property
    def drain_before(self) -> str:
        return _drained(self.before) if self.before.get("kept") else ""

    @property
    def lines(self) -> list[Line]:
        before = dict(_refill_figures(self.before)) if self.before.get("kept") else {}
        return [
            Line(label, unit, ends, before.get((label, unit)))
            for (label, unit), ends in _refill_figures(self.found)
        ]

    @property
    def live(self) -> list[tuple[str, Mapping[str, Any]]]:
        told = self.found["live"]
        return [("Before", told["before"]), ("While draining", told["draining"])]

    @property
    def series(self) -> dict[str, list[dict[str, Any]]]:
        names = {"Waiting": "waiting", "Came so far": "came", "Left so far": "left"}
        return _series(self.found["series"], names, at="at")


@dataclass(frozen=True)
class Load:
    """One scenario under stress; `silence` says why there are no figures."""

    key: str
    title: str
    words: str
    profile: LoadProfile
    url: str
    silence: str = ""
    found: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[CriterionCheck, ...] = ()

    @property
    def recovery(self) -> float | None:
        seconds: float | None = self.found["recovery"]["seconds"]
        return seconds

    @property
    def quantiles(self) -> list[Line]:
        return [line for line in self.lines if line.unit == "ms"]

    @property
    def recovery_words(self) -> str:
        return _recovered(self.found)

    @property
    def recovery_before(self) -> str:
        return _recovered(self.before) if self.before else ""

    @property
    def drain_from(self) -> str:
        return f"from {'the end of the outage' if self.profile.outage_seconds else 'the first'}"

    @property
    def is_censored(self) -> bool:
        """Whether a failed request's deadline stands among the times."""
        return bool(self.found["errors"])

    @cached_property
    def lines(self) -> list[Line]:
        before = dict(_figures(self.before)) if self.before else {}
        return [
            Line(label, unit, ends, before[label, unit] if before else None)
            for (label, unit), ends in _figures(self.found)
        ]

    @property
    def requests(self) -> dict[str, list[dict[str, Any]]]:
        names = {"Offered": "offered", "Answered": "answered", "Errors": "errors"}
        return _series(self.found["series"], names)

    @property
    def times(self) -> dict[str, list[dict[str, Any]]]:
        return _series(self.found["series"], {"Median": "p50", "95th percentile": "p95"})

    @property
    def refill(self) -> Refill | None:
        """None where no backfill was declared."""
        found = self.found.get("backfill")
        return Refill(found, self.before.get("backfill", {})) if found else None

    @property
    def events(self) -> list[dict[str, Any]]:
        """Where what was declared begins and ends, on the axis of seconds."""
        profile = self.profile
        spans = [
            ("The burst", profile.burst_start, profile.burst_seconds, profile.has_burst),
            ("The outage", profile.outage_start, profile.outage_seconds, True),
        ]
        return [
            {"at": at, "label": f"{name} {verb} at second {at:g}", "state": ""}
            for name, start, lasts, is_there in spans
            if is_there and lasts
            for verb, at in (("begins", start), ("ends", start + lasts))
        ]


def loads(
    run: ChallengeRun, comparison: Comparison | None, words: PlanWords, place: CellAddress
) -> list[Load]:
    """The stressed scenarios in the plan's order; the baseline's only if asked alike."""
    parts = {part.key: part for part in run.parts.all()}
    earlier = {part.key: part for part in run.baseline_run.parts.all()} if run.baseline_run else {}
    checks = list(comparison.checks.all()) if comparison else []
    return [
        _load(run, scenario, parts[scenario["key"]], earlier, checks, words, place)
        for scenario in run.plan["scenarios"]
        if plans.stress_of(scenario)
    ]


def _load(
    run: ChallengeRun,
    scenario: Mapping[str, Any],
    part: RunPart,
    earlier: Mapping[str, RunPart],
    checks: Sequence[CriterionCheck],
    words: PlanWords,
    place: CellAddress,
) -> Load:
    profile = LoadProfile.of(plans.stress_of(scenario))
    before = earlier.get(part.key)
    is_alike = before is not None and before.data_digest == frames.data_digest(
        scenario, seed=run.seed
    )
    return Load(
        key=part.key,
        title=words.scenario_title(part.key),
        words=describe(profile),
        profile=profile,
        url=place.of_cell(part.key, "error_rate", "all"),
        silence="" if part.load else _silence(part),
        found=part.load,
        before=before.load if before is not None and is_alike else {},
        checks=tuple(check for check in checks if check.scenario == part.key),
    )


def _silence(part: RunPart) -> str:
    if part.status == PartStatus.WAITING:
        return "No worker has finished this scenario yet."
    return part.message or "Nothing was measured under load here."


def _recovered(found: Mapping[str, Any]) -> str:
    recovery = found["recovery"]
    if recovery["seconds"] is None:
        return str(recovery["reason"])
    return f"{recovery['seconds']:.1f} s after its end"


def _drained(found: Mapping[str, Any]) -> str:
    drain = found["drain"]
    return str(drain["reason"]) if drain["seconds"] is None else f"{drain['seconds']:.1f} s"


def _refill_figures(found: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Ends]]:
    never = found["never_answered"]
    yield ("Never answered", "%"), tuple(100 * never[end] for end in ("value", "low", "high"))
    for key, told in found["age"].items():
        yield (
            (f"Age when answered, {QUANTILES[key].lower()}", "s"),
            (
                told["value"],
                told["low"],
                told["high"],
            ),
        )
    yield ("Oldest", "s"), (found["oldest"], None, None)


def _series(
    rows: Sequence[Mapping[str, Any]], names: Mapping[str, str], *, at: str = "second"
) -> dict[str, list[dict[str, Any]]]:
    return {
        label: [{"at": row[at], "value": row[key], "label": f"{row[at]:g} s"} for row in rows]
        for label, key in names.items()
    }


def _figures(found: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Ends]]:
    rate = found["error_rate"]
    yield ("Error rate", "%"), tuple(100 * rate[end] for end in ("value", "low", "high"))
    for key, label in QUANTILES.items():
        told = found["latency_ms"][key]
        yield (label, "ms"), (told["value"], told["low"], told["high"])
    yield ("Answered", "a second"), (found["answered_rate"], None, None)
    yield ("Asked more than once", "%"), (100 * found["retried"], None, None)
