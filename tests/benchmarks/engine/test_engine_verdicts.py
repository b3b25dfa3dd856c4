"""Rules for one row: where a value, a change and its severity turn good, bad or undecided."""

import pytest

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
from benchmarks.engine.verdicts import change_of, check_change, check_value, severity_of

pytestmark = pytest.mark.pure

HIGHER, LOWER = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER


def estimate_of(low, high, *, metric="recall", n=100, reason=Reason.NONE):
    interval = None if low == high == "none" else Interval(low, high, 0.95, "wilson")
    return Estimate(metric, "all", 0.5, interval, n, None, reason)


def effect_of(low, high, *, metric="recall", n=100, detectable=0.001, reason=Reason.NONE):
    interval = None if low == high == "none" else Interval(low, high, 0.95, "newcombe")
    return Effect(
        metric,
        "all",
        0.5,
        0.5,
        0.0,
        interval,
        0.5,
        "mcnemar",
        n,
        detectable=detectable,
        reason=reason,
    )


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.70, 0.80, (Finding.PASS, Reason.NONE)),
        (0.71, 0.80, (Finding.PASS, Reason.NONE)),
        (0.60, 0.69, (Finding.FAIL, Reason.BEYOND_THRESHOLD)),
        (0.60, 0.70, (Finding.INCONCLUSIVE, Reason.UNDECIDED)),
        (None, 0.69, (Finding.FAIL, Reason.BEYOND_THRESHOLD)),
        (None, 0.90, (Finding.INCONCLUSIVE, Reason.UNDECIDED)),
    ],
)
def test_value__bound_from_below__is_judged_by_the_whole_interval(low, high, expected):
    criterion = Criterion("recall", value_threshold=0.70)
    assert check_value(estimate_of(low, high), criterion)[:2] == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (80.0, 100.0, Finding.PASS),
        (101.0, None, Finding.FAIL),
        (90.0, None, Finding.INCONCLUSIVE),
    ],
)
def test_value__bound_from_above__treats_a_missing_end_as_unbounded(low, high, expected):
    criterion = Criterion("p95_latency", value_threshold=100.0)
    assert check_value(estimate_of(low, high, metric="p95_latency"), criterion)[0] is expected


def test_value__below_the_minimum_n__is_inconclusive_even_when_bad():
    criterion = Criterion("recall", value_threshold=0.70, minimum_n=101)
    finding, reason, sentence = check_value(estimate_of(0.1, 0.2), criterion)
    assert (finding, reason) == (Finding.INCONCLUSIVE, Reason.TOO_FEW)
    assert "100 of at least 101" in sentence


def test_value__undefined__is_inconclusive_with_its_own_reason():
    criterion = Criterion("recall", value_threshold=0.70)
    found = check_value(estimate_of("none", "none", n=0, reason=Reason.ONE_CLASS), criterion)
    assert found[:2] == (Finding.INCONCLUSIVE, Reason.ONE_CLASS)


def test_value__sentence__names_metric_slice_interval_and_bound():
    criterion = Criterion("recall", "night", value_threshold=0.7)
    sentence = check_value(estimate_of(0.6, 0.69), criterion)[2]
    assert sentence == (
        "Recall on “night” is 0.5 (95 % interval 0.6 to 0.69); it must be at least 0.7: not met."
    )


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.02, 0.10, (Finding.PASS, Reason.NONE)),
        (-0.05, -0.021, (Finding.FAIL, Reason.BEYOND_MARGIN)),
        (-0.05, -0.02, (Finding.INCONCLUSIVE, Reason.UNDECIDED)),
        (-0.05, 0.10, (Finding.INCONCLUSIVE, Reason.UNDECIDED)),
        (None, None, (Finding.INCONCLUSIVE, Reason.UNDECIDED)),
    ],
)
def test_change__higher_is_better__must_exclude_the_margin_below(low, high, expected):
    criterion = Criterion("recall", margin=0.02)
    assert check_change(effect_of(low, high), criterion)[:2] == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.50, 0.02, Finding.PASS),
        (0.021, 0.50, Finding.FAIL),
        (0.0, 0.03, Finding.INCONCLUSIVE),
    ],
)
def test_change__lower_is_better__must_exclude_the_margin_above(low, high, expected):
    criterion = Criterion("brier", margin=0.02)
    assert check_change(effect_of(low, high, metric="brier"), criterion)[0] is expected


