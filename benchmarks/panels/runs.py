"""One run: how far its work is, what its verdict rests on, and what nobody can tell from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, F, Q

from benchmarks.choices import JobKind, JobState, PartStatus, RunStatus
from benchmarks.engine.values import Change, Finding, Reason
from benchmarks.models import ChallengeRun, Comparison, CriterionCheck, Job, RunPart
from benchmarks.panels.reading import CellAddress, MetricWords, PlanWords, sentence_of, word_of

_FAILURES = {Reason.BEYOND_MARGIN, Reason.BEYOND_THRESHOLD, Reason.TOO_FEW_PASSED}


# -- work -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PartLine:
    """One scenario's place in the work, in a state that a badge knows."""

    part: RunPart
    title: str
    state: str
    message: str


@dataclass(frozen=True)
class Progress:
    """How far a run is. Rate and time left stay unknown until a first part is done."""

    parts: tuple[PartLine, ...]
    total: int
    done: int
    working: int
    per_minute: float | None
    seconds_left: float | None
    state: str
    stage: str


_STATES = {
    PartStatus.WAITING: "queued",
    PartStatus.RECEIVED: "done",
    PartStatus.ERRORED: "errored",
    PartStatus.SKIPPED: "skipped",
}


def part_lines(run: ChallengeRun, words: PlanWords) -> tuple[PartLine, ...]:
    """The parts in the plan's order, each with its job's state: one query."""
    waiting = Q(blocks__status=PartStatus.WAITING)
    parts = (
        run.parts.select_related("job")
        .annotate(
            blocks_total=Count("blocks"),
            blocks_done=Count("blocks", filter=~waiting),
            blocks_running=Count(
                "blocks", filter=waiting & Q(blocks__job__state=JobState.RUNNING)
            ),
        )
        .order_by("position")
    )
    return tuple(
        PartLine(part, words.scenario_title(part.key), _part_state(part), _part_message(part))
        for part in parts
    )


def _part_message(part: Any) -> str:
    if part.is_finished or not part.blocks_total:
        return str(part.message)
    return f"{part.blocks_done} of {part.blocks_total} blocks of rows answered"


def _part_state(part: Any) -> str:
    job = getattr(part, "job", None)
    at_work = part.blocks_running or (job and job.state == JobState.RUNNING)
    if part.status == PartStatus.WAITING and at_work:
        return "running"
    if part.status == PartStatus.RECEIVED and part.not_used:
        return "not_used"
    return _STATES[PartStatus(part.status)]


def progress(run: ChallengeRun, words: PlanWords, now: datetime) -> Progress:
    lines = part_lines(run, words)
    done = sum(line.part.is_finished for line in lines)
    working = sum(line.state == "running" for line in lines)
    rate = _rate([line.part for line in lines if line.part.finished_at], now)
    left = (len(lines) - done) / rate if rate else None
    return Progress(
        parts=lines,
        total=len(lines),
        done=done,
        working=working,
        per_minute=60 * rate if rate and done < len(lines) else None,
        seconds_left=left if done < len(lines) else None,
        state=_state(run, done + working),
        stage=_stage(run, done, len(lines), working),
    )


def _rate(finished: Sequence[RunPart], now: datetime) -> float | None:
    """Parts per second since the first was begun, so that waiting for a worker does not count."""
    begun = [
        part.finished_at - timedelta(seconds=part.seconds or 0)
        for part in finished
        if part.finished_at is not None
    ]
    seconds = (now - min(begun)).total_seconds() if begun else 0.0
    return len(finished) / seconds if seconds > 0 else None


def _state(run: ChallengeRun, begun: int) -> str:
    """The run's status, but running from the moment that a worker took its first part."""
    return RunStatus.RUNNING if begun and not run.is_finished else run.status


def _stage(run: ChallengeRun, done: int, total: int, working: int) -> str:
    if run.status == RunStatus.ERRORED:
        return "The work ended in an error."
    if done < total:
        if working:
            return f"{working} {'part is' if working == 1 else 'parts are'} being worked on."
        return "Waiting for a worker to take the next part."
    waits_for = run.baseline_run
    if waits_for is not None and not waits_for.is_finished:
        return "All parts are in. The baseline's own run has to finish before judging."
    judging = Job.objects.filter(run=run, kind=JobKind.JUDGE, state=JobState.RUNNING).exists()
    return "All parts are in; judging." if judging else "All parts are in; waiting to be judged."


# -- verdict ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReasonRow:
    """One reason of the verdict, beside the cell that shows it."""

    sentence: str
    scenario: str
    where: str
    url: str
    why: str


@dataclass(frozen=True)
class Verdict:
    """A verdict with its reasons in three heaps, and its criteria counted."""

    headline: str
    broken: tuple[ReasonRow, ...]
    undecided: tuple[ReasonRow, ...]
    silent: tuple[ReasonRow, ...]
    counts: dict[str, int]
    criteria: int
    scenarios: int
    with_evidence: int
    not_used: int

    @property
    def criteria_sub(self) -> str:
        return f"of {self.criteria}"

    @property
    def scenarios_sub(self) -> str:
        rest = f", {self.not_used} not used by the model" if self.not_used else ""
        return f"of {self.scenarios}{rest}"


