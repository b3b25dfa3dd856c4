"""What people choose and type on the pages of runs and suites; actions ask if they may."""

from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from benchmarks.choices import RunSource, RunStatus, SuiteKind, VerdictChoice
from benchmarks.models import ChallengeRun, Scenario, Suite
from catalog.models import DatasetVersion, ModelVersion, RegisteredModel
from catalog.pages import Filters


def valid(form: forms.BaseForm) -> dict[str, Any]:
    """The cleaned data. Raises ValidationError in the form's words."""
    if not form.is_valid():
        raise ValidationError([problem for rows in form.errors.values() for problem in rows])
    return form.cleaned_data


# -- acts -------------------------------------------------------------------------------------


class StartRunForm(forms.Form):
    """Which version is to face the suite; a watch also needs the window it looks at."""

    version = forms.ModelChoiceField(
        ModelVersion.objects.none(),
        empty_label="Choose a version",
        error_messages={
            "required": "Choose the version that is to face the suite.",
            "invalid_choice": "That version is not of this suite's model.",
        },
    )
    window = forms.ModelChoiceField(
        DatasetVersion.objects.none(),
        empty_label="Choose a window",
        help_text="The dataset version that this look is about.",
        error_messages={
            "required": "Choose the window that this look is about.",
            "invalid_choice": "There is no such dataset version.",
        },
    )

    def __init__(self, *args: Any, suite: Suite, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = ModelVersion.objects.filter(model=suite.model_id).select_related("model")
        self.fields["version"].queryset = versions  # type: ignore[attr-defined]
        if suite.kind != SuiteKind.WATCH:
            del self.fields["window"]
            return
        datasets = Scenario.objects.filter(places__suite=suite).values("dataset")
        windows = DatasetVersion.objects.filter(dataset__in=datasets).select_related("dataset")
        self.fields["window"].queryset = windows  # type: ignore[attr-defined]


class ProposeBaselineForm(forms.Form):
    """Which run is to be beaten from now on, and why it."""

    run = forms.ModelChoiceField(
        ChallengeRun.objects.none(),
        empty_label="Choose an evaluated run",
        error_messages={
            "required": "Choose the run that later versions must beat.",
            "invalid_choice": "Only an evaluated run of this suite can be its baseline.",
        },
    )
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": 4000}),
        error_messages={"required": "Say why this run is what later versions must beat."},
    )

    def __init__(self, *args: Any, suite: Suite, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        runs = ChallengeRun.objects.filter(suite=suite).evaluated()
        choices = runs.select_related("suite", "model_version")
        self.fields["run"].queryset = choices  # type: ignore[attr-defined]
        self.fields["run"].label_from_instance = _run_label  # type: ignore[attr-defined]


def _run_label(run: ChallengeRun) -> str:
    verdict = VerdictChoice(run.verdict).label.lower()
    return f"{run.model_version.version}, run {run.pk} of {run.created_at:%-d %b %Y}: {verdict}"


class DecideBaselineForm(forms.Form):
    """Yes or no to a proposed baseline, on what grounds."""

    decision = forms.ChoiceField(
        choices=[("approve", "Approve"), ("reject", "Reject")],
        error_messages={"required": "Approve or reject the proposal."},
    )
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": 4000}),
        help_text="On what you base the decision.",
        error_messages={"required": "Say on what you base this decision."},
    )


# -- lists ------------------------------------------------------------------------------------


def _models(request: Any) -> QuerySet[RegisteredModel]:
    return RegisteredModel.objects.filter(project=request.project)


def _versions(request: Any) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(model__project=request.project).select_related("model")


def _suites(request: Any) -> QuerySet[Suite]:
    return Suite.objects.filter(project=request.project)


class RunFilters(Filters):
    """What a list of runs can be narrowed by."""

    model = django_filters.ModelChoiceFilter(
        field_name="suite__model", queryset=_models, label="Model", empty_label="Any"
    )
    version = django_filters.ModelChoiceFilter(
        field_name="model_version", queryset=_versions, label="Version", empty_label="Any"
    )
    suite = django_filters.ModelChoiceFilter(queryset=_suites, label="Suite", empty_label="Any")
    status = django_filters.ChoiceFilter(
        choices=RunStatus.choices, label="Status", empty_label="Any"
    )
    verdict = django_filters.ChoiceFilter(
        choices=VerdictChoice.choices, label="Verdict", empty_label="Any"
    )
    source = django_filters.ChoiceFilter(
        choices=RunSource.choices, label="Source", empty_label="Any"
    )

    class Meta:
        model = ChallengeRun
        fields: list[str] = []


class SuiteFilters(Filters):
    """What a list of suites can be narrowed by."""

    model = django_filters.ModelChoiceFilter(queryset=_models, label="Model", empty_label="Any")
    kind = django_filters.ChoiceFilter(choices=SuiteKind.choices, label="Kind", empty_label="Any")

    class Meta:
        model = Suite
        fields: list[str] = []
