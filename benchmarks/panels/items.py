"""The items of one scenario of a comparison: kinds with their counts, one page, and the file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.engine.items import BEFORE, ItemKind
from benchmarks.models import Comparison
from benchmarks.pairs import Pair
from catalog.models import FailureCase, FailureOccurrence

LABELS = {
    ItemKind.NEWLY_FAILING: "Newly failing",
    ItemKind.NEWLY_FIXED: "Newly fixed",
    ItemKind.STILL_FAILING: "Still failing",
    ItemKind.ADDED: "Added",
    ItemKind.REMOVED: "Removed",
}
NUMBERS = (
    "label",
    "baseline_label",
    "baseline_answer",
    "baseline_score",
    "candidate_answer",
    "candidate_score",
)
CSV_COLUMNS = ("item", "kind", *NUMBERS, "slices", "failure_case")
#: Rows whose cases are looked up at once for the file.
BATCH = 500
#: What the file and the page call the numbers that the engine keeps.
_FIELDS = (
    "label",
    f"label{BEFORE}",
    f"prediction{BEFORE}",
    f"score{BEFORE}",
    "prediction",
    "score",
)


@dataclass(frozen=True)
class ItemLine:
    """One item; a number is None where that side has none, `item` is empty where withheld."""

    item: str
    numbers: dict[str, float | None]
    slices: tuple[str, ...]
    case: FailureCase | None

    @property
    def relabelled(self) -> bool:
        """Whether the two sides were judged by different labels."""
        now, before = self.numbers["label"], self.numbers["baseline_label"]
        return None not in (now, before) and now != before

    @property
    def label(self) -> float | None:
        now = self.numbers["label"]
        return self.numbers["baseline_label"] if now is None else now


def lines(
    comparison: Comparison, scenario: str, pair: Pair, places: np.ndarray, user: Any
) -> list[ItemLine]:
    """The items at these places of the table, in their order."""
    rows = pair.items.table.iloc[places]
    items = list(rows["item"])
    cases = _cases(comparison, scenario, items, user)
    titles = [(part.label, pair.items.members[part.key]) for part in pair.slices]
    return [
        ItemLine(
            "" if pair.ids_withheld else item,
            dict(zip(NUMBERS, (_number(value) for value in numbers), strict=True)),
            tuple(title for title, inside in titles if inside[place]),
            cases.get(item),
        )
        for item, place, numbers in zip(
            items, places, rows[list(_FIELDS)].itertuples(index=False), strict=True
        )
    ]


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _cases(
    comparison: Comparison, scenario: str, items: Sequence[str], user: Any
) -> dict[str, FailureCase]:
    """The newest failure case of each item that has one, seen alone or in a bundle."""
    wanted = {f"{scenario}:{item}": item for item in items}
    seen = (
        FailureOccurrence.objects.visible_to(user)
        .filter(model_version=comparison.run.model_version_id)
        .select_related("case")
        .order_by("pk")
    )
    found = {
        wanted[row.reference]: row.case for row in seen.filter(reference__in=wanted).defer("items")
    }
    # A bundle names its run, and holds what was not kept one by one.
    for row in seen.filter(reference__startswith=f"{scenario}:run "):
        for reference in wanted.keys() & set(row.items):
            found.setdefault(wanted[reference], row.case)
    return found


def csv_rows(
    comparison: Comparison,
    scenario: str,
    pair: Pair,
    kind: ItemKind,
    places: np.ndarray,
    user: Any,
) -> Iterator[list[Any]]:
    """Every item of the list, below its heading."""
    yield list(CSV_COLUMNS)
    for start in range(0, len(places), BATCH):
        part = places[start : start + BATCH]
        for line in lines(comparison, scenario, pair, part, user):
            case = line.case.pk if line.case else None
            slices = "; ".join(line.slices)
            yield [line.item, kind.value, *line.numbers.values(), slices, case]
