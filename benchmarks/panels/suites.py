"""A suite and its scenarios as they stand now, and what there is to beat."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.utils import timezone

from benchmarks.choices import BaselineStatus, TestLevel
from benchmarks.engine.flakiness import Flakiness
from benchmarks.models import (
    Baseline,
    ChallengeRun,
    Comparison,
    Criterion,
    MetricSpec,
    Quarantine,
    Scenario,
    ScenarioAssumption,
    ScenarioSlice,
    Suite,
)
from benchmarks.panels.reading import sentence_of
from benchmarks.quarantine import flakiness_of
from catalog.models import Assumption, Slice


def with_latest_run(suites: QuerySet[Suite]) -> QuerySet[Suite]:
    """For the list: counts and the newest run, all in the one query."""
    newest = ChallengeRun.objects.filter(suite=OuterRef("pk")).order_by("-created_at", "-pk")
    approved = Baseline.objects.filter(suite=OuterRef("pk"), status=BaselineStatus.APPROVED)
    return suites.select_related("model", "owner").annotate(
        scenario_count=Count("places", distinct=True),
        run_count=Count("runs", distinct=True),
        latest_id=Subquery(newest.values("pk")[:1]),
        latest_version=Subquery(newest.values("model_version__version")[:1]),
        latest_status=Subquery(newest.values("status")[:1]),
        latest_verdict=Subquery(newest.values("verdict")[:1]),
        latest_at=Subquery(newest.values("created_at")[:1]),
        baseline_version=Subquery(approved.values("run__model_version__version")[:1]),
    )


def scenario_parts(scenarios: QuerySet[Scenario]) -> QuerySet[Scenario]:
    """Scenarios with criteria, slices and assumptions, one query each however many there are."""
    return scenarios.select_related("dataset", "dataset_version__dataset").prefetch_related(
        Prefetch("criteria", queryset=Criterion.objects.select_related("metric", "slice")),
        Prefetch("slice_links", queryset=ScenarioSlice.objects.select_related("slice")),
        Prefetch(
            "assumption_links", queryset=ScenarioAssumption.objects.select_related("assumption")
        ),
    )


@dataclass(frozen=True)
class SuiteContents:
    scenarios: tuple[Scenario, ...]
    metrics: tuple[MetricSpec, ...]
    slices: tuple[Slice, ...]
    assumptions: tuple[Assumption, ...]


def contents(suite: Suite) -> SuiteContents:
    scenarios = tuple(
        scenario_parts(Scenario.objects.filter(places__suite=suite)).order_by("places__position")
    )
    specs = {spec.key: spec for spec in MetricSpec.objects.filter(project=suite.project_id)}
    slices = {link.slice_id: link.slice for one in scenarios for link in one.slice_links.all()}
    assumptions = {
        link.assumption_id: link.assumption
        for one in scenarios
        for link in one.assumption_links.all()
    }
    return SuiteContents(
        scenarios=scenarios,
        metrics=tuple(specs[key] for key in suite.metrics if key in specs),
        slices=tuple(slices.values()),
        assumptions=tuple(assumptions.values()),
    )


def of_level(scenarios: Sequence[Scenario], level: str) -> tuple[Scenario, ...]:
    """Those of one level; all of them where none, or one that there is not, is asked for."""
    if level not in TestLevel.values:
        return tuple(scenarios)
    return tuple(one for one in scenarios if one.level == level)


@dataclass(frozen=True)
class Steadiness:
    """How alike a scenario answered when asked again, and whether it is set aside today."""

    scenario: Scenario
    seen: Flakiness
    quarantine: Quarantine | None


def steadiness(suite: Suite, scenarios: Sequence[Scenario]) -> list[Steadiness]:
    """Scenarios asked more than once or set aside, the least steady first: two queries."""
    seen = flakiness_of(suite)
    rows = Quarantine.objects.active(timezone.localdate()).filter(suite=suite)
    aside = {row.scenario_id: row for row in rows.select_related("owner", "created_by")}
    lines = [
        Steadiness(one, seen.get(one.key, Flakiness(0, 0, None)), aside.get(one.pk))
        for one in scenarios
    ]
    told = [line for line in lines if line.seen.pairs or line.quarantine]
    return sorted(told, key=lambda line: -(line.seen.share or 0.0))


def baselines(suite: Suite) -> list[Baseline]:
    """All baselines of a suite, newest first, with the people and the run."""
    return list(suite.baselines.select_related("run__model_version", "created_by", "decided_by"))


def approved(rows: Sequence[Baseline]) -> Baseline | None:
    return next((row for row in rows if row.status == BaselineStatus.APPROVED), None)


@dataclass(frozen=True)
class Outcome:
    """What one run found about one scenario."""

    run: ChallengeRun
    finding: str
    sentence: str


def outcomes_of(scenario: Scenario, limit: int = 20) -> list[Outcome]:
    """The newest judged runs of the suites that hold the scenario, and what each found there."""
    comparisons = (
        Comparison.objects.filter(run__suite__scenarios=scenario)
        .select_related("run__suite", "run__model_version")
        .order_by("-created_at", "-pk")[:limit]
    )
    found = [(comparison.run, _outcome(comparison, scenario.key)) for comparison in comparisons]
    return [Outcome(run, row["finding"], sentence_of(row["reason"])) for run, row in found if row]


def _outcome(comparison: Comparison, key: str) -> dict[str, str] | None:
    return next((row for row in comparison.scenarios if row["key"] == key), None)
