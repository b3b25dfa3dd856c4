"""What people choose and type about programs; actions ask if they may."""

from typing import Any

import django_filters
from django import forms
from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from benchmarks.choices import CadenceUnit, ProgramStatus, SuiteKind, TriggerKind
from benchmarks.models import MetricSpec, Program, Suite
from benchmarks.models.program import CONSEQUENCES, LONGEST_TEXT
from catalog.choices import Role
from catalog.forms import choose, people_of, text
from catalog.models import Project, RegisteredModel
from catalog.pages import Filters

#: Empty lines offered below the ones there are.
SPARE = 2


def contributors_of(project: Project) -> QuerySet[Any]:
    """Those who can own a program or an item: an owner has to be able to act on it."""
    return people_of(project).filter(
        memberships__project=project, memberships__role=Role.CONTRIBUTOR
    )


class SuiteChoice(forms.ModelMultipleChoiceField):
    """Suites by title and model."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, suite: Any) -> str:
        return f"{suite.title} ({suite.model.title})"


class RiskAreaForm(forms.Form):
    """One risk area, and what a failure there would mean to whom."""

    name = forms.CharField(max_length=80, required=False)
    customer = forms.CharField(max_length=LONGEST_TEXT, required=False)
    financial = forms.CharField(max_length=LONGEST_TEXT, required=False)
    brand = forms.CharField(max_length=LONGEST_TEXT, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("name") and any(data.get(part) for part in CONSEQUENCES):
            self.add_error("name", "Name the risk area.")
        return data


class RubricLineForm(forms.Form):
    """One metric of the rubric: how much it weighs, and where no and full points are given."""

    metric = forms.ModelChoiceField(
        MetricSpec.objects.none(), to_field_name="key", required=False, empty_label="No metric"
    )
    weight = forms.FloatField(min_value=0, required=False)
    worst = forms.FloatField(required=False, label="No points at")
    best = forms.FloatField(required=False, label="Full points at")

    def __init__(self, *args: Any, metrics: QuerySet[MetricSpec], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["metric"].queryset = metrics  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("metric"):
            for part in ("weight", "worst", "best"):
                if data.get(part) is None and part not in self.errors:
                    self.add_error(part, "Give a number.")
        return data


AreaSet = forms.formset_factory(RiskAreaForm, extra=SPARE, max_num=40, absolute_max=60)
RubricSet = forms.formset_factory(RubricLineForm, extra=SPARE, max_num=20, absolute_max=40)


class ProgramForm(forms.Form):
    """A program with its risk areas and its rubric; an emptied line is taken away."""

    model = forms.ModelChoiceField(RegisteredModel.objects.none(), empty_label="Choose a model")
    key = forms.CharField(
        max_length=64, help_text="Its short name in addresses and posts; it stays for good."
    )
    title = forms.CharField(max_length=160)
    goal = forms.CharField(widget=text(2), help_text="What the team wants to know.")
    scope = forms.CharField(
        widget=text(2),
        required=False,
        help_text="What it covers, and what it leaves to others.",
    )
    owner = forms.ModelChoiceField(get_user_model().objects.none())
    suites = SuiteChoice(Suite.objects.none(), required=False)
    cadence_unit = forms.ChoiceField(
        choices=[("", "No cadence"), *CadenceUnit.choices], required=False, label="Repeats by"
    )
    cadence_every = forms.IntegerField(
        min_value=1,
        max_value=365,
        initial=1,
        label="Every",
        help_text="With weeks, 2 means every other week.",
    )
    cadence_anchor = forms.DateField(
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        required=False,
        label="First due on",
        help_text="Later days are counted from this one.",
    )
    grace_days = forms.IntegerField(
        min_value=0, max_value=90, initial=0, help_text="Days after which it is called overdue."
    )
    starts_runs = forms.BooleanField(
        required=False,
        label="Start by itself",
        help_text="On the due day the workers run its suites on the version in production.",
    )
    triggers = forms.MultipleChoiceField(
        choices=TriggerKind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Also runs when these change",
        help_text="Data: a scenario came to use other data. Code: a newer version was registered. "
        "Library and infrastructure: the workers' packages, or the machines they run on.",
    )

    def __init__(self, *args: Any, project: Project, program: Program | None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        suites = Suite.objects.filter(project=project, kind=SuiteKind.CHALLENGE)
        if program is not None:
            del self.fields["model"], self.fields["key"]
            suites = suites.filter(model=program.model_id)
        else:
            models = RegisteredModel.objects.filter(project=project)
            choose(self.fields["model"], models, "Choose a model")
        choose(self.fields["owner"], contributors_of(project), "Choose an owner")
        self.fields["suites"].queryset = suites.select_related("model")  # type: ignore[attr-defined]
        data = self.data if self.is_bound else None
        metrics = MetricSpec.objects.filter(project=project)
        self.areas = AreaSet(data, prefix="areas", initial=program.risk_areas if program else None)
        self.lines = RubricSet(
            data,
            prefix="rubric",
            initial=program.rubric if program else None,
            form_kwargs={"metrics": metrics},
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not (self.areas.is_valid() and self.lines.is_valid()):
            self.add_error(None, "Look at the risk areas and the rubric again.")
            return data
        data["risk_areas"] = [
            {part: area[part] for part in ("name", *CONSEQUENCES)}
            for area in self.areas.cleaned_data
            if area.get("name")
        ]
        data["rubric"] = [
            {**line, "metric": line["metric"].key}
            for line in self.lines.cleaned_data
            if line.get("metric")
        ]
        return data


class StatusForm(forms.Form):
    """What is to become of a program, and why."""

    status = forms.ChoiceField(choices=ProgramStatus.choices)
    reason = forms.CharField(error_messages={"required": "Say why."})


class ReasonForm(forms.Form):
    reason = forms.CharField(error_messages={"required": "Say why."})


# -- the list ---------------------------------------------------------------------------------


def _models(request: Any) -> QuerySet[RegisteredModel]:
    return RegisteredModel.objects.filter(project=request.project)


class ProgramFilters(Filters):
    """What a list of programs can be narrowed by."""

    model = django_filters.ModelChoiceFilter(queryset=_models, label="Model", empty_label="Any")
    status = django_filters.ChoiceFilter(
        choices=ProgramStatus.choices, label="Status", empty_label="Any"
    )

    class Meta:
        model = Program
        fields: list[str] = []
