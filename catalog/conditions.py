"""The declared condition of a slice: a small closed grammar that people and CI may send as JSON.

A leaf is `{"column", "op", "value" | "values"}`; nodes are `{"all": [..]}`, `{"any": [..]}` and
`{"not": {..}}`. It is data from beginning to end: nothing here is ever evaluated as code.
"""

import difflib
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

MAX_DEPTH = 5
MAX_LEAVES = 50
MAX_VALUES = 500
MAX_TEXT = 200
# Whole numbers beyond this cannot be held by a 64-bit column.
MAX_INTEGER = 2**63 - 1

KINDS = {
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "datetime": "a date such as 2013-07-01 or 2013-07-01T05:00",
}

ONE_VALUE = {
    "eq": "is",
    "ne": "is not",
    "lt": "below",
    "le": "at most",
    "gt": "above",
    "ge": "at least",
}
MANY_VALUES = {"in": "is one of", "not_in": "is none of", "between": "from"}
NO_VALUE = {"is_null": "is missing", "not_null": "is present"}
OPS = (*ONE_VALUE, *MANY_VALUES, *NO_VALUE)
ORDERING = frozenset({"lt", "le", "gt", "ge", "between"})
NODES = ("all", "any", "not")

# Enough to recognise a long list in a sentence; the rest is counted.
SHOWN_VALUES = 8

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}($|[T ])")


def problems(condition: object, columns: Mapping[str, str] | None = None) -> list[str]:
    """Every reason why this is not a usable condition, in sentences; empty when it is usable.

    `columns` maps each known column to its kind (see KINDS); without it, names are not checked.
    """
    if len(list(islice(_parts(condition, MAX_DEPTH), MAX_LEAVES + 1))) > MAX_LEAVES:
        return [f"The condition has more than {MAX_LEAVES} comparisons; split it into slices."]
    return list(_node_problems(condition, columns, depth=1, where=""))


def columns_of(condition: Mapping[str, Any]) -> frozenset[str]:
    """The columns that a condition without problems reads."""
    return frozenset(leaf["column"] for leaf in _leaves(condition))


def describe(condition: Mapping[str, Any]) -> str:
    """A condition without problems in plain words, such as `origin is EWR and hour below 9`."""
    if "not" in condition:
        return f"not ({describe(condition['not'])})"
    for node, word in (("all", " and "), ("any", " or ")):
        if node in condition:
            return word.join(_describe_part(part, node) for part in condition[node])
    return _describe_leaf(condition)


