"""What people type to register a version by its address."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from catalog.choices import Task
from catalog.forms import text
from catalog.models import ModelEndpoint, RegisteredModel
from catalog.validators import identifier, visible_text

MAX_COLUMNS = 2000


class EndpointForm(forms.ModelForm):
    """The endpoint's own fields, between what its version is called and what it reads."""

    version = forms.CharField(
        max_length=64,
        validators=[identifier],
        help_text="What this trained state is called here, such as v4.",
    )
    input_columns = forms.CharField(
        widget=text(3, maxlength=40_000),
        validators=[visible_text],
        label="Columns to send",
        help_text="The inputs in the order in which the model reads them, commas between them.",
    )
    decision_threshold = forms.FloatField(
        initial=0.5,
        label="Decides at",
        help_text="A score of at least this much counts as positive.",
    )
    code_revision = forms.CharField(max_length=64, required=False, validators=[visible_text])
    notes = forms.CharField(widget=text(2), required=False, validators=[visible_text])

    class Meta:
        model = ModelEndpoint
        fields = [
            "protocol",
            "address",
            "served_model",
            "served_version",
            "output",
            "batch_size",
            "deadline",
        ]
        labels = {
            "served_model": "Model there",
            "served_version": "Version there",
            "batch_size": "Rows a request",
            "deadline": "Deadline of a request, in seconds",
        }
        help_texts = {
            "address": "https://host, with a port and a path where needed. The host has to be one"
            " that this portal may call.",
            "served_model": "The name by which an Open Inference server knows the model.",
            "served_version": "Without it the server chooses, and may choose another one later.",
            "output": "Which output holds the scores, where the server gives several.",
            "batch_size": "A run that measures latency sends row by row all the same.",
        }

    field_order = ["version"]

    def __init__(self, *args: Any, model: RegisteredModel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if model.task != Task.BINARY:
            del self.fields["decision_threshold"]

    def clean_input_columns(self) -> list[str]:
        typed = re.split(r"[,\n]", self.cleaned_data["input_columns"])
        names = [name.strip() for name in typed if name.strip()]
        if not names or len(names) > MAX_COLUMNS:
            raise ValidationError(f"Name between 1 and {MAX_COLUMNS} columns.")
        return names

    def registration(self) -> dict[str, Any]:
        """The arguments of the action, the endpoint's own fields apart."""
        given = dict(self.cleaned_data)
        endpoint = {name: given.pop(name) for name in self._meta.fields or ()}
        return {**given, "endpoint": endpoint}
