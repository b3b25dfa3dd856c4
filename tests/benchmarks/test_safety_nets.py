"""A scenario's safety net: declared, frozen, scored beside the answers, judged and shown."""

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.http import urlencode

from benchmarks import actions, corrections, plans
from benchmarks.models import MetricSpec, Scenario
from catalog.models import RegisteredModel
from tests.benchmarks.judged import approve, post, scores, work_off

pytestmark = pytest.mark.django_db

UNSURE = {"kind": "guardrail", "band": [0.4, 0.6]}
HIGH = {"column": "x", "op": "gt", "value": 5}
ALERT = {"kind": "alert", "condition": HIGH, "window": 100, "threshold": 0.2}
STUCK = [{"kind": "stuck", "parameters": {"column": "x", "value": 9, "share": 0.5}}]


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


def watched(world, net, key="scenario-0", criteria=(), **fields):
    scenario = Scenario.objects.get(key=key)
    standing = [
        {"metric": row.metric, "change_threshold": row.change_threshold, "why": row.why}
        for row in scenario.criteria.all()
    ]
    return actions.change_scenario(
        scenario,
        by=world.owner,
        reason="Something has to watch.",
        slices=list(scenario.slices.all()),
        assumptions=[],
        criteria=[*standing, *criteria],
        safety_net=net,
        **fields,
    )


def bound(world, key, value):
    known = MetricSpec.objects.filter(project=world.project, key=key).first()
    metric = known or actions.define_metric(world.project, key, margin=0.02, by=world.owner)
    return {"metric": metric, "value_threshold": value, "why": "Somebody has to be told."}


def counted(world, version="v1"):
    """By hand: which rows are wrong, and which lie in the band."""
    score = np.array(scores(world, version))
    wrong = (score >= 0.5) != (world.frame["label"] == 1)
    return wrong.to_numpy(), (score >= 0.4) & (score <= 0.6)


# -- declaring --------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["label", "item", "colour"])
def test_scenario__net_on_what_cannot_be_read_before_the_truth__is_refused(world, column):
    net = {"kind": "guardrail", "condition": {"column": column, "op": "eq", "value": 1}}
    with pytest.raises(ValidationError, match="Unknown column"):
        watched(world, net)


def test_plan__without_a_net__is_as_it_was_and_with_one_holds_it(world):
    before = plans.freeze(world.suite, None)
    assert all("safety_net" not in scenario for scenario in before["scenarios"])
    watched(world, UNSURE)
    after = plans.freeze(world.suite, None)
    assert after["scenarios"][0].pop("safety_net") == UNSURE
    assert after == before


# -- scoring ----------------------------------------------------------------------------------


def test_run__guardrail__is_measured_on_all_rows_and_slices_and_kept(world):
    watched(world, UNSURE)
    run = work_off(post(world, "v1"))
    wrong, held = counted(world)
    report = run.parts.get(key="scenario-0").net
    assert (report["rows"], report["caught"]) == (3000, held.sum())
    assert (report["wrong"], report["wrong_caught"]) == (wrong.sum(), (wrong & held).sum())
    found = run.measurements.get(scenario="scenario-0", metric="net_detection", slice="all")
    assert (found.value, found.n) == (pytest.approx(held[wrong].mean()), wrong.sum())
    assert found.low < found.value < found.high
    alike = run.measurements.filter(metric="net_false_alarm", scenario="scenario-0")
    assert {row.slice for row in alike} == {"all", "group-a", "group-b"}
    assert alike.get(slice="all").value == pytest.approx(held[~wrong].mean())


def test_run__scenarios_without_a_net__measure_nothing_of_it(world):
    watched(world, UNSURE)
    run = work_off(post(world, "v1"))
    elsewhere = run.measurements.exclude(scenario="scenario-0")
    assert not elsewhere.filter(metric__startswith="net_").exists()
    assert run.parts.get(key="scenario-1").net == {}


