"""The values that a drift report is made of: frozen, plain numbers, free of rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from benchmarks.engine.values import Interval


class ColumnKind(StrEnum):
    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"
    EMBEDDING = "embedding"
    TEXT = "text"
    TIME = "time"
    MIXED = "mixed"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"


class DriftVerdict(StrEnum):
    DRIFTED = "drifted"
    NO_DRIFT = "no_drift"
    TOO_FEW = "too_few"
    UNDECIDED = "undecided"


class DriftReason(StrEnum):
    """Why a column has its verdict."""

    SHAPE = "shape"
    MISSING_SHARE = "missing_share"
    SHAPE_AND_MISSING = "shape_and_missing"
    WITHIN_CHANCE = "within_chance"
    NO_VALUES = "no_values"
    TOO_FEW = "too_few"
    UNDERPOWERED = "underpowered"
    BELOW_FLOOR = "below_floor"
    NOT_SIGNIFICANT = "not_significant"
    TEXT_OR_ID = "text_or_id"
    TOO_MANY_LEVELS = "too_many_levels"
    TIME = "time"
    KINDS_DIFFER = "kinds_differ"
    LENGTHS_DIFFER = "lengths_differ"
    ABSENT = "absent"
    UNSUPPORTED = "unsupported"

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]


_SENTENCES = {
    DriftReason.SHAPE: "The values differ by more than chance explains.",
    DriftReason.MISSING_SHARE: "The share of missing values differs by more than chance explains.",
    DriftReason.SHAPE_AND_MISSING: (
        "Both the values and the share of missing ones differ by more than chance explains."
    ),
    DriftReason.WITHIN_CHANCE: "The tables differ no more than two samples of one source would.",
    DriftReason.NO_VALUES: "One side holds no value at all in this column.",
    DriftReason.TOO_FEW: "There are too few values to say anything.",
    DriftReason.UNDERPOWERED: "Nothing was found, but a drift worth knowing could go unseen.",
    DriftReason.BELOW_FLOOR: (
        "The test speaks, but the distance is one that chance alone produces at these sizes."
    ),
    DriftReason.NOT_SIGNIFICANT: (
        "The distance is larger than chance usually makes it, but the test is not sure."
    ),
    DriftReason.TEXT_OR_ID: "Most values occur once, so this is free text or an identifier.",
    DriftReason.TOO_MANY_LEVELS: "There are more levels than the sketch of the counts can hold.",
    DriftReason.TIME: "A column of times moves by itself, so it is not compared.",
    DriftReason.KINDS_DIFFER: "The column does not hold the same kind of values on both sides.",
    DriftReason.LENGTHS_DIFFER: "The vectors do not have the same length everywhere.",
    DriftReason.ABSENT: "The column exists on one side only.",
    DriftReason.UNSUPPORTED: "Values of this kind cannot be compared.",
}


@dataclass(frozen=True)
class Distance:
    """A distance between the sides beside its no-drift floor.

    The floor is the 99th percentile of the same distance between two samples of one source, of
    these two sizes; None where no floor could be given. A distance under its floor says nothing.
    """

    name: str
    value: float
    floor: float | None

    @property
    def beyond(self) -> bool:
        return self.floor is not None and self.value > self.floor


@dataclass(frozen=True)
class Missing:
    """Rows without a finite value on each side; shares are of all rows, p is two-sided."""

    reference: int
    current: int
    reference_share: float | None
    current_share: float | None
    p_value: float | None
    method: str
    floor: float | None

    @property
    def difference(self) -> float | None:
        if self.reference_share is None or self.current_share is None:
            return None
        return self.current_share - self.reference_share

    @property
    def beyond(self) -> bool:
        difference = self.difference
        return difference is not None and self.floor is not None and abs(difference) > self.floor


@dataclass(frozen=True)
class Outline:
    """Two histograms over the same bins, enough to draw both sides without their rows.

    `edges` has one entry more than each list of shares. Shares are of the side's known values;
    what lies outside the edges is in `below` and `above`, each as (reference, current).
    """

    edges: tuple[float, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]
    below: tuple[float, float]
    above: tuple[float, float]


@dataclass(frozen=True)
class Side:
    """One side of a numeric column, in the column's own unit; quantiles in per cent."""

    mean: float
    sd: float
    minimum: float
    maximum: float
    quantiles: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class NumericDrift:
    """Distances of two numeric samples; `rank_error` is the stated error of a sketch, else 0."""

    ks: float
    ks_p: float
    ks_method: str
    wasserstein: float
    psi: float
    psi_floor: float | None
    distinct: int
    rank_error: float
    outline: Outline
    reference: Side
    current: Side


@dataclass(frozen=True)
class Level:
    """One level with its counts; `bound` is the 95 % upper end of its share where it is absent."""

    name: str
    reference: int
    current: int
    bound: float | None = None


@dataclass(frozen=True)
class LevelDrift:
    """Level counts compared; `pooled` levels were too rare to be tested on their own.

    `unseen` are levels of the current side that the reference lacks, `vanished` the converse, both
    with the most frequent first and cut at the longest list that a page shows.
    """

    chi_square: float | None
    chi_square_p: float | None
    g: float | None
    g_p: float | None
    df: int
    method: str
    levels: int
    pooled: int
    unseen_count: int
    vanished_count: int
    unseen: tuple[Level, ...]
    vanished: tuple[Level, ...]
    top: tuple[Level, ...]


@dataclass(frozen=True)
class EmbeddingDrift:
    """Maximum mean discrepancy of two samples of vectors with a Gaussian kernel."""

    mmd_squared: float
    bandwidth: float
    length: int
    reference_used: int
    current_used: int
    permutations: int


@dataclass(frozen=True)
class ColumnDrift:
    """One column's comparison.

    `effect` is the distance by which the column is named and ranked; `distances` holds every
    distance that may speak for a drift of the shape. `p_value` is for shape and missing share
    together, `p_adjusted` after the false discovery rate over the columns. `small` marks a drift
    that is beyond chance and yet below what tools usually call drift.
    """

    name: str
    kind: ColumnKind
    reference_n: int
    current_n: int
    missing: Missing
    verdict: DriftVerdict
    reason: DriftReason
    sentence: str
    effect: Distance | None = None
    distances: tuple[Distance, ...] = ()
    shape_p: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    small: bool = False
    detail: NumericDrift | LevelDrift | EmbeddingDrift | None = None


@dataclass(frozen=True)
class ClassifierDrift:
    """How well the rows tell from which table they come: 0.5 is not at all.

    `columns` are the columns by which they do, as (name, fall of the area when it is shuffled).
    """

    area: float
    interval: Interval | None
    reference_used: int
    current_used: int
    columns: tuple[tuple[str, float], ...]

    @property
    def separates(self) -> bool:
        return self.interval is not None and (self.interval.low or 0.0) > 0.5


@dataclass(frozen=True)
class DriftReport:
    columns: tuple[ColumnDrift, ...]
    reference_rows: int
    current_rows: int
    classifier: ClassifierDrift | None
    seed: int
    exact: bool
    report_version: str

    def column(self, name: str) -> ColumnDrift:
        return next(column for column in self.columns if column.name == name)

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        return tuple(c for c in self.columns if c.verdict is DriftVerdict.DRIFTED)
