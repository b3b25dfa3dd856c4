"""What outsiders are told: no small count, no other text, and no silence as good news."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.engine.anonymity import (
    ALWAYS,
    FEWER,
    NO_CADENCE,
    NO_EVIDENCE,
    NOT_COVERED,
    NOTHING_JUDGED,
    Area,
    Counted,
    summary,
    told,
)
from benchmarks.engine.values import Finding

pytestmark = pytest.mark.pure

COUNTS = st.dictionaries(st.sampled_from(["Met", "Missed"]), st.integers(0, 20))
AREAS = st.lists(
    st.builds(
        Area,
        st.sampled_from(["A", "B"]),
        st.integers(0, 20),
        st.lists(st.sampled_from(Finding), max_size=20),
    ),
    max_size=3,
)


def counted(areas=(), cadence="monthly"):
    return Counted("Program", areas, cadence, {"Met": 5}, {"Open": 0}, {"Pass": 12})


def numbers(value):
    """Every number anywhere in plain data."""
    if isinstance(value, dict):
        return [each for part in value.values() for each in numbers(part)]
    if isinstance(value, list):
        return [each for part in value for each in numbers(part)]
    return [value] if isinstance(value, int) else []


@given(AREAS, COUNTS, COUNTS, COUNTS)
def test_summary__any_counts__never_tells_one_below_five(areas, turns, weaknesses, verdicts):
    content = summary(Counted("Program", areas, "", turns, weaknesses, verdicts))
    assert all(number >= 5 for number in numbers(content))
    json.dumps(content)


def test_told__at_the_edge__masks_four_and_nothing_at_all():
    assert [told(n) for n in (0, 4, 5)] == [FEWER, FEWER, 5]


def test_summary__findings__are_counted_by_outcome_with_silence_apart():
    findings = [Finding.PASS] * 6 + [Finding.ERRORED] * 3 + [Finding.MISSING] * 3
    area = summary(counted([Area("A", 12, findings)]))["areas"][0]
    assert area["scenarios"] == 12
    assert (area["findings"]["passed"], area["findings"]["no evidence"]) == (6, 6)
    assert area["findings"]["failed"] == FEWER


def test_summary__what_cannot_be_said__follows_from_what_is_missing():
    def said(areas=(), cadence="monthly"):
        return summary(counted(areas, cadence))["cannot_be_said"]

    good = Area("A", 5, [Finding.PASS] * 5)
    assert said() == [NOTHING_JUDGED, *ALWAYS]
    assert said([good]) == [*ALWAYS]
    assert said([good, Area("B", 0, [])]) == [NOT_COVERED, *ALWAYS]
    assert said([good, Area("Rest", 0, [], declared=False)]) == [*ALWAYS]
    assert said([Area("A", 5, [Finding.SKIPPED])]) == [NO_EVIDENCE, *ALWAYS]
    assert said([good], cadence="") == [NO_CADENCE, *ALWAYS]
