"""The values that enter and leave the engine: frozen, comparable, free of behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import pandas as pd

from benchmarks.engine.slices import ALL, Slice


class Kind(StrEnum):
    """How a metric is made from items, which decides its interval and its test."""

    PROPORTION = "proportion"
    RATIO = "ratio"
    MEAN = "mean"
    AUC = "auc"
    QUANTILE = "quantile"
    CALIBRATION_ERROR = "calibration_error"
    LOG_MEAN = "log_mean"
    PR_AUC = "pr_auc"
    MOMENT = "moment"
    MULTICLASS = "multiclass"
    COUNT = "count"
    FORECAST = "forecast"
    PREFERENCE = "preference"
    CALIBRATION = "calibration"
    GROUP_GAP = "group_gap"


class Direction(StrEnum):
    HIGHER_IS_BETTER = "higher"
    LOWER_IS_BETTER = "lower"

    @property
    def sign(self) -> int:
        """Factor that makes more always mean better."""
        return 1 if self is Direction.HIGHER_IS_BETTER else -1


class Change(StrEnum):
    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"


class Severity(StrEnum):
    NONE = "none"
    MINOR = "minor"
    MODERATE = "moderate"
    SEVERE = "severe"


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - an outcome
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Finding(StrEnum):
    """The outcome of one criterion or of one scenario."""

    PASS = "pass"  # noqa: S105 - an outcome
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_USED = "not_used"
    ERRORED = "errored"
    SKIPPED = "skipped"
    MISSING = "missing"


class Reason(StrEnum):
    """Why a number or an outcome is not what one hoped for; empty when there is nothing to say."""

    NONE = ""
    NO_ROWS = "no_rows"
    NO_COLUMN = "no_column"
    NOT_A_NUMBER = "not_a_number"
    ONE_CLASS = "one_class"
    UNDEFINED = "undefined"
    TOO_FEW = "too_few"
    UNDERPOWERED = "underpowered"
    UNDECIDED = "undecided"
    BEYOND_THRESHOLD = "beyond_threshold"
    BEYOND_MARGIN = "beyond_margin"
    NO_BASELINE = "no_baseline"
    NO_ITEM_DATA = "no_item_data"
    NO_SEQUENCE = "no_sequence"
    NO_PAIRS = "no_pairs"
    MIXED_HORIZONS = "mixed_horizons"
    NO_GROUPS = "no_groups"
    ONE_GROUP = "one_group"
    NO_REFERENCE = "no_reference"
    NO_LOAD = "no_load"
    UNANSWERED = "unanswered"
    NO_NET = "no_net"
    NOTHING_COUNTS = "nothing_counts"
    NO_BACKFILL = "no_backfill"
    NOTHING_TO_BACKFILL = "nothing_to_backfill"
    NO_CRITERIA = "no_criteria"
    NO_EVIDENCE = "no_evidence"
    MISMATCHED_DATA = "mismatched_data"
    SAME_MODEL = "same_model"
    ERRORED = "errored"
    SKIPPED = "skipped"
    NOT_USED = "not_used"
    MISSING = "missing"
    UNEXPECTED = "unexpected"
    QUARANTINED = "quarantined"
    TOO_FEW_PASSED = "too_few_passed"
    REPEATS_OPEN = "repeats_open"

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]


_SENTENCES = {
    Reason.NONE: "",
    Reason.NO_ROWS: "No row falls into this slice.",
    Reason.NO_COLUMN: "A column that this needs was not supplied.",
    Reason.NOT_A_NUMBER: "Some labels, scores or predictions are missing.",
    Reason.ONE_CLASS: "All labels belong to one class, so the metric has no meaning here.",
    Reason.UNDEFINED: "The metric would divide by zero here.",
    Reason.TOO_FEW: "There are too few items to say anything.",
    Reason.UNDERPOWERED: "A change as large as the margin could go unseen with this few items.",
    Reason.UNDECIDED: "The interval lies on both sides of the limit.",
    Reason.BEYOND_THRESHOLD: "The value is on the wrong side of its threshold.",
    Reason.BEYOND_MARGIN: "The change for the worse exceeds its margin.",
    Reason.NO_BASELINE: "There is no baseline result to compare with.",
    Reason.NO_ITEM_DATA: "The result carries no item-level data.",
    Reason.NO_SEQUENCE: "This metric has no interval that stays valid under repeated looks.",
    Reason.NO_PAIRS: "This metric is compared only on the same items.",
    Reason.MIXED_HORIZONS: "Forecasts of several horizons are compared one horizon at a time.",
    Reason.NO_GROUPS: "The suite declares no protected column, so there are no groups to compare.",
    Reason.ONE_GROUP: "Fewer than two groups are large enough to compare.",
    Reason.NO_REFERENCE: "There are no answers to the unchanged rows to compare with.",
    Reason.NO_LOAD: "No endpoint was asked under system stress here.",
    Reason.UNANSWERED: "Some requests had no answer; the others alone would flatter the model.",
    Reason.NO_NET: "The scenario has no guardrail or fallback that could catch a row.",
    Reason.NOTHING_COUNTS: "No row here is of the kind that the metric counts.",
    Reason.NO_BACKFILL: "No backfill was declared, so nothing was sent again.",
    Reason.NOTHING_TO_BACKFILL: "Every request was answered in time: nothing to backfill.",
    Reason.NO_CRITERIA: "No criterion was declared, so nothing could pass.",
    Reason.NO_EVIDENCE: "No scenario delivered evidence.",
    Reason.MISMATCHED_DATA: "Candidate and baseline were not measured on the same items.",
    Reason.SAME_MODEL: "The candidate was compared with itself.",
    Reason.ERRORED: "The scenario ended in an error.",
    Reason.SKIPPED: "The scenario was skipped.",
    Reason.NOT_USED: "The model does not read what the scenario changes, so it shows nothing.",
    Reason.MISSING: "No result arrived for the scenario.",
    Reason.UNEXPECTED: "A result arrived for a scenario that the suite does not contain.",
    Reason.QUARANTINED: "The scenario is in quarantine: what it found does not count.",
    Reason.TOO_FEW_PASSED: "Too few repeats of the scenario passed.",
    Reason.REPEATS_OPEN: "Too many repeats of the scenario are undecided.",
}


@dataclass(frozen=True)
class Interval:
    """A missing end means that the data set no bound on that side."""

    low: float | None
    high: float | None
    level: float
    method: str


@dataclass(frozen=True)
class Estimate:
    """One metric on one slice of one result; `n` counts the items that the value rests on."""

    metric: str
    slice: str
    value: float | None
    interval: Interval | None
    n: int
    positives: int | None
    reason: Reason = Reason.NONE


@dataclass(frozen=True)
class Effect:
    """Candidate minus baseline in the metric's own unit.

    `n` counts pairs, or the items of the smaller side when there are no pairs. `detectable` is the
    smallest difference found with 80 % power, `needed_n` the items that would find the margin.
    `relative` is the interval of candidate over baseline where the test is about that ratio.
    """

    metric: str
    slice: str
    baseline: float | None
    candidate: float | None
    difference: float | None
    interval: Interval | None
    p_value: float | None
    method: str
    n: int
    clusters: int | None = None
    discordant: int | None = None
    detectable: float | None = None
    needed_n: int | None = None
    reason: Reason = Reason.NONE
    relative: Interval | None = None


@dataclass(frozen=True)
class Margin:
    """An allowed worsening: absolute, a share of the baseline's value, or in its item sd."""

    size: float
    unit: Literal["absolute", "relative", "sd"] = "absolute"

    def __post_init__(self) -> None:
        if not self.size >= 0:
            raise ValueError("The margin is the allowed worsening and cannot be negative.")

    def absolute(self, baseline: float | None, sd: float | None) -> float | None:
        """In the metric's own unit; None where the baseline gives no scale."""
        if self.unit == "absolute":
            return self.size
        scale = sd if self.unit == "sd" else baseline
        return self.size * abs(scale) if scale else None


