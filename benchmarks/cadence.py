"""When a program is due: days of a calendar, counted from an anchor, never from the last run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import count

from dateutil.relativedelta import relativedelta

DAY, WEEK, MONTH, QUARTER, YEAR = "day", "week", "month", "quarter", "year"
_STEPS = {
    DAY: relativedelta(days=1),
    WEEK: relativedelta(weeks=1),
    MONTH: relativedelta(months=1),
    QUARTER: relativedelta(months=3),
    YEAR: relativedelta(years=1),
}


def occurrences(anchor: date, unit: str, every: int) -> Iterator[date]:
    """All due days from the anchor on.

    Each is counted from the anchor itself: a program of the 31st is due on 28 February and on
    31 March again. Raises ValueError on an unknown unit or a step below one.
    """
    if unit not in _STEPS:
        raise ValueError(f"There is no cadence by {unit}.")
    if every < 1:
        raise ValueError("A cadence needs a step of at least one.")
    return (anchor + _STEPS[unit] * (every * step) for step in count())


def in_words(unit: str, every: int) -> str:
    if every == 1:
        return {DAY: "daily", WEEK: "weekly", MONTH: "monthly", QUARTER: "quarterly"}.get(
            unit, "yearly"
        )
    return f"every {every} {unit}s"
