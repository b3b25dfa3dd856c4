"""Writers at the same time leave one chain without gaps, and a verification does not stop them."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from catalog.models import FailureMode, Project
from portal.audit import verify as verify_module
from portal.audit.models import AuditEvent, AuditHead
from portal.audit.verify import verify
from tests.portal.audit_world import person

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS, WRITES = 4, 6


@pytest.fixture
def ana():
    return person("ana", "Ana")


@pytest.fixture
def project(ana):
    return Project(name="Flight delay", slug="flights").record(by=ana)


def together(act):
    """Call `act(writer)` in as many threads as there are writers, all starting at once."""
    barrier = Barrier(WRITERS)

    def one(writer):
        try:
            barrier.wait()
            return act(writer)
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(one, range(WRITERS)))


def test_append__concurrent_writers__leave_a_chain_without_gaps(project, ana):
    before = AuditEvent.objects.count()

    def write(writer):
        for number in range(WRITES):
            key = f"mode-{writer}-{number}"
            FailureMode(project=project, key=key, name=key).record(by=ana)

    together(write)
    chain = list(AuditEvent.objects.order_by("seq"))
    assert len(chain) == before + WRITERS * WRITES
    assert [event.seq for event in chain] == list(range(1, len(chain) + 1))
    assert [event.at for event in chain] == sorted(event.at for event in chain)
    assert verify().is_whole


def test_append__first_events_of_an_empty_ledger_at_once__share_one_head():
    together(lambda writer: person(f"u{writer}", f"U{writer}"))
    assert AuditHead.objects.get().size == WRITERS
    assert verify().is_whole


def test_verify__others_write_meanwhile__sees_one_state_and_lets_them(project, ana, monkeypatch):
    check, written = verify_module._head, []

    def write():
        try:
            written.append(FailureMode(project=project, key="fog", name="Fog").record(by=ana))
        finally:
            connection.close()

    def after_somebody_wrote(*args):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(write).result()
        check(*args)

    monkeypatch.setattr(verify_module, "_head", after_somebody_wrote)
    report = verify()
    assert written
    assert report.findings == []
    assert report.events == AuditEvent.objects.count() - 1


def test_verify__after_it_ran__leaves_the_connection_writing_as_before(project, ana):
    verify()
    FailureMode(project=project, key="fog", name="Fog").record(by=ana)
    assert verify().is_whole
