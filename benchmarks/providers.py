"""What catalog pages say from the evidence: status of assumptions, timelines, runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max

from benchmarks import amendments
from benchmarks.choices import BaselineStatus, RunStatus
from benchmarks.engine.values import Finding
from benchmarks.models import Baseline, ChallengeRun, Comparison, ScenarioAssumption
from benchmarks.panels.reading import sentence_of
from catalog.models import Assumption, DatasetVersion, ModelVersion, RegisteredModel
from catalog.pages import AssumptionStatus, Entry, Panel, address

TIMELINE_LIMIT = 200
VERSION_RUNS = 10
_EVIDENCE = {Finding.PASS, Finding.FAIL, Finding.INCONCLUSIVE}


# -- assumptions ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evidence:
    """The newest finding of one version under one scenario that tests an assumption."""

    scenario: str
    comparison: Comparison
    finding: str
    reason: str

    @property
    def version(self) -> str:
        return self.comparison.run.model_version.version


@dataclass
class _Gathered:
    """What there is about one assumption, by what it can say."""

    used: list[Evidence] = field(default_factory=list)
    silent: list[Evidence] = field(default_factory=list)


def assumption_status(rows: Sequence[Assumption], user: Any) -> Mapping[int, AssumptionStatus]:
    """By each version's newest run of each linked scenario: one broken version violates it.

    A version that does not use what a scenario changes says nothing about the assumption.
    """
    return {
        pk: _status(found, _project_address(found))
        for pk, found in _gather(rows).items()
        if found.used or found.silent
    }


def evidence_of(assumption: Assumption) -> list[Evidence]:
    """Everything that bears on one assumption, what violates it first."""
    found = _gather([assumption])[assumption.pk]
    order = [Finding.FAIL, Finding.INCONCLUSIVE, Finding.PASS]
    return sorted(found.used, key=lambda one: order.index(Finding(one.finding))) + found.silent


def _gather(rows: Sequence[Assumption]) -> dict[int, _Gathered]:
    """Two queries for any number of assumptions."""
    links: dict[int, list[tuple[str, str]]] = {row.pk: [] for row in rows}
    for link in ScenarioAssumption.objects.filter(assumption__in=links).select_related("scenario"):
        links[link.assumption_id].append((link.scenario.key, link.scenario.title))
    newest = _newest({row.model_id for row in rows})
    gathered = {row.pk: _Gathered() for row in rows}
    for row in rows:
        for key, title in links[row.pk]:
            for comparison, outcome in newest.get((row.model_id, key), {}).values():
                one = Evidence(title, comparison, outcome["finding"], outcome["reason"])
                heap = gathered[row.pk]
                (heap.used if one.finding in _EVIDENCE else heap.silent).append(one)
    return gathered


_Newest = dict[tuple[int, str], dict[int, tuple[Comparison, dict[str, str]]]]


def _newest(models: set[int]) -> _Newest:
    """By model and scenario key: each version's newest comparison, and what it found there."""
    latest = (
        Comparison.objects.filter(run__suite__model__in=models)
        .order_by()
        .values("run__suite", "run__model_version")
        .annotate(latest=Max("pk"))
        .values("latest")
    )
    rows = Comparison.objects.filter(pk__in=latest).order_by("-pk")
    found: _Newest = {}
    for comparison in rows.select_related("run__suite__project", "run__model_version"):
        run = comparison.run
        for outcome in comparison.scenarios:
            versions = found.setdefault((run.suite.model_id, outcome["key"]), {})
            versions.setdefault(run.model_version_id, (comparison, outcome))
    return found


def _project_address(found: _Gathered) -> dict[int, str]:
    return {
        one.comparison.pk: run_address(one.comparison.run) for one in [*found.used, *found.silent]
    }


def run_address(run: ChallengeRun) -> str:
    return address("run-detail", run.suite.project, pk=run.pk)


