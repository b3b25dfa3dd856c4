"""The data that models are judged on: datasets, frozen versions with their columns, slices."""

from typing import Any

import django_filters
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from catalog import pages
from catalog.actions import declare_slice
from catalog.forms import Comparisons, SliceForm
from catalog.models import Dataset, DatasetVersion, Slice
from catalog.pages import DetailPage, Filters, FormPage, ListPage, address
from catalog.stewardship import due, with_review_due

#: A column's most frequent values that a table row has room for; the rest is counted.
TOP_SHOWN = 4
#: What is in a column of these kinds is not shown to everybody who may see that it exists.
WITHHELD = frozenset({"confidential", "restricted"})


class DatasetFilters(Filters):
    due = django_filters.ChoiceFilter(
        choices=[
            ("unreviewed", "No bias review"),
            ("review_overdue", "Bias review overdue"),
            ("retention_passed", "Retention over"),
        ],
        method="what_is_due",
        label="Due",
        empty_label="Any",
    )

    def what_is_due(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        today = timezone.localdate()
        if value == "retention_passed":
            return rows.filter(retention_until__lt=today)
        reviewed = with_review_due(rows)
        if value == "unreviewed":
            return reviewed.filter(review_due=None)
        return reviewed.filter(review_due__lt=today)


class DatasetList(ListPage):
    model = Dataset
    filter_class = DatasetFilters
    template_name = "catalog/dataset_list.html"
    search_fields = ("name", "title", "description", "source")
    sort_fields = {"title": "title", "versions": "version_count", "newest": "newest_at"}
    sort_default = "title"

    def sorted(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        newest = DatasetVersion.objects.filter(dataset=OuterRef("pk"))
        newest = newest.order_by("-created_at", "-pk")
        return super().sorted(
            with_review_due(rows).annotate(
                version_count=_count(DatasetVersion),
                slice_count=_count(Slice),
                newest_version=Subquery(newest.values("version")[:1]),
                newest_rows=Subquery(newest.values("rows")[:1]),
                newest_at=Subquery(newest.values("created_at")[:1]),
            )
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        today = timezone.localdate()
        context["rows"] = [
            (row, due(row, row.review_due, today)) for row in context["page_obj"].object_list
        ]
        return context


def _count(model: Any) -> Coalesce:
    rows = model.objects.filter(dataset=OuterRef("pk")).order_by()
    return Coalesce(Subquery(rows.values("dataset").annotate(n=Count("pk")).values("n")), 0)


class DatasetDetail(DetailPage):
    model = Dataset
    template_name = "catalog/dataset_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        reviews = list(self.object.bias_reviews.select_related("created_by"))
        newest = reviews[0].next_due if reviews else None
        return super().get_context_data(
            reviews=reviews,
            due=due(self.object, newest, timezone.localdate()),
            may_describe=self.may("catalog.add_datasetversion"),
            may_review=self.may_review(),
            # Profiles of thousands of columns are not read for a list of versions.
            versions=self.object.versions.defer("columns"),
            slices=self.object.slices.all(),
            may_declare=self.may("catalog.change_slice"),
            **kwargs,
        )

    def may_review(self) -> bool:
        brought_them = self.object.created_by_id == self.request.user.pk
        return self.may("catalog.review_data") and not brought_them


class DatasetVersionDetail(DetailPage):
    queryset = DatasetVersion.objects.select_related("dataset__project", "created_by")
    template_name = "catalog/dataset_version.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        version = self.object
        return super().get_context_data(
            columns=[_column(version, column) for column in version.columns],
            panels=pages.panels(pages.data_panels, version, self.request.user),
            **kwargs,
        )


def _column(version: DatasetVersion, column: dict[str, Any]) -> dict[str, Any]:
    """A column as its table row shows it; what it holds only where its sensitivity allows."""
    profile = column.get("profile", {})
    missing, distinct = profile.get("missing"), profile.get("distinct")
    jobs = {
        version.id_column: "item id",
        version.label_column: "label",
        version.time_column: "time",
    }
    top = profile.get("top", [])
    return {
        "name": column["name"],
        "job": jobs.get(column["name"], ""),
        "kind": column["kind"],
        "dtype": column.get("dtype", ""),
        "sensitivity": column["sensitivity"],
        "missing": missing,
        "missing_share": missing / version.rows if missing is not None and version.rows else None,
        "distinct": distinct,
        "withheld": column["sensitivity"] in WITHHELD,
        "profile": {name: _whole(value) for name, value in profile.items()},
        "top": [(value, n / version.rows) for value, n in top[:TOP_SHOWN]],
        "more": max(0, (distinct or 0) - TOP_SHOWN),
    }


def _whole(value: Any) -> Any:
    """A whole number without the decimals that it only got by being averaged."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class SliceCreate(FormPage):
    form_class = SliceForm
    template_name = "catalog/slice_form.html"
    permission_required = "catalog.change_slice"
    refusal = "Only contributors declare slices."
    comparisons: Any

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.dataset = self.find(Dataset.objects, kwargs["pk"])
        data = request.POST if request.method == "POST" else None
        self.comparisons = Comparisons(
            data, prefix="c", form_kwargs={"columns": self.dataset.column_kinds()}
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            dataset=self.dataset, comparisons=self.comparisons, **kwargs
        )

    def form_valid(self, form: Any) -> HttpResponse:
        if not self.comparisons.is_valid():
            return self.form_invalid(form)
        return super().form_valid(form)

    def act(self, form: Any) -> str:
        given = form.cleaned_data
        declare_slice(
            self.dataset,
            key=given["key"],
            title=given["title"],
            condition=self.comparisons.condition(given["join"]),
            critical=given["critical"],
            by=self.request.user,
        )
        return address("dataset-detail", self.project, pk=self.dataset.pk) + "#slices"