def _leaves(condition: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "not" in condition:
        yield from _leaves(condition["not"])
    elif "all" in condition or "any" in condition:
        for part in condition.get("all", condition.get("any", ())):
            yield from _leaves(part)
    else:
        yield condition


def _parts(condition: object, levels: int) -> Iterator[object]:
    """The comparisons of input not yet known to be well formed, down to a depth."""
    groups = [condition.get(node) for node in NODES] if isinstance(condition, Mapping) else []
    inner = [part for group in groups for part in (group if isinstance(group, list) else [group])]
    inner = [part for part in inner if part is not None]
    if not inner or levels == 1:
        yield condition
    else:
        for part in inner:
            yield from _parts(part, levels - 1)


def _node_problems(
    condition: object, columns: Mapping[str, str] | None, *, depth: int, where: str
) -> Iterator[str]:
    if depth > MAX_DEPTH:
        yield f"{where}The condition is nested deeper than {MAX_DEPTH} levels."
    elif not isinstance(condition, Mapping):
        yield f"{where}A condition must be an object, not {_kind_of(condition)}."
    elif not condition:
        yield f"{where}The condition is empty; give a column and an op, or all, any or not."
    elif nodes := [node for node in NODES if node in condition]:
        yield from _unexpected_keys(condition, {nodes[0]}, where)
        yield from _group_problems(condition[nodes[0]], nodes[0], columns, depth, where)
    else:
        yield from (f"{where}{sentence}" for sentence in _leaf_problems(condition, columns))


def _group_problems(
    parts: object, node: str, columns: Mapping[str, str] | None, depth: int, where: str
) -> Iterator[str]:
    if node == "not":
        yield from _node_problems(parts, columns, depth=depth + 1, where=f"{where}not: ")
    elif not isinstance(parts, list):
        yield f"{where}“{node}” must hold a list of conditions, not {_kind_of(parts)}."
    elif not parts:
        yield f"{where}“{node}” is an empty list; give it at least one condition."
    else:
        for number, part in enumerate(parts, start=1):
            place = f"{where}{node} {number}: "
            yield from _node_problems(part, columns, depth=depth + 1, where=place)


def _leaf_problems(leaf: Mapping[str, Any], columns: Mapping[str, str] | None) -> Iterator[str]:
    yield from _column_problems(leaf.get("column"), columns)
    op = leaf.get("op")
    if not isinstance(op, str) or op not in OPS:
        yield _unknown("op", op, OPS)
        yield from _unexpected_keys(leaf, {"column", "op", "value", "values"}, "")
        return
    carrier = _value_key(op)
    yield from _unexpected_keys(leaf, {"column", "op"} | ({carrier} if carrier else set()), "")
    if carrier and carrier not in leaf:
        yield f"“{op}” needs “{carrier}”."
    elif carrier:
        yield from _operand_problems(leaf, op, carrier, columns)


def _operand_problems(
    leaf: Mapping[str, Any], op: str, carrier: str, columns: Mapping[str, str] | None
) -> Iterator[str]:
    values = leaf[carrier] if carrier == "values" else [leaf[carrier]]
    shape = _list_problem(op, values)
    if shape:
        yield shape
        return
    faults = [fault for value in values if (fault := _value_problem(value))]
    yield from dict.fromkeys(faults)
    if not faults:
        column = leaf.get("column")
        kind = columns.get(column) if columns and isinstance(column, str) else None
        yield from _kind_problems(op, values, kind, column)


def _kind_problems(
    op: str, values: Sequence[Any], kind: str | None, column: object
) -> Iterator[str]:
    """Values against the column's kind; without a known kind, against each other."""
    if op in ORDERING and kind in ("string", "boolean"):
        yield f"“{column}” holds {KINDS[kind]}, which has no order; use eq, in or their opposites."
        return
    if kind is None and op in ORDERING:
        kind = "number" if _fits(values[0], "number") else "datetime"
    if kind in KINDS:
        misfit = next((value for value in values if not _fits(value, kind)), None)
        if misfit is not None:
            subject = f"“{column}”" if isinstance(column, str) else "The column"
            yield f"{subject} is compared with {_shown(misfit)}, but needs {KINDS[kind]}."
            return
    elif len({_kind_of(value) for value in values}) > 1:
        yield "All values of one list must be of the same type."
    if op == "between":
        yield from _range_problems(*values)


def _range_problems(low: Any, high: Any) -> Iterator[str]:
    if isinstance(low, str):
        low, high = datetime.fromisoformat(low), datetime.fromisoformat(high)
        if (low.tzinfo is None) != (high.tzinfo is None):
            yield "Give both ends of the range with a time zone, or neither."
            return
    if low >= high:
        yield "The range is empty: the first value must be below the second."


def _column_problems(column: object, columns: Mapping[str, str] | None) -> Iterator[str]:
    if not isinstance(column, str) or not column:
        yield "A comparison needs “column”, the name of a column."
    elif columns is None:
        if fault := _value_problem(column):
            yield fault
    elif column not in columns:
        yield _unknown("column", column, tuple(columns))


def _list_problem(op: str, values: object) -> str | None:
    if not isinstance(values, list):
        return f"“values” must be a list, not {_kind_of(values)}."
    if op == "between" and len(values) != 2:
        return "“between” needs exactly two values: from the first, to below the second."
    if not values:
        return f"“{op}” has an empty list; give it at least one value."
    if len(values) > MAX_VALUES:
        return f"“{op}” has {len(values)} values; at most {MAX_VALUES} are allowed."
    return None


def _value_problem(value: object) -> str | None:
    if value is None:
        return "A missing value cannot be compared; use is_null or not_null."
    if isinstance(value, str):
        return _text_problem(value)
    if not isinstance(value, (bool, int, float)):
        return f"A value must be a number, text, true or false, not {_kind_of(value)}."
    if isinstance(value, float) and not math.isfinite(value):
        return "A value is not a finite number."
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        return "A whole number is too large to be compared with any column."
    return None


def _text_problem(text: str) -> str | None:
    if len(text) > MAX_TEXT:
        return f"A text has {len(text)} characters; at most {MAX_TEXT} are allowed."
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        return "A text contains control characters."
    return None


def _fits(value: object, kind: str) -> bool:
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    return isinstance(value, str) and (kind == "string" or _is_date(value))


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return _DATE.match(text) is not None


def _value_key(op: str) -> str | None:
    if op in NO_VALUE:
        return None
    return "value" if op in ONE_VALUE else "values"


def _unexpected_keys(
    condition: Mapping[str, Any], expected: set[str], where: str
) -> Iterator[str]:
    extra = sorted(_shown(key) for key in condition if key not in expected)
    if extra:
        yield f"{where}Unexpected here: {', '.join(extra[:SHOWN_VALUES])}."


def _unknown(what: str, name: object, known: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(str(name)[:MAX_TEXT], known, n=1)
    if nearest:
        return f"Unknown {what} {_shown(name)}; did you mean “{nearest[0]}”?"
    listed = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
    return f"Unknown {what} {_shown(name)}; known are {listed or 'none'}."


def _kind_of(value: object) -> str:
    """The JSON name of a value's type; a whole number and a decimal are one type."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"


def _shown(value: object) -> str:
    """A value from outside, short enough for a sentence."""
    if isinstance(value, str):
        return f"“{value[:40]}…”" if len(value) > 40 else f"“{value}”"
    if value is None or isinstance(value, (bool, int, float)):
        return _plain(value) if not isinstance(value, int) or abs(value) < 1e15 else "a number"
    return _kind_of(value)


def _plain(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = str(value)
    return text if text and text == text.strip() else f"“{text}”"


def _describe_part(part: Mapping[str, Any], parent: str) -> str:
    mixed = any(node in part and node != parent for node in ("all", "any"))
    return f"({describe(part)})" if mixed else describe(part)


def _describe_leaf(leaf: Mapping[str, Any]) -> str:
    column, op = leaf["column"].replace("_", " "), leaf["op"]
    if op in NO_VALUE:
        return f"{column} {NO_VALUE[op]}"
    if op in ONE_VALUE:
        return f"{column} {ONE_VALUE[op]} {_plain(leaf['value'])}"
    if op == "between":
        low, high = leaf["values"]
        return f"{column} from {_plain(low)} to below {_plain(high)}"
    return f"{column} {MANY_VALUES[op]} {_listed(leaf['values'])}"


def _listed(values: Sequence[object]) -> str:
    shown = [_plain(value) for value in values[:SHOWN_VALUES]]
    if len(values) > SHOWN_VALUES:
        return f"{', '.join(shown)} and {len(values) - SHOWN_VALUES} more"
    return " or ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]
