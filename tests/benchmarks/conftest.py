"""The small world in which runs are started for real."""

import copy

import pytest

from catalog.choices import Role
from tests.benchmarks import small_world
from tests.benchmarks.small_world import SmallWorld
from tests.builders import a_person, a_project


@pytest.fixture(scope="module")
def module_world(module_db) -> SmallWorld:
    with module_db.unblock():
        return _build()


@pytest.fixture
def world(module_world, db) -> SmallWorld:
    return copy.deepcopy(module_world)


@pytest.fixture
def committed_world(transactional_db) -> SmallWorld:
    return _build(scenarios=12)


def _build(**fields: int) -> SmallWorld:
    project = a_project()
    owner = a_person(project, Role.CONTRIBUTOR, name="world-owner")
    reviewer = a_person(project, Role.DATA_SCIENCE, name="world-reviewer")
    return small_world.build(owner, reviewer, project, **fields)
