"""What makes a plan fit to be submitted, each fault in a sentence that says how to mend it."""

from collections.abc import Iterator
from itertools import pairwise

from benchmarks.choices import BaselineStatus, SuiteKind
from benchmarks.engine.metrics import METRICS
from benchmarks.models import Baseline
from catalog.models import Slice
from rollouts import policy
from rollouts.choices import GateKind
from rollouts.models import Gate, RolloutPlan, Stage


def problems(plan: RolloutPlan) -> list[str]:
    return [*_plan_problems(plan), *_stage_problems(plan)]


def fallback_problem(plan: RolloutPlan) -> str:
    """The way back has to lead to a version that somebody approved before."""
    approved = Baseline.objects.filter(
        suite__model=plan.model_id,
        status=BaselineStatus.APPROVED,
        run__model_version=plan.fallback,
    )
    if plan.model.production_version_id == plan.fallback_id or approved.exists():
        return ""
    return "The fallback must be the version in production or that of an approved baseline."


def _plan_problems(plan: RolloutPlan) -> Iterator[str]:
    if plan.candidate.artifact_digest == plan.fallback.artifact_digest:
        yield "Candidate and fallback are the same file: it would be compared with itself."
    if problem := fallback_problem(plan):
        yield problem
    if not policy.is_at_least(plan.risk_tier, plan.model.risk_tier):
        yield f"The model's risk tier is {plan.model.risk_tier}; the plan's cannot be lower."


def _stage_problems(plan: RolloutPlan) -> Iterator[str]:
    stages = list(plan.stages.order_by("position"))
    if not stages:
        yield "Add at least one stage."
    exposures = [stage.exposure for stage in stages]
    if any(after <= before for before, after in pairwise(exposures)):
        yield "Each stage must expose more users than the one before it."
    for stage in stages:
        yield from _gate_problems(stage)


def _gate_problems(stage: Stage) -> Iterator[str]:
    gates = list(stage.gates.select_related("suite").order_by("position"))
    approvals = [gate for gate in gates if gate.kind == GateKind.APPROVAL]
    if len(approvals) != 1:
        yield f"Stage “{stage.name}” needs exactly one approval gate."
    if len(approvals) == len(gates):
        yield f"Stage “{stage.name}” needs at least one gate besides the approval."
    for gate in gates:
        for problem in _metric_problems(gate):
            yield f"Gate “{gate.name}”: {problem}"


def _metric_problems(gate: Gate) -> Iterator[str]:
    if gate.margin is not None and gate.margin < 0:
        yield "the margin is a worsening and cannot be negative."
    if gate.metric and gate.metric not in METRICS:
        yield f"{gate.metric} is not a known metric."
    if gate.metric and gate.slice not in {"", "all"} and not _slice_exists(gate):
        yield f"the project has no slice “{gate.slice}”."
    suite, watched = gate.suite, gate.stage.plan.watch_suite_id
    if suite and suite.pk != watched and (suite.kind == SuiteKind.WATCH or gate.stop_loss):
        yield "it watches production, so its suite must be the plan's watch suite."


def _slice_exists(gate: Gate) -> bool:
    rows = Slice.objects.filter(dataset__project=gate.owning_project_id, key=gate.slice)
    return rows.exists()
