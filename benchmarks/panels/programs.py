"""A challenge program at a glance: what it covers, what it found, how it scored, what is open."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from benchmarks import plans
from benchmarks.choices import CycleStatus, RemediationStatus, RunStatus
from benchmarks.engine.rubric import Score, score
from benchmarks.engine.slices import ALL
from benchmarks.engine.values import Change, Finding
from benchmarks.models import (
    ChallengeRun,
    Measurement,
    Program,
    ProgramCycle,
    Remediation,
    Scenario,
)
from benchmarks.panels.suites import scenario_parts
from catalog.models import Assumption, Project, Slice
from catalog.pages import address

VERSIONS = 6
HISTORY = 40
UNNAMED = "no area named"
#: Worst first: what a heap of findings is shown as.
_WORST = (
    Finding.FAIL,
    Finding.ERRORED,
    Finding.MISSING,
    Finding.INCONCLUSIVE,
    Finding.SKIPPED,
    Finding.NOT_USED,
    Finding.PASS,
)
_LIVE = (RemediationStatus.OPEN, RemediationStatus.IN_VALIDATION)


def worst(findings: Iterable[str]) -> str:
    """The finding that a heap is shown as; empty for none. Not-used never outweighs a pass."""
    found = set(findings)
    if found == {Finding.PASS, Finding.NOT_USED}:
        return Finding.PASS
    return next((one for one in _WORST if one in found), "")


# -- the list ---------------------------------------------------------------------------------


def with_health(programs: QuerySet[Program]) -> QuerySet[Program]:
    """For the list: counts, the coming cycle and the newest judged run, all in the one query."""
    newest = ChallengeRun.objects.filter(
        suite__program=OuterRef("pk"), status=RunStatus.EVALUATED
    ).order_by("-created_at", "-pk")
    coming = ProgramCycle.objects.filter(program=OuterRef("pk")).order_by("-due_on")
    late = coming.filter(status=CycleStatus.OVERDUE)
    return programs.select_related("model", "owner").annotate(
        suite_count=Count("suites", distinct=True),
        open_items=Count("remediations", filter=Q(remediations__status__in=_LIVE), distinct=True),
        next_due=Subquery(coming.values("due_on")[:1]),
        cycle_status=Subquery(coming.values("status")[:1]),
        overdue_since=Subquery(late.values("due_on")[:1]),
        latest_id=Subquery(newest.values("pk")[:1]),
        latest_version=Subquery(newest.values("model_version__version")[:1]),
        latest_verdict=Subquery(newest.values("verdict")[:1]),
        latest_at=Subquery(newest.values("created_at")[:1]),
    )


# -- runs and scores --------------------------------------------------------------------------


def judged_runs(program: Program, limit: int = HISTORY) -> list[ChallengeRun]:
    """The program's newest judged runs, newest first, with their comparisons."""
    rows = ChallengeRun.objects.filter(suite__program=program).evaluated()
    related = rows.select_related("suite", "model_version", "comparison").defer("environment")
    return list(related.order_by("-created_at", "-pk")[:limit])


@dataclass(frozen=True)
class RunScore:
    """Points of a run: the mean over its scenarios, or why there are none."""

    run: ChallengeRun
    points: float | None
    low: float | None
    high: float | None
    scenarios: int
    reason: str


def scores(runs: Sequence[ChallengeRun]) -> list[RunScore]:
    """By the rubric that was frozen with each run; one query for all of them."""
    values = _values([run for run in runs if rubric_of(run)])
    return [_run_score(run, values.get(run.pk, {})) for run in runs if rubric_of(run)]


def rubric_of(run: ChallengeRun) -> list[dict[str, Any]]:
    return (run.plan.get("program") or {}).get("rubric", [])


_Values = dict[str, dict[str, tuple[float | None, float | None, float | None]]]


def _values(runs: Sequence[ChallengeRun]) -> dict[int, _Values]:
    metrics = {line["metric"] for run in runs for line in rubric_of(run)}
    rows = Measurement.objects.filter(run__in=runs, slice=ALL, metric__in=metrics)
    found: dict[int, _Values] = {}
    for row in rows.only("run_id", "scenario", "metric", "value", "low", "high"):
        scenario = found.setdefault(row.run_id, {}).setdefault(row.scenario, {})
        scenario[row.metric] = (row.value, row.low, row.high)
    return found


def _run_score(run: ChallengeRun, values: _Values) -> RunScore:
    used = [row for row in run.comparison.asked if row["finding"] != Finding.NOT_USED]
    each = {row["key"]: score(rubric_of(run), values.get(row["key"], {})) for row in used}
    scenarios = {row["key"]: row.get("repeat_of", row["key"]) for row in used}
    lacking = [key for key, one in each.items() if one.points is None]
    if lacking or not each:
        names = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if lacking[3:] else "")
        reason = f"No points for {names}." if lacking else "No scenario shows anything."
        return RunScore(run, None, None, None, len(set(scenarios.values())), reason)
    points, low, high = (_mean(each, scenarios, end) for end in ("points", "low", "high"))
    return RunScore(run, points, low, high, len(set(scenarios.values())), "")


