"""Writes to debriefs and playbooks: what people made of the results."""

from typing import Any, TypeVar

from django.core.exceptions import ValidationError

from benchmarks.models import Debrief, Playbook, Program
from catalog.actions import require

PERMISSION = "benchmarks.change_program"
REFUSAL = "Only contributors write debriefs and playbooks."

Record = TypeVar("Record", Debrief, Playbook)


def write_debrief(program: Program, *, by: Any, **fields: Any) -> Debrief:
    """Keep what was seen, decided and learned. Raises ValidationError, a sentence a field."""
    require(by, PERMISSION, program, REFUSAL)
    return Debrief(program=program, **fields).record(by=by, reason="held")


def write_playbook(program: Program, *, by: Any, **fields: Any) -> Playbook:
    require(by, PERMISSION, program, REFUSAL)
    return Playbook(program=program, **fields).record(by=by, reason="written")


def change(record: Record, *, by: Any, reason: str, **fields: Any) -> Record:
    """Change the wording; the earlier one stays in the history with the reason."""
    require(by, PERMISSION, record, REFUSAL)
    if not reason.strip():
        raise ValidationError({"reason": "Say why the record changes."})
    for name, value in fields.items():
        setattr(record, name, value)
    return record.record(by=by, reason=reason)
