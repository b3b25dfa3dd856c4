"""Proves that the record is whole: the chain, what it commits to, and the rows as they stand now.

Three questions, each asked of every row: is the ledger the one that was written, does each
recorded row say what was committed to, and is each live row in the state that was recorded last?
Somebody with all rights over the database can still rebuild everything at once; that is for
copies of the head kept elsewhere to show.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError

from portal.audit.ledger import HASHED, row_hash
from portal.audit.models import NOTHING_BEFORE, AuditEvent, AuditHead
from portal.audit.records import Unreadable, batches
from portal.audit.report import CannotVerify, Report
from portal.audit.verify_rows import check_commitments, check_live_rows

EVENTS = AuditEvent._meta.db_table
HEAD = AuditHead._meta.db_table
PROGRESS_EVERY = 20_000

TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
    "postgresql": (
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled <> 'D'"
    ),
}

Progress = Callable[[str], None]


def verify(progress: Progress = lambda line: None) -> Report:
    """Check everything on one snapshot of the database. Raises CannotVerify without a ledger."""
    report = Report()
    try:
        with _snapshot():
            _require_migrations()
            _check_guard(report)
            _check_chain(report, progress)
            check_commitments(report, _Counter(progress, "recorded rows"))
            check_live_rows(report, _Counter(progress, "live rows"))
    except DatabaseError as error:
        raise CannotVerify(f"The database could not be read: {error}") from error
    if not (report.events or report.findings):
        raise CannotVerify("The ledger is empty: nothing was verified.")
    return report


class _Counter:
    """Says how far a long check has come, every so many rows."""

    def __init__(self, progress: Progress, noun: str) -> None:
        self.progress, self.noun, self.done = progress, noun, 0

    def __call__(self, rows: int) -> None:
        before, self.done = self.done, self.done + rows
        if before // PROGRESS_EVERY != self.done // PROGRESS_EVERY:
            self.progress(f"{self.done:,} {self.noun} checked")


@contextmanager
def _snapshot() -> Iterator[None]:
    """Read one state of the database while others write, without keeping them from it."""
    database: Any = connection
    if database.in_atomic_block:
        yield
    elif database.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    else:
        database.ensure_connection()  # it sets the usual mode
        usual = database.transaction_mode
        database.transaction_mode = "DEFERRED"  # IMMEDIATE would hold the only write lock
        try:
            with transaction.atomic():
                yield
        finally:
            database.transaction_mode = usual


def _require_migrations() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CannotVerify("The database lacks migrations. Run `manage.py migrate` first.")


def _check_guard(report: Report) -> None:
    """Without its triggers the ledger can be rewritten unhindered: not tampering yet, but news."""
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS[connection.vendor], [EVENTS])
        present = {name.removeprefix(f"{EVENTS}_refuses_") for (name,) in cursor.fetchall()}
    missing = sorted({"update", "delete"} - present)
    if missing:
        words = " and ".join(missing)
        report.warnings.append(f"{EVENTS}: the database no longer refuses {words} by itself.")


def _check_chain(report: Report, progress: Progress) -> None:
    count = _Counter(progress, "events")
    columns = (*HASHED, "prev_hash", "row_hash")
    seq, prev_hash, at = 0, NOTHING_BEFORE, None
    for batch in batches(AuditEvent._base_manager.all(), columns):
        for key, values in batch.items():
            _gap(report, seq + 1, key)
            row = None
            if not isinstance(values, Unreadable):
                row = dict(zip(columns, values, strict=True))
            seq, prev_hash = key, _link(report, key, row, prev_hash)
            at = _clock(report, key, at, row)
        report.events += len(batch)
        count(len(batch))
    _head(report, seq, prev_hash)


def _gap(report: Report, expected: int, seq: int) -> None:
    if seq < expected:
        report.found("chain", EVENTS, seq, "seq", "It has no place in the chain.")
    elif seq > expected:
        missing = f"{expected}" if seq == expected + 1 else f"{expected} to {seq - 1}"
        report.found("chain", EVENTS, missing, "seq", "It is missing.")


def _link(report: Report, seq: int, row: dict[str, Any] | None, prev_hash: str) -> str:
    """Check an event against the one before it. Returns the hash it claims, "" if unknown."""
    if row is None:
        report.found("chain", EVENTS, seq, "", Unreadable.problem)
        return ""
    if prev_hash and row["prev_hash"] != prev_hash:
        report.found("chain", EVENTS, seq, "prev_hash", "It does not follow the event before it.")
    try:
        computed = row_hash(row["prev_hash"], {name: row[name] for name in HASHED})
    except (ValueError, TypeError):
        computed = ""
    if row["row_hash"] != computed:
        problem = "The event is not as it was sealed."
        report.found("chain", EVENTS, seq, "row_hash", problem)
    return row["row_hash"]


def _clock(
    report: Report, seq: int, before: datetime | None, row: dict[str, Any] | None
) -> datetime | None:
    at = row["at"] if row else None
    if not isinstance(at, datetime):
        return before
    if before is not None and at < before:
        report.warnings.append(f"{EVENTS} {seq}: the clock stepped back by {before - at}.")
    return at


def _head(report: Report, size: int, head_hash: str) -> None:
    heads = list(AuditHead.objects.values_list("pk", "size", "head_hash"))
    if not heads and size == 0:
        return
    if [key for key, _, _ in heads] != [AuditHead.ONLY]:
        report.found("chain", HEAD, None, "", "It must hold exactly one row.")
    for key, claimed_size, claimed_hash in heads:
        if claimed_size != size:
            problem = f"It counts {claimed_size} events, the ledger ends at {size}."
            report.found("chain", HEAD, key, "size", problem)
        if head_hash and claimed_hash != head_hash:
            report.found("chain", HEAD, key, "head_hash", "The last event has another hash.")
