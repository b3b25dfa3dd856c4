"""The model inventory, one model with its timeline, one version."""

from collections.abc import Iterator
from typing import Any

import django_filters
from django.core.paginator import Paginator
from django.db.models import (
    Case,
    Count,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils.functional import cached_property

from catalog import pages
from catalog.actions import register_endpoint, register_model
from catalog.choices import RiskTier
from catalog.forms import ModelForm
from catalog.lifecycle import CONFIRMED_OPEN, OPEN
from catalog.models import FailureCase, ModelVersion, RegisteredModel
from catalog.pages import DetailPage, Entry, Filters, FormPage, ListPage, address
from catalog.version_forms import EndpointForm

ENTRIES_PER_PAGE = 20


def ranked(field: str, choices: Any) -> Case:
    """Sorts a closed list by its own order, not by the alphabet."""
    ranks = [When(**{field: value}, then=Value(rank)) for rank, value in enumerate(choices.values)]
    return Case(*ranks, output_field=IntegerField())


def _failures(statuses: frozenset[Any]) -> Coalesce:
    cases = FailureCase.objects.filter(model=OuterRef("pk"), status__in=statuses)
    counted = cases.order_by().values("model").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)


class ModelFilters(Filters):
    risk_tier = django_filters.ChoiceFilter(
        choices=RiskTier.choices, label="Risk tier", empty_label="Any"
    )


class ModelList(ListPage):
    model = RegisteredModel
    template_name = "catalog/model_list.html"
    filter_class = ModelFilters
    search_fields = ("name", "title", "owner__first_name", "owner__last_name", "owner__username")
    sort_fields = {"title": "title", "risk": "risk_rank", "failures": "failures_open"}
    sort_default = "title"

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("owner", "production_version")

    def sorted(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        versions = ModelVersion.objects.filter(model=OuterRef("pk")).order_by()
        counted = versions.values("model").annotate(n=Count("pk")).values("n")
        return super().sorted(
            rows.annotate(
                risk_rank=ranked("risk_tier", RiskTier),
                failures_open=_failures(OPEN),
                version_count=Coalesce(Subquery(counted), 0),
            )
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(may_add=self.may("catalog.add_registeredmodel"), **kwargs)


class ModelDetail(DetailPage):
    queryset = RegisteredModel.objects.select_related("owner", "production_version", "project")
    template_name = "catalog/model_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user, model = self.request.user, self.object
        versions = list(model.versions.select_related("created_by", "training_data__dataset"))
        assumptions = list(model.assumptions.select_related("owner"))
        statuses = pages.assumption_statuses(assumptions, user)
        entries = _timeline(model, versions, user)
        page = Paginator(entries, ENTRIES_PER_PAGE).get_page(self.request.GET.get("page"))
        counts = model.failures.aggregate(
            open=Count("pk", filter=Q(status__in=OPEN)),
            confirmed=Count("pk", filter=Q(status__in=CONFIRMED_OPEN)),
        )
        return super().get_context_data(
            versions=versions,
            assumptions=[(row, statuses[row.pk]) for row in assumptions],
            panels=pages.panels(pages.model_panels, model, user),
            timeline_page=page,
            failures=counts,
            may_edit=self.may("catalog.change_registeredmodel"),
            may_register=self.may("catalog.register_version"),
            **kwargs,
        )


def _timeline(model: RegisteredModel, versions: list[ModelVersion], user: Any) -> list[Entry]:
    """Everything that happened to a model, newest first, whoever knows of it."""
    entries = [_registered(model, version) for version in versions]
    entries += _production_changes(model, {version.pk: version.version for version in versions})
    for provide in pages.timeline_providers:
        entries.extend(provide(model, user))
    return sorted(entries, key=lambda entry: entry["when"], reverse=True)


def _registered(model: RegisteredModel, version: ModelVersion) -> Entry:
    return {
        "when": version.created_at,
        "kind": "Version",
        "who": str(version.created_by or ""),
        "title": f"{version.version} registered",
        "sentence": version.notes,
        "url": address("version-detail", model.project, pk=version.pk),
    }


def _production_changes(model: RegisteredModel, names: dict[int, str]) -> Iterator[Entry]:
    before = None
    for state in model.history.select_related("history_user").order_by("history_date", "pk"):
        now = state.production_version_id
        if now != before and now is not None:
            yield {
                "when": state.history_date,
                "kind": "Production",
                "who": str(state.history_user or ""),
                "title": f"{names[now]} serves",
                "sentence": state.history_change_reason or "",
                "badge": "production",
            }
        before = now


class ModelCreate(FormPage):
    form_class = ModelForm
    template_name = "catalog/model_form.html"
    permission_required = "catalog.add_registeredmodel"
    refusal = "Only contributors register models."

    def get_form_kwargs(self) -> dict[str, Any]:
        return {
            **super().get_form_kwargs(),
            "project": self.project,
            "instance": RegisteredModel(project=self.project),
        }

    def act(self, form: Any) -> str:
        model = register_model(self.project, by=self.request.user, **form.cleaned_data)
        return address("model-detail", self.project, pk=model.pk)


class ModelEdit(FormPage):
    form_class = ModelForm
    template_name = "catalog/model_form.html"
    permission_required = "catalog.change_registeredmodel"
    refusal = "Only contributors edit the inventory."

    def get_form_kwargs(self) -> dict[str, Any]:
        self.model = self.find(RegisteredModel.objects, self.kwargs["pk"])
        return {**super().get_form_kwargs(), "project": self.project, "instance": self.model}

    def act(self, form: Any) -> str:
        form.instance.record(by=self.request.user, reason="edited")
        return address("model-detail", self.project, pk=self.model.pk)


class EndpointCreate(FormPage):
    """Registers a version by its address; versions with a file come from CI."""

    form_class = EndpointForm
    template_name = "catalog/endpoint_form.html"
    permission_required = "catalog.register_version"
    refusal = "Only contributors register versions."

    @cached_property
    def registered(self) -> RegisteredModel:
        row: RegisteredModel = self.find(RegisteredModel.objects, self.kwargs["pk"])
        return row

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "model": self.registered}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(model=self.registered, **kwargs)

    def act(self, form: Any) -> str:
        version = register_endpoint(self.registered, by=self.request.user, **form.registration())
        return address("version-detail", self.project, pk=version.pk)


class VersionDetail(DetailPage):
    queryset = ModelVersion.objects.select_related(
        "model__owner", "created_by", "training_data__dataset", "endpoint"
    )
    template_name = "catalog/version_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        version = self.object
        return super().get_context_data(
            serves=version.model.production_version_id == version.pk,
            endpoint=getattr(version, "endpoint", None),
            environment=list(_flat(version.environment)),
            panels=pages.panels(pages.version_panels, version, self.request.user),
            failure_count=_open_failures_seen_in(version),
            **kwargs,
        )


def _open_failures_seen_in(version: ModelVersion) -> int:
    cases = FailureCase.objects.filter(status__in=OPEN, occurrences__model_version=version)
    return cases.distinct().count()


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """A nested environment as rows of name and value, such as each package and its version."""
    if isinstance(value, dict):
        for inner_name, inner in value.items():
            yield from _flat(inner, inner_name)
    else:
        yield name, ", ".join(map(str, value)) if isinstance(value, list) else value
