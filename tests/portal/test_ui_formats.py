"""Numbers and times are worded honestly."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.ui import formats

pytestmark = pytest.mark.pure

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
        ("words", "–"),
        (True, "–"),
        (0, "0"),
        (0.0, "0"),
        (1234567, "1,234,567"),
        (0.84213, "0.842"),
        (12.345, "12.3"),
        (-0.02137, "−0.021"),
        (0.00042, "0.00042"),
        (0.0000041, "4.1×10⁻⁶"),
    ],
)
def test_number__of_any_size__keeps_the_digits_that_say_something(
    value: object, shown: str
) -> None:
    assert formats.number(value) == shown


def test_number__that_rounds_to_zero__carries_no_minus() -> None:
    assert formats.number(-0.0004, 2) == "0.00"


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.842, "84.2%"),
        (1.0, "100.0%"),
        (0.9997, ">99.9%"),
        (0.0, "0.0%"),
        (0.0002, "<0.1%"),
        (None, "–"),
    ],
)
def test_percent__near_the_ends__never_rounds_to_certainty(share: object, shown: str) -> None:
    assert formats.percent(share) == shown


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ((0.84213, 0.8351, 0.8494), "0.842 [0.835, 0.849]"),
        ((12.34, 10.1, 14.9, "min"), "12.3\u00a0min [10.1, 14.9]"),
        ((120.0, 80.0, 160.0), "120 [80, 160]"),
        ((0.5, None, None), "0.500"),
        ((None, 0.1, 0.2), "–"),
        ((0.5, 0.5, 0.5), "0.500 [0.500, 0.500]"),
    ],
)
def test_interval__by_its_width__shows_two_digits_of_it(
    arguments: tuple[object, ...], shown: str
) -> None:
    assert formats.interval(*arguments) == shown


def test_interval__of_a_difference__shows_both_signs() -> None:
    assert formats.interval(0.003, -0.004, 0.010, plus=True) == "+0.003 [−0.004, +0.010]"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.25, "250 ms"),
        (4.2, "4.2 s"),
        (125, "2 min 5 s"),
        (timedelta(hours=3, seconds=5), "3 h"),
        (timedelta(days=3, hours=4, minutes=9), "3 d 4 h"),
        (-60, "−1 min"),
    ],
)
def test_duration__of_any_length__shows_its_two_largest_units(value: object, shown: str) -> None:
    assert formats.duration(value).replace("\u00a0", " ") == shown


@pytest.mark.parametrize(
    ("delta", "shown"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=4), "4 minutes ago"),
        (timedelta(hours=1, minutes=5), "1 hour ago"),
        (timedelta(days=9), "9 days ago"),
        (-timedelta(days=2), "in 2 days"),
    ],
)
def test_relative__to_now__counts_the_largest_unit(delta: timedelta, shown: str) -> None:
    assert formats.relative(NOON - delta, NOON) == shown


def test_absolute__of_a_moment__names_its_zone() -> None:
    assert formats.absolute(NOON) == "21 Nov 2026, 12:00 UTC"


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_format__of_any_float__never_says_nan(value: float) -> None:
    shown = f"{formats.number(value)} {formats.signed(value)} {formats.percent(value)}"
    assert "nan" not in shown.lower()
    assert "inf" not in shown.lower()
