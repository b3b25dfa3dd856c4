"""Data past their last day of use: no run starts on them, whoever asks."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from benchmarks import actions
from benchmarks.models import ChallengeRun
from catalog import stewardship
from tests.benchmarks.judged import post, work_off

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


def use_until(world, day):
    fields = {"retention_until": day, "retention_reason": "The agreement with the airline."}
    stewardship.describe(world.dataset, by=world.owner, reason="Agreed.", **fields)


def test_start__last_day_has_passed__is_refused_in_a_sentence(world):
    judged = work_off(post(world, "v1"))
    yesterday = timezone.localdate() - timedelta(days=1)
    use_until(world, yesterday)
    before = ChallengeRun.objects.count()
    with pytest.raises(ValidationError, match=f"until {yesterday:%d %B %Y}, so no run starts"):
        actions.start_run(world.versions["v2"], suite=world.suite, by=world.owner)
    with pytest.raises(ValidationError, match="no run starts"):
        actions.judge_again(judged, by=world.owner)
    assert ChallengeRun.objects.count() == before


def test_start__on_the_last_day__is_allowed(world):
    use_until(world, timezone.localdate())
    run = actions.start_run(world.versions["v2"], suite=world.suite, by=world.owner)
    assert run.pk
    assert "retention" not in str(run.plan)
