"""Writing to the ledger: what is committed to, how rows are chained, the lock that orders them."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from catalog.digests import canonical_json
from portal.audit.models import NOTHING_BEFORE, ActorKind, AuditEvent, AuditHead, AuditOpening
from portal.audit.records import recorded_tables
from portal.logs import request_id

#: Different first bytes, so that no row can pass as a payload nor a payload as a row.
ROW, PAYLOAD = b"\x00", b"\x02"
SALT_BYTES = 16
REDACTED = "audit.opening.redacted"
#: The columns that a row's hash covers, besides the hash before it.
HASHED = tuple(
    field.attname
    for field in AuditEvent._meta.concrete_fields
    if field.attname not in {"prev_hash", "row_hash"}
)


@dataclass(frozen=True, slots=True)
class Actor:
    kind: str = ActorKind.SYSTEM
    id: int | None = None
    on_behalf_of: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """Something to be written to the ledger; `record` is (table, key) of the row that holds it."""

    action: str
    actor: Actor
    object_type: str = ""
    object_id: int | None = None
    project_id: int | None = None
    record: tuple[str, int] | None = None
    payload: Any = None


def actor_of(user: Any) -> Actor:
    """A machine acts for whoever issued the token that it carries."""
    if user is None or not getattr(user, "pk", None):
        return Actor()
    token = getattr(user, "token_in_use", None)
    if token is not None or not user.is_person:
        return Actor(ActorKind.SERVICE, user.pk, getattr(token, "created_by_id", None))
    return Actor(ActorKind.PERSON, user.pk)


def commitment(salt: bytes, payload: bytes) -> str:
    return hashlib.sha256(PAYLOAD + salt + payload).hexdigest()


def row_hash(prev_hash: str, row: dict[str, Any]) -> str:
    return hashlib.sha256(ROW + bytes.fromhex(prev_hash) + canonical_json(row)).hexdigest()


def append(items: Iterable[Item]) -> list[AuditEvent]:
    """Write the items in their order. Fails the surrounding transaction when it fails."""
    items = list(items)
    if not items:
        return []
    # Without a savepoint: whoever swallows an error here must not be able to commit the rest.
    with transaction.atomic(savepoint=False):
        contents = _contents(items)
        head = _locked_head()
        written = _chained(contents, head, timezone.now())
        if not written:
            return []
        AuditEvent._base_manager.bulk_create([event for event, _ in written])
        AuditOpening.objects.bulk_create([opening for _, opening in written])
        last = written[-1][0]
        AuditHead.objects.filter(pk=head.pk).update(size=last.seq, head_hash=last.row_hash)
    return [event for event, _ in written]


def redact(event: AuditEvent, *, by: Any, reason: str) -> None:
    """Make an event's content unreadable for ever; that this was done is an event itself."""
    item = Item(
        action=REDACTED,
        actor=actor_of(by),
        object_type=AuditEvent._meta.label_lower,
        object_id=event.seq,
        project_id=event.project_id,
        payload={"reason": reason},
    )
    with transaction.atomic():
        AuditOpening.objects.filter(event=event).delete()
        append([item])


def _contents(items: list[Item]) -> list[tuple[Item, bytes]]:
    """Each item with the bytes to commit to; a row counts as stored, not as it was in memory.

    A row that a savepoint took back leaves no item, and none whose key was used again is twice.
    """
    by_record = {item.record: item for item in items if item.record}
    keys: dict[str, list[int]] = {}
    for table, key in filter(None, by_record):
        keys.setdefault(table, []).append(key)
    stored = {table: recorded_tables()[table].payloads(ids) for table, ids in keys.items()}
    contents = []
    for item in items:
        if item.record is None:
            contents.append((item, canonical_json(item.payload)))
        elif by_record[item.record] is item and item.record[1] in stored[item.record[0]]:
            table, key = item.record
            contents.append((item, canonical_json(stored[table][key])))
    return contents


def _locked_head() -> AuditHead:
    heads = AuditHead.objects.select_for_update()
    head = heads.filter(pk=AuditHead.ONLY).first()
    if head is None:
        AuditHead.objects.get_or_create(pk=AuditHead.ONLY)
        head = heads.get(pk=AuditHead.ONLY)
    return head


def _chained(
    contents: list[tuple[Item, bytes]], head: AuditHead, at: datetime
) -> list[tuple[AuditEvent, AuditOpening]]:
    seq, prev_hash = head.size, head.head_hash or NOTHING_BEFORE
    written = []
    for item, content in contents:
        seq += 1
        salt = secrets.token_bytes(SALT_BYTES)
        event = _event(item, seq, at, commitment(salt, content), prev_hash)
        payload = "" if item.record else content.decode()
        written.append((event, AuditOpening(event=event, salt=salt, payload=payload)))
        prev_hash = event.row_hash
    return written


def _event(item: Item, seq: int, at: datetime, committed: str, prev_hash: str) -> AuditEvent:
    table, key = item.record or ("", None)
    event = AuditEvent(
        seq=seq,
        at=at,
        actor_kind=str(item.actor.kind),
        actor_id=item.actor.id,
        on_behalf_of=item.actor.on_behalf_of,
        request_id="" if request_id.get() == "-" else request_id.get(),
        action=item.action,
        object_type=item.object_type,
        object_id=item.object_id,
        project_id=item.project_id,
        record_table=table,
        record_id=key,
        payload_commitment=committed,
        prev_hash=prev_hash,
    )
    event.row_hash = row_hash(prev_hash, {name: getattr(event, name) for name in HASHED})
    return event
