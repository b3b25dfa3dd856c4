"""What people choose and type on the pages of rollouts; the actions ask if they may."""

from datetime import UTC, datetime, time
from typing import Any

import django_filters
from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from benchmarks.engine.metrics import METRICS
from benchmarks.models import Suite
from catalog.choices import FailureSeverity, RiskTier, Role
from catalog.models import ModelVersion, Project, RegisteredModel, Slice
from catalog.pages import Filters
from rollouts.choices import Answer, GateKind, PlanStatus
from rollouts.models import RolloutPlan


def valid(form: forms.BaseForm) -> dict[str, Any]:
    """The cleaned data. Raises ValidationError in the form's words."""
    if not form.is_valid():
        raise ValidationError([problem for rows in form.errors.values() for problem in rows])
    return form.cleaned_data


def _prose(rows: int = 3, **kwargs: Any) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows, "maxlength": 4000})
    return forms.CharField(widget=widget, max_length=4000, **kwargs)


# -- acts -------------------------------------------------------------------------------------


class ActForm(forms.Form):
    """Says which state of the plan the person saw, so that a late command is refused."""

    expected_version = forms.IntegerField(
        widget=forms.HiddenInput,
        error_messages={"required": "Reload the page and decide again."},
    )


class ReasonForm(ActForm):
    reason = _prose(
        error_messages={"required": "Say why, in a sentence that others can understand."}
    )


class AnswerForm(forms.Form):
    """One person's answer in one slot, to the digest that the page showed."""

    slot = forms.ChoiceField(choices=Role.choices)
    answer = forms.ChoiceField(
        choices=Answer.choices,
        error_messages={"required": "Approve, request changes or reject."},
    )
    evidence_digest = forms.CharField(widget=forms.HiddenInput, max_length=64)
    reason = _prose(required=False)


class WaiverForm(forms.Form):
    """An exception to one gate: why, what is done instead, until when."""

    reason = _prose(
        label="Why it may be passed over",
        error_messages={"required": "Say why, in a sentence that others can understand."},
    )
    compensating_control = _prose(2, label="What is done instead", required=False)
    expires_at = forms.DateField(
        label="Until the end of",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": "Say until when it holds."},
    )

    def clean_expires_at(self) -> datetime:
        return datetime.combine(self.cleaned_data["expires_at"], time(23, 59), tzinfo=UTC)


# -- a draft ----------------------------------------------------------------------------------


