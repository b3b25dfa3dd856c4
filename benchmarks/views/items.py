"""The items of one scenario of a comparison: a page of them, and all that are listed as CSV."""

import csv
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_safe

from benchmarks import pairs
from benchmarks.engine.items import ItemKind
from benchmarks.engine.slices import ALL
from benchmarks.models import Comparison
from benchmarks.panels import items as panel
from benchmarks.panels.comparisons import judged_scenarios
from benchmarks.panels.reading import PlanWords
from benchmarks.views.comparisons import Echo, harmless
from catalog.pages import DetailPage, address, project_of

PER_PAGE = 50
COMPARISONS = Comparison.objects.select_related(
    "run__suite__model",
    "run__suite__project",
    "run__model_version",
    "baseline_run__model_version",
    "baseline_run__suite",
)


@dataclass(frozen=True)
class Asked:
    """What an address asks for; what it does not know is taken as not asked."""

    scenario: str
    kind: ItemKind
    slice: str

    @classmethod
    def of(cls, request: HttpRequest, comparison: Comparison) -> "Asked":
        keys = judged_scenarios(comparison)
        scenario, kind = request.GET.get("scenario", ""), request.GET.get("kind", "")
        return cls(
            scenario if scenario in keys else next(iter(keys), ""),
            ItemKind(kind) if kind in set(ItemKind) else ItemKind.NEWLY_FAILING,
            request.GET.get("slice", ALL),
        )

    def within(self, pair: pairs.Pair) -> "Asked":
        known = self.slice in pair.items.members
        return self if known else Asked(self.scenario, self.kind, ALL)

    def query(self, kind: ItemKind | None = None) -> str:
        chosen = {"scenario": self.scenario, "kind": kind or self.kind, "slice": self.slice}
        return "?" + urlencode(chosen)


class ComparisonItems(DetailPage):
    queryset = COMPARISONS
    template_name = "benchmarks/comparison_items.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        comparison = self.object
        words = PlanWords(comparison.run.plan)
        asked = Asked.of(self.request, comparison)
        keys = judged_scenarios(comparison)
        shown = {
            "run": comparison.run,
            "scenarios": [words.scenarios[key] for key in keys if key in words.scenarios],
            "scenario": words.scenarios.get(asked.scenario),
            **kwargs,
        }
        if not asked.scenario:
            return super().get_context_data(silence="No scenario delivered evidence.", **shown)
        try:
            pair = pairs.of_scenario(comparison, asked.scenario)
        except pairs.NotListed as error:
            return super().get_context_data(silence=str(error), **shown)
        return super().get_context_data(**self.listed(pair, asked.within(pair)), **shown)

    def listed(self, pair: pairs.Pair, asked: Asked) -> dict[str, Any]:
        places = pair.items.places(asked.kind, asked.slice)
        page = Paginator(places, PER_PAGE).get_page(self.request.GET.get("page"))
        counts = pair.items.counts(asked.slice)
        rows = np.asarray(page.object_list, dtype=np.int64)
        return {
            "pair": pair,
            "asked": asked,
            "page_obj": page,
            "lines": panel.lines(self.object, asked.scenario, pair, rows, self.request.user),
            "tabs": [
                {
                    "label": panel.LABELS[kind],
                    "count": counts[kind],
                    "url": asked.query(kind),
                    "active": kind is asked.kind,
                }
                for kind in ItemKind
            ],
        }


@require_safe
def comparison_items_csv(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """All items of the chosen kind and slice, streamed; the page says why where there are none."""
    row = project_of(request, project)
    rows = COMPARISONS.visible_to(request.user).in_project(row)
    comparison = get_object_or_404(rows, pk=pk)
    asked = Asked.of(request, comparison)
    try:
        pair = pairs.of_scenario(comparison, asked.scenario)
    except pairs.NotListed:
        return redirect(address("comparison-items", row, pk=comparison.pk) + asked.query())
    asked = asked.within(pair)
    places = pair.items.places(asked.kind, asked.slice)
    lines = panel.csv_rows(comparison, asked.scenario, pair, asked.kind, places, request.user)
    writer = csv.writer(Echo())
    response = StreamingHttpResponse(
        (writer.writerow([harmless(value) for value in line]) for line in lines),
        content_type="text/csv; charset=utf-8",
    )
    name = f"comparison-{comparison.pk}-{asked.kind}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response  # type: ignore[return-value]
