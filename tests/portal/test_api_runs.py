"""A posted run is taken in once, answered with a place to ask, and judged only when it was."""

import copy

import pytest
from django.urls import reverse

from benchmarks.choices import RunStatus
from benchmarks.models import ChallengeRun, IdempotencyKey, Job, RunPart
from tests import builders
from tests.portal.api_world import API, KEY, build_api_world, post, post_run

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def module_world(module_db):
    with module_db.unblock():
        return build_api_world()


@pytest.fixture
def world(module_world, db):
    return copy.deepcopy(module_world)


@pytest.fixture
def ci(world):
    return world.client("runs")


def test_post__new__is_accepted_with_a_place_to_ask(world, ci):
    answer = post_run(ci, world.run_body())
    run = ChallengeRun.objects.get()
    assert answer.status_code == 202
    assert answer["Location"] == f"http://testserver{API}/challenge-runs/{run.pk}/"
    page = reverse("run-detail", args=[world.project.slug, run.pk])
    assert answer.json() == {
        "id": run.pk,
        "status": "queued",
        "verdict": None,
        "url": answer["Location"],
        "page": f"http://testserver{page}",
    }
    assert {p.key: p.status for p in run.parts.all()} == {"plain": "waiting", "fog": "skipped"}
    assert Job.objects.get().part.key == "plain"


def test_post__without_scenarios__is_left_to_the_workers(world, ci):
    body = world.run_body()
    del body["scenarios"]
    assert post_run(ci, body).status_code == 202
    assert ChallengeRun.objects.get().source == "worker"
    assert Job.objects.count() == 2


def test_post__repeated__finds_the_run_of_the_first(world, ci):
    first = post_run(ci, world.run_body())
    again = post_run(ci, world.run_body())
    assert again.status_code == 202
    assert again["Idempotent-Replay"] == "true"
    assert again.json() == first.json()
    assert not first.has_header("Idempotent-Replay")
    assert (ChallengeRun.objects.count(), IdempotencyKey.objects.count()) == (1, 1)


def test_post__repeated_after_the_run_finished__answers_200(world, ci):
    post_run(ci, world.run_body())
    ChallengeRun.objects.update(status=RunStatus.ERRORED)
    assert post_run(ci, world.run_body()).status_code == 200


def test_post__same_key_other_content__is_refused(world, ci):
    post_run(ci, world.run_body())
    answer = post_run(ci, world.run_body(seed=7))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "idempotency_mismatch"
    assert ChallengeRun.objects.count() == 1


def test_post__same_key_of_another_account__is_its_own(world, ci):
    post_run(ci, world.run_body())
    other = world.client("runs")
    assert post_run(other, world.run_body()).status_code == 202
    assert ChallengeRun.objects.count() == 2


@pytest.mark.parametrize("key", ["", "short", "a" * 81, "with space", "semi;colon"])
def test_post__without_a_usable_key__is_refused(world, ci, key):
    answer = post_run(ci, world.run_body(), key=key)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["errors"][0]["detail"]
    assert not ChallengeRun.objects.exists()


def test_post__same_external_id_under_another_key__is_refused(world, ci):
    post_run(ci, world.run_body(external_id="build 7"))
    answer = post_run(ci, world.run_body(external_id="build 7"), key="another-key")
    assert answer.status_code == 400
    assert ChallengeRun.objects.count() == 1


def test_post__unknown_field__names_the_nearest(world, ci):
    answer = post_run(ci, world.run_body(code_revison="abc"))
    assert answer.status_code == 400
    error = answer.json()["errors"][0]
    assert error["attr"] == "code_revison"
    assert "“code_revision”" in error["detail"]


def test_post__unknown_scenario__names_those_of_the_suite(world, ci):
    answer = post_run(
        ci, world.run_body(scenarios={"snow": {"status": "skipped", "message": "-"}})
    )
    assert answer.status_code == 400
    assert "fog, plain" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("field", ["model", "version", "suite", "project"])
def test_post__foreign_name__reads_like_a_missing_one(world, ci, field):
    other = build_api_world()
    foreign = {
        "model": builders.a_model(other.project, owner=other.author).name,
        "version": builders.a_version(other.model, by=other.author).version,
        "suite": builders.a_suite(other.model, by=other.author).key,
        "project": other.project.slug,
    }[field]
    answers = [post_run(ci, world.run_body(**{field: name})) for name in (foreign, "nothing")]
    assert [answer.status_code for answer in answers] == [400, 400]
    said = [answer.json()["errors"][0]["detail"] for answer in answers]
    assert said[0].replace(foreign, "nothing") == said[1]


def test_post__foreign_rows_by_number_and_pair__read_like_missing_ones(world, ci):
    other = build_api_world()
    run = builders.an_evaluated_run(other.version, other.suite)
    window = {"dataset": other.data.dataset.name, "version": other.data.version}
    for field, foreign, missing in [
        ("baseline_run", run.pk, 999_999),
        ("window", window, {"dataset": "nothing", "version": "at-all"}),
    ]:
        said = []
        for value in (foreign, missing):
            answer = post_run(ci, world.run_body(**{field: value}))
            assert answer.status_code == 400
            said.append(answer.json()["errors"][0]["detail"].split("“")[0])
        assert said[0] == said[1]
    assert not ChallengeRun.objects.filter(suite=world.suite).exists()