def test_run__bounds_on_the_net__are_judged(world):
    rules = [bound(world, "net_detection", 0.9), bound(world, "net_false_alarm", 0.5)]
    watched(world, UNSURE, criteria=rules)
    comparison = work_off(post(world, "v1")).comparison
    found = dict(comparison.checks.values_list("metric", "finding"))
    assert (found["net_detection"], found["net_false_alarm"]) == ("fail", "pass")
    assert comparison.verdict == "fail"


def test_run__bound_on_a_net_that_is_not_there__is_undecided_and_says_why(world):
    watched(world, {}, criteria=[bound(world, "net_detection", 0.1)])
    check = work_off(post(world, "v1")).comparison.checks.get(metric="net_detection")
    assert (check.finding, check.reason) == ("inconclusive", "no_net")


def test_run__fallback_by_a_column__shows_the_accuracy_without_and_with_it(world):
    answer = {"column": "x", "at_least": 0}
    watched(world, {**UNSURE, "kind": "fallback", "answer": answer})
    report = work_off(post(world, "v1", "bad")).parts.get(key="scenario-0").net
    label, x = world.frame["label"] == 1, world.frame["x"] >= 0
    _, held = counted(world, "bad")
    mended = np.where(held, x, ~x)
    assert report["before"]["value"] == pytest.approx((label != x).mean())
    assert report["after"]["value"] == pytest.approx((label == mended).mean())
    gain = report["gain"]
    assert 0 < gain["interval"]["low"] < gain["difference"] < gain["interval"]["high"]


def test_run__fallback_and_items_set_aside__scores_the_net_without_them(world):
    answer = {"column": "x", "at_least": 0}
    watched(world, {**UNSURE, "kind": "fallback", "answer": answer})
    rows = np.array([3, 70, 71, 2000])
    items = [str(item) for item in world.frame["item"].iloc[rows]]
    corrections.invalidate(world.data, items, by=world.reviewer, reason="Wrongly filed.")
    report = work_off(post(world, "v1", "bad")).parts.get(key="scenario-0").net
    label, x = world.frame["label"] == 1, world.frame["x"] >= 0
    _, held = counted(world, "bad")
    kept = ~np.isin(np.arange(len(x)), rows)
    assert report["before"]["value"] == pytest.approx((label != x)[kept].mean())
    assert report["after"]["value"] == pytest.approx((label == np.where(held, x, ~x))[kept].mean())


def test_run__alert__rings_for_disturbed_windows_and_not_for_calm_ones(world):
    watched(world, ALERT, key="scenario-1", perturbation=STUCK)
    report = work_off(post(world, "v1")).parts.get(key="scenario-1").net
    assert (report["disturbed"], report["disturbed_rung"]) == (30, 30)
    assert (report["undisturbed"], report["undisturbed_rung"]) == (30, 0)
    assert 0.8 < report["detection"]["interval"]["low"] < 1
    assert report["detection"]["interval"]["method"] == "wilson"


def test_run__alert_where_nothing_is_disturbed__detects_nothing_that_could_be_counted(world):
    watched(world, ALERT)
    report = work_off(post(world, "v1")).parts.get(key="scenario-0").net
    assert (report["detection"]["value"], report["detection"]["reason"]) == (None, "too_few")
    assert report["false_alarm"]["value"] == 0


def test_run__change_that_only_the_net_reads__shows_something(world):
    stuck = [{"kind": "stuck", "parameters": {"column": "unused", "value": 9, "share": 0.5}}]
    net = {"kind": "guardrail", "condition": {**HIGH, "column": "unused"}}
    watched(world, {}, key="scenario-1", perturbation=stuck)
    watched(world, net, key="scenario-2", perturbation=stuck)
    run = work_off(post(world, "v1"))
    assert run.parts.get(key="scenario-1").not_used
    assert not run.parts.get(key="scenario-2").not_used
    assert run.parts.get(key="scenario-2").net["caught"] == pytest.approx(1500, abs=150)


