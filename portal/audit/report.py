"""What a verification found, in words that name the row."""

from dataclasses import dataclass, field
from typing import Any


class CannotVerify(Exception):
    """There is nothing to judge by; never to be read as "in order"."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written: where, and what is wrong with it."""

    layer: str  # chain, commitment or live
    table: str
    row: int | str | None
    field: str
    problem: str

    def __str__(self) -> str:
        place = f"{self.table} {self.row}" if self.row is not None else self.table
        return f"{place}{f', {self.field}' if self.field else ''}: {self.problem}"


@dataclass(slots=True)
class Report:
    events: int = 0
    records: int = 0
    live_rows: int = 0
    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.findings

    def found(self, layer: str, table: str, row: Any, field: str, problem: str) -> None:
        self.findings.append(Finding(layer, table, row, field, problem))
