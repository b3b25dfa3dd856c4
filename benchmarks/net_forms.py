"""A scenario's safety net as form fields: one choice, and what that choice asks for."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from benchmarks.engine import net_checks
from benchmarks.engine.nets import ALERT, FALLBACK
from catalog import conditions
from catalog.forms import OPERATORS, leaf_of

#: So many comparisons can be typed; a net with another condition is kept as it is, or replaced.
COMPARISONS = 3
KEPT = "kept"
DECISIONS = {"0": "the decision 0", "1": "the decision 1", "column": "a column of the data"}
_PARTS = ("column", "op", "value")
_OTHERS = (("low", "high"), ("answer", "answer_column", "at_least"), ("window", "threshold"))


class NetForm(forms.Form):
    """The net of one scenario; `net` is what the engine takes, filled by `is_valid`."""

    kind = forms.ChoiceField(required=False, label="Safety net")
    join = forms.ChoiceField(
        required=False,
        choices=[("all", "All comparisons hold"), ("any", "At least one comparison holds")],
        label="It catches a row when",
        help_text="For an alert: the rows that it counts.",
    )
    low = forms.FloatField(
        required=False,
        label="Or its score is at least",
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text="Both ends of a band in which the model is too unsure; not for an alert.",
    )
    high = forms.FloatField(
        required=False,
        label="and at most",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    answer = forms.ChoiceField(
        required=False,
        choices=[("", "Nothing: not a fallback"), *DECISIONS.items()],
        label="A fallback answers by",
    )
    answer_column = forms.ChoiceField(required=False, label="Column of the fallback")
    at_least = forms.FloatField(
        required=False,
        label="It decides 1 from",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    window = forms.IntegerField(
        required=False, label="Window of an alert", help_text="Consecutive rows."
    )
    threshold = forms.FloatField(
        required=False,
        label="An alert rings above",
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text="The share of the window's rows, such as 0.2.",
    )

    def __init__(
        self, *args: Any, columns: Mapping[str, str], stored: Mapping[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.columns, self.stored, self.net = columns, dict(stored), dict[str, Any]()
        named = [(name, f"{name} ({kind})") for name, kind in columns.items()]
        kinds = [("", "None"), *net_checks.KIND_WORDS.items()]
        if stored and _shown(stored) is None:
            kinds.append((KEPT, f"As it is: {net_checks.describe(stored)}"))
        self._choices("kind", kinds)
        numbers = [(name, name) for name, kind in columns.items() if kind == "number"]
        self._choices("answer_column", [("", "Choose a column"), *numbers])
        for number in range(1, COMPARISONS + 1):
            self.fields |= _comparison(number, [("", "Choose a column"), *named])

    @property
    def lines(self) -> list[list[dict[str, forms.BoundField]]]:
        """The fields that belong side by side, as the form component takes its rows."""
        comparisons = [[f"{part}_{n}" for part in _PARTS] for n in range(1, COMPARISONS + 1)]
        names = [["kind", "join"], *comparisons, *_OTHERS]
        return [[{"field": self[name]} for name in line] for line in names]

    def _choices(self, name: str, pairs: list[tuple[str, str]]) -> None:
        self.fields[name].choices = pairs  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        self.net = self.stored if data["kind"] == KEPT else dict(self._typed(data))
        for sentence in net_checks.problems(self.net, self.columns):
            self.add_error("kind", sentence)
        return data

    def _typed(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The parts of the chosen kind; what was typed for another kind is left out."""
        if not (kind := data["kind"]):
            return
        yield "kind", kind
        if leaves := list(self._leaves(data)):
            yield "condition", leaves[0] if len(leaves) == 1 else {data["join"] or "all": leaves}
        if kind == ALERT:
            yield from ((name, data[name]) for name in ("window", "threshold"))
            return
        if data["low"] is not None or data["high"] is not None:
            yield "band", [data["low"], data["high"]]
        if kind == FALLBACK:
            yield "answer", _answer(data)

    def _leaves(self, data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for number in range(1, COMPARISONS + 1):
            column, op, value = (data[f"{part}_{number}"] for part in _PARTS)
            if column:
                yield leaf_of(column, op, value, self.columns)


def _comparison(number: int, columns: list[tuple[str, str]]) -> dict[str, forms.Field]:
    several = "Several: commas between them. None for missing or present." if number == 1 else ""
    return {
        f"column_{number}": forms.ChoiceField(
            required=False, choices=columns, label=f"Comparison {number}"
        ),
        f"op_{number}": forms.ChoiceField(required=False, choices=OPERATORS, label="Operator"),
        f"value_{number}": forms.CharField(
            required=False, max_length=2000, label="Value", help_text=several
        ),
    }


def _answer(data: Mapping[str, Any]) -> dict[str, Any]:
    if data["answer"] == "column":
        return {"column": data["answer_column"], "at_least": data["at_least"]}
    return {"decision": int(data["answer"])} if data["answer"] else {}


def net_form(
    data: Any, stored: Mapping[str, Any], columns: Mapping[str, str], *, blame: bool = True
) -> NetForm:
    """The form of what was sent, else of the stored net; without `blame` it is only carried on."""
    terms: dict[str, Any] = {"columns": columns, "stored": stored, "prefix": "net"}
    if data is None:
        shown = _shown(stored)
        return NetForm(initial={"kind": KEPT} if shown is None else shown, **terms)
    if blame:
        return NetForm(data, **terms)
    names = NetForm(**terms).fields
    return NetForm(initial={name: data.get(f"net-{name}") for name in names}, **terms)


def _shown(net: Mapping[str, Any]) -> dict[str, Any] | None:
    """A stored net as the form shows it; None where its condition has no place there."""
    condition = net.get("condition") or {}
    join = next((node for node in ("all", "any") if node in condition), "all")
    leaves = condition.get(join, [condition] if condition else [])
    if len(leaves) > COMPARISONS or any("column" not in leaf for leaf in leaves):
        return None
    shown = {"kind": net.get("kind", ""), "join": join, **_shown_answer(net.get("answer", {}))}
    shown |= {name: net.get(name) for name in ("window", "threshold")}
    shown["low"], shown["high"] = net.get("band", (None, None))
    for number, leaf in enumerate(leaves, start=1):
        values = (leaf["column"], leaf["op"], _text(leaf))
        shown |= {f"{part}_{number}": v for part, v in zip(_PARTS, values, strict=True)}
    return shown


def _shown_answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    if "column" in answer:
        return {
            "answer": "column",
            "answer_column": answer["column"],
            "at_least": answer["at_least"],
        }
    return {"answer": str(answer.get("decision", ""))}


def _text(leaf: Mapping[str, Any]) -> str:
    if leaf["op"] in conditions.NO_VALUE:
        return ""
    values = leaf["values"] if "values" in leaf else [leaf["value"]]
    return ", ".join(str(v).lower() if isinstance(v, bool) else str(v) for v in values)
