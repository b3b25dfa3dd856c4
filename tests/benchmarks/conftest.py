"""The small world in which runs are started for real."""

import pytest

from catalog.choices import Role
from tests.benchmarks import small_world
from tests.benchmarks.small_world import SmallWorld
from tests.builders import a_person, a_project


@pytest.fixture
def world(db) -> SmallWorld:
    project = a_project()
    owner = a_person(project, Role.CONTRIBUTOR, name="world-owner")
    reviewer = a_person(project, Role.DATA_SCIENCE, name="world-reviewer")
    return small_world.build(owner, reviewer, project)


@pytest.fixture
def committed_world(transactional_db) -> SmallWorld:
    project = a_project()
    owner = a_person(project, Role.CONTRIBUTOR, name="world-owner")
    reviewer = a_person(project, Role.DATA_SCIENCE, name="world-reviewer")
    return small_world.build(owner, reviewer, project, scenarios=12)
