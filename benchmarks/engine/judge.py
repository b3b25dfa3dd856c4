"""The judge: plans and results in, one reproducible judgement out. The engine's only composition.

Silence is never a pass: what did not arrive, was not used, or cannot be told is named as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from benchmarks.engine.cells import Cell, Measured, Rules, margin_of, measure
from benchmarks.engine.corrections import benjamini_hochberg, holm
from benchmarks.engine.families import simes, tree_adjusted
from benchmarks.engine.metrics import metric_of
from benchmarks.engine.units import ABSENT, WITHOUT_EVIDENCE, Examined, Unit, decisive, units_of
from benchmarks.engine.values import (
    Alarm,
    Change,
    Criterion,
    CriterionResult,
    Effect,
    Estimate,
    Finding,
    Judgement,
    MetricChange,
    Reason,
    ReasonLine,
    ScenarioJudgement,
    ScenarioPlan,
    ScenarioResult,
    Severity,
    Verdict,
)
from benchmarks.engine.verdicts import (
    Check,
    change_of,
    check_change,
    check_value,
    severity_of,
    unchanged_or_not,
    worsening,
)

JUDGE_VERSION = "3"
# False discovery rate among the cells that nobody declared beforehand.
EXPLORATION_Q = 0.10


def judge(
    plans: Sequence[ScenarioPlan],
    candidate: Mapping[str, ScenarioResult],
    baseline: Mapping[str, ScenarioResult] | None,
    *,
    same_model: bool = False,
    clusters: str | None = None,
    error_budget: float = 0.0,
    alpha: float = 0.05,
    seed: int,
    sequential: bool = False,
    planned_n: int | None = None,
) -> Judgement:
    """Judge a candidate; `error_budget` is the share of scenarios that may fail to arrive."""
    if same_model:
        raise ValueError("The candidate was compared with itself.")
    if sequential and planned_n is None:
        raise ValueError("Repeated looks need the planned number of items.")
    if len({plan.key for plan in plans}) < len(plans):
        raise ValueError("Two scenarios of the plan have the same key.")
    rules = Rules(alpha, seed, clusters, planned_n if sequential else None)
    scenarios = [_examine(plan, candidate, baseline, rules) for plan in plans]
    adjusted = _adjusted(scenarios)
    arrivals = [scenario.arrival for scenario in scenarios]
    units = units_of(scenarios)
    unexpected = sorted(set(candidate) - {plan.key for plan in plans})
    return Judgement(
        verdict=_verdict(units, error_budget),
        reasons=tuple(_reasons(units, unexpected)),
        scenarios=tuple(_judged(scenario, adjusted, alpha) for scenario in scenarios),
        expected=len(plans),
        received=sum(arrival not in ABSENT for arrival in arrivals),
        errored=arrivals.count(Finding.ERRORED),
        skipped=arrivals.count(Finding.SKIPPED),
        missing=arrivals.count(Finding.MISSING),
        judge_version=JUDGE_VERSION,
        alarms=_alarms(scenarios, alpha),
        groups=tuple(unit.group for unit in units if unit.group is not None),
    )


def worst_slices(
    judgement: Judgement, scenario: str, metric: str, k: int = 5
) -> tuple[MetricChange, ...]:
    """The k slices on which the metric worsened most; slices without a difference are left out."""
    sign = metric_of(metric).direction.sign
    changes = [
        (sign * change.effect.difference, change.slice, change)
        for judged in judgement.scenarios
        if judged.key == scenario
        for change in judged.changes
        if change.metric == metric and change.effect.difference is not None
    ]
    return tuple(change for _, _, change in sorted(changes, key=lambda row: row[:2])[:k])


def _examine(
    plan: ScenarioPlan,
    candidate: Mapping[str, ScenarioResult],
    baseline: Mapping[str, ScenarioResult] | None,
    rules: Rules,
) -> Examined:
    result = candidate.get(plan.key)
    arrival = _arrival(result)
    message = result.message if result else ""
    if result is None or arrival is not Finding.PASS:
        reason = WITHOUT_EVIDENCE[arrival]
        criteria = (
            CriterionResult(criterion, arrival, reason, reason.sentence, None, None)
            for criterion in plan.criteria
        )
        return Examined(plan, arrival, message, None, tuple(criteria))
    measured = measure(plan, result, (baseline or {}).get(plan.key), rules)
    checked = (_check(criterion, measured) for criterion in plan.criteria)
    return Examined(plan, arrival, message, measured, tuple(checked))


def _arrival(result: ScenarioResult | None) -> Finding:
    if result is None:
        return Finding.MISSING
    if result.status == "errored":
        return Finding.ERRORED
    if result.status == "skipped":
        return Finding.SKIPPED
    return Finding.NOT_USED if result.not_used else Finding.PASS


def _check(criterion: Criterion, measured: Measured) -> CriterionResult:
    cell = criterion.metric, criterion.slice
    estimate, effect = measured.estimates[cell], measured.effects[cell]
    checks = list(_checks(criterion, estimate, effect))
    finding = decisive(finding for finding, _, _ in checks)
    reason = next(reason for found, reason, _ in checks if found is finding)
    sentence = " ".join(sentence for _, _, sentence in checks)
    return CriterionResult(criterion, finding, reason, sentence, estimate, effect)


def _checks(criterion: Criterion, estimate: Estimate, effect: Effect) -> Iterable[Check]:
    if criterion.value_threshold is not None:
        yield check_value(estimate, criterion)
    if criterion.margin is not None:
        yield check_change(effect, criterion)


def _adjusted(scenarios: Iterable[Examined]) -> dict[tuple[str, Cell], float]:
    """Adjusted p of every cell that has one: Holm in the gate, a tree elsewhere."""
    gate: dict[tuple[str, Cell], float] = {}
    exploration: dict[tuple[str, Cell], float] = {}
    for scenario in scenarios:
        gated = {(result.criterion.metric, result.criterion.slice) for result in scenario.criteria}
        effects = scenario.measured.effects if scenario.measured else {}
        for cell, effect in effects.items():
            if effect.p_value is not None:
                family = gate if cell in gated else exploration
                family[scenario.plan.key, cell] = effect.p_value
    held = dict(zip(gate, holm(list(gate.values())), strict=True))
    return held | _explored(exploration)


def _explored(p_values: Mapping[tuple[str, Cell], float]) -> dict[tuple[str, Cell], float]:
    """First whether anything at all differs in a metric under a scenario, then on which slices.

    The parent combines its slices instead of looking at all rows alone: one slice that worsens
    while another improves must not vanish in the average.
    """
    branches: dict[tuple[str, str], list[tuple[str, Cell]]] = {}
    for place in p_values:
        branches.setdefault((place[0], place[1][0]), []).append(place)
    nodes: dict[tuple[object, ...], float] = {
        branch: simes([p_values[place] for place in places]) for branch, places in branches.items()
    }
    parents: dict[tuple[object, ...], tuple[object, ...] | None] = dict.fromkeys(nodes)
    for branch, places in branches.items():
        nodes |= {place: p_values[place] for place in places}
        parents |= dict.fromkeys(places, branch)
    adjusted = tree_adjusted(nodes, parents, EXPLORATION_Q)
    return {place: adjusted[place] for place in p_values}


def _alarms(scenarios: Iterable[Examined], alpha: float) -> tuple[Alarm, ...]:
    """Metrics that lean to the worse over their slices, false ones held to `alpha`; worst first.

    They decide nothing: a lean is a reason to look, not a broken criterion.
    """
    leanings = [
        (scenario.plan.key, metric, leaning)
        for scenario in scenarios
        if scenario.measured
        for metric, leaning in scenario.measured.leanings.items()
    ]
    adjusted = benjamini_hochberg([leaning.p_value for _, _, leaning in leanings])
    found = [
        Alarm(scenario, metric, leaning.cells, leaning.value, p_adjusted)
        for (scenario, metric, leaning), p_adjusted in zip(leanings, adjusted, strict=True)
        if p_adjusted <= alpha and leaning.value < 0
    ]
    return tuple(sorted(found, key=lambda alarm: (alarm.strength, alarm.scenario, alarm.metric)))


def _judged(
    scenario: Examined, adjusted: Mapping[tuple[str, Cell], float], alpha: float
) -> ScenarioJudgement:
    key = scenario.plan.key
    effects = scenario.measured.effects if scenario.measured else {}
    changes = tuple(
        _change(scenario, cell, effect, adjusted.get((key, cell)), alpha)
        for cell, effect in effects.items()
    )
    finding, reason = scenario.finding
    return ScenarioJudgement(key, finding, reason, scenario.criteria, changes)


def _change(
    scenario: Examined, cell: Cell, effect: Effect, p_adjusted: float | None, alpha: float
) -> MetricChange:
    metric, name = cell
    direction = metric_of(metric).direction
    margin = margin_of(scenario.plan, metric, name)
    results = [
        result
        for result in scenario.criteria
        if (result.criterion.metric, result.criterion.slice) == cell
    ]
    change = change_of(effect, direction, margin)
    limit = alpha if results else EXPLORATION_Q
    if change in (Change.IMPROVED, Change.REGRESSED) and not _stands(
        effect, results, p_adjusted, limit
    ):
        change = unchanged_or_not(effect, margin)
    severity = Severity.NONE
    if change is Change.REGRESSED:
        implied = None if margin is None else Criterion(metric, name, margin=margin)
        bounds = (result.criterion for result in results) if results else (implied,)
        severity = max((severity_of(effect, bound, direction) for bound in bounds), key=_rank)
    if any(r.criterion.critical and r.finding is Finding.FAIL for r in results):
        severity = Severity.SEVERE
    finding = decisive(result.finding for result in results) if results else None
    family: Literal["gate", "exploration"] = "gate" if results else "exploration"
    return MetricChange(metric, name, change, severity, effect, p_adjusted, family, finding)


def _stands(
    effect: Effect, results: Sequence[CriterionResult], p_adjusted: float | None, limit: float
) -> bool:
    """A change counts if it survives its family, or is beyond a margin declared beforehand."""
    if p_adjusted is not None and p_adjusted <= limit:
        return True
    return any(_beyond_margin(effect, result.criterion) for result in results)


def _beyond_margin(effect: Effect, criterion: Criterion) -> bool:
    if effect.interval is None or criterion.margin is None:
        return False
    low, _ = worsening(effect.interval, metric_of(effect.metric).direction)
    return low > criterion.margin


def _rank(severity: Severity) -> int:
    return list(Severity).index(severity)


def _verdict(units: Sequence[Unit], error_budget: float) -> Verdict:
    counting = [unit for unit in units if not unit.quarantined]
    evidence = [unit for unit in counting if unit.arrival is Finding.PASS]
    if not evidence:
        return Verdict.INCONCLUSIVE
    finding = decisive(finding for unit in evidence for finding in unit.findings)
    absent = sum(unit.arrival in ABSENT for unit in counting)
    if finding is Finding.PASS and absent > error_budget * len(counting):
        return Verdict.INCONCLUSIVE
    return Verdict(finding.value)


def _reasons(units: Sequence[Unit], unexpected: Iterable[str]) -> Iterable[ReasonLine]:
    """Failures first, then what is undecided, then what did not come or shows nothing."""
    counting = [unit for unit in units if not unit.quarantined]
    if not any(unit.arrival is Finding.PASS for unit in counting):
        yield ReasonLine(Reason.NO_EVIDENCE, Reason.NO_EVIDENCE.sentence)
    elif not any(unit.has_criteria for unit in counting):
        yield ReasonLine(Reason.NO_CRITERIA, Reason.NO_CRITERIA.sentence)
    for finding in (Finding.FAIL, Finding.INCONCLUSIVE):
        for unit in counting:
            yield from _open_lines(unit, finding)
    for scenario in (scenario for unit in units for scenario in unit.scenarios):
        if scenario.plan.quarantined:
            sentence = f"{Reason.QUARANTINED.sentence} It found: {scenario.finding[0]}."
            yield ReasonLine(Reason.QUARANTINED, sentence, scenario.plan.key)
        elif scenario.arrival is not Finding.PASS:
            reason = WITHOUT_EVIDENCE[scenario.arrival]
            sentence = f"{reason.sentence} {scenario.message}".strip()
            yield ReasonLine(reason, sentence, scenario.plan.key)
    for key in unexpected:
        yield ReasonLine(Reason.UNEXPECTED, Reason.UNEXPECTED.sentence, key)


def _open_lines(unit: Unit, finding: Finding) -> Iterable[ReasonLine]:
    """A criterion each; repeats give one line together, because no single one decides."""
    if unit.group is not None:
        if unit.has_criteria and unit.group.finding is finding:
            yield ReasonLine(unit.group.reason, unit.group.sentence, unit.group.key)
        return
    scenario = unit.scenarios[0]
    for result in scenario.criteria:
        if result.finding is finding:
            yield ReasonLine(
                result.reason,
                result.sentence,
                scenario.plan.key,
                result.criterion.metric,
                result.criterion.slice,
            )
