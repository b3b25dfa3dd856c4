"""Writes to remediation items: opened with a condition, closed by a run that meets it."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from benchmarks.choices import RemediationStatus, RunStatus
from benchmarks.engine.values import Finding
from benchmarks.models import ChallengeRun, Remediation
from catalog.actions import require
from catalog.errors import Conflict
from catalog.models import RegisteredModel
from catalog.transactions import write_block

PERMISSION = "benchmarks.change_remediation"
REFUSAL = "Only contributors write remediation items."
#: A version that does not read what the scenario changes cannot fail by it any more.
MENDED = frozenset({Finding.PASS, Finding.NOT_USED})
EDITABLE = frozenset({"title", "weakness", "acceptance", "owner", "due_on"})


def open_item(model: RegisteredModel, *, by: Any, **fields: Any) -> Remediation:
    """Put a weakness on somebody's list, with what has to pass before it counts as mended."""
    require(by, PERMISSION, model, REFUSAL)
    item = Remediation(model=model, **fields)
    _check_owner(item)
    if item.due_on and item.due_on < timezone.localdate():
        raise ValidationError({"due_on": "The due day lies in the past."})
    return item.record(by=by, reason="opened")


def change_item(item: Remediation, *, by: Any, reason: str, **fields: Any) -> Remediation:
    """Change wording, owner or due day of an item that is still open; the reason is kept."""
    require(by, PERMISSION, item, REFUSAL)
    _need(reason, "Say why, so that a moved date is not mistaken for the first one.")
    with write_block():
        item = _live(item)
        for name in EDITABLE & set(fields):
            setattr(item, name, fields[name])
        _check_owner(item)
        return item.record(by=by, reason=reason)


def _check_owner(item: Remediation) -> None:
    if not item.owner.has_perm(PERMISSION, item.model):
        raise ValidationError({"owner": "The owner has to be a contributor of this project."})


def offer_evidence(item: Remediation, run: ChallengeRun, *, by: Any) -> Remediation:
    """Name the run that shows the weakness is gone; it may still be evaluated."""
    require(by, PERMISSION, item, REFUSAL)
    with write_block():
        item = _live(item)
        _check_run(item, run)
        item.validation_run = run
        item.status = RemediationStatus.IN_VALIDATION
        return item.record(by=by, reason=f"run {run.pk} offered as evidence")


def _check_run(item: Remediation, run: ChallengeRun) -> None:
    if run.suite_id != item.suite_id:
        raise ValidationError({"run": f"Only a run of “{item.suite}” can show it."})
    if run.created_at <= item.created_at:
        raise ValidationError({"run": "That run was started before the item was opened."})
    if run.status == RunStatus.ERRORED:
        raise ValidationError({"run": "That run ended in an error and shows nothing."})


def close_item(item: Remediation, *, by: Any, reason: str) -> Remediation:
    """Close by evidence: the offered run shows no weakness there any more. Not by its owner."""
    require(by, "benchmarks.close_remediation", item, "Your roles do not close remediation items.")
    _need(reason, "Say what you saw in the evidence.")
    with write_block():
        item = _live(item)
        if by.pk == item.owner_id:
            raise PermissionDenied("Somebody other than its owner has to close it.")
        _check_evidence(item)
        item.status = RemediationStatus.CLOSED
        item.closed_by, item.closed_at, item.closing_reason = by, timezone.now(), reason
        return item.record(by=by, reason=reason)


def _check_evidence(item: Remediation) -> None:
    """Raise Conflict with what still lacks."""
    if item.validation_run is None:
        raise Conflict("No run was offered as evidence yet.")
    run = item.validation_run
    if run.status != RunStatus.EVALUATED:
        raise Conflict(f"Run {run.pk} is not evaluated yet.")
    finding = finding_of(item, run)
    if finding not in MENDED:
        raise Conflict(
            f"Under “{item.scenario}” run {run.pk} found: {finding or 'nothing'}. The item closes "
            "when it passes, or when the version does not read the changed columns any more."
        )


def finding_of(item: Remediation, run: ChallengeRun) -> str:
    """What the run found under the item's scenario; empty when it did not face it."""
    found = (row for row in run.comparison.scenarios if row["key"] == item.scenario.key)
    return next((row["finding"] for row in found), "")


def withdraw_item(item: Remediation, *, by: Any, reason: str) -> Remediation:
    """End an item that will not be worked on; the weakness stays on record with the reason."""
    require(by, PERMISSION, item, REFUSAL)
    _need(reason, "Say why nothing will be done.")
    with write_block():
        item = _live(item)
        item.status = RemediationStatus.WITHDRAWN
        item.closing_reason = reason
        return item.record(by=by, reason=reason)


def reopen_item(item: Remediation, *, by: Any, reason: str) -> Remediation:
    """Take a closed or withdrawn item up again; the earlier end stays in its history."""
    require(by, PERMISSION, item, REFUSAL)
    _need(reason, "Say what came up again.")
    with write_block():
        item = Remediation.objects.select_for_update().get(pk=item.pk)
        if item.is_live:
            raise Conflict("The item is open already.")
        item.status = RemediationStatus.OPEN
        item.validation_run = item.closed_by = item.closed_at = None
        item.closing_reason = ""
        return item.record(by=by, reason=reason)


def _live(item: Remediation) -> Remediation:
    locked = Remediation.objects.select_for_update(of=("self",)).get(pk=item.pk)
    if not locked.is_live:
        raise Conflict(f"The item is {locked.get_status_display().lower()}. Reopen it first.")
    return locked


def _need(reason: str, sentence: str) -> None:
    if not reason.strip():
        raise ValidationError({"reason": sentence})
