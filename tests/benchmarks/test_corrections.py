"""Items set aside and labels corrected: on both sides, by somebody else, the file untouched."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse

from benchmarks import actions, amendments, corrections
from benchmarks.models import Correction, Measurement
from catalog.errors import Conflict
from tests.benchmarks.judged import approve, post, work_off

pytestmark = pytest.mark.django_db
REASON = "The label came from the wrong column."


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


def aside(world, items, **changed):
    given = {"by": world.reviewer, "reason": REASON, **changed}
    return corrections.invalidate(world.data, items, **given)


def relabelled(world, items, label, **changed):
    given = {"by": world.reviewer, "reason": REASON, "label": label, **changed}
    return corrections.relabel(world.data, items, **given)


def wrong_of(world, version, n):
    """Items that a version gets wrong, and their label."""
    x, z = world.frame["x"], world.frame["z"]
    positive = (2 * x + (0.5 * z if version == "v2" else 0)) > 0
    wrong = world.frame[positive != (world.frame["label"] == 1)]
    return [str(item) for item in wrong["item"].head(n)]


def change(run, scenario="scenario-0"):
    return run.comparison.changes.get(scenario=scenario, metric="accuracy", slice="all")


def accuracy(run, scenario="scenario-0"):
    return Measurement.objects.get(run=run, scenario=scenario, metric="accuracy", slice="all")


def by_hand(world, version, left_out=(), labels=None):
    """Accuracy counted row by row, apart from everything that is tested."""
    frame = world.frame[~world.frame["item"].isin([int(item) for item in left_out])]
    score = 2 * frame["x"] + (0.5 * frame["z"] if version == "v2" else 0)
    rows = zip(frame["item"], frame["label"], strict=True)
    label = [(labels or {}).get(str(item), was) for item, was in rows]
    return ((score >= 0).astype(int) == label).mean()


# -- a run ------------------------------------------------------------------------------------


def test_run__items_set_aside__leaves_them_out_on_both_sides(world):
    base = approve(work_off(post(world, "v1")), world).run
    items = wrong_of(world, "v2", 60)
    aside(world, items)
    run = work_off(post(world, "v2"))
    cell = change(run)
    assert cell.n == 3000 - 60
    assert cell.candidate_value == pytest.approx(by_hand(world, "v2", items))
    assert cell.baseline_value == pytest.approx(by_hand(world, "v1", items))
    assert accuracy(run).n == 3000 - 60
    assert accuracy(base).n == 3000, "what was recorded before stays as it was"


def test_run__labels_corrected__are_judged_by_them_on_both_sides(world):
    approve(work_off(post(world, "v1")), world)
    items = [str(i) for i in world.frame.query("label == 0")["item"].head(40)]
    relabelled(world, items, 1)
    run = work_off(post(world, "v2"))
    labels = dict.fromkeys(items, 1)
    assert change(run).n == 3000
    assert change(run).candidate_value == pytest.approx(by_hand(world, "v2", labels=labels))
    assert change(run).baseline_value == pytest.approx(by_hand(world, "v1", labels=labels))
    assert accuracy(run).value == pytest.approx(by_hand(world, "v2", labels=labels))


def test_run__under_a_perturbation__is_corrected_too(world):
    approve(work_off(post(world, "v1")), world)
    aside(world, wrong_of(world, "v2", 10))
    run = work_off(post(world, "v2"))
    assert {change(run, key).n for key in ("scenario-1", "scenario-2")} == {2990}


def test_plan__without_corrections__is_what_it_was(world):
    before = post(world, "v1")
    row = aside(world, ["1"])
    during = post(world, "v1")
    corrections.take_back(row, by=world.reviewer, reason="It was right after all.")
    after = post(world, "v1")
    assert "corrections" not in str(before.plan)
    assert before.plan_digest == after.plan_digest != during.plan_digest
    assert during.plan["scenarios"][0]["corrections"]["rows"] == [row.pk]


def test_again__after_a_correction__judges_the_kept_answers_without_the_items(world):
    approve(work_off(post(world, "v1")), world)
    run = work_off(post(world, "v2"))
    items = wrong_of(world, "v2", 30)
    aside(world, items)
    again = work_off(actions.judge_again(run, by=world.owner))
    assert change(again).n == 2970
    assert change(again).candidate_value == pytest.approx(by_hand(world, "v2", items))
    assert again.comparison.errored == 0
    outputs = [
        list(each.parts.order_by("position").values_list("outputs_digest", "data_digest"))
        for each in (run, again)
    ]
    assert outputs[0] == outputs[1], "what was answered is kept as it was"
    run.refresh_from_db()
    assert change(run).n == 3000


def test_run__baseline_was_corrected_and_the_candidate_is_not__takes_the_file_on_both_sides(world):
    row = aside(world, ["1", "2", "3"])
    base = approve(work_off(post(world, "v1")), world).run
    assert accuracy(base).n == 2997
    corrections.take_back(row, by=world.reviewer, reason="They were right.")
    run = work_off(post(world, "v2"))
    assert change(run).n == 3000
    assert change(run).baseline_value == pytest.approx(by_hand(world, "v1"))


def test_run__recorded_while_a_correction_is_taken_back__keeps_what_its_plan_froze(world):
    approve(work_off(post(world, "v1")), world)
    row = aside(world, ["1", "2"])
    waiting = post(world, "v2")
    corrections.take_back(row, by=world.reviewer, reason="They were right.")
    assert change(work_off(waiting)).n == 2998


def test_plan__correction_rewritten_behind_its_back__is_not_judged_by(world):
    row = aside(world, ["1", "2"])
    run = post(world, "v1")
    Correction._base_manager.filter(pk=row.pk).update(items=["1", "2", "3"])
    with pytest.raises(ValueError, match="not those that the plan froze"):
        amendments.of_plan(run.plan)


# -- who, how much ----------------------------------------------------------------------------


def test_correct__by_the_contributor_who_builds_the_model__is_refused(world):
    with pytest.raises(PermissionDenied, match="Only reviewers"):
        aside(world, ["1"], by=world.owner)
    row = aside(world, ["1"])
    with pytest.raises(PermissionDenied):
        corrections.take_back(row, by=world.owner, reason="It helps.")


def test_correct__more_than_a_twentieth__is_refused_however_it_is_cut(world):
    aside(world, [str(i) for i in range(100)])
    relabelled(world, [str(i) for i in range(90, 149)], 1)
    with pytest.raises(ValidationError, match=r"151 of 3,000 items .* at most 5% .150."):
        aside(world, ["2000", "2001"])
    aside(world, ["2000"])
    assert Correction.objects.count() == 3


def test_correct__taken_back__makes_room_again(world):
    row = aside(world, [str(i) for i in range(150)])
    corrections.take_back(row, by=world.reviewer, reason="All right after all.")
    assert aside(world, [str(i) for i in range(150, 300)]).pk


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (["1", "no such", "9999"], "no item 9999, no such"),
        ([], "at least one"),
        ([str(i) for i in range(1001)], "at most 1,000"),
    ],
)
def test_correct__items_amiss__says_so(world, items, words):
    with pytest.raises(ValidationError, match=words):
        aside(world, items)
    assert not Correction.objects.exists()


@pytest.mark.parametrize("label", [2, 0.5, float("nan"), float("inf")])
def test_relabel__label_that_cannot_be__is_refused(world, label):
    with pytest.raises(ValidationError):
        relabelled(world, ["1"], label)


def test_correction__record__keeps_author_reason_and_the_original(world):
    row = relabelled(world, ["7", "3"], 1)
    was = dict(zip(world.frame["item"].map(str), world.frame["label"], strict=True))
    assert (row.items, row.originals) == (["3", "7"], [was["3"], was["7"]])
    assert (row.created_by, row.reason, row.history.count()) == (world.reviewer, REASON, 1)
    row.items = ["3"]
    with pytest.raises(ValidationError, match="does not change"):
        row.record(by=world.reviewer)
    with pytest.raises(ValidationError):
        row.delete()


def test_correct__file_is_gone__says_so(world):
    type(world.data)._base_manager.filter(pk=world.data.pk).update(place="datasets/gone.parquet")
    world.data.refresh_from_db()
    with pytest.raises(ValidationError, match="not what was registered"):
        aside(world, ["1"])


def test_take_back__twice__is_a_conflict(world):
    row = aside(world, ["1"])
    back = corrections.take_back(row, by=world.reviewer, reason="Wrong.")
    for each in (row, back):
        with pytest.raises(Conflict, match="not in force"):
            corrections.take_back(each, by=world.reviewer, reason="Wrong.")


def test_relabel__twice__the_later_one_prevails_and_setting_aside_before_both(world):
    approve(work_off(post(world, "v1")), world)
    item = str(world.frame.query("label == 0")["item"].iloc[0])
    relabelled(world, [item], 1)
    relabelled(world, [item], 0)
    plan = post(world, "v2").plan["scenarios"][0]["corrections"]
    assert (plan["left_out"], plan["relabelled"]) == (0, 1)
    assert change(work_off(post(world, "v2"))).candidate_value == pytest.approx(
        by_hand(world, "v2")
    )
    aside(world, [item])
    plan = post(world, "v2").plan["scenarios"][0]["corrections"]
    assert (plan["left_out"], plan["relabelled"]) == (1, 0)


# -- pages ------------------------------------------------------------------------------------


def url(world, name, pk):
    return reverse(name, kwargs={"project": world.project.slug, "pk": pk})


def test_page__reviewer_sets_aside_and_takes_back__says_so(client, world):
    client.force_login(world.reviewer)
    page = url(world, "data-corrections", world.data.pk)
    assert "Nothing was corrected" in client.get(page).content.decode()
    sent = {"kind": "invalidate", "items": "3, 1\r\n2,,1", "reason": "Test flights."}
    shown = client.post(page, sent, follow=True).content.decode()
    assert "Test flights." in shown
    row = Correction.objects.get()
    assert row.items == ["1", "2", "3"]
    panel = client.get(url(world, "dataset-version", world.data.pk)).content.decode()
    assert "3 items set aside, 0 labels corrected." in panel
    back = url(world, "correction-take-back", row.pk)
    assert "Say why." in client.post(back, {"reason": ""}, follow=True).content.decode()
    shown = client.post(back, {"reason": "Real flights."}, follow=True).content.decode()
    assert "Taken back" in shown
    assert "Real flights." in shown


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kind": "relabel"}, "Say which label is right."),
        ({"label": "1"}, "Items that are set aside keep their label."),
        ({"kind": "take_back"}, "Select a valid choice"),
        ({"items": " ,, "}, "Name at least one item."),
        ({"items": "none"}, "The data have no item none."),
        ({"kind": "relabel", "label": "much"}, "Enter a number."),
    ],
)
def test_page__something_amiss__is_told_beside_what_was_typed(client, world, changed, words):
    client.force_login(world.reviewer)
    sent = {"kind": "invalidate", "items": "1", "reason": "Test flights.", **changed}
    response = client.post(url(world, "data-corrections", world.data.pk), sent)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert "Test flights." in response.content.decode()
    assert not Correction.objects.exists()


def test_page__contributor__reads_and_sends_nothing(client, world):
    aside(world, ["1"])
    client.force_login(world.owner)
    page = url(world, "data-corrections", world.data.pk)
    shown = client.get(page).content.decode()
    assert REASON in shown
    assert "Correct items" not in shown
    assert client.post(page, {}).status_code == 403


def test_run_and_comparison__judged_on_corrected_data__say_how_many_by_whom_and_why(client, world):
    approve(work_off(post(world, "v1")), world)
    plain = work_off(post(world, "v2"))
    aside(world, ["1", "2"])
    relabelled(world, ["5"], 1)
    run = work_off(post(world, "v2"))
    client.force_login(world.owner)
    for name, pk in (("run-detail", run.pk), ("comparison-detail", run.comparison.pk)):
        shown = client.get(url(world, name, pk)).content.decode()
        assert "2 items were set aside and 1 label was corrected, on both sides." in shown
        assert f"{world.reviewer}: {REASON}" in shown
        assert url(world, "data-corrections", world.data.pk) in shown
    shown = client.get(url(world, "run-detail", plain.pk)).content.decode()
    assert "on both sides" not in shown


def test_api__judged_on_corrected_data__says_how_many_and_why(client, world):
    approve(work_off(post(world, "v1")), world)
    plain = work_off(post(world, "v2"))
    aside(world, ["1", "2"])
    run = work_off(post(world, "v2"))
    client.force_login(world.owner)
    said = client.get(f"/api/v1/challenge-runs/{run.pk}/").json()["corrections"]
    assert said == [
        {
            "data": str(world.data),
            "items_set_aside": 2,
            "labels_corrected": 0,
            "reasons": [REASON],
        }
    ]
    assert client.get(f"/api/v1/challenge-runs/{plain.pk}/").json()["corrections"] == []
    told, untold = (
        client.get(f"/api/v1/challenge-runs/{one.pk}/comment/").json()["markdown"]
        for one in (run, plain)
    )
    assert "Data corrected on both sides" in told
    assert "2 items set aside." in told
    assert "corrected" not in untold
