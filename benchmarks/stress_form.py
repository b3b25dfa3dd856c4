"""System stress as form fields, made from the engine's own list of settings."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from benchmarks.engine.load import ARRIVALS, SETTINGS, LoadProfile, Setting

#: Without these two there is no load at all; every other setting has a value of its own.
NEEDED = ("rate", "seconds")
_USUAL = LoadProfile(rate=1, seconds=1)
_MOMENTS = (("", "At even distances"), (ARRIVALS[1], "At random moments (Poisson)"))


class StressForm(forms.Form):
    """The load of a scenario; `stress` is what the engine takes, filled by `is_valid`.

    Bounds and what belongs together are asked of the engine afterwards.
    """

    prefix = "stress"

    def __init__(self, *args: Any, columns: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for setting in SETTINGS:
            self.fields[setting.name] = _field(setting)
        self.fields["arrivals"] = forms.ChoiceField(
            choices=_MOMENTS, required=False, label="Requests fall due"
        )
        self.fields["partial_columns"] = forms.MultipleChoiceField(
            choices=[(name, name) for name in columns],
            widget=forms.SelectMultiple(attrs={"size": 6}),
            required=False,
            help_text="What arrives empty in partial requests.",
        )

    @property
    def stress(self) -> dict[str, Any]:
        return {
            name: value for name, value in self.cleaned_data.items() if value not in (None, "", [])
        }

    @property
    def is_open(self) -> bool:
        """Whether there is anything to see: a declared stress, or what was typed for one."""
        return any(self[name].value() not in (None, "", []) for name in self.fields)


def initial_of(stress: Mapping[str, Any]) -> dict[str, Any]:
    """A stored stress as the form shows it."""
    return {name: value for name, value in stress.items() if value != ARRIVALS[0]}


def carried_stress(data: Any, columns: Iterable[str]) -> StressForm:
    """What was typed, not yet blamed for anything."""
    names = [name for name in data if name.startswith("stress-")]
    found = {name.removeprefix("stress-"): data.getlist(name) for name in names}
    typed = {name: rows if name == "partial_columns" else rows[-1] for name, rows in found.items()}
    return StressForm(initial=typed, columns=columns)


def _field(setting: Setting) -> forms.Field:
    terms = {"required": False, "label": setting.label, "help_text": _help(setting)}
    if setting.whole:
        return forms.IntegerField(**terms)  # type: ignore[arg-type]
    widget = forms.NumberInput(attrs={"step": "any"})
    return forms.FloatField(widget=widget, **terms)  # type: ignore[arg-type]


def _help(setting: Setting) -> str:
    if setting.name in NEEDED:
        return f"{setting.help} At most {setting.high:g}; empty for no load."
    return f"{setting.help} Left empty: {getattr(_USUAL, setting.name):g}."
