"""The data that models are judged on: datasets, frozen versions with their columns, slices."""

from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse

from catalog.actions import declare_slice
from catalog.forms import Comparisons, SliceForm
from catalog.models import Dataset, DatasetVersion, Slice
from catalog.pages import DetailPage, FormPage, ListPage, address

#: A column's most frequent values that a table row has room for; the rest is counted.
TOP_SHOWN = 4
#: What is in a column of these kinds is not shown to everybody who may see that it exists.
WITHHELD = frozenset({"confidential", "restricted"})


class DatasetList(ListPage):
    model = Dataset
    template_name = "catalog/dataset_list.html"
    search_fields = ("name", "title", "description", "source")
    sort_fields = {"title": "title", "versions": "version_count", "newest": "newest_at"}
    sort_default = "title"

    def sorted(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        newest = DatasetVersion.objects.filter(dataset=OuterRef("pk"))
        newest = newest.order_by("-created_at", "-pk")
        return super().sorted(
            rows.annotate(
                version_count=_count(DatasetVersion),
                slice_count=_count(Slice),
                newest_version=Subquery(newest.values("version")[:1]),
                newest_rows=Subquery(newest.values("rows")[:1]),
                newest_at=Subquery(newest.values("created_at")[:1]),
            )
        )


def _count(model: Any) -> Coalesce:
    rows = model.objects.filter(dataset=OuterRef("pk")).order_by()
    return Coalesce(Subquery(rows.values("dataset").annotate(n=Count("pk")).values("n")), 0)


class DatasetDetail(DetailPage):
    model = Dataset
    template_name = "catalog/dataset_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            # Profiles of thousands of columns are not read for a list of versions.
            versions=self.object.versions.defer("columns"),
            slices=self.object.slices.all(),
            may_declare=self.may("catalog.change_slice"),
            **kwargs,
        )


class DatasetVersionDetail(DetailPage):
    queryset = DatasetVersion.objects.select_related("dataset", "created_by")
    template_name = "catalog/dataset_version.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        version = self.object
        return super().get_context_data(
            columns=[_column(version, column) for column in version.columns], **kwargs
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
