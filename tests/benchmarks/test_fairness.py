"""A suite's protected column and its flips: declared, measured, judged, shown, and refused."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks import actions, asking
from benchmarks.engine.fairness import GAPS
from benchmarks.models import MetricSpec, Scenario, Suite
from catalog.choices import Role
from tests.benchmarks.judged import approve, post, work_off
from tests.builders import a_person, a_project

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


@pytest.fixture
def declared(world):
    """The small suite with groups `a` and `b`, a bound on a gap, and flips."""
    for key in (*GAPS, "flip_rate"):
        actions.define_metric(world.project, key, margin=0.02, by=world.owner)
    scenario = Scenario.objects.get(key="scenario-0")
    accuracy, gap = (
        MetricSpec.objects.get(project=world.project, key=key)
        for key in ("accuracy", "demographic_parity_gap")
    )
    actions.change_scenario(
        scenario,
        by=world.owner,
        reason="Groups matter.",
        slices=list(scenario.slices.all()),
        assumptions=[],
        criteria=[
            {"metric": accuracy, "change_threshold": 0.05, "why": "Users notice."},
            {"metric": gap, "value_threshold": 0.2, "why": "Alike for all."},
        ],
    )
    world.suite = declare(world, "group", metrics=["accuracy", *GAPS, "flip_rate"])
    return world


def declare(world, column, **fields):
    return actions.change_suite(
        world.suite,
        scenarios=list(world.suite.scenarios.order_by("places__position")),
        by=world.owner,
        reason="Groups matter.",
        protected_column=column,
        **fields,
    )


def page(client, world, run, query=""):
    client.force_login(world.owner)
    url = reverse("run-fairness", kwargs={"project": world.project.slug, "pk": run.pk})
    response = client.get(url + query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


# -- declaring --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ("colour", "has no column “colour”"),
        ("z", "at most 50 groups"),
        ("seen", "at most 50 groups"),
        ("label", "has no groups"),
        ("item", "has no groups"),
    ],
)
def test_suite__column_without_groups__is_refused_and_nothing_changes(world, column, sentence):
    with pytest.raises(ValidationError, match=sentence):
        declare(world, column)
    assert Suite.objects.get(pk=world.suite.pk).protected_column == ""


def test_suite__protected_column_chosen_on_the_page__is_kept_with_its_history(client, world):
    client.force_login(world.owner)
    url = reverse("suite-edit", kwargs={"project": world.project.slug, "pk": world.suite.pk})
    shown = client.get(url).context["form"]
    assert ("group", "group") in shown.fields["protected_column"].choices
    answer = {**shown.initial, "scenarios": [row.pk for row in shown.initial["scenarios"]]}
    client.post(url, {**answer, "protected_column": "group", "reason": "Groups matter."})
    assert Suite.objects.get(pk=world.suite.pk).protected_column == "group"
    assert world.suite.history.first().protected_column == "group"


def test_suite__unfit_column_sent_by_hand__is_answered_beside_the_field(client, world):
    client.force_login(world.owner)
    url = reverse("suite-edit", kwargs={"project": world.project.slug, "pk": world.suite.pk})
    initial = client.get(url).context["form"].initial
    answer = {**initial, "scenarios": [row.pk for row in initial["scenarios"]]}
    response = client.post(url, {**answer, "protected_column": "z", "reason": "Groups matter."})
    assert response.status_code == 200
    assert "at most 50 groups" in response.context["form"].errors["protected_column"][0]


# -- measuring and judging --------------------------------------------------------------------


def test_run__gaps_and_flips__are_measured_where_they_have_a_meaning(declared):
    run = work_off(post(declared, "v1"))
    found = {(row.scenario, row.metric, row.slice): row for row in run.measurements.all()}
    gap = found["scenario-0", "demographic_parity_gap", "all"]
    assert 0 <= gap.low <= gap.value < gap.high
    assert found["scenario-0", "demographic_parity_gap", "group-a"].reason == "one_group"
    assert found["scenario-0", "flip_rate", "all"].reason == "no_reference"
    # Posted answers do not react to the perturbation, so nothing flips, within a doubt.
    flips = found["scenario-1", "flip_rate", "all"]
    assert (flips.value, flips.low) == (0.0, 0.0)
    assert flips.high > 0


def test_run__worker__asks_the_model_about_the_unchanged_rows(declared, monkeypatch):
    asked = []

    class Sandbox:
        def predict(self, frame):
            asked.append(frame["x"].to_numpy())
            return 1 / (1 + 2.718281828 ** (-2 * frame["x"].to_numpy()))

    monkeypatch.setattr(asking.pool, "predictor", lambda **_: Sandbox())
    version = declared.versions["v1"]
    run = work_off(actions.start_run(version, suite=declared.suite, by=declared.owner))
    assert len(asked) == 1 + 2 + 2
    expected = ((asked[1] >= 0) != (asked[2] >= 0)).mean()
    found = run.measurements.get(scenario="scenario-1", metric="flip_rate", slice="all")
    assert found.value == pytest.approx(expected)
    assert 0 < found.value < 0.1
    assert run.parts.get(key="scenario-1").stability["all"]["flipped"]["value"] == found.value


def test_run__posted_without_the_unchanged_scenario__cannot_tell_flips(declared):
    skipped = {"status": "skipped", "message": "Not asked."}
    run = work_off(post(declared, "v1", scenario_0=skipped))
    found = run.measurements.get(scenario="scenario-1", metric="flip_rate", slice="all")
    assert (found.value, found.reason) == (None, "no_reference")
    assert run.measurements.get(scenario="scenario-1", metric="accuracy", slice="all").value


def test_run__bound_on_a_gap__is_judged_and_the_report_kept_beside_it(declared):
    run = work_off(post(declared, "v1"))
    check = run.comparison.checks.get(metric="demographic_parity_gap")
    assert check.finding == "pass"
    report = run.parts.get(key="scenario-0").fairness
    assert [group["name"] for group in report["groups"]] == ["a", "b"]
    assert report["gaps"]["demographic_parity_gap"]["chance"]["p_value"] > 0


def test_run__baseline_from_before_the_column__is_compared_in_the_same_groups(world):
    for key in GAPS:
        actions.define_metric(world.project, key, margin=0.02, by=world.owner)
    approve(work_off(post(world, "v1")), world)
    world.suite = declare(world, "group", metrics=["accuracy", *GAPS])
    run = work_off(post(world, "v2"))
    change = run.comparison.changes.get(
        scenario="scenario-0", metric="demographic_parity_gap", slice="all"
    )
    assert change.reason == ""
    assert change.low <= change.difference <= change.high


def test_run__judged_again__finds_the_same_gaps_and_flips(declared):
    first = work_off(post(declared, "v1"))
    again = work_off(actions.judge_again(first, by=declared.owner))
    for part in first.parts.all():
        kept = again.parts.get(key=part.key)
        assert (kept.fairness, kept.stability) == (part.fairness, part.stability)


def test_comparison__against_a_baseline__counts_what_regressed_and_was_mended(declared):
    approve(work_off(post(declared, "v1")), declared)
    run = work_off(post(declared, "v2", "bad"))
    churn = run.comparison.churn["scenario-0"]
    accuracy = run.measurements.get(scenario="scenario-0", metric="accuracy", slice="all").value
    assert churn["flipped"]["value"] > 0.99
    assert churn["mended"]["value"] == pytest.approx(accuracy, abs=0.01)


# -- the page ---------------------------------------------------------------------------------


def test_page__judged_run__shows_groups_gaps_chance_bound_and_flips(client, declared):
    approve(work_off(post(declared, "v1")), declared)
    run = work_off(post(declared, "v2"))
    text = page(client, declared, run)
    for words in (
        "the groups of <code>group</code>",
        "Equalised odds gap",
        "By chance alone",
        "it must be at most 0.2: met.",
        "Score above label",
        "Flip rate",
        "Right to wrong",
    ):
        assert words in text
    assert "scenario-1" in page(client, declared, run, "?scenario=scenario-1")


def test_page__no_protected_column__says_how_to_declare_one(client, world):
    run = work_off(post(world, "v1"))
    text = page(client, world, run)
    assert "declared no protected column" in text
    assert reverse("suite-edit", args=[world.project.slug, world.suite.pk]) in text
    assert "Flips were not measured" in text


def test_page__scenario_that_was_skipped__says_why_instead_of_numbers(client, declared):
    run = work_off(post(declared, "v1", scenario_1={"status": "skipped", "message": "Busy."}))
    assert "Busy." in page(client, declared, run, "?scenario=scenario-1")


def test_page__run_still_at_work__shows_no_number(client, declared):
    text = page(client, declared, post(declared, "v1"))
    assert "No worker has finished this scenario yet." in text


def test_page__of_another_project__is_answered_like_a_missing_one(client, world):
    run = work_off(post(world, "v1"))
    stranger = a_person(a_project("Loans"), Role.CONTRIBUTOR, name="stranger")
    client.force_login(stranger)
    url = reverse("run-fairness", kwargs={"project": world.project.slug, "pk": run.pk})
    assert client.get(url).status_code == 404


def test_page__judged_run__needs_few_queries(client, declared):
    run = work_off(post(declared, "v1"))
    client.force_login(declared.owner)
    url = reverse("run-fairness", kwargs={"project": declared.project.slug, "pk": run.pk})
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        client.get(url)
    assert len(seen) <= 25
