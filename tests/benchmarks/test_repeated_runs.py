"""Repeats of a scenario: frozen one by one, posted one by one, judged and shown as one."""

from datetime import timedelta

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from benchmarks import actions, asking, plans
from benchmarks.models import MetricSpec, Scenario
from benchmarks.panels.programs import findings_by_area
from benchmarks.quarantine import quarantine
from benchmarks.remediation import finding_of, open_item
from tests.benchmarks.judged import scores, work_off

pytestmark = pytest.mark.django_db
KEYS = [f"scenario-1~{number}" for number in range(1, 6)]
SINGLE = ["scenario-0", "scenario-2"]


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


def rewritten(world, key, **fields):
    """The scenario with a bound on its accuracy that `bad` answers break."""
    accuracy = MetricSpec.objects.get(project=world.project, key="accuracy")
    rule = {"metric": accuracy, "value_threshold": 0.6, "why": "Users notice."}
    return actions.change_scenario(
        Scenario.objects.get(key=key),
        by=world.owner,
        reason="Once is no proof.",
        slices=[],
        assumptions=[],
        criteria=[rule],
        **fields,
    )


@pytest.fixture
def repeated(world):
    """Of five repeats of scenario-1 four must pass."""
    for key in SINGLE:
        rewritten(world, key)
    rewritten(world, "scenario-1", repeats=5, must_pass=4, risk_area="rough weather")
    return world


def posted(world, bad=(), gone=()):
    """Answers for every key of the plan; those in `bad` the wrong way round."""
    item = [int(one) for one in world.frame["item"]]
    answers = {
        key: {"items": {"item": item, "score": scores(world, "bad" if key in bad else "v1")}}
        for key in [*SINGLE, *KEYS]
        if key not in gone
    }
    return actions.start_run(
        world.versions["v1"], suite=world.suite, by=world.owner, posted=answers
    )


def judged(world, **answers):
    return work_off(posted(world, **answers)).comparison


# -- the plan ---------------------------------------------------------------------------------


def test_plan__repeats__stand_there_one_by_one_with_seeds_of_their_own(world):
    before = plans.freeze(world.suite, None)["scenarios"]
    Scenario.objects.filter(key="scenario-1").update(repeats=3, must_pass=2)
    after = plans.freeze(world.suite, None)["scenarios"]
    assert [one["key"] for one in after] == [
        "scenario-0", "scenario-1~1", "scenario-1~2", "scenario-1~3", "scenario-2",
    ]  # fmt: skip
    assert (after[0], after[4]) == (before[0], before[2])
    assert len({one["seed"] for one in after[1:4]}) == 3
    first = {k: v for k, v in after[1].items() if k != "repeat_of"} | {"key": "scenario-1"}
    assert first == before[1]
    assert after[3]["repeat_of"] == {
        "key": "scenario-1", "repeats": 3, "must_pass": 2, "number": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"repeats": 3, "must_pass": 4}, "No more repeats can pass"),
        ({"repeats": 21, "must_pass": 1}, "less than or equal to 20"),
        ({"repeats": 0, "must_pass": 0}, "greater than or equal to 1"),
    ],
)
def test_scenario__impossible_repeats__are_refused(world, fields, sentence):
    with pytest.raises(ValidationError, match=sentence):
        rewritten(world, "scenario-1", **fields)


def test_scenario__long_key__cannot_be_repeated(world):
    Scenario.objects.filter(key="scenario-1").update(key="s" * 61)
    with pytest.raises(ValidationError, match="at most 60 characters"):
        rewritten(world, "s" * 61, repeats=2, must_pass=1)


# -- running ----------------------------------------------------------------------------------


def test_run__worker__is_asked_other_rows_in_every_repeat(repeated, monkeypatch):
    asked = []

    class Sandbox:
        def predict(self, frame):
            asked.append(frame["x"].to_numpy())
            return 1 / (1 + np.exp(-2 * frame["x"].to_numpy()))

    monkeypatch.setattr(asking.pool, "predictor", lambda **_: Sandbox())
    version = repeated.versions["v1"]
    run = work_off(actions.start_run(version, suite=repeated.suite, by=repeated.owner))
    assert len(asked) == 7
    assert len({rows.tobytes() for rows in asked[1:6]}) == 5
    assert len(set(run.parts.filter(key__in=KEYS).values_list("data_digest", flat=True))) == 5
    assert run.verdict == "pass"


def test_run__four_of_five_pass__passes_and_keeps_what_each_found(repeated):
    comparison = judged(repeated, bad=KEYS[:1])
    assert (comparison.verdict, comparison.reasons) == ("pass", [])
    assert (comparison.expected, comparison.received) == (7, 7)
    together, *each = comparison.scenarios[1:7]
    assert together == {
        "key": "scenario-1", "finding": "pass", "reason": "",
        "passed": 4, "repeats": 5, "must_pass": 4,
    }  # fmt: skip
    assert [row["finding"] for row in each] == ["fail", "pass", "pass", "pass", "pass"]
    assert {row["repeat_of"] for row in each} == {"scenario-1"}


