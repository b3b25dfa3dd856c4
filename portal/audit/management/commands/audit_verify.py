"""Says whether the record is whole: exit 0 in order, 1 tampered with, 2 could not be verified."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.utils import DatabaseError

from portal.audit.report import CannotVerify, Report
from portal.audit.verify import verify

IN_ORDER, TAMPERED, CANNOT_VERIFY = 0, 1, 2
SHOWN = 50


class Command(BaseCommand):
    help = "Verify the audit ledger: its chain, what it commits to, and the live rows."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = verify(self._progress)
        except (CannotVerify, DatabaseError) as reason:
            self._print({"outcome": "cannot_verify", "reason": str(reason)}, options["json"])
            sys.exit(CANNOT_VERIFY)
        outcome = "in_order" if report.is_whole else "tampered"
        self._print({"outcome": outcome, **asdict(report)}, options["json"], report)
        sys.exit(IN_ORDER if report.is_whole else TAMPERED)

    def _progress(self, line: str) -> None:
        self.stderr.write(f"{line}")

    def _print(self, result: dict[str, Any], as_json: bool, report: Report | None = None) -> None:
        if as_json:
            self.stdout.write(json.dumps(result, default=str))
        elif report is None:
            self.stdout.write(f"Could not be verified. {result['reason']}")
        else:
            self.stdout.write("\n".join(_lines(report)))


def _lines(report: Report) -> list[str]:
    checked = (
        f"{report.events:,} events, {report.records:,} recorded rows and "
        f"{report.live_rows:,} live rows checked."
    )
    warnings = [f"Note: {line}" for line in report.warnings[:SHOWN]]
    if report.is_whole:
        return ["In order.", checked, *warnings]
    found = [f"  [{finding.layer}] {finding}" for finding in report.findings[:SHOWN]]
    more = len(report.findings) - SHOWN
    rest = [f"  and {more:,} more; --json lists them all"] if more > 0 else []
    return [f"Tampered with: {len(report.findings)} findings.", *found, *rest, checked, *warnings]
