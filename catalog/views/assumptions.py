"""What must hold for a model to be used, with the status that the evidence gives it."""

from collections.abc import Sequence
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone

from catalog import pages
from catalog.actions import state_assumption
from catalog.choices import AssumptionCategory
from catalog.forms import AssumptionForm
from catalog.models import Assumption, RegisteredModel
from catalog.pages import DetailPage, Filters, FormPage, ListPage, address

STATUSES = [("violated", "Violated"), ("untested", "Untested"), ("holds", "Holds")]


class AssumptionFilters(Filters):
    model = django_filters.ModelChoiceFilter(
        queryset=lambda request: RegisteredModel.objects.in_project(request.project),
        label="Model",
        empty_label="Any",
    )
    category = django_filters.ChoiceFilter(
        choices=AssumptionCategory.choices, label="Category", empty_label="Any"
    )
    status = django_filters.ChoiceFilter(
        choices=STATUSES, method="having_status", label="Status", empty_label="Any"
    )
    overdue = django_filters.ChoiceFilter(
        choices=[("yes", "Overdue")], method="review_overdue", label="Review", empty_label="Any"
    )

    def having_status(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        # Derived from evidence above the catalog, so it cannot be asked of the database.
        statuses = pages.assumption_statuses(list(rows), self.request.user)
        return rows.filter(pk__in=[pk for pk, one in statuses.items() if one.status == value])

    def review_overdue(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(review_date__lt=timezone.localdate())


class AssumptionList(ListPage):
    queryset = Assumption.objects.select_related("model", "owner")
    template_name = "catalog/assumption_list.html"
    filter_class = AssumptionFilters
    search_fields = ("statement", "how_checked")
    sort_fields = {"statement": "statement", "model": "model__title", "review": "review_date"}
    sort_default = "review"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(
            may_state=self.may("catalog.change_assumption"), **kwargs
        )
        rows: Sequence[Assumption] = list(context["page_obj"])
        statuses = pages.assumption_statuses(rows, self.request.user)
        today = timezone.localdate()
        context["rows"] = [(row, statuses[row.pk], row.review_date < today) for row in rows]
        return context


class AssumptionDetail(DetailPage):
    queryset = Assumption.objects.select_related("model", "owner", "created_by")
    template_name = "catalog/assumption_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row, user = self.object, self.request.user
        return super().get_context_data(
            status=pages.assumption_statuses([row], user)[row.pk],
            overdue=row.review_date < timezone.localdate(),
            panels=pages.panels(pages.assumption_panels, row, user),
            may_edit=self.may("catalog.change_assumption"),
            **kwargs,
        )


class AssumptionCreate(FormPage):
    form_class = AssumptionForm
    template_name = "catalog/assumption_form.html"
    permission_required = "catalog.change_assumption"
    refusal = "Only contributors state assumptions."

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "project": self.project}

    def get_initial(self) -> dict[str, Any]:
        return {"model": self.request.GET.get("model"), "owner": self.request.user.pk}

    def act(self, form: Any) -> str:
        row = state_assumption(by=self.request.user, **form.cleaned_data)
        return address("assumption-detail", self.project, pk=row.pk)


class AssumptionEdit(FormPage):
    form_class = AssumptionForm
    template_name = "catalog/assumption_form.html"
    permission_required = "catalog.change_assumption"
    refusal = "Only contributors edit assumptions."

    def get_form_kwargs(self) -> dict[str, Any]:
        self.assumption = self.find(Assumption.objects, self.kwargs["pk"])
        return {
            **super().get_form_kwargs(),
            "project": self.project,
            "instance": self.assumption,
        }

    def act(self, form: Any) -> str:
        form.instance.record(by=self.request.user, reason="edited")
        return address("assumption-detail", self.project, pk=self.assumption.pk)
