"""What people type to set items aside or to correct their labels."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from benchmarks.choices import CorrectionKind
from benchmarks.corrections import MOST_ITEMS
from catalog.forms import text
from catalog.validators import visible_text

LONGEST = 120_000


class CorrectionForm(forms.Form):
    kind = forms.ChoiceField(
        label="What is to be done",
        choices=[
            (CorrectionKind.INVALIDATE, "Set the items aside: they are not judged"),
            (CorrectionKind.RELABEL, "Correct their label: they are judged by another one"),
        ],
    )
    items = forms.CharField(
        widget=text(6, maxlength=LONGEST),
        max_length=LONGEST,
        validators=[visible_text],
        label="Item ids",
        help_text=f"Up to {MOST_ITEMS:,}, one a line or with commas between them.",
        error_messages={"required": "Name at least one item."},
    )
    label = forms.FloatField(
        required=False,
        label="The right label",
        help_text="Only to correct labels: one label for all items named here.",
    )
    reason = forms.CharField(
        max_length=4000,
        widget=text(3),
        validators=[visible_text],
        help_text="How it is known that the file is wrong about these items.",
        error_messages={"required": "Say how it is known that the file is wrong."},
    )

    def clean_items(self) -> list[str]:
        parts = re.split(r"[,\r\n]+", self.cleaned_data["items"])
        named = [part.strip() for part in parts if part.strip()]
        if not named:
            raise ValidationError("Name at least one item.")
        if len(set(named)) > MOST_ITEMS:
            raise ValidationError(f"Name at most {MOST_ITEMS:,} items at once.")
        return named

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        relabels = data.get("kind") == CorrectionKind.RELABEL
        if relabels and data.get("label") is None and "label" not in self.errors:
            raise ValidationError({"label": "Say which label is right."})
        if not relabels and data.get("label") is not None:
            raise ValidationError({"label": "Items that are set aside keep their label."})
        return data
