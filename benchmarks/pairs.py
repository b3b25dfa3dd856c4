"""The stored answers of a run and of its baseline, read back to be listed item by item."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from benchmarks import amendments, frames, plans
from benchmarks.choices import PartStatus
from benchmarks.engine.amending import Amendments, amended
from benchmarks.engine.items import ANSWERS, Items, compared
from benchmarks.engine.slices import Slice
from benchmarks.models import ChallengeRun, Comparison, RunPart
from catalog.conditions import columns_of
from catalog.models import DatasetVersion

#: A page is made while somebody waits: about a second for so many rows on each side.
MOST_ROWS = 500_000


class NotListed(Exception):
    """The items of a scenario cannot be listed; the text says why, in a sentence."""


@dataclass(frozen=True, eq=False)
class Pair:
    """One scenario's items on both sides, and what of them may be shown."""

    items: Items
    slices: tuple[Slice, ...]
    #: Slices that would tell what a withheld column holds.
    withheld_slices: int
    ids_withheld: bool
    same_question: bool


def of_scenario(comparison: Comparison, key: str) -> Pair:
    """Raises NotListed where there is nothing to list, or nothing that may be seen."""
    run, before = comparison.run, comparison.baseline_run
    if before is None:
        raise NotListed("The suite had no approved baseline when this run began.")
    plan = plans.scenario_of(run.plan, key)
    if run.suite.model.task != "binary" or plans.stress_of(plan):
        raise NotListed(
            "An item passes or fails only where a model decides between two classes about rows."
        )
    parts = [_part(run, key, "this run"), _part(before, key, "the baseline")]
    versions = [_version(one, key) for one in (run, before)]
    withheld = frozenset().union(*(version.sensitive_columns() for version in versions))
    if withheld & {version.label_column for version in versions}:
        raise NotListed("The labels are withheld, and which items are wrong would tell them.")
    every = plans.slices_of(plan)
    shown = tuple(part for part in every if not columns_of(part.condition) & withheld)
    try:
        corrections = amendments.of_plan(run.plan).get(key, Amendments())
        sides = [
            amended(_answers(part, version, shown), corrections)
            for part, version in zip(parts, versions, strict=True)
        ]
        items = compared(sides[1], sides[0], shown)
    except (OSError, frames.DamagedFile):
        raise NotListed("The stored answers are gone, or no longer what was recorded.") from None
    except ValueError as error:
        raise NotListed(f"The two sides cannot be put beside each other. {error}") from None
    return Pair(
        items,
        shown,
        len(every) - len(shown),
        bool(withheld & {version.id_column for version in versions}),
        parts[0].data_digest == parts[1].data_digest,
    )


def _part(run: ChallengeRun, key: str, side: str) -> RunPart:
    part = run.parts.filter(key=key, status=PartStatus.RECEIVED).first()
    if part is None or not part.outputs_place:
        raise NotListed(f"There are no answers of {side} under this scenario.")
    if part.rows > MOST_ROWS:
        raise NotListed(
            f"There are {part.rows:,} answers of {side}; at most {MOST_ROWS:,} are listed here."
        )
    return part


def _version(run: ChallengeRun, key: str) -> DatasetVersion:
    scenario = plans.scenario_of(run.plan, key)
    return DatasetVersion.objects.get(pk=scenario["dataset_version"])


def _answers(part: RunPart, version: DatasetVersion, slices: Sequence[Slice]) -> pd.DataFrame:
    """Answers with the columns that the slices read, of the rows as they were before a change."""
    answers = frames.kept_answers(part.outputs_place, part.outputs_digest)
    wanted = frozenset().union(*(columns_of(one.condition) for one in slices))
    names = sorted(wanted - set(answers.columns))
    kept = answers[list(ANSWERS)].copy()
    if not names:
        return kept
    rows = frames.columns(version, names).loc[kept.index]
    return kept.assign(**{name: rows[name].array for name in names})
