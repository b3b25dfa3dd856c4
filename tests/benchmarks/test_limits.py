"""What a run may take at most: time and requests, and an honest end where that is not enough."""

from datetime import timedelta

import pytest
import skops.io
from django.urls import reverse
from django.utils import timezone

from benchmarks import actions, asking, limits, plans
from benchmarks.models import RunPart
from tests.benchmarks import small_world
from tests.benchmarks.judged import limited, post, served_version, work_off
from tests.benchmarks.servers.open_inference import Served, open_inference

pytestmark = pytest.mark.django_db
COLUMNS = ["x", "z"]
#: Of 3,000 rows, 500 at a time.
A_SCENARIO = 6


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


@pytest.fixture
def server(settings):
    """Our server of the Open Inference Protocol, on the allow-list."""
    content = small_world.artifact(COLUMNS)
    with open_inference(Served(skops.io.loads(content))) as server:
        settings.OUTBOUND_HOSTS = [server.origin]
        yield server


@pytest.fixture
def version(world, server):
    return served_version(world, server, COLUMNS)


def started(world, version):
    return actions.start_run(version, suite=world.suite, by=world.owner)


def later(monkeypatch, seconds):
    now = timezone.now() + timedelta(seconds=seconds)
    monkeypatch.setattr("benchmarks.limits.timezone.now", lambda: now)


# -- the plan ---------------------------------------------------------------------------------


def test_plan__without_limits__is_as_it_was_and_with_one_holds_it(world):
    before = plans.freeze(world.suite, None)
    assert "limits" not in before["suite"]
    after = plans.freeze(limited(world, most_requests=7).suite, None)
    assert after["suite"].pop("limits") == {"most_requests": 7}
    assert after == before


# -- requests ---------------------------------------------------------------------------------


def test_requests__enough_of_them__are_counted_and_change_nothing(world, version):
    run = work_off(started(limited(world, most_requests=3 * A_SCENARIO), version))
    assert list(run.parts.values_list("requests", flat=True)) == [A_SCENARIO] * 3
    assert run.comparison.received == 3


def test_requests__not_enough__end_what_is_left_in_errors_and_never_in_a_pass(world, version):
    run = work_off(started(limited(world, most_requests=2 * A_SCENARIO + 3), version))
    statuses = list(run.parts.order_by("position").values_list("status", flat=True))
    assert statuses == ["received", "received", "errored"]
    assert run.parts.get(status="errored").message == (
        "The run may send at most 15 requests: 12 are taken, and this scenario needs 6 more."
    )
    assert run.comparison.verdict == "inconclusive"
    assert sum(run.parts.values_list("requests", flat=True)) == 2 * A_SCENARIO


