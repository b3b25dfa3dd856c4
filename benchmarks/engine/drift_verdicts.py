"""What a column's numbers mean: one p a column, the false discovery rate, a plain verdict."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

from benchmarks.engine.corrections import benjamini_hochberg
from benchmarks.engine.drift_values import (
    ColumnDrift,
    ColumnKind,
    DriftReason,
    DriftVerdict,
    Missing,
)
from benchmarks.engine.intervals import normal_quantile
from benchmarks.engine.proportions import two_rates

FALSE_DISCOVERIES = 0.05
FEWEST = 5
# What tools usually call drift: a fifth of a standard deviation, a tenth in Jensen–Shannon. When
# chance alone reaches this far, having found nothing says nothing.
MATERIAL = {"wasserstein_sd": 0.2, "jensen_shannon": 0.1, "mmd": 0.2}

_SKIPPED = {
    ColumnKind.TEXT: DriftReason.TEXT_OR_ID,
    ColumnKind.TIME: DriftReason.TIME,
    ColumnKind.MIXED: DriftReason.KINDS_DIFFER,
    ColumnKind.UNSUPPORTED: DriftReason.UNSUPPORTED,
}


def missing_test(reference: tuple[int, int], current: tuple[int, int]) -> Missing:
    """Missing shares from (missing, rows) of each side, with a two-sided test of two rates.

    The floor is the 99 % limit of the difference of two samples of one source.
    """
    (a, n), (b, m) = reference, current
    shares = a / n if n else None, b / m if m else None
    if not n or not m:
        return Missing(a, b, *shares, None, "no rows", None)
    pooled = (a + b) / (n + m)
    floor = normal_quantile(0.99) * sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    if a + b in (0, n + m):
        return Missing(a, b, *shares, None, "nothing to test", floor)
    p_value, method = two_rates((b, m), (a, n))
    return Missing(a, b, *shares, p_value, method, floor)


def column_p(shape: float | None, missing: float | None) -> float | None:
    """One p for the column: that of its only test, or twice the smaller (Bonferroni)."""
    known = [p for p in (shape, missing) if p is not None]
    return min(1.0, len(known) * min(known)) if known else None


def skip_reason(kind: ColumnKind) -> DriftReason | None:
    return _SKIPPED.get(kind)


def decided(columns: tuple[ColumnDrift, ...]) -> tuple[ColumnDrift, ...]:
    """The columns with adjusted p (Benjamini–Hochberg over all that have one) and verdicts."""
    places = [i for i, column in enumerate(columns) if column.p_value is not None]
    adjusted = benjamini_hochberg([columns[i].p_value or 0.0 for i in places]) if places else []
    by_place = dict(zip(places, adjusted, strict=True))
    return tuple(_decide(column, by_place.get(i)) for i, column in enumerate(columns))


def _decide(column: ColumnDrift, adjusted: float | None) -> ColumnDrift:
    if adjusted is None:
        return column
    verdict, reason = _outcome(column, adjusted)
    drifted = verdict is DriftVerdict.DRIFTED
    material = any(d.value >= MATERIAL[d.name] for d in column.distances)
    small = drifted and reason is DriftReason.SHAPE and not material
    result = replace(column, p_adjusted=adjusted, verdict=verdict, reason=reason, small=small)
    return replace(result, sentence=_sentence(result))


def _outcome(column: ColumnDrift, adjusted: float) -> tuple[DriftVerdict, DriftReason]:
    """Drifted only when the test speaks and a distance is beyond its no-drift floor."""
    shape = any(distance.beyond for distance in column.distances)
    missing = column.missing.beyond
    if adjusted <= FALSE_DISCOVERIES:
        # Either part must be small itself: the other's test must not speak for it.
        shape = shape and (column.shape_p or 0.0) <= FALSE_DISCOVERIES
        if shape and missing:
            return DriftVerdict.DRIFTED, DriftReason.SHAPE_AND_MISSING
        if shape or missing:
            reason = DriftReason.SHAPE if shape else DriftReason.MISSING_SHARE
            return DriftVerdict.DRIFTED, reason
        return DriftVerdict.UNDECIDED, DriftReason.BELOW_FLOOR
    if column.effect is None:
        return DriftVerdict.TOO_FEW, column.reason
    if shape or missing:
        return DriftVerdict.UNDECIDED, DriftReason.NOT_SIGNIFICANT
    floor = column.effect.floor
    if floor is None or floor > MATERIAL[column.effect.name]:
        return DriftVerdict.TOO_FEW, DriftReason.UNDERPOWERED
    return DriftVerdict.NO_DRIFT, DriftReason.WITHIN_CHANCE


_UNITS = {
    "wasserstein_sd": "{:.3g} standard deviations",
    "jensen_shannon": "{:.3g} in Jensen–Shannon distance",
    "mmd": "{:.3g} in maximum mean discrepancy",
}


def _sentence(column: ColumnDrift) -> str:
    parts = [column.reason.sentence]
    shown = next((d for d in column.distances if d.beyond), column.effect)
    if shown is not None and shown.floor is not None:
        value = _UNITS[shown.name].format(shown.value)
        parts.append(f"They are {value} apart; chance alone reaches {shown.floor:.3g}.")
    difference = column.missing.difference
    if column.reason in (DriftReason.MISSING_SHARE, DriftReason.SHAPE_AND_MISSING) and difference:
        parts.append(
            f"Missing: {column.missing.reference_share:.1%} before,"
            f" {column.missing.current_share:.1%} now."
        )
    if column.small:
        parts.append("That is certain but small.")
    return " ".join(parts)
