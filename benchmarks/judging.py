"""What a worker does with a run whose scenarios are in: judge it, record the verdict once."""

from collections.abc import Mapping
from dataclasses import asdict, astuple
from typing import Any

from django.utils import timezone

from benchmarks import amendments, capture, frames, jobs, plans
from benchmarks.choices import PartStatus, RunStatus
from benchmarks.engine.amending import Amendments, amended
from benchmarks.engine.cells import margin_of
from benchmarks.engine.judge import judge
from benchmarks.engine.stability import churn
from benchmarks.engine.values import (
    Judgement,
    MetricChange,
    Repeated,
    ScenarioPlan,
    ScenarioResult,
)
from benchmarks.models import (
    ChallengeRun,
    Comparison,
    CriterionCheck,
    Job,
    MetricComparison,
    RunPart,
)
from benchmarks.predictors.fingerprint import environment_fingerprint
from benchmarks.signals import comparison_judged
from catalog.digests import digest
from catalog.models import DatasetVersion
from catalog.transactions import write_block

BATCH = 1000


def judge_run(job: Job, fence: int) -> None:
    """Judge a run whose parts are all in, and record the comparison under the job's fence."""
    run = ChallengeRun.objects.select_related("suite__model", "model_version", "baseline_run").get(
        pk=job.run_id
    )
    corrections = amendments.of_plan(run.plan)
    candidate = results_of(run, corrections)
    baseline = _baseline_results(run, corrections)
    suite = run.plan["suite"]
    judgement = judge(
        plans.engine_plans(run.plan),
        candidate,
        baseline,
        error_budget=suite["error_budget"],
        seed=run.seed,
        sequential=suite["planned_n"] is not None,
        planned_n=suite["planned_n"],
    )
    found = capture.failures_of(run, judgement, candidate, baseline)
    steady = {
        key: result
        for key, result in candidate.items()
        if not plans.stress_of(plans.scenario_of(run.plan, key))
    }
    changed = churn_of(steady, baseline)
    comparison = record_judgement(job, fence, run, judgement, found, changed=changed)
    comparison_judged.send(sender=Comparison, comparison=comparison)


def _baseline_results(
    run: ChallengeRun, corrections: Mapping[str, Amendments]
) -> dict[str, ScenarioResult] | None:
    if run.baseline_run is None or run.baseline_run.status != RunStatus.EVALUATED:
        return None
    return results_of(run.baseline_run, corrections)


def results_of(
    run: ChallengeRun, corrections: Mapping[str, Amendments]
) -> dict[str, ScenarioResult]:
    """Each part of a run as the judge takes it; the features come from its own plan's data.

    `corrections` are those of the plan that is judged by, the candidate's, for both sides: what
    a baseline's own plan froze would put other rows or labels beside them.
    """
    return {
        part.key: _result(part, run, corrections.get(part.key, Amendments()))
        for part in run.parts.all()
        if part.is_finished
    }


def _result(part: RunPart, run: ChallengeRun, corrections: Amendments) -> ScenarioResult:
    if part.status == PartStatus.ERRORED:
        return ScenarioResult(part.key, "errored", None, part.data_digest, message=part.message)
    if part.status == PartStatus.SKIPPED:
        return ScenarioResult(part.key, "skipped", None, part.data_digest, message=part.message)
    scenario = plans.scenario_of(run.plan, part.key)
    original = frames.data(DatasetVersion.objects.get(pk=scenario["dataset_version"]))
    frame = frames.outputs(part.outputs_place, part.outputs_digest, original)
    judged = amended(frame, corrections)
    return ScenarioResult(part.key, "received", judged, part.data_digest, not_used=part.not_used)


def churn_of(
    candidate: Mapping[str, ScenarioResult], baseline: Mapping[str, ScenarioResult] | None
) -> dict[str, Any]:
    """Decisions that differ from the baseline's, for each scenario that both were asked alike."""
    found = {}
    for key, after in candidate.items():
        before = (baseline or {}).get(key)
        if before is None or before.frame is None or after.frame is None:
            continue
        if before.data_digest == after.data_digest:
            found[key] = asdict(churn(before.frame, after.frame))
    return found


def record_judgement(
    job: Job,
    fence: int,
    run: ChallengeRun,
    judgement: Judgement,
    found: list[Any],
    *,
    changed: dict[str, Any],
) -> Comparison:
    """Write the verdict, its cells and the failures it found: once, all or nothing."""
    with write_block():
        run = ChallengeRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
        jobs.finish(job.pk, fence)
        comparison = _comparison(run, judgement)
        comparison.churn = changed
        comparison.record(by=run.created_by, reason="judged")
        _write_cells(comparison, run, judgement)
        run.status, run.verdict = RunStatus.EVALUATED, judgement.verdict.value
        run.environment = run.environment or environment_fingerprint()
        run.result_digest = result_digest(run, comparison)
        run.finished_at = timezone.now()
        run.record(by=run.created_by, reason="judged")
        capture.record(run, found)
        for waiting in ChallengeRun.objects.filter(baseline_run=run).in_progress():
            jobs.queue_judge_if_ready(waiting)
    return comparison


