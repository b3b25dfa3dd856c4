"""What people type about the stewardship of data; whether they may is asked by the action."""

from typing import Any

from django import forms

from catalog.forms import text
from catalog.models import BiasReview, Dataset
from catalog.models.dataset import STEWARDSHIP
from catalog.validators import visible_text


def _day(**attrs: Any) -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date", **attrs}, format="%Y-%m-%d")


class StewardshipForm(forms.ModelForm):
    reason = forms.CharField(
        max_length=4000,
        validators=[visible_text],
        widget=text(2),
        label="Why you change this",
        error_messages={"required": "Say why, for those who answer for these data later."},
    )

    class Meta:
        model = Dataset
        fields = STEWARDSHIP
        widgets = {
            "masking": text(3),
            "retention_until": _day(),
            "retention_reason": text(2),
        }
        labels = {"retention_until": "Use until", "retention_reason": "Why until then"}
        help_texts = {
            "source": "Who collected the data, and through whom they came here.",
            "licence": "Under which terms they may be used.",
            "privacy_class": "Special category: health, origin, belief and what else the law "
            "protects in particular.",
            "masking": "What was masked or pseudonymised, and how. Say so if nothing was.",
            "retention_until": "The last day on which a run may start on them.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["privacy_class"]
        choices.choices = [("", "Not stated"), *choices.choices[1:]]


class BiasReviewForm(forms.ModelForm):
    class Meta:
        model = BiasReview
        fields = ["held_on", "looked_at", "finding", "next_due"]
        widgets = {
            "held_on": _day(),
            "looked_at": text(3),
            "finding": text(4),
            "next_due": _day(),
        }
        labels = {"held_on": "Held on", "looked_at": "What was looked at", "next_due": "Next due"}
        help_texts = {
            "looked_at": "Which versions, columns and groups, and by what numbers.",
            "finding": "What was found, also when it was nothing.",
            "next_due": "The day by which somebody looks again, at most two years ahead.",
        }
