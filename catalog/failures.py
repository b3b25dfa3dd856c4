"""Writes to the failure catalog: what was observed, what people made of it, who vouches for it."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from catalog import fingerprints
from catalog.actions import require
from catalog.choices import FailureStatus, Sensitivity
from catalog.digests import canonical_json
from catalog.errors import Conflict
from catalog.lifecycle import MOVES
from catalog.models import (
    FailureCase,
    FailureMode,
    FailureOccurrence,
    ModelVersion,
    SensitivePayload,
)
from catalog.signals import failure_moved, happened
from catalog.transactions import write_block


@dataclass(frozen=True)
class Observation:
    """One thing seen to go wrong; `reference` makes a repeated report of it count once.

    With `items` it bundles several of them, each named by its own reference.
    """

    reference: str
    observed_at: datetime
    expected: str = ""
    output: str = ""
    confidence: float | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    sensitivity: str = Sensitivity.CONFIDENTIAL
    items: tuple[str, ...] = ()


def report_failure(
    version: ModelVersion,
    *,
    title: str,
    parts: dict[str, str],
    observations: Sequence[Observation],
    source: str,
    by: Any,
    severity: str = "medium",
    mode_key: str = "",
    environment: str = "",
) -> FailureCase:
    """Add observations to the case they belong to, making the case when it is new.

    Reporting the same references again changes nothing. A case that counted as fixed is
    regressed by a newer observation in the same or a later version.
    """
    if not observations:
        raise ValidationError("A failure without an observation cannot be recorded.")
    with write_block():
        case = _case_for(version, title, parts, observations, severity, mode_key, by)
        fresh = _not_known(case, observations, source)
        for observation in fresh:
            _add_occurrence(case, version, observation, source, environment)
        if fresh:
            _seen_again(case, fresh, by=by)
    return case


def _case_for(version, title, parts, observations, severity, mode_key, by) -> FailureCase:
    key = {
        "model": version.model,
        "fingerprint_version": fingerprints.VERSION,
        "fingerprint": fingerprints.fingerprint(parts),
    }
    case = FailureCase.objects.select_for_update().filter(**key).first()
    if case is not None:
        return case
    times = [o.observed_at for o in observations]
    mode = FailureMode.objects.filter(project=version.model.project_id, key=mode_key).first()
    case = FailureCase(
        **key,
        title=title,
        fingerprint_parts=parts,
        severity=severity,
        mode=mode,
        first_seen=min(times),
        last_seen=max(times),
    )
    return case.record(by=by, reason="first observed")


def _not_known(
    case: FailureCase, observations: Sequence[Observation], source: str
) -> list[Observation]:
    """The observations that were not reported before; of a bundle, what is left of it."""
    seen: set[str] = set()
    for reference, items in case.occurrences.filter(source=source).values_list(
        "reference", "items"
    ):
        seen.update([reference, *items])
    fresh = []
    for observation in observations:
        if observation.items:
            left = tuple(item for item in observation.items if item not in seen)
            fresh += [replace(observation, items=left)] if left else []
        elif observation.reference not in seen:
            fresh.append(observation)
    return fresh


def _add_occurrence(
    case, version, observation: Observation, source: str, environment: str
) -> None:
    FailureOccurrence(
        case=case,
        model_version=version,
        source=source,
        reference=observation.reference,
        observed_at=observation.observed_at,
        environment=environment,
        expected=observation.expected,
        output=observation.output,
        confidence=observation.confidence,
        count=len(observation.items) or 1,
        items=list(observation.items),
        payload=_seal(case, observation),
    ).save()


def _seal(case: FailureCase, observation: Observation) -> SensitivePayload | None:
    """Keep raw inputs apart, with a salted commitment that stays when they go."""
    if not observation.inputs:
        return None
    salt = secrets.token_bytes(16)
    payload = SensitivePayload(
        project_id=case.owning_project_id,
        sensitivity=observation.sensitivity,
        content=observation.inputs,
        salt=salt,
        commitment=hashlib.sha256(b"\x02" + salt + canonical_json(observation.inputs)).hexdigest(),
    )
    payload.save()
    return payload


def _seen_again(case: FailureCase, fresh: list[Observation], *, by: Any) -> None:
    times = [case.first_seen, case.last_seen, *(o.observed_at for o in fresh)]
    came_back = case.status == FailureStatus.FIXED and max(times) > case.last_seen
    if came_back:
        case.status = FailureStatus.REGRESSED
    elif (min(times), max(times)) == (case.first_seen, case.last_seen):
        return
    case.first_seen, case.last_seen = min(times), max(times)
    case.record(by=by, reason="came back" if came_back else "seen again")
    if came_back:
        failure_moved.send(sender=FailureCase, case=case)


def annotate(
    case: FailureCase,
    *,
    by: Any,
    mode: FailureMode | None,
    severity: str,
    severity_reason: str,
    explanation: str,
    remediation: str = "",
) -> FailureCase:
    """Say what a case is; moves it to annotated. The annotator can no longer verify it."""
    require(by, "catalog.curate_failurecase", case, "Only curators annotate failure cases.")
    with write_block():
        case = _locked(case)
        if case.status not in {FailureStatus.TRIAGED, FailureStatus.ANNOTATED}:
            raise Conflict(
                f"A case that is {case.get_status_display().lower()} cannot be annotated."
            )
        if mode is not None and mode.project_id != case.owning_project_id:
            raise ValidationError({"mode": "There is no such failure mode."})
        needed = {"explanation": explanation, "severity_reason": severity_reason}
        empty = {name: "Say it in words." for name, text in needed.items() if not text.strip()}
        if mode is None:
            empty["mode"] = "Choose what kind of failure this is."
        if empty:
            raise ValidationError(empty)
        case.mode, case.severity, case.severity_reason = mode, severity, severity_reason
        case.explanation, case.remediation = explanation, remediation
        case.annotated_by, case.verified_by = by, None
        case.status = FailureStatus.ANNOTATED
        case.record(by=by, reason="annotated")
        failure_moved.send(sender=FailureCase, case=case)
    return case


def move(
    case: FailureCase,
    *,
    to: str,
    by: Any,
    reason: str = "",
    duplicate_of: FailureCase | None = None,
    accepted_until: date | None = None,
    today: date | None = None,
) -> FailureCase:
    """Take one legal step of the lifecycle. Annotating is `annotate`, which carries its content.

    Raises Conflict for a step the table does not know, PermissionDenied, or ValidationError when
    a reason, an original or an end date is missing, or when the verifier is the annotator.
    """
    with write_block():
        case = _locked(case)
        step = MOVES.get((FailureStatus(case.status), FailureStatus(to)))
        if step is None or to == FailureStatus.ANNOTATED:
            raise Conflict(
                f"A case that is {case.get_status_display().lower()} cannot become "
                f"{FailureStatus(to).label.lower()} in this way."
            )
        require(by, step.permission, case, f"Your roles do not allow “{step.label.lower()}”.")
        if step.reason and not reason.strip():
            raise ValidationError({"reason": f"Say why: “{step.label.lower()}” needs a reason."})
        _apply(case, to, by=by, duplicate_of=duplicate_of, until=accepted_until, today=today)
        case.record(by=by, reason=reason or step.label)
        happened.send(
            sender=FailureCase,
            action=f"catalog.failurecase.{to}",
            obj=case,
            actor=by,
            project_id=case.owning_project_id,
            payload={"status": to, "reason": reason},
        )
        failure_moved.send(sender=FailureCase, case=case)
    return case


def _apply(case, to, *, by, duplicate_of, until, today) -> None:
    match to:
        case FailureStatus.VERIFIED if case.status == FailureStatus.ANNOTATED:
            if case.annotated_by_id == by.pk:
                raise PermissionDenied(
                    "Whoever annotated a case cannot verify it. Ask another curator."
                )
            case.verified_by = by
        case FailureStatus.DUPLICATE:
            case.duplicate_of = _original(case, duplicate_of)
        case FailureStatus.RISK_ACCEPTED:
            if until is None or until <= (today or timezone.localdate()):
                raise ValidationError({"accepted_until": "Give a day to come on which this ends."})
            case.accepted_until = until
        case FailureStatus.CANDIDATE:
            case.duplicate_of = None
    if case.status == FailureStatus.RISK_ACCEPTED:
        case.accepted_until = None
    case.status = to


def _original(case: FailureCase, original: FailureCase | None) -> FailureCase:
    if original is None or original.model_id != case.model_id:
        raise ValidationError(
            {"duplicate_of": "Name the case of the same model that this repeats."}
        )
    if original.pk == case.pk or original.status == FailureStatus.DUPLICATE:
        raise ValidationError(
            {"duplicate_of": "The original must be another case, not a duplicate."}
        )
    return original


def _locked(case: FailureCase) -> FailureCase:
    return FailureCase.objects.select_for_update().get(pk=case.pk)


def reveal(
    payload: SensitivePayload, *, occurrence: FailureOccurrence, by: Any, reason: str
) -> dict[str, Any]:
    """The raw inputs of an occurrence, against a reason; the view goes on record first."""
    require(
        by,
        "catalog.reveal_sensitivepayload",
        payload,
        "Only curators and security reviewers may reveal raw inputs.",
    )
    if not reason.strip():
        raise ValidationError({"reason": "Say why you need to see the raw inputs."})
    with write_block():
        happened.send(
            sender=SensitivePayload,
            action="catalog.payload.revealed",
            obj=occurrence,
            actor=by,
            project_id=payload.project_id,
            payload={"payload": payload.pk, "commitment": payload.commitment, "reason": reason},
        )
    return payload.content
