"""Comparing two versions of a dataset: computed once, kept, sensitive values left out."""

import io
from dataclasses import asdict
from typing import Any

import pyarrow.parquet as pq
from django.core.exceptions import ValidationError
from django.utils import timezone

from benchmarks import frames
from benchmarks.engine import drift
from benchmarks.engine.drift_values import ColumnDrift, DriftReport
from benchmarks.models import DriftComparison
from catalog.actions import require
from catalog.digests import digest
from catalog.models import DatasetVersion
from catalog.transactions import write_block

PERMISSION = "benchmarks.compare_data"
REFUSAL = "Only contributors and reviewers compare data."
#: Rows of the larger side that a page may make somebody wait for.
MOST_ROWS = 2_000_000
SEED = 0


def compare(reference: DatasetVersion, current: DatasetVersion, *, by: Any) -> DriftComparison:
    """The comparison of this pair; found where it was computed before."""
    require(by, PERMISSION, reference, REFUSAL)
    row = DriftComparison(
        dataset=reference.dataset, reference=reference, current=current, seed=SEED
    )
    row.clean()
    if max(reference.rows, current.rows) > MOST_ROWS:
        raise ValidationError(
            f"The larger version has {max(reference.rows, current.rows):,} rows; here at most "
            f"{MOST_ROWS:,} are compared. Compare the files with benchmarks.engine.drift instead."
        )
    found = DriftComparison.objects.filter(
        reference=reference, current=current, seed=SEED, report_version=drift.REPORT_VERSION
    ).first()
    if found:
        return found
    if past := row.dataset.past_use(timezone.localdate(), "it is not compared any more"):
        raise ValidationError(past)
    return _computed(row, by)


def _computed(row: DriftComparison, by: Any) -> DriftComparison:
    """Computed before the transaction begins, so that nobody waits for its locks."""
    columns = _columns(row.reference, row.current)
    report = drift.compare_frames(
        _table(row.reference, columns), _table(row.current, columns), seed=row.seed
    )
    hidden = row.reference.sensitive_columns() | row.current.sensitive_columns()
    row.report = as_data(report, hidden)
    row.drifted, row.compared = len(report.drifted), len(report.columns)
    row.report_version, row.digest = report.report_version, digest(row.report)
    with write_block():
        return row.record(by=by, reason="compared")


def _columns(reference: DatasetVersion, current: DatasetVersion) -> list[str]:
    """Every column but the item ids, which differ by their nature."""
    ids = {reference.id_column, current.id_column}
    names = [column["name"] for version in (reference, current) for column in version.columns]
    return [name for name in dict.fromkeys(names) if name not in ids]


def _table(version: DatasetVersion, columns: list[str]) -> Any:
    content = frames.read_verified(version.place, version.digest)
    file = pq.ParquetFile(io.BytesIO(content))
    return file.read([name for name in columns if name in file.schema_arrow.names])


def as_data(report: DriftReport, hidden: frozenset[str]) -> dict[str, Any]:
    """The report as plain data."""
    return {
        "columns": [_as_data(column, column.name in hidden) for column in report.columns],
        "reference_rows": report.reference_rows,
        "current_rows": report.current_rows,
        "classifier": asdict(report.classifier) if report.classifier else None,
        "exact": report.exact,
    }


def _as_data(column: ColumnDrift, is_hidden: bool) -> dict[str, Any]:
    data = asdict(column)
    data["withheld"] = is_hidden
    if is_hidden:
        data["detail"] = None
    return data
