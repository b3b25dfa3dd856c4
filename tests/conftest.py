"""What every test run needs."""

from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace

import hypothesis
import pytest
from django.db import connection

from tests.stack import Installation, installation

# A busy machine is no fault of the code: speed is measured in benchmarks, not here.
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.load_profile("steady")

TRIGGERS = import_module("portal.audit.migrations.0002_triggers")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    # A test that commits is cleaned up by emptying every table, which is what the triggers refuse.
    with django_db_blocker.unblock():
        TRIGGERS.remove(None, SimpleNamespace(connection=connection))


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Iterator[Installation]:
    """One demo for all tests that look at it: made by the command itself, in its own folder."""
    with installation(tmp_path_factory.mktemp("demo")) as site:
        site.manage("demo", "--no-serve")
        yield site
