"""Corrections of data on their way into a plan, and from the plan into the engine."""

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.choices import CorrectionKind
from benchmarks.engine.amending import Amendments
from benchmarks.models import Correction
from catalog.digests import digest


def in_force(dataset_versions: Iterable[int]) -> dict[int, dict[str, Any]]:
    """By dataset version, what a plan freezes of its corrections; none for a version without."""
    rows: dict[int, list[Correction]] = {}
    for row in Correction.objects.in_force().filter(dataset_version__in=set(dataset_versions)):
        rows.setdefault(row.dataset_version_id, []).append(row)
    return {pk: _frozen(found) for pk, found in rows.items()}


def _frozen(rows: list[Correction]) -> dict[str, Any]:
    """The rows by number, for they never change, with what they came to in all."""
    merged = _merged(rows)
    return {
        "rows": [row.pk for row in rows],
        "left_out": len(merged.left_out),
        "relabelled": len(merged.labels),
        "digest": _digest(merged),
    }


def of_plan(plan: Mapping[str, Any]) -> dict[str, Amendments]:
    """By scenario key, for those scenarios whose data had corrections when the plan was frozen.

    Raises ValueError when the rows no longer say what they said then.
    """
    frozen = {row["key"]: row["corrections"] for row in plan["scenarios"] if "corrections" in row}
    wanted = {pk for corrections in frozen.values() for pk in corrections["rows"]}
    rows = Correction.objects.in_bulk(wanted)
    found = {
        key: _merged([rows[pk] for pk in corrections["rows"]])
        for key, corrections in frozen.items()
    }
    for key, amendments in found.items():
        if _digest(amendments) != frozen[key]["digest"]:
            raise ValueError(f"The corrections of “{key}” are not those that the plan froze.")
    return found


def _merged(rows: Iterable[Correction]) -> Amendments:
    """All of them at once; a later label prevails, and what is left out has no label."""
    left_out: set[str] = set()
    labels: dict[str, float] = {}
    for row in rows:
        if row.kind == CorrectionKind.INVALIDATE:
            left_out.update(row.items)
        elif row.label is not None:
            labels.update(dict.fromkeys(row.items, row.label))
    kept = {item: label for item, label in labels.items() if item not in left_out}
    return Amendments(frozenset(left_out), kept)


def _digest(amendments: Amendments) -> str:
    return digest({"left_out": sorted(amendments.left_out), "labels": dict(amendments.labels)})
