"""Loads on one endpoint: one at a time, across runs, and for no longer than a lease lasts."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from benchmarks import actions, jobs
from benchmarks.models import Job
from tests.benchmarks import stressed

ADDRESS = "http://127.0.0.1:9"


@pytest.fixture
def rung(monkeypatch):
    """The jobs for which a message was sent."""
    heard = []
    monkeypatch.setattr(jobs, "ring", heard.extend)
    return heard


def loads(world, settings, *addresses):
    """A queued load on each address, each in a run of its own."""
    settings.OUTBOUND_HOSTS = list(addresses)
    suite = stressed.suite_under(world, stressed.STEADY)
    versions = [
        stressed.register(world, address, version=f"http-{number}", served_version=str(number))
        for number, address in enumerate(addresses)
    ]
    runs = [actions.start_run(version, suite=suite, by=world.owner) for version in versions]
    return [run.jobs.get() for run in runs]


@pytest.mark.django_db
def test_claim__endpoint_under_load__waits_until_that_load_has_ended(world, settings, rung):
    first, second = loads(world, settings, ADDRESS, ADDRESS)
    fence = jobs.claim(first.pk)
    assert jobs.claim(second.pk) is None
    assert second not in jobs.claimable()
    rung.clear()
    jobs.finish(first.pk, fence)
    assert rung == [second.pk]
    assert jobs.claim(second.pk) == 1


@pytest.mark.django_db
def test_claim__worker_of_the_other_load_died__waits_for_its_lease_and_no_longer(world, settings):
    first, second = loads(world, settings, ADDRESS, ADDRESS)
    jobs.claim(first.pk)
    assert jobs.claim(second.pk) is None
    Job.objects.filter(pk=first.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.claim(second.pk) == 1
    assert jobs.claim(first.pk) is None  # now it is the other's turn


@pytest.mark.django_db
def test_claim__another_endpoint_or_no_load__does_not_wait(world, settings):
    first, second = loads(world, settings, ADDRESS, "http://127.0.0.1:10")
    plain = actions.start_run(world.versions["v2"], suite=world.suite, by=world.owner)
    assert [jobs.claim(job.pk) for job in (first, second, *plain.jobs.all())] == [1] * 5


@pytest.mark.django_db
def test_load_on__answers_that_were_kept__occupies_no_endpoint(world, settings):
    (job,) = loads(world, settings, ADDRESS)
    assert job.load_on == ADDRESS
    stressed.worked_off(job.run)
    again = actions.judge_again(job.run, by=world.owner)
    assert again.jobs.get().load_on == ""


@pytest.mark.django_db(transaction=True)
def test_claim__several_workers_at_once__give_the_endpoint_to_one(committed_world, settings):
    waiting = loads(committed_world, settings, *[ADDRESS] * 4)
    ready, fences = threading.Barrier(4), []

    def claiming(job):
        ready.wait()
        fences.append(jobs.claim(job.pk))
        connection.close()

    workers = [threading.Thread(target=claiming, args=(job,)) for job in waiting]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(fence is None for fence in fences) == [False, True, True, True]
