"""What a program found, for people who decide: by risk area, in their terms, on one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from benchmarks.engine.slices import ALL
from benchmarks.engine.values import Change, Finding
from benchmarks.models import ChallengeRun, CriterionCheck, MetricComparison, Program
from benchmarks.models.program import CONSEQUENCES
from benchmarks.panels.corrections import of_plan
from benchmarks.panels.programs import (
    UNNAMED,
    RunScore,
    findings_by_area,
    is_late,
    live_items,
    scores,
    worst,
)
from benchmarks.panels.reading import PlanWords

#: The broken criteria named in one area; the run's page has them all.
SHOWN = 2


@dataclass(frozen=True)
class Signal:
    """One risk area: what was seen there, and what it would mean to whom."""

    area: str
    finding: str
    passed: int
    shown: int
    sentences: tuple[str, ...]
    consequences: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Executive:
    """`run` is the newest judged run that was held against a baseline, None when there is none."""

    run: ChallengeRun | None
    signals: tuple[Signal, ...]
    uncovered: tuple[str, ...]
    score: RunScore | None
    open_items: int
    late_items: int

    @property
    def attention(self) -> tuple[Signal, ...]:
        return tuple(one for one in self.signals if one.finding != Finding.PASS)


def executive(program: Program, runs: Sequence[ChallengeRun]) -> Executive:
    run = next((one for one in runs if one.baseline_run_id is not None), None)
    items = list(live_items(program.remediations.all()))
    signals = _signals(program, run) if run else ()
    seen = {signal.area for signal in signals}
    return Executive(
        run=run,
        signals=signals,
        uncovered=tuple(name for name in program.area_names if name not in seen),
        score=next(iter(scores([run])), None) if run else None,
        open_items=len(items),
        late_items=sum(map(is_late, items)),
    )


def _signals(program: Program, run: ChallengeRun) -> tuple[Signal, ...]:
    heaps: dict[str, list[str]] = {}
    for area, finding in findings_by_area(run):
        heaps.setdefault(area, []).append(finding)
    broken = _broken(run)
    terms = {area["name"]: area for area in program.risk_areas}
    signals = [
        Signal(
            area=area,
            finding=worst(findings),
            passed=sum(one == Finding.PASS for one in findings),
            shown=sum(one != Finding.NOT_USED for one in findings),
            sentences=tuple(broken.get(area, [])[:SHOWN]),
            consequences=tuple(
                (term, terms[area][term])
                for term in CONSEQUENCES
                if area in terms and terms[area].get(term)
            ),
        )
        for area, findings in heaps.items()
    ]
    order = [Finding.FAIL, Finding.ERRORED, Finding.MISSING, Finding.INCONCLUSIVE]
    rank = {finding.value: place for place, finding in enumerate(order)}
    return tuple(sorted(signals, key=lambda one: (rank.get(one.finding, 9), one.area)))


def _broken(run: ChallengeRun) -> Mapping[str, list[str]]:
    """By risk area, what was broken in words: the criterion's own sentence and why it matters."""
    words = PlanWords(run.plan)
    found: dict[str, list[str]] = {}
    for check in _failed(run):
        area = words.scenarios[check.scenario].risk_area or UNNAMED
        title = words.scenario_title(check.scenario)
        where = "" if check.slice == ALL else f", {words.slice_title(check.slice)}"
        sentence = f"{title}{where}: {check.sentence} {check.why}".strip()
        found.setdefault(area, []).append(sentence)
    return found


def _failed(run: ChallengeRun) -> QuerySet[CriterionCheck]:
    return run.comparison.checks.filter(finding=Finding.FAIL).order_by("-critical", "pk")


# -- for a pull request -----------------------------------------------------------------------

#: By this line a CI finds its earlier comment and replaces it instead of adding another.
MARKER = "<!-- touchstone:{suite} -->"
ROWS = 10


def marker(run: ChallengeRun) -> str:
    return MARKER.format(suite=run.suite.key)


def markdown(run: ChallengeRun, address: str) -> str:
    """The verdict as a comment for a pull request; `address` is that of the run's page."""
    lines = [marker(run), f"### {_title(run)}", ""]
    if run.verdict:
        lines += _judged(run)
    else:
        lines += ["No verdict yet: the run is " + run.get_status_display().lower() + ".", ""]
    return "\n".join([*lines, f"[Open run {run.pk}]({address})", ""])


def _title(run: ChallengeRun) -> str:
    said = run.get_verdict_display() if run.verdict else run.get_status_display()
    return f"{_plain(run.suite.title)}: {_plain(run.model_version.version)}, {said.lower()}"


def _judged(run: ChallengeRun) -> list[str]:
    comparison = run.comparison
    lines = [
        f"{comparison.received} of {comparison.expected} scenarios delivered evidence"
        + (f", {comparison.errored} errored" if comparison.errored else "")
        + (f", {comparison.missing} missing" if comparison.missing else "")
        + ".",
        "",
    ]
    rows = list(_failed(run)[:ROWS])
    if rows:
        lines += ["| scenario | metric | slice | what broke |", "|---|---|---|---|"]
        lines += [_row(PlanWords(run.plan), check) for check in rows]
        lines += [""]
    regressed = MetricComparison.objects.filter(comparison=comparison, change=Change.REGRESSED)
    improved = MetricComparison.objects.filter(comparison=comparison, change=Change.IMPROVED)
    if run.baseline_run:
        against = _plain(run.baseline_run.model_version.version)
        counts = f"{regressed.count()} cells regressed, {improved.count()} improved"
        lines += [f"Against {against}: {counts}.", ""]
    for corrected in of_plan(run.plan, run.suite.project):
        lines += [f"Data corrected on both sides: {_plain(corrected.sentence)}", ""]
    return lines


def _row(words: PlanWords, check: CriterionCheck) -> str:
    cells = (
        words.scenario_title(check.scenario),
        words.named(check.metric).label,
        words.slice_title(check.slice),
        check.sentence,
    )
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    """Text that Markdown and the HTML within it leave as it is."""
    for character in "\\`*_{}[]<>#|~":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
