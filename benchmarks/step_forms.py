"""Perturbation steps as form fields, made from the engine's own catalogue of kinds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms

from benchmarks.engine.perturbations import PERTURBATIONS, Parameter

#: The longest text of a mapping, one line a pair.
LONGEST = 20_000
#: Parameters that hold several values, whatever the kind.
LISTS = {
    parameter.name
    for each in PERTURBATIONS.values()
    for parameter in each.parameters
    if parameter.type == "columns"
}
KINDS = [(kind, each.label) for kind, each in PERTURBATIONS.items()]


class StepForm(forms.Form):
    """One step of the given kind; `step` is what the engine takes, filled by `is_valid`.

    Types, bounds and columns that fit are asked of the engine afterwards: here a text only
    becomes the number, list or mapping that was meant.
    """

    def __init__(self, *args: Any, kind: str, columns: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.perturbation = PERTURBATIONS[kind]
        self.columns = columns
        self.fields["kind"] = forms.CharField(widget=forms.HiddenInput, initial=kind)
        for parameter in self.perturbation.parameters:
            self.fields[parameter.name] = _field(parameter, columns)

    @property
    def step(self) -> dict[str, Any]:
        given = {
            parameter.name: self.cleaned_data[parameter.name]
            for parameter in self.perturbation.parameters
            if self.cleaned_data.get(parameter.name) not in (None, "", [], {})
        }
        return {"kind": self.perturbation.kind, "parameters": given}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for parameter in self.perturbation.parameters:
            if parameter.type == "value" and data.get(parameter.name) not in (None, ""):
                kind = self.columns.get(str(data.get(parameter.of)))
                data[parameter.name] = _scalar(data[parameter.name], kind)
            if parameter.type == "mapping":
                self._read_mapping(parameter, data)
        return data

    def _read_mapping(self, parameter: Parameter, data: dict[str, Any]) -> None:
        kind = self.columns.get(str(data.get("column")))
        # Weights are numbers; new labels are of the column's own kind.
        as_kind = "number" if parameter.name == "weights" else kind
        try:
            data[parameter.name] = dict(_pairs(data.get(parameter.name) or "", as_kind))
        except ValueError as wrong:
            self.add_error(parameter.name, str(wrong))


def initial_of(step: Mapping[str, Any]) -> dict[str, Any]:
    """A stored step as the form shows it."""
    shown = dict(step["parameters"])
    for name, value in shown.items():
        if isinstance(value, Mapping):
            shown[name] = "\n".join(f"{key} = {new}" for key, new in value.items())
    return shown


def _field(parameter: Parameter, columns: Mapping[str, str]) -> forms.Field:
    terms: dict[str, Any] = {
        "required": parameter.required,
        "label": parameter.name.replace("_", " ").capitalize(),
        "help_text": _help(parameter),
    }
    fitting = [(name, name) for name, kind in columns.items() if kind in parameter.kinds]
    match parameter.type:
        case "column":
            return forms.ChoiceField(choices=[("", "Choose a column"), *fitting], **terms)
        case "columns":
            widget = forms.SelectMultiple(attrs={"size": 6})
            return forms.MultipleChoiceField(choices=fitting, widget=widget, **terms)
        case "choice":
            chosen = [(each, each) for each in parameter.choices]
            return forms.ChoiceField(choices=chosen, **terms)
        case "mapping":
            area = forms.Textarea(attrs={"rows": 4})
            return forms.CharField(widget=area, max_length=LONGEST, **terms)
        case "number" | "integer" | "share":
            widget_number = forms.NumberInput(attrs={"step": "any"})
            return forms.FloatField(widget=widget_number, **terms)
    return forms.CharField(max_length=200, **terms)


def _help(parameter: Parameter) -> str:
    parts = [parameter.help]
    if parameter.type == "mapping":
        parts.append("One pair a line, as in: old = new.")
    if parameter.default is not None and not parameter.required and parameter.type != "choice":
        parts.append(f"Left empty: {_in_words(parameter.default)}.")
    return ". ".join(part.rstrip(".") for part in parts if part) + "." if any(parts) else ""


def _in_words(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else ("none" if value == () else str(value))


def _pairs(text: str, kind: str | None) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(filter(str.strip, text.splitlines()), start=1):
        old, mark, new = line.partition("=")
        if not (mark and old.strip() and new.strip()):
            raise ValueError(f"Line {number} is not of the form: old = new.")
        yield old.strip(), _scalar(new.strip(), kind)


def _scalar(text: str, kind: str | None) -> Any:
    """The text as a value of the column's kind; what does not read so stays text, to be named."""
    if kind == "number":
        try:
            number = float(text)
        except ValueError:
            return text
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    if kind == "boolean" and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return text


def step_forms(
    data: Mapping[str, Any] | None, steps: Sequence[Mapping[str, Any]], columns: Mapping[str, str]
) -> list[StepForm]:
    """The forms of what was sent, else of stored steps; a kind that is unknown is left out."""
    if data is None:
        return [
            StepForm(
                kind=step["kind"], columns=columns, prefix=f"step-{n}", initial=initial_of(step)
            )
            for n, step in enumerate(steps)
        ]
    kinds = [data.get(f"step-{n}-kind", "") for n in range(_sent(data))]
    return [
        StepForm(data, kind=kind, columns=columns, prefix=f"step-{n}")
        for n, kind in enumerate(kinds)
        if kind in PERTURBATIONS
    ]


def carried_steps(
    data: Any, columns: Mapping[str, str], *, without: int | None, plus: str
) -> list[StepForm]:
    """The steps as they were typed, not yet blamed for anything, with one more or less."""
    typed = [
        (data.get(f"step-{n}-kind", ""), _typed(data, f"step-{n}-"))
        for n in range(_sent(data))
        if n != without
    ]
    if plus:
        typed.append((plus, {}))
    known = [(kind, initial) for kind, initial in typed if kind in PERTURBATIONS]
    return [
        StepForm(kind=kind, columns=columns, prefix=f"step-{n}", initial=initial)
        for n, (kind, initial) in enumerate(known)
    ]


def _typed(data: Any, prefix: str) -> dict[str, Any]:
    names = [name for name in data if name.startswith(prefix)]
    found = {name.removeprefix(prefix): data.getlist(name) for name in names}
    return {name: rows if name in LISTS else rows[-1] for name, rows in found.items()}


def _sent(data: Mapping[str, Any]) -> int:
    count = str(data.get("steps", ""))
    return min(int(count), 20) if count.isdigit() and len(count) < 4 else 0
