"""Perturbation steps from people and CI, checked against the catalogue before anything runs."""

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeGuard

from benchmarks.engine.perturbation_catalog import PERTURBATIONS, Parameter, Perturbation

MAX_STEPS = 10
MAX_LISTED = 500
MAX_TEXT = 200

KIND_WORDS = {
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "datetime": "a date and time",
}


def problems(steps: object, columns: Mapping[str, str]) -> list[str]:
    """Every reason why these steps cannot be used on these columns; empty when they can.

    `columns` maps each column to number, string, boolean or datetime.
    """
    if not isinstance(steps, (list, tuple)):
        return ["The perturbation must be a list of steps; an empty list changes nothing."]
    if len(steps) > MAX_STEPS:
        return [f"{len(steps)} steps are given; at most {MAX_STEPS} are allowed."]
    return [
        f"Step {number}: {sentence}"
        for number, step in enumerate(steps, start=1)
        for sentence in _step_problems(step, columns)
    ]


def _step_problems(step: object, columns: Mapping[str, str]) -> Iterator[str]:
    if not isinstance(step, Mapping):
        yield "a step must be an object with “kind” and “parameters”."
        return
    if extra := [str(key)[:MAX_TEXT] for key in step if key not in ("kind", "parameters")]:
        yield f"unexpected here: {', '.join(extra)}."
    kind, given = step.get("kind"), step.get("parameters")
    if not isinstance(kind, str) or kind not in PERTURBATIONS:
        yield _unknown("kind of perturbation", kind, list(PERTURBATIONS))
    elif not isinstance(given, Mapping):
        yield "“parameters” must be an object."
    else:
        yield from _parameter_problems(PERTURBATIONS[kind], given, columns)


def _parameter_problems(
    perturbation: Perturbation, given: Mapping[str, Any], columns: Mapping[str, str]
) -> Iterator[str]:
    declared = {each.name: each for each in perturbation.parameters}
    for name in given:
        if name not in declared:
            yield _unknown(f"parameter of {perturbation.kind}", name, list(declared))
    found = False
    for each in declared.values():
        for sentence in _one_problem(each, given, columns):
            found = True
            yield f"“{each.name}” {sentence}"
    if not found:
        yield from _joint_problems(given, columns)


def _one_problem(
    parameter: Parameter, given: Mapping[str, Any], columns: Mapping[str, str]
) -> Iterator[str]:
    value = given.get(parameter.name)
    if value is None:
        if parameter.required:
            yield "is required."
        return
    if parameter.type == "column":
        yield from _column_problem(value, parameter, columns)
    elif parameter.type == "columns":
        yield from _columns_problem(value, parameter, columns)
    elif parameter.type in ("number", "integer", "share"):
        yield from _number_problem(value, parameter)
    elif parameter.type == "choice" and value not in parameter.choices:
        yield f"must be one of: {', '.join(parameter.choices)}."
    elif parameter.type == "string" and not _is_text(value):
        yield f"must be a text of 1 to {MAX_TEXT} characters."
    elif parameter.type == "mapping":
        yield from _mapping_problem(value)
    elif parameter.type == "value":
        yield from _value_problem(value, _kind(given.get(parameter.of), columns))


def _column_problem(
    value: object, parameter: Parameter, columns: Mapping[str, str]
) -> Iterator[str]:
    if not isinstance(value, str):
        yield "must be the name of a column."
    elif value not in columns:
        yield _unknown("column", value, list(columns))
    elif columns[value] not in parameter.kinds:
        wanted = " or ".join(KIND_WORDS[kind] for kind in parameter.kinds)
        held = KIND_WORDS.get(columns[value], columns[value])
        yield f"needs a column that holds {wanted}; “{value}” holds {held}."


def _columns_problem(
    value: object, parameter: Parameter, columns: Mapping[str, str]
) -> Iterator[str]:
    if not isinstance(value, (list, tuple)) or (parameter.required and not value):
        yield "must be a list of columns."
    elif len(value) > MAX_LISTED:
        yield f"names more than {MAX_LISTED} columns."
    else:
        for name in value:
            yield from _column_problem(name, parameter, columns)


def _number_problem(value: object, parameter: Parameter) -> Iterator[str]:
    if not _is_number(value):
        yield "must be a finite number."
        return
    if parameter.type == "integer" and value != int(value):
        yield "must be a whole number."
    if parameter.minimum is not None and value < parameter.minimum:
        yield f"must be at least {parameter.minimum:g}."
    if parameter.maximum is not None and value > parameter.maximum:
        yield f"must be at most {parameter.maximum:g}."


def _mapping_problem(value: object) -> Iterator[str]:
    if not isinstance(value, Mapping) or not value:
        yield "must be an object with at least one entry."
    elif len(value) > MAX_LISTED:
        yield f"has more than {MAX_LISTED} entries."
    elif not all(isinstance(key, str) and len(key) <= MAX_TEXT for key in value):
        yield f"must have texts of at most {MAX_TEXT} characters as keys."


def _value_problem(value: object, kind: str | None) -> Iterator[str]:
    if kind in KIND_WORDS and not _fits(value, kind):
        yield f"must be {KIND_WORDS[kind]}, as in its column."
    elif kind is None and not (_is_number(value) or _is_text(value) or isinstance(value, bool)):
        yield "must be a number, a text, true or false."


def _joint_problems(given: Mapping[str, Any], columns: Mapping[str, str]) -> Iterator[str]:
    """What only shows when two parameters, each fine alone, are seen together."""
    if (given.get("group_column") is None) != (given.get("group_value") is None):
        yield "give both “group_column” and “group_value”, or neither."
    low, high = given.get("minimum"), given.get("maximum")
    if low is not None and high is not None and low >= high:
        yield "“minimum” must be below “maximum”."
    kind = _kind(given.get("column"), columns)
    for name in ("mapping", "weights"):
        yield from _key_problems(name, given.get(name) or {}, kind)
    for new in (given.get("mapping") or {}).values():
        if kind in KIND_WORDS and not _fits(new, kind):
            yield f"“mapping” must lead to {KIND_WORDS[kind]}, as in its column."
    weights = (given.get("weights") or {}).values()
    if not all(_is_number(weight) and weight >= 0 for weight in weights):
        yield "“weights” must be finite numbers of 0 or more."


def _key_problems(name: str, pairs: Mapping[str, Any], kind: str | None) -> Iterator[str]:
    """Keys are text in JSON; for a column of another kind they must read as one of its values."""
    for key in pairs:
        if kind == "number" and not _reads_as_number(key):
            yield f"“{name}” has the key “{key}”, which is not a number as in its column."
        if kind == "boolean" and key.lower() not in ("true", "false", "0", "1"):
            yield f"“{name}” has the key “{key}”, which is neither true nor false."


def _kind(column: object, columns: Mapping[str, str]) -> str | None:
    return columns.get(column) if isinstance(column, str) else None


def _fits(value: object, kind: str) -> bool:
    if kind == "number":
        return _is_number(value)
    if kind == "boolean":
        return isinstance(value, bool) or value in (0, 1)
    return _is_text(value) and (kind == "string" or _reads_as_date(str(value)))


def _is_number(value: object) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= 2**63 - 1 if isinstance(value, int) else math.isfinite(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT


def _reads_as_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _reads_as_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _unknown(what: str, name: object, known: Sequence[str]) -> str:
    shown = str(name)[:40]
    nearest = difflib.get_close_matches(shown, known, n=1)
    hint = f"did you mean “{nearest[0]}”?" if nearest else f"known are {', '.join(known[:20])}."
    return f"unknown {what} “{shown}”; {hint}"