def test_run__net_that_the_data_do_not_fit__ends_in_an_error_and_never_in_a_pass(world):
    broken = {"kind": "guardrail", "condition": {**HIGH, "column": "gone"}}
    Scenario.objects.filter(key="scenario-0").update(safety_net=broken)
    part = work_off(post(world, "v1")).parts.get(key="scenario-0")
    assert part.status == "errored"
    assert part.message == "The safety net reads column “gone”, which the data lack."


def test_run__regression__says_that_there_are_no_decisions_to_score(world):
    watched(world, UNSURE)
    RegisteredModel.objects.update(task="regression")
    part = work_off(post(world, "v1")).parts.get(key="scenario-0")
    assert part.status == "received"
    assert "between two classes" in part.net["silence"]


def test_run__judged_again__finds_the_same(world):
    watched(world, UNSURE)
    first = work_off(post(world, "v1"))
    again = work_off(actions.judge_again(first, by=world.owner))
    assert again.parts.get(key="scenario-0").net == first.parts.get(key="scenario-0").net


def test_comparison__baseline_from_before_the_net__cannot_be_compared_in_it(world):
    approve(work_off(post(world, "v1")), world)
    watched(world, UNSURE, criteria=[bound(world, "net_detection", 0.1)])
    change = work_off(post(world, "v2")).comparison.changes.get(
        scenario="scenario-0", metric="net_detection", slice="all"
    )
    assert (change.difference, change.reason) == (None, "no_net")


def test_comparison__two_versions_under_one_net__differ_by_their_own_errors(world):
    watched(world, UNSURE, criteria=[bound(world, "net_detection", 0.01)])
    approve(work_off(post(world, "v1")), world)
    change = work_off(post(world, "v2")).comparison.changes.get(
        scenario="scenario-0", metric="net_detection", slice="all"
    )
    shares = [held[wrong].mean() for wrong, held in (counted(world, v) for v in ("v1", "v2"))]
    assert change.difference == pytest.approx(shares[1] - shares[0])
    assert change.low < change.difference < change.high


# -- pages ------------------------------------------------------------------------------------


def text(client, world, name, pk):
    client.force_login(world.owner)
    url = reverse(name, kwargs={"project": world.project.slug, "pk": pk})
    response = client.get(url)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_run_page__nets__are_shown_with_numbers_criteria_and_silence(client, world):
    watched(world, UNSURE, criteria=[bound(world, "net_detection", 0.01)])
    watched(world, ALERT, key="scenario-1", perturbation=STUCK)
    watched(world, UNSURE, key="scenario-2")
    run = work_off(post(world, "v1", scenario_2={"status": "skipped", "message": "Busy."}))
    page = text(client, world, "run-detail", run.pk)
    section = page[page.index('id="nets"') :]
    wrong, held = counted(world)
    assert "A guardrail holds rows where the score is from 0.4 to 0.6" in section
    assert f"{(wrong & held).sum()} of {wrong.sum()}" in section
    assert "30 of 30" in section
    assert "Busy." in section
    assert "Scenario 0: wrong ones caught" in section


def test_run_page__no_nets__has_no_such_section(client, world):
    run = work_off(post(world, "v1"))
    assert 'id="nets"' not in text(client, world, "run-detail", run.pk)


def test_scenario_page__net__stands_there_in_words(client, world):
    scenario = watched(world, ALERT)
    words = "of 100 consecutive rows more than 20 % have x above 5"
    assert words in text(client, world, "scenario-detail", scenario.pk)


# -- the editor -------------------------------------------------------------------------------


