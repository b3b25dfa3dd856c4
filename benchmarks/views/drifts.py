"""Comparisons of data: the list with its question, and one comparison column by column."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from benchmarks import drifts
from benchmarks.drift_forms import CompareDataForm, DriftFilters
from benchmarks.forms import valid
from benchmarks.models import DriftComparison
from benchmarks.panels.drifts import column_rows
from catalog.actions import require
from catalog.models import Project
from catalog.pages import DetailPage, ListPage, act, address


class DriftList(ListPage):
    queryset = DriftComparison.objects.select_related(
        "dataset", "reference", "current", "created_by"
    ).defer("report")
    template_name = "benchmarks/drift_list.html"
    filter_class = DriftFilters
    search_fields = ("dataset__title", "reference__version", "current__version")
    sort_fields = {
        "dataset": ("dataset__title", "created_at"),
        "drifted": "drifted",
        "when": "created_at",
    }
    sort_default = "-when"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form: forms.Form | None = None
        if self.may(drifts.PERMISSION):
            form = CompareDataForm(project=self.project, initial=self.request.GET.dict())
        return super().get_context_data(form=form, **kwargs)


class DriftDetail(DetailPage):
    queryset = DriftComparison.objects.select_related(
        "dataset", "reference", "current", "created_by"
    )
    context_object_name = "drift"
    template_name = "benchmarks/drift_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = column_rows(self.object.report)
        return super().get_context_data(
            columns=rows,
            undecided=sum(row.verdict in {"undecided", "too_few"} for row in rows),
            classifier=self.object.report["classifier"],
            **kwargs,
        )


@act(back="drift-list")
def drift_compare(request: HttpRequest, project: Project) -> HttpResponse:
    require(request.user, drifts.PERMISSION, project, drifts.REFUSAL)
    chosen = valid(CompareDataForm(request.POST, project=project))
    found = drifts.compare(chosen["reference"], chosen["current"], by=request.user)
    return redirect(address("drift-detail", project, pk=found.pk))
