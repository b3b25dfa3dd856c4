"""Corrections of data as pages tell them: in force, of the past, and within a run's plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.choices import CorrectionKind
from benchmarks.models import Correction
from catalog.models import DatasetVersion, Project
from catalog.pages import address

#: Ids that a line has room for; the rest is counted.
SHOWN = 12


@dataclass(frozen=True)
class CorrectionLine:
    """One act with some of its items, and what became of it."""

    row: Correction
    items: tuple[str, ...]
    more: int
    taken_back: Correction | None
    #: What the file says of the items, by label; empty where the column is withheld.
    originals: tuple[tuple[Any, int], ...]


def lines(version: DatasetVersion) -> list[CorrectionLine]:
    """Every act about a version but the taking back, which stands by what it took back."""
    rows = version.corrections.exclude(kind=CorrectionKind.TAKE_BACK)
    related = rows.select_related("created_by", "taken_back_by__created_by")
    withheld = version.sensitive_columns()
    ids, labels = version.id_column in withheld, version.label_column in withheld
    return [
        CorrectionLine(
            row,
            () if ids else tuple(row.items[:SHOWN]),
            len(row.items) if ids else max(0, len(row.items) - SHOWN),
            getattr(row, "taken_back_by", None),
            () if labels else _counted(row.originals),
        )
        for row in related
    ]


def _counted(originals: list[Any]) -> tuple[tuple[Any, int], ...]:
    return tuple((label, originals.count(label)) for label in sorted(set(originals), key=str))


@dataclass(frozen=True)
class Corrected:
    """What a run's plan set right about one version of data."""

    data: str
    left_out: int
    relabelled: int
    rows: tuple[Correction, ...]
    url: str

    @property
    def sentence(self) -> str:
        aside = f"{self.left_out:,} item{'' if self.left_out == 1 else 's'} set aside"
        labels = f"{self.relabelled:,} label{'' if self.relabelled == 1 else 's'} corrected"
        counted = ((self.left_out, aside), (self.relabelled, labels))
        return f"{self.data}: {' and '.join(words for n, words in counted if n)}."


def of_plan(plan: Mapping[str, Any], project: Project) -> list[Corrected]:
    """One entry for each corrected version that the run was judged on; two queries at most."""
    frozen: dict[int, Mapping[str, Any]] = {}
    for scenario in plan["scenarios"]:
        if isinstance(scenario, dict) and "corrections" in scenario:
            frozen[scenario["dataset_version"]] = scenario
    wanted = [pk for scenario in frozen.values() for pk in scenario["corrections"]["rows"]]
    rows = Correction.objects.select_related("created_by").in_bulk(wanted) if wanted else {}
    return [
        Corrected(
            scenario["dataset_label"],
            scenario["corrections"]["left_out"],
            scenario["corrections"]["relabelled"],
            tuple(rows[pk] for pk in scenario["corrections"]["rows"]),
            address("data-corrections", project, pk=version),
        )
        for version, scenario in frozen.items()
    ]
