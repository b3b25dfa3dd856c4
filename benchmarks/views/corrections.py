"""Corrections of one version of data: what is in force, the form, and what was taken back."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from benchmarks import corrections
from benchmarks.choices import CorrectionKind
from benchmarks.correction_forms import CorrectionForm
from benchmarks.forms import valid
from benchmarks.models import Correction
from benchmarks.panels.corrections import lines
from benchmarks.program_forms import ReasonForm
from catalog.actions import require
from catalog.models import DatasetVersion, Project
from catalog.pages import FormPage, act, address


class DataCorrections(FormPage):
    form_class = CorrectionForm
    template_name = "benchmarks/correction_list.html"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        rows = DatasetVersion.objects.select_related("dataset")
        self.version = self.find(rows, kwargs["pk"])

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        require(request.user, corrections.PERMISSION, self.version, corrections.REFUSAL)
        return super().post(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            datasetversion=self.version,
            lines=lines(self.version),
            most=int(corrections.LARGEST_SHARE * self.version.rows),
            may_correct=self.may(corrections.PERMISSION),
            **kwargs,
        )

    def act(self, form: Any) -> str:
        given = form.cleaned_data
        told = {"by": self.request.user, "reason": given["reason"]}
        if given["kind"] == CorrectionKind.RELABEL:
            corrections.relabel(self.version, given["items"], label=given["label"], **told)
        else:
            corrections.invalidate(self.version, given["items"], **told)
        messages.success(self.request, "Recorded. It counts from the next run on.")
        return address("data-corrections", self.project, pk=self.version.pk)


@act
def correction_take_back(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    rows = Correction.objects.visible_to(request.user).in_project(project)
    row = get_object_or_404(rows.select_related("dataset_version__dataset"), pk=pk)
    require(request.user, corrections.PERMISSION, row, corrections.REFUSAL)
    reason = valid(ReasonForm(request.POST))["reason"]
    corrections.take_back(row, by=request.user, reason=reason)
    messages.success(request, "Taken back. The file's own word counts from the next run on.")
    return redirect(address("data-corrections", project, pk=row.dataset_version_id))