def _comparison(run: ChallengeRun, judgement: Judgement) -> Comparison:
    reasons = [
        {
            "code": line.code.value,
            "sentence": line.sentence,
            "scenario": line.scenario,
            "metric": line.metric,
            "slice": line.slice,
        }
        for line in judgement.reasons
    ]
    return Comparison(
        run=run,
        baseline_run=run.baseline_run,
        verdict=judgement.verdict.value,
        reasons=reasons,
        scenarios=_outcomes(run, judgement),
        alarms=[asdict(alarm) for alarm in judgement.alarms],
        expected=judgement.expected,
        received=judgement.received,
        errored=judgement.errored,
        skipped=judgement.skipped,
        missing=judgement.missing,
        judge_version=judgement.judge_version,
        digest=judgement_digest(judgement),
    )


def _outcomes(run: ChallengeRun, judgement: Judgement) -> list[dict[str, Any]]:
    """What was found under each scenario; the repeats of one behind what they are together."""
    groups = {group.key: group for group in judgement.groups}
    repeat_of = {plan["key"]: plans.repeat_of(plan) for plan in run.plan["scenarios"]}
    rows: list[dict[str, Any]] = []
    for one in judgement.scenarios:
        row = {"key": one.key, "finding": one.finding.value, "reason": one.reason.value}
        if key := repeat_of[one.key]:
            row["repeat_of"] = key
        if group := groups.pop(key, None):
            rows.append(_together(group))
        rows.append(row)
    return rows


def _together(group: Repeated) -> dict[str, Any]:
    return {
        "key": group.key,
        "finding": group.finding.value,
        "reason": group.reason.value,
        "passed": group.passed,
        "repeats": group.repeats,
        "must_pass": group.must_pass,
    }


def judgement_digest(judgement: Judgement) -> str:
    """What was found, byte for byte; equal inputs and judge version give the same."""
    return digest(
        {
            "version": judgement.judge_version,
            "verdict": judgement.verdict,
            "scenarios": [
                {
                    "key": s.key,
                    "finding": s.finding,
                    "checks": [[c.finding, c.sentence] for c in s.criteria],
                    "changes": [
                        [
                            c.metric,
                            c.slice,
                            c.change,
                            c.severity,
                            c.effect.difference,
                            c.p_adjusted,
                        ]
                        for c in s.changes
                    ],
                }
                for s in judgement.scenarios
            ],
            "alarms": [astuple(alarm) for alarm in judgement.alarms],
            **({"groups": [astuple(g) for g in judgement.groups]} if judgement.groups else {}),
        }
    )


def result_digest(run: ChallengeRun, comparison: Comparison) -> str:
    parts = run.parts.order_by("position")
    fields = ("key", "status", "not_used", "outputs_digest", "data_digest", "rows", "message")
    found = {
        digested: [getattr(part, name) for part in parts if getattr(part, name)]
        for digested, name in (("served_by", "served_by"), ("loads", "load"), ("net", "net"))
    }
    return digest(
        {
            "plan": run.plan_digest,
            "parts": list(parts.values(*fields)),
            "judgement": comparison.digest,
            **{name: rows for name, rows in found.items() if rows},
        }
    )


def _write_cells(comparison: Comparison, run: ChallengeRun, judgement: Judgement) -> None:
    by_key = {scenario_plan.key: scenario_plan for scenario_plan in plans.engine_plans(run.plan)}
    changes = [
        _change(comparison, by_key[scenario.key], change)
        for scenario in judgement.scenarios
        for change in scenario.changes
    ]
    MetricComparison.objects.bulk_create(changes, batch_size=BATCH)
    checks = [
        CriterionCheck(
            comparison=comparison,
            scenario=scenario.key,
            metric=result.criterion.metric,
            slice=result.criterion.slice,
            value_threshold=result.criterion.value_threshold,
            margin=result.criterion.margin,
            critical=result.criterion.critical,
            why=result.criterion.why,
            finding=result.finding.value,
            reason=result.reason.value,
            sentence=result.sentence,
        )
        for scenario in judgement.scenarios
        for result in scenario.criteria
    ]
    CriterionCheck.objects.bulk_create(checks, batch_size=BATCH)


def _change(comparison: Comparison, plan: ScenarioPlan, change: MetricChange) -> MetricComparison:
    effect, interval = change.effect, change.effect.interval
    return MetricComparison(
        comparison=comparison,
        scenario=plan.key,
        metric=change.metric,
        slice=change.slice,
        family=change.family,
        change=change.change.value,
        severity=change.severity.value,
        baseline_value=effect.baseline,
        candidate_value=effect.candidate,
        difference=effect.difference,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        p_value=effect.p_value,
        p_adjusted=change.p_adjusted,
        method=effect.method,
        n=effect.n,
        clusters=effect.clusters,
        margin=margin_of(plan, change.metric, change.slice),
        detectable=effect.detectable,
        needed_n=effect.needed_n,
        reason=effect.reason.value,
    )
