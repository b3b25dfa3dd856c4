"""The rules for one row: when a value, a change, a severity is good, bad or undecided."""

from __future__ import annotations

from math import inf

from benchmarks.engine.metrics import metric_of
from benchmarks.engine.values import (
    Change,
    Criterion,
    Direction,
    Effect,
    Estimate,
    Finding,
    Interval,
    Reason,
    Severity,
)

Check = tuple[Finding, Reason, str]


def change_of(effect: Effect, direction: Direction, margin: float | None = None) -> Change:
    """What happened; unchanged needs an interval inside the margin, not mere silence."""
    if effect.interval is None:
        return Change.INCONCLUSIVE
    low, high = worsening(effect.interval, direction)
    if low > 0:
        return Change.REGRESSED
    if high < 0:
        return Change.IMPROVED
    return unchanged_or_not(effect, margin)


def unchanged_or_not(effect: Effect, margin: float | None) -> Change:
    """Unchanged if the whole interval is within the margin on both sides."""
    if effect.interval is None:
        return Change.INCONCLUSIVE
    low, high = _ends(effect.interval)
    limit = margin or 0.0
    return Change.UNCHANGED if -limit <= low and high <= limit else Change.INCONCLUSIVE


def severity_of(effect: Effect, criterion: Criterion | None, direction: Direction) -> Severity:
    """How bad a change for the worse is; a margin that nobody stated never makes it minor."""
    if effect.interval is None:
        return Severity.NONE
    low, high = worsening(effect.interval, direction)
    if low <= 0:
        return Severity.NONE
    margin = criterion.margin if criterion else None
    if criterion and criterion.severe_margin is not None and low > criterion.severe_margin:
        return Severity.SEVERE
    if criterion and criterion.critical and margin is not None and low > margin:
        return Severity.SEVERE
    if margin is not None and high <= margin:
        return Severity.MINOR
    return Severity.MODERATE


def check_value(estimate: Estimate, criterion: Criterion) -> Check:
    """The candidate alone against its bound; the bound itself is still good."""
    if criterion.value_threshold is None:
        raise ValueError("The criterion sets no threshold on the value.")
    short = _shortfall(estimate.n, criterion, estimate.interval, estimate.reason)
    if short or estimate.interval is None:
        return Finding.INCONCLUSIVE, short, _cannot_tell(criterion, estimate.n, short)
    low, high = _ends(estimate.interval)
    threshold = criterion.value_threshold
    higher = metric_of(criterion.metric).direction is Direction.HIGHER_IS_BETTER
    passed = low >= threshold if higher else high <= threshold
    failed = high < threshold if higher else low > threshold
    sentence = (
        f"{_subject(criterion)} is {_number(estimate.value)} {_span(estimate.interval)}; "
        f"it must be at {'least' if higher else 'most'} {_number(threshold)}: "
    )
    return _checked(passed, failed, Reason.BEYOND_THRESHOLD, Reason.UNDECIDED, sentence)


def check_change(effect: Effect, criterion: Criterion) -> Check:
    """Non-inferiority: the bad end of the interval has to stay inside the allowed worsening."""
    if criterion.margin is None:
        raise ValueError("The criterion sets no margin.")
    short = _shortfall(effect.n, criterion, effect.interval, effect.reason)
    if short or effect.interval is None:
        return Finding.INCONCLUSIVE, short, _cannot_tell(criterion, effect.n, short)
    low, high = worsening(effect.interval, metric_of(criterion.metric).direction)
    weak = effect.detectable is not None and effect.detectable > criterion.margin
    sentence = (
        f"{_subject(criterion)} changed by {_number(effect.difference, signed=True)} "
        f"{_span(effect.interval, signed=True)}; a worsening of up to "
        f"{_number(criterion.margin)} is allowed: "
    )
    undecided = Reason.UNDERPOWERED if weak else Reason.UNDECIDED
    return _checked(
        high <= criterion.margin, low > criterion.margin, Reason.BEYOND_MARGIN, undecided, sentence
    )


def worsening(interval: Interval, direction: Direction) -> tuple[float, float]:
    """The interval turned so that more is worse; a missing end is unbounded."""
    low, high = _ends(interval)
    return (-high, -low) if direction is Direction.HIGHER_IS_BETTER else (low, high)


def _ends(interval: Interval) -> tuple[float, float]:
    low = -inf if interval.low is None else interval.low
    return low, inf if interval.high is None else interval.high


def _shortfall(n: int, criterion: Criterion, interval: Interval | None, reason: Reason) -> Reason:
    if reason and interval is None:
        return reason
    if n < criterion.minimum_n or interval is None:
        return Reason.TOO_FEW
    return Reason.NONE


def _checked(
    passed: bool, failed: bool, why_failed: Reason, why_undecided: Reason, sentence: str
) -> Check:
    if passed:
        return Finding.PASS, Reason.NONE, sentence + "met."
    if failed:
        return Finding.FAIL, why_failed, sentence + "not met."
    return Finding.INCONCLUSIVE, why_undecided, f"{sentence}undecided. {why_undecided.sentence}"


def _cannot_tell(criterion: Criterion, n: int, reason: Reason) -> str:
    needed = f" ({n} of at least {criterion.minimum_n})" if n < criterion.minimum_n else ""
    return f"{_subject(criterion)} cannot be judged{needed}. {reason.sentence}"


def _subject(criterion: Criterion) -> str:
    label = metric_of(criterion.metric).label
    return label if criterion.slice == "all" else f"{label} on “{criterion.slice}”"


def _number(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "without bound"
    return (f"{value:+.4g}" if signed else f"{value:.4g}").replace("-", "−")


def _span(interval: Interval, *, signed: bool = False) -> str:
    low, high = (_number(end, signed=signed) for end in (interval.low, interval.high))
    return f"({100 * interval.level:.3g} % interval {low} to {high})"
