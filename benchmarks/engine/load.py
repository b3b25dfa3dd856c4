"""System stress: how often a live endpoint is asked, and what is put between it and its caller.

The load is open: requests fall due by a schedule that does not wait for answers, as people do not,
and a request's time counts from when it fell due. A server that stalls is charged with everybody
who waited meanwhile, instead of with one slow answer ("coordinated omission", Tene 2013).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from benchmarks.engine.scored import FloatArray

MOST_REQUESTS = 20_000
FEWEST_REQUESTS = 20
ARRIVALS = ("constant", "poisson")
#: What a profile holds only where it was declared: settings from before there was any stay as
#: they were, and so do the digests of plans.
ONLY_WHERE_DECLARED = ("backfill_rate", "backfill_seconds")
#: The first pause before another try; each is twice the one before.
FIRST_PAUSE_MS = 20.0


class Setting(NamedTuple):
    """One number of a profile: its bounds, and what it means to whoever fills it in."""

    name: str
    label: str
    low: float
    high: float
    help: str
    whole: bool = False


SETTINGS = (
    Setting("rate", "Requests a second", 0.1, 500, "Each asks about one row."),
    Setting("seconds", "Seconds", 1, 300, "How long the load lasts."),
    Setting("burst_factor", "Burst factor", 1, 20, "How many times as many in a burst."),
    Setting("burst_start", "Burst from second", 0, 300, "Counted from the first request."),
    Setting("burst_seconds", "Burst seconds", 0, 300, "0: there is no burst."),
    Setting("connections", "Connections", 1, 64, "Requests under way at the same time.", True),
    Setting("deadline_ms", "Deadline in ms", 10, 10_000,
            "Counted from when a request falls due; its tries share it alike."),
    Setting("retries", "Retries", 0, 5, "Further tries of a request that failed.", True),
    Setting("delay_ms", "Delay in ms", 0, 10_000, "Put before a try on its way."),
    Setting("delay_share", "Share delayed", 0, 1, "Of the requests, 0 to 1."),
    Setting("drop_share", "Share lost", 0, 1,
            "Of the tries, 0 to 1: they never arrive, and the caller waits in vain."),
    Setting("partial_share", "Share partial", 0, 1,
            "Of the requests, 0 to 1: the columns below arrive empty."),
    Setting("outage_start", "Outage from second", 0, 300,
            "What lies before the model fails: every try is refused at once."),
    Setting("outage_seconds", "Outage seconds", 0, 300, "0: there is no outage."),
    Setting("backfill_rate", "Backfilled a second", 0, 500,
            "Requests without an answer are kept, and sent again at this rate beside the others."),
    Setting("backfill_seconds", "Backfill until, in seconds", 0, 300,
            "Counted from the load's end: what has no answer by then never gets one."),
)  # fmt: skip


@dataclass(frozen=True)
class LoadProfile:
    """One declared stress, its limits checked by `problems`; moments in seconds from the start."""

    rate: float
    seconds: float
    arrivals: str = "constant"
    burst_factor: float = 1.0
    burst_start: float = 0.0
    burst_seconds: float = 0.0
    connections: int = 16
    deadline_ms: float = 1000.0
    retries: int = 0
    delay_ms: float = 0.0
    delay_share: float = 0.0
    drop_share: float = 0.0
    partial_share: float = 0.0
    partial_columns: tuple[str, ...] = ()
    outage_start: float = 0.0
    outage_seconds: float = 0.0
    backfill_rate: float = 0.0
    backfill_seconds: float = 0.0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> LoadProfile:
        """The profile of settings without problems."""
        numbers: dict[str, Any] = {
            setting.name: int(given[setting.name]) if setting.whole else float(given[setting.name])
            for setting in SETTINGS
            if setting.name in given
        }
        return cls(
            **numbers,
            arrivals=given.get("arrivals", ARRIVALS[0]),
            partial_columns=tuple(given.get("partial_columns", ())),
        )

    def settings(self) -> dict[str, Any]:
        """Every setting as plain data, those that were left out included; of a backfill none
        where there is none."""
        found = {**asdict(self), "partial_columns": list(self.partial_columns)}
        left_out = () if self.has_backfill else ONLY_WHERE_DECLARED
        return {name: value for name, value in found.items() if name not in left_out}

    @property
    def has_backfill(self) -> bool:
        return self.backfill_rate > 0

    @property
    def lasts(self) -> float:
        """The seconds after which nothing is sent any more, tries under way apart."""
        return self.seconds + self.backfill_seconds

    @property
    def backfills(self) -> int:
        """How often may be sent again from the backlog at most."""
        return math.ceil(self.backfill_rate * self.lasts)

    @property
    def backfill_connections(self) -> int:
        """Enough for the rate if every try takes all the time it has; as many as live at most."""
        needed = math.ceil(self.backfill_rate * self.try_ms / 1000)
        return min(self.connections, needed)

    @property
    def most_sent(self) -> int:
        """Every try that every request may need."""
        return round(self.offered) * (self.retries + 1) + self.backfills

    @property
    def has_burst(self) -> bool:
        return self.burst_factor > 1 and self.burst_seconds > 0

    @property
    def offered(self) -> float:
        """How many requests fall due in all."""
        extra = (self.burst_factor - 1) * self.burst_seconds if self.has_burst else 0.0
        return self.rate * (self.seconds + extra)

    @property
    def try_ms(self) -> float:
        """What one try may take: each has the same part of the deadline."""
        return self.deadline_ms / (self.retries + 1)

    @property
    def disturbances(self) -> tuple[tuple[float, float], ...]:
        """Start and end of what passes within the run, so that there is something to return to."""
        burst = (self.burst_start, self.burst_start + self.burst_seconds)
        outage = (self.outage_start, self.outage_start + self.outage_seconds)
        found = ((burst, self.has_burst), (outage, self.outage_seconds > 0))
        return tuple(span for span, is_there in found if is_there)

    def is_out(self, at: float) -> bool:
        return self.outage_start <= at < self.outage_start + self.outage_seconds


@dataclass(frozen=True, slots=True)
class Planned:
    """One request: when it falls due, about which row, and what befalls it on its way."""

    at: float
    row: int
    delayed: bool = False
    partial: bool = False
    lost: int = 0  # so many of its first tries never arrive
    lost_again: int = 0  # and of the first from the backlog


# -- what was declared ------------------------------------------------------------------------


def problems(given: object, columns: Collection[str]) -> list[str]:
    """Every reason why these settings are no stress; none for an empty object, which is none."""
    if not isinstance(given, Mapping):
        return ["The stress must be an object of settings; an empty one stresses nothing."]
    if not given:
        return []
    known = {field.name for field in fields(LoadProfile)}
    if unknown := [str(name)[:40] for name in given if name not in known]:
        return [f"There is no stress setting called “{unknown[0]}”."]
    return list(_faults(given, columns)) or list(_joint_faults(LoadProfile.of(given)))


def _faults(given: Mapping[str, Any], columns: Collection[str]) -> Iterator[str]:
    for name in ("rate", "seconds"):
        if name not in given:
            yield f"A stress needs “{name}”."
    for setting in SETTINGS:
        if setting.name in given and not _within(given[setting.name], setting):
            kind = "a whole number" if setting.whole else "a number"
            bounds = f"from {setting.low:g} to {setting.high:,g}"
            yield f"“{setting.name}” must be {kind} {bounds}."
    if given.get("arrivals", ARRIVALS[0]) not in ARRIVALS:
        yield f"“arrivals” must be one of: {', '.join(ARRIVALS)}."
    named = given.get("partial_columns", ())
    if not isinstance(named, list | tuple) or not all(isinstance(each, str) for each in named):
        yield "“partial_columns” must be a list of columns."
    elif absent := [name for name in named if name not in columns]:
        yield f"The data have no column “{absent[0][:40]}” that could arrive empty."


def _within(value: object, setting: Setting) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if setting.whole else int | float):
        return False
    return math.isfinite(value) and setting.low <= value <= setting.high


def _joint_faults(profile: LoadProfile) -> Iterator[str]:
    offered = round(profile.offered)
    if offered > MOST_REQUESTS:
        yield f"These are {offered:,} requests; at most {MOST_REQUESTS:,} are allowed."
    if offered < FEWEST_REQUESTS:
        yield f"These are {offered} requests; fewer than {FEWEST_REQUESTS} show nothing."
    if (profile.burst_factor > 1) != (profile.burst_seconds > 0):
        yield "A burst needs both a factor above 1 and the seconds that it lasts."
    if any(end > profile.seconds for _, end in profile.disturbances):
        yield f"A burst and an outage have to end within the {profile.seconds:g} seconds."
    if (profile.delay_share > 0) != (profile.delay_ms > 0):
        yield "A delay needs both its milliseconds and the share of requests that it befalls."
    if (profile.partial_share > 0) != bool(profile.partial_columns):
        yield "Partial inputs need both a share of requests and the columns that arrive empty."
    yield from _backfill_faults(profile)


def _backfill_faults(profile: LoadProfile) -> Iterator[str]:
    if (profile.backfill_rate > 0) != (profile.backfill_seconds > 0):
        yield (
            "A backfill needs both its requests a second and the seconds after the load's end by"
            " which it is over."
        )
        return
    if not profile.has_backfill:
        return
    may_fail = (profile.outage_seconds, profile.drop_share, profile.delay_share)
    if not any(may_fail) and not profile.has_burst:
        yield (
            "Nothing is declared that could leave a request without an answer, so there would be"
            " nothing to backfill. Add an outage, lost tries, a delay or a burst."
        )
    most = round(profile.offered) + profile.backfills
    if most > MOST_REQUESTS and round(profile.offered) <= MOST_REQUESTS:
        yield (
            f"With what may be sent again these are {most:,} requests; at most"
            f" {MOST_REQUESTS:,} are allowed."
        )


def describe(profile: LoadProfile) -> str:
    """The stress in plain words."""
    times = "at even distances" if profile.arrivals == "constant" else "at random moments"
    return "; ".join(
        [
            f"{profile.rate:g} requests a second for {profile.seconds:g} s {times}, at most"
            f" {profile.connections} under way, each to be answered within"
            f" {profile.deadline_ms:g} ms{_tries(profile)}",
            *_disturbed(profile),
        ]
    )


def with_stress(change: str, stress: Mapping[str, Any]) -> str:
    """What a scenario does to the data, and the stress that comes with it where there is any."""
    return f"{change}; {describe(LoadProfile.of(stress))}" if stress else change


def _tries(profile: LoadProfile) -> str:
    if not profile.retries:
        return ""
    return f" in up to {profile.retries + 1} tries of {profile.try_ms:g} ms"


def _disturbed(profile: LoadProfile) -> Iterator[str]:
    if profile.has_burst:
        yield (
            f"{profile.burst_factor:g} times as many for {profile.burst_seconds:g} s from second"
            f" {profile.burst_start:g}"
        )
    if profile.outage_seconds:
        yield (
            f"what lies before the model refuses everything for {profile.outage_seconds:g} s from"
            f" second {profile.outage_start:g}"
        )
    if profile.delay_share:
        yield f"{100 * profile.delay_share:g} % delayed by {profile.delay_ms:g} ms"
    if profile.drop_share:
        yield f"{100 * profile.drop_share:g} % of the tries lost on their way"
    if profile.partial_share:
        columns = ", ".join(profile.partial_columns)
        yield f"{100 * profile.partial_share:g} % arrive without {columns}"
    if profile.has_backfill:
        yield (
            f"what found no answer is sent again at {profile.backfill_rate:g} a second, until"
            f" {profile.backfill_seconds:g} s after the end"
        )


# -- when who is asked ------------------------------------------------------------------------


def schedule(profile: LoadProfile, rows: int, seed: int) -> list[Planned]:
    """Every request in the order in which it falls due; the same seed plans the same.

    Rows are drawn without putting back until all were asked, so that no row counts twice while
    another has not counted once. Random moments are those of a Poisson process of which the
    number of requests is known: two versions are asked equally often.
    """
    if rows < 1:
        raise ValueError("Without rows nothing can be asked.")
    children = np.random.SeedSequence(seed).spawn(6)
    times, order, delays, losses, gaps, again = map(np.random.default_rng, children)
    count = round(profile.offered)
    chosen = np.concatenate([order.permutation(rows) for _ in range(-(-count // rows))])[:count]
    lost = losses.random((count, profile.retries + 1)) < profile.drop_share
    return [
        Planned(float(at), int(row), bool(delayed), bool(partial), int(tries), int(later))
        for at, row, delayed, partial, tries, later in zip(
            _moments(profile, count, times),
            chosen,
            delays.random(count) < profile.delay_share,
            gaps.random(count) < profile.partial_share,
            np.cumprod(lost, axis=1).sum(axis=1),
            _lost_again(profile, count, again),
            strict=True,
        )
    ]


def _lost_again(profile: LoadProfile, count: int, rng: np.random.Generator) -> np.ndarray:
    """How many of a request's tries from the backlog are lost before one arrives."""
    if profile.drop_share >= 1:
        return np.full(count, MOST_REQUESTS)
    return rng.geometric(1 - profile.drop_share, count) - 1


def backfill_turns(profile: LoadProfile) -> list[float]:
    """The moments at which one request of the backlog may be sent, whether or not one waits."""
    return [number / profile.backfill_rate for number in range(profile.backfills)]


def _moments(profile: LoadProfile, count: int, rng: np.random.Generator) -> FloatArray:
    """The moments by which 1, 2, 3 … requests are due, read off the rate summed over time."""
    factor = profile.burst_factor if profile.has_burst else 1.0
    bends = np.array(
        [0.0, profile.burst_start, profile.burst_start + profile.burst_seconds, profile.seconds]
        if profile.has_burst
        else [0.0, profile.seconds]
    )
    rates = profile.rate * np.array([1.0, factor, 1.0][: len(bends) - 1])
    due = np.concatenate([[0.0], np.cumsum(rates * np.diff(bends))])
    even = np.arange(count) / count
    shares = even if profile.arrivals == "constant" else np.sort(rng.random(count))
    moments: FloatArray = np.interp(shares * due[-1], due, bends)
    return moments
