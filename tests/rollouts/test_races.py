"""Two people, or a person and the world, at the same moment: one order, one outcome.

Every contender has a thread and a connection of its own. Just before its first write it waits for
the others: without a lock all of them get there, each having read the same old state, and the
race is certain. With the lock only one does, and goes on alone when nobody comes. Where both may
win, the test accepts each serial order and nothing else.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection

from catalog.choices import Role
from catalog.errors import Conflict
from rollouts import actions, ledger
from rollouts.choices import DecisionKind, PlanStatus, RequestStatus
from rollouts.models import ApprovalRequest, RolloutPlan
from rollouts.signoff import standing_request
from tests import builders
from tests.rollouts.world import World

REFUSALS = (Conflict, PermissionDenied)


class Meeting:
    """Holds the first write to a rollout's table until every contender has come to its own."""

    #: Long enough for the others to read, short enough to wait for those whom a lock keeps away.
    PATIENCE = 0.5

    def __init__(self, contenders: int) -> None:
        self.barrier = threading.Barrier(contenders)
        self.waited = threading.local()

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        writes = sql.startswith(("INSERT", "UPDATE", "DELETE")) and "rollouts_" in sql
        if writes and not getattr(self.waited, "once", False):
            self.waited.once = True
            with suppress(threading.BrokenBarrierError):
                self.barrier.wait(timeout=self.PATIENCE)
        return execute(sql, params, many, context)