def _status(found: _Gathered, places: Mapping[int, str]) -> AssumptionStatus:
    failing = [one for one in found.used if one.finding == Finding.FAIL]
    passing = [one for one in found.used if one.finding == Finding.PASS]
    if failing:
        first = failing[0]
        sentence = (
            f"{first.version} fails under “{first.scenario}”{_more(failing, 'fails', 'fail')}."
        )
        return AssumptionStatus("violated", sentence, places[first.comparison.pk])
    if passing:
        first = passing[0]
        others = _more(passing, "passes", "pass")
        sentence = f"{first.version} passes under “{first.scenario}”{others}, none fails."
        return AssumptionStatus("holds", sentence, places[first.comparison.pk])
    first = (found.used or found.silent)[0]
    sentence = (
        "Evidence so far is inconclusive."
        if found.used
        else f"Scenarios were run, but none tells. {sentence_of(first.reason)}"
    )
    return AssumptionStatus("untested", sentence, places[first.comparison.pk])


def _more(found: Sequence[Evidence], one: str, many: str) -> str:
    rest = len(found) - 1
    words = f"finding {one}" if rest == 1 else f"findings {many}"
    return f"; {rest} more {words}" if rest else ""


def assumption_panel(assumption: Assumption, user: Any) -> Panel | None:
    rows = evidence_of(assumption)
    if not rows:
        return None
    lines = [
        {
            "evidence": one,
            "url": run_address(one.comparison.run),
            "sentence": sentence_of(one.reason),
        }
        for one in rows
    ]
    return Panel("Evidence", "benchmarks/panel_evidence.html", {"rows": lines})


# -- models and versions ----------------------------------------------------------------------


def timeline(model: RegisteredModel, user: Any) -> Iterable[Entry]:
    """Runs and baselines of a model, newest first."""
    runs = (
        ChallengeRun.objects.filter(suite__model=model)
        .select_related("suite__project", "model_version", "created_by")
        .defer("plan", "environment")[:TIMELINE_LIMIT]
    )
    pinned = Baseline.objects.filter(suite__model=model).select_related(
        "suite__project", "run__model_version", "created_by", "decided_by"
    )[:TIMELINE_LIMIT]
    entries = [_run_entry(run) for run in runs]
    for baseline in pinned:
        entries += _baseline_entries(baseline)
    return sorted(entries, key=lambda entry: entry["when"], reverse=True)


def _run_entry(run: ChallengeRun) -> Entry:
    return Entry(
        when=run.finished_at or run.created_at,
        title=f"{run.model_version.version}: {run.suite.title}",
        kind="Run",
        who=str(run.created_by or ""),
        sentence=run.error if run.status == RunStatus.ERRORED else "",
        url=run_address(run),
        badge=run.verdict or run.status,
    )


def _baseline_entries(baseline: Baseline) -> list[Entry]:
    version, suite = baseline.run.model_version.version, baseline.suite
    url = address("suite-detail", suite.project, pk=suite.pk) + "#baseline"
    title = f"{version} as baseline of {suite.title}"
    entries = [
        Entry(
            when=baseline.created_at,
            title=f"Proposed: {title}",
            kind="Baseline",
            who=str(baseline.created_by or ""),
            sentence=baseline.reason,
            url=url,
            badge="submitted",
        )
    ]
    if baseline.decided_at is not None:
        rejected = baseline.status == BaselineStatus.REJECTED
        entries.append(
            Entry(
                when=baseline.decided_at,
                title=f"{'Rejected' if rejected else 'Approved'}: {title}",
                kind="Baseline",
                who=str(baseline.decided_by or ""),
                sentence=baseline.decision_reason,
                url=url,
                badge="rejected" if rejected else "approved",
            )
        )
    return entries


def version_panel(version: ModelVersion, user: Any) -> Panel | None:
    """The newest runs of a version; a version that never ran says so."""
    runs = (
        ChallengeRun.objects.filter(model_version=version)
        .select_related("suite", "created_by")
        .with_progress()
        .order_by("-created_at", "-pk")[:VERSION_RUNS]
    )
    return Panel("Runs", "benchmarks/panel_runs.html", {"runs": list(runs)})


# -- data -------------------------------------------------------------------------------------


def data_panel(version: DatasetVersion, user: Any) -> Panel | None:
    """How many items of a version are judged otherwise than its file has them."""
    found = amendments.in_force([version.pk]).get(version.pk)
    context = {"version": version, "found": found, "project": version.dataset.project}
    return Panel("Corrections", "benchmarks/panel_corrections.html", context)