def test_change__detectable_effect_beyond_the_margin__is_underpowered():
    effect = effect_of(-0.05, 0.10, detectable=0.08)
    assert check_change(effect, Criterion("recall", margin=0.02))[1] is Reason.UNDERPOWERED


def test_change__no_difference_at_all_with_margin_0__passes():
    assert check_change(effect_of(0.0, 0.0), Criterion("recall", margin=0.0))[0] is Finding.PASS


def test_change__no_baseline__is_inconclusive_with_that_reason():
    effect = effect_of("none", "none", reason=Reason.NO_BASELINE)
    found = check_change(effect, Criterion("recall", margin=0.02))
    assert found[:2] == (Finding.INCONCLUSIVE, Reason.NO_BASELINE)


def test_check__part_that_the_criterion_does_not_set__is_refused():
    with pytest.raises(ValueError, match="no threshold"):
        check_value(estimate_of(0.1, 0.2), Criterion("recall", margin=0.1))
    with pytest.raises(ValueError, match="no margin"):
        check_change(effect_of(0.1, 0.2), Criterion("recall", value_threshold=0.1))


@pytest.mark.parametrize(
    "fields",
    [{}, {"margin": -0.1}, {"margin": float("nan")}, {"margin": 0.2, "severe_margin": 0.1}],
)
def test_criterion__senseless__is_refused(fields):
    with pytest.raises(ValueError):
        Criterion("recall", **fields)


@pytest.mark.parametrize(
    ("low", "high", "margin", "higher", "lower"),
    [
        (0.01, 0.03, None, Change.IMPROVED, Change.REGRESSED),
        (-0.03, -0.01, None, Change.REGRESSED, Change.IMPROVED),
        (-0.01, 0.01, 0.02, Change.UNCHANGED, Change.UNCHANGED),
        (-0.01, 0.03, 0.02, Change.INCONCLUSIVE, Change.INCONCLUSIVE),
        (-0.01, 0.01, None, Change.INCONCLUSIVE, Change.INCONCLUSIVE),
        (0.0, 0.0, None, Change.UNCHANGED, Change.UNCHANGED),
        ("none", "none", 0.02, Change.INCONCLUSIVE, Change.INCONCLUSIVE),
    ],
)
def test_change_of__interval__follows_the_direction(low, high, margin, higher, lower):
    assert change_of(effect_of(low, high), HIGHER, margin) is higher
    assert change_of(effect_of(low, high), LOWER, margin) is lower


@pytest.mark.parametrize(
    ("low", "high", "criterion", "expected"),
    [
        (-0.01, 0.01, Criterion("recall", margin=0.02), Severity.NONE),
        (0.01, 0.02, Criterion("recall", margin=0.02), Severity.NONE),
        ("none", "none", Criterion("recall", margin=0.02), Severity.NONE),
        (-0.02, -0.01, Criterion("recall", margin=0.02), Severity.MINOR),
        (-0.03, -0.01, Criterion("recall", margin=0.02), Severity.MODERATE),
        (-0.03, -0.01, None, Severity.MODERATE),
        (-0.09, -0.06, Criterion("recall", margin=0.02, severe_margin=0.05), Severity.SEVERE),
        (-0.09, -0.04, Criterion("recall", margin=0.02, severe_margin=0.05), Severity.MODERATE),
        (-0.09, -0.03, Criterion("recall", margin=0.02, critical=True), Severity.SEVERE),
        (-0.09, -0.01, Criterion("recall", margin=0.02, critical=True), Severity.MODERATE),
    ],
)
def test_severity__of_a_worsening__grows_with_evidence_size_and_place(
    low, high, criterion, expected
):
    assert severity_of(effect_of(low, high), criterion, HIGHER) is expected


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason])
def test_reason__every_code__has_a_sentence(reason):
    assert reason.sentence.endswith(".")
