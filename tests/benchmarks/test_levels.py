"""Test levels: a closed list, chosen in the editor, shown and counted wherever scenarios stand."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from benchmarks import plans, programs
from benchmarks.choices import TestLevel as Level
from benchmarks.models import Scenario
from benchmarks.panels.levels import level_map
from benchmarks.scenario_forms import ScenarioForm
from portal.demo.program import LEVELS, SCENARIOS
from tests.portal.api_world import build_api_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def levelled(world):
    """Three scenarios, one a level; the third names an area that the program does not declare."""
    for key, level, area in (
        ("scenario-0", Level.MODEL, "blur"),
        ("scenario-1", Level.FEATURE, "blur"),
        ("scenario-2", Level.FEATURE, "noise"),
    ):
        Scenario.objects.filter(key=key).update(level=level, risk_area=area)
    program = programs.open_program(
        world.project,
        model=world.model,
        key="p",
        title="Program",
        goal="Find out.",
        scope="",
        owner=world.owner,
        risk_areas=[{"name": "blur"}, {"name": "dark"}],
        rubric=[],
        by=world.owner,
    )
    programs.assign_suites(program, [world.suite], by=world.owner)
    return program


def url(world, name, **kwargs):
    return reverse(name, kwargs={"project": world.project.slug, **kwargs})


def test_scenario__without_a_level__tests_the_model_and_no_plan_changes(world):
    scenario = Scenario.objects.get(key="scenario-0")
    assert scenario.level == "model"
    before = plans.freeze(world.suite, None)
    scenario.level = Level.JOURNEY
    scenario.record(by=world.owner, reason="It asks the desk.")
    assert plans.freeze(world.suite, None) == before


def test_scenario__level_outside_the_list__is_refused(world):
    scenario = Scenario.objects.get(key="scenario-0")
    scenario.level = "unit"
    with pytest.raises(ValidationError) as refusal:
        scenario.record(by=world.owner)
    assert list(refusal.value.message_dict) == ["level"]


@pytest.mark.parametrize(("sent", "kept"), [("journey", "journey"), ("", "feature")])
def test_form__level_given_or_left_out__is_taken_or_stays(levelled, world, sent, kept):
    scenario = Scenario.objects.get(key="scenario-1")
    data = {"title": "Blur", "seed": 1, "reason": "Sharper.", "level": sent}
    form = ScenarioForm(data, dataset=world.dataset, scenario=scenario)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["level"] == kept


def test_map__levels_by_area__counts_each_scenario_once_and_keeps_empty_rows(levelled):
    found = level_map(levelled)
    assert found.areas == ("blur", "dark", "noise")
    assert {row.label: row.counts for row in found.rows} == {
        "Data pipeline": (0, 0, 0),
        "Feature": (1, 0, 1),
        "Model": (1, 0, 0),
        "End-to-end journey": (0, 0, 0),
    }


def test_pages__of_program_suite_and_scenario__show_the_level(client, world, levelled):
    client.force_login(world.owner)
    page = client.get(url(world, "program-detail", pk=levelled.pk)).content.decode()
    assert "End-to-end journey" in page[page.index('id="levels"') :]
    scenario = Scenario.objects.get(key="scenario-1")
    shown = client.get(url(world, "scenario-detail", pk=scenario.pk)).content.decode()
    assert "<dd>Feature</dd>" in shown
    edit = client.get(url(world, "scenario-edit", pk=scenario.pk)).content.decode()
    assert '<option value="feature" selected>' in edit


@pytest.mark.parametrize(
    ("level", "keys"),
    [
        ("feature", ["scenario-1", "scenario-2"]),
        ("journey", []),
        ("nonsense", ["scenario-0", "scenario-1", "scenario-2"]),
    ],
)
def test_suite__filtered_by_level__shows_those_scenarios(client, world, levelled, level, keys):
    client.force_login(world.owner)
    response = client.get(url(world, "suite-detail", pk=world.suite.pk), {"level": level})
    assert [row.key for row in response.context["shown_scenarios"]] == keys
    empty = "No scenario of this level" in response.content.decode()
    assert empty is (not keys)


def test_api__suite__names_the_level_of_each_scenario(client, db):
    world = build_api_world()
    bearer = f"Bearer {world.secret('read')}"
    answer = client.get(f"/api/v1/suites/{world.suite.pk}/", HTTP_AUTHORIZATION=bearer)
    assert {row["level"] for row in answer.json()["scenarios"]} == {"model"}


def test_demo__levels__name_scenarios_that_there_are():
    assert LEVELS.keys() <= {row[0] for row in SCENARIOS}
