"""Repeats: k of n by its laws, and a group that counts once however many repeats it has."""

from dataclasses import replace

import pytest
from engine_frames import scored_frame
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.engine.judge import judge
from benchmarks.engine.repeats import k_of_n, repeated
from benchmarks.engine.values import (
    Criterion,
    Finding,
    Reason,
    ScenarioPlan,
    ScenarioResult,
    Verdict,
)

pytestmark = pytest.mark.pure

GOOD, BAD = scored_frame(800, seed=9), scored_frame(800, seed=9).assign(prediction=0)
RECALL = Criterion("recall", value_threshold=0.3)
FINDINGS = st.lists(st.sampled_from(Finding), min_size=1, max_size=20)
#: From worst to best; a repeat without evidence might have gone either way.
RANK = {Finding.FAIL: 0, Finding.PASS: 2}


def rank(finding):
    return RANK.get(finding, 1)


def counted(passed, failed, undecided):
    return [Finding.PASS] * passed + [Finding.FAIL] * failed + [Finding.INCONCLUSIVE] * undecided


@pytest.mark.parametrize(
    ("passed", "failed", "undecided", "must_pass", "expected"),
    [
        (4, 1, 0, 4, Finding.PASS),
        (3, 2, 0, 4, Finding.FAIL),
        (3, 1, 1, 4, Finding.INCONCLUSIVE),
        (4, 0, 1, 4, Finding.PASS),
        (0, 2, 3, 4, Finding.FAIL),
        (0, 1, 4, 4, Finding.INCONCLUSIVE),
        (1, 4, 0, 1, Finding.PASS),
        (0, 5, 0, 1, Finding.FAIL),
    ],
)
def test_k_of_n__counted_by_hand__is_decided_as_soon_as_it_can_be(
    passed, failed, undecided, must_pass, expected
):
    assert k_of_n(counted(passed, failed, undecided), must_pass) is expected


def test_k_of_n__no_repeat_delivered__is_as_silent_as_they_are():
    assert k_of_n([Finding.NOT_USED] * 3, 2) is Finding.NOT_USED
    assert k_of_n([Finding.MISSING, Finding.ERRORED], 1) is Finding.ERRORED
    assert k_of_n([Finding.ERRORED, Finding.INCONCLUSIVE], 1) is Finding.INCONCLUSIVE


@given(FINDINGS, st.integers(1, 20), st.randoms())
def test_k_of_n__any_order__is_the_same(findings, must_pass, rng):
    shuffled = rng.sample(findings, len(findings))
    assert k_of_n(findings, must_pass) is k_of_n(shuffled, must_pass)


@given(FINDINGS, st.integers(1, 20), st.data())
def test_k_of_n__one_repeat_better__is_never_worse(findings, must_pass, data):
    place = data.draw(st.integers(0, len(findings) - 1))
    better = [found for found in Finding if rank(found) >= rank(findings[place])]
    raised = [*findings]
    raised[place] = data.draw(st.sampled_from(better))
    assert rank(k_of_n(raised, must_pass)) >= rank(k_of_n(findings, must_pass))


@given(FINDINGS, st.integers(1, 20))
def test_k_of_n__fewer_have_to_pass__is_never_worse(findings, must_pass):
    stricter = k_of_n(findings, must_pass + 1)
    assert rank(k_of_n(findings, must_pass)) >= rank(stricter)


@given(FINDINGS, st.integers(1, 20))
def test_k_of_n__pass__needs_so_many_that_really_passed(findings, must_pass):
    if k_of_n(findings, must_pass) is Finding.PASS:
        assert findings.count(Finding.PASS) >= must_pass


@given(st.sampled_from(Finding))
def test_k_of_n__one_of_one__is_the_repeat_itself(finding):
    assert k_of_n([finding], 1) is finding


def test_repeated__sentence__counts_what_could_not_be_decided():
    found = repeated("calm", counted(3, 1, 1), 4)
    assert found.sentence == "3 of 5 repeats passed, 1 could not be decided; 4 must pass."
    assert (found.finding, found.reason) == (Finding.INCONCLUSIVE, Reason.REPEATS_OPEN)


# -- in the judgement -------------------------------------------------------------------------


def plans(n, must_pass, key="calm", criteria=(RECALL,), **fields):
    one = ScenarioPlan("", criteria, (), ("recall",), repeat_of=key, must_pass=must_pass, **fields)
    return [replace(one, key=f"{key}~{number}") for number in range(1, n + 1)]


def received(key, frame=GOOD):
    return ScenarioResult(key, "received", frame, "july")


def judged(planned, *found, **options):
    return judge(planned, {result.key: result for result in found}, None, seed=5, **options)


def with_bad(n, bad, key="calm"):
    return [received(f"{key}~{i}", BAD if i <= bad else GOOD) for i in range(1, n + 1)]


def test_judge__enough_repeats_pass__passes_and_names_no_failure():
    found = judged(plans(5, 4), *with_bad(5, 1))
    assert (found.verdict, found.reasons) == (Verdict.PASS, ())
    assert (found.groups[0].passed, found.groups[0].finding) == (4, Finding.PASS)
    assert (found.expected, found.received) == (5, 5)
    assert [scenario.finding for scenario in found.scenarios].count(Finding.FAIL) == 1


def test_judge__too_few_repeats_pass__fails_with_one_reason_for_all():
    found = judged(plans(5, 4), *with_bad(5, 2))
    assert found.verdict is Verdict.FAIL
    (line,) = found.reasons
    assert (line.code, line.scenario, line.metric) == (Reason.TOO_FEW_PASSED, "calm", "")
    assert line.sentence == "3 of 5 repeats passed; 4 must pass."


def test_judge__repeats_missing__leave_the_group_open_and_never_pass_it():
    found = judged(plans(5, 4), *with_bad(3, 0), error_budget=1.0)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert [line.code for line in found.reasons] == [
        Reason.REPEATS_OPEN,
        Reason.MISSING,
        Reason.MISSING,
    ]
    assert (found.received, found.missing) == (3, 2)


def test_judge__error_budget__counts_the_group_once():
    single = ScenarioPlan("fog", (RECALL,), (), ("recall",))
    planned = [*plans(3, 2), single]
    for budget, verdict in ((0.5, Verdict.PASS), (0.4, Verdict.INCONCLUSIVE)):
        assert judged(planned, received("fog"), error_budget=budget).verdict is verdict


def test_judge__group_without_criteria__hinders_no_other_scenario():
    single = ScenarioPlan("fog", (RECALL,), (), ("recall",))
    found = judged([*plans(2, 1, criteria=()), single], received("fog"), *with_bad(2, 0))
    assert found.verdict is Verdict.PASS


def test_judge__group_in_quarantine__decides_nothing():
    single = ScenarioPlan("fog", (RECALL,), (), ("recall",))
    planned = [*plans(2, 2, quarantined=True), single]
    found = judged(planned, received("fog"), *with_bad(2, 2))
    assert found.verdict is Verdict.PASS
    assert {line.code for line in found.reasons} == {Reason.QUARANTINED}


def test_judge__plans_without_repeats__have_no_group():
    assert judged([ScenarioPlan("fog", (RECALL,), (), ("recall",))], received("fog")).groups == ()