def test_run__three_of_five_pass__fails_with_one_reason(repeated):
    comparison = judged(repeated, bad=KEYS[:2])
    assert comparison.verdict == "fail"
    (line,) = comparison.reasons
    assert (line["code"], line["scenario"]) == ("too_few_passed", "scenario-1")


def test_run__repeats_that_did_not_come__are_never_taken_for_passes(repeated):
    comparison = judged(repeated, gone=KEYS[:2])
    assert comparison.verdict == "inconclusive"
    assert comparison.reasons[0]["sentence"].startswith("3 of 5 repeats passed, 2 could not")
    assert (comparison.received, comparison.errored) == (5, 2)


def test_post__scenario_named_without_its_repeats__is_told_their_names(repeated):
    items = {"item": [0], "score": [0.5]}
    with pytest.raises(ValidationError, match="scenario-1~1"):
        actions.start_run(
            repeated.versions["v1"],
            suite=repeated.suite,
            by=repeated.owner,
            posted={"scenario-1": {"items": items}},
        )


def test_quarantine__repeated_scenario__sets_all_its_repeats_aside(repeated):
    quarantine(
        repeated.suite,
        Scenario.objects.get(key="scenario-1"),
        by=repeated.reviewer,
        owner=repeated.owner,
        reason="It differs from day to day.",
        until=timezone.localdate() + timedelta(days=14),
    )
    assert judged(repeated, bad=KEYS).verdict == "pass"


def test_findings__by_area_and_for_remediation__count_the_scenario_once(repeated):
    comparison = judged(repeated, bad=KEYS[:1])
    areas = findings_by_area(comparison.run)
    assert areas.count(("rough weather", "pass")) == 1
    assert len(areas) == 3
    item = open_item(
        repeated.model,
        title="Rough weather",
        weakness="It errs.",
        acceptance="It passes.",
        suite=repeated.suite,
        scenario=Scenario.objects.get(key="scenario-1"),
        owner=repeated.owner,
        due_on=timezone.localdate() + timedelta(days=1),
        by=repeated.owner,
    )
    assert finding_of(item, comparison.run) == "pass"


# -- pages ------------------------------------------------------------------------------------


def text(client, world, name, pk):
    client.force_login(world.owner)
    response = client.get(reverse(name, kwargs={"project": world.project.slug, "pk": pk}))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_run_page__repeats__stand_under_how_many_passed(client, repeated):
    page = text(client, repeated, "run-detail", judged(repeated, bad=KEYS[:1]).run_id)
    assert "4 of 5 passed, 4 must" in page
    assert "Scenario 1 (5 of 5)" in page


def test_run_page__too_few_passed__says_so_among_what_is_broken(client, repeated):
    comparison = judged(repeated, bad=KEYS[:2])
    page = text(client, repeated, "run-detail", comparison.run_id)
    assert "3 of 5 repeats passed; 4 must pass." in page
    assert "key=scenario-1&amp;" in page
    assert text(client, repeated, "comparison-detail", comparison.pk)


def test_scenario_page__repeats__stand_there_with_what_runs_found(client, repeated):
    judged(repeated, bad=KEYS[:2])
    scenario = Scenario.objects.get(key="scenario-1")
    page = text(client, repeated, "scenario-detail", scenario.pk)
    assert "5, of which 4 must pass" in page
    assert "Too few repeats of the scenario passed." in page


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ({}, (1, 1)),
        ({"repeats": 5}, (5, 5)),
        ({"repeats": 5, "must_pass": 4}, (5, 4)),
    ],
)
def test_editor__repeats_typed__are_kept(client, world, typed, kept):
    answer = send(client, world, **typed)
    assert answer.status_code == 302, answer.context["editor"].form.errors
    scenario = Scenario.objects.get(key="scenario-0")
    assert (scenario.repeats, scenario.must_pass) == kept


def test_editor__more_to_pass_than_there_are__is_told_beside_the_field(client, world):
    answer = send(client, world, repeats=2, must_pass=3)
    assert "No more repeats can pass" in str(answer.context["editor"].form.errors["must_pass"])


def send(client, world, **typed):
    scenario = Scenario.objects.get(key="scenario-0")
    client.force_login(world.owner)
    fields = {
        "do": "save",
        "steps": 0,
        "title": "Again and again",
        "seed": 0,
        "reason": "Once is no proof.",
        "dataset_version": world.data.pk,
        "criteria-TOTAL_FORMS": 0,
        "criteria-INITIAL_FORMS": 0,
    }
    url = reverse("scenario-edit", kwargs={"project": world.project.slug, "pk": scenario.pk})
    return client.post(url, fields | typed)
