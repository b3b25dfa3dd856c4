"""Reads the ledger back for people: whose act it was, on what, and what became different."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Field, Model, OuterRef, QuerySet, Subquery
from django.utils import timezone

from catalog.models import Project
from catalog.pages import Entry, address
from portal.audit.filters import TimelineFilters
from portal.audit.models import ActorKind, AuditEvent
from portal.audit.records import (
    Recorded,
    history_of,
    key_of,
    recorded_tables,
    tracked_models,
)
from portal.audit.wording import model_named, phrase
from portal.ui import formats

#: Account data is personal and no project's: that it changed is shown, what it says is not.
UNSHOWN = frozenset({"accounts_historicaluser"})
LONGEST = 90

Reference = tuple[type[Model], int]


@dataclass(frozen=True, slots=True)
class Change:
    field: Field
    before: Any
    after: Any


@dataclass(slots=True)
class Detail:
    """What the recorded row behind an event tells."""

    changes: list[Change] = field(default_factory=list)
    words: str = ""
    reason: str = ""
    badge: str = ""


def project_events(
    project: Project, user: Any, filters: Mapping[str, Any] | None = None
) -> QuerySet[AuditEvent]:
    """The project's events that this user may see, newest first."""
    events = AuditEvent.objects.visible_to(user).in_project(project)
    return TimelineFilters(filters, events).qs


def object_events(row: Model) -> QuerySet[AuditEvent]:
    """What happened to one row, newest first."""
    return AuditEvent.objects.filter(object_type=row._meta.label_lower, object_id=row.pk)


def kinds() -> dict[str, type[Model]]:
    """How addresses name the kinds of rows that have a timeline of their own."""
    models = [model for model in tracked_models() if hasattr(model, "project_path")]
    return {str(model._meta.model_name): model for model in models}


def entries(
    events: Iterable[AuditEvent], project: Project, *, about: Reference | None = None
) -> list[Entry]:
    """The events as lines of a timeline, with a fixed number of queries for each kind of row.

    On the page `about` one row that row is neither named nor linked again.
    """
    events = list(events)
    details = _details(events)
    names = names_of(_references(events, details))
    return [_entry(event, details[event.seq], names, project, about) for event in events]


def names_of(references: Iterable[Reference]) -> dict[Reference, str]:
    """What each row is called; a row that is gone goes by its last recorded state."""
    keys: dict[type[Model], set[int]] = defaultdict(set)
    for model, key in references:
        keys[model].add(key)
    names: dict[Reference, str] = {}
    for model, wanted in keys.items():
        rows: dict[int, Any] = model._base_manager.select_related().in_bulk(wanted)
        for key in wanted:
            names[model, key] = str(rows[key]) if key in rows else _last_name(model, key)
    return names


def who(event: AuditEvent, names: Mapping[Reference, str]) -> str:
    if event.actor_id is None:
        return "System"
    user = get_user_model()
    name = names[user, event.actor_id]
    if event.actor_kind == ActorKind.SERVICE and event.on_behalf_of:
        return f"{name} for {names[user, event.on_behalf_of]}"
    return name


def object_reference(event: AuditEvent) -> Reference | None:
    model = model_named(event.object_type)
    return (model, event.object_id) if model and event.object_id is not None else None


def actor_references(event: AuditEvent) -> list[Reference]:
    user = get_user_model()
    return [(user, key) for key in (event.actor_id, event.on_behalf_of) if key is not None]


def _last_name(model: type[Model], key: int) -> str:
    if model in tracked_models():
        row: Any = history_of(model)._base_manager.filter(**{key_of(model): key}).last()
        if row is not None:
            return str(row.instance)
    return f"{model._meta.verbose_name} {key}"


# what the recorded rows tell


def _details(events: list[AuditEvent]) -> dict[int, Detail]:
    details: dict[int, Detail] = defaultdict(Detail)
    by_table: dict[str, dict[int, int]] = defaultdict(dict)
    for event in events:
        if event.record_table in recorded_tables() and event.record_table not in UNSHOWN:
            by_table[event.record_table][event.record_id or 0] = event.seq
    for table, seqs in by_table.items():
        recorded = recorded_tables()[table]
        read = _history_details if recorded.tracks else _fact_details
        for key, detail in read(recorded, list(seqs)).items():
            details[seqs[key]] = detail
    _read_openings([event for event in events if not event.record_table], details)
    return details


