"""What a perturbation does to real rows: some that changed, each column before and after."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from django.utils import timezone

from benchmarks import frames
from benchmarks.engine import perturbations
from benchmarks.engine.perturbations import PERTURBATIONS, Perturbed
from catalog.models import DatasetVersion

#: The first rows of the data on which a preview is worked out; a run takes all of them.
ROWS = 50_000
SHOWN = 8
BINS = 24
LEVELS = 8
HIDDEN = "withheld"


@dataclass(frozen=True)
class Cell:
    before: str
    after: str

    @property
    def is_changed(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class ColumnChange:
    """One column before and after: counts over shared bins, or the share of each level."""

    name: str
    missing_before: float
    missing_after: float
    #: Of the bins; what lies beyond the outermost thousandth is counted in the outermost bin.
    edges: tuple[float, ...] = ()
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    levels: tuple[tuple[str, float, float], ...] = ()
    withheld: bool = False


@dataclass(frozen=True)
class Preview:
    """`rows` pair an item with its cells in `columns`; empty when no value changed."""

    sentence: str
    rows_before: int
    rows_after: int
    cells_changed: int
    is_part: bool
    draws_rows: bool = False
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, tuple[Cell, ...]], ...] = ()
    changes: tuple[ColumnChange, ...] = ()
    problems: tuple[str, ...] = ()


def preview(version: DatasetVersion, steps: Sequence[Mapping[str, Any]], *, seed: int) -> Preview:
    """The steps carried out on the version's first rows; what cannot be done is said in words."""
    columns = {column["name"]: column["kind"] for column in version.columns}
    if problems := perturbations.problems(steps, columns):
        return Preview("", 0, 0, 0, False, problems=tuple(problems))
    if past := version.dataset.past_use(timezone.localdate(), "no row of it is shown"):
        return Preview("", 0, 0, 0, False, problems=(past,))
    frame = _first_rows(version)
    try:
        changed = perturbations.apply(frame, steps, seed=seed)
    except perturbations.PerturbationError as error:
        return Preview("", 0, 0, 0, False, problems=(str(error),))
    hidden = version.sensitive_columns()
    names = tuple(sorted(changed.touched))
    return Preview(
        sentence=perturbations.describe(steps),
        rows_before=changed.rows_before,
        rows_after=changed.rows_after,
        cells_changed=changed.cells_changed,
        is_part=version.rows > len(frame),
        draws_rows=changed.reweights_rows,
        columns=names,
        rows=_rows(frame, changed, names, hidden, version.id_column in hidden),
        changes=tuple(
            _column(frame[name], changed.frame[name], hidden) for name in names or _weighed(steps)
        ),
    )


def _first_rows(version: DatasetVersion) -> pd.DataFrame:
    content = frames.read_verified(version.place, version.digest)
    batches = pq.ParquetFile(io.BytesIO(content)).iter_batches(batch_size=ROWS)
    return next(batches).to_pandas().set_index(version.id_column)


def _weighed(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns by which rows were chosen anew, where no value changed."""
    found = [
        step["parameters"].get("column") or step["parameters"].get("group_column")
        for step in steps
        if PERTURBATIONS[step["kind"]].touches == "rows"
    ]
    return list(dict.fromkeys(name for name in found if name))


def _rows(
    frame: pd.DataFrame,
    changed: Perturbed,
    names: Sequence[str],
    hidden: frozenset[str],
    hides_items: bool,
) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    """The first rows in which something changed, in the order of the data."""
    if not names:
        return ()
    after = changed.frame[~changed.frame.index.duplicated()][list(names)]
    before = frame.loc[after.index, list(names)]
    differs = _texts(before) != _texts(after)
    places = np.flatnonzero(differs.to_numpy().any(axis=1))[:SHOWN]
    return tuple(
        (
            HIDDEN if hides_items else str(after.index[place]),
            tuple(
                Cell(HIDDEN, HIDDEN)
                if name in hidden
                else Cell(_text(before[name].iloc[place]), _text(after[name].iloc[place]))
                for name in names
            ),
        )
        for place in places
    )


def _texts(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.astype(object).where(rows.notna(), None).map(_text)


def _text(value: Any) -> str:
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return "missing"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _column(before: pd.Series, after: pd.Series, hidden: frozenset[str]) -> ColumnChange:
    name = str(before.name)
    shares = float(before.isna().mean()), float(after.isna().mean())
    if name in hidden:
        return ColumnChange(name, *shares, withheld=True)
    if perturbations.kind_of(before) == "number":
        return _numbers(name, before, after, shares)
    first = before.astype(str).where(before.notna()).value_counts(normalize=True)
    second = after.astype(str).where(after.notna()).value_counts(normalize=True)
    order = (first.add(second, fill_value=0)).sort_values(ascending=False).index[:LEVELS]
    levels = tuple(
        (str(level), float(first.get(level, 0)), float(second.get(level, 0))) for level in order
    )
    return ColumnChange(name, *shares, levels=levels)


def _numbers(
    name: str, before: pd.Series, after: pd.Series, shares: tuple[float, float]
) -> ColumnChange:
    first, second = (
        column.dropna().to_numpy(dtype=float, na_value=np.nan) for column in (before, after)
    )
    both = np.concatenate([first, second])
    if both.size == 0:
        return ColumnChange(name, *shares)
    low, high = (float(f"{end:.3g}") for end in np.quantile(both, [0.001, 0.999]))
    if low >= high:
        low, high = low - 0.5, low + 0.5
    edges = np.linspace(low, high, BINS + 1)
    counts = [np.histogram(np.clip(values, low, high), edges)[0] for values in (first, second)]
    return ColumnChange(
        name,
        *shares,
        edges=tuple(map(float, edges)),
        before=tuple(map(int, counts[0])),
        after=tuple(map(int, counts[1])),
    )
