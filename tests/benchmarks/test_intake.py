"""The same post at the same time has one effect, on both databases."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from benchmarks import intake
from benchmarks.models import ChallengeRun, IdempotencyKey, Job
from catalog.errors import Conflict
from tests import builders
from tests.portal.api_world import build_api_world

KEY = "build-1234"
TOGETHER = 6


def at_once(calls):
    """The outcome of each call, all started together: a value or the error."""
    barrier = threading.Barrier(len(calls))
    outcomes = [None] * len(calls)

    def go(number, call):
        try:
            barrier.wait(timeout=30)
            outcomes[number] = call()
        except Exception as error:
            outcomes[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_receive__same_key_at_once__makes_one_run_and_all_get_it():
    world = build_api_world()
    machine = builders.a_service(world.project, "runs")
    body = world.run_body()
    outcomes = at_once([lambda: intake.receive(body, key=KEY, by=machine)] * TOGETHER)
    run = ChallengeRun.objects.get()
    assert [outcome.run.pk for outcome in outcomes] == [run.pk] * TOGETHER
    assert sorted(outcome.is_repeat for outcome in outcomes) == [False] + [True] * (TOGETHER - 1)
    assert (IdempotencyKey.objects.count(), Job.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_receive__same_key_for_two_suites_at_once__one_wins_and_the_other_is_told():
    world = build_api_world()
    machine = builders.a_service(world.project, "runs")
    second = builders.a_suite(world.model, by=world.author)
    for place in world.suite.places.all():
        place.pk, place.suite, place._state.adding = None, second, True
        place.record(by=world.author)
    bodies = [world.run_body(), world.run_body(suite=second.key)]
    calls = [lambda b=body: intake.receive(b, key=KEY, by=machine) for body in bodies]
    outcomes = at_once(calls)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Received"]
    assert ChallengeRun.objects.count() == 1


@pytest.mark.django_db
def test_receive__refused_after_the_key_was_read__leaves_the_key_free():
    world = build_api_world()
    machine = builders.a_service(world.project, "runs")
    with pytest.raises(ValidationError):
        intake.receive(world.run_body(version="v99"), key=KEY, by=machine)
    assert not IdempotencyKey.objects.exists()
    assert not intake.receive(world.run_body(), key=KEY, by=machine).is_repeat


@pytest.mark.django_db
def test_receive__earlier_key_with_other_content__is_a_conflict():
    world = build_api_world()
    machine = builders.a_service(world.project, "runs")
    intake.receive(world.run_body(), key=KEY, by=machine)
    with pytest.raises(Conflict) as refusal:
        intake.receive(world.run_body(seed=1), key=KEY, by=machine)
    assert refusal.value.code == intake.MISMATCH