def test_requests__nothing_fits__sends_none_at_all(world, version, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("The endpoint was asked beyond the limit.")

    monkeypatch.setattr(asking.endpoints, "ask", refuse)
    run = work_off(started(limited(world, most_requests=5), version))
    assert set(run.parts.values_list("status", flat=True)) == {"errored"}


def test_requests__tried_again__count_as_sent_and_stop_at_the_limit(world, version, monkeypatch):
    def failing(version, inputs, *, tries, **rest):
        tries.left = 0
        raise asking.PredictorError("Away.")

    monkeypatch.setattr(asking.endpoints, "ask", failing)
    run = work_off(started(limited(world, most_requests=10), version))
    assert list(run.parts.order_by("position").values_list("requests", flat=True)) == [10, 0, 0]
    assert "10 are taken" in run.parts.get(position=2).message


def test_requests__model_from_a_file__sends_none(world, monkeypatch):
    class Sandbox:
        def predict(self, frame):
            return (frame["x"] > 0).to_numpy(dtype=float)

    monkeypatch.setattr(asking.pool, "predictor", lambda **_: Sandbox())
    run = work_off(started(limited(world, most_requests=1), world.versions["v1"]))
    assert set(run.parts.values_list("status", flat=True)) == {"received"}


# -- time -------------------------------------------------------------------------------------


def test_time__is_over_after_the_first_scenario__ends_the_others_in_errors(world, monkeypatch):
    run = work_off(post(limited(world, longest_seconds=60), "v1"), jobs=1)
    later(monkeypatch, 61)
    run = work_off(run)
    statuses = list(run.parts.order_by("position").values_list("status", flat=True))
    assert statuses == ["received", "errored", "errored"]
    assert run.parts.get(position=2).message == (
        "The run's limit of 60 seconds leaves no time for this scenario."
    )
    assert run.comparison.verdict == "inconclusive"


def test_time__waiting_for_a_worker__does_not_count(world, monkeypatch):
    run = post(limited(world, longest_seconds=60), "v1")
    later(monkeypatch, 3600)
    assert work_off(run).comparison.received == 3


def test_time__error_budget__decides_what_the_rest_is_worth(world, monkeypatch):
    accuracy = world.project.metrics.get(key="accuracy")
    for scenario in world.suite.scenarios.all():
        rule = {"metric": accuracy, "value_threshold": 0.6, "why": "Users notice."}
        actions.change_scenario(
            scenario, by=world.owner, reason="x", slices=[], assumptions=[], criteria=[rule]
        )
    run = work_off(post(limited(world, longest_seconds=60, error_budget=0.7), "v1"), jobs=1)
    later(monkeypatch, 61)
    assert work_off(run).comparison.verdict == "pass"


def test_time__endpoint__is_asked_no_longer_than_the_run_may_take(world, version, monkeypatch):
    given = []

    def slow(version, inputs, *, seconds, **rest):
        given.append(seconds)
        later(monkeypatch, 61)
        raise asking.PredictorError("Not all rows in time.")

    monkeypatch.setattr(asking.endpoints, "ask", slow)
    run = work_off(started(limited(world, longest_seconds=60), version))
    assert 50 < given[0] <= 60
    assert len(given) == 1
    assert all("limit of 60 seconds" in part.message for part in run.parts.all())


def test_time__no_limit__keeps_no_clock(world):
    run = work_off(post(world, "v1"))
    assert not RunPart.objects.filter(run=run, begun_at__isnull=False).exists()
    assert limits.seconds_left(run) is None


# -- pages ------------------------------------------------------------------------------------


def text(client, world, name, pk):
    client.force_login(world.owner)
    response = client.get(reverse(name, kwargs={"project": world.project.slug, "pk": pk}))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_pages__limits__stand_on_the_suite_and_on_the_run(client, world):
    run = work_off(post(limited(world, longest_seconds=600, most_requests=1500), "v1"))
    assert "At most 10 min and 1,500 requests" in text(client, world, "run-detail", run.pk)
    assert "10 min and 1,500 requests" in text(client, world, "suite-detail", world.suite.pk)


def test_suite_editor__limits_typed__are_kept_and_taken_away_again(client, world):
    client.force_login(world.owner)
    url = reverse("suite-edit", kwargs={"project": world.project.slug, "pk": world.suite.pk})
    initial = client.get(url).context["form"].initial
    answer = {name: value for name, value in initial.items() if value is not None}
    answer |= {"scenarios": [row.pk for row in initial["scenarios"]], "reason": "It costs."}
    client.post(url, {**answer, "longest_seconds": 600, "most_requests": 1500})
    world.suite.refresh_from_db()
    assert (world.suite.longest_seconds, world.suite.most_requests) == (600, 1500)
    client.post(url, answer)
    world.suite.refresh_from_db()
    assert (world.suite.longest_seconds, world.suite.most_requests) == (None, None)


@pytest.mark.parametrize("value", ["0", "-1", "soon"])
def test_suite_editor__impossible_limit__is_told_beside_the_field(client, world, value):
    client.force_login(world.owner)
    url = reverse("suite-edit", kwargs={"project": world.project.slug, "pk": world.suite.pk})
    response = client.post(url, {"longest_seconds": value})
    assert response.status_code == 200
    assert response.context["form"].errors["longest_seconds"]