@dataclass(frozen=True)
class Criterion:
    """What must hold on one slice: a bound on the value, on the worsening, or on both."""

    metric: str
    slice: str = ALL
    value_threshold: float | None = None
    margin: float | None = None
    severe_margin: float | None = None
    critical: bool = False
    minimum_n: int = 0
    why: str = ""

    def __post_init__(self) -> None:
        if self.value_threshold is None and self.margin is None:
            raise ValueError("A criterion needs a threshold on the value or a margin.")
        if self.margin is not None and not self.margin >= 0:
            raise ValueError("The margin is the allowed worsening and cannot be negative.")
        if self.severe_margin is not None and not self.severe_margin >= (self.margin or 0):
            raise ValueError("The severe margin cannot be smaller than the margin.")


@dataclass(frozen=True)
class ScenarioPlan:
    """What a scenario is judged by; `margins` are those agreed for metrics without a criterion.

    A quarantined scenario is judged and reported like any other, and decides nothing. The rows of
    an unpaired one share no more with the baseline's than the item that they are about. Plans that
    name the same `repeat_of` are repeats of one scenario: of them `must_pass` have to pass.
    """

    key: str
    criteria: tuple[Criterion, ...]
    slices: tuple[Slice, ...]
    metrics: tuple[str, ...]
    margins: tuple[tuple[str, float], ...] = ()
    quarantined: bool = False
    unpaired: bool = False
    repeat_of: str = ""
    must_pass: int = 1


