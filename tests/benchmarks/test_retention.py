"""Data past their last day of use: no run starts on them, whoever asks."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from benchmarks import actions, drifts
from benchmarks.models import ChallengeRun
from benchmarks.panels.previews import preview
from catalog import actions as catalog_actions
from catalog import stewardship
from tests.benchmarks.judged import post, work_off
from tests.benchmarks.small_world import parquet, rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


def use_until(world, day):
    fields = {"retention_until": day, "retention_reason": "The agreement with the airline."}
    stewardship.describe(world.dataset, by=world.owner, reason="Agreed.", **fields)
    world.data.refresh_from_db()  # forgets the dataset as it was


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


def test_preview__last_day_has_passed__shows_no_row(world):
    step = {"kind": "permute", "parameters": {"column": "x"}}
    assert preview(world.data, [step], seed=1).rows
    use_until(world, timezone.localdate() - timedelta(days=1))
    found = preview(world.data, [step], seed=1)
    assert not found.rows
    assert "no row of it is shown" in found.problems[0]


def test_drift__last_day_has_passed__is_not_computed_but_what_was_is_kept(world):
    second, third = (moved_version(world, by) for by in (2, 3))
    kept = drifts.compare(world.data, second, by=world.owner)
    use_until(world, timezone.localdate() - timedelta(days=1))
    assert drifts.compare(world.data, second, by=world.owner) == kept
    with pytest.raises(ValidationError, match="not compared any more"):
        drifts.compare(world.data, third, by=world.owner)


def moved_version(world, by):
    frame = rows()
    frame["x"] += by
    return catalog_actions.register_dataset_version(
        world.dataset,
        version=f"moved-by-{by}",
        file=parquet(frame),
        id_column=world.data.id_column,
        label_column=world.data.label_column,
        by=world.owner,
    )
