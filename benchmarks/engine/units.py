"""What counts once towards a verdict: a scenario, or all repeats of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.engine.cells import Measured
from benchmarks.engine.repeats import repeated
from benchmarks.engine.values import CriterionResult, Finding, Reason, Repeated, ScenarioPlan

ABSENT = {
    Finding.ERRORED: Reason.ERRORED,
    Finding.SKIPPED: Reason.SKIPPED,
    Finding.MISSING: Reason.MISSING,
}
WITHOUT_EVIDENCE = ABSENT | {Finding.NOT_USED: Reason.NOT_USED}
# The first that occurs among the parts of a criterion or scenario decides it.
_PRECEDENCE = (Finding.FAIL, Finding.INCONCLUSIVE, Finding.PASS)


def decisive(findings: Iterable[Finding]) -> Finding:
    found = set(findings)
    return next((finding for finding in _PRECEDENCE if finding in found), Finding.INCONCLUSIVE)


@dataclass(frozen=True)
class Examined:
    """One planned scenario with what came of it."""

    plan: ScenarioPlan
    arrival: Finding  # PASS stands for: delivered evidence
    message: str
    measured: Measured | None
    criteria: tuple[CriterionResult, ...]

    @property
    def finding(self) -> tuple[Finding, Reason]:
        if self.arrival is not Finding.PASS:
            return self.arrival, WITHOUT_EVIDENCE[self.arrival]
        if not self.criteria:
            return Finding.INCONCLUSIVE, Reason.NO_CRITERIA
        finding = decisive(result.finding for result in self.criteria)
        return finding, next(r.reason for r in self.criteria if r.finding is finding)


@dataclass(frozen=True)
class Unit:
    """A scenario, or the repeats of one with what they are together."""

    scenarios: tuple[Examined, ...]
    group: Repeated | None

    @property
    def quarantined(self) -> bool:
        return self.scenarios[0].plan.quarantined

    @property
    def has_criteria(self) -> bool:
        return bool(self.scenarios[0].plan.criteria)

    @property
    def arrival(self) -> Finding:
        """PASS stands for evidence, whatever it says; one repeat that delivered is enough."""
        if self.group is None:
            return self.scenarios[0].arrival
        delivered = any(scenario.arrival is Finding.PASS for scenario in self.scenarios)
        return Finding.PASS if delivered else self.group.finding

    @property
    def findings(self) -> list[Finding]:
        """What decides: each criterion of a scenario, or the repeats together."""
        if self.group is None:
            return [result.finding for result in self.scenarios[0].criteria]
        return [self.group.finding] if self.has_criteria else []


def units_of(scenarios: Sequence[Examined]) -> list[Unit]:
    """In the order of the plans; the repeats of a scenario stand where the first of them does."""
    heaps: dict[tuple[str, str], list[Examined]] = {}
    for scenario in scenarios:
        group = scenario.plan.repeat_of
        heaps.setdefault((group, "" if group else scenario.plan.key), []).append(scenario)
    return [_unit(group, tuple(heap)) for (group, _), heap in heaps.items()]


def _unit(group: str, scenarios: tuple[Examined, ...]) -> Unit:
    if not group:
        return Unit(scenarios, None)
    findings = [scenario.finding[0] for scenario in scenarios]
    return Unit(scenarios, repeated(group, findings, scenarios[0].plan.must_pass))
