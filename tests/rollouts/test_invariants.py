"""What must hold of every rollout, each invariant by its name."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from catalog.choices import Role
from catalog.errors import Conflict
from rollouts import actions, ledger
from rollouts.choices import DecisionKind, GateVerdict, PlanStatus, RequestStatus, StageStatus
from rollouts.models import DecisionRecord, RolloutPlan
from rollouts.signoff import standing_request
from tests import builders
from tests.rollouts.world import World

WORSE = {"difference": -0.03, "low": -0.04, "high": -0.02, "change": "regressed"}


# -- I1: a decision is made by a person -------------------------------------------------------


def test_i1__service_account__cannot_answer_though_it_holds_the_role(world: World):
    machine = builders.a_service(world.project, "read", "runs", "exposure")
    builders.Membership(user=machine, project=world.project, role=Role.DATA_SCIENCE).record(
        by=None
    )
    request = actions.submit(world.draft(), by=world.author)
    with pytest.raises(PermissionDenied, match="Only a person"):
        world.sign(request, Role.DATA_SCIENCE, by=machine)
    assert not request.approvals.exists()


def test_i1__person_through_a_token__cannot_answer(world: World):
    request = actions.submit(world.draft(), by=world.author)
    world.scientist.token_in_use = builders.ApiToken(scopes=["read"])
    with pytest.raises(PermissionDenied, match="Only a person"):
        world.sign(request, Role.DATA_SCIENCE)


def test_i1__superuser__has_no_reviewer_function(world: World):
    root = builders.User.objects.create_superuser(username="root", password="correct horse")
    request = actions.submit(world.draft(), by=world.author)
    with pytest.raises(PermissionDenied):
        world.sign(request, Role.DATA_SCIENCE, by=root)


# -- I2: nobody decides on their own work, nor twice ------------------------------------------


def give(world: World, person, role: str) -> None:
    builders.Membership(user=person, project=world.project, role=role).record(by=None)


def test_i2__author__cannot_sign(world: World):
    give(world, world.author, Role.DATA_SCIENCE)
    request = actions.submit(world.draft(), by=world.author)
    with pytest.raises(PermissionDenied, match="You worked on this"):
        world.sign(request, Role.DATA_SCIENCE, by=world.author)


def test_i2__who_edited_a_gate_once__cannot_sign_after_handing_over(world: World):
    editor = builders.a_person(world.project, Role.CONTRIBUTOR, Role.DATA_SCIENCE)
    plan = world.draft()
    gate = plan.stages.get().gates.first()
    gate.why = "Because fog matters."
    gate.record(by=editor, reason="edited")
    gate.why = ""
    gate.record(by=world.author, reason="edited back")
    request = actions.submit(plan, by=world.author)
    with pytest.raises(PermissionDenied, match="You worked on this"):
        world.sign(request, Role.DATA_SCIENCE, by=editor)


def test_i2__who_edited_a_stage_that_was_removed__cannot_sign(world: World):
    editor = builders.a_person(world.project, Role.CONTRIBUTOR, Role.DATA_SCIENCE)
    plan = world.draft()
    stage = plan.stages.get()
    stage.cohort = "Newark"
    stage.record(by=editor, reason="narrowed")
    gate = builders.a_suite_gate(world.suite)
    actions.revise_plan(plan, by=world.author, stages=[builders.a_stage(gate)])
    request = actions.submit(plan, by=world.author)
    with pytest.raises(PermissionDenied, match="You worked on this"):
        world.sign(request, Role.DATA_SCIENCE, by=editor)


def test_i2__registrar_of_the_version_or_runner_of_the_evidence__cannot_sign(world: World):
    registrar = builders.a_person(world.project, Role.DATA_SCIENCE)
    runner = builders.a_person(world.project, Role.DATA_SCIENCE)
    world.candidate = builders.a_version(world.model, by=registrar)
    builders.an_evaluated_run(world.candidate, world.suite, by=runner)
    request = actions.submit(world.draft(), by=world.author)
    for person in (registrar, runner):
        with pytest.raises(PermissionDenied, match="You worked on this"):
            world.sign(request, Role.DATA_SCIENCE, by=person)


def test_i2__person_with_two_roles__fills_one_slot_only(world: World):
    give(world, world.scientist, Role.PRODUCT)
    request = actions.submit(world.draft(risk_tier="medium"), by=world.author)
    world.sign(request, Role.DATA_SCIENCE)
    with pytest.raises(Conflict, match="answered this request already"):
        world.sign(request, Role.PRODUCT, by=world.scientist)


def test_i2__second_person_of_a_function_that_has_signed__is_refused(world: World):
    other = builders.a_person(world.project, Role.DATA_SCIENCE)
    request = actions.submit(world.draft(risk_tier="medium"), by=world.author)
    world.sign(request, Role.DATA_SCIENCE)
    with pytest.raises(Conflict, match="already signed"):
        world.sign(request, Role.DATA_SCIENCE, by=other)


# -- I3: a signature is to a digest, and lapses with it ---------------------------------------


def a_new_attempt(world: World) -> None:
    world.judge(verdict="fail")


def a_failed_attempt(world: World) -> None:
    builders.a_run(world.candidate, world.suite, by=None, status="errored", error="Lost")


def a_new_failure_case(world: World) -> None:
    builders.a_failure_case(world.model, by=world.author, severity="low")


def a_new_baseline(world: World) -> None:
    builders.an_approved_baseline(
        world.stable_run, proposed_by=world.author, approved_by=world.product
    )


CHANGES = [a_new_attempt, a_failed_attempt, a_new_failure_case, a_new_baseline]


@pytest.mark.parametrize("change", CHANGES)
def test_i3__evidence_changed_since_it_was_opened__supersedes_and_refuses(world: World, change):
    plan = world.draft(risk_tier="medium")
    request = actions.submit(plan, by=world.author)
    world.sign(request, Role.DATA_SCIENCE)
    change(world)
    with pytest.raises(Conflict) as refusal:
        world.sign(request, Role.PRODUCT)
    assert refusal.value.code == "evidence_changed"
    request.refresh_from_db()
    assert request.status == RequestStatus.SUPERSEDED
    assert request.approvals.count() == 1
    successor = standing_request(plan)
    assert successor.evidence_digest != request.evidence_digest
    assert not successor.approvals.exists()


@pytest.mark.parametrize("change", CHANGES)
def test_i3__evidence_changed_since_the_stage_was_signed__refuses_to_advance(world: World, change):
    plan = world.running()
    world.sign_all(plan)
    request = standing_request(plan)
    change(world)
    with pytest.raises(Conflict) as refusal:
        actions.advance(plan, by=world.operator)
    plan.refresh_from_db()
    request.refresh_from_db()
    assert refusal.value.code == "evidence_changed"
    assert (plan.status, request.status) == (PlanStatus.RUNNING, RequestStatus.SUPERSEDED)


def test_i3__other_digest_than_the_one_asked__is_refused_and_nothing_changes(world: World):
    request = actions.submit(world.draft(), by=world.author)
    with pytest.raises(Conflict) as refusal:
        world.sign(request, Role.DATA_SCIENCE, evidence_digest="0" * 64)
    request.refresh_from_db()
    assert (refusal.value.code, request.status) == ("digest", RequestStatus.OPEN)


def test_i3__signer_loses_the_role_before_the_last_vote__does_not_count(world: World):
    plan = world.draft(risk_tier="medium")
    request = actions.submit(plan, by=world.author)
    world.sign(request, Role.DATA_SCIENCE)
    builders.a_person(world.project, Role.DATA_SCIENCE)
    builders.Membership.objects.get(user=world.scientist).delete()
    with pytest.raises(Conflict, match="may no longer sign"):
        world.sign(request, Role.PRODUCT)
    plan.refresh_from_db()
    assert plan.status == PlanStatus.IN_REVIEW


def test_i3__what_is_signed__covers_definition_versions_attempts_gates_and_rules(world: World):
    plan = world.running()
    evidence = standing_request(plan).evidence
    assert evidence["definition_digest"] == plan.definition_digest
    assert evidence["candidate"]["artifact_digest"] == world.candidate.artifact_digest
    assert evidence["fallback"]["artifact_digest"] == world.stable.artifact_digest
    assert [run["id"] for run in evidence["attempts"]] == [world.run.pk]
    assert [gate["verdict"] for gate in evidence["gates"]] == [GateVerdict.PASS]
    assert (evidence["exposure"], evidence["stage"]) == ({"from": 5, "to": 100}, 1)
    assert evidence["slots"] == [Role.DATA_SCIENCE]
    assert evidence["judge_version"]
    assert evidence["rules_version"]


# -- I4: sign-off opens when every other gate is met ------------------------------------------


@pytest.mark.parametrize(
    ("cell", "verdict"),
    [
        (WORSE, GateVerdict.FAIL),
        ({"low": -0.02, "high": 0.02}, GateVerdict.MARGINAL),
        ({"difference": -0.02, "low": -0.03, "high": 0.0}, GateVerdict.INCONCLUSIVE),
        ({"difference": None, "low": None, "high": None}, GateVerdict.NO_DATA),
        ({"n": 5}, GateVerdict.PENDING),
    ],
)
def test_i4__a_gate_short_of_pass__keeps_the_sign_off_closed(world: World, cell, verdict):
    plan = world.watched(builders.a_metric_gate(world.watch))
    world.judge(world.watch, changes=[cell])
    assert actions.check_gates(plan)[0].verdict == verdict
    assert plan.stages.get().status == StageStatus.OBSERVING
    assert standing_request(plan) is None


def test_i4__one_of_two_gates_met__keeps_the_sign_off_closed(world: World):
    plan = world.watched(builders.a_suite_gate(world.suite), builders.a_metric_gate(world.watch))
    assert [c.verdict for c in actions.check_gates(plan)] == ["pass", "no_data", "pending"]
    assert standing_request(plan) is None


def test_i4__gate_worsens_during_sign_off__closes_it(world: World):
    plan = world.watched(builders.a_metric_gate(world.watch))
    world.judge(world.watch, changes=[{}])
    actions.check_gates(plan)
    request = standing_request(plan)
    world.judge(world.watch, changes=[WORSE])
    actions.check_gates(plan)
    request.refresh_from_db()
    assert request.status == RequestStatus.SUPERSEDED
    assert standing_request(plan) is None
    assert plan.stages.get().status == StageStatus.OBSERVING


# -- I5: stop-loss and human stop act in every non-final state --------------------------------


def a_guarded_plan(world: World) -> RolloutPlan:
    """Its stop-loss has looked once and did not trip, so the sign-off is open."""
    plan = world.watched(builders.a_metric_gate(world.watch, stop_loss=True, name="Stop"))
    world.judge(world.watch, changes=[{}])
    actions.check_gates(plan)
    plan.refresh_from_db()
    return plan


def observing(world: World) -> RolloutPlan:
    return world.watched(builders.a_metric_gate(world.watch, stop_loss=True, name="Stop"))


def paused(world: World) -> RolloutPlan:
    return actions.hold(a_guarded_plan(world), by=world.operator, reason="Odd.")


def signed(world: World) -> RolloutPlan:
    plan = a_guarded_plan(world)
    world.sign_all(plan)
    return plan


STATES = [observing, a_guarded_plan, signed, paused]


@pytest.mark.parametrize("state", STATES)
def test_i5__stop_loss__takes_all_exposure_in_every_live_state(world: World, state):
    plan = state(world)
    world.judge(world.watch, changes=[WORSE])
    assert actions.check_gates(plan)[0].verdict == GateVerdict.STOP
    plan.refresh_from_db()
    assert (plan.status, plan.exposure) == (PlanStatus.ROLLING_BACK, 0)
    assert plan.stages.get().status == StageStatus.STOPPED
    assert standing_request(plan) is None
    stop = plan.decisions.get(kind=DecisionKind.STOP_LOSS)
    assert stop.actor is None
    assert "proven to be beyond" in stop.reason


@pytest.mark.parametrize("state", STATES)
def test_i5__human_stop__takes_all_exposure_in_every_live_state(world: World, state):
    plan = actions.roll_back(state(world), by=world.operator, reason="Complaints.")
    assert (plan.status, plan.exposure) == (PlanStatus.ROLLING_BACK, 0)
    assert standing_request(plan) is None


def test_i5__stop_loss__cannot_be_waived(world: World):
    plan = a_guarded_plan(world)
    gate = plan.stages.get().gates.first()
    later = timezone.now() + timedelta(days=1)
    with pytest.raises(Exception, match="cannot be waived"):
        actions.waive(gate, by=world.risk, reason="It will be fine.", expires_at=later)


def test_i5__stop_loss_found_while_advancing__stops_instead(world: World):
    plan = signed(world)
    world.judge(world.watch, changes=[WORSE])
    with pytest.raises(Conflict):
        actions.advance(plan, by=world.operator)
    plan.refresh_from_db()
    assert (plan.status, plan.exposure) == (PlanStatus.ROLLING_BACK, 0)


# -- I8: one transition, one transaction ------------------------------------------------------


def test_i8__command_that_saw_an_older_plan__is_refused(world: World):
    plan = world.running()
    seen = plan.lock_version
    actions.hold(plan, by=world.operator, reason="Odd.", expected_version=seen)
    with pytest.raises(Conflict, match="moved on"):
        actions.resume(plan, by=world.operator, reason="Fine.", expected_version=seen)


def test_i8__write_that_fails_half_way__leaves_nothing_behind(world: World, monkeypatch):
    plan = world.running()

    def fail(*args, **kwargs):
        raise RuntimeError("the log is full")

    monkeypatch.setattr(ledger.DecisionRecord, "save", fail)
    before = plan.decisions.count()
    with pytest.raises(RuntimeError):
        actions.roll_back(plan, by=world.operator, reason="Complaints.")
    plan.refresh_from_db()
    assert (plan.status, plan.exposure) == (PlanStatus.RUNNING, 5)
    assert plan.stages.get().status == StageStatus.SIGNING
    assert plan.decisions.count() == before


@pytest.mark.parametrize(
    "field", ["summary", "reason", "kind", "evidence_digest", "actor_id", "previous_digest"]
)
def test_i8__decision_changed_afterwards__breaks_the_log_at_its_number(world: World, field: str):
    plan = world.running()
    row = plan.decisions.order_by("number")[2]
    assert ledger.first_broken(plan) is None
    other = {"actor_id": world.outsider.pk, "kind": DecisionKind.ABORTED}.get(field, "forged")
    DecisionRecord.objects.filter(pk=row.pk).update(**{field: other})
    assert ledger.first_broken(plan) == row.number
