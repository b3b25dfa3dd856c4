"""Gathers what gates are ruled on and what people sign, from catalog and benchmark rows.

Everything looked at is listed with its digest, so that a signature covers exactly what was known.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model, QuerySet

from benchmarks.choices import BaselineStatus, RunStatus
from benchmarks.engine.judge import JUDGE_VERSION
from benchmarks.engine.metrics import METRICS
from benchmarks.models import Baseline, ChallengeRun, Comparison, MetricComparison
from catalog.digests import digest
from catalog.lifecycle import CONFIRMED_OPEN
from catalog.models import FailureCase
from rollouts import gates
from rollouts.choices import DecisionKind, GateKind
from rollouts.models import ApprovalRequest, Gate, GateCheck, RolloutPlan, Stage, Waiver

#: The reason of a cell whose scenario changed nothing that the model reads: it shows nothing.
NOT_USED = "not_used"


@dataclass(frozen=True)
class Gathered:
    """The evidence for one gate, and each row that it was read from."""

    evidence: gates.Evidence
    seen: list[dict[str, Any]] = field(default_factory=list)
    observed_until: datetime | None = None


# -- for one gate -----------------------------------------------------------------------------


def gate_rule(gate: Gate) -> gates.GateRule:
    metric = METRICS.get(gate.metric)
    return gates.GateRule(
        kind=gate.kind,
        suite=gate.suite.title if gate.suite else "",
        metric=gate.metric,
        label=metric.label if metric else gate.metric,
        slice=gate.slice or "all",
        direction=metric.direction.value if metric else "higher",
        margin=gate.margin,
        stop_loss=gate.stop_loss,
        severity=gate.severity,
        minimum_sample=gate.stage.minimum_sample,
        soak_hours=gate.stage.soak_hours,
    )


def gather(gate: Gate, *, now: datetime) -> Gathered:
    match gate.kind:
        case GateKind.EVIDENCE:
            return _gather_runs(gate)
        case GateKind.SOAK_TIME:
            return _gather_soak(gate.stage, now)
        case GateKind.FAILURE_CASES:
            return _gather_cases(gate)
    return _gather_request(gate.stage)


def _gather_runs(gate: Gate) -> Gathered:
    """A watch run counts for the stage in which it was made; a challenge run for every stage."""
    plan = gate.stage.plan
    finished = list(_finished(plan, [gate.suite_id]))
    current = finished
    if gate.suite_id == plan.watch_suite_id:
        current = _during(gate.stage, finished)
    if not current:
        waiting = plan.candidate.runs.filter(suite=gate.suite_id).in_progress().exists()
        return Gathered(gates.Evidence(stale=bool(finished), in_progress=waiting))
    newest = current[-1]
    looked_at = current if gate.stop_loss else [newest]
    comparison = _comparison(newest)
    evidence = gates.Evidence(
        run=newest.pk,
        run_verdict=newest.verdict,
        run_reasons=tuple(_sentences(comparison)),
        error=_error(newest),
        effects=tuple(_effects(gate, looked_at)),
    )
    return Gathered(evidence, [_attempt(run) for run in looked_at], _observed_until(current))


def _gather_soak(stage: Stage, now: datetime) -> Gathered:
    """Data that are watched have a time of their own; without a watch the wall clock counts."""
    if stage.started_at is None:
        return Gathered(gates.Evidence(observed_hours=0.0))
    if stage.plan.watch_suite_id is None:
        watched = now - stage.started_at - _held_for(stage, now)
        start = {"kind": "stage", "id": stage.pk, "digest": digest(stage.started_at)}
        return Gathered(gates.Evidence(observed_hours=_hours(watched)), [start])
    runs = _during(stage, _finished(stage.plan, [stage.plan.watch_suite_id]))
    runs = [run for run in runs if run.status == RunStatus.EVALUATED]
    seen = [_attempt(run) for run in runs]
    return Gathered(
        gates.Evidence(observed_hours=_hours_covered(runs)), seen, _observed_until(runs)
    )


def _gather_cases(gate: Gate) -> Gathered:
    cases = list(_open_cases(gate.stage.plan))
    confirmed = Counter(case.severity for case in cases if case.status in CONFIRMED_OPEN)
    unverified = Counter(case.severity for case in cases if case.status not in CONFIRMED_OPEN)
    evidence = gates.Evidence(confirmed_cases=confirmed, unverified_cases=unverified)
    blocking = gates.SEVERITIES[gates.SEVERITIES.index(gate.severity) :]
    return Gathered(evidence, [_case(case) for case in cases if case.severity in blocking])


def _gather_request(stage: Stage) -> Gathered:
    request = ApprovalRequest.objects.filter(stage=stage).first()
    if request is None:
        return Gathered(gates.Evidence())
    seen = {"kind": "approval_request", "id": request.pk, "digest": request.evidence_digest}
    return Gathered(gates.Evidence(request_status=request.status), [seen])


def _effects(gate: Gate, runs: list[ChallengeRun]) -> Iterable[gates.MetricEffect]:
    if not gate.metric:
        return []
    cells = list(
        MetricComparison.objects.filter(
            comparison__run__in=runs, metric=gate.metric, slice=gate.slice or "all"
        )
        .select_related("comparison__baseline_run")
        .order_by("pk")
    )
    # Where some scenario tells something, one that changes nothing the model reads is left out.
    used = [cell for cell in cells if cell.reason != NOT_USED] or cells
    several = len({cell.scenario for cell in used}) > 1
    return [_effect(cell, gate.stage.plan, several) for cell in used]


def _effect(cell: MetricComparison, plan: RolloutPlan, several: bool) -> gates.MetricEffect:
    other = cell.comparison.baseline_run
    return gates.MetricEffect(
        difference=cell.difference,
        low=cell.low,
        high=cell.high,
        n=cell.n,
        reason=cell.reason,
        scenario=cell.scenario if several else "",
        against_fallback=other is None or other.model_version_id == plan.fallback_id,
    )


# -- runs -------------------------------------------------------------------------------------


def attempts(plan: RolloutPlan, stage: Stage | None = None) -> QuerySet[ChallengeRun]:
    """Every finished run of the candidate on a suite that a gate names, the failed ones too."""
    asked = Gate.objects.filter(stage__plan=plan, suite__isnull=False)
    if stage is not None:
        asked = asked.filter(stage=stage)
    suites = set(asked.values_list("suite_id", flat=True))
    return _finished(plan, [*suites, plan.watch_suite_id])


def _finished(plan: RolloutPlan, suites: Iterable[int | None]) -> QuerySet[ChallengeRun]:
    return (
        ChallengeRun.objects.filter(
            model_version=plan.candidate_id, suite__in=set(suites) - {None}
        )
        .filter(status__in=[RunStatus.EVALUATED, RunStatus.ERRORED])
        .select_related("comparison", "dataset_version", "created_by")
        .order_by("created_at", "pk")
    )


def _during(stage: Stage, runs: Iterable[ChallengeRun]) -> list[ChallengeRun]:
    start = stage.started_at
    return [run for run in runs if start is not None and run.created_at >= start]


def _comparison(run: ChallengeRun) -> Comparison | None:
    return getattr(run, "comparison", None)


def _error(run: ChallengeRun) -> str:
    if run.status != RunStatus.ERRORED:
        return ""
    return run.error.splitlines()[0] if run.error else "no message was kept."


def _sentences(comparison: Comparison | None) -> list[str]:
    reasons = comparison.reasons if comparison else []
    return [reason["sentence"] for reason in reasons if reason.get("sentence")]


def _attempt(run: ChallengeRun) -> dict[str, Any]:
    comparison = _comparison(run)
    return {
        "kind": "challenge_run",
        "id": run.pk,
        "suite": run.suite_id,
        "status": run.status,
        "verdict": run.verdict,
        "digest": run.result_digest,
        "comparison_digest": comparison.digest if comparison else "",
    }


def _observed_until(runs: Iterable[ChallengeRun]) -> datetime | None:
    ends = [run.dataset_version.ends_at for run in runs if run.dataset_version]
    return max((end for end in ends if end is not None), default=None)


def _hours_covered(runs: list[ChallengeRun]) -> float | None:
    """From the first window's start to the last one's end; None when the data do not say."""
    if not runs:
        return 0.0
    windows = [run.dataset_version for run in runs if run.dataset_version]
    starts = [window.starts_at for window in windows if window.starts_at]
    ends = [window.ends_at for window in windows if window.ends_at]
    return _hours(max(ends) - min(starts)) if starts and ends else None


def _hours(span: timedelta) -> float:
    return span.total_seconds() / 3600


def _held_for(stage: Stage, now: datetime) -> timedelta:
    """How long the stage was on hold: that time does not count as watching."""
    held, since = timedelta(), None
    kinds = (DecisionKind.HELD, DecisionKind.RESUMED)
    for decision in stage.decisions.filter(kind__in=kinds).order_by("number"):
        if decision.kind == DecisionKind.HELD:
            since = decision.decided_at
        elif since is not None:
            held, since = held + (decision.decided_at - since), None
    return held + (now - since) if since is not None else held


# -- failure cases ----------------------------------------------------------------------------


def _open_cases(plan: RolloutPlan) -> QuerySet[FailureCase]:
    return FailureCase.objects.filter(model=plan.model_id).open().order_by("pk")


def _case(case: FailureCase) -> dict[str, Any]:
    content = {
        "status": case.status,
        "severity": case.severity,
        "fingerprint": case.fingerprint,
    }
    return {"kind": "failure_case", "id": case.pk, "digest": digest(content), **content}


# -- what people sign -------------------------------------------------------------------------


def plan_definition(plan: RolloutPlan) -> dict[str, Any]:
    """Everything that is frozen when the plan is submitted."""
    return {
        "rules_version": gates.RULES_VERSION,
        "plan": plan.pk,
        "revision": plan.revision,
        **_values(plan, plan.DEFINITION),
        "stages": [_stage_definition(stage) for stage in plan.stages.order_by("position")],
    }


def definition_digest(plan: RolloutPlan) -> str:
    return digest(plan_definition(plan))


def bundle(plan: RolloutPlan, stage: Stage | None, *, slots: list[str]) -> dict[str, Any]:
    """The frozen evidence of one request: plan, versions, every attempt, gates, open failures."""
    runs = list(attempts(plan, stage))
    return {
        "plan": plan.pk,
        "revision": plan.revision,
        "definition_digest": definition_digest(plan),
        "stage": stage.position if stage else None,
        "exposure": exposure_step(plan, stage),
        "candidate": _version(plan.candidate),
        "fallback": _version(plan.fallback),
        "attempts": [_attempt(run) for run in runs],
        "gates": [_gate_state(check) for check in latest_checks(stage)] if stage else [],
        "baselines": _baselines({run.suite_id for run in runs}),
        "failure_cases": [_case(case) for case in _open_cases(plan)],
        "waivers": _waivers(stage),
        "slots": list(slots),
        "judge_version": JUDGE_VERSION,
        "rules_version": gates.RULES_VERSION,
    }


def bundle_digest(content: dict[str, Any]) -> str:
    return digest(content)


def exposure_step(plan: RolloutPlan, stage: Stage | None) -> dict[str, int]:
    """From which share of users to which a signature leads; the last stage leads to everybody."""
    position = stage.position if stage else -1
    following = plan.stages.filter(position__gt=position).order_by("position").first()
    return {
        "from": stage.exposure if stage else 0,
        "to": following.exposure if following else 100,
    }


def latest_checks(stage: Stage) -> list[GateCheck]:
    """The standing look at every gate that is not itself the question to people."""
    found = []
    for gate in stage.gates.exclude(kind=GateKind.APPROVAL).order_by("position"):
        check = gate.checks.order_by("-pk").first()
        if check is not None:
            found.append(check)
    return found


def _stage_definition(stage: Stage) -> dict[str, Any]:
    rows = stage.gates.order_by("position")
    return {
        **_values(stage, stage.DEFINITION),
        "gates": [_values(gate, Gate.DEFINITION) for gate in rows],
    }


def _values(row: Model, names: Iterable[str]) -> dict[str, Any]:
    return {name: row.serializable_value(name) for name in names}


def _version(version: Any) -> dict[str, Any]:
    return {
        "id": version.pk,
        "version": version.version,
        "artifact_digest": version.artifact_digest,
        "decision_threshold": version.decision_threshold,
    }


def _gate_state(check: GateCheck) -> dict[str, Any]:
    return {
        "gate": check.gate_id,
        "check": check.pk,
        "verdict": check.verdict,
        "evidence_digest": check.evidence_digest,
    }


def _baselines(suites: set[int]) -> list[dict[str, Any]]:
    rows = Baseline.objects.filter(suite__in=suites, status=BaselineStatus.APPROVED)
    return [
        {"id": row.pk, "suite": row.suite_id, "run": row.run_id, "digest": row.run.result_digest}
        for row in rows.select_related("run").order_by("pk")
    ]


def _waivers(stage: Stage | None) -> list[dict[str, Any]]:
    if stage is None:
        return []
    return [
        {
            "id": waiver.pk,
            "gate": waiver.gate_id,
            "by": waiver.created_by_id,
            "reason": waiver.reason,
            "compensating_control": waiver.compensating_control,
            "expires_at": waiver.expires_at.isoformat(),
        }
        for waiver in Waiver.objects.filter(gate__stage=stage).order_by("pk")
    ]
