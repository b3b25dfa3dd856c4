"""Every write leaves one event in its own transaction, and the ledger refuses to be rewritten."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from catalog.models import FailureMode, Membership, Project
from catalog.signals import happened
from catalog.transactions import write_block
from portal.accounts.models import ApiToken, User
from portal.audit import ledger
from portal.audit.models import AuditEvent, AuditHead, AuditOpening
from portal.audit.records import Recorded, recorded_tables
from portal.audit.verify import verify
from portal.logs import request_id

TRIGGERS = import_module("portal.audit.migrations.0002_triggers")

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana():
    user = User(username="ana", first_name="Ana", last_name="Costa")
    user.save()
    return user


@pytest.fixture
def project(ana):
    return Project(name="Flight delay", slug="flights").record(by=ana)


def events():
    return list(AuditEvent.objects.order_by("seq"))


def a_mode(project, key="fog", **values):
    return FailureMode(project=project, key=key, name=f"Mode {key}", **values)


def write_two(project, ana):
    """A use case whose second row is refused."""
    a_mode(project, "ice").record(by=ana)
    a_mode(project, "not a key").record(by=ana)


def test_governed_write__committed__leaves_exactly_one_event(project, ana):
    before = AuditEvent.objects.count()
    mode = a_mode(project).record(by=ana)
    written = events()[before:]
    assert [event.action for event in written] == ["catalog.failuremode.created"]
    assert written[0].object_type == "catalog.failuremode"
    assert (written[0].object_id, written[0].project_id) == (mode.pk, project.pk)
    assert (written[0].actor_kind, written[0].actor_id) == ("person", ana.pk)
    assert written[0].record_table == "catalog_historicalfailuremode"
    assert written[0].record_id == mode.history.get().pk


def test_governed_write__change_and_end__are_named_after_what_happened(project, ana):
    role = Membership(user=ana, project=project, role="viewer").record(by=ana)
    role.role = "curator"
    role.record(by=ana, reason="moved teams")
    role.delete()
    assert [event.action for event in events()[-3:]] == [
        "catalog.membership.created",
        "catalog.membership.changed",
        "catalog.membership.deleted",
    ]


def test_append__fails__takes_the_business_row_back(project, ana, monkeypatch):
    monkeypatch.setattr(ledger, "_chained", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        a_mode(project).record(by=ana)
    assert not FailureMode.objects.exists()
    assert not FailureMode.history.exists()


def test_append__error_is_swallowed__the_surrounding_transaction_cannot_commit(
    project, ana, monkeypatch
):
    with transaction.atomic():
        monkeypatch.setattr(ledger, "_chained", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ledger.append([ledger.Item(action="x.y", actor=ledger.Actor(), payload={})])
        assert connection.needs_rollback
        transaction.set_rollback(False)


def test_write_block__nested__writes_its_events_once_at_the_outer_end(project, ana):
    before = AuditEvent.objects.count()
    with write_block():
        a_mode(project, "fog").record(by=ana)
        with write_block():
            a_mode(project, "ice").record(by=ana)
        assert AuditEvent.objects.count() == before
    assert [event.object_type for event in events()[before:]] == ["catalog.failuremode"] * 2
    assert len({event.at for event in events()[before:]}) == 1


def test_write_block__fails__leaves_neither_rows_nor_events(project, ana):
    before = AuditEvent.objects.count()
    with pytest.raises(ValidationError), write_block():
        write_two(project, ana)
    assert AuditEvent.objects.count() == before
    assert not FailureMode.objects.exists()


def test_write_block__part_of_it_taken_back__only_what_stayed_has_an_event(project, ana):
    with write_block():
        with pytest.raises(ValidationError), transaction.atomic():
            write_two(project, ana)
        a_mode(project, "fog").record(by=ana)
    assert [mode.key for mode in FailureMode.objects.all()] == ["fog"]
    assert verify().is_whole


def test_happened__content_in_no_row__is_kept_in_the_opening(project, ana):
    happened.send(
        sender=None,
        action="catalog.sensitivepayload.revealed",
        obj=project,
        actor=ana,
        project_id=project.pk,
        payload={"reason": "case review", "fields": ["remark"]},
    )
    event = events()[-1]
    assert event.action == "catalog.sensitivepayload.revealed"
    assert (event.record_table, event.record_id) == ("", None)
    assert event.opening.payload == '{"fields":["remark"],"reason":"case review"}'
    assert event.payload_commitment == ledger.commitment(
        bytes(event.opening.salt), event.opening.payload.encode()
    )


def test_event__of_a_recorded_row__holds_no_text_of_it(project, ana):
    a_mode(project, description="canary-in-the-text").record(by=ana, reason="canary-reason")
    event = AuditEvent.objects.values().order_by("-seq")[0]
    assert "canary" not in str(event)
    assert AuditOpening.objects.get(event_id=event["seq"]).payload == ""


def test_actor__token_of_a_service_account__is_a_service_on_its_issuers_behalf(project, ana):
    robot = User(username="ci", kind=User.Kind.SERVICE)
    robot.save()
    token = ApiToken(user=robot, project=project, created_by=ana)
    robot.token_in_use = token
    a_mode(project).record(by=robot)
    event = events()[-1]
    assert (event.actor_kind, event.actor_id, event.on_behalf_of) == ("service", robot.pk, ana.pk)


def test_actor__nobody__is_the_system(project):
    mode = a_mode(project)
    mode.save()
    assert (events()[-1].actor_kind, events()[-1].actor_id) == ("system", None)


def test_event__during_a_request__carries_its_id(project, ana):
    token = request_id.set("0123456789abcdef")
    try:
        a_mode(project).record(by=ana)
    finally:
        request_id.reset(token)
    assert events()[-1].request_id == "0123456789abcdef"
    a_mode(project, "ice").record(by=ana)
    assert events()[-1].request_id == ""


def test_history__saved_by_field__says_what_is_stored(project, ana):
    mode = a_mode(project).record(by=ana)
    mode.name, mode.description = "Fog at landing", "never saved"
    mode.record(by=ana, fields=["name"])
    last = mode.history.first()
    assert (last.name, last.description) == ("Fog at landing", "")
    assert verify().is_whole


def test_history__back_dated_by_the_caller__carries_the_real_time(project, ana):
    mode = a_mode(project)
    mode._history_date = project.created_at.replace(year=2001)
    mode.record(by=ana)
    assert mode.history.get().history_date >= project.created_at


def test_chain__several_events__each_names_the_one_before_it(project, ana):
    a_mode(project).record(by=ana)
    chain = events()
    assert [event.seq for event in chain] == list(range(1, len(chain) + 1))
    assert [e.prev_hash for e in chain] == ["0" * 64, *(e.row_hash for e in chain[:-1])]
    head = AuditHead.objects.get()
    assert (head.size, head.head_hash) == (chain[-1].seq, chain[-1].row_hash)


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda event: event.save(),
        lambda event: event.delete(),
        lambda event: AuditEvent.objects.update(action="x"),
        lambda event: AuditEvent.objects.filter(pk=event.pk).delete(),
        lambda event: AuditEvent.objects.bulk_update([event], ["action"]),
        lambda event: AuditEvent.objects.update_or_create(defaults={"action": "x"}, seq=event.seq),
    ],
    ids=["save", "delete", "update", "delete many", "bulk update", "update or create"],
)
def test_event__rewritten_through_the_models__is_refused(project, rewrite):
    with pytest.raises(ValidationError):
        rewrite(events()[0])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditevent SET action = 'x'",
        "DELETE FROM audit_auditevent",
        "UPDATE audit_auditopening SET payload = 'x'",
        "DELETE FROM audit_audithead",
        pytest.param("TRUNCATE audit_auditevent CASCADE", id="truncate"),
    ],
)
def test_event__rewritten_in_the_database__is_refused_by_it(project, statement):
    if statement.startswith("TRUNCATE") and connection.vendor == "sqlite":
        statement = "DELETE FROM audit_auditevent"  # its only way to truncate
    TRIGGERS.install(None, SimpleNamespace(connection=connection))
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert verify().is_whole


def test_triggers__installed__still_let_the_ledger_grow_and_be_redacted(project, ana):
    TRIGGERS.install(None, SimpleNamespace(connection=connection))
    a_mode(project).record(by=ana)
    ledger.redact(events()[-1], by=ana, reason="erasure request")
    assert events()[-1].action == "audit.opening.redacted"
    assert verify().is_whole


def test_visible_to__member_and_outsider__opens_only_ones_own_projects(project, ana):
    Membership(user=ana, project=project, role="viewer").record(by=ana)
    bob = User(username="bob")
    bob.save()
    other = Project(name="Other", slug="other").record(by=bob)
    seen = AuditEvent.objects.visible_to(ana)
    assert {event.project_id for event in seen} == {project.pk}
    assert not AuditEvent.objects.visible_to(bob).exists()
    assert AuditEvent.objects.filter(project_id=other.pk).exists()


# -- what is committed to ---------------------------------------------------------------------

#: Defaults other than nothing. Changing one here would make earlier rows look tampered with.
FIXED_DEFAULTS = {
    "accounts_historicaluser.is_active": True,
    "accounts_historicaluser.kind": "person",
    "benchmarks_historicalbaseline.status": "proposed",
    "benchmarks_historicalchallengerun.status": "queued",
    "benchmarks_historicalmetricspec.minimum_n": 100,
    "benchmarks_historicalprogram.status": "active",
    "benchmarks_historicalprogram.cadence_every": 1,
    "benchmarks_historicalprogramcycle.status": "open",
    "benchmarks_historicalremediation.status": "open",
    "benchmarks_historicalscenario.level": "model",
    "benchmarks_historicalscenario.must_pass": 1,
    "benchmarks_historicalscenario.repeats": 1,
    "benchmarks_historicalsuite.cost_unit": "USD",
    "benchmarks_historicalsuite.kind": "challenge",
    "benchmarks_historicalsuite.unit_of_independence": "one row",
    "catalog_failureoccurrence.count": 1,
    "catalog_historicalfailurecase.severity": "medium",
    "catalog_historicalfailurecase.status": "candidate",
    "catalog_historicalmodelendpoint.batch_size": 100,
    "catalog_historicalmodelendpoint.deadline": 10.0,
    "catalog_historicalmodelversion.decision_threshold": 0.5,
    "catalog_historicalregisteredmodel.task": "binary",
    "rollouts_historicalapprovalrequest.status": "open",
    "rollouts_historicalgate.slice": "all",
    "rollouts_historicalrolloutplan.revision": 1,
    "rollouts_historicalrolloutplan.status": "draft",
    "rollouts_historicalstage.status": "pending",
}
#: The moment of writing: no stored value ever equals it.
MOMENTS = {"accounts_historicaluser.date_joined"}


def test_payload__column_added_later_with_its_default__commits_to_what_it_did_before():
    now = recorded_tables()["catalog_historicalregisteredmodel"]
    row = {name: f"a {name}" for name in now.columns} | {"limits": ""}
    before = Recorded(now.model, tuple(name for name in now.columns if name != "limits"))
    assert "limits" in now.columns
    assert now.payload(tuple(row.values())) == before.payload(
        tuple(value for name, value in row.items() if name != "limits")
    )
    row["limits"] = "Not at night."
    assert now.payload(tuple(row.values()))["limits"] == "Not at night."


def test_defaults__of_recorded_columns__are_those_that_earlier_rows_were_committed_with():
    found = {
        f"{table}.{name}": default
        for table, recorded in recorded_tables().items()
        for name, default in zip(recorded.columns, recorded.defaults, strict=True)
        if default not in (None, "", 0, [], {}) or default is True
    }
    assert {name: found[name] for name in found if name not in MOMENTS} == FIXED_DEFAULTS