@dataclass(frozen=True)
class SuiteScores:
    """The scores of one suite, newest first: suites differ in data, so they share no line."""

    suite: str
    scores: tuple[RunScore, ...]

    @property
    def points(self) -> list[dict[str, Any]]:
        """As the trend figure reads them; a run without points stays a gap."""
        return [
            {
                "at": one.run.created_at,
                "value": one.points,
                "low": one.low,
                "high": one.high,
                "label": one.run.model_version.version,
            }
            for one in reversed(self.scores)
        ]


def by_suite(scored: Sequence[RunScore]) -> list[SuiteScores]:
    found: dict[str, list[RunScore]] = {}
    for one in scored:
        found.setdefault(one.run.suite.title, []).append(one)
    return [SuiteScores(title, tuple(rows)) for title, rows in sorted(found.items())]


def _mean(each: Mapping[str, Score], scenarios: Mapping[str, str], name: str) -> float | None:
    """Over scenarios, the repeats of one being averaged first."""
    heaps: dict[str, list[float | None]] = {}
    for key, part in each.items():
        heaps.setdefault(scenarios[key], []).append(getattr(part, name))
    known = [[one for one in heap if one is not None] for heap in heaps.values()]
    if any(None in heap for heap in heaps.values()):
        return None
    return sum(sum(heap) / len(heap) for heap in known) / len(known)


# -- risk areas by version --------------------------------------------------------------------


@dataclass(frozen=True)
class AreaCell:
    """What one version showed in one risk area: the worst finding, and how many passed."""

    finding: str
    passed: int
    shown: int
    url: str


@dataclass(frozen=True)
class AreaMap:
    """A row an area, a column a version; None where no run of the version reached the area."""

    runs: tuple[ChallengeRun, ...]
    rows: tuple[tuple[str, tuple[AreaCell | None, ...]], ...]


def area_map(program: Program, runs: Sequence[ChallengeRun], project: Project) -> AreaMap:
    """Risk area × version by each version's newest run of each suite."""
    newest: dict[tuple[int, int], ChallengeRun] = {}
    for run in runs:
        newest.setdefault((run.model_version_id, run.suite_id), run)
    heaps: dict[tuple[str, int], list[tuple[str, ChallengeRun]]] = {}
    for run in newest.values():
        for area, finding in findings_by_area(run):
            heaps.setdefault((area, run.model_version_id), []).append((finding, run))
    columns: dict[int, ChallengeRun] = {}
    for run in newest.values():
        columns.setdefault(run.model_version_id, run)
    kept = sorted(columns.values(), key=lambda run: run.model_version_id)[-VERSIONS:]
    found = {area for area, _ in heaps}
    areas = [*program.area_names, *sorted(found - set(program.area_names))]
    cells = {place: _area_cell(heap, project) for place, heap in heaps.items()}
    rows = (
        (area, tuple(cells.get((area, run.model_version_id)) for run in kept)) for area in areas
    )
    return AreaMap(tuple(kept), tuple(rows))


def findings_by_area(run: ChallengeRun) -> list[tuple[str, str]]:
    """Risk area and finding of every scenario, by the run's frozen plan."""
    areas = {
        plans.repeat_of(one) or one["key"]: one["risk_area"] or UNNAMED
        for one in run.plan["scenarios"]
    }
    return [(areas.get(row["key"], UNNAMED), row["finding"]) for row in run.comparison.decided]


def _area_cell(heap: Sequence[tuple[str, ChallengeRun]], project: Project) -> AreaCell:
    findings = [finding for finding, _ in heap]
    shown = [one for one in findings if one != Finding.NOT_USED]
    run = next((run for finding, run in heap if finding == worst(findings)), heap[0][1])
    passed = sum(one == Finding.PASS for one in shown)
    url = address("run-detail", project, pk=run.pk)
    return AreaCell(worst(findings), passed, len(shown), url)


# -- coverage ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Covering:
    """A scenario that tests something, and what the newest run found under it."""

    title: str
    url: str
    finding: str


@dataclass(frozen=True)
class Covered:
    """One thing that ought to be tested. Without a scenario it is a hole in the program."""

    title: str
    url: str = ""
    note: str = ""
    scenarios: tuple[Covering, ...] = ()
    key: str = ""


