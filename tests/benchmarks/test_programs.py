"""Challenge programs: what may be written, how the cadence turns, and what meets a turn."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from benchmarks import programs, tasks
from benchmarks.models import ChallengeRun, Program, Suite
from benchmarks.panels import programs as panel
from catalog.choices import Role
from catalog.errors import Conflict
from tests.benchmarks.judged import approve, post, work_off
from tests.builders import a_model, a_person, a_project

RUBRIC = [{"metric": "accuracy", "weight": 1, "worst": 0.5, "best": 1.0}]


@pytest.fixture
def program(world) -> Program:
    opened = programs.open_program(
        world.project,
        model=world.model,
        key="blur",
        title="Blur",
        goal="Know what blur does.",
        owner=world.owner,
        risk_areas=[{"name": "blur", "customer": "Wrong answers."}],
        cadence_unit="month",
        cadence_anchor=timezone.localdate(),
        by=world.owner,
    )
    programs.assign_suites(opened, [world.suite], by=world.owner)
    return opened


def evaluated(world, version="v1", **gone) -> ChallengeRun:
    return work_off(post(world, version, **gone))


def turn(program, days: int = 0) -> list[tuple[date, str]]:
    programs.keep_cadence(program, timezone.localdate() + timedelta(days=days))
    return [(cycle.due_on, cycle.status) for cycle in program.cycles.order_by("due_on")]


# -- writing ----------------------------------------------------------------------------------


def test_program__viewer__may_not_open_one(world):
    viewer = a_person(world.project, Role.VIEWER)
    with pytest.raises(PermissionDenied):
        programs.open_program(
            world.project, model=world.model, key="x", title="X", goal="X", owner=viewer, by=viewer
        )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"risk_areas": [{"name": ""}]}, "needs a name"),
        ({"risk_areas": [{"name": "fog"}, {"name": "fog"}]}, "Named twice: fog"),
        ({"risk_areas": [{"name": "fog", "weather": "bad"}]}, "Unknown parts: weather"),
        ({"risk_areas": "fog"}, "list of objects"),
        ({"rubric": [{"metric": "accuracy"}]}, "needs numbers"),
        (
            {"rubric": [{"metric": "brier", "weight": 1, "worst": 1, "best": 0}]},
            "has not defined the metrics brier",
        ),
        ({"cadence_unit": "month"}, "first due day"),
        ({"starts_runs": True}, "Without a cadence"),
    ],
)
def test_program__slip_in_what_it_is__is_named_and_nothing_is_kept(world, fields, said):
    with pytest.raises(ValidationError, match=said):
        programs.open_program(
            world.project,
            model=world.model,
            key="x",
            title="X",
            goal="X",
            owner=world.owner,
            by=world.owner,
            **fields,
        )
    assert not Program.objects.exists()


def test_program__owner_who_is_no_contributor__is_refused(world):
    with pytest.raises(ValidationError, match="contributor"):
        programs.open_program(
            world.project,
            model=world.model,
            key="x",
            title="X",
            goal="X",
            owner=world.reviewer,
            by=world.owner,
        )


def test_program__model_of_another_project__is_refused(world):
    elsewhere = a_project("Elsewhere")
    stranger = a_person(elsewhere, Role.CONTRIBUTOR)
    with pytest.raises(ValidationError, match="another project"):
        programs.open_program(
            world.project,
            model=a_model(elsewhere, owner=stranger),
            key="x",
            title="X",
            goal="X",
            owner=world.owner,
            by=world.owner,
        )


def test_suite__of_one_program__is_not_taken_by_another(world, program):
    second = programs.open_program(
        world.project,
        model=world.model,
        key="second",
        title="Second",
        goal="More.",
        owner=world.owner,
        by=world.owner,
    )
    suite = Suite.objects.get(pk=world.suite.pk)
    with pytest.raises(ValidationError, match="belongs to the program “Blur”"):
        programs.assign_suites(second, [suite], by=world.owner)
    programs.assign_suites(program, [], by=world.owner)
    programs.assign_suites(second, [Suite.objects.get(pk=suite.pk)], by=world.owner)
    assert Suite.objects.get(pk=suite.pk).program == second


def test_program__retired__stays_retired(world, program):
    programs.set_status(program, "retired", by=world.owner, reason="The model is gone.")
    with pytest.raises(Conflict, match="retired"):
        programs.set_status(program, "active", by=world.owner, reason="Back.")


def test_program__paused_without_a_reason__is_asked_for_one(world, program):
    with pytest.raises(ValidationError, match="Say why"):
        programs.set_status(program, "paused", by=world.owner, reason=" ")


# -- cadence ----------------------------------------------------------------------------------


def test_turn__nothing_run__is_open_then_overdue_then_missed(program):
    today = timezone.localdate()
    assert turn(program) == [(today, "open")]
    assert dict(turn(program, days=1))[today] == "overdue"
    assert "no run of any version" in program.cycles.get(due_on=today).outstanding[0]
    assert dict(turn(program, days=40))[today] == "missed"


def test_turn__days_of_grace__delay_the_notice_and_not_the_due_day(world, program):
    programs.change_program(program, by=world.owner, grace_days=3)
    today = timezone.localdate()
    assert dict(turn(program, days=3))[today] == "open"
    assert dict(turn(program, days=4))[today] == "overdue"


def test_turn__nobody_looked_for_months__records_every_missed_one(program):
    statuses = [status for _, status in turn(program, days=100)]
    assert statuses[:3] == ["missed", "missed", "missed"]
    assert statuses[-1] == "open"
    assert len(set(program.cycles.values_list("due_on", flat=True))) == len(statuses)


def test_turn__looked_at_again__changes_and_records_nothing(program):
    turn(program)
    cycle = program.cycles.get()
    states = cycle.history.count()
    turn(program)
    assert cycle.history.count() == states


def test_turn__looked_at_every_few_minutes__opens_one_at_a_time(world, program):
    assert len(turn(program)) == len(turn(program)) == 1
    evaluated(world)
    found = [turn(program) for _ in range(3)]
    assert [status for _, status in found[0]] == ["met", "open"]
    assert found[0] == found[1] == found[2]
    assert len(turn(program, days=20)) == 2


def test_turn__complete_run_whatever_its_verdict__meets_it_and_is_kept_as_its_evidence(
    world, program
):
    run = evaluated(world)
    assert run.verdict == "inconclusive"
    assert turn(program)[0][1] == "met"
    assert program.cycles.get(due_on=timezone.localdate()).evidence == [run.pk]


def test_turn__run_that_lacks_a_scenario__does_not_meet_it_and_says_so(world, program):
    run = evaluated(world, scenario_1={"status": "errored", "message": "disk"})
    assert turn(program)[0][1] == "open"
    assert program.cycles.get().outstanding == [
        f"{world.suite}: run {run.pk} lacks 1 of 3 scenarios."
    ]


def test_turn__run_of_another_version_than_production__does_not_meet_it(world, program):
    world.model.production_version = world.versions["v2"]
    world.model.record(by=world.owner)
    evaluated(world, "v1")
    turn(program)
    assert "no run of v2, which is in production," in program.cycles.get().outstanding[0]


def test_turn__run_that_met_one__does_not_meet_the_next(world, program):
    evaluated(world)
    assert turn(program)[0][1] == "met"
    assert [status for _, status in turn(program, days=40)][1] != "met"


def test_turn__paused_program__does_not_turn(world, program):
    programs.set_status(program, "paused", by=world.owner, reason="Holidays.")
    assert turn(program, days=40) == []


def test_turn__starting_by_itself__runs_the_suites_on_production_once(world, program):
    world.model.production_version = world.versions["v1"]
    world.model.record(by=world.owner)
    programs.change_program(program, by=world.owner, starts_runs=True)
    turn(program)
    turn(program)
    run = ChallengeRun.objects.get()
    assert run.model_version == world.versions["v1"]
    assert run.created_by == world.owner


def test_turn__owner_lost_the_role__starts_nothing_and_still_turns(world, program):
    world.model.production_version = world.versions["v1"]
    world.model.record(by=world.owner)
    programs.change_program(program, by=world.owner, starts_runs=True)
    for membership in world.owner.memberships.all():
        membership.delete()
    assert turn(program)[0][1] == "open"
    assert not ChallengeRun.objects.exists()


def test_beat__one_program_broken__keeps_the_others(world, program, monkeypatch):
    other = programs.open_program(
        world.project,
        model=world.model,
        key="other",
        title="Other",
        goal="More.",
        owner=world.owner,
        cadence_unit="week",
        cadence_anchor=timezone.localdate(),
        by=world.owner,
    )
    keep = programs.keep_cadence

    def fail_for_the_first(row, today):
        if row == program:
            raise RuntimeError("broken")
        keep(row, today)

    monkeypatch.setattr(tasks.programs, "keep_cadence", fail_for_the_first)
    tasks.keep_cadences()
    assert other.cycles.exists()
    assert not program.cycles.exists()


# -- scores and coverage ----------------------------------------------------------------------


def test_rubric__frozen_with_the_run__scores_it_whatever_is_written_later(world, program):
    programs.change_program(program, by=world.owner, rubric=RUBRIC)
    world.suite.refresh_from_db()
    run = evaluated(world)
    programs.change_program(
        program, by=world.owner, rubric=[{**RUBRIC[0], "worst": 0.0, "best": 0.1}]
    )
    (score,) = panel.scores(panel.judged_runs(program))
    values = run.measurements.filter(slice="all", metric="accuracy").values_list(
        "value", flat=True
    )
    assert score.points == pytest.approx(sum(100 * (v - 0.5) / 0.5 for v in values) / len(values))
    assert score.low < score.points < score.high


def test_score__scenario_without_evidence__is_none_and_names_it(world, program):
    programs.change_program(program, by=world.owner, rubric=RUBRIC)
    world.suite.refresh_from_db()
    evaluated(world, scenario_1={"status": "errored", "message": "disk"})
    (score,) = panel.scores(panel.judged_runs(program))
    assert score.points is None
    assert score.reason == "No points for scenario-1."


def test_score__run_from_before_the_rubric__is_not_scored(world, program):
    evaluated(world)
    programs.change_program(program, by=world.owner, rubric=RUBRIC)
    assert panel.scores(panel.judged_runs(program)) == []


def test_coverage__area_without_a_scenario__is_a_hole(world, program):
    found = panel.coverage(program, [], world.project)
    declared = {row.title: row for row in found.areas}
    assert declared["blur"].scenarios == ()
    assert found.holes >= 1


def test_coverage__slice_of_a_scenario__carries_what_the_newest_run_found(world, program):
    first = evaluated(world)
    approve(first, world)
    evaluated(world, "v2")
    found = panel.coverage(program, panel.judged_runs(program), world.project)
    marks = {one.finding for row in found.slices for one in row.scenarios}
    assert marks
    assert "" not in marks


def test_area_map__two_versions__has_a_column_each_and_the_worst_finding(world, program):
    approve(evaluated(world), world)
    work_off(post(world, "v2", answers="bad"))
    areas = panel.area_map(program, panel.judged_runs(program), world.project)
    assert [run.model_version.version for run in areas.runs] == ["v1", "v2"]
    rows = dict(areas.rows)
    assert rows["blur"] == (None, None)
    assert rows[panel.UNNAMED][1].finding == "fail"


@pytest.mark.pure
@pytest.mark.parametrize(
    ("findings", "shown"),
    [
        ([], ""),
        (["pass", "not_used"], "pass"),
        (["not_used"], "not_used"),
        (["pass", "inconclusive"], "inconclusive"),
        (["missing", "inconclusive"], "missing"),
        (["pass", "fail", "errored"], "fail"),
    ],
)
def test_worst__heap_of_findings__is_shown_as_its_worst(findings, shown):
    assert panel.worst(findings) == shown
