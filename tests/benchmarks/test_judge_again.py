"""Judging kept answers again: today's criteria, the model not asked, other rows never mixed in."""

import pytest

from benchmarks import actions, asking
from benchmarks.models import MetricSpec, Scenario
from catalog.errors import Conflict
from tests.benchmarks.judged import approve, post, work_off


@pytest.fixture
def judged(world):
    approve(work_off(post(world, "v1")), world)
    return work_off(post(world, "v2"))


def edit(world, key, **fields):
    scenario = Scenario.objects.get(key=key)
    metric = MetricSpec.objects.get(project=world.project, key="accuracy")
    rule = {"metric": metric, "value_threshold": 0.999, "why": "Nothing less will do."}
    return actions.change_scenario(
        scenario,
        by=world.owner,
        reason="Stricter.",
        slices=list(scenario.slices.all()),
        assumptions=[],
        criteria=[rule],
        **fields,
    )


def test_again__stricter_criterion__fails_on_the_same_answers_without_the_model(
    world, judged, monkeypatch
):
    monkeypatch.setattr(asking.pool, "predictor", None)
    edit(world, "scenario-1")
    again = work_off(actions.judge_again(judged, by=world.owner))
    assert (again.source, again.answers_of) == ("kept", judged)
    assert again.verdict == "fail"
    judged.refresh_from_db()
    assert judged.comparison.scenarios[1]["finding"] == "pass"
    kept, anew = (
        list(run.parts.order_by("position").values_list("outputs_digest", flat=True))
        for run in (judged, again)
    )
    assert kept == anew


def test_again__nothing_changed__finds_the_same(world, judged):
    again = work_off(actions.judge_again(judged, by=world.owner))
    assert again.comparison.digest == judged.comparison.digest


def test_again__scenario_that_changes_other_rows_now__stays_without_evidence(world, judged):
    edit(world, "scenario-1", seed=99)
    again = work_off(actions.judge_again(judged, by=world.owner))
    part = again.parts.get(key="scenario-1")
    assert part.status == "errored"
    assert "was asked other rows" in part.message
    assert again.comparison.errored == 1
    assert again.verdict != "pass"


def test_again__of_a_run_that_is_itself_judged_again__names_the_first(world, judged):
    again = work_off(actions.judge_again(judged, by=world.owner))
    assert actions.judge_again(again, by=world.owner).answers_of == judged


def test_again__run_still_at_work__is_refused(world):
    with pytest.raises(Conflict, match="Only an evaluated run"):
        actions.judge_again(post(world, "v1"), by=world.owner)
