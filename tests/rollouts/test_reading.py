"""What waits for whom, and what sets the gates in motion."""

import pytest
from django.contrib.auth.models import AnonymousUser

from benchmarks.signals import comparison_judged
from catalog.choices import Role
from catalog.signals import failure_moved
from rollouts import actions, tasks
from rollouts.choices import GateKind, GateVerdict, StageStatus
from rollouts.querysets import requests_awaiting, slots_open_to
from rollouts.signoff import standing_request
from tests import builders
from tests.rollouts.world import World


def test_inbox__open_request__waits_for_those_who_may_still_sign_it(world: World):
    request = actions.submit(world.draft(risk_tier="medium"), by=world.author)
    give = builders.Membership(user=world.author, project=world.project, role=Role.PRODUCT)
    give.record(by=None)
    other = builders.a_person(world.project, Role.DATA_SCIENCE)
    assert requests_awaiting(world.scientist) == [request]
    assert requests_awaiting(world.product) == [request]
    for somebody in (world.author, world.operator, world.outsider, world.adapter):
        assert requests_awaiting(somebody) == []
    world.sign(request, Role.DATA_SCIENCE)
    assert requests_awaiting(world.scientist) == []
    assert requests_awaiting(other) == []
    assert requests_awaiting(world.product) == [request]
    assert requests_awaiting(AnonymousUser()) == []


def test_inbox__other_projects_reviewer__sees_nothing_of_it(world: World):
    stranger = builders.a_person(builders.a_project(), Role.DATA_SCIENCE)
    actions.submit(world.draft(), by=world.author)
    assert requests_awaiting(stranger) == []


def test_slots__person_with_two_functions__may_choose_between_the_open_ones(world: World):
    give = builders.Membership(user=world.scientist, project=world.project, role=Role.PRODUCT)
    give.record(by=None)
    request = actions.submit(world.draft(risk_tier="medium"), by=world.author)
    assert slots_open_to(world.scientist, request) == [Role.DATA_SCIENCE, Role.PRODUCT]


def test_judged_comparison__of_the_candidate__is_looked_at_at_once(world: World):
    plan = world.watched(builders.a_metric_gate(world.watch))
    run = world.judge(world.watch, changes=[{}])
    comparison_judged.send(sender=type(run), comparison=run.comparison)
    assert standing_request(plan) is not None


def test_judged_comparison__of_another_version__changes_nothing(world: World):
    plan = world.watched(builders.a_metric_gate(world.watch))
    world.judge(world.watch, changes=[{}])
    comparison_judged.send(sender=object, comparison=world.stable_run.comparison)
    assert standing_request(plan) is None


def test_moved_failure_case__confirmed__fails_the_gate_at_once(world: World):
    gate = {"kind": GateKind.FAILURE_CASES, "name": "No open failure", "severity": "high"}
    plan = world.running(builders.a_stage(gate))
    case = builders.a_failure_case(world.model, by=world.author)
    failure_moved.send(sender=type(case), case=case)
    check = plan.stages.get().gates.first().checks.latest()
    assert check.verdict == GateVerdict.FAIL
    assert plan.stages.get().status == StageStatus.OBSERVING


def test_sweep__message_was_lost__finds_the_new_evidence(world: World):
    plan = world.watched(builders.a_metric_gate(world.watch))
    world.judge(world.watch, changes=[{}])
    assert tasks.sweep_stages() == 1
    assert standing_request(plan) is not None


def test_sweep__one_plan_cannot_be_checked__goes_on_and_logs_it(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    plans = [world.draft(), world.draft()]
    for plan in plans:
        actions.submit(plan, by=world.author)
    seen = []

    def check(plan) -> None:
        seen.append(plan)
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(tasks, "check_gates", check)
    assert tasks.sweep_stages() == 2
    assert seen == plans
    assert len(caplog.records) == 2