def test_post__by_a_member_of_two_projects__must_say_which(world, client):
    other = build_api_world()
    both = builders.a_person(world.project, "contributor")
    builders.Membership(user=both, project=other.project, role="contributor").record(by=None)
    client.force_login(both)
    assert post_run(client, world.run_body()).json()["errors"][0]["attr"] == "project"
    assert post_run(client, world.run_body(project=world.project.slug)).status_code == 202


@pytest.mark.parametrize("scope", ["read", "catalog", "failures", "exposure"])
def test_post__with_a_token_for_something_else__is_forbidden(world, scope):
    assert post_run(world.client(scope), world.run_body()).status_code == 403


def test_post__by_a_viewer__is_forbidden(world, client):
    client.force_login(builders.a_person(world.project, "viewer"))
    assert post_run(client, world.run_body()).status_code == 403
    assert not ChallengeRun.objects.exists()


def test_poll__unfinished__says_so_in_every_word(world, ci):
    run = post_run(ci, world.run_body()).json()["id"]
    shown = ci.get(f"{API}/challenge-runs/{run}/").json()
    assert (shown["status"], shown["verdict"]) == ("queued", None)
    assert (shown["counts"], shown["reasons"], shown["comparison"]) == (None, None, None)
    assert shown["progress"] == {"total": 2, "done": 1, "errored": 0}
    verdict = ci.get(f"{API}/challenge-runs/{run}/verdict/").json()
    assert (verdict["verdict"], verdict["exit_code"]) == (None, 4)


@pytest.mark.parametrize(("verdict", "code"), [("pass", 0), ("fail", 1), ("inconclusive", 2)])
def test_verdict__judged__has_its_exit_code_and_reasons(world, ci, verdict, code):
    run = builders.an_evaluated_run(world.version, world.suite, verdict=verdict)
    answer = ci.get(f"{API}/challenge-runs/{run.pk}/verdict/").json()
    assert (answer["verdict"], answer["exit_code"]) == (verdict, code)
    assert answer["reasons"] == run.comparison.reasons
    detail = ci.get(f"{API}/challenge-runs/{run.pk}/").json()
    assert detail["counts"]["expected"] == 1
    assert detail["comparison"].endswith(f"/comparisons/{run.comparison.pk}/")


def test_verdict__errored_run__is_never_zero(world, ci):
    run = builders.a_run(
        world.version, world.suite, by=None, status="errored", error="The judge died."
    )
    answer = ci.get(f"{API}/challenge-runs/{run.pk}/verdict/").json()
    assert answer["exit_code"] == 3
    assert answer["reasons"] == [{"code": "errored", "sentence": "The judge died."}]


def test_list__filtered__shows_only_what_was_asked_for(world, ci):
    builders.an_evaluated_run(world.version, world.suite, verdict="fail")
    passed = builders.an_evaluated_run(world.version, world.suite, verdict="pass")
    rows = ci.get(f"{API}/challenge-runs/?verdict=pass&model=late").json()["results"]
    assert [row["id"] for row in rows] == [passed.pk]
    assert ci.get(f"{API}/challenge-runs/?verdict=passed").status_code == 400
    assert ci.get(f"{API}/challenge-runs/?model=other").json()["results"] == []


def test_list__longer__asks_no_more_questions(world, ci, django_assert_max_num_queries):
    for _ in range(12):
        builders.an_evaluated_run(world.version, world.suite)
    with django_assert_max_num_queries(8):
        assert len(ci.get(f"{API}/challenge-runs/").json()["results"]) == 12


def test_exposure__more_than_allowed__is_refused_and_recorded_by_the_action(world):
    delivery = world.client("exposure")
    other = builders.a_version(world.model, by=world.author)
    plan = builders.a_plan(
        other, world.version, by=world.author, stages=[builders.a_stage(exposure=5)]
    )
    shown = delivery.get(f"{API}/rollouts/{plan.pk}/").json()
    assert (shown["status"], shown["exposure"], shown["stage"]) == ("draft", 0, None)
    assert shown["stages"][0]["gates"][0]["latest_check"] is None
    answer = post(delivery, f"rollouts/{plan.pk}/exposure", {"exposure": 5})
    assert answer.status_code == 409
    assert post(delivery, f"rollouts/{plan.pk}/exposure", {"exposure": 101}).status_code == 400


def test_receive__part_of_posted_results__keeps_the_missing_visible(world, ci):
    body = world.run_body()
    del body["scenarios"]["fog"]
    post_run(ci, body, key=KEY)
    part = RunPart.objects.get(key="fog")
    assert (part.status, part.message) == ("errored", "The post holds no result for it.")