@dataclass(frozen=True, eq=False)
class ScenarioResult:
    """What one version delivered for one scenario; `not_used`: the model ignores the change."""

    key: str
    status: Literal["received", "errored", "skipped"]
    frame: pd.DataFrame | None
    data_digest: str
    not_used: bool = False
    message: str = ""


@dataclass(frozen=True)
class CriterionResult:
    criterion: Criterion
    finding: Finding
    reason: Reason
    sentence: str
    estimate: Estimate | None
    effect: Effect | None


@dataclass(frozen=True)
class MetricChange:
    """One cell of scenario × slice × metric; `finding` is set where a criterion covers it."""

    metric: str
    slice: str
    change: Change
    severity: Severity
    effect: Effect
    p_adjusted: float | None
    family: Literal["gate", "exploration"]
    finding: Finding | None


@dataclass(frozen=True)
class Alarm:
    """A metric that worsens a little on many slices; `strength` in standard errors of the sum."""

    scenario: str
    metric: str
    slices: int
    strength: float
    p_adjusted: float


@dataclass(frozen=True)
class Repeated:
    """The repeats of one scenario, judged as one; each also stands in the judgement by itself."""

    key: str
    finding: Finding
    reason: Reason
    passed: int
    failed: int
    repeats: int
    must_pass: int

    @property
    def sentence(self) -> str:
        rest = self.repeats - self.passed - self.failed
        undecided = f", {rest} could not be decided" if rest else ""
        return (
            f"{self.passed} of {self.repeats} repeats passed{undecided}; "
            f"{self.must_pass} must pass."
        )


@dataclass(frozen=True)
class ScenarioJudgement:
    key: str
    finding: Finding
    reason: Reason
    criteria: tuple[CriterionResult, ...]
    changes: tuple[MetricChange, ...]


@dataclass(frozen=True)
class ReasonLine:
    code: Reason
    sentence: str
    scenario: str = ""
    metric: str = ""
    slice: str = ""


@dataclass(frozen=True)
class Judgement:
    verdict: Verdict
    reasons: tuple[ReasonLine, ...]
    scenarios: tuple[ScenarioJudgement, ...]
    expected: int
    received: int
    errored: int
    skipped: int
    missing: int
    judge_version: str
    alarms: tuple[Alarm, ...] = ()
    groups: tuple[Repeated, ...] = ()