@dataclass(frozen=True)
class Coverage:
    """What the program tests and what it leaves out."""

    areas: tuple[Covered, ...]
    assumptions: tuple[Covered, ...]
    slices: tuple[Covered, ...]
    holes: int = field(init=False)

    def __post_init__(self) -> None:
        rows = [*self.areas, *self.assumptions, *self.slices]
        object.__setattr__(self, "holes", sum(not row.scenarios for row in rows))


def coverage(program: Program, runs: Sequence[ChallengeRun], project: Project) -> Coverage:
    """Risk areas, assumptions and slices, each with the scenarios that reach it."""
    scenarios = list(
        scenario_parts(Scenario.objects.filter(suites__program=program)).distinct().order_by("pk")
    )
    newest = _newest_findings(runs)
    lines = {one.pk: _covering(one, newest, project) for one in scenarios}
    by_area, by_assumption, by_slice = _reached(scenarios)
    named = [*program.area_names, *sorted(set(by_area) - set(program.area_names) - {""})]
    datasets = {one.dataset_id for one in scenarios}
    assumptions = Assumption.objects.filter(model=program.model_id)
    slices = Slice.objects.filter(dataset__in=datasets).select_related("dataset")

    def of(keys: Iterable[int]) -> tuple[Covering, ...]:
        return tuple(lines[key] for key in keys)

    return Coverage(
        areas=tuple(
            Covered(
                area,
                note="" if area in program.area_names else "not declared by the program",
                scenarios=of(by_area.get(area, [])),
            )
            for area in named
        ),
        assumptions=tuple(
            Covered(
                row.statement,
                address("assumption-detail", project, pk=row.pk),
                scenarios=of(by_assumption.get(row.pk, [])),
            )
            for row in assumptions
        ),
        slices=tuple(
            Covered(
                row.title,
                address("dataset-detail", project, pk=row.dataset_id),
                "critical" if row.critical else "",
                of(by_slice.get(row.pk, [])),
                row.key,
            )
            for row in slices
        ),
    )


def _reached(
    scenarios: Sequence[Scenario],
) -> tuple[dict[str, list[int]], dict[int, list[int]], dict[int, list[int]]]:
    areas: dict[str, list[int]] = {}
    assumptions: dict[int, list[int]] = {}
    slices: dict[int, list[int]] = {}
    for one in scenarios:
        areas.setdefault(one.risk_area, []).append(one.pk)
        for link in one.assumption_links.all():
            assumptions.setdefault(link.assumption_id, []).append(one.pk)
        for part in one.slice_links.all():
            slices.setdefault(part.slice_id, []).append(one.pk)
    return areas, assumptions, slices


def _newest_findings(runs: Sequence[ChallengeRun]) -> dict[str, str]:
    found: dict[str, str] = {}
    for run in runs:
        for row in run.comparison.scenarios:
            found.setdefault(row["key"], row["finding"])
    return found


def _covering(one: Scenario, newest: Mapping[str, str], project: Project) -> Covering:
    url = address("scenario-detail", project, pk=one.pk)
    return Covering(one.title, url, newest.get(one.key, ""))


@dataclass(frozen=True)
class SliceChange:
    """A slice of the coverage with what the newest comparison found in its cells."""

    covered: Covered
    regressed: int
    improved: int
    cells: int
    url: str

    @property
    def state(self) -> str:
        if not self.cells:
            return "no_data"
        return Change.REGRESSED if self.regressed else Change.UNCHANGED


def slice_changes(
    coverage: Coverage, runs: Sequence[ChallengeRun], project: Project
) -> list[SliceChange]:
    """One query over the newest run that was held against a baseline."""
    run = next((one for one in runs if one.baseline_run_id is not None), None)
    url = address("comparison-detail", project, pk=run.comparison.pk) if run else ""
    counts = _changes_by_slice(run) if run else {}
    return [SliceChange(one, *counts.get(one.key, (0, 0, 0)), url) for one in coverage.slices]


def _changes_by_slice(run: ChallengeRun) -> dict[str, tuple[int, int, int]]:
    rows = run.comparison.changes.values("slice").annotate(
        regressed=Count("pk", filter=Q(change=Change.REGRESSED)),
        improved=Count("pk", filter=Q(change=Change.IMPROVED)),
        cells=Count("pk"),
    )
    return {row["slice"]: (row["regressed"], row["improved"], row["cells"]) for row in rows}


# -- what is open -----------------------------------------------------------------------------


def live_items(rows: QuerySet[Remediation]) -> QuerySet[Remediation]:
    """Items that still have to be done, the most pressing first."""
    related = rows.select_related("owner", "scenario", "suite", "validation_run__model_version")
    return related.filter(status__in=_LIVE).order_by("due_on", "pk")


def is_late(item: Remediation) -> bool:
    return item.is_live and item.due_on < timezone.localdate()
