"""A plan's whole way, step by step, and what each step refuses."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from catalog.choices import Role
from catalog.errors import Conflict
from catalog.signals import happened
from rollouts import actions, ledger
from rollouts.choices import (
    DecisionKind,
    GateKind,
    GateVerdict,
    PlanStatus,
    RequestStatus,
    StageStatus,
)
from rollouts.signoff import standing_request
from tests import builders
from tests.rollouts.world import World

WORSE = {"difference": -0.03, "low": -0.04, "high": -0.02, "change": "regressed"}


def kinds(plan) -> list[str]:
    return list(plan.decisions.order_by("number").values_list("kind", flat=True))


def test_plan__all_gates_met_and_signed__reaches_everybody(world: World):
    gate = builders.a_suite_gate(world.suite)
    plan = world.running(builders.a_stage(gate, exposure=5), builders.a_stage(gate, exposure=50))
    assert (plan.status, plan.exposure) == (PlanStatus.RUNNING, 5)
    world.sign_all(plan)
    plan = actions.advance(plan, by=world.operator)
    assert (plan.status, plan.exposure) == (PlanStatus.RUNNING, 50)
    world.sign_all(plan)
    plan = actions.advance(plan, by=world.operator)
    assert (plan.status, plan.exposure, plan.current_stage) == (PlanStatus.COMPLETED, 100, None)
    world.model.refresh_from_db()
    assert world.model.production_version == world.candidate
    assert kinds(plan) == [
        DecisionKind.SUBMITTED, DecisionKind.ANSWERED, DecisionKind.PLAN_APPROVED,
        DecisionKind.STARTED, DecisionKind.SIGN_OFF_OPENED, DecisionKind.ANSWERED,
        DecisionKind.STAGE_APPROVED, DecisionKind.ADVANCED, DecisionKind.SIGN_OFF_OPENED,
        DecisionKind.ANSWERED, DecisionKind.STAGE_APPROVED, DecisionKind.COMPLETED,
    ]  # fmt: skip
    assert ledger.first_broken(plan) is None


# -- submitting -------------------------------------------------------------------------------


def test_submit__no_stage__is_refused(world: World):
    plan = builders.a_plan(world.candidate, world.stable, by=world.author, stages=[])
    with pytest.raises(ValidationError, match="at least one stage"):
        actions.submit(plan, by=world.author)


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        (lambda g: [builders.a_stage(g, exposure=50), builders.a_stage(g, exposure=5)], "expose"),
        (lambda g: [builders.a_stage(g) | {"gates": [g]}], "exactly one approval gate"),
        (lambda g: [builders.a_stage()], "besides the approval"),
        (lambda g: [builders.a_stage(g | {"metric": "luck", "margin": 0.1})], "luck"),
        (
            lambda g: [builders.a_stage(g | {"metric": "auc", "margin": 0.1, "slice": "fog"})],
            "no slice",
        ),
        (lambda g: [builders.a_stage(g | {"metric": "auc", "margin": -0.1})], "negative"),
        (
            lambda g: [builders.a_stage(builders.a_metric_gate(g["suite"], stop_loss=True))],
            "watch suite",
        ),
    ],
)
def test_submit__faulty_stages__are_refused_with_a_sentence(world: World, stages, sentence: str):
    plan = world.draft(*stages(builders.a_suite_gate(world.suite)))
    with pytest.raises(ValidationError, match=sentence):
        actions.submit(plan, by=world.author)
    plan.refresh_from_db()
    assert (plan.status, plan.decisions.count()) == (PlanStatus.DRAFT, 0)


def test_submit__candidate_is_the_same_file_as_the_fallback__is_refused(world: World):
    digest = world.stable.artifact_digest
    twin = builders.a_version(world.model, by=world.author, artifact_digest=digest)
    stages = [builders.a_stage(builders.a_suite_gate(world.suite))]
    plan = builders.a_plan(twin, world.stable, by=world.author, stages=stages)
    with pytest.raises(ValidationError, match="compared with itself"):
        actions.submit(plan, by=world.author)


def test_submit__fallback_that_nobody_approved__is_refused(world: World):
    unknown = builders.a_version(world.model, by=world.author)
    with pytest.raises(ValidationError, match="fallback must be"):
        actions.submit(world.draft(fallback=unknown), by=world.author)


def test_submit__fallback_of_an_approved_baseline__is_accepted(world: World):
    other = builders.a_version(world.model, by=world.author)
    run = builders.an_evaluated_run(other, world.suite)
    builders.an_approved_baseline(run, proposed_by=world.author, approved_by=world.scientist)
    request = actions.submit(world.draft(fallback=other), by=world.author)
    assert request.evidence["baselines"][0]["run"] == run.pk


def test_submit__risk_tier_below_the_models__is_refused(world: World):
    world.model.risk_tier = "high"
    world.model.record(by=world.author)
    with pytest.raises(ValidationError, match="cannot be lower"):
        actions.submit(world.draft(risk_tier="low"), by=world.author)


def test_submit__by_somebody_without_the_role__is_refused(world: World):
    plan = world.draft()
    for somebody in (world.operator, world.outsider, world.adapter):
        with pytest.raises(PermissionDenied):
            actions.submit(plan, by=somebody)


def test_submit__another_rollout_of_the_model_is_under_way__is_refused(world: World):
    world.running()
    with pytest.raises(Conflict, match="under way"):
        actions.submit(world.draft(), by=world.author)


def test_submit__nobody_independent_could_sign__is_refused(world: World):
    builders.Membership.objects.get(user=world.scientist).delete()
    with pytest.raises(ValidationError, match="Nobody could sign"):
        actions.submit(world.draft(), by=world.author)


def test_submit__one_person_in_both_functions__is_not_enough_for_two_slots(world: World):
    both = builders.Membership(user=world.scientist, project=world.project, role=Role.PRODUCT)
    both.record(by=None)
    builders.Membership.objects.get(user=world.product).delete()
    with pytest.raises(ValidationError, match="Nobody could sign"):
        actions.submit(world.draft(risk_tier="medium"), by=world.author)


def test_submitted_plan__edit_of_plan_stage_or_gate__is_refused(world: World):
    plan = world.draft()
    actions.submit(plan, by=world.author)
    plan.refresh_from_db()
    stage = plan.stages.get()
    gate = stage.gates.first()
    plan.title, stage.exposure, gate.name = "Quietly other", 90, "Another"
    for row in (plan, stage, gate):
        with pytest.raises(ValidationError, match="does not change"):
            row.record(by=world.author)
    for row in (stage, gate):
        with pytest.raises(ValidationError, match="taken out"):
            row.delete()
    with pytest.raises(Conflict):
        actions.revise_plan(plan, by=world.author, title="Quietly other")


def test_draft__revised__replaces_its_stages_and_keeps_who_wrote_the_old_ones(world: World):
    plan = world.draft()
    gate = builders.a_suite_gate(world.suite)
    stages = [builders.a_stage(gate, exposure=share) for share in (1, 10)]
    plan = actions.revise_plan(plan, by=world.author, title="Slower", stages=stages)
    assert plan.title == "Slower"
    assert list(plan.stages.values_list("position", "exposure")) == [(1, 1), (2, 10)]


def test_draft__unknown_field__is_named(world: World):
    with pytest.raises(ValidationError, match="no field called colour"):
        world.draft(colour="red")


def test_withdrawn_plan__submitted_again__is_a_new_revision_with_a_new_request(world: World):
    plan = world.draft()
    first = actions.submit(plan, by=world.author)
    with pytest.raises(ValidationError):
        actions.withdraw(plan, by=world.author, reason=" ")
    actions.withdraw(plan, by=world.author, reason="A stage is missing.")
    second = actions.submit(plan, by=world.author)
    first.refresh_from_db()
    plan.refresh_from_db()
    assert first.status == RequestStatus.WITHDRAWN
    assert (plan.revision, second.evidence["revision"]) == (2, 2)
    assert first.evidence_digest != second.evidence_digest


# -- answering --------------------------------------------------------------------------------


def test_answer__changes_requested__sends_the_plan_back(world: World):
    plan = world.draft()
    request = actions.submit(plan, by=world.author)
    with pytest.raises(ValidationError):
        world.sign(request, Role.DATA_SCIENCE, answer="changes_requested")
    world.sign(
        request, Role.DATA_SCIENCE, answer="changes_requested", reason="Say who is exposed."
    )
    plan.refresh_from_db()
    request.refresh_from_db()
    assert (plan.status, request.status) == (PlanStatus.DRAFT, RequestStatus.CHANGES_REQUESTED)


def test_answer__rejected__ends_the_plan(world: World):
    plan = world.draft()
    request = actions.submit(plan, by=world.author)
    world.sign(request, Role.DATA_SCIENCE, answer="rejected", reason="Not for this use.")
    plan.refresh_from_db()
    assert plan.status == PlanStatus.REJECTED
    with pytest.raises(Conflict):
        actions.submit(plan, by=world.author)


def test_answer__other_slot_or_role__is_refused(world: World):
    request = actions.submit(world.draft(), by=world.author)
    with pytest.raises(ValidationError, match="does not ask"):
        world.sign(request, Role.PRODUCT)
    with pytest.raises(PermissionDenied, match="do not hold"):
        world.sign(request, Role.DATA_SCIENCE, by=world.product)
    with pytest.raises(PermissionDenied):
        world.sign(request, Role.DATA_SCIENCE, by=world.outsider)


def test_answer__stage_rejected__holds_it_until_somebody_resumes(world: World):
    plan = world.running()
    request = standing_request(plan)
    world.sign(request, Role.DATA_SCIENCE, answer="rejected", reason="Look at fog first.")
    plan.refresh_from_db()
    assert (plan.status, plan.current_stage.status) == (PlanStatus.PAUSED, StageStatus.HELD)
    actions.check_gates(plan)
    assert standing_request(plan) is None
    plan = actions.resume(plan, by=world.operator, reason="Fog was looked at.")
    assert plan.current_stage.status == StageStatus.SIGNING
    assert standing_request(plan).pk != request.pk


# -- running ----------------------------------------------------------------------------------


def test_start__before_approval__is_refused(world: World):
    plan = world.draft()
    actions.submit(plan, by=world.author)
    with pytest.raises(Conflict):
        actions.start(plan, by=world.operator)


def test_start__new_evidence_since_approval__sends_the_plan_back(world: World):
    plan = world.approved()
    world.judge(verdict="fail")
    with pytest.raises(Conflict) as refusal:
        actions.start(plan, by=world.operator)
    plan.refresh_from_db()
    assert refusal.value.code == "evidence_changed"
    assert (plan.status, plan.exposure) == (PlanStatus.DRAFT, 0)


def test_start__by_a_contributor__is_refused(world: World):
    with pytest.raises(PermissionDenied):
        actions.start(world.approved(), by=world.author)


def test_advance__not_signed__is_refused(world: World):
    plan = world.running()
    with pytest.raises(Conflict, match="not been signed off"):
        actions.advance(plan, by=world.operator)


def test_hold__without_reason__is_refused(world: World):
    with pytest.raises(ValidationError):
        actions.hold(world.running(), by=world.operator, reason="")


def test_hold__during_sign_off__takes_the_question_back_and_keeps_the_exposure(world: World):
    plan = world.running()
    request = standing_request(plan)
    plan = actions.hold(plan, by=world.operator, reason="The dashboard looks odd.")
    request.refresh_from_db()
    assert (plan.status, plan.exposure) == (PlanStatus.PAUSED, 5)
    assert request.status == RequestStatus.SUPERSEDED


def test_resume__gate_still_fails__is_refused(world: World):
    plan = world.running()
    plan = actions.hold(plan, by=world.operator, reason="The dashboard looks odd.")
    world.judge(verdict="fail")
    with pytest.raises(Conflict, match="failed"):
        actions.resume(plan, by=world.operator, reason="It went away.")
    world.judge(verdict="pass")
    assert actions.resume(plan, by=world.operator, reason="Mended.").status == PlanStatus.RUNNING


def test_roll_back__by_operator_or_owner__needs_a_reason_and_takes_all_exposure(world: World):
    plan = world.running(
        builders.a_stage(builders.a_suite_gate(world.suite), exposure=5),
        builders.a_stage(builders.a_suite_gate(world.suite), exposure=50),
    )
    with pytest.raises(ValidationError):
        actions.roll_back(plan, by=world.operator, reason="")
    with pytest.raises(PermissionDenied):
        actions.roll_back(plan, by=world.scientist, reason="I do not like it.")
    plan = actions.roll_back(plan, by=world.author, reason="Complaints from Newark.")
    assert (plan.status, plan.exposure) == (PlanStatus.ROLLING_BACK, 0)
    assert list(plan.stages.values_list("status", flat=True)) == ["stopped", "cancelled"]


def test_roll_back__owner_who_left_the_project__is_refused(world: World):
    plan = world.running()
    builders.Membership.objects.filter(user=world.author).get().delete()
    with pytest.raises(PermissionDenied):
        actions.roll_back(plan, by=world.author, reason="From outside.")


def test_reported_exposure__zero_while_rolling_back__confirms_the_rollback(world: World):
    plan = actions.roll_back(world.running(), by=world.operator, reason="Complaints.")
    plan = actions.report_exposure(plan, exposure=0, by=world.adapter)
    assert plan.status == PlanStatus.ROLLED_BACK
    assert kinds(plan)[-2:] == [DecisionKind.SUPERSEDED, DecisionKind.ROLLED_BACK]


def test_reported_exposure__above_the_ceiling__is_refused_and_recorded(world: World):
    plan = world.running()
    heard = []
    happened.connect(lambda sender, **told: heard.append(told), weak=False, dispatch_uid="t")
    try:
        with pytest.raises(Conflict, match="more than the 5 %"):
            actions.report_exposure(plan, exposure=6, by=world.adapter)
    finally:
        happened.disconnect(dispatch_uid="t")
    assert heard[0]["payload"] == {"reported": 6, "ceiling": 5}
    plan.refresh_from_db()
    assert plan.exposure == 5


def test_reported_exposure__fallen_while_paused__does_not_rise_again(world: World):
    plan = actions.hold(world.running(), by=world.operator, reason="Odd.")
    plan = actions.report_exposure(plan, exposure=2, by=world.adapter)
    assert plan.exposure == 2
    with pytest.raises(Conflict):
        actions.report_exposure(plan, exposure=5, by=world.adapter)


def test_reported_exposure__by_a_person__is_refused(world: World):
    with pytest.raises(PermissionDenied):
        actions.report_exposure(world.running(), exposure=1, by=world.operator)


def test_abort__before_the_start__ends_the_plan_and_its_sign_off(world: World):
    plan = world.approved()
    plan = actions.abort(plan, by=world.author, reason="Overtaken by v3.")
    assert plan.status == PlanStatus.ABORTED
    assert standing_request(plan) is None
    with pytest.raises(Conflict):
        actions.start(plan, by=world.operator)


def test_abort__while_running__is_refused(world: World):
    with pytest.raises(Conflict):
        actions.abort(world.running(), by=world.author, reason="Enough.")


def test_supersede__by_a_newer_plan__names_it(world: World):
    plan, newer = world.draft(), world.draft()
    plan = actions.supersede(plan, by=world.author, replacement=newer)
    assert plan.status == PlanStatus.SUPERSEDED
    assert str(newer.pk) in plan.decisions.get().summary


# -- waiving ----------------------------------------------------------------------------------


def a_failing_plan(world: World):
    world.judge(verdict="fail")
    return world.running()


def test_waive__failed_gate__lets_the_sign_off_open_and_shows_what_was_found(world: World):
    plan = a_failing_plan(world)
    gate = plan.current_stage.gates.first()
    assert plan.current_stage.status == StageStatus.OBSERVING
    actions.waive(
        gate,
        by=world.risk,
        reason="Only fog fails, and fog is handled by hand.",
        expires_at=timezone.now() + timedelta(days=7),
    )
    plan.refresh_from_db()
    assert plan.current_stage.status == StageStatus.SIGNING
    check = gate.checks.latest()
    assert check.verdict == GateVerdict.WAIVED
    assert "fog is handled by hand" in check.reason
    assert "failed" in check.reason
    assert standing_request(plan).evidence["waivers"][0]["by"] == world.risk.pk


def test_waive__expired__takes_the_sign_off_back(world: World):
    plan = a_failing_plan(world)
    end = timezone.now() + timedelta(days=7)
    gate = plan.current_stage.gates.first()
    actions.waive(gate, by=world.risk, reason="For a week.", expires_at=end)
    actions.check_gates(plan, now=end + timedelta(seconds=1))
    plan.refresh_from_db()
    assert plan.current_stage.status == StageStatus.OBSERVING
    assert gate.checks.latest().verdict == GateVerdict.FAIL


def test_waive__by_somebody_who_may_not__is_refused(world: World):
    plan = a_failing_plan(world)
    gate = plan.current_stage.gates.first()
    builders.Membership(user=world.author, project=world.project, role=Role.RISK).record(by=None)
    later = timezone.now() + timedelta(days=1)
    for somebody in (world.author, world.operator, world.scientist):
        with pytest.raises(PermissionDenied):
            actions.waive(gate, by=somebody, reason="Please.", expires_at=later)


def test_waive__past_date_no_reason_or_sign_off_gate__is_refused(world: World):
    plan = a_failing_plan(world)
    gate, approval = plan.current_stage.gates.all()
    later = timezone.now() + timedelta(days=1)
    with pytest.raises(ValidationError, match="future"):
        actions.waive(gate, by=world.risk, reason="x", expires_at=timezone.now())
    with pytest.raises(ValidationError):
        actions.waive(gate, by=world.risk, reason="", expires_at=later)
    with pytest.raises(ValidationError, match="cannot be waived"):
        actions.waive(approval, by=world.risk, reason="x", expires_at=later)


# -- watching ---------------------------------------------------------------------------------


def a_window(world: World, first_day: int, last_day: int):
    return builders.a_dataset_version(
        world.project,
        by=world.author,
        starts_at=datetime(2013, 8, first_day, tzinfo=UTC),
        ends_at=datetime(2013, 8, last_day, tzinfo=UTC),
    )


def test_soak__with_a_watch__counts_the_datas_own_time(world: World):
    soak = {"kind": GateKind.SOAK_TIME, "name": "A week"}
    stage = builders.a_stage(soak, soak_hours=7 * 24)
    plan = world.running(stage, watch_suite=world.watch)
    world.judge(world.watch, dataset_version=a_window(world, 1, 5))
    assert actions.check_gates(plan)[0].verdict == GateVerdict.PENDING
    world.judge(world.watch, dataset_version=a_window(world, 5, 8))
    check = actions.check_gates(plan)[0]
    assert (check.verdict, check.value) == (GateVerdict.PASS, 168.0)
    assert check.observed_until == datetime(2013, 8, 8, tzinfo=UTC)
    opened = plan.decisions.get(kind=DecisionKind.SIGN_OFF_OPENED)
    assert opened.observed_until == datetime(2013, 8, 8, tzinfo=UTC)


def test_soak__without_a_watch__counts_the_clock_but_not_the_time_on_hold(world: World):
    soak = {"kind": GateKind.SOAK_TIME, "name": "A day"}
    plan = world.running(builders.a_stage(soak, soak_hours=24))
    start = plan.current_stage.started_at
    actions.hold(plan, by=world.operator, reason="Odd.", now=start + timedelta(hours=4))
    actions.resume(plan, by=world.operator, reason="Fine.", now=start + timedelta(hours=14))
    early = actions.check_gates(plan, now=start + timedelta(hours=33))[0]
    assert early.verdict == GateVerdict.PENDING
    late = actions.check_gates(plan, now=start + timedelta(hours=34))[0]
    assert (late.verdict, late.value) == (GateVerdict.PASS, 24.0)


def test_watch_run__older_than_the_stage__is_stale_and_no_evidence(world: World):
    gate = builders.a_metric_gate(world.watch)
    old = builders.an_evaluated_run(world.candidate, world.watch, changes=[{}])
    plan = world.watched(gate)
    check = actions.check_gates(plan)[0]
    assert (check.verdict, check.evidence) == (GateVerdict.STALE, [])
    new = world.judge(world.watch, changes=[{}])
    check = actions.check_gates(plan)[0]
    assert check.verdict == GateVerdict.PASS
    assert [seen["id"] for seen in check.evidence] == [new.pk] != [old.pk]


def test_metric_gate__comparison_with_another_version__decides_nothing(world: World):
    plan = world.watched(builders.a_metric_gate(world.watch))
    other = builders.an_evaluated_run(
        builders.a_version(world.model, by=world.author), world.suite
    )
    world.judge(world.watch, changes=[{}], baseline_run=other)
    assert actions.check_gates(plan)[0].verdict == GateVerdict.INCONCLUSIVE


def test_metric_gate__scenario_that_the_model_does_not_read__is_left_out(world: World):
    plan = world.watched(builders.a_metric_gate(world.watch))
    unread = {"scenario": "unread", "difference": None, "low": None, "high": None, "n": 0}
    world.judge(world.watch, changes=[{}, unread | {"reason": "not_used"}])
    assert actions.check_gates(plan)[0].verdict == GateVerdict.PASS
    world.judge(world.watch, changes=[unread | {"n": 999, "reason": "not_used"}])
    assert actions.check_gates(plan)[0].verdict == GateVerdict.NO_DATA


def test_errored_run__newest_of_all__is_an_error_and_not_an_earlier_pass(world: World):
    plan = world.running()
    builders.a_run(world.candidate, world.suite, by=None, status="errored", error="Out of memory")
    check = actions.check_gates(plan)[0]
    assert check.verdict == GateVerdict.ERROR
    assert "Out of memory" in check.reason
    assert plan.stages.get().status == StageStatus.OBSERVING


def test_failure_cases__confirmed_or_unverified__block_by_severity(world: World):
    gate = {"kind": GateKind.FAILURE_CASES, "name": "No open failure", "severity": "high"}
    plan = world.running(builders.a_stage(gate))
    builders.a_failure_case(world.model, by=world.author, severity="medium")
    assert actions.check_gates(plan)[0].verdict == GateVerdict.PASS
    builders.a_failure_case(world.model, by=world.author, status="candidate")
    assert actions.check_gates(plan)[0].verdict == GateVerdict.INCONCLUSIVE
    builders.a_failure_case(world.model, by=world.author)
    assert actions.check_gates(plan)[0].verdict == GateVerdict.FAIL


def test_check__nothing_new__appends_nothing(world: World):
    plan = world.running()
    first = actions.check_gates(plan)
    assert actions.check_gates(plan) == first
    assert plan.stages.get().gates.first().checks.count() == 1


def test_sign_off__last_independent_reviewer_left__is_held_with_the_reason(world: World):
    soak = {"kind": GateKind.SOAK_TIME, "name": "An hour"}
    plan = world.running(builders.a_stage(soak, soak_hours=1))
    builders.Membership.objects.filter(user=world.scientist).get().delete()
    actions.check_gates(plan, now=timezone.now() + timedelta(hours=2))
    plan.refresh_from_db()
    assert plan.status == PlanStatus.PAUSED
    assert "Nobody could sign" in plan.decisions.last().reason
