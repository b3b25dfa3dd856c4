"""The list and the page of rollouts: what they show to whom, and what their buttons refuse."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from catalog.choices import Role
from catalog.pages import timeline_providers
from rollouts import actions
from rollouts.choices import PlanStatus
from rollouts.signoff import standing_request
from tests import builders
from tests.rollouts.browsing import answer, command, page, queries, signed_in, told, url, words
from tests.rollouts.world import World

# -- the list ---------------------------------------------------------------------------------


def test_list__more_plans__takes_no_more_queries(world: World) -> None:
    world.draft()
    client, address = signed_in(world.author), url("rollout-list", world)
    few = queries(client, address)
    for _ in range(5):
        world.draft()
    assert queries(client, address) == few


def test_list__filtered_by_status_and_word__shows_only_what_matches(world: World) -> None:
    world.draft(title="Winter plan")
    world.running(title="Summer plan")
    client = signed_in(world.operator)
    drafts = client.get(url("rollout-list", world), {"status": "draft"}).content.decode()
    found = client.get(url("rollout-list", world), {"q": "summer"}).content.decode()
    assert "Winter plan" in drafts
    assert "Summer plan" not in drafts
    assert "Summer plan" in found
    assert "Winter plan" not in found


def test_list__no_plan__says_what_a_plan_is(world: World) -> None:
    html = signed_in(world.operator).get(url("rollout-list", world)).content.decode()
    assert "No rollouts yet" in html


# -- one rollout ------------------------------------------------------------------------------


def test_detail__more_gates__takes_no_more_queries(world: World) -> None:
    one = [builders.a_metric_gate(world.watch)]
    plan = world.watched(*one)
    client = signed_in(world.operator)
    few = queries(client, url("rollout-detail", world, pk=plan.pk))
    actions.roll_back(plan, by=world.operator, reason="Over.")
    plan.refresh_from_db()
    actions.report_exposure(plan, exposure=0, by=world.adapter)
    many = world.watched(*(builders.a_metric_gate(world.watch) for _ in range(6)))
    assert queries(client, url("rollout-detail", world, pk=many.pk)) == few


@pytest.mark.parametrize("name", ["rollout-detail", "rollout-edit", "stage-add"])
def test_page__foreign_or_missing_plan__is_not_found(world: World, name: str) -> None:
    plan = world.draft()
    outsider, author = signed_in(world.outsider), signed_in(world.author)
    assert outsider.get(url(name, world, pk=plan.pk)).status_code == 404
    assert author.get(url(name, world, pk=plan.pk + 1000)).status_code == 404


def test_page__plan_of_another_project__is_not_found_under_ones_own(world: World) -> None:
    plan = world.draft()
    other = builders.a_project()
    member = builders.a_person(other, Role.CONTRIBUTOR)
    address = reverse("rollout-detail", kwargs={"project": other.slug, "pk": plan.pk})
    assert signed_in(member).get(address).status_code == 404


def test_gate__of_a_stage_not_begun__never_reads_as_passed(world: World) -> None:
    stages = [
        builders.a_stage(builders.a_suite_gate(world.suite), exposure=5),
        builders.a_stage(builders.a_suite_gate(world.suite), exposure=50),
    ]
    plan = world.running(*stages)
    shown = page(world, plan, world.operator, "?stage=2")
    gates = shown[shown.index('id="gates"') :]
    assert "Not looked at" in gates
    assert "Passed" not in gates


def test_gate__with_an_interval__is_drawn_with_its_limit_and_its_sample(world: World) -> None:
    plan = world.watched(builders.a_metric_gate(world.watch))
    window = builders.a_dataset_version(world.project, by=world.author)
    world.judge(
        world.watch,
        dataset_version=window,
        changes=[{"difference": -0.002, "low": -0.004, "high": 0.001, "n": 5000}],
    )
    actions.check_gates(plan)
    shown = page(world, plan, world.operator)
    assert "limit −0.010" in shown
    assert "−0.0020 [−0.0040, +0.0010]" in shown
    assert "5,000 of at least 100 items" in shown
    assert "observed until 8 Aug 2013" in shown


def test_gate__waived__shows_who_and_why_beside_what_was_found(world: World) -> None:
    plan = world.watched(builders.a_metric_gate(world.watch))
    gate = plan.current_stage.gates.first()
    actions.waive(
        gate,
        by=world.risk,
        reason="A week is enough here.",
        expires_at=timezone.now() + timedelta(days=3),
    )
    shown = words(page(world, plan, world.operator))
    assert "Waived by Rita" in shown
    assert "A week is enough here." in shown
    assert "The candidate has no run of" in shown


def test_waiver__by_risk__is_taken_by_the_page_and_shown(world: World) -> None:
    plan = world.watched(builders.a_metric_gate(world.watch))
    gate = plan.current_stage.gates.first()
    sent = {"reason": "Known.", "compensating_control": "", "expires_at": "2999-01-01"}
    response = signed_in(world.risk).post(url("gate-waive", world, pk=gate.pk), sent)
    assert response.status_code == 302
    assert gate.waivers.get().created_by == world.risk


def test_waiver__by_an_operator__is_refused_in_words(world: World) -> None:
    plan = world.watched(builders.a_metric_gate(world.watch))
    gate = plan.current_stage.gates.first()
    sent = {"reason": "Known.", "expires_at": "2999-01-01"}
    response = signed_in(world.operator).post(url("gate-waive", world, pk=gate.pk), sent)
    assert response.status_code == 403
    assert "Only those who answer for risk waive a gate." in response.content.decode()


def test_replay__outcomes_older_than_their_registration__are_said_to_be_recorded(
    world: World,
) -> None:
    plan = world.watched(builders.a_metric_gate(world.watch))
    assert "Replayed on recorded" not in page(world, plan, world.operator)
    window = builders.a_dataset_version(world.project, by=world.author)
    world.judge(world.watch, dataset_version=window, changes=[{}])
    said = "Replayed on recorded outcomes of 2013; decision times are real."
    assert said in page(world, plan, world.operator)


def test_replay__fresh_outcomes__are_not_called_recorded(world: World) -> None:
    plan = world.watched(builders.a_metric_gate(world.watch))
    now = timezone.now()
    window = builders.a_dataset_version(
        world.project, by=world.author, starts_at=now - timedelta(days=7), ends_at=now
    )
    world.judge(world.watch, dataset_version=window, changes=[{}])
    assert "Replayed on recorded" not in page(world, plan, world.operator)


def test_log__of_a_stop__names_rule_reason_and_the_whole_chain(world: World) -> None:
    plan = world.running()
    actions.roll_back(plan, by=world.operator, reason="Travellers complained.")
    shown = words(page(world, plan, world.operator))
    assert "Travellers complained." in shown
    assert "chain whole, just checked" in shown


# -- acts -------------------------------------------------------------------------------------


def test_hold__with_a_reason__pauses(world: World) -> None:
    plan = world.running()
    sent = command(plan, reason="Strange numbers.")
    signed_in(world.operator).post(url("rollout-hold", world, pk=plan.pk), sent)
    plan.refresh_from_db()
    assert plan.status == PlanStatus.PAUSED


def test_hold__without_a_reason__changes_nothing_and_says_why(world: World) -> None:
    plan = world.running()
    response = signed_in(world.operator).post(
        url("rollout-hold", world, pk=plan.pk), command(plan, reason=" ")
    )
    plan.refresh_from_db()
    assert plan.status == PlanStatus.RUNNING
    assert "Say why" in told(response)


def test_act__on_a_page_that_is_out_of_date__is_refused_and_leads_to_the_fresh_one(
    world: World,
) -> None:
    plan = world.running()
    sent = command(plan, reason="Strange numbers.")
    sent["expected_version"] -= 1
    response = signed_in(world.operator).post(url("rollout-hold", world, pk=plan.pk), sent)
    plan.refresh_from_db()
    assert plan.status == PlanStatus.RUNNING
    assert response.url == url("rollout-detail", world, pk=plan.pk)
    assert "moved on since you looked" in told(response)


def test_roll_back__by_the_operator__takes_all_exposure_away(world: World) -> None:
    plan = world.running()
    sent = command(plan, reason="Wrong gates.")
    signed_in(world.operator).post(url("rollout-roll-back", world, pk=plan.pk), sent)
    plan.refresh_from_db()
    assert (plan.status, plan.exposure) == (PlanStatus.ROLLING_BACK, 0)


def test_roll_back__by_a_viewer__is_forbidden(world: World) -> None:
    plan = world.running()
    viewer = builders.a_person(world.project, Role.VIEWER)
    sent = command(plan, reason="I want to.")
    response = signed_in(viewer).post(url("rollout-roll-back", world, pk=plan.pk), sent)
    plan.refresh_from_db()
    assert response.status_code == 403
    assert plan.status == PlanStatus.RUNNING


@pytest.mark.parametrize(
    "name",
    ["submit", "withdraw", "start", "advance", "hold", "resume", "roll-back", "abort"],
)
def test_act__asked_for_by_a_link__is_not_done(world: World, name: str) -> None:
    plan = world.running()
    before = plan.lock_version
    address = url(f"rollout-{name}", world, pk=plan.pk)
    assert signed_in(world.operator).get(address).status_code == 405
    plan.refresh_from_db()
    assert plan.lock_version == before


def test_buttons__are_those_that_status_and_roles_allow(world: World) -> None:
    plan = world.running()
    for_operator, for_reviewer = (
        page(world, plan, user) for user in (world.operator, world.product)
    )
    assert url("rollout-roll-back", world, pk=plan.pk) in for_operator
    assert url("rollout-resume", world, pk=plan.pk) not in for_operator
    assert "What you may do now" not in for_reviewer


def test_journey__through_the_pages__submits_signs_starts_and_advances(world: World) -> None:
    plan = world.draft()
    author, operator = signed_in(world.author), signed_in(world.operator)
    scientist = signed_in(world.scientist)
    author.post(url("rollout-submit", world, pk=plan.pk), command(plan))
    answer(scientist, world, standing_request(plan))
    operator.post(url("rollout-start", world, pk=plan.pk), command(plan))
    answer(scientist, world, standing_request(plan))
    operator.post(url("rollout-advance", world, pk=plan.pk), command(plan))
    plan.refresh_from_db()
    assert (plan.status, plan.exposure) == (PlanStatus.COMPLETED, 100)


# -- elsewhere --------------------------------------------------------------------------------


def test_model_timeline__tells_plans_and_decisions(world: World) -> None:
    world.running()
    told_of = {
        entry["title"]
        for provide in timeline_providers
        for entry in provide(world.model, world.operator)
    }
    assert "Roll out v2: plan written" in told_of
    assert "Started: v2 at 5 %" in told_of


def test_admin__shows_a_plan_to_a_curating_member_and_changes_nothing(world: World) -> None:
    plan = world.running()
    world.operator.is_staff = True
    world.operator.save()
    client = signed_in(world.operator)
    address = reverse("admin:rollouts_rolloutplan_change", args=[plan.pk])
    assert client.get(address).status_code == 200
    assert client.post(address, {"title": "Mine"}).status_code == 403
