"""Checks the rows that the ledger vouches for: what was committed to, and what stands now."""

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, Max, Model, OuterRef

from catalog.digests import canonical_json
from portal.audit.ledger import REDACTED, commitment
from portal.audit.models import AuditEvent, AuditOpening
from portal.audit.records import (
    BATCH,
    Recorded,
    Unreadable,
    batches,
    history_of,
    key_of,
    recorded_tables,
    tracked_models,
)
from portal.audit.report import Report

EVENTS = AuditEvent._meta.db_table
OPENINGS = AuditOpening._meta.db_table
OPENED = ("seq", "payload_commitment", "opening__event_id", "opening__salt", "opening__payload")

Values = tuple[Any, ...] | Unreadable
Opened = tuple[Any, ...]  # an event, by the columns of OPENED
Count = Callable[[int], None]


def check_commitments(report: Report, count: Count) -> None:
    removals = AuditEvent._base_manager.filter(action=REDACTED)
    redacted = set(removals.values_list("object_id", flat=True))
    for recorded in recorded_tables().values():
        _records_of(report, recorded, redacted, count)
    _events_without_record(report, redacted)
    known = [*recorded_tables(), ""]
    strangers = AuditEvent._base_manager.exclude(record_table__in=known)
    for seq, table in strangers.values_list("seq", "record_table"):
        report.found("commitment", EVENTS, seq, "record_table", f"There is no table {table!r}.")
    orphans = AuditOpening.objects.filter(
        ~Exists(AuditEvent._base_manager.filter(pk=OuterRef("event_id")))
    )
    for key in orphans.values_list("pk", flat=True):
        report.found("commitment", OPENINGS, key, "event_id", "It opens an event that is missing.")


def _records_of(
    report: Report, recorded: Recorded, redacted: set[int | None], count: Count
) -> None:
    after: int | None = None
    for batch in batches(recorded.model._base_manager.all(), recorded.columns):
        last = max(batch)
        events = _events_of(recorded.table, after, last)
        for key, values in batch.items():
            _record(report, recorded, key, values, events.pop(key, []), redacted)
        _lost(report, recorded.table, events)
        after = last
        report.records += len(batch)
        count(len(batch))
    _lost(report, recorded.table, _events_of(recorded.table, after, None))


def _events_of(table: str, after: int | None, last: int | None) -> dict[Any, list[Opened]]:
    """The events of the rows with after < key <= last, by key."""
    events = AuditEvent._base_manager.filter(record_table=table).order_by("seq")
    if after is not None:
        events = events.filter(record_id__gt=after)
    if last is not None:
        events = events.filter(record_id__lte=last)
    by_record: dict[Any, list[Opened]] = {}
    for record_id, *event in events.values_list("record_id", *OPENED):
        by_record.setdefault(record_id, []).append(tuple(event))
    return by_record


def _record(
    report: Report,
    recorded: Recorded,
    key: int,
    values: Values,
    events: list[Opened],
    redacted: set[int | None],
) -> None:
    if len(events) != 1:
        problem = f"{len(events)} events vouch for it." if events else "No event vouches for it."
        report.found("commitment", recorded.table, key, "", problem)
    for event in events:
        seq, committed, _, salt, payload = event
        if not _has_opening(report, event, redacted):
            continue
        if payload:
            report.found("commitment", OPENINGS, seq, "payload", "The record holds the content.")
        if isinstance(values, Unreadable):
            report.found("commitment", recorded.table, key, "", Unreadable.problem)
        elif not _opens(committed, salt, recorded.payload(values)):
            problem = f"It, or the opening of event {seq}, is not what was committed to."
            report.found("commitment", recorded.table, key, "", problem)


def _lost(report: Report, table: str, events: dict[Any, list[Opened]]) -> None:
    for key, opened in events.items():
        problem = f"It is missing; event {opened[0][0]} vouches for it."
        report.found("commitment", table, key, "", problem)


def _has_opening(report: Report, event: Opened, redacted: set[int | None]) -> bool:
    seq, _, opening, _, _ = event
    if opening is None and seq not in redacted:
        problem = "It is missing and no event says that it was redacted."
        report.found("commitment", OPENINGS, seq, "", problem)
    return opening is not None


def _opens(committed: str, salt: Any, content: Any) -> bool:
    try:
        payload = content.encode() if isinstance(content, str) else canonical_json(content)
        return committed == commitment(bytes(salt), payload)
    except (ValueError, TypeError):
        return False


def _events_without_record(report: Report, redacted: set[int | None]) -> None:
    events = AuditEvent._base_manager.filter(record_table="").order_by("seq")
    for event in events.values_list(*OPENED).iterator(chunk_size=BATCH):
        seq, committed, _, salt, payload = event
        if _has_opening(report, event, redacted) and not _opens(committed, salt, payload):
            problem = f"It is not what event {seq} committed to."
            report.found("commitment", OPENINGS, seq, "payload", problem)


def check_live_rows(report: Report, count: Count) -> None:
    for model in tracked_models():
        table = recorded_tables()[history_of(model)._meta.db_table]
        for batch in batches(model._base_manager.all(), table.tracked):
            last = _last_states(model, table, min(batch), max(batch))
            for key, values in batch.items():
                _live(report, model, table, key, values, last.get(key))
            report.live_rows += len(batch)
            count(len(batch))
        _vanished(report, model, table)


def _last_states(model: type[Model], table: Recorded, first: int, last: int) -> dict[int, Values]:
    """The last history row of each object in a range of keys: object's key → type and values."""
    key = key_of(model)
    history = table.model._base_manager.filter(**{f"{key}__gte": first, f"{key}__lte": last})
    newest = history.order_by().values(key).annotate(newest=Max("pk")).values("newest")
    columns = (key, "history_type", *table.tracked)
    states: dict[int, Values] = {}
    for batch in batches(table.model._base_manager.filter(pk__in=newest), columns):
        for values in batch.values():
            if not isinstance(values, Unreadable):
                states[values[0]] = values[1:]
    return states


def _live(
    report: Report,
    model: type[Model],
    table: Recorded,
    key: int,
    values: Values,
    state: Values | None,
) -> None:
    name = model._meta.db_table
    if isinstance(values, Unreadable):
        report.found("live", name, key, "", Unreadable.problem)
    elif state is None or isinstance(state, Unreadable):
        report.found("live", name, key, "", "No readable history tells how it came to be.")
    elif state[0] == "-":
        report.found("live", name, key, "", "Its history says that it was deleted.")
    # The text form also tells True from 1; equal texts are the usual case and the cheap one.
    elif repr(values) != repr(state[1:]):
        for column, now, then in zip(table.tracked, values, state[1:], strict=True):
            if not _same(now, then):
                problem = "It differs from the state recorded last."
                report.found("live", name, key, column, problem)


def _same(now: Any, then: Any) -> bool:
    try:
        return canonical_json(now) == canonical_json(then)
    except (ValueError, TypeError):
        return False


def _vanished(report: Report, model: type[Model], table: Recorded) -> None:
    key = key_of(model)
    history = table.model._base_manager.all()
    newest = history.order_by().values(key).annotate(newest=Max("pk")).values("newest")
    alive = model._base_manager.filter(pk=OuterRef(key))
    gone = history.filter(pk__in=newest).exclude(history_type="-").filter(~Exists(alive))
    for missing in gone.values_list(key, flat=True):
        problem = "It is gone and no history says that it was deleted."
        report.found("live", model._meta.db_table, missing, "", problem)
