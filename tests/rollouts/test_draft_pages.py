"""Writing a draft on the pages: plan, stages and gates, until it is submitted."""

from typing import Any

from rollouts import actions
from rollouts.choices import PlanStatus
from rollouts.models import RolloutPlan
from tests import builders
from tests.rollouts.browsing import command, page, signed_in, told, url
from tests.rollouts.world import World


def _fields(world: World, **fields: Any) -> dict[str, Any]:
    return {
        "title": "Try v2",
        "candidate": world.candidate.pk,
        "fallback": world.stable.pk,
        "owner": world.author.pk,
        "hypothesis": "Fewer missed connections.",
        "risk_tier": "low",
        **fields,
    }


def test_new__with_its_fields__writes_a_draft_of_the_candidates_model(world: World) -> None:
    response = signed_in(world.author).post(url("rollout-new", world), _fields(world))
    plan = RolloutPlan.objects.get()
    assert response.url == url("rollout-detail", world, pk=plan.pk)
    assert (plan.model, plan.status) == (world.model, PlanStatus.DRAFT)


def test_new__candidate_as_its_own_fallback__says_so_beside_the_field(world: World) -> None:
    fields = _fields(world, fallback=world.candidate.pk)
    response = signed_in(world.author).post(url("rollout-new", world), fields)
    assert "The fallback must be another version." in response.content.decode()
    assert not RolloutPlan.objects.exists()


def test_new__copied_from_a_plan__takes_its_stages_and_gates_over(world: World) -> None:
    pattern = world.draft()
    address = url("rollout-new", world) + f"?copy={pattern.pk}"
    signed_in(world.author).post(address, _fields(world))
    copy = RolloutPlan.objects.exclude(pk=pattern.pk).get()
    assert [gate.name for gate in copy.stages.get().gates.all()] == [
        "Challenge program passed",
        "Sign-off",
    ]


def test_new__by_a_reviewer__is_forbidden(world: World) -> None:
    assert signed_in(world.product).get(url("rollout-new", world)).status_code == 403


def test_edit__changes_the_words_and_leaves_the_stages(world: World) -> None:
    plan = world.draft()
    fields = _fields(world, title="Try v2 again", **command(plan))
    signed_in(world.author).post(url("rollout-edit", world, pk=plan.pk), fields)
    plan.refresh_from_db()
    assert plan.title == "Try v2 again"
    assert plan.stages.count() == 1


def test_edit__of_a_submitted_plan__is_refused_before_a_form_is_shown(world: World) -> None:
    plan = world.draft()
    actions.submit(plan, by=world.author)
    response = signed_in(world.author).get(url("rollout-edit", world, pk=plan.pk))
    assert response.url == url("rollout-detail", world, pk=plan.pk)
    assert "This plan is no draft" in told(response)


def test_stage__added__comes_last_and_ends_with_a_sign_off(world: World) -> None:
    plan = world.draft()
    sent = command(
        plan, name="Half", exposure=50, cohort="Even numbers", soak_hours=24, minimum_sample=10
    )
    signed_in(world.author).post(url("stage-add", world, pk=plan.pk), sent)
    last = plan.stages.get(position=2)
    assert (last.name, [gate.kind for gate in last.gates.all()]) == ("Half", ["approval"])


def test_gate__added__stands_before_the_sign_off(world: World) -> None:
    plan = world.draft()
    sent = command(plan, kind="failure_cases", name="No serious case", severity="high")
    address = url("gate-add", world, pk=plan.pk, stage=1) + "?kind=failure_cases"
    signed_in(world.author).post(address, sent)
    kinds = [gate.kind for gate in plan.stages.get().gates.all()]
    assert kinds == ["evidence", "failure_cases", "approval"]


def test_gate__metric_without_a_margin__is_refused_beside_the_field(world: World) -> None:
    plan = world.draft()
    sent = command(
        plan,
        kind="evidence",
        name="Accuracy",
        suite=world.suite.pk,
        metric="accuracy",
        slice="all",
    )
    address = url("gate-add", world, pk=plan.pk, stage=1) + "?kind=evidence"
    response = signed_in(world.author).post(address, sent)
    assert "Say how much worse is still acceptable." in response.content.decode()
    assert plan.stages.get().gates.count() == 2


def test_gate__removed__leaves_the_others(world: World) -> None:
    plan = world.draft()
    address = url("gate-remove", world, pk=plan.pk, stage=1, gate=1)
    signed_in(world.author).post(address, command(plan))
    assert [gate.kind for gate in plan.stages.get().gates.all()] == ["approval"]


def test_gate__removed_from_a_submitted_plan__stays(world: World) -> None:
    plan = world.draft()
    actions.submit(plan, by=world.author)
    address = url("gate-remove", world, pk=plan.pk, stage=1, gate=1)
    response = signed_in(world.author).post(address, command(plan))
    assert "Nothing is taken out of a submitted plan." in told(response)
    assert plan.stages.get().gates.count() == 2


def test_draft__with_faults__lists_them_instead_of_the_submit_button(world: World) -> None:
    plan = world.draft(builders.a_stage())
    shown = page(world, plan, world.author)
    assert "needs at least one gate besides the approval." in shown
    assert url("rollout-submit", world, pk=plan.pk) not in shown
