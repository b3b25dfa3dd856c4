"""Suites and scenarios, and what people do with a suite: start a run, pin its baseline."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from benchmarks import actions, quarantine
from benchmarks.choices import BaselineStatus, TestLevel
from benchmarks.forms import (
    DecideBaselineForm,
    ProposeBaselineForm,
    StartRunForm,
    SuiteFilters,
    valid,
)
from benchmarks.models import Baseline, ChallengeRun, Quarantine, Scenario, Suite
from benchmarks.panels import suites as panel
from benchmarks.program_forms import ReasonForm
from benchmarks.remediation_forms import QuarantineForm
from catalog.actions import require
from catalog.models import Project
from catalog.pages import DetailPage, ListPage, act, address

RECENT_RUNS = 10
PAST = {BaselineStatus.SUPERSEDED, BaselineStatus.REJECTED}
#: Asked before the form is read: whoever may not act learns nothing of what it would take.
_ONLY_CONTRIBUTORS = "Only contributors propose baselines."
_ONLY_REVIEWERS = "Only reviewers decide on baselines."


class SuiteList(ListPage):
    queryset = panel.with_latest_run(Suite.objects.all())
    template_name = "benchmarks/suite_list.html"
    filter_class = SuiteFilters
    search_fields = ("key", "title", "goal", "model__title")
    sort_fields = {
        "title": "title",
        "model": ("model__title", "title"),
        "kind": ("kind", "title"),
        "latest": "latest_at",
    }
    sort_default = "title"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(may_write=self.may("benchmarks.change_suite"), **kwargs)


class SuiteDetail(DetailPage):
    queryset = Suite.objects.select_related("model", "owner", "project", "program")
    template_name = "benchmarks/suite_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        suite = self.object
        rows = panel.baselines(suite)
        runs = suite.runs.select_related("model_version", "created_by").with_progress()
        runs = runs.order_by("-created_at", "-pk")
        may_start, may_propose = (
            self.may(f"benchmarks.{name}") for name in ("start_run", "propose_baseline")
        )
        contents = panel.contents(suite)
        level = self.request.GET.get("level", "")
        may_quarantine = self.may(quarantine.PERMISSION)
        return super().get_context_data(
            contents=contents,
            shown_scenarios=panel.of_level(contents.scenarios, level),
            levels=TestLevel.choices,
            level=level,
            steadiness=panel.steadiness(suite, contents.scenarios),
            quarantine_form=QuarantineForm(suite=suite) if may_quarantine else None,
            runs=list(runs[:RECENT_RUNS]),
            baseline=panel.approved(rows),
            proposals=[row for row in rows if row.status == BaselineStatus.PROPOSED],
            past_baselines=[row for row in rows if row.status in PAST],
            start_form=StartRunForm(suite=suite) if may_start else None,
            propose_form=ProposeBaselineForm(suite=suite) if may_propose else None,
            decide_form=DecideBaselineForm(auto_id=False),
            may_decide=self.may("benchmarks.approve_baseline"),
            may_write=self.may("benchmarks.change_suite"),
            **kwargs,
        )


class ScenarioDetail(DetailPage):
    queryset = panel.scenario_parts(Scenario.objects.prefetch_related("suites"))
    template_name = "benchmarks/scenario_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            outcomes=panel.outcomes_of(self.object),
            may_write=self.may("benchmarks.change_suite"),
            **kwargs,
        )


# -- acts -------------------------------------------------------------------------------------


def _suite(request: HttpRequest, project: Project, pk: int) -> Suite:
    rows = Suite.objects.visible_to(request.user).in_project(project)
    return get_object_or_404(rows.select_related("project"), pk=pk)


@act(back="suite-detail")
def run_start(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    suite = _suite(request, project, pk)
    require(request.user, "benchmarks.start_run", suite, "Your roles do not start runs.")
    chosen = valid(StartRunForm(request.POST, suite=suite))
    run = actions.start_run(
        chosen["version"], suite=suite, by=request.user, window=chosen.get("window")
    )
    messages.success(request, f"Started {run}. The workers take its scenarios one by one.")
    return redirect(address("run-detail", project, pk=run.pk))


@act(back="suite-detail")
def baseline_propose(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    suite = _suite(request, project, pk)
    require(request.user, "benchmarks.propose_baseline", suite, _ONLY_CONTRIBUTORS)
    chosen = valid(ProposeBaselineForm(request.POST, suite=suite))
    run: ChallengeRun = chosen["run"]
    actions.propose_baseline(run, by=request.user, reason=chosen["reason"])
    messages.success(request, "Proposed as baseline. It counts once a reviewer approves it.")
    return redirect(address("suite-detail", project, pk=suite.pk) + "#baseline")


@act(back="suite-detail")
def quarantine_add(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    suite = _suite(request, project, pk)
    require(request.user, quarantine.PERMISSION, suite, quarantine.REFUSAL)
    chosen = valid(QuarantineForm(request.POST, suite=suite))
    row = quarantine.quarantine(suite, by=request.user, **chosen)
    messages.success(request, f"Set aside: {row}. It still runs and is reported.")
    return redirect(address("suite-detail", project, pk=suite.pk) + "#quarantine")


@act
def quarantine_lift(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    rows = Quarantine.objects.visible_to(request.user).in_project(project)
    row = get_object_or_404(rows.select_related("suite", "scenario"), pk=pk)
    require(request.user, quarantine.PERMISSION, row, quarantine.REFUSAL)
    quarantine.lift(row, by=request.user, reason=valid(ReasonForm(request.POST))["reason"])
    messages.success(request, f"{row.scenario} counts again from the next run on.")
    return redirect(address("suite-detail", project, pk=row.suite_id) + "#quarantine")


@act
def baseline_decide(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    rows = Baseline.objects.visible_to(request.user).in_project(project)
    baseline = get_object_or_404(rows.select_related("suite", "run__model_version"), pk=pk)
    require(request.user, "benchmarks.approve_baseline", baseline, _ONLY_REVIEWERS)
    chosen = valid(DecideBaselineForm(request.POST))
    approve = chosen["decision"] == "approve"
    actions.decide_baseline(baseline, by=request.user, approve=approve, reason=chosen["reason"])
    version = baseline.run.model_version.version
    messages.success(
        request,
        f"{version} is now what later versions must beat."
        if approve
        else f"The proposal of {version} is rejected.",
    )
    return redirect(address("suite-detail", project, pk=baseline.suite_id) + "#baseline")
