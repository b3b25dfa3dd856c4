"""Writes to corrections of data: items set aside, labels corrected, either of them taken back."""

import math
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError

from benchmarks import frames
from benchmarks.choices import CorrectionKind
from benchmarks.models import Correction
from catalog.actions import require
from catalog.errors import Conflict
from catalog.models import DatasetVersion
from catalog.transactions import write_block

PERMISSION = "benchmarks.correct_data"
REFUSAL = "Only reviewers correct data: whoever builds a version cannot change what it meets."
#: Items in one act; more are several acts, each with its reason.
MOST_ITEMS = 1000
#: Nobody wins by removing what hurts; beyond this the data are other data.
LARGEST_SHARE = 0.05


def invalidate(
    version: DatasetVersion, items: Iterable[str], *, by: Any, reason: str
) -> Correction:
    """Leave items out of judging, on both sides, from the next run on."""
    return _correct(version, CorrectionKind.INVALIDATE, items, by=by, reason=reason)


def relabel(
    version: DatasetVersion, items: Iterable[str], *, label: float, by: Any, reason: str
) -> Correction:
    """Judge items by another label, on both sides, from the next run on."""
    return _correct(version, CorrectionKind.RELABEL, items, label=label, by=by, reason=reason)


def take_back(row: Correction, *, by: Any, reason: str) -> Correction:
    """Let the file say again what it says, from the next run on."""
    require(by, PERMISSION, row, REFUSAL)
    if not reason.strip():
        raise ValidationError({"reason": "Say why the correction was wrong."})
    with write_block():
        version = _locked(row.dataset_version_id)
        if not Correction.objects.in_force().filter(pk=row.pk).exists():
            raise Conflict("This correction is not in force any more.")
        back = Correction(
            dataset_version=version,
            kind=CorrectionKind.TAKE_BACK,
            takes_back=row,
            reason=reason,
        )
        return back.record(by=by, reason=reason)


def _correct(
    version: DatasetVersion,
    kind: CorrectionKind,
    items: Iterable[str],
    *,
    by: Any,
    reason: str,
    label: float | None = None,
) -> Correction:
    require(by, PERMISSION, version, REFUSAL)
    named = sorted(set(items))
    if len(named) > MOST_ITEMS:
        raise ValidationError({"items": f"Name at most {MOST_ITEMS:,} items at once."})
    known = _labels(version)
    _refuse_unknown(named, known)
    if label is not None:
        _refuse_label(label, known)
    with write_block():
        version = _locked(version.pk)
        _refuse_too_many(version, named)
        row = Correction(
            dataset_version=version,
            kind=kind,
            items=named,
            originals=[known[item] for item in named],
            label=label,
            reason=reason,
        )
        return row.record(by=by, reason=reason)


def _labels(version: DatasetVersion) -> dict[str, Any]:
    try:
        return frames.labels_by_item(version)
    except (frames.DamagedFile, FileNotFoundError) as error:
        raise ValidationError("The file of these data is not what was registered.") from error


def _locked(pk: int) -> DatasetVersion:
    """The version, held so that two acts at once cannot pass the limit together."""
    rows = DatasetVersion.objects.select_for_update(of=("self",)).order_by()
    return rows.select_related("dataset").get(pk=pk)


def _refuse_unknown(named: list[str], known: dict[str, Any]) -> None:
    unknown = [item for item in named if item not in known]
    if unknown:
        shown = ", ".join(item[:40] for item in unknown[:5])
        more = f" and {len(unknown) - 5:,} more" if unknown[5:] else ""
        raise ValidationError({"items": f"The data have no item {shown}{more}."})


def _refuse_label(label: float, known: dict[str, Any]) -> None:
    if not math.isfinite(label):
        raise ValidationError({"label": "A label is a finite number."})
    classes = set(known.values()) - {None}
    if classes <= {0, 1} and label not in (0, 1):
        raise ValidationError({"label": "The labels of these data are 0 and 1."})


def _refuse_too_many(version: DatasetVersion, named: list[str]) -> None:
    corrected = set(named)
    for row in Correction.objects.in_force().filter(dataset_version=version):
        corrected.update(row.items)
    most = int(LARGEST_SHARE * version.rows)
    if len(corrected) > most:
        raise ValidationError(
            {
                "items": f"With these {len(corrected):,} of {version.rows:,} items would be "
                f"corrected, and at most {LARGEST_SHARE:.0%} ({most:,}) may be. Beyond that they "
                "are other data: register them as a new version."
            }
        )
