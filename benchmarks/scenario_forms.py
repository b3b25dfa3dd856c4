"""What people choose and type about scenarios and suites; actions ask if they may."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from benchmarks.choices import TestLevel
from benchmarks.models import MetricSpec, Scenario, Suite
from benchmarks.models.scenario import MOST_REPEATS
from catalog.forms import choose, text
from catalog.models import (
    Assumption,
    Dataset,
    DatasetVersion,
    Project,
    RegisteredModel,
    Slice,
)
from catalog.validators import identifier

SPARE = 2
MANY = forms.CheckboxSelectMultiple(attrs={"class": "choice-columns"})


class DatasetForm(forms.Form):
    """Which data a new scenario is about: its columns decide what can be changed."""

    dataset = forms.ModelChoiceField(Dataset.objects.none())

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Dataset.objects.filter(project=project)
        choose(self.fields["dataset"], rows, "Choose a dataset")


class ScenarioForm(forms.Form):
    """A scenario but for its steps and criteria."""

    key = forms.CharField(
        max_length=64,
        validators=[identifier],
        help_text="Its short name in plans and posts; it stays for good.",
    )
    title = forms.CharField(max_length=160)
    description = forms.CharField(
        widget=text(2), required=False, help_text="What it stands for in the world."
    )
    risk_area = forms.CharField(
        max_length=80, required=False, help_text="As a program of the model names it."
    )
    level = forms.ChoiceField(
        choices=TestLevel.choices,
        required=False,
        initial=TestLevel.MODEL,
        help_text="Which part it puts to the test on the way from raw data to a person.",
    )
    dataset_version = forms.ModelChoiceField(DatasetVersion.objects.none(), required=False)
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        initial=0,
        help_text="The same seed disturbs the same rows.",
    )
    repeats = forms.IntegerField(
        min_value=1,
        max_value=MOST_REPEATS,
        required=False,
        help_text="How often it is asked, each time with a seed of its own. Left empty: once.",
    )
    must_pass = forms.IntegerField(
        min_value=1,
        max_value=MOST_REPEATS,
        required=False,
        label="Repeats that must pass",
        help_text="Left empty: all of them.",
    )
    slices = forms.ModelMultipleChoiceField(Slice.objects.none(), widget=MANY, required=False)
    assumptions = forms.ModelMultipleChoiceField(
        Assumption.objects.none(), widget=forms.CheckboxSelectMultiple, required=False
    )
    reason = forms.CharField(
        widget=text(2), help_text="Why it changes, for those who compare runs across the change."
    )

    def __init__(
        self, *args: Any, dataset: Dataset, scenario: Scenario | None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.standing_level = scenario.level if scenario else TestLevel.MODEL
        del self.fields["key" if scenario else "reason"]
        versions = DatasetVersion.objects.filter(dataset=dataset)
        choose(self.fields["dataset_version"], versions, "Each run brings its window")
        self._offer("slices", Slice.objects.filter(dataset=dataset))
        of_project = Assumption.objects.filter(model__project=dataset.project_id)
        self._offer("assumptions", of_project.select_related("model"))

    def clean_level(self) -> str:
        return self.cleaned_data["level"] or self.standing_level

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["repeats"] = data.get("repeats") or 1
        data["must_pass"] = data.get("must_pass") or data["repeats"]
        return data

    def _offer(self, name: str, rows: Any) -> None:
        self.fields[name].queryset = rows  # type: ignore[attr-defined]


class CriterionForm(forms.Form):
    """One rule: a bound on the value, on the worsening against the baseline, or on both."""

    metric = forms.ModelChoiceField(
        MetricSpec.objects.none(), required=False, empty_label="No criterion"
    )
    slice = forms.ModelChoiceField(Slice.objects.none(), required=False, empty_label="All rows")
    value_threshold = forms.FloatField(
        required=False, label="Value bound", widget=forms.NumberInput(attrs={"step": "any"})
    )
    change_threshold = forms.FloatField(
        required=False,
        min_value=0,
        label="Allowed worsening",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    critical = forms.BooleanField(required=False)
    why = forms.CharField(max_length=4000, required=False, label="Why it matters")

    def __init__(self, *args: Any, dataset: Dataset, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        metrics = MetricSpec.objects.filter(project=dataset.project_id)
        choose(self.fields["metric"], metrics, "No criterion")
        choose(self.fields["slice"], Slice.objects.filter(dataset=dataset), "All rows")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("metric"):
            return data
        if not data.get("why"):
            self.add_error("why", "Say why it matters to users or the business.")
        bounds = ("value_threshold", "change_threshold")
        if all(data.get(name) is None and name not in self.errors for name in bounds):
            self.add_error("value_threshold", "Give a bound on the value or on the worsening.")
        return data


CriterionSet = forms.formset_factory(CriterionForm, extra=SPARE, max_num=100, absolute_max=200)


def criterion_forms(
    data: Mapping[str, Any] | None, *, dataset: Dataset, scenario: Scenario | None
) -> Any:
    names = ("metric", "slice", "value_threshold", "change_threshold", "critical", "why")
    rows = scenario.criteria.select_related("metric", "slice") if scenario else ()
    initial = [{name: getattr(row, name) for name in names} for row in rows]
    return CriterionSet(data, prefix="criteria", initial=initial, form_kwargs={"dataset": dataset})


def _money(label: str, help_text: str) -> forms.DecimalField:
    """An amount above 0, as finely as the suite keeps it."""
    return forms.DecimalField(
        min_value=Decimal("0.0001"),
        max_digits=14,
        decimal_places=4,
        required=False,
        label=label,
        help_text=help_text,
    )


class SuiteForm(forms.Form):
    """A suite of challenges: what a version of the model must face."""

    model = forms.ModelChoiceField(RegisteredModel.objects.none())
    key = forms.CharField(
        max_length=64,
        validators=[identifier],
        help_text="Its short name in posts; it stays for good.",
    )
    title = forms.CharField(max_length=160)
    goal = forms.CharField(widget=text(2), required=False)
    metrics = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, help_text="Measured in every scenario."
    )
    scenarios = forms.ModelMultipleChoiceField(Scenario.objects.none(), widget=MANY)
    unit_of_independence = forms.CharField(max_length=120, initial="one row")
    cluster_columns = forms.MultipleChoiceField(
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 6}),
        help_text="Rows that agree in these columns are not independent. None: every row is.",
    )
    protected_column = forms.ChoiceField(
        required=False,
        help_text="Its values are the groups that the model is to treat alike.",
    )
    error_budget = forms.FloatField(
        min_value=0,
        max_value=1,
        initial=0,
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text="Share of scenarios that may lack evidence before nothing can be concluded.",
    )
    longest_seconds = forms.IntegerField(
        min_value=1,
        required=False,
        label="Longest time of a run, in seconds",
        help_text="Counted from when a worker takes its first scenario. What is not done by then "
        "ends in an error. Left empty: no limit.",
    )
    most_requests = forms.IntegerField(
        min_value=1,
        required=False,
        label="Most requests of a run",
        help_text="To the endpoint of a version that answers over HTTP. Left empty: no limit.",
    )
    most_tokens = forms.IntegerField(
        min_value=1,
        required=False,
        label="Most tokens of a run",
        help_text="Looked at before each request: what was begun is let finish, then the run "
        "stops asking. Left empty: no limit.",
    )
    highest_cost = _money(
        label="Highest cost of a run",
        help_text="Likewise. Left empty: no limit.",
    )
    cost_unit = forms.CharField(
        max_length=12,
        required=False,
        label="Unit of cost",
        help_text="Left empty: USD.",
    )
    usage_reported = forms.BooleanField(
        required=False,
        label="The endpoint reports what its answers use",
        help_text="Its tokens, and its cost where no price is given below. An answer that says "
        "nothing of it, or nonsense, then ends its scenario in an error.",
    )
    requests_price = _money(
        label="Price of 1,000 requests",
        help_text="Of every request that is sent, answered or not.",
    )
    tokens_price = _money(
        label="Price of 1,000 tokens",
        help_text="Of the tokens that the endpoint reports.",
    )
    reason = forms.CharField(
        widget=text(2), help_text="Why it changes, for those who compare runs across the change."
    )

    def __init__(self, *args: Any, project: Project, suite: Suite | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if suite is None:
            models = RegisteredModel.objects.filter(project=project)
            choose(self.fields["model"], models, "Choose a model")
            del self.fields["reason"]
        else:
            del self.fields["model"], self.fields["key"]
        defined = MetricSpec.objects.filter(project=project)
        self._choices("metrics", [(spec.key, spec.label) for spec in defined])
        scenarios = Scenario.objects.filter(project=project).order_by("title")
        self.fields["scenarios"].queryset = scenarios  # type: ignore[attr-defined]
        columns = {
            name
            for dataset in Dataset.objects.filter(project=project).prefetch_related("versions")
            for name in dataset.column_kinds()
        }
        offered = [(name, name) for name in sorted(columns)]
        self._choices("cluster_columns", offered)
        self._choices("protected_column", [("", "None: groups are not compared"), *offered])

    def _choices(self, name: str, pairs: list[tuple[str, str]]) -> None:
        self.fields[name].choices = pairs  # type: ignore[attr-defined]

    def clean_cost_unit(self) -> str:
        return self.cleaned_data["cost_unit"] or "USD"
