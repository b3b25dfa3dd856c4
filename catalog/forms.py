"""What people type into the catalog's pages; whether it may be done is asked by the action."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone

from catalog import conditions
from catalog.choices import FailureSeverity, FailureStatus, Role
from catalog.lifecycle import Move
from catalog.models import (
    Assumption,
    FailureCase,
    FailureMode,
    Membership,
    ModelVersion,
    Project,
    RegisteredModel,
)


def text(rows: int, **attrs: Any) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "maxlength": 4000, **attrs})


def people_of(project: Project) -> QuerySet[Any]:
    """The people of a project who can answer for something; machines cannot."""
    people = get_user_model().objects.filter(memberships__project=project, is_active=True)
    return people.filter(kind="person").distinct().order_by("first_name", "last_name", "username")


def choose(field: Any, rows: QuerySet[Any], empty: str) -> None:
    """Offer, and accept, these rows only."""
    field.queryset, field.empty_label = rows, empty


class ModelForm(forms.ModelForm):
    class Meta:
        model = RegisteredModel
        fields = ["name", "title", "owner", "task", "risk_tier", "intended_use", "limits"]
        widgets = {"intended_use": text(4), "limits": text(3)}
        labels = {"limits": "Limits of use"}
        help_texts = {
            "name": "The short name that CI uses, such as late-arrival.",
            "owner": "The person who answers for the model.",
            "risk_tier": "What a wrong answer can cost: it decides how much a rollout must show.",
            "intended_use": "What the model's answers are for, and who acts on them.",
            "limits": "Where it must not be used.",
        }

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self.fields["owner"], people_of(project), "Choose a person")
        if self.instance.pk:
            # CI and signed records know the model by its name and task.
            del self.fields["name"], self.fields["task"]


class AssumptionForm(forms.ModelForm):
    class Meta:
        model = Assumption
        fields = ["model", "statement", "category", "how_checked", "owner", "review_date"]
        widgets = {
            "statement": text(2, maxlength=300),
            "how_checked": text(3),
            "review_date": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }
        help_texts = {
            "statement": "One sentence that is either true or false.",
            "how_checked": "Which scenarios or measurements would show that it does not hold.",
            "review_date": "The day on which somebody looks at it again.",
        }

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self.fields["model"], project.models.all(), "Choose a model")
        choose(self.fields["owner"], people_of(project), "Choose a person")
        if self.instance.pk:
            del self.fields["model"]


# -- slices -----------------------------------------------------------------------------------

OPERATORS = [
    *conditions.ONE_VALUE.items(),
    *(conditions.MANY_VALUES | {"between": "from … to below …"}).items(),
    *conditions.NO_VALUE.items(),
]


class SliceForm(forms.Form):
    key = forms.CharField(max_length=64, help_text="Short and stable, such as origin-ewr.")
    title = forms.CharField(max_length=120, help_text="As people say it, such as From Newark.")
    join = forms.ChoiceField(
        choices=[("all", "All comparisons hold"), ("any", "At least one comparison holds")],
        label="A row belongs to the slice when",
        initial="all",
    )
    critical = forms.BooleanField(
        required=False,
        label="Critical: a regression here counts even when the whole looks well",
    )


class ComparisonForm(forms.Form):
    """One comparison of a column; the condition grammar itself says what is wrong with it."""

    column = forms.ChoiceField()
    op = forms.ChoiceField(choices=OPERATORS, label="Operator")
    value = forms.CharField(
        required=False,
        max_length=2000,
        label="Value",
        help_text="Several: commas between them. None for missing or present.",
    )

    def __init__(self, *args: Any, columns: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.columns = columns
        named = [(name, f"{name} ({kind})") for name, kind in columns.items()]
        self.fields["column"].choices = [("", "Choose a column"), *named]  # type: ignore[attr-defined]

    def has_changed(self) -> bool:
        return bool(self["column"].data or self["value"].data)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "column" in data and "op" in data:
            self.leaf = leaf_of(data["column"], data["op"], data["value"], self.columns)
            if found := conditions.problems(self.leaf, self.columns):
                raise ValidationError({"value": found})
        return data


class BaseComparisons(forms.BaseFormSet):
    def clean(self) -> None:
        if not any(self.errors) and not self.leaves():
            raise ValidationError("Give at least one comparison.")

    def leaves(self) -> list[dict[str, Any]]:
        return [form.leaf for form in self.forms if hasattr(form, "leaf")]

    def condition(self, join: str) -> dict[str, Any]:
        leaves = self.leaves()
        return leaves[0] if len(leaves) == 1 else {join: leaves}


Comparisons = forms.formset_factory(
    ComparisonForm, formset=BaseComparisons, extra=3, max_num=3, absolute_max=3
)


def leaf_of(column: str, op: str, given: str, columns: Mapping[str, str]) -> dict[str, Any]:
    """One comparison as typed, in the grammar of conditions; whether it holds is asked there."""
    kind, leaf = columns[column], {"column": column, "op": op}
    if op in conditions.NO_VALUE:
        return leaf
    if op in conditions.ONE_VALUE:
        return {**leaf, "value": _typed(given.strip(), kind)}
    parts = [part.strip() for part in given.split(",") if part.strip()]
    return {**leaf, "values": [_typed(part, kind) for part in parts]}


def _typed(given: str, kind: str) -> Any:
    """A value as its column needs it; what does not fit stays text, and the grammar refuses it."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(given.lower(), given)
    if kind != "number":
        return given
    try:
        value = float(given)
    except ValueError:
        return given
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


