"""The world of the rollout tests, in a transaction that is rolled back or for all to see."""

import pytest

from tests.rollouts.world import World, build_world


@pytest.fixture
def world(db: None) -> World:
    return build_world()


@pytest.fixture
def committed_world(transactional_db: None) -> World:
    """The same, committed: for threads that must see it."""
    return build_world()
