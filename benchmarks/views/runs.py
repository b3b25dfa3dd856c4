"""Runs: the list, one run while it works and once it is judged, and one of its cells."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from benchmarks import actions, plans
from benchmarks.choices import BaselineStatus, RunStatus
from benchmarks.forms import RunFilters
from benchmarks.models import ChallengeRun, Comparison
from benchmarks.panels import beside, cells, measurements, nets, served, used
from benchmarks.panels import runs as panel
from benchmarks.panels.corrections import of_plan
from benchmarks.panels.reading import CellAddress, PlanWords
from catalog.actions import require
from catalog.models import Project
from catalog.pages import DetailPage, ListPage, act, address, project_of

#: Everything about a run that a page says beside its numbers.
RUNS = ChallengeRun.objects.select_related(
    "suite__model",
    "suite__project",
    "model_version__endpoint",
    "baseline_run__model_version",
    "created_by",
)

PINNED = [BaselineStatus.PROPOSED, BaselineStatus.APPROVED]


class RunList(ListPage):
    queryset = (
        ChallengeRun.objects.with_progress()
        .select_related("suite__model", "model_version", "created_by")
        .defer("plan", "environment")
    )
    template_name = "benchmarks/run_list.html"
    filter_class = RunFilters
    search_fields = (
        "suite__title",
        "suite__model__title",
        "model_version__version",
        "external_id",
        "code_revision",
    )
    sort_fields = {
        "started": "created_at",
        "model": ("suite__model__title", "model_version__version"),
        "suite": ("suite__title", "created_at"),
        "status": ("status", "created_at"),
        "verdict": ("verdict", "created_at"),
    }
    sort_default = "-started"


class RunDetail(DetailPage):
    queryset = RUNS
    context_object_name = "run"
    template_name = "benchmarks/run_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = self.object
        words = PlanWords(run.plan)
        kwargs["served"] = served.served(run)
        kwargs["used"] = used.used(run)
        kwargs["is_stressed"] = any(map(plans.stress_of, run.plan["scenarios"]))
        if run.status != RunStatus.EVALUATED:
            now = timezone.now()
            return super().get_context_data(progress=panel.progress(run, words, now), **kwargs)
        return super().get_context_data(**self._judged(run, words), **kwargs)

    def _judged(self, run: ChallengeRun, words: PlanWords) -> dict[str, Any]:
        comparison = run.comparison
        place = CellAddress.of(run, self.project)
        checks = list(comparison.checks.all())
        metric = words.metric(self.request.GET.get("metric"))
        parts = panel.part_lines(run, words)
        said = {line.part.key: line.message for line in parts}
        return {
            "comparison": comparison,
            "corrected": of_plan(run.plan, self.project),
            "words": words,
            "metric": metric,
            "verdict": panel.verdict(comparison, checks, words, place),
            "matrix": cells.run_matrix(run, comparison, checks, words, metric, place, said),
            "worst_title": f"{metric.label} against the baseline",
            "worst": cells.worst_slices(comparison, words, metric, place),
            "checks": panel.check_rows(checks, words, place),
            "undecided": panel.undecided(comparison),
            "nets": nets.nets([line.part for line in parts], checks, words, place),
            "parts": parts,
            "beside": beside.beside(run, parts),
            "is_baseline": run.baselines.filter(status__in=PINNED).exists(),
            "propose_hidden": {"run": run.pk},
            "may_propose": self.may("benchmarks.propose_baseline"),
            "may_mend": self.may("benchmarks.change_remediation"),
            "may_start": self.may("benchmarks.start_run"),
        }


@require_safe
def run_progress(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The moving part of a run's page; once the run has ended it asks for the whole page anew."""
    row = project_of(request, project)
    run = get_object_or_404(RUNS.visible_to(request.user).in_project(row), pk=pk)
    context = {
        "run": run,
        "project": row,
        "progress": panel.progress(run, PlanWords(run.plan), timezone.now()),
    }
    response = render(request, "benchmarks/run_progress.html", context)
    if run.is_finished:
        response["HX-Refresh"] = "true"
    return response


@act(back="run-detail")
def run_again(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    """Judge the answers of a run once more, by the suite as it is now."""
    run = get_object_or_404(RUNS.visible_to(request.user).in_project(project), pk=pk)
    require(request.user, "benchmarks.start_run", run, "Your roles do not start runs.")
    again = actions.judge_again(run, by=request.user)
    messages.success(request, f"Run {again.pk} judges the answers of run {pk} by today's suite.")
    return redirect(address("run-detail", project, pk=again.pk))


class MeasurementDetail(DetailPage):
    """One cell, named by `scenario`, `metric` and `slice` in the query string."""

    queryset = RUNS
    context_object_name = "run"
    template_name = "benchmarks/measurement_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = self.object
        words = PlanWords(run.plan)
        comparison = Comparison.objects.filter(run=run).first()
        asked = (self.request.GET.get(name, "") for name in ("scenario", "metric", "slice"))
        cell = measurements.cell_view(run, comparison, words, *asked)
        if cell is None:
            raise Http404("The run's plan has no such cell.")
        place = CellAddress.of(run, self.project)
        is_change, rows = measurements.neighbours(run, comparison, cell, words, place)
        return super().get_context_data(
            cell=cell, comparison=comparison, is_change=is_change, neighbours=rows, **kwargs
        )