def verdict(
    comparison: Comparison,
    checks: Sequence[CriterionCheck],
    words: PlanWords,
    place: CellAddress,
) -> Verdict:
    whys = {(check.scenario, check.metric, check.slice): check.why for check in checks}
    heaps: dict[str, list[ReasonRow]] = {"broken": [], "undecided": [], "silent": []}
    for line in comparison.reasons:
        heaps[_heap(line)].append(_reason_row(line, words, place, whys))
    counts = {finding.value: 0 for finding in Finding}
    for check in checks:
        counts[check.finding] += 1
    not_used = sum(row["finding"] == Finding.NOT_USED for row in comparison.asked)
    return Verdict(
        headline=_headline(counts, len(checks)),
        broken=tuple(heaps["broken"]),
        undecided=tuple(heaps["undecided"]),
        silent=tuple(heaps["silent"]),
        counts=counts,
        criteria=len(checks),
        scenarios=comparison.expected,
        with_evidence=comparison.received - not_used,
        not_used=not_used,
    )


def _heap(line: dict[str, str]) -> str:
    if line["code"] in _FAILURES:
        return "broken"
    return "undecided" if line["metric"] or line["code"] == Reason.REPEATS_OPEN else "silent"


def _reason_row(
    line: dict[str, str],
    words: PlanWords,
    place: CellAddress,
    whys: dict[tuple[str, str, str], str],
) -> ReasonRow:
    keys = line["scenario"], line["metric"], line["slice"]
    known = line["scenario"] in words.scenarios
    where = f"{words.named(keys[1]).label}, {words.slice_title(keys[2])}" if keys[1] else ""
    metric, part = keys[1] or words.metric(None).key, keys[2] or "all"
    return ReasonRow(
        sentence=line["sentence"],
        scenario=words.scenario_title(keys[0]) if keys[0] else "",
        where=where,
        url=place.of_cell(keys[0], metric, part) if known else "",
        why=whys.get(keys, ""),
    )


def _headline(counts: dict[str, int], total: int) -> str:
    """The criteria in one sentence; nothing that did not hold is left out of it."""
    if not total:
        return "No criterion was declared, so nothing could pass."
    parts = [f"{counts[Finding.PASS]} of {_count(total, 'criterion', 'criteria')} met"]
    parts += [f"{counts[Finding.FAIL]} broken"] if counts[Finding.FAIL] else []
    undecided = counts[Finding.INCONCLUSIVE]
    parts += [f"{undecided} undecided"] if undecided else []
    silent = total - sum(counts[one] for one in (Finding.PASS, Finding.FAIL, Finding.INCONCLUSIVE))
    parts += [f"{silent} without evidence"] if silent else []
    return f"{', '.join(parts)}."


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


@dataclass(frozen=True)
class CheckRow:
    """A criterion of the frozen plan as the table shows it."""

    check: CriterionCheck
    scenario: str
    metric: MetricWords
    slice: str
    url: str
    suite: int
    #: Of the scenario as people know it, however often it was repeated.
    key: str

    @property
    def mend_query(self) -> str:
        """What a remediation item about a broken criterion begins with."""
        return urlencode(
            {
                "suite": self.suite,
                "key": self.key,
                "comparison": self.check.comparison_id,
                "title": f"{self.scenario}: {self.metric.label.lower()}, {self.slice.lower()}",
                "weakness": f"{self.check.sentence} {self.check.why}",
            }
        )


def check_rows(
    checks: Iterable[CriterionCheck], words: PlanWords, place: CellAddress
) -> list[CheckRow]:
    """Criteria with what needs attention first; otherwise in the plan's order."""
    order = [Finding.FAIL, Finding.INCONCLUSIVE, Finding.PASS]
    rank = {finding.value: number for number, finding in enumerate(order)}
    rows = sorted(checks, key=lambda check: (rank.get(check.finding, len(rank)), check.pk))
    return [
        CheckRow(
            check=check,
            scenario=words.scenario_title(check.scenario),
            metric=words.named(check.metric),
            slice=words.slice_title(check.slice),
            url=place.of_cell(check.scenario, check.metric, check.slice),
            suite=words.plan["suite"]["id"],
            key=words.key_of(check.scenario),
        )
        for check in rows
    ]


# -- what cannot be told ----------------------------------------------------------------------


@dataclass(frozen=True)
class Undecided:
    """The cells about which nothing is known, by the reason for it."""

    total: int
    of: int
    underpowered: int
    reasons: list[tuple[str, str, int]] = field(default_factory=list)


def undecided(comparison: Comparison) -> Undecided:
    """One query over all cells of the comparison."""
    is_open = Q(change=Change.INCONCLUSIVE)
    rows: list[Any] = list(
        comparison.changes.values("reason")
        .annotate(
            cells=Count("pk"),
            open=Count("pk", filter=is_open),
            weak=Count("pk", filter=is_open & Q(reason="", detectable__gt=F("margin"))),
        )
        .order_by("-open")
    )
    weak = sum(row["weak"] for row in rows)
    plain = sum(row["open"] for row in rows if not row["reason"]) - weak
    counts = [(Reason.UNDERPOWERED.value, weak), (Reason.UNDECIDED.value, plain)]
    counts += [(row["reason"], row["open"]) for row in rows if row["reason"]]
    return Undecided(
        total=sum(row["open"] for row in rows),
        of=sum(row["cells"] for row in rows),
        underpowered=weak,
        reasons=[(word_of(code), sentence_of(code), count) for code, count in counts if count],
    )
