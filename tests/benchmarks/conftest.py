"""The small world in which runs are started for real."""

import copy

import pytest

from tests.benchmarks import small_world
from tests.benchmarks.small_world import SmallWorld


@pytest.fixture(scope="module")
def module_world(module_db) -> SmallWorld:
    with module_db.unblock():
        return small_world.peopled()


@pytest.fixture
def world(request, module_world, db) -> SmallWorld:
    marker = request.node.get_closest_marker("django_db")
    assert not (marker and marker.kwargs.get("transaction")), (
        "Other connections do not see this world: ask for committed_world."
    )
    return copy.deepcopy(module_world)


@pytest.fixture
def committed_world(transactional_db) -> SmallWorld:
    return small_world.peopled(scenarios=12)
