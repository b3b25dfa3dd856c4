"""Candidate against baseline: differences, what is undecided, and everything as CSV."""

import csv
from collections.abc import Iterable
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from benchmarks.engine.judge import EXPLORATION_Q
from benchmarks.models import Comparison
from benchmarks.panels import comparisons as panel
from benchmarks.panels.corrections import of_plan
from benchmarks.panels.reading import CellAddress, PlanWords
from benchmarks.panels.runs import undecided
from catalog.pages import DetailPage, address, project_of

UNDECIDED_PER_PAGE = 25
#: A spreadsheet runs what begins so as a formula; a leading apostrophe keeps it text.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class ComparisonDetail(DetailPage):
    queryset = Comparison.objects.select_related(
        "run__suite__model",
        "run__suite__project",
        "run__model_version",
        "run__baseline_run__model_version",
        "baseline_run__model_version",
        "baseline_run__suite",
    )
    template_name = "benchmarks/comparison_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        comparison = self.object
        run = comparison.run
        words = PlanWords(run.plan)
        place = CellAddress.of(run, self.project)
        keys = panel.judged_scenarios(comparison)
        asked = self.request.GET.get("scenario", "")
        scenario = asked if asked in keys else next(iter(keys), "")
        metric = words.metric(self.request.GET.get("metric"))
        changes = list(comparison.changes.filter(scenario=scenario))
        open_cells = Paginator(panel.undecided_cells(comparison, scenario), UNDECIDED_PER_PAGE)
        page = open_cells.get_page(self.request.GET.get("page"))
        return super().get_context_data(
            run=run,
            corrected=of_plan(run.plan, self.project),
            words=words,
            scenario=words.scenarios.get(scenario),
            scenarios=[words.scenarios[key] for key in keys if key in words.scenarios],
            metric=metric,
            counts=panel.change_counts(comparison),
            metric_rows=panel.by_metric(changes, words, place),
            slice_rows=panel.by_slice(changes, metric, words, place),
            guesses=panel.guesses(changes, metric, words, place),
            alarms=panel.alarm_rows(comparison, words),
            item_rows=panel.item_counts(comparison, words, self.items_page()),
            scenario_rows=panel.by_scenario(comparison, metric, words, place),
            margin=panel.margin_of(changes, metric),
            undecided=undecided(comparison),
            open_page=page,
            open_rows=panel.undecided_rows(page.object_list, words, place),
            exploration_q=EXPLORATION_Q,
            **kwargs,
        )

    def items_page(self) -> str:
        return address("comparison-items", self.project, pk=self.object.pk)


class Echo:
    """A file that hands each written line straight on."""

    def write(self, line: str) -> str:
        return line


def harmless(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula; numbers stay numbers."""
    is_formula = isinstance(value, str) and value.startswith(FORMULA_STARTS)
    return f"'{value}" if is_formula else value


@require_safe
def comparison_csv(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Every cell of a comparison, streamed."""
    row = project_of(request, project)
    rows = Comparison.objects.visible_to(request.user).in_project(row)
    comparison = get_object_or_404(rows.select_related("run"), pk=pk)
    lines: Iterable[list[Any]] = panel.csv_rows(comparison, PlanWords(comparison.run.plan))
    writer = csv.writer(Echo())
    response = StreamingHttpResponse(
        (writer.writerow([harmless(value) for value in line]) for line in lines),
        content_type="text/csv; charset=utf-8",
    )
    response["Content-Disposition"] = f'attachment; filename="comparison-{comparison.pk}.csv"'
    return response  # type: ignore[return-value]
