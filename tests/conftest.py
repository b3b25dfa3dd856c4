"""What every test run needs."""

from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from django.db import connection, transaction

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


@pytest.fixture(scope="module")
def module_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[Any]:
    """What a module's tests start from: written once, inside a transaction that is taken back.

    Each test's own transaction becomes a savepoint of it. Write only while the blocker it gives
    is unblocked, and give each test a copy of the rows, because tests change them.
    """
    block = transaction.atomic()
    with django_db_blocker.unblock():
        block.__enter__()
    yield django_db_blocker
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        block.__exit__(None, None, None)


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Iterator[Installation]:
    """One demo for all tests that look at it: made by the command itself, in its own folder."""
    with installation(tmp_path_factory.mktemp("demo")) as site:
        site.manage("demo", "--no-serve")
        yield site