class PlanForm(ActForm):
    """What a plan says besides its stages."""

    title = forms.CharField(max_length=160)
    candidate = forms.ModelChoiceField(
        ModelVersion.objects.none(),
        empty_label="Choose a version",
        help_text="The version that is to reach its users.",
    )
    fallback = forms.ModelChoiceField(
        ModelVersion.objects.none(),
        empty_label="Choose a version",
        help_text="Where everybody goes back to: in production, or once an approved baseline.",
    )
    owner: forms.ModelChoiceField = forms.ModelChoiceField(
        None, empty_label=None, help_text="Answers for the plan and may stop it at any time."
    )
    hypothesis = _prose(help_text="What gets better, and for whom. The evidence is held to it.")
    scope = _prose(2, required=False, help_text="Who and what is in, and what is not.")
    limits = _prose(2, required=False, help_text="What is known to be weak.")
    risk_tier = forms.ChoiceField(
        choices=RiskTier.choices, help_text="Never below the model's own. It decides who signs."
    )
    watch_suite = forms.ModelChoiceField(
        Suite.objects.none(),
        required=False,
        empty_label="None",
        help_text="Where outcomes in production are judged, look by look.",
    )

    def __init__(self, *args: Any, project: Project, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_new:
            del self.fields["expected_version"]
        fields: dict[str, Any] = self.fields
        versions = ModelVersion.objects.in_project(project).select_related("model")
        fields["candidate"].queryset = fields["fallback"].queryset = versions
        fields["owner"].queryset = people_of(project)
        fields["watch_suite"].queryset = Suite.objects.in_project(project)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        candidate, fallback = data.get("candidate"), data.get("fallback")
        if candidate and fallback and candidate.model_id != fallback.model_id:
            self.add_error("fallback", "That version is of another model than the candidate.")
        return data


def people_of(project: Project) -> QuerySet[Any]:
    """Whoever belongs to the project and can decide."""
    members = get_user_model().objects.filter(memberships__project=project, is_active=True)
    return members.filter(kind="person").distinct()


class StageForm(ActForm):
    """One step: who is exposed, for how long at least, on how many items at least."""

    name = forms.CharField(max_length=80)
    exposure = forms.IntegerField(
        min_value=0,
        max_value=100,
        label="Exposure in per cent",
        help_text="More than in the stage before.",
    )
    cohort = forms.CharField(
        max_length=200, help_text="Who exactly is exposed, so that it can be repeated."
    )
    soak_hours = forms.IntegerField(
        min_value=0, label="Hours to watch at least", help_text="A week has 168."
    )
    minimum_sample = forms.IntegerField(
        min_value=0,
        label="Items to see at least",
        help_text="A comparison on fewer stays pending.",
    )


class GateForm(ActForm):
    """A condition of a stage. Only the fields of its kind are asked."""

    OF_KIND = {
        GateKind.EVIDENCE: ("suite", "metric", "slice", "margin", "stop_loss"),
        GateKind.FAILURE_CASES: ("severity",),
    }

    kind = forms.ChoiceField(choices=GateKind.choices, widget=forms.HiddenInput)
    name = forms.CharField(max_length=120)
    why = _prose(2, required=False, label="Why it is asked")
    suite = forms.ModelChoiceField(Suite.objects.none(), empty_label="Choose a suite")
    metric = forms.ChoiceField(
        required=False,
        help_text="Without one, the newest run of the suite has to have passed as a whole.",
    )
    slice = forms.ChoiceField(required=False, label="On which rows")
    margin = forms.FloatField(
        required=False,
        min_value=0,
        label="Allowed worsening",
        help_text="In the metric's own unit, against the fallback.",
    )
    stop_loss = forms.BooleanField(
        required=False,
        label="Stop-loss: roll back by itself once the worsening is proven to be larger",
    )
    severity = forms.ChoiceField(
        choices=FailureSeverity.choices,
        label="Severity from which an open case blocks",
        initial=FailureSeverity.HIGH,
    )

    def __init__(self, *args: Any, plan: RolloutPlan, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        asked = self.OF_KIND.get(GateKind(kind), ())
        for name in ("suite", "metric", "slice", "margin", "stop_loss", "severity"):
            if name not in asked:
                del fields[name]
        fields["kind"].initial = kind
        fields["kind"].choices = [(kind, GateKind(kind).label)]
        if "suite" in fields:
            fields["suite"].queryset = Suite.objects.filter(model=plan.model_id)
            fields["metric"].choices = [
                ("", "The whole run"),
                *((key, metric.label) for key, metric in METRICS.items()),
            ]
            fields["slice"].choices = [("all", "All rows"), *_slices(plan)]


def _slices(plan: RolloutPlan) -> list[tuple[str, str]]:
    rows = Slice.objects.filter(dataset__project=plan.owning_project_id)
    return sorted(set(rows.values_list("key", "title")))


# -- lists ------------------------------------------------------------------------------------


def _models(request: Any) -> QuerySet[RegisteredModel]:
    return RegisteredModel.objects.filter(project=request.project)


class PlanFilters(Filters):
    """What a list of rollouts can be narrowed by."""

    status = django_filters.ChoiceFilter(
        choices=PlanStatus.choices, label="Status", empty_label="Any"
    )
    model = django_filters.ModelChoiceFilter(queryset=_models, label="Model", empty_label="Any")

    class Meta:
        model = RolloutPlan
        fields: list[str] = []
