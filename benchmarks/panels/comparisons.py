"""One comparison: each metric against its margin, slice by slice, and what stays undecided."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, F, QuerySet

from benchmarks.engine.families import shrink, worst_slice
from benchmarks.engine.items import ItemKind
from benchmarks.engine.slices import ALL
from benchmarks.engine.values import Change, Finding, Reason
from benchmarks.models import Comparison, MetricComparison
from benchmarks.panels.reading import CellAddress, MetricWords, PlanWords, sentence_of, word_of

#: Errors from the middle to the end of a 95 % interval.
NORMAL_95 = 1.959964
#: Below this a common mean says nothing yet.
FEWEST_SHRUNK = 4
CSV_COLUMNS = (
    "scenario",
    "metric",
    "slice",
    "family",
    "change",
    "severity",
    "baseline_value",
    "candidate_value",
    "difference",
    "low",
    "high",
    "p_value",
    "p_adjusted",
    "method",
    "n",
    "clusters",
    "margin",
    "detectable",
    "needed_n",
    "reason",
)


def change_counts(comparison: Comparison) -> dict[str, int]:
    """How many cells improved, stayed, regressed or cannot be told; every word has its number."""
    found = dict(comparison.changes.order_by().values_list("change").annotate(number=Count("pk")))
    return {change.value: found.get(change.value, 0) for change in Change}


def judged_scenarios(comparison: Comparison) -> list[str]:
    """The scenarios with evidence, the failed ones first: there is most to see."""
    silent = {Finding.NOT_USED, Finding.ERRORED, Finding.SKIPPED, Finding.MISSING}
    rows = [row for row in comparison.asked if row["finding"] not in silent]
    rows.sort(key=lambda row: row["finding"] != Finding.FAIL)
    return [row["key"] for row in rows]


@dataclass(frozen=True)
class ItemCounts:
    """How many items of a scenario changed for the worse and for the better."""

    title: str
    failing: int
    fixed: int
    failing_url: str
    fixed_url: str


def item_counts(comparison: Comparison, words: PlanWords, page: str) -> list[ItemCounts]:
    """For each scenario that both sides were asked alike; `page` lists the items."""
    found = []
    for key in words.scenarios:
        flips = comparison.churn.get(key)
        if flips and flips["regressed"] and flips["mended"]:
            urls = [
                f"{page}?{urlencode({'scenario': key, 'kind': kind})}"
                for kind in (ItemKind.NEWLY_FAILING, ItemKind.NEWLY_FIXED)
            ]
            counts = flips["regressed"]["count"], flips["mended"]["count"]
            found.append(ItemCounts(words.scenario_title(key), *counts, *urls))
    return found


def estimate_row(
    row: MetricComparison, label: str, place: CellAddress, note: str = ""
) -> dict[str, Any]:
    """A change as a row of a figure."""
    return {
        "label": label,
        "value": row.difference,
        "low": row.low,
        "high": row.high,
        "state": row.change,
        "note": note,
        "url": place.of_cell(row.scenario, row.metric, row.slice),
    }


def by_metric(
    rows: Iterable[MetricComparison], words: PlanWords, place: CellAddress
) -> list[dict[str, Any]]:
    """All metrics over all rows of one scenario, each with its own margin and direction."""
    known = {row.metric: row for row in rows if row.slice == ALL}
    return [
        {
            **estimate_row(known[metric.key], metric.label, place),
            "unit": metric.unit,
            "margin": known[metric.key].margin,
            "higher": metric.higher,
        }
        for metric in words.metrics.values()
        if metric.key in known
    ]


def by_slice(
    rows: Iterable[MetricComparison], metric: MetricWords, words: PlanWords, place: CellAddress
) -> list[dict[str, Any]]:
    """One metric on every slice of one scenario, in the plan's order, all rows first."""
    known = {row.slice: row for row in rows if row.metric == metric.key}
    return [
        estimate_row(known[part.key], part.title, place, _basis(known[part.key]))
        for part in words.slices.values()
        if part.key in known
    ]


@dataclass(frozen=True)
class SliceGuess:
    """A slice's difference as measured, and drawn towards the slices' common mean."""

    title: str
    n: int
    raw: float
    value: float
    low: float
    high: float
    weight: float
    url: str


@dataclass(frozen=True)
class SliceGuesses:
    """All slices' guesses; the worst one's interval allows for its having been chosen."""

    rows: list[SliceGuess]
    worst: SliceGuess
    worst_low: float
    worst_high: float