def race(*contenders: Callable[[], Any]) -> list[Any]:
    """What each contender returned, or the refusal that it met; any other error is raised."""
    start, meeting = threading.Barrier(len(contenders)), Meeting(len(contenders))
    outcomes: list[Any] = [None] * len(contenders)

    def run(place: int, contender: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=30)
            with connection.execute_wrapper(meeting):
                outcomes[place] = contender()
        except BaseException as error:
            outcomes[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(contenders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, REFUSALS):
            raise outcome
    return outcomes


def losers(outcomes: list[Any]) -> list[Conflict]:
    return [outcome for outcome in outcomes if isinstance(outcome, Conflict)]


def count(plan: RolloutPlan, kind: str) -> int:
    return plan.decisions.filter(kind=kind).count()


def assert_whole(plan: RolloutPlan) -> None:
    """The log is gapless and chained, and at most one question stands."""
    assert ledger.first_broken(plan) is None
    standing = (RequestStatus.OPEN, RequestStatus.APPROVED)
    assert plan.requests.filter(status__in=standing).count() <= 1


def submitted(world: World, **fields: Any) -> ApprovalRequest:
    return actions.submit(world.draft(**fields), by=world.author)


def test_race__two_last_votes__both_count_and_the_plan_is_approved_once(
    committed_world: World,
):
    world = committed_world
    request = submitted(world, risk_tier="high")
    world.sign(request, Role.RISK)
    outcomes = race(
        lambda: world.sign(request, Role.DATA_SCIENCE), lambda: world.sign(request, Role.PRODUCT)
    )
    plan = RolloutPlan.objects.get(pk=request.plan_id)
    assert not losers(outcomes)
    assert (plan.status, count(plan, DecisionKind.PLAN_APPROVED)) == (PlanStatus.APPROVED, 1)
    assert_whole(plan)


def test_race__two_people_for_the_last_slot__one_signs(committed_world: World):
    world = committed_world
    rival = builders.a_person(world.project, Role.DATA_SCIENCE)
    request = submitted(world)
    outcomes = race(
        lambda: world.sign(request, Role.DATA_SCIENCE),
        lambda: world.sign(request, Role.DATA_SCIENCE, by=rival),
    )
    assert len(losers(outcomes)) == 1
    assert request.approvals.count() == 1
    assert_whole(request.plan)


def test_race__same_person_twice__one_answer(committed_world: World):
    world = committed_world
    request = submitted(world, risk_tier="medium")
    give = builders.Membership(user=world.scientist, project=world.project, role=Role.PRODUCT)
    give.record(by=None)
    outcomes = race(
        lambda: world.sign(request, Role.DATA_SCIENCE),
        lambda: world.sign(request, Role.PRODUCT, by=world.scientist),
    )
    assert [loser.code for loser in losers(outcomes)] == ["answered"]
    assert request.approvals.count() == 1
    assert_whole(request.plan)


def test_race__approve_against_new_evidence__never_leaves_a_signature_on_old_evidence(
    committed_world: World,
):
    world = committed_world
    plan = world.running()
    request = standing_request(plan)

    def deliver() -> None:
        world.judge(verdict="fail")
        actions.check_gates(plan)

    signed, _delivered = race(lambda: world.sign(request, Role.DATA_SCIENCE), deliver)
    request.refresh_from_db()
    assert request.status == RequestStatus.SUPERSEDED
    assert standing_request(plan) is None
    if isinstance(signed, Conflict):
        assert signed.code in {"evidence_changed", "closed"}
        assert not request.approvals.exists()
    assert_whole(plan)


def test_race__approve_against_withdraw__ends_in_one_of_the_two_orders(
    committed_world: World,
):
    world = committed_world
    request = submitted(world)
    plan = request.plan
    signed, withdrawn = race(
        lambda: world.sign(request, Role.DATA_SCIENCE),
        lambda: actions.withdraw(plan, by=world.author, reason="A mistake."),
    )
    plan.refresh_from_db()
    request.refresh_from_db()
    assert isinstance(signed, Conflict) != isinstance(withdrawn, Conflict)
    approved = not isinstance(signed, Conflict)
    assert plan.status == (PlanStatus.APPROVED if approved else PlanStatus.DRAFT)
    assert request.status == (RequestStatus.APPROVED if approved else RequestStatus.WITHDRAWN)
    assert request.approvals.count() == approved
    assert_whole(plan)


def test_race__approve_against_supersede__ends_with_the_request_superseded(
    committed_world: World,
):
    world = committed_world
    plan = world.running()
    request = standing_request(plan)
    signed, stopped = race(
        lambda: world.sign(request, Role.DATA_SCIENCE),
        lambda: actions.roll_back(plan, by=world.operator, reason="Complaints."),
    )
    request.refresh_from_db()
    assert not isinstance(stopped, Conflict)
    assert request.status == RequestStatus.SUPERSEDED
    assert request.approvals.count() == (0 if isinstance(signed, Conflict) else 1)
    assert_whole(plan)


def test_race__approve_against_reject__the_second_meets_a_closed_request(
    committed_world: World,
):
    world = committed_world
    request = submitted(world, risk_tier="medium")
    no = {"answer": "rejected", "reason": "Not for this use."}
    race(
        lambda: world.sign(request, Role.DATA_SCIENCE),
        lambda: world.sign(request, Role.PRODUCT, **no),
    )
    plan = RolloutPlan.objects.get(pk=request.plan_id)
    assert (plan.status, count(plan, DecisionKind.PLAN_REJECTED)) == (PlanStatus.REJECTED, 1)
    assert_whole(plan)


def test_race__approve_against_loss_of_the_role__signs_only_while_holding_it(
    committed_world: World,
):
    world = committed_world
    request = submitted(world)
    role = builders.Membership.objects.get(user=world.scientist)

    signed, _ended = race(lambda: world.sign(request, Role.DATA_SCIENCE), role.delete)
    approval = request.approvals.first()
    assert (approval is None) == isinstance(signed, PermissionDenied)
    assert_whole(request.plan)


def test_race__two_rollbacks__one_acts(committed_world: World):
    world = committed_world
    plan = world.running()
    outcomes = race(
        lambda: actions.roll_back(plan, by=world.operator, reason="Complaints."),
        lambda: actions.roll_back(plan, by=world.author, reason="Errors in the log."),
    )
    plan.refresh_from_db()
    assert len(losers(outcomes)) == 1
    assert (plan.exposure, count(plan, DecisionKind.ROLL_BACK)) == (0, 1)
    assert_whole(plan)


def test_race__advance_against_rollback__always_ends_without_exposure(
    committed_world: World,
):
    world = committed_world
    gate = builders.a_suite_gate(world.suite)
    plan = world.running(builders.a_stage(gate, exposure=5), builders.a_stage(gate, exposure=50))
    world.sign_all(plan)
    _advanced, back = race(
        lambda: actions.advance(plan, by=world.operator),
        lambda: actions.roll_back(plan, by=world.author, reason="Complaints."),
    )
    plan.refresh_from_db()
    assert not isinstance(back, Conflict)
    assert (plan.status, plan.exposure) == (PlanStatus.ROLLING_BACK, 0)
    assert_whole(plan)


def test_race__two_plans_of_one_model_start__one_runs(committed_world: World):
    world = committed_world
    first, second = world.approved(), world.approved()
    outcomes = race(
        lambda: actions.start(first, by=world.operator),
        lambda: actions.start(second, by=world.operator),
    )
    assert len(losers(outcomes)) == 1
    assert RolloutPlan.objects.live().count() == 1


def test_race__two_sweeps__append_one_check_and_open_one_sign_off(
    committed_world: World,
):
    world = committed_world
    plan = world.watched(builders.a_metric_gate(world.watch))
    world.judge(world.watch, changes=[{}])
    race(lambda: actions.check_gates(plan), lambda: actions.check_gates(plan))
    gate = plan.stages.get().gates.first()
    assert list(gate.checks.values_list("verdict", flat=True)) == ["pass", "no_data"]
    assert count(plan, DecisionKind.SIGN_OFF_OPENED) == 1
    assert_whole(plan)
