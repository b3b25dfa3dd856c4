"""Remediation items: the list, one item with its evidence, and what people do with it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from benchmarks import remediation
from benchmarks.choices import RemediationStatus
from benchmarks.forms import valid
from benchmarks.models import Remediation, Scenario
from benchmarks.panels import programs as panel
from benchmarks.program_forms import ReasonForm
from benchmarks.remediation_forms import (
    EvidenceForm,
    RemediationFilters,
    RemediationForm,
    seen_in,
)
from catalog.actions import require
from catalog.models import Project
from catalog.pages import DetailPage, FormPage, ListPage, act, address

ITEMS = Remediation.objects.select_related(
    "model__project",
    "program",
    "suite",
    "scenario",
    "owner",
    "created_by",
    "closed_by",
    "validation_run__model_version",
    "comparison__run__model_version",
    "failure_case",
)


class RemediationList(ListPage):
    queryset = Remediation.objects.select_related("model", "program", "owner", "scenario")
    template_name = "benchmarks/remediation_list.html"
    filter_class = RemediationFilters
    search_fields = ("title", "weakness", "scenario__title")
    sort_fields = {
        "title": "title",
        "status": ("status", "due_on"),
        "due": "due_on",
        "owner": ("owner__first_name", "due_on"),
    }
    sort_default = "due"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(may_write=self.may(remediation.PERMISSION), **kwargs)
        context["rows"] = [(item, panel.is_late(item)) for item in context["page_obj"]]
        return context


class RemediationDetail(DetailPage):
    queryset = ITEMS
    context_object_name = "item"
    template_name = "benchmarks/remediation_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        item = self.object
        may_write = self.may(remediation.PERMISSION)
        may_close = self.may("benchmarks.close_remediation")
        run = item.validation_run
        judged = run is not None and run.status == "evaluated"
        return super().get_context_data(
            is_late=panel.is_late(item),
            finding=remediation.finding_of(item, run) if judged else "",
            evidence_form=EvidenceForm(item=item) if may_write and item.is_live else None,
            may_close=may_close and item.status == RemediationStatus.IN_VALIDATION,
            is_own=item.owner_id == self.request.user.pk,
            may_write=may_write,
            **kwargs,
        )


class RemediationCreate(FormPage):
    form_class = RemediationForm
    template_name = "benchmarks/remediation_form.html"
    permission_required = remediation.PERMISSION
    refusal = remediation.REFUSAL

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "project": self.project, "item": None}

    def get_initial(self) -> dict[str, Any]:
        asked = self.request.GET
        named = Scenario.objects.filter(project=self.project, key=asked.get("key", "")).first()
        return {
            "owner": self.request.user.pk,
            "title": asked.get("title", "")[:160],
            "weakness": asked.get("weakness", ""),
            "place": f"{asked.get('suite', '')}-{named.pk}" if named else "",
        }

    def act(self, form: Any) -> str:
        fields = dict(form.cleaned_data)
        suite, scenario = fields.pop("place")
        item = remediation.open_item(
            suite.model,
            suite=suite,
            scenario=scenario,
            program=suite.program,
            comparison=seen_in(self.project, self.request.GET.get("comparison", "")),
            by=self.request.user,
            **fields,
        )
        messages.success(self.request, f"Opened: {item}.")
        return address("remediation-detail", self.project, pk=item.pk)


class RemediationEdit(FormPage):
    form_class = RemediationForm
    template_name = "benchmarks/remediation_form.html"
    permission_required = remediation.PERMISSION
    refusal = remediation.REFUSAL

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.item = self.find(ITEMS, self.kwargs["pk"])

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "project": self.project, "item": self.item}

    def get_initial(self) -> dict[str, Any]:
        initial = {name: getattr(self.item, name) for name in remediation.EDITABLE}
        return {**initial, "owner": self.item.owner_id}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(item=self.item, **kwargs)

    def act(self, form: Any) -> str:
        remediation.change_item(self.item, by=self.request.user, **form.cleaned_data)
        return address("remediation-detail", self.project, pk=self.item.pk)


# -- acts -------------------------------------------------------------------------------------


def _item(request: HttpRequest, project: Project, pk: int) -> Remediation:
    rows = Remediation.objects.visible_to(request.user).in_project(project)
    return get_object_or_404(rows.select_related("model", "suite", "scenario", "owner"), pk=pk)


def _back(project: Project, item: Remediation) -> HttpResponse:
    return redirect(address("remediation-detail", project, pk=item.pk))


@act(back="remediation-detail")
def remediation_evidence(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    item = _item(request, project, pk)
    require(request.user, remediation.PERMISSION, item, remediation.REFUSAL)
    chosen = valid(EvidenceForm(request.POST, item=item))
    remediation.offer_evidence(item, chosen["run"], by=request.user)
    messages.success(request, "Offered. Somebody other than the owner closes it.")
    return _back(project, item)


@act(back="remediation-detail")
def remediation_close(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    item = _item(request, project, pk)
    require(
        request.user,
        "benchmarks.close_remediation",
        item,
        "Your roles do not close remediation items.",
    )
    reason = valid(ReasonForm(request.POST))["reason"]
    remediation.close_item(item, by=request.user, reason=reason)
    messages.success(request, "Closed by its evidence.")
    return _back(project, item)


@act(back="remediation-detail")
def remediation_withdraw(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    item = _item(request, project, pk)
    require(request.user, remediation.PERMISSION, item, remediation.REFUSAL)
    reason = valid(ReasonForm(request.POST))["reason"]
    remediation.withdraw_item(item, by=request.user, reason=reason)
    messages.success(request, "Withdrawn. The weakness stays on record.")
    return _back(project, item)


@act(back="remediation-detail")
def remediation_reopen(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    item = _item(request, project, pk)
    require(request.user, remediation.PERMISSION, item, remediation.REFUSAL)
    reason = valid(ReasonForm(request.POST))["reason"]
    remediation.reopen_item(item, by=request.user, reason=reason)
    messages.success(request, "Open again.")
    return _back(project, item)
