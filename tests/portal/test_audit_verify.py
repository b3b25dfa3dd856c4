"""Whoever tampers with the record is found, and honest work never looks like tampering."""

import json
import random
from datetime import datetime, timedelta
from importlib import import_module
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.models import QuerySet

from catalog.models import Assumption, FailureCase, FailureMode, FailureOccurrence, Membership
from portal.accounts.models import User
from portal.audit import ledger, verify
from portal.audit.models import AuditEvent, AuditHead, AuditOpening
from portal.audit.records import history_of, recorded_tables, tracked_models
from rollouts.models import Approval, DecisionRecord, GateCheck
from tests.portal.audit_world import build_world

TRIGGERS = import_module("portal.audit.migrations.0002_triggers")

pytestmark = pytest.mark.django_db

HISTORIES = [history_of(model) for model in (FailureCase, FailureMode, Membership, User)]
FACTS = [Approval, DecisionRecord, FailureOccurrence, GateCheck]
LEDGER = [AuditEvent, AuditHead, AuditOpening]
LIVE = [Assumption, FailureCase, FailureMode, Membership, User]


@pytest.fixture
def world():
    return build_world()


@pytest.fixture(autouse=True)
def migrated(monkeypatch):
    # The question is answered once, by a test of its own; asked a thousand times it is slow.
    monkeypatch.setattr(verify, "_require_migrations", lambda: None)


def rows(model):
    """The model's rows as anybody with rights on the database has them: without our refusals."""
    return QuerySet(model).order_by("pk")


def places(report, table):
    named = {str(finding.row) for finding in report.findings if finding.table == table}
    if table == "audit_auditopening":  # a wrong salt shows at the row that it should open
        words = "opening of event "
        sentences = [f.problem for f in report.findings if words in f.problem]
        named |= {sentence.split(words)[1].split(",")[0] for sentence in sentences}
    return named


def run_command(*arguments):
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("audit_verify", *arguments, stdout=out, stderr=StringIO())
    return ended.value.code, out.getvalue()


