"""Runs that a change starts: once for each change, by the owner's rights, with the reason kept."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks import actions, programs, tasks, triggers
from benchmarks.models import ChallengeRun, Program
from catalog import actions as catalog_actions
from tests.benchmarks.judged import work_off
from tests.benchmarks.small_world import artifact, parquet, rows


@pytest.fixture
def program(world) -> Program:
    """Watches everything about v1, which is in production and has been run once."""
    opened = programs.open_program(
        world.project,
        model=world.model,
        key="watched",
        title="Watched",
        goal="Hear of what moves by itself.",
        owner=world.owner,
        triggers=["data", "code", "library", "infrastructure"],
        by=world.owner,
    )
    programs.assign_suites(opened, [world.suite], by=world.owner)
    catalog_actions.adopt_production(
        world.model, world.versions["v1"], by=world.owner, reason="It serves."
    )
    work_off(actions.start_run(world.versions["v1"], suite=world.suite, by=world.owner))
    return Program.objects.get(pk=opened.pk)


def watched(program) -> list[ChallengeRun]:
    return triggers.watch(Program.objects.get(pk=program.pk))


def kinds(run: ChallengeRun) -> list[str]:
    return [change["kind"] for change in run.trigger]


def with_environment(monkeypatch, **changes) -> None:
    real = triggers.environment_fingerprint()
    packages = {**real["packages"], **changes.pop("packages", {})}
    monkeypatch.setattr(
        triggers, "environment_fingerprint", lambda: {**real, **changes, "packages": packages}
    )


def register(world, name: str, columns: list[str]):
    return catalog_actions.register_version(
        world.model,
        version=name,
        artifact=artifact(columns),
        artifact_format="skops",
        input_columns=columns,
        by=world.owner,
    )


def on_data_of_its_own(world):
    dataset = catalog_actions.register_dataset(
        world.project, name="fresh", title="Fresh items", by=world.owner
    )
    data = catalog_actions.register_dataset_version(
        dataset,
        version="1",
        file=parquet(rows(seed=3)),
        id_column="item",
        label_column="label",
        by=world.owner,
    )
    return actions.write_scenario(
        world.project,
        key="fresh",
        title="Fresh",
        dataset=dataset,
        dataset_version=data,
        criteria=[
            {
                "metric": world.project.metrics.get(key="accuracy"),
                "value_threshold": 0.5,
                "why": "Users notice.",
            }
        ],
        by=world.owner,
    )


def test_triggers__nothing_changed__start_nothing(program):
    assert watched(program) == []
    assert ChallengeRun.objects.count() == 1


def test_triggers__newer_library__runs_production_once_and_says_which(world, program, monkeypatch):
    with_environment(monkeypatch, packages={"scikit-learn": "99.1"})
    (run,) = watched(program)
    assert (run.model_version, run.created_by) == (world.versions["v1"], world.owner)
    assert kinds(run) == ["library"]
    assert "→ 99.1" in run.trigger[0]["sentence"]
    assert watched(program) == []
    work_off(run)
    assert watched(program) == [], "the run was made elsewhere, and the change was heard"


def test_triggers__other_machine__is_told_apart_from_a_library(world, program, monkeypatch):
    with_environment(monkeypatch, machine="riscv64")
    (run,) = watched(program)
    assert kinds(run) == ["infrastructure"]
    assert "riscv64" in run.trigger[0]["sentence"]


def test_triggers__number_of_processors__is_no_change(program, monkeypatch):
    with_environment(monkeypatch, cpu_count=4096)
    assert watched(program) == []


def test_triggers__environment_of_an_earlier_run__does_not_start_another(
    world, program, monkeypatch
):
    real = triggers.environment_fingerprint()
    with_environment(monkeypatch, packages={"numpy": "0.1"})
    (run,) = watched(program)
    ended = work_off(run)
    ended.environment = triggers.environment_fingerprint()
    ended.record(by=world.owner, reason="made by the other worker")
    monkeypatch.setattr(triggers, "environment_fingerprint", lambda: real)
    assert watched(program) == []


def test_triggers__scenario_moved_to_other_data__runs_production_on_them(world, program):
    scenario = world.suite.scenarios.order_by("pk").first()
    newer = catalog_actions.register_dataset_version(
        world.dataset,
        version="february",
        file=parquet(rows(seed=2)),
        id_column="item",
        label_column="label",
        time_column="seen",
        by=world.owner,
    )
    scenario.dataset_version = newer
    scenario.record(by=world.owner, reason="newer rows")
    (run,) = watched(program)
    assert kinds(run) == ["data"]
    assert "february" in run.trigger[0]["sentence"]


def test_triggers__scenario_asked_more_often_or_taken_out__is_no_change_of_data(world, program):
    first, *others = world.suite.scenarios.order_by("pk")
    first.repeats, first.must_pass = 3, 2
    first.record(by=world.owner, reason="one draw may be lucky")
    assert watched(program) == []
    actions.change_suite(world.suite, scenarios=others, reason="enough", by=world.owner)
    assert watched(program) == []


def plans_read(program) -> list[str]:
    """What of plans the database was asked for while the program was looked at."""
    plan = f'"{ChallengeRun._meta.db_table}"."plan"'
    with CaptureQueriesContext(connection) as told:
        assert watched(program) == []
    return [
        query["sql"]
        for query in told.captured_queries
        if plan in query["sql"].partition(" FROM ")[0]
    ]


def test_triggers__plan_as_it_was__is_compared_by_its_digest_alone(program):
    assert plans_read(program) == []


def test_triggers__same_data_in_another_plan__reads_each_plan_once(world, program, monkeypatch):
    programs.change_program(program, triggers=["data"], by=world.owner)
    suite = world.suite
    for title in ("Reworded", "Reworded again"):
        work_off(actions.start_run(world.versions["v1"], suite=suite, by=world.owner))
        scenario = suite.scenarios.order_by("pk").first()
        scenario.title = title
        scenario.record(by=world.owner, reason="wording")
    parts = Mock(wraps=triggers._data)
    monkeypatch.setattr(triggers, "_data", parts)
    assert len(plans_read(program)) == 1
    runs = ChallengeRun.objects.all()
    assert (runs.count(), runs.values("plan_digest").distinct().count()) == (3, 2)
    assert parts.call_count == 2 + 1, "two plans of three runs, and the one that would be frozen"


def test_triggers__suite_that_cannot_be_run__does_not_stop_the_others(
    world, program, monkeypatch, caplog
):
    other = actions.compose_suite(
        world.project,
        key="fresh",
        title="On fresh data",
        model=world.model,
        owner=world.owner,
        metrics=["accuracy"],
        scenarios=[on_data_of_its_own(world)],
        by=world.owner,
    )
    programs.assign_suites(program, [world.suite, other], by=world.owner)
    work_off(actions.start_run(world.versions["v1"], suite=other, by=world.owner))
    world.dataset.retention_until = timezone.localdate() - timedelta(days=1)
    world.dataset.retention_reason = "What people agreed to."
    world.dataset.record(by=world.owner, reason="The consent ends.")
    with_environment(monkeypatch, machine="riscv64")
    (run,) = watched(program)
    assert run.suite == other
    assert f"suite {world.suite.pk} could not be looked at" in caplog.text
    assert "so no run starts on it" in caplog.text


def test_triggers__version_registered_after_the_program__is_run_before_anybody_asks(
    world, program
):
    newest = register(world, "v9", ["x"])
    (run,) = watched(program)
    assert (run.model_version, kinds(run)) == (newest, ["code"])
    assert "v9" in run.trigger[0]["sentence"]
    assert watched(program) == []


def test_triggers__run_still_going__waits_for_it(world, program, monkeypatch):
    actions.start_run(world.versions["v1"], suite=world.suite, by=world.owner)
    with_environment(monkeypatch, machine="riscv64")
    assert watched(program) == []


def test_triggers__kind_that_was_not_chosen__is_not_looked_at(world, program, monkeypatch):
    programs.change_program(program, triggers=["data"], by=world.owner)
    with_environment(monkeypatch, machine="riscv64")
    assert watched(program) == []


def test_triggers__program_that_is_paused__is_left_alone(world, program, monkeypatch):
    with_environment(monkeypatch, machine="riscv64")
    programs.set_status(program, "paused", reason="Not now.", by=world.owner)
    tasks.watch_triggers()
    assert ChallengeRun.objects.count() == 1
    programs.set_status(program, "active", reason="Again.", by=world.owner)
    tasks.watch_triggers()
    assert ChallengeRun.objects.count() == 2


def test_triggers__unknown_kind__is_refused(world, program):
    with pytest.raises(ValidationError, match="triggered by some of"):
        programs.change_program(program, triggers=["weather"], by=world.owner)
