"""What people choose and type about programs and remediation; actions ask if they may."""

from typing import Any

import django_filters
from django import forms
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils import timezone

from benchmarks.choices import (
    CadenceUnit,
    ProgramStatus,
    RemediationStatus,
    SuiteKind,
    TriggerKind,
)
from benchmarks.models import (
    ChallengeRun,
    Comparison,
    MetricSpec,
    Playbook,
    Program,
    Remediation,
    Scenario,
    Suite,
)
from benchmarks.models.program import CONSEQUENCES, LONGEST_TEXT
from benchmarks.quarantine import LONGEST
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


# -- remediation ------------------------------------------------------------------------------


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


class ReasonForm(forms.Form):
    reason = forms.CharField(error_messages={"required": "Say why."})


def seen_in(project: Project, number: str) -> Comparison | None:
    """The comparison of this number in the project, where a weakness was seen."""
    if not number.isdigit():
        return None
    rows = Comparison.objects.filter(run__suite__project=project)
    return rows.select_related("run__model_version").filter(pk=int(number[:18])).first()


# -- what people made of it ---------------------------------------------------------------------


class _RecordForm(forms.Form):
    """A record of a program; only a change asks for its reason."""

    reason = forms.CharField(widget=text(2), help_text="Why the record changes.")

    def __init__(self, *args: Any, program: Program, record: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if record is None:
            del self.fields["reason"]


class PlaybookForm(_RecordForm):
    title = forms.CharField(max_length=160)
    sign = forms.CharField(
        widget=text(2), label="When", help_text="By what one recognises that it is time for it."
    )
    steps = forms.CharField(widget=text(6), help_text="What to do, in order, and whom to tell.")
    owner = forms.ModelChoiceField(get_user_model().objects.none())
    field_order = ("title", "sign", "steps", "owner", "reason")

    def __init__(self, *args: Any, program: Program, record: Any, **kwargs: Any) -> None:
        super().__init__(*args, program=program, record=record, **kwargs)
        choose(self.fields["owner"], contributors_of(program.project), "Choose an owner")


class DebriefForm(_RecordForm):
    title = forms.CharField(max_length=160)
    held_on = forms.DateField(
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}), label="Held on"
    )
    attendees = forms.CharField(widget=text(2), help_text="Who was there, by name and function.")
    run = forms.ModelChoiceField(
        ChallengeRun.objects.none(), required=False, help_text="What it was about."
    )
    seen = forms.CharField(widget=text(4), label="What was seen")
    decided = forms.CharField(widget=text(3), required=False, label="What was decided")
    learned = forms.CharField(widget=text(3), required=False, label="What was learned")
    playbook = forms.ModelChoiceField(
        Playbook.objects.none(), required=False, help_text="The playbook that changes by it."
    )
    field_order = (
        "title",
        "held_on",
        "attendees",
        "run",
        "seen",
        "decided",
        "learned",
        "playbook",
        "reason",
    )

    def __init__(self, *args: Any, program: Program, record: Any, **kwargs: Any) -> None:
        super().__init__(*args, program=program, record=record, **kwargs)
        runs = ChallengeRun.objects.filter(suite__model=program.model_id).evaluated()
        related = runs.select_related("suite", "model_version").defer("plan")
        choose(self.fields["run"], related.order_by("-created_at"), "No single run")
        choose(self.fields["playbook"], program.playbooks.all(), "None")


# -- lists ------------------------------------------------------------------------------------


def _models(request: Any) -> QuerySet[RegisteredModel]:
    return RegisteredModel.objects.filter(project=request.project)


def _programs(request: Any) -> QuerySet[Program]:
    return Program.objects.filter(project=request.project)


class ProgramFilters(Filters):
    """What a list of programs can be narrowed by."""

    model = django_filters.ModelChoiceFilter(queryset=_models, label="Model", empty_label="Any")
    status = django_filters.ChoiceFilter(
        choices=ProgramStatus.choices, label="Status", empty_label="Any"
    )

    class Meta:
        model = Program
        fields: list[str] = []


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
