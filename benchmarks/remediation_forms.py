"""What people choose and type about weaknesses and who mends them until when."""

from typing import Any

import django_filters
from django import forms
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils import timezone

from benchmarks.choices import RemediationStatus, SuiteKind
from benchmarks.models import ChallengeRun, Comparison, Program, Remediation, Scenario, Suite
from benchmarks.program_forms import contributors_of
from benchmarks.quarantine import LONGEST
from catalog.forms import choose, text
from catalog.models import Project
from catalog.pages import Filters


class RemediationForm(forms.Form):
    """A weakness, who mends it until when, and what has to pass before it counts as mended."""

    title = forms.CharField(max_length=160)
    weakness = forms.CharField(widget=text(3), help_text="What goes wrong, and for whom.")
    acceptance = forms.CharField(
        widget=text(2),
        label="Done when",
        help_text="In words; the scenario below is what decides.",
    )
    place = forms.ChoiceField(
        label="Scenario that must pass",
        error_messages={"required": "Choose the scenario that must pass."},
    )
    owner = forms.ModelChoiceField(get_user_model().objects.none())
    due_on = forms.DateField(
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}), label="Due on"
    )
    reason = forms.CharField(
        widget=text(2),
        help_text="Why it changes; kept with the earlier wording.",
    )

    def __init__(self, *args: Any, project: Project, item: Remediation | None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        choose(self.fields["owner"], contributors_of(project), "Choose an owner")
        if item is not None:
            del self.fields["place"]
            return
        del self.fields["reason"]
        self.places = _places(project)
        choices = [(key, f"{place[0]}: {place[1]}") for key, place in self.places.items()]
        self.fields["place"].choices = [("", "Choose a scenario"), *choices]  # type: ignore[attr-defined]

    def clean_place(self) -> tuple[Suite, Scenario]:
        return self.places[self.cleaned_data["place"]]


def _places(project: Project) -> dict[str, tuple[Suite, Scenario]]:
    """Every scenario of every challenge suite, by suite and scenario number."""
    suites = Suite.objects.filter(project=project, kind=SuiteKind.CHALLENGE)
    return {
        f"{suite.pk}-{place.scenario_id}": (suite, place.scenario)
        for suite in suites.prefetch_related("places__scenario").order_by("title")
        for place in suite.places.all()
    }


class EvidenceForm(forms.Form):
    """The run that shows a weakness is gone."""

    run = forms.ModelChoiceField(
        ChallengeRun.objects.none(),
        empty_label="Choose a run",
        error_messages={
            "required": "Choose the run that shows it.",
            "invalid_choice": "Only a run of the item's suite that came later can show it.",
        },
    )

    def __init__(self, *args: Any, item: Remediation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        later = ChallengeRun.objects.filter(suite=item.suite_id, created_at__gt=item.created_at)
        related = later.select_related("suite", "model_version").defer("plan")
        self.fields["run"].queryset = related.order_by("-created_at")  # type: ignore[attr-defined]


class QuarantineForm(forms.Form):
    """Which scenario of a suite is set aside, until when, and who sees to it meanwhile."""

    scenario = forms.ModelChoiceField(
        Scenario.objects.none(),
        error_messages={"required": "Choose the scenario that is to be set aside."},
    )
    owner = forms.ModelChoiceField(
        get_user_model().objects.none(), help_text="Who finds out why it does not answer alike."
    )
    until = forms.DateField(
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=f"The last day; at most {LONGEST.days} days ahead. It ends by itself.",
    )
    reason = forms.CharField(
        widget=text(2), help_text="What was seen, and why the scenario may not decide meanwhile."
    )

    def __init__(self, *args: Any, suite: Suite, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scenarios = Scenario.objects.filter(places__suite=suite).order_by("title")
        choose(self.fields["scenario"], scenarios, "Choose a scenario")
        choose(self.fields["owner"], contributors_of(suite.project), "Choose an owner")


def seen_in(project: Project, number: str) -> Comparison | None:
    """The comparison of this number in the project, where a weakness was seen."""
    if not number.isdigit():
        return None
    rows = Comparison.objects.filter(run__suite__project=project)
    return rows.select_related("run__model_version").filter(pk=int(number[:18])).first()


# -- the list ---------------------------------------------------------------------------------


def _programs(request: Any) -> QuerySet[Program]:
    return Program.objects.filter(project=request.project)


class RemediationFilters(Filters):
    """What a list of remediation items can be narrowed by."""

    program = django_filters.ModelChoiceFilter(
        queryset=_programs, label="Program", empty_label="Any"
    )
    status = django_filters.ChoiceFilter(
        choices=RemediationStatus.choices, label="Status", empty_label="Any"
    )
    late = django_filters.ChoiceFilter(
        choices=[("yes", "Overdue")], method="past_due", label="Due", empty_label="Any"
    )

    class Meta:
        model = Remediation
        fields: list[str] = []

    def past_due(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        live = [RemediationStatus.OPEN, RemediationStatus.IN_VALIDATION]
        return rows.filter(due_on__lt=timezone.localdate(), status__in=live)