def send(client, world, **changes):
    scenario = Scenario.objects.get(key="scenario-0")
    client.force_login(world.owner)
    fields = {
        "do": "save",
        "steps": 0,
        "title": "Watched",
        "seed": 0,
        "reason": "Something has to watch.",
        "dataset_version": world.data.pk,
        "criteria-TOTAL_FORMS": 0,
        "criteria-INITIAL_FORMS": 0,
    }
    url = reverse("scenario-edit", kwargs={"project": world.project.slug, "pk": scenario.pk})
    form = "application/x-www-form-urlencoded"
    return client.post(url, urlencode({**fields, **changes}), content_type=form)


FIRST = {"net-column_1": "x", "net-op_1": "gt", "net-value_1": "5"}
SECOND = {"net-column_2": "group", "net-op_2": "in", "net-value_2": "a, b"}
GROUPS = {"column": "group", "op": "in", "values": ["a", "b"]}


@pytest.mark.parametrize(
    ("typed", "net"),
    [
        ({"net-kind": "", **FIRST}, {}),
        (
            {"net-kind": "guardrail", **FIRST, "net-low": "0.4", "net-high": "0.6"},
            {"kind": "guardrail", "condition": HIGH, "band": [0.4, 0.6]},
        ),
        (
            {"net-kind": "fallback", **FIRST, **SECOND, "net-join": "any", "net-answer": "0"},
            {
                "kind": "fallback",
                "condition": {"any": [HIGH, GROUPS]},
                "answer": {"decision": 0},
            },
        ),
        (
            {
                "net-kind": "fallback",
                **FIRST,
                "net-answer": "column",
                "net-answer_column": "z",
                "net-at_least": "0.5",
            },
            {
                "kind": "fallback",
                "condition": HIGH,
                "answer": {"column": "z", "at_least": 0.5},
            },
        ),
        ({"net-kind": "alert", **FIRST, "net-window": "100", "net-threshold": "0.2"}, ALERT),
    ],
)
def test_editor__net_typed__is_kept_and_shown_again_as_typed(client, world, typed, net):
    answer = send(client, world, **typed)
    assert answer.status_code == 302, answer.context["editor"].net.errors
    scenario = Scenario.objects.get(key="scenario-0")
    assert scenario.safety_net == net
    assert scenario.history.first().safety_net == net
    url = reverse("scenario-edit", kwargs={"project": world.project.slug, "pk": scenario.pk})
    shown = client.get(url).context["editor"].net.initial
    for name, value in typed.items() if net else ():
        assert str(shown[name.removeprefix("net-")]) == value


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"net-kind": "guardrail"}, "Say which rows it catches"),
        ({"net-kind": "guardrail", "net-low": "0.4"}, "needs two numbers"),
        ({"net-kind": "fallback", **FIRST}, "“answer” is"),
        ({"net-kind": "alert", **FIRST}, "“window” is a number of rows"),
        ({"net-kind": "guardrail", **FIRST, "net-value_1": "much"}, "needs a number"),
        ({"net-kind": "guardrail", **FIRST, "net-column_1": "label"}, "Select a valid choice"),
        ({"net-kind": "fence"}, "Select a valid choice"),
    ],
)
def test_editor__net_that_cannot_work__is_told_in_a_sentence(client, world, typed, sentence):
    answer = send(client, world, **typed)
    assert answer.status_code == 200
    assert sentence in str(answer.context["editor"].net.errors)
    assert Scenario.objects.get(key="scenario-0").safety_net == {}


def test_editor__condition_beyond_the_fields__is_kept_as_it_is(client, world):
    nested = {"kind": "guardrail", "condition": {"not": {"all": [HIGH, GROUPS]}}}
    watched(world, nested)
    answer = send(client, world, **{"net-kind": "kept"})
    assert answer.status_code == 302
    assert Scenario.objects.get(key="scenario-0").safety_net == nested


def test_editor__one_more_step__carries_the_net_on_without_blame(client, world):
    answer = send(client, world, do="add", new_kind="permute", **{"net-kind": "alert", **FIRST})
    form = answer.context["editor"].net
    assert not form.errors
    assert (form.initial["kind"], form.initial["column_1"]) == ("alert", "x")