def guesses(
    rows: Iterable[MetricComparison], metric: MetricWords, words: PlanWords, place: CellAddress
) -> SliceGuesses | None:
    """Empirical-Bayes guesses from differences and their errors; None for fewer than 4 slices."""
    known = [row for row in rows if row.metric == metric.key and row.slice != ALL]
    sure = [(row, error) for row in known if (error := _error_of(row))]
    if len(sure) < FEWEST_SHRUNK:
        return None
    differences, errors = [row.difference or 0.0 for row, _ in sure], [error for _, error in sure]
    found = [
        SliceGuess(
            title=words.slice_title(row.slice),
            n=row.n,
            raw=one.raw,
            value=one.value,
            low=one.value - NORMAL_95 * one.error,
            high=one.value + NORMAL_95 * one.error,
            weight=one.weight,
            url=place.of_cell(row.scenario, row.metric, row.slice),
        )
        for (row, _), one in zip(sure, shrink(differences, errors), strict=True)
    ]
    sign = metric.sign
    worst = worst_slice([sign * value for value in differences], errors)
    low, high = sorted((sign * worst.low, sign * worst.high))
    ordered = sorted(found, key=lambda guess: sign * guess.value)
    return SliceGuesses(ordered, found[worst.place], low, high)


def _error_of(row: MetricComparison) -> float | None:
    """The standard error that a two-sided interval implies."""
    if row.difference is None or row.low is None or row.high is None:
        return None
    return (row.high - row.low) / (2 * NORMAL_95) or None


@dataclass(frozen=True)
class AlarmRow:
    scenario: str
    metric: str
    slices: int
    p_value: float
    url: str


def alarm_rows(comparison: Comparison, words: PlanWords) -> list[AlarmRow]:
    """Metrics that lean to the worse, with the address of their slices on this page."""
    return [
        AlarmRow(
            scenario=words.scenario_title(alarm["scenario"]),
            metric=words.named(alarm["metric"]).label,
            slices=alarm["slices"],
            p_value=alarm["p_adjusted"],
            url="?" + urlencode({"scenario": alarm["scenario"], "metric": alarm["metric"]}),
        )
        for alarm in comparison.alarms
    ]


def by_scenario(
    comparison: Comparison, metric: MetricWords, words: PlanWords, place: CellAddress
) -> list[dict[str, Any]]:
    """One metric over all rows under every scenario that delivered evidence."""
    known = {row.scenario: row for row in comparison.changes.filter(metric=metric.key, slice=ALL)}
    return [
        estimate_row(known[scenario.key], scenario.title, place)
        for scenario in words.scenarios.values()
        if scenario.key in known
    ]


def _basis(row: MetricComparison) -> str:
    return sentence_of(row.reason) if row.reason else f"n = {row.n:,}"


@dataclass(frozen=True)
class UndecidedRow:
    """A cell that cannot be told, why, and how many items would tell it."""

    row: MetricComparison
    metric: MetricWords
    slice: str
    why: str
    sentence: str
    url: str


def undecided_cells(comparison: Comparison, scenario: str) -> QuerySet[MetricComparison]:
    """What is open in one scenario, what lacks least first."""
    return comparison.changes.filter(scenario=scenario, change=Change.INCONCLUSIVE).order_by(
        "reason", F("needed_n").asc(nulls_last=True), "pk"
    )


def undecided_rows(
    rows: Iterable[MetricComparison], words: PlanWords, place: CellAddress
) -> list[UndecidedRow]:
    return [
        UndecidedRow(
            row=row,
            metric=words.named(row.metric),
            slice=words.slice_title(row.slice),
            why=word_of(why_undecided(row)),
            sentence=sentence_of(why_undecided(row)),
            url=place.of_cell(row.scenario, row.metric, row.slice),
        )
        for row in rows
    ]


def why_undecided(row: MetricComparison) -> str:
    """The reason code of an open cell: its own, or whether more items would have told."""
    if row.reason:
        return row.reason
    weak = row.margin is not None and row.detectable is not None and row.detectable > row.margin
    return Reason.UNDERPOWERED if weak else Reason.UNDECIDED


def csv_rows(comparison: Comparison, words: PlanWords) -> Iterator[list[Any]]:
    """Every cell of the comparison, keys and titles, below its heading."""
    yield ["scenario_title", "slice_title", *CSV_COLUMNS]
    for row in comparison.changes.order_by("pk").iterator():
        titles = [words.scenario_title(row.scenario), words.slice_title(row.slice)]
        yield [*titles, *(getattr(row, name) for name in CSV_COLUMNS)]


def margin_of(rows: Iterable[MetricComparison], metric: MetricWords) -> float | None:
    """The margin that a metric was held to, as the comparison keeps it."""
    return next((row.margin for row in rows if row.metric == metric.key), metric.margin)
