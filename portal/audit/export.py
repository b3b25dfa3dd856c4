"""The timeline as a CSV file that a spreadsheet shows but does not run."""

import csv
import re
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from portal.audit.ledger import HASHED
from portal.audit.models import AuditEvent
from portal.audit.records import BATCH
from portal.audit.timeline import actor_references, names_of, object_reference, who
from portal.audit.wording import phrase

COLUMNS = (*HASHED, "prev_hash", "row_hash", "actor", "what", "object")
#: With these a cell begins to be a formula, in their wide forms too (OWASP, CSV injection).
FORMULA_STARTS = frozenset("=+-@\t\r\n\0＝＋－＠")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?\Z")


class _Line:
    """What csv writes to: hands the line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def lines(events: QuerySet[AuditEvent]) -> Iterator[str]:
    """The events as CSV lines, oldest first, a batch at a time."""
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    last = 0
    while batch := list(events.order_by("seq").filter(seq__gt=last)[:BATCH]):
        for row in _rows(batch):
            yield writer.writerow([safe(value) for value in row])
        last = batch[-1].seq


def safe(value: Any) -> str:
    """A cell's text; one that a spreadsheet would take for a formula gets an apostrophe."""
    text = "" if value is None else str(value)
    if text.lstrip(" ")[:1] in FORMULA_STARTS and text.strip() and not NUMBER.match(text):
        return f"'{text}"
    return text


def _rows(events: list[AuditEvent]) -> Iterator[list[Any]]:
    references = {reference for event in events for reference in actor_references(event)}
    references |= {found for event in events if (found := object_reference(event))}
    names = names_of(references)
    for event in events:
        values = [getattr(event, name) for name in (*HASHED, "prev_hash", "row_hash")]
        values[HASHED.index("at")] = event.at.isoformat()
        reference = object_reference(event)
        name = names[reference] if reference else ""
        yield [*values, who(event, names), phrase(event.action), name]
