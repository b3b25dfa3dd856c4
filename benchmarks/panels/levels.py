"""Which parts on the way from data to person a program puts to the test, in which risk areas."""

from collections import Counter
from dataclasses import dataclass

from benchmarks.choices import TestLevel
from benchmarks.models import Program, Scenario
from benchmarks.panels.programs import UNNAMED


@dataclass(frozen=True)
class LevelRow:
    """One level: how many scenarios it has in each area, in the map's order."""

    label: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True)
class LevelMap:
    areas: tuple[str, ...]
    rows: tuple[LevelRow, ...]


def level_map(program: Program) -> LevelMap:
    """Level × risk area by the scenarios as they stand now: every level has its row."""
    scenarios = Scenario.objects.filter(suites__program=program).order_by().distinct()
    found = Counter(
        (level, area or UNNAMED)
        for _, level, area in scenarios.values_list("pk", "level", "risk_area")
    )
    others = {area for _, area in found} - set(program.area_names)
    areas = (*program.area_names, *sorted(others))
    rows = (
        LevelRow(level.label, tuple(found[level.value, area] for area in areas))
        for level in TestLevel
    )
    return LevelMap(areas, tuple(rows))
