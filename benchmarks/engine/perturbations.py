"""Deliberate changes to inputs: named, seeded, composed in order, never touching the frame given.

`problems` checks steps that came from outside, `apply` carries them out, `describe` says them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from benchmarks.engine.perturbation_catalog import PERTURBATIONS, Parameter, Perturbation
from benchmarks.engine.perturbation_changes import NOISE_UNITS, VALUE_CHANGES
from benchmarks.engine.perturbation_checks import problems
from benchmarks.engine.perturbation_columns import PerturbationError, kind_of
from benchmarks.engine.perturbation_rows import ROW_CHOICES

#: The parameters that name columns whose values a step may rewrite.
CHANGED = ("column", "columns", "against")

__all__ = [
    "PERTURBATIONS",
    "Parameter",
    "Perturbation",
    "PerturbationError",
    "Perturbed",
    "apply",
    "describe",
    "kind_of",
    "problems",
]


@dataclass(frozen=True)
class Perturbed:
    """The changed frame and what changed in it; `touched` are columns that really differ.

    With `reweights_rows` the index may repeat or leave out items: pair by index, not by position.
    """

    frame: pd.DataFrame
    touched: frozenset[str]
    rows_before: int
    rows_after: int
    cells_changed: int
    reweights_rows: bool


def apply(frame: pd.DataFrame, steps: Sequence[Mapping[str, Any]], *, seed: int) -> Perturbed:
    """All steps in order; each draws from its own child of the seed, so adding one moves none."""
    kinds = {str(name): kind_of(frame[name]) for name in frame.columns}
    if faults := problems(steps, kinds):
        raise PerturbationError(" ".join(faults))
    changed, positions = frame, np.arange(len(frame))
    children = np.random.SeedSequence(seed).spawn(len(steps))
    for step, child in zip(steps, children, strict=True):
        generator, settings = np.random.default_rng(child), _settings(step)
        if step["kind"] in ROW_CHOICES:
            rows = ROW_CHOICES[step["kind"]](changed, settings, generator)
            changed, positions = changed.iloc[rows], positions[rows]
        else:
            columns = VALUE_CHANGES[step["kind"]](changed, settings, generator)
            changed = changed.assign(**columns)
    return _compared(frame, changed, positions, steps)


def describe(steps: Sequence[Mapping[str, Any]]) -> str:
    """Steps without problems in plain words, such as `pressure missing in all rows`."""
    return ", then ".join(_describe_step(step) for step in steps) or "the data as they are"


def _compared(
    before: pd.DataFrame,
    after: pd.DataFrame,
    positions: np.ndarray,
    steps: Sequence[Mapping[str, Any]],
) -> Perturbed:
    """Counts differing cells row by row of origin; a column without any gets its dtype back."""
    reweights_rows = any(step["kind"] in ROW_CHOICES for step in steps)
    origin = before.iloc[positions] if reweights_rows else before
    cells = {name: _differing(origin[name], after[name]) for name in _named_columns(steps)}
    unchanged = {name: origin[name] for name, count in cells.items() if count == 0}
    return Perturbed(
        frame=after.assign(**unchanged),
        touched=frozenset(name for name, count in cells.items() if count),
        rows_before=len(before),
        rows_after=len(after),
        cells_changed=sum(cells.values()),
        reweights_rows=reweights_rows,
    )


def _named_columns(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns that steps may rewrite, each once."""
    names: list[str] = []
    for step in steps:
        if PERTURBATIONS[step["kind"]].touches == "values":
            for parameter in CHANGED:
                named = step["parameters"].get(parameter) or ()
                names.extend([named] if isinstance(named, str) else named)
    return list(dict.fromkeys(names))


def _differing(before: pd.Series, after: pd.Series) -> int:
    if is_numeric_dtype(before.dtype) and is_numeric_dtype(after.dtype):
        left = before.to_numpy(dtype=float, na_value=np.nan)
        right = after.to_numpy(dtype=float, na_value=np.nan)
        return int(np.sum((left != right) & ~(np.isnan(left) & np.isnan(right))))
    absent = before.isna().to_numpy(), after.isna().to_numpy()
    same = before.astype(object).to_numpy() == after.astype(object).to_numpy()
    both_known = ~absent[0] & ~absent[1]
    return int(np.sum(absent[0] != absent[1])) + int(np.sum(both_known & ~same.astype(bool)))


def _settings(step: Mapping[str, Any]) -> dict[str, Any]:
    """A step's parameters with every default filled in."""
    given = step["parameters"]
    declared = PERTURBATIONS[step["kind"]].parameters
    return {each.name: given.get(each.name, each.default) for each in declared}


def _describe_step(step: Mapping[str, Any]) -> str:
    settings = _settings(step)
    perturbation = PERTURBATIONS[step["kind"]]
    words = {each.name: _in_words(settings[each.name], each) for each in perturbation.parameters}
    return perturbation.sentence.format(**words) + "".join(_qualifiers(settings))


def _qualifiers(settings: Mapping[str, Any]) -> Iterator[str]:
    """What a sentence only mentions when it is set."""
    if settings.get("group_column") is not None:
        yield f" where {settings['group_column']} is {settings['group_value']}"
    if settings.get("offset"):
        word = "plus" if settings["offset"] > 0 else "minus"
        yield f", {word} {_number(abs(settings['offset']))}"
    if settings.get("unit") == NOISE_UNITS[1]:
        yield ", counted in standard deviations of the column"
    if settings.get("modulo") is not None:
        yield f", counted round at {_number(settings['modulo'])}"
    if settings.get("minimum") is not None:
        yield f", at least {_number(settings['minimum'])}"
    if settings.get("maximum") is not None:
        yield f", at most {_number(settings['maximum'])}"
    if settings.get("size", 1) != 1 and "weights" in settings:
        yield f", {_number(settings['size'])} times as many rows"


_WORDS: dict[str, Callable[[Any], str]] = {
    "columns": lambda names: " and ".join(
        part for part in (", ".join(names[:-1]), *names[-1:]) if part
    ),
    "share": lambda share: "all rows" if share == 1 else f"{100 * share:.6g} % of the rows",
    "mapping": lambda pairs: ", ".join(f"{key} → {pairs[key]}" for key in pairs),
}


def _in_words(value: Any, parameter: Parameter) -> str:
    if value is None:
        return "nothing"
    if parameter.type in _WORDS:
        return _WORDS[parameter.type](value)
    return _number(value)


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