def forged(field, value):
    """Another value that the column accepts and that differs as little as possible."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case datetime():
            return value + timedelta(microseconds=1)
        case dict() | list():
            return {"forged": True}
        case bytes() | memoryview():
            return bytes(value)[:-1] + bytes([bytes(value)[-1] ^ 1])
        case str() if value:
            return value[:-1] + ("0" if value[-1] != "0" else "1")
        case str():
            return "x"
        case None if isinstance(field, models.DateField):
            return datetime(2001, 1, 1).astimezone()
        case None if isinstance(field, models.CharField | models.TextField):
            return "x"
        case None:
            return 1
    return value + timedelta(days=1)


def columns_of(model):
    return history_of(model).tracked_fields if model in LIVE else model._meta.concrete_fields


def tampered(row, field, value):
    """Verify with one column of one row changed, then take it back; None when it is refused."""
    try:
        with transaction.atomic():
            rows(type(row)).filter(pk=row.pk).update(**{field.attname: value})
            report = verify.verify()
            transaction.set_rollback(True)
            return report
    except IntegrityError:
        return None


@pytest.mark.parametrize(
    "model", [*LEDGER, *HISTORIES, *FACTS, *LIVE], ids=lambda m: m._meta.db_table
)
def test_verify__any_column_of_a_row_edited_or_emptied__names_the_row(world, model):
    row = rows(model)[min(1, rows(model).count() - 1)]
    found = 0
    for field in columns_of(model):
        now = getattr(row, field.attname)
        for value in {repr(v): v for v in (forged(field, now), None) if v != now}.values():
            report = tampered(row, field, value)
            if report is None:
                continue
            named = places(report, model._meta.db_table)
            assert named & {str(row.pk), str(value)}, (field.attname, value, report.findings)
            found += 1
    assert found >= 2


@pytest.mark.parametrize(
    "model", [*LEDGER, *HISTORIES, *FACTS, FailureMode, Assumption], ids=lambda m: m._meta.db_table
)
def test_verify__row_deleted__names_it(world, model):
    row = rows(model)[1] if model is AuditEvent else rows(model).last()
    if model is AuditEvent:
        rows(AuditOpening).filter(pk=row.pk)._raw_delete("default")
    rows(model).filter(pk=row.pk)._raw_delete("default")
    named = places(verify.verify(), model._meta.db_table)
    assert ({"None"} if model is AuditHead else {str(row.pk)}) <= named


@pytest.mark.parametrize("model", [*HISTORIES, *FACTS], ids=lambda m: m._meta.db_table)
def test_verify__recorded_row_inserted_twice__names_the_copy(world, model):
    row = rows(model).first()
    row.pk = rows(model).last().pk + 100
    for name, value in {"number": 9, "reference": "forged", "user_id": world.ana.pk}.items():
        if model in FACTS and hasattr(row, name):
            setattr(row, name, value)
    if model is Approval:
        row.answer = "rejected"
    rows(model).bulk_create([row])
    assert str(row.pk) in places(verify.verify(), model._meta.db_table)


def test_verify__live_row_inserted__names_it(world):
    mode = FailureMode(project=world.project, key="forged", name="Forged")
    rows(FailureMode).bulk_create([mode])
    mode = FailureMode.objects.get(key="forged")
    assert str(mode.pk) in places(verify.verify(), "catalog_failuremode")


def test_verify__row_of_a_deleted_thing_brought_back__names_it(world):
    role = Membership.objects.last()
    kept = Membership.objects.get(pk=role.pk)
    role.delete()
    rows(Membership).bulk_create([kept])
    assert str(kept.pk) in places(verify.verify(), "catalog_membership")


def test_verify__event_appended_or_repeated__names_it(world):
    event = rows(AuditEvent).last()
    event.seq += 1
    event.record_id = None
    rows(AuditEvent).bulk_create([event])
    assert str(event.seq) in places(verify.verify(), "audit_auditevent")


def swap(model, first, second, names):
    for name in names:
        one, two = getattr(first, name), getattr(second, name)
        rows(model).filter(pk=first.pk).update(**{name: two})
        rows(model).filter(pk=second.pk).update(**{name: one})


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (AuditEvent, ["action", "object_type", "object_id", "payload_commitment", "row_hash"]),
        (AuditOpening, ["salt"]),
        (history_of(FailureMode), ["key", "name"]),
        (DecisionRecord, ["summary"]),
        (FailureMode, ["name"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_verify__two_rows_swapped__names_both(world, model, names):
    first, second = rows(model).order_by("-pk")[:2]
    swap(model, first, second, names)
    assert {str(first.pk), str(second.pk)} <= places(verify.verify(), model._meta.db_table)


def test_verify__tail_cut_with_a_matching_head__names_the_row_left_without_event(world):
    last, before = rows(AuditEvent).order_by("-pk")[:2]
    rows(AuditOpening).filter(pk=last.pk)._raw_delete("default")
    rows(AuditEvent).filter(pk=last.pk)._raw_delete("default")
    rows(AuditHead).update(size=before.seq, head_hash=before.row_hash)
    assert str(last.record_id) in places(verify.verify(), last.record_table)


def test_verify__field_of_a_live_row_edited__names_the_field(world):
    rows(FailureCase).filter(pk=world.case.pk).update(severity="low")
    finding = verify.verify().findings[0]
    assert (finding.table, finding.row, finding.field) == (
        "catalog_failurecase",
        world.case.pk,
        "severity",
    )


def test_verify__true_replaced_by_one_in_json__is_found(world):
    version = world.model.versions.first()
    rows(type(version)).filter(pk=version.pk).update(
        environment={"python": "3.11", "deep": [1, 2.5, None, 1]}
    )
    assert str(version.pk) in places(verify.verify(), "catalog_modelversion")


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL has typed columns")
def test_verify__value_of_another_type__is_found_and_named(world):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_failurecase SET last_seen = 'soon'")
        cursor.execute("UPDATE audit_auditevent SET at = 'never' WHERE seq = 2")
        cursor.execute("UPDATE rollouts_gatecheck SET checked_at = 'later'")
    report = verify.verify()
    assert str(world.case.pk) in places(report, "catalog_failurecase")
    assert "2" in places(report, "audit_auditevent")
    assert places(report, "rollouts_gatecheck") == {str(c.pk) for c in rows(GateCheck).only("pk")}


def test_verify__opening_removed__is_tampering_unless_an_event_says_it_was_redacted(world):
    event = AuditEvent.objects.filter(object_type="catalog.failurecase").last()
    ledger.redact(event, by=world.ana, reason="erasure request")
    assert verify.verify().is_whole
    other = AuditEvent.objects.exclude(seq=event.seq).filter(opening__isnull=False).first()
    rows(AuditOpening).filter(pk=other.pk)._raw_delete("default")
    assert places(verify.verify(), "audit_auditopening") == {str(other.pk)}


def test_verify__triggers_gone__is_noted_and_not_an_alarm(world):
    report = verify.verify()
    assert report.is_whole
    assert "no longer refuses delete and update" in report.warnings[0]
    TRIGGERS.install(None, SimpleNamespace(connection=connection))
    assert verify.verify().warnings == []


def test_verify__clock_stepped_back__is_noted_and_not_an_alarm(world, monkeypatch):
    earlier = AuditEvent.objects.first().at - timedelta(hours=1)
    monkeypatch.setattr(ledger.timezone, "now", lambda: earlier)
    world.mode.record(by=world.ana)
    report = verify.verify()
    assert report.is_whole
    assert "stepped back" in report.warnings[-1]


@pytest.mark.parametrize("seed", range(6))
def test_verify__honest_random_history__has_no_false_alarm(world, seed):
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    for step in range(25):
        honest_step(world, chance, f"{seed}-{step}")
    report = verify.verify()
    assert report.findings == []
    assert report.records > 40


def honest_step(world, chance, name):
    match chance.randrange(6):
        case 0:
            FailureMode(project=world.project, key=name, name=name).record(by=world.ben)
        case 1:
            mode = chance.choice(list(FailureMode.objects.filter(project=world.project)))
            mode.name, mode.description = name, "é ü\n" * chance.randrange(3)
            mode.record(by=world.ana, fields=chance.choice([None, ["name"], ["description"]]))
        case 2:
            case = FailureCase.objects.get(pk=world.case.pk)
            case.fingerprint_parts = {
                "x": chance.choice([1e22, -0.0, 1, True, None, "a"]),
                "b": {},
            }
            case.record(by=world.ana)
        case 3:
            user = User(username=f"u{name}")
            user.save()
            Membership(user=user, project=world.project, role="viewer").record(by=world.ana)
        case 4:
            Membership.objects.filter(project=world.project).last().delete()
        case 5:
            event = AuditEvent.objects.filter(opening__isnull=False).first()
            ledger.redact(event, by=world.ana, reason=name)


def test_recorded_tables__every_governed_model__is_covered_with_all_its_columns():
    for model in tracked_models():
        recorded = recorded_tables()[history_of(model)._meta.db_table]
        assert set(recorded.columns) == {
            field.attname
            for field in history_of(model)._meta.concrete_fields
            if field.attname != "history_id"
        }


def test_audit_verify__whole_record__exits_0_and_says_what_was_checked(world):
    code, text = run_command()
    assert code == 0
    assert text.startswith("In order.")
    code, text = run_command("--json")
    result = json.loads(text)
    assert (code, result["outcome"], result["events"]) == (
        0,
        "in_order",
        AuditEvent.objects.count(),
    )


def test_audit_verify__tampered_record__exits_1_and_names_the_row(world):
    rows(FailureCase).filter(pk=world.case.pk).update(title="Nothing to see")
    code, text = run_command()
    assert code == 1
    assert f"catalog_failurecase {world.case.pk}, title" in text
    code, text = run_command("--json")
    assert code == 1
    assert json.loads(text)["findings"][0]["row"] == world.case.pk


def test_audit_verify__empty_ledger__exits_2():
    code, text = run_command("--json")
    assert code == 2
    assert json.loads(text)["outcome"] == "cannot_verify"


def test_audit_verify__ledger_emptied_beside_its_rows__exits_1(world):
    for model in (AuditOpening, AuditEvent, AuditHead):
        rows(model)._raw_delete("default")
    assert run_command()[0] == 1


def test_audit_verify__ledger_out_of_reach__exits_2(world):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent RENAME TO somewhere_else")
    with transaction.atomic():
        code, text = run_command()
        transaction.set_rollback(True)
    assert code == 2
    assert "could not be read" in text


def test_audit_verify__migration_missing__exits_2(world, monkeypatch):
    monkeypatch.undo()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'audit'")
    code, text = run_command()
    assert code == 2
    assert "lacks migrations" in text
