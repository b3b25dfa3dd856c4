"""What people choose about comparisons of data."""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet

from benchmarks.models import DriftComparison
from catalog.forms import choose
from catalog.models import Dataset, DatasetVersion, Project
from catalog.pages import Filters


class CompareDataForm(forms.Form):
    """Two versions of one dataset: what it was, and what it is."""

    reference = forms.ModelChoiceField(DatasetVersion.objects.none(), help_text="What it was.")
    current = forms.ModelChoiceField(DatasetVersion.objects.none(), help_text="What it is now.")

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = DatasetVersion.objects.filter(dataset__project=project).select_related("dataset")
        for name in ("reference", "current"):
            choose(self.fields[name], rows, "Choose a version")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        reference, current = data.get("reference"), data.get("current")
        if reference and current and reference.dataset_id != current.dataset_id:
            raise forms.ValidationError("Choose two versions of the same dataset.")
        return data


def _datasets(request: Any) -> QuerySet[Dataset]:
    return Dataset.objects.filter(project=request.project)


class DriftFilters(Filters):
    """What a list of data comparisons can be narrowed by."""

    dataset = django_filters.ModelChoiceFilter(
        queryset=_datasets, label="Dataset", empty_label="Any"
    )

    class Meta:
        model = DriftComparison
        fields: list[str] = []
