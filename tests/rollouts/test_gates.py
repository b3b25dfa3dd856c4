"""Every kind of gate against evidence that is good, bad, undecided, old or missing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollouts.choices import GateKind, GateOutcome
from rollouts.choices import GateVerdict as V
from rollouts.gates import PRECEDENCE, Evidence, GateRule, MetricEffect, Ruling, overall, rule

pytestmark = pytest.mark.pure

METRIC = GateRule(
    kind=GateKind.EVIDENCE, suite="July", metric="accuracy", margin=0.01, minimum_sample=100
)
STOP = GateRule(
    kind=GateKind.EVIDENCE, suite="Watch", metric="accuracy", margin=0.01, stop_loss=True
)
SUITE = GateRule(kind=GateKind.EVIDENCE, suite="July")
SOAK = GateRule(kind=GateKind.SOAK_TIME, soak_hours=24)
CASES = GateRule(kind=GateKind.FAILURE_CASES, severity="high")
APPROVAL = GateRule(kind=GateKind.APPROVAL)


def change(difference, low, high, n=1000, **fields) -> Evidence:
    effect = MetricEffect(difference, low, high, n, **fields)
    return Evidence(run=1, run_verdict="pass", effects=(effect,))


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (change(0.0, -0.005, 0.005), V.PASS),
        (change(-0.005, -0.01, 0.0), V.PASS),
        (change(-0.03, -0.04, -0.02), V.FAIL),
        (change(-0.005, -0.02, 0.01), V.MARGINAL),
        (change(-0.015, -0.03, 0.0), V.INCONCLUSIVE),
        (change(0.0, -0.005, 0.005, n=99), V.PENDING),
        (change(-0.03, -0.04, -0.02, n=99), V.PENDING),
        (change(0.02, None, 0.05), V.MARGINAL),
        (change(0.02, 0.01, None), V.PASS),
        (change(None, None, None, reason="one_class"), V.NO_DATA),
        (change(0.0, None, None, reason="no_sequence"), V.NO_DATA),
        (change(0.0, -0.005, 0.005, against_fallback=False), V.INCONCLUSIVE),
        (Evidence(run=1, run_verdict="pass"), V.NO_DATA),
        (Evidence(run=1, error="out of memory"), V.ERROR),
        (Evidence(stale=True), V.STALE),
        (Evidence(in_progress=True), V.PENDING),
        (Evidence(), V.NO_DATA),
    ],
)
def test_metric_gate__by_where_the_interval_lies__rules(evidence: Evidence, verdict: V):
    assert rule(METRIC, evidence).verdict == verdict


def test_metric_gate__lower_is_better__turns_the_interval_round():
    lower = GateRule(kind=GateKind.EVIDENCE, metric="brier", margin=0.01, direction="lower")
    assert rule(lower, change(-0.03, -0.04, -0.02)).verdict == V.PASS
    assert rule(lower, change(0.03, 0.02, 0.04)).verdict == V.FAIL
    assert rule(lower, change(0.03, 0.02, 0.04)).threshold == 0.01


def test_metric_gate__several_scenarios__the_worst_one_counts():
    good, bad = MetricEffect(0.0, 0.0, 0.0, 999), MetricEffect(-0.03, -0.04, -0.02, 999)
    ruling = rule(METRIC, Evidence(run=1, run_verdict="pass", effects=(good, bad, good)))
    assert (ruling.verdict, ruling.value, ruling.low) == (V.FAIL, -0.03, -0.04)


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (change(-0.03, -0.04, -0.02), V.STOP),
        (change(-0.03, -0.05, -0.01), V.PASS),
        (change(-0.03, -0.04, -0.02, n=30), V.STOP),
        (change(-0.2, None, None, n=5, reason="too_few"), V.PENDING),
        (change(-0.2, None, None, reason="no_sequence"), V.NO_DATA),
        (change(-0.03, -0.04, -0.02, against_fallback=False), V.INCONCLUSIVE),
        (Evidence(run=2, error="lost the file"), V.ERROR),
        (Evidence(stale=True), V.STALE),
        (Evidence(), V.NO_DATA),
    ],
)
def test_stop_loss__only_a_proven_worsening__stops(evidence: Evidence, verdict: V):
    assert rule(STOP, evidence).verdict == verdict


def test_stop_loss__not_proven__says_that_it_is_not_tripped():
    assert rule(STOP, change(0.0, -0.005, 0.005)).reason.endswith("not tripped.")


def test_stop_loss__earlier_look_proved_it__stays_stopped_though_the_last_run_errored():
    proven, harmless = MetricEffect(-0.03, -0.04, -0.02, 99), MetricEffect(0.0, -0.1, 0.1, 99)
    evidence = Evidence(run=3, error="lost the file", effects=(proven, harmless))
    assert rule(STOP, evidence).verdict == V.STOP


@pytest.mark.parametrize("found", ["pass", "fail", "inconclusive"])
def test_suite_gate__newest_run_judged__takes_its_verdict(found: str):
    ruling = rule(SUITE, Evidence(run=7, run_verdict=found, run_reasons=("Fog.",)))
    assert ruling.verdict == found
    assert "Run 7 of July" in ruling.reason


@pytest.mark.parametrize(
    ("hours", "verdict"), [(0.0, V.PENDING), (23.9, V.PENDING), (24.0, V.PASS), (None, V.NO_DATA)]
)
def test_soak_gate__by_hours_observed__waits_or_passes(hours: float | None, verdict: V):
    assert rule(SOAK, Evidence(observed_hours=hours)).verdict == verdict


@pytest.mark.parametrize(
    ("confirmed", "unverified", "verdict"),
    [
        ({}, {}, V.PASS),
        ({"medium": 3}, {"low": 9}, V.PASS),
        ({"high": 1}, {}, V.FAIL),
        ({"critical": 2}, {"high": 1}, V.FAIL),
        ({"medium": 3}, {"high": 1}, V.INCONCLUSIVE),
    ],
)
def test_failure_gate__by_open_cases_at_the_severity__rules(confirmed, unverified, verdict: V):
    evidence = Evidence(confirmed_cases=confirmed, unverified_cases=unverified)
    assert rule(CASES, evidence).verdict == verdict


def test_failure_gate__confirmed_cases__names_their_number():
    evidence = Evidence(confirmed_cases={"high": 2, "critical": 1})
    assert "3 failure cases" in rule(CASES, evidence).reason


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("", V.PENDING),
        ("open", V.PENDING),
        ("superseded", V.PENDING),
        ("approved", V.PASS),
        ("applied", V.PASS),
        ("rejected", V.FAIL),
        ("changes_requested", V.FAIL),
    ],
)
def test_approval_gate__by_state_of_the_request__rules(status: str, verdict: V):
    assert rule(APPROVAL, Evidence(request_status=status)).verdict == verdict


@pytest.mark.parametrize("gate", [METRIC, STOP, SUITE, SOAK, APPROVAL])
def test_any_gate__nothing_known__does_not_pass(gate: GateRule):
    assert rule(gate, Evidence()).outcome in {GateOutcome.UNMET, GateOutcome.PENDING}


def test_precedence__every_verdict__has_one_place():
    assert sorted(PRECEDENCE) == sorted(V)


def test_precedence__order__is_the_one_that_people_agreed_on():
    assert " > ".join(PRECEDENCE) == (
        "stop > error > fail > no_data > stale > inconclusive > marginal > pending > waived > pass"
    )


@pytest.mark.parametrize(("worse", "better"), list(pairwise(PRECEDENCE)))
def test_overall__two_verdicts__the_worse_counts(worse: V, better: V):
    assert overall([better, worse]) == overall([worse, better]) == worse


def test_overall__no_gate_at_all__is_no_data():
    assert overall([]) == V.NO_DATA


@given(st.lists(st.sampled_from(PRECEDENCE), min_size=1), st.sampled_from(PRECEDENCE))
def test_overall__one_more_verdict__never_improves_it(verdicts: list[V], extra: V):
    before, after = overall(verdicts), overall([*verdicts, extra])
    assert PRECEDENCE.index(after) <= PRECEDENCE.index(before)


_numbers = st.floats(-1, 1, allow_nan=False)


@given(st.tuples(_numbers, _numbers, _numbers).map(sorted), st.floats(0, 0.5), st.floats(0, 0.5))
def test_metric_gate__a_tighter_margin__never_helps(ends, margin: float, tighter_by: float):
    low, difference, high = ends
    loose = GateRule(kind=GateKind.EVIDENCE, metric="accuracy", margin=margin)
    tight = GateRule(
        kind=GateKind.EVIDENCE, metric="accuracy", margin=max(0.0, margin - tighter_by)
    )
    evidence = change(difference, low, high)
    assert _place(rule(tight, evidence)) <= _place(rule(loose, evidence))


def _place(ruling: Ruling) -> int:
    return PRECEDENCE.index(ruling.verdict)
