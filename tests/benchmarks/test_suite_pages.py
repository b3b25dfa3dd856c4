"""Pages of suites and scenarios, the acts on them, and what other pages learn from runs."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks import providers
from benchmarks.actions import compose_suite, propose_baseline
from benchmarks.choices import BaselineStatus
from benchmarks.models import Baseline, ChallengeRun, Comparison, Scenario, ScenarioAssumption
from catalog import actions as catalog_actions
from catalog.choices import Role
from catalog.pages import assumption_statuses
from tests.benchmarks.judged import approve, post, work_off
from tests.builders import a_person, a_project

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


def url(name, project, **kwargs):
    return reverse(name, kwargs={"project": project.slug, **kwargs})


def text_of(response):
    assert response.status_code == 200, response.status_code
    return " ".join(response.content.decode().split())


def said(client, response):
    """The messages on the page that an act led to."""
    return text_of(client.get(response["Location"]))


# -- reading ----------------------------------------------------------------------------------


def test_suite_list__with_more_suites__asks_no_more_queries(client, world):
    client.force_login(world.owner)
    place = url("suite-list", world.project)
    client.get(place)
    with CaptureQueriesContext(connection) as few:
        client.get(place)
    for number in range(4):
        compose_suite(
            world.project,
            key=f"more-{number}",
            title=f"More {number}",
            model=world.model,
            owner=world.owner,
            metrics=["accuracy"],
            scenarios=list(world.suite.scenarios.all()),
            by=world.owner,
        )
    with CaptureQueriesContext(connection) as many:
        page = client.get(place)
    assert len(page.context["object_list"]) == 5
    assert len(many) == len(few) <= 12


def test_suite_page__never_run__says_that_nothing_is_known(client, world):
    client.force_login(world.owner)
    page = text_of(client.get(url("suite-detail", world.project, pk=world.suite.pk)))
    assert "Never run" in page
    assert "None approved yet" in page
    assert "the data as they are" in page
    assert "no more than 0.050 worse than the baseline" in page


def test_suite_page__of_another_project__is_answered_like_a_missing_one(client, world):
    client.force_login(a_person(a_project("Loans"), Role.CONTRIBUTOR, name="stranger"))
    assert client.get(url("suite-detail", world.project, pk=world.suite.pk)).status_code == 404


def test_suite_page__forms__are_offered_only_to_those_who_may_use_them(client, world):
    propose_baseline(work_off(post(world, "v1")), by=world.owner, reason="It serves today.")
    place = url("suite-detail", world.project, pk=world.suite.pk)
    client.force_login(world.owner)
    offered = text_of(client.get(place))
    assert 'id="start"' in offered
    assert 'value="approve"' not in offered
    client.force_login(world.reviewer)
    offered = text_of(client.get(place))
    assert 'id="start"' not in offered
    assert 'value="approve"' in offered


def test_scenario_page__shows_what_each_run_found_under_it(client, world):
    work_off(post(world, "v1"))
    scenario = Scenario.objects.get(key="scenario-1")
    client.force_login(world.reviewer)
    response = client.get(url("scenario-detail", world.project, pk=scenario.pk))
    assert [row.finding for row in response.context["outcomes"]] == ["inconclusive"]
    assert "There is no baseline result to compare with." in text_of(response)


# -- acting -----------------------------------------------------------------------------------


def test_run_start__version_chosen__starts_a_run_and_leads_to_it(client, world):
    client.force_login(world.owner)
    place = url("run-start", world.project, pk=world.suite.pk)
    response = client.post(place, {"version": world.versions["v2"].pk})
    run = ChallengeRun.objects.get()
    assert run.model_version == world.versions["v2"]
    assert response["Location"] == url("run-detail", world.project, pk=run.pk)


def test_run_start__by_a_reviewer__is_refused_and_starts_nothing(client, world):
    client.force_login(world.reviewer)
    place = url("run-start", world.project, pk=world.suite.pk)
    assert client.post(place, {"version": world.versions["v2"].pk}).status_code == 403
    assert not ChallengeRun.objects.exists()


def test_run_start__without_version__says_what_is_lacking(client, world):
    client.force_login(world.owner)
    response = client.post(url("run-start", world.project, pk=world.suite.pk), {})
    assert "Choose the version that is to face the suite." in said(client, response)


@pytest.mark.parametrize("name", ["run-start", "baseline-propose"])
def test_act__by_get__is_not_allowed(client, world, name):
    client.force_login(world.owner)
    assert client.get(url(name, world.project, pk=world.suite.pk)).status_code == 405


def test_baseline__proposed_by_one_and_approved_by_another__counts(client, world):
    run = work_off(post(world, "v1"))
    client.force_login(world.owner)
    place = url("baseline-propose", world.project, pk=world.suite.pk)
    client.post(place, {"run": run.pk, "reason": "It serves today."})
    baseline = Baseline.objects.get()
    client.force_login(world.reviewer)
    decision = url("baseline-decide", world.project, pk=baseline.pk)
    response = client.post(decision, {"decision": "approve", "reason": "Agreed."})
    assert "It serves today." in said(client, response)
    baseline.refresh_from_db()
    assert (baseline.status, baseline.decided_by) == (BaselineStatus.APPROVED, world.reviewer)


def test_baseline_decide__without_reason__stays_open_and_says_so(client, world):
    baseline = propose_baseline(work_off(post(world, "v1")), by=world.owner, reason="Today's.")
    client.force_login(world.reviewer)
    place = url("baseline-decide", world.project, pk=baseline.pk)
    back = url("suite-detail", world.project, pk=world.suite.pk)
    response = client.post(
        place, {"decision": "approve"}, headers={"referer": f"http://testserver{back}"}
    )
    assert "Say on what you base this decision." in said(client, response)
    baseline.refresh_from_db()
    assert baseline.status == BaselineStatus.PROPOSED


def test_baseline_propose__run_that_has_not_ended__is_refused(client, world):
    run = post(world, "v1")
    client.force_login(world.owner)
    place = url("baseline-propose", world.project, pk=world.suite.pk)
    response = client.post(place, {"run": run.pk, "reason": "Hasty."})
    assert "Only an evaluated run" in said(client, response)
    assert not Baseline.objects.exists()


# -- what other pages learn -------------------------------------------------------------------


@pytest.fixture
def assumption(world):
    """Put to the test by the scenarios that blur x."""
    row = catalog_actions.state_assumption(
        world.model,
        statement="x is measured as in training.",
        category="data",
        how_checked="Scenarios blur it.",
        owner=world.owner,
        review_date="2030-01-31",
        by=world.owner,
    )
    for scenario in Scenario.objects.exclude(key="scenario-0"):
        ScenarioAssumption(scenario=scenario, assumption=row).record(by=world.owner)
    return row


def found(run, **findings):
    """Rewrites what a run found, so that a rule can be tried without fitting numbers to it."""
    comparison = Comparison.objects.get(run=run)
    for row in comparison.scenarios:
        row["finding"] = findings.get(row["key"].replace("-", "_"), row["finding"])
    Comparison.objects.filter(pk=comparison.pk).update(scenarios=comparison.scenarios)


def status_of(assumption, world):
    return assumption_statuses([assumption], world.owner)[assumption.pk]


def test_assumption__never_run__is_untested(world, assumption):
    assert status_of(assumption, world).status == "untested"


@pytest.mark.parametrize(
    ("findings", "status"),
    [
        ({"scenario_1": "pass", "scenario_2": "fail"}, "violated"),
        ({"scenario_1": "pass", "scenario_2": "inconclusive"}, "holds"),
        ({"scenario_1": "pass", "scenario_2": "not_used"}, "holds"),
        ({"scenario_1": "inconclusive", "scenario_2": "not_used"}, "untested"),
        ({"scenario_1": "not_used", "scenario_2": "not_used"}, "untested"),
        ({"scenario_1": "errored", "scenario_2": "skipped"}, "untested"),
    ],
)
def test_assumption__status__follows_from_the_findings_that_use_it(
    world, assumption, findings, status
):
    found(work_off(post(world, "v1")), **findings)
    assert status_of(assumption, world).status == status


def test_assumption__failure_of_an_older_run_of_the_same_version__no_longer_counts(
    world, assumption
):
    found(work_off(post(world, "v1")), scenario_1="fail", scenario_2="fail")
    found(work_off(post(world, "v1")), scenario_1="pass", scenario_2="pass")
    assert status_of(assumption, world).status == "holds"


def test_assumption__one_version_fails_and_a_newer_one_passes__is_violated_still(
    world, assumption
):
    found(work_off(post(world, "v1")), scenario_1="fail", scenario_2="pass")
    found(work_off(post(world, "v2")), scenario_1="pass", scenario_2="pass")
    status = status_of(assumption, world)
    assert status.status == "violated"
    assert status.sentence == "v1 fails under “Scenario 1”."


def test_assumption_status__of_many_rows__asks_no_more_than_for_one(world, assumption):
    work_off(post(world, "v1"))
    with CaptureQueriesContext(connection) as caught:
        providers.assumption_status([assumption] * 5, world.owner)
    assert len(caught) <= 3


def test_model_page__timeline__tells_of_runs_and_baselines(client, world):
    run = work_off(post(world, "v1"))
    approve(run, world)
    titles = [entry["title"] for entry in providers.timeline(world.model, world.owner)]
    assert titles == [
        "Approved: v1 as baseline of Small suite",
        "Proposed: v1 as baseline of Small suite",
        "v1: Small suite",
    ]


def test_version_page__of_a_version_with_a_run__links_to_it(client, world):
    run = work_off(post(world, "v1"))
    client.force_login(world.owner)
    page = text_of(client.get(url("version-detail", world.project, pk=world.versions["v1"].pk)))
    assert url("run-detail", world.project, pk=run.pk) in page


def test_admin__of_a_run__shows_it_and_lets_nobody_change_it(client, world):
    run = work_off(post(world, "v1"))
    world.owner.is_staff = True
    world.owner.save()
    client.force_login(world.owner)
    place = reverse("admin:benchmarks_challengerun_change", args=[run.pk])
    assert client.get(place).status_code == 200
    assert client.post(place, {}).status_code == 403
    assert client.get(reverse("admin:benchmarks_challengerun_add")).status_code == 403


@pytest.mark.parametrize("name", ["run-start", "baseline-propose"])
def test_act__empty_and_by_somebody_who_may_not__is_refused_before_it_is_read(client, world, name):
    client.force_login(world.reviewer)
    assert client.post(url(name, world.project, pk=world.suite.pk)).status_code == 403
