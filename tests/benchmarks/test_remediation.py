"""Remediation: an item closes by a later run that passes, looked at by somebody else."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from benchmarks import remediation
from benchmarks.models import Remediation, Scenario
from catalog.errors import Conflict
from tests.benchmarks.judged import approve, post, work_off

SOON = timedelta(days=14)


@pytest.fixture
def item(world) -> Remediation:
    """Opened after v1 became the baseline, so that v2 can be held against it."""
    approve(work_off(post(world, "v1")), world)
    return open_item(world)


def open_item(world, **changes) -> Remediation:
    fields = {
        "title": "Blind when blurred",
        "weakness": "Blur turns answers round.",
        "acceptance": "The blurred scenario passes.",
        "suite": world.suite,
        "scenario": Scenario.objects.get(key="scenario-1"),
        "owner": world.owner,
        "due_on": timezone.localdate() + SOON,
    }
    return remediation.open_item(world.model, by=world.owner, **{**fields, **changes})


def passing(world):
    return work_off(post(world, "v2", answers="v1"))


def test_item__offered_a_passing_run__is_closed_by_somebody_else(world, item):
    run = passing(world)
    assert remediation.finding_of(item, run) == "pass"
    remediation.offer_evidence(item, run, by=world.owner)
    closed = remediation.close_item(item, by=world.reviewer, reason="Seen it pass.")
    assert (closed.status, closed.validation_run, closed.closed_by) == (
        "closed",
        run,
        world.reviewer,
    )


def test_item__closed_by_its_owner__is_refused(world, item):
    remediation.offer_evidence(item, passing(world), by=world.owner)
    with pytest.raises(PermissionDenied, match="other than its owner"):
        remediation.close_item(item, by=world.owner, reason="Fine.")


def test_item__run_that_fails__does_not_close_it(world, item):
    remediation.offer_evidence(item, work_off(post(world, "v2", answers="bad")), by=world.owner)
    with pytest.raises(Conflict, match="found: fail"):
        remediation.close_item(item, by=world.reviewer, reason="Good enough.")
    item.refresh_from_db()
    assert item.status == "in_validation"


def test_item__scenario_that_errored__does_not_close_it(world, item):
    run = work_off(post(world, "v2", scenario_1={"status": "errored", "message": "disk"}))
    remediation.offer_evidence(item, run, by=world.owner)
    with pytest.raises(Conflict, match="found: errored"):
        remediation.close_item(item, by=world.reviewer, reason="Good enough.")


def test_item__run_not_evaluated_yet__can_be_offered_and_does_not_close_it(world, item):
    remediation.offer_evidence(item, post(world, "v2"), by=world.owner)
    with pytest.raises(Conflict, match="not evaluated yet"):
        remediation.close_item(item, by=world.reviewer, reason="Soon.")


def test_item__without_evidence__does_not_close(world, item):
    with pytest.raises(Conflict, match="No run was offered"):
        remediation.close_item(item, by=world.reviewer, reason="Trust me.")


def test_item__run_from_before_it_was_opened__is_no_evidence(world, item):
    earlier = work_off(post(world, "v2"))
    later = open_item(world, title="Another")
    with pytest.raises(ValidationError, match="before the item was opened"):
        remediation.offer_evidence(later, earlier, by=world.owner)


def test_item__due_in_the_past_or_scenario_of_elsewhere__is_refused(world):
    with pytest.raises(ValidationError, match="in the past"):
        open_item(world, due_on=timezone.localdate() - timedelta(days=1))
    lonely = Scenario.objects.get(key="scenario-1")
    world.suite.places.filter(scenario=lonely).delete()
    with pytest.raises(ValidationError, match="not in the suite"):
        open_item(world, scenario=lonely)


def test_item__moved_date__keeps_the_first_one_and_the_reason(world, item):
    first = item.due_on
    remediation.change_item(
        item, by=world.owner, reason="The vendor is late.", due_on=first + SOON
    )
    newest, oldest = item.history.all()
    assert (oldest.due_on, newest.due_on) == (first, first + SOON)
    assert newest.history_change_reason == "The vendor is late."


def test_item__withdrawn__is_not_changed_until_it_is_reopened(world, item):
    remediation.withdraw_item(item, by=world.owner, reason="The feed is gone.")
    with pytest.raises(Conflict, match="Reopen it first"):
        remediation.change_item(item, by=world.owner, reason="Still.", title="New")
    again = remediation.reopen_item(item, by=world.owner, reason="The feed is back.")
    assert (again.status, again.validation_run, again.closing_reason) == ("open", None, "")


@pytest.mark.parametrize("act", ["withdraw_item", "reopen_item", "close_item", "change_item"])
def test_item__act_without_a_reason__is_asked_for_one(world, item, act):
    by = world.reviewer if act == "close_item" else world.owner
    with pytest.raises(ValidationError):
        getattr(remediation, act)(item, by=by, reason="  ")
