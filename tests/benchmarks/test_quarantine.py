"""Flaky scenarios: measured, set aside by somebody else than the builder, never for good."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse
from django.utils import timezone

from benchmarks.choices import VerdictChoice
from benchmarks.models import Comparison, Quarantine
from benchmarks.quarantine import flakiness_of, lift, quarantine
from catalog.errors import Conflict
from tests.benchmarks.judged import approve, post, work_off

pytestmark = pytest.mark.django_db
ERRORED = {"status": "errored", "message": "The bench fell over."}


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


@pytest.fixture
def scenario(world):
    return world.suite.scenarios.get(key="scenario-1")


def aside(world, scenario, **changed):
    fields = {
        "by": world.reviewer,
        "owner": world.owner,
        "reason": "It answers differently from day to day.",
        "until": timezone.localdate() + timedelta(days=14),
    }
    return quarantine(world.suite, scenario, **(fields | changed))


def judged(world, answers="", **gone):
    run = work_off(post(world, "v2", answers, **gone))
    return run.comparison


def finding(comparison, key):
    return next(row["finding"] for row in comparison.scenarios if row["key"] == key)


def test_run__scenario_set_aside__is_judged_and_reported_and_decides_nothing(world, scenario):
    approve(work_off(post(world, "v1")), world)
    for key in ("scenario-0", "scenario-2"):
        aside(world, world.suite.scenarios.get(key=key))
    aside(world, scenario)
    comparison = judged(world, "bad")
    assert {row["finding"] for row in comparison.scenarios} == {"fail"}
    assert comparison.verdict == VerdictChoice.INCONCLUSIVE, "nothing is left that could pass"
    codes = [line["code"] for line in comparison.reasons]
    assert codes == ["no_evidence", "quarantined", "quarantined", "quarantined"]
    assert "It found: fail." in comparison.reasons[1]["sentence"]


def test_run__only_the_flaky_scenario_errs__passes_on_the_others(world, scenario):
    approve(work_off(post(world, "v1")), world)
    before = judged(world, scenario_1=ERRORED)
    assert before.verdict == VerdictChoice.INCONCLUSIVE
    aside(world, scenario)
    after = judged(world, scenario_1=ERRORED)
    assert after.verdict == VerdictChoice.PASS
    assert finding(after, "scenario-1") == "errored"


@pytest.mark.parametrize("end", ["lifted", "expired"])
def test_run__after_the_quarantine__counts_the_scenario_again(world, scenario, end):
    approve(work_off(post(world, "v1")), world)
    row = aside(world, scenario)
    if end == "lifted":
        lift(row, by=world.reviewer, reason="The race was mended.")
    else:
        yesterday = timezone.localdate() - timedelta(days=1)
        Quarantine.objects.filter(pk=row.pk).update(until=yesterday)
    comparison = judged(world, scenario_1=ERRORED)
    assert comparison.verdict == VerdictChoice.INCONCLUSIVE
    assert "quarantined" not in [line["code"] for line in comparison.reasons]


def test_flakiness__same_question_with_other_findings__is_counted(world):
    approve(work_off(post(world, "v1")), world)
    for answers in ("", "bad", "bad", ""):
        judged(world, answers)
    seen = flakiness_of(world.suite)["scenario-1"]
    assert (seen.pairs, seen.flips) == (3, 2)
    assert seen.interval.low < 2 / 3 < seen.interval.high


def test_flakiness__errors_and_other_plans__are_no_flips(world, scenario):
    approve(work_off(post(world, "v1")), world)
    judged(world)
    judged(world, scenario_1=ERRORED)
    aside(world, scenario)  # another plan from here on
    judged(world, "bad")
    seen = flakiness_of(world.suite)["scenario-1"]
    assert (seen.pairs, seen.flips, seen.interval) == (0, 0, None)


def test_quarantine__record__keeps_what_was_measured_when_it_began(world, scenario):
    approve(work_off(post(world, "v1")), world)
    judged(world)
    judged(world, "bad")
    row = aside(world, scenario)
    assert (row.flips, row.pairs) == (1, 1)
    assert row.history.count() == 1


def test_quarantine__by_the_contributor_who_builds_the_model__is_refused(world, scenario):
    with pytest.raises(PermissionDenied):
        aside(world, scenario, by=world.owner)


@pytest.mark.parametrize("days", [-1, 91])
def test_quarantine__past_or_all_too_long__is_refused(world, scenario, days):
    with pytest.raises(ValidationError, match="at most 90 days"):
        aside(world, scenario, until=timezone.localdate() + timedelta(days=days))


def test_quarantine__owner_who_cannot_mend_it__is_refused(world, scenario):
    with pytest.raises(ValidationError, match="contributor"):
        aside(world, scenario, owner=world.reviewer)


def test_quarantine__twice_or_lifted_twice__is_a_conflict(world, scenario):
    row = aside(world, scenario)
    with pytest.raises(Conflict, match="already"):
        aside(world, scenario)
    lift(row, by=world.reviewer, reason="Mended.")
    with pytest.raises(Conflict, match="over"):
        lift(row, by=world.reviewer, reason="Mended.")
    assert aside(world, scenario).pk != row.pk


def test_suite_page__reviewer_sets_aside_and_takes_back__says_so(client, world, scenario):
    client.force_login(world.reviewer)
    place = {"project": world.project.slug}
    page = reverse("suite-detail", kwargs={**place, "pk": world.suite.pk})
    assert "Nothing was asked twice" in client.get(page).content.decode()
    sent = {
        "scenario": scenario.pk,
        "owner": world.owner.pk,
        "until": timezone.localdate().isoformat(),
        "reason": "Differs daily.",
    }
    add = reverse("quarantine-add", kwargs={**place, "pk": world.suite.pk})
    shown = client.post(add, sent, follow=True).content.decode()
    assert "In quarantine" in shown
    assert "Differs daily." in shown
    row = Quarantine.objects.get()
    taken = reverse("quarantine-lift", kwargs={**place, "pk": row.pk})
    assert "Say why." in client.post(taken, {"reason": " "}, follow=True).content.decode()
    client.post(taken, {"reason": "Mended."})
    row.refresh_from_db()
    assert (row.lifted_by, row.lifting_reason) == (world.reviewer, "Mended.")
    assert not Comparison.objects.exists()


def test_suite_page__contributor__sees_no_form(client, world):
    client.force_login(world.owner)
    page = reverse("suite-detail", kwargs={"project": world.project.slug, "pk": world.suite.pk})
    assert "Set a scenario aside" not in client.get(page).content.decode()
