"""Safety nets from people and CI: checked before anything runs, and put into words."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.engine.nets import ALERT, FALLBACK, GUARDRAIL
from catalog import conditions

KIND_WORDS = {
    GUARDRAIL: "Guardrail: holds a row",
    FALLBACK: "Fallback: answers a row itself",
    ALERT: "Alert: rings for many rows together",
}
_PARTS = {
    GUARDRAIL: {"kind", "condition", "band"},
    FALLBACK: {"kind", "condition", "band", "answer"},
    ALERT: {"kind", "condition", "window", "threshold"},
}
#: The shortest window in which a share says anything, and the longest that anybody waits for.
SMALLEST_WINDOW, LARGEST_WINDOW = 10, 1_000_000

Net = Mapping[str, Any]


def problems(net: object, columns: Mapping[str, str] | None = None) -> list[str]:
    """Every reason why this is not a usable net, in sentences; an empty net is none, and fine.

    `columns` maps each column that a net may read to its kind; without it names are not checked.
    """
    if net == {}:
        return []
    if not isinstance(net, Mapping):
        return ["A safety net must be an object with “kind”."]
    kind = net.get("kind")
    if not isinstance(kind, str) or kind not in _PARTS:
        return [f"A safety net is one of {', '.join(_PARTS)}."]
    if extra := sorted(str(name)[:40] for name in net if name not in _PARTS[kind]):
        return [f"Unexpected in a safety net of this kind: {', '.join(extra[:8])}."]
    return list(_problems(net, columns))


def _problems(net: Net, columns: Mapping[str, str] | None) -> Iterator[str]:
    if "condition" in net:
        yield from conditions.problems(net["condition"], columns)
    if "band" in net:
        yield from _band_problems(net["band"])
    if net["kind"] == ALERT:
        yield from _alert_problems(net)
    elif "condition" not in net and "band" not in net:
        yield "Say which rows it catches: give a condition, a band of scores, or both."
    if net["kind"] == FALLBACK:
        yield from _answer_problems(net.get("answer"), columns)


def _band_problems(band: object) -> Iterator[str]:
    if not isinstance(band, list) or len(band) != 2 or not all(map(_is_number, band)):
        yield "“band” needs two numbers: the lowest and the highest score that it catches."
    elif band[0] > band[1]:
        yield "The band of scores is empty: its lowest score is above its highest."


def _alert_problems(net: Net) -> Iterator[str]:
    window, threshold = net.get("window"), net.get("threshold")
    if "condition" not in net:
        yield "An alert needs the condition whose rows it counts."
    if type(window) is not int or not SMALLEST_WINDOW <= window <= LARGEST_WINDOW:
        yield f"“window” is a number of rows from {SMALLEST_WINDOW} to {LARGEST_WINDOW:,}."
    if not _is_number(threshold) or not 0 <= threshold < 1:  # type: ignore[operator]
        yield "“threshold” is a share from 0 to below 1; the alert rings above it."


def _answer_problems(answer: object, columns: Mapping[str, str] | None) -> Iterator[str]:
    shapes = ({"decision"}, {"column", "at_least"})
    if not isinstance(answer, Mapping) or set(answer) not in shapes:
        yield "“answer” is a “decision”, or a “column” with the “at_least” that decides for 1."
    elif "decision" in answer:
        if answer["decision"] not in (0, 1) or isinstance(answer["decision"], bool):
            yield "The fallback's decision is 0 or 1."
    elif not isinstance(answer["column"], str) or not _is_number(answer["at_least"]):
        yield "A fallback by column needs the column's name and a number."
    elif columns is not None and columns.get(answer["column"]) != "number":
        yield f"The fallback answers by “{answer['column'][:80]}”, which is no column of numbers."


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value)


def columns_of(net: Net) -> frozenset[str]:
    """The columns that a net without problems reads."""
    read = conditions.columns_of(net["condition"]) if net.get("condition") else frozenset()
    return read | {net["answer"]["column"]} if "column" in net.get("answer", {}) else read


def describe(net: Net) -> str:
    """A net without problems in plain words; empty for none."""
    if not net:
        return ""
    parts = [conditions.describe(net["condition"])] if net.get("condition") else []
    if net.get("band"):
        parts.append("the score is from {:g} to {:g}".format(*net["band"]))
    where = " or ".join(parts)
    if net["kind"] == ALERT:
        return (
            f"An alert rings when of {net['window']:,} consecutive rows more than "
            f"{100 * net['threshold']:.4g} % have {where}"
        )
    if net["kind"] == GUARDRAIL:
        return f"A guardrail holds rows where {where}"
    return f"A fallback answers {_answer_words(net['answer'])}, where {where}"


def _answer_words(answer: Net) -> str:
    if "decision" in answer:
        return f"{answer['decision']}"
    return f"1 if {answer['column'].replace('_', ' ')} is at least {answer['at_least']:g}, else 0"
