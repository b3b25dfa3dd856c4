"""The world of the rollout tests, in a transaction that is rolled back or for all to see."""

import copy
from typing import Any

import pytest

from tests.rollouts.world import World, build_world


@pytest.fixture(scope="module")
def module_world(module_db: Any) -> World:
    with module_db.unblock():
        return build_world()


@pytest.fixture
def world(module_world: World, db: None) -> World:
    return copy.deepcopy(module_world)


@pytest.fixture
def committed_world(transactional_db: None) -> World:
    """The same, committed: for threads that must see it."""
    return build_world()