def _history_details(recorded: Recorded, keys: list[int]) -> dict[int, Detail]:
    """Each history row against the one before it of the same object, in two queries."""
    history: Any = recorded.model._base_manager
    key = key_of(recorded.tracks or recorded.model)
    earlier = history.filter(**{key: OuterRef(key)}, pk__lt=OuterRef("pk")).order_by("-pk")
    previous_key = Subquery(earlier.values("pk")[:1])
    rows = list(history.filter(pk__in=keys).annotate(previous=previous_key))
    previous = history.in_bulk([row.previous for row in rows if row.previous])
    return {
        row.pk: Detail(
            changes=_changes(previous.get(row.previous), row),
            reason=row.history_change_reason or "",
        )
        for row in rows
    }


def _changes(before: Any, after: Any) -> list[Change]:
    if before is None or after.history_type != "~":
        return []
    pairs = [
        (tracked, getattr(before, tracked.attname), getattr(after, tracked.attname))
        for tracked in after.tracked_fields
    ]
    return [Change(tracked, old, new) for tracked, old, new in pairs if old != new]


def _fact_details(recorded: Recorded, keys: list[int]) -> dict[int, Detail]:
    rows: dict[int, Any] = recorded.model._base_manager.select_related().in_bulk(keys)
    return {
        key: Detail(
            words=str(row),
            reason=getattr(row, "reason", ""),
            badge=getattr(row, "verdict", "") or getattr(row, "answer", ""),
        )
        for key, row in rows.items()
    }


def _read_openings(events: list[AuditEvent], details: dict[int, Detail]) -> None:
    """Of content that only the ledger holds nothing is shown but the reason that was given."""
    for event in events:
        opening = getattr(event, "opening", None)
        payload = json.loads(opening.payload or "null") if opening else None
        if isinstance(payload, dict):
            details[event.seq].reason = str(payload.get("reason") or "")


def _references(events: list[AuditEvent], details: Mapping[int, Detail]) -> set[Reference]:
    found = {reference for event in events if (reference := object_reference(event))}
    for event in events:
        found.update(actor_references(event))
    for detail in details.values():
        for change in detail.changes:
            if change.field.related_model is not None:
                model: Any = change.field.related_model
                found.update((model, key) for key in (change.before, change.after) if key)
    return found


# in words


def _entry(
    event: AuditEvent,
    detail: Detail,
    names: Mapping[Reference, str],
    project: Project,
    about: Reference | None,
) -> Entry:
    reference = object_reference(event)
    shown = reference if reference != about else None
    title = phrase(event.action)
    entry = Entry(
        when=event.at,
        title=f"{title}: {names[shown]}" if shown else title,
        kind=f"Event {event.seq}",
        who=who(event, names),
        sentence=_sentence(detail, names),
    )
    if detail.badge:
        entry["badge"] = detail.badge
    if shown and str(shown[0]._meta.model_name) in kinds():
        kind = shown[0]._meta.model_name
        entry["url"] = address("audit-object", project, kind=kind, pk=shown[1])
    return entry


def _sentence(detail: Detail, names: Mapping[Reference, str]) -> str:
    parts = [_difference(change, names) for change in detail.changes]
    if detail.words:
        parts.append(_closed(detail.words))
    if detail.reason:
        parts.append(f"Reason: {_closed(detail.reason)}")
    return " ".join(parts)


def _difference(change: Change, names: Mapping[Reference, str]) -> str:
    before, after = (_shown(change.field, v, names) for v in (change.before, change.after))
    return f"{str(change.field.verbose_name).capitalize()}: {before} → {after}."


def _closed(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _shown(column: Field, value: Any, names: Mapping[Reference, str]) -> str:
    if value in (None, ""):
        return formats.NOTHING
    if column.related_model is not None:
        related: Any = column.related_model
        return names[related, value]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return formats.absolute(timezone.localtime(value))
    if isinstance(value, dict | list):
        return _short(json.dumps(value, ensure_ascii=False))
    return _short(str(dict(column.flatchoices).get(value, value)))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
