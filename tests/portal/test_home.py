"""Home, inbox and the frame: what needs whom, what is at risk, and why the rest is not mine."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog import pages
from catalog.choices import Role
from catalog.models import Assumption, Membership
from portal.dashboards import overview, queries
from portal.dashboards.context import navigation
from rollouts import actions
from tests import builders
from tests.rollouts.world import World, build_world


@pytest.fixture
def world(db: None) -> World:
    return build_world()


def home(world: World, user: Any, name: str = "project-home") -> Any:
    client = Client()
    client.force_login(user)
    response = client.get(reverse(name, kwargs={"project": world.project.slug}))
    assert response.status_code == 200
    return response


def titles(items: Any) -> list[str]:
    return [item.title for item in items]


def frame(world: World, user: Any) -> dict[str, Any]:
    request = RequestFactory().get(f"/p/{world.project.slug}/rollouts/")
    request.user, request.project = user, world.project
    return navigation(request)


def counts(world: World, user: Any) -> dict[str, int]:
    return {place["label"]: place["count"] for place in frame(world, user)["navigation"]}


# -- the way in -------------------------------------------------------------------------------


def test_home__of_a_person_in_one_project__leads_into_it(world: World) -> None:
    client = Client()
    client.force_login(world.author)
    assert client.get("/").url == f"/p/{world.project.slug}/"


def test_home__of_a_person_in_several_projects__leads_to_their_list(world: World) -> None:
    other = builders.a_project("Trains")
    Membership(user=world.author, project=other, role=Role.VIEWER).record(by=None)
    client = Client()
    client.force_login(world.author)
    assert client.get("/").url == reverse("project-list")
    listed = client.get(reverse("project-list")).content.decode()
    assert "Trains" in listed
    assert world.project.name in listed


def test_projects__of_an_outsider__are_none_and_say_what_to_do(world: World) -> None:
    client = Client()
    client.force_login(world.outsider)
    listed = client.get(reverse("project-list")).content.decode()
    assert "You belong to no project yet" in listed
    assert f"/p/{world.project.slug}/" not in listed


@pytest.mark.parametrize("name", ["project-home", "inbox"])
def test_page__of_a_foreign_project__is_not_found(world: World, name: str) -> None:
    client = Client()
    client.force_login(world.outsider)
    address = reverse(name, kwargs={"project": world.project.slug})
    assert client.get(address).status_code == 404


def test_home__without_sign_in__asks_for_it(db: None) -> None:
    assert Client().get("/").url.startswith(reverse("login"))


def test_favicon__asked_for_by_a_stranger__is_found(db: None) -> None:
    assert Client().get("/favicon.ico").url.endswith("portal/favicon.svg")


def test_password__changed_on_its_page__signs_in_from_then_on(world: World) -> None:
    client = Client()
    client.force_login(world.author)
    new = "quite another battery"
    sent = {"old_password": "correct horse", "new_password1": new, "new_password2": new}
    response = client.post(reverse("password_change"), sent)
    world.author.refresh_from_db()
    assert response.url == reverse("password_change_done")
    assert world.author.check_password(new)


# -- needs me ---------------------------------------------------------------------------------


def test_needs__of_the_reviewer_asked__hold_the_sign_off(world: World) -> None:
    actions.submit(world.draft(), by=world.author)
    needs = home(world, world.scientist).context["needs"]
    assert titles(needs) == ["Sign: Roll out v2"]
    assert needs[0].url.endswith("#sign-off")


@pytest.mark.parametrize("who", ["author", "product", "operator"])
def test_needs__of_everybody_else__do_not(world: World, who: str) -> None:
    actions.submit(world.draft(), by=world.author)
    response = home(world, getattr(world, who))
    assert response.context["needs"] == []
    assert "Nothing waits for you" in response.content.decode()


def test_needs__of_the_operator__hold_what_can_be_moved(world: World) -> None:
    plan = world.approved()
    assert titles(queries.rollouts_to_move(world.project, world.operator)) == [
        "Start: Roll out v2"
    ]
    actions.start(plan, by=world.operator)
    world.sign_all(plan)
    assert titles(queries.rollouts_to_move(world.project, world.operator)) == [
        "Advance: Roll out v2"
    ]
    assert queries.rollouts_to_move(world.project, world.author) == []


def test_needs__of_a_reviewer__hold_a_baseline_that_somebody_else_proposed(world: World) -> None:
    baseline = builders.Baseline(suite=world.suite, run=world.run, reason="It serves.")
    baseline.record(by=world.author)
    found = queries.baselines_to_decide(world.project, world.scientist)
    assert titles(found) == [f"Decide: v2 as baseline of {world.suite.title}"]
    assert queries.baselines_to_decide(world.project, world.author) == []
    assert queries.baselines_to_decide(world.project, world.operator) == []


def test_needs__of_a_second_curator__hold_the_case_that_the_first_annotated(world: World) -> None:
    first, second = (builders.a_person(world.project, Role.CURATOR) for _ in range(2))
    case = builders.a_failure_case(world.model, by=first, status="annotated")
    case.annotated_by = first
    case.record(by=first)
    assert titles(queries.cases_to_verify(world.project, second)) == ["Verify: Wrong in fog"]
    assert queries.cases_to_verify(world.project, first) == []


def test_needs__of_the_owner__hold_a_plan_that_came_back(world: World) -> None:
    plan = world.draft()
    request = actions.submit(plan, by=world.author)
    world.sign(request, Role.DATA_SCIENCE, answer="changes_requested", reason="Shorter steps.")
    assert titles(queries.drafts_sent_back(world.project, world.author)) == ["Rework: Roll out v2"]


def test_needs__hold_the_runs_of_ones_own_that_errored(world: World) -> None:
    given = {"status": "errored", "error": "Out of memory.\nTraceback"}
    builders.a_run(world.candidate, world.suite, by=world.author, **given)
    builders.a_run(world.candidate, world.suite, by=world.operator, **given)
    found = queries.errored_runs(world.project, world.author)
    assert [item.sentence for item in found] == ["Out of memory."]


def test_needs__hold_an_overdue_assumption_of_ones_own(world: World) -> None:
    _assume(world, review_date=timezone.localdate() - timedelta(days=1))
    _assume(world, statement="Not due.", review_date=timezone.localdate())
    assert titles(queries.overdue_assumptions(world.project, world.author)) == [
        "Review: Weather is known."
    ]
    assert queries.overdue_assumptions(world.project, world.operator) == []


def _assume(world: World, **fields: Any) -> Assumption:
    given = {
        "statement": "Weather is known.",
        "category": "data",
        "how_checked": "By scenario.",
        "owner": world.author,
        "review_date": timezone.localdate(),
        **fields,
    }
    return Assumption(model=world.model, **given).record(by=world.author)


# -- at risk ----------------------------------------------------------------------------------


def test_risks__of_a_live_rollout__name_its_worst_gate(world: World) -> None:
    plan = world.watched(builders.a_metric_gate(world.watch))
    cell = {"difference": -0.05, "low": -0.06, "high": -0.04, "n": 5000}
    world.judge(world.watch, changes=[cell])
    actions.check_gates(plan)
    (found,) = queries.rollouts_at_risk(world.project, world.author)
    assert (found.title, found.badge) == ("Roll out v2: Accuracy holds", "fail")


def test_risks__of_a_rollout_whose_gates_pass__are_none(world: World) -> None:
    world.running()
    assert queries.rollouts_at_risk(world.project, world.author) == []


def test_risks__after_a_rollback__hold_it_with_its_reason(world: World) -> None:
    actions.roll_back(world.running(), by=world.operator, reason="Travellers complained.")
    (found,) = queries.setbacks(world.project, world.author)
    assert found.sentence == "Travellers complained."


def test_risks__hold_serious_open_cases_only(world: World) -> None:
    builders.a_failure_case(world.model, by=world.author, severity="critical")
    builders.a_failure_case(world.model, by=world.author, severity="medium")
    builders.a_failure_case(world.model, by=world.author, severity="critical", status="fixed")
    found = queries.serious_cases(world.project, world.author)
    assert [item.badge for item in found] == ["critical"]


def test_risks__hold_an_assumption_that_the_evidence_violates(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, untested = _assume(world), _assume(world, statement="Nobody knows.")
    said = {broken.pk: pages.AssumptionStatus("violated", "v2 fails in fog.", "/run/")}
    monkeypatch.setattr(pages, "assumption_status_providers", [lambda rows, user: said])
    found = queries.violated_assumptions(world.project, world.author)
    assert titles(found) == [broken.statement]
    assert untested.statement not in titles(found)


# -- what changed, and the models -------------------------------------------------------------


def test_changes__are_in_the_order_in_which_they_came(world: World) -> None:
    world.running()
    entries = overview.changes(world.project)
    moments = [entry["when"] for entry in entries]
    assert moments == sorted(moments, reverse=True)
    assert "Started: v2 at 5 %" in [entry["title"] for entry in entries]


def test_changes__of_another_project__are_not_shown(world: World) -> None:
    world.running()
    assert overview.changes(builders.a_project()) == []


def test_strip__of_a_model__shows_the_rollout_under_way_rather_than_a_newer_draft(
    world: World,
) -> None:
    running = world.running()
    world.draft(title="Another idea")
    (strip,) = overview.strips(world.project)
    assert strip.plan == running
    assert [step["state"] for step in strip.steps] == ["current"]


def test_strips__of_more_models__take_no_more_queries(world: World) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            overview.strips(world.project)
        return len(captured)

    world.draft()
    few = count()
    for _ in range(3):
        model = builders.a_model(world.project, owner=world.author)
        versions = [builders.a_version(model, by=world.author) for _ in range(2)]
        builders.a_plan(versions[0], versions[1], by=world.author, stages=[builders.a_stage()])
    assert count() == few


def test_home__of_an_empty_project__says_what_would_be_here(db: None) -> None:
    project = builders.a_project()
    client = Client()
    client.force_login(builders.a_person(project, Role.VIEWER))
    html = client.get(f"/p/{project.slug}/").content.decode()
    for words in ("No model yet", "Nothing waits for you", "Nothing known to be at risk"):
        assert words in html


# -- inbox ------------------------------------------------------------------------------------


def test_inbox__of_the_reviewer_asked__says_what_is_asked(world: World) -> None:
    actions.submit(world.draft(), by=world.author)
    response = home(world, world.scientist, "inbox")
    (waiting,) = response.context["waiting"]
    assert waiting.sentence == "The plan is complete: v2 from 0 to 5 % of users at first."
    assert response.context["others"] == []


def test_inbox__of_a_reviewer_who_wrote_the_plan__says_why_it_is_not_hers(world: World) -> None:
    Membership(user=world.author, project=world.project, role=Role.DATA_SCIENCE).record(by=None)
    actions.submit(world.draft(), by=world.author)
    response = home(world, world.author, "inbox")
    assert response.context["waiting"] == []
    assert "You wrote or own this plan." in response.content.decode()


def test_inbox__after_the_answer__keeps_it_with_its_digest(world: World) -> None:
    request = actions.submit(world.draft(), by=world.author)
    world.sign(request, Role.DATA_SCIENCE)
    response = home(world, world.scientist, "inbox")
    assert response.context["waiting"] == []
    assert request.evidence_digest in response.content.decode()


# -- the frame --------------------------------------------------------------------------------


def test_frame__counts_what_waits_for_this_person_and_open_failures(world: World) -> None:
    builders.a_failure_case(world.model, by=world.author)
    actions.submit(world.draft(), by=world.author)
    assert counts(world, world.scientist)["Inbox"] == 1
    assert counts(world, world.product)["Inbox"] == 0
    assert counts(world, world.scientist)["Failures"] == 1


def test_frame__of_a_reviewer_who_wrote_the_plan__counts_nothing(world: World) -> None:
    Membership(user=world.author, project=world.project, role=Role.DATA_SCIENCE).record(by=None)
    actions.submit(world.draft(), by=world.author)
    assert counts(world, world.author)["Inbox"] == 0


def test_frame__marks_the_place_and_names_the_roles(world: World) -> None:
    shown = frame(world, world.operator)
    assert [place["label"] for place in shown["navigation"] if place["active"]] == ["Rollouts"]
    assert shown["account_roles"] == ["Operator"]
    assert shown["projects"][0]["active"]


def test_frame__of_a_stranger__is_empty(world: World) -> None:
    client = Client()
    assert "site-nav" not in client.get(reverse("login")).content.decode()


def test_frame__however_much_there_is__asks_four_questions(world: World) -> None:
    actions.submit(world.draft(risk_tier="high"), by=world.author)
    frame(world, world.scientist)  # remembers who may not sign
    for _ in range(5):
        builders.a_failure_case(world.model, by=world.author)
        project = builders.a_project()
        Membership(user=world.scientist, project=project, role=Role.VIEWER).record(by=None)
    with CaptureQueriesContext(connection) as captured:
        frame(world, world.scientist)
    assert len(captured) == 4
