"""Due days: counted from the anchor, clamped at the ends of months, never drifting."""

from datetime import date
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import cadence

pytestmark = pytest.mark.pure

UNITS = st.sampled_from([cadence.DAY, cadence.WEEK, cadence.MONTH, cadence.QUARTER, cadence.YEAR])
DAYS = st.dates(date(2000, 1, 1), date(2040, 12, 31))
STEPS = st.integers(1, 24)


def first(count, *terms):
    return list(islice(cadence.occurrences(*terms), count))


def test_month__anchored_on_the_31st__is_clamped_and_comes_back_to_it():
    assert first(4, date(2025, 1, 31), cadence.MONTH, 1) == [
        date(2025, 1, 31),
        date(2025, 2, 28),
        date(2025, 3, 31),
        date(2025, 4, 30),
    ]


def test_year__anchored_on_a_leap_day__falls_on_the_28th_between():
    days = first(5, date(2024, 2, 29), cadence.YEAR, 1)
    assert days[1] == date(2025, 2, 28)
    assert days[4] == date(2028, 2, 29)


def test_quarter__every_two__is_half_a_year():
    assert first(2, date(2025, 8, 31), cadence.QUARTER, 2)[1] == date(2026, 2, 28)


@given(UNITS, STEPS, DAYS)
def test_occurrences__of_any_cadence__only_ever_move_forward(unit, every, anchor):
    days = first(12, anchor, unit, every)
    assert days == sorted(set(days))
    assert days[0] == anchor


@pytest.mark.parametrize(
    ("unit", "every", "words"),
    [
        (cadence.MONTH, 1, "monthly"),
        (cadence.YEAR, 1, "yearly"),
        (cadence.WEEK, 2, "every 2 weeks"),
    ],
)
def test_cadence__in_words__reads_as_people_say_it(unit, every, words):
    assert cadence.in_words(unit, every) == words


@pytest.mark.parametrize(("unit", "every"), [("fortnight", 1), (cadence.DAY, 0)])
def test_occurrences__unknown_unit_or_no_step__say_so_at_once(unit, every):
    with pytest.raises(ValueError, match="cadence"):
        cadence.occurrences(date(2025, 1, 1), unit, every)