# -- failures ---------------------------------------------------------------------------------


class AnnotateForm(forms.ModelForm):
    class Meta:
        model = FailureCase
        fields = ["mode", "severity", "severity_reason", "explanation", "remediation"]
        widgets = {"severity_reason": text(2), "explanation": text(4), "remediation": text(3)}
        labels = {"mode": "Failure mode", "severity_reason": "Why this severity"}
        help_texts = {
            "severity_reason": "Who is hurt, how badly, and how often.",
            "explanation": "What happens and, as far as known, why.",
            "remediation": "What would mend it, or what to do until then.",
        }

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mode: Any = self.fields["mode"]
        choose(mode, project.failure_modes.all(), "Choose a mode")
        mode.required = True
        mode.label_from_instance = indented
        for name in ("severity_reason", "explanation"):
            self.fields[name].required = True


def indented(mode: FailureMode) -> str:
    """A mode in a list of its project's tree; keys sort parents before their children."""
    return "\u2003" * mode.key.count(".") + mode.name


class MoveForm(forms.Form):
    """One step of a case's life: its reason, and what that step asks for besides."""

    to = forms.ChoiceField(choices=FailureStatus.choices, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, case: FailureCase, to: FailureStatus, step: Move, **kwargs: Any
    ) -> None:
        kwargs.update(initial={"to": to}, auto_id=f"id_{to}_%s")
        super().__init__(*args, **kwargs)
        self.step, self.target = step, to
        if to == FailureStatus.DUPLICATE:
            self.fields["duplicate_of"] = original_field(case)
        if to == FailureStatus.RISK_ACCEPTED:
            self.fields["accepted_until"] = forms.DateField(
                label="Accepted until",
                help_text="The day until which the risk is accepted.",
                error_messages={"required": "Give a day to come on which this ends."},
                widget=forms.DateInput(
                    attrs={"type": "date", "min": timezone.localdate().isoformat()}
                ),
            )
        self.fields["reason"] = forms.CharField(
            required=step.reason,
            max_length=4000,
            widget=text(3),
            error_messages={"required": f"Say why: “{step.label.lower()}” needs a reason."},
        )


class OriginalField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"#{obj.pk} {obj.title} ({obj.get_status_display().lower()})"


def original_field(case: FailureCase) -> forms.ModelChoiceField:
    others = FailureCase.objects.filter(model=case.model_id).exclude(pk=case.pk)
    return OriginalField(
        queryset=others.exclude(status=FailureStatus.DUPLICATE),
        label="Duplicate of",
        empty_label="Choose the original case",
        error_messages={"required": "Name the case of the same model that this repeats."},
    )


class ReportForm(forms.Form):
    """A failure that somebody saw in production, told in the parts that make its identity."""

    version = forms.ModelChoiceField(
        ModelVersion.objects.none(), label="Model version", empty_label="Choose a version"
    )
    title = forms.CharField(
        max_length=200, help_text="What went wrong, in one line that others will recognise."
    )
    error = forms.CharField(
        max_length=80,
        label="Kind of error",
        help_text="In the plural, such as false alarms, missed cases or late answers.",
    )
    place = forms.CharField(
        max_length=120,
        label="Where",
        help_text="For which part of the inputs, such as flights from Newark in fog.",
    )
    cause = forms.CharField(max_length=120, required=False, label="Known cause")
    mode = forms.ModelChoiceField(
        FailureMode.objects.none(),
        required=False,
        label="Failure mode",
        empty_label="Not known yet",
    )
    severity = forms.ChoiceField(choices=FailureSeverity.choices, initial=FailureSeverity.MEDIUM)
    reference = forms.CharField(
        max_length=120,
        help_text="The ticket or event this comes from; the same one again is not counted twice.",
    )
    observed_at = forms.DateTimeField(
        label="Observed at (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    environment = forms.CharField(max_length=60, required=False, initial="production")
    expected = forms.CharField(max_length=120, required=False, label="Expected answer")
    output = forms.CharField(max_length=120, required=False, label="Answer given")

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = ModelVersion.objects.in_project(project).select_related("model")
        mode: Any = self.fields["mode"]
        self.fields["version"].queryset = versions  # type: ignore[attr-defined]
        mode.queryset, mode.label_from_instance = project.failure_modes.all(), indented

    def clean_observed_at(self) -> Any:
        moment = self.cleaned_data["observed_at"]
        if moment > timezone.now():
            raise ValidationError("This lies in the future.")
        return moment


class RevealForm(forms.Form):
    reason = forms.CharField(
        max_length=4000,
        label="Why you need to see them",
        help_text="Goes on record with your name before anything is shown.",
        widget=text(3),
        error_messages={"required": "Say why you need to see the raw inputs."},
    )


# -- members ----------------------------------------------------------------------------------


class RoleForm(forms.Form):
    username = forms.CharField(max_length=150)
    role = forms.ChoiceField(choices=Role.choices)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project

    def clean_username(self) -> str:
        name = self.cleaned_data["username"].strip()
        self.account = get_user_model().objects.filter(username=name, is_active=True).first()
        if self.account is None:
            raise ValidationError("There is no active account of that name.")
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        held = {"user__username": data.get("username"), "role": data.get("role")}
        if Membership.objects.in_project(self.project).filter(**held).exists():
            raise ValidationError({"role": "They hold this role already."})
        return data
