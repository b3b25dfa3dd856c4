"""The front door for writes by people and CI: definitions, runs and baselines."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import default_storage
from django.utils import timezone

from benchmarks import frames, jobs, limits, plans
from benchmarks.choices import (
    BaselineStatus,
    JobKind,
    PartStatus,
    RunSource,
    RunStatus,
    SuiteKind,
)
from benchmarks.definitions import (
    change_scenario,
    change_suite,
    compose_suite,
    define_metric,
    write_scenario,
)
from benchmarks.models import (
    Baseline,
    ChallengeRun,
    Job,
    RowBlock,
    RunPart,
    Suite,
)
from catalog.actions import require
from catalog.choices import ArtifactFormat
from catalog.digests import digest
from catalog.errors import Conflict
from catalog.models import DatasetVersion, ModelVersion
from catalog.transactions import write_block

__all__ = [
    "change_scenario",
    "change_suite",
    "compose_suite",
    "decide_baseline",
    "define_metric",
    "judge_again",
    "propose_baseline",
    "start_run",
    "write_scenario",
]


# -- runs -------------------------------------------------------------------------------------


def start_run(
    version: ModelVersion,
    *,
    suite: Suite,
    by: Any,
    window: DatasetVersion | None = None,
    baseline_run: ChallengeRun | None = None,
    posted: Mapping[str, Mapping[str, Any]] | None = None,
    answers_of: ChallengeRun | None = None,
    seed: int | None = None,
    external_id: str = "",
    code_revision: str = "",
    environment: Mapping[str, Any] | None = None,
    trigger: Sequence[Mapping[str, str]] = (),
) -> ChallengeRun:
    """Freeze the suite's plan, make one job a scenario, and ring for workers after the commit.

    `posted` holds what CI computed, by scenario: `items` with item and score lists, or `status`
    errored or skipped with a `message`; scenarios it leaves out count as missing. Without it the
    workers ask the version's artefact, or take what `answers_of` kept. Without a `seed` the
    baseline's is taken: only the same seed disturbs the same rows. `trigger` names the changes
    that started it, where nobody did.
    """
    require(by, "benchmarks.start_run", suite, "Your roles or token do not allow starting runs.")
    if suite.kind == SuiteKind.WATCH and window is None:
        raise ValidationError({"window": "A production watch needs the window it looks at."})
    if window is not None and window.owning_project_id != suite.project_id:
        raise ValidationError({"window": "There is no such dataset version."})
    baseline = baseline_run or _approved_baseline_run(suite, version)
    _refuse_self(version, suite, baseline)
    seed = _seed_beside(baseline, seed)
    plan = plans.freeze(suite, window)
    is_asked = posted is None and answers_of is None
    if is_asked and version.artifact_format == ArtifactFormat.ENDPOINT:
        limits.refuse_unkept(plan)
    places = _file_posted(plan, posted)
    run = ChallengeRun(
        suite=suite,
        model_version=version,
        dataset_version=window,
        baseline_run=baseline,
        answers_of=answers_of,
        source=_source(posted, answers_of),
        plan=plan,
        plan_digest=digest(plan),
        seed=seed,
        external_id=external_id,
        code_revision=code_revision,
        environment=dict(environment or {}),
        trigger=[dict(change) for change in trigger],
    )
    try:
        with write_block():
            run.record(by=by, reason="posted" if posted is not None else "started")
            jobs.ring(_make_parts(run, posted, places))
    except BaseException:
        for place in places.values():  # what was refused leaves no file behind
            default_storage.delete(place)
        raise
    return run


def judge_again(run: ChallengeRun, *, by: Any) -> ChallengeRun:
    """A new run: the suite as it is now, on the answers that this run kept."""
    if run.status != RunStatus.EVALUATED:
        raise Conflict("Only an evaluated run has answers to judge again.")
    return start_run(
        run.model_version,
        suite=run.suite,
        window=run.dataset_version,
        answers_of=run.answers_of or run,
        seed=run.seed,
        code_revision=run.code_revision,
        by=by,
    )


def _source(posted: Any, answers_of: ChallengeRun | None) -> RunSource:
    if answers_of is not None:
        return RunSource.KEPT
    return RunSource.WORKER if posted is None else RunSource.POSTED


def _approved_baseline_run(suite: Suite, version: ModelVersion) -> ChallengeRun | None:
    approved = Baseline.objects.filter(suite=suite, status=BaselineStatus.APPROVED).first()
    if approved is None or approved.run.model_version_id == version.pk:
        return None  # the baseline's own version is measured again, not compared with itself
    return approved.run


def _refuse_self(version: ModelVersion, suite: Suite, baseline: ChallengeRun | None) -> None:
    if baseline is None:
        return
    if baseline.suite_id != suite.pk:
        raise ValidationError({"baseline_run": "The baseline is a run of another suite."})
    if baseline.model_version.artifact_digest == version.artifact_digest:
        raise ValidationError({"baseline_run": "A version cannot be compared with itself."})


def _seed_beside(baseline: ChallengeRun | None, seed: int | None) -> int:
    if baseline is None:
        return seed or 0
    if seed not in (None, baseline.seed):
        raise ValidationError(
            {
                "seed": f"The baseline ran with seed {baseline.seed}, and another seed would "
                "disturb other rows. Leave the seed out or send the same."
            }
        )
    return baseline.seed


def _file_posted(
    plan: Mapping[str, Any], posted: Mapping[str, Mapping[str, Any]] | None
) -> dict[str, str]:
    """Keep posted predictions in storage; returns their places by scenario."""
    if posted is None:
        return {}
    known = {scenario["key"] for scenario in plan["scenarios"]}
    unknown = sorted(set(posted) - known)
    if unknown:
        raise ValidationError(
            {
                "scenarios": f"The suite has no scenario {', '.join(unknown)}. "
                f"It has: {', '.join(sorted(known))}."
            }
        )
    return {
        key: frames.store_posted(entry["items"])[0]
        for key, entry in posted.items()
        if "items" in entry
    }


def _make_parts(
    run: ChallengeRun, posted: Mapping[str, Mapping[str, Any]] | None, places: Mapping[str, str]
) -> list[int]:
    job_ids: list[int] = []
    versions = {scenario["dataset_version"] for scenario in run.plan["scenarios"]}
    rows = dict(DatasetVersion.objects.filter(pk__in=versions).values_list("pk", "rows"))
    for position, scenario in enumerate(run.plan["scenarios"], start=1):
        key = scenario["key"]
        part = RunPart(run=run, key=key, position=position, posted_place=places.get(key, ""))
        if posted is not None and key not in places:
            _close_unposted(part, posted.get(key))
        part.save()
        if not part.is_finished and not plans.stress_of(scenario):
            job_ids += _queue_part(run, part, rows[scenario["dataset_version"]])
    if not run.parts.filter(status=PartStatus.WAITING).exists():
        # Everything was errored or skipped: there is only the verdict left to say so.
        job_ids.append(Job.objects.create(kind=JobKind.JUDGE, run=run).pk)
    jobs.queue_next_load(run)
    return job_ids


def _queue_part(run: ChallengeRun, part: RunPart, rows: int) -> list[int]:
    """One job, or one for each block of rows where asking the model is worth sharing."""
    blocks = -(-rows // settings.BLOCK_ROWS)
    if run.source != RunSource.WORKER or blocks < 2:
        return [Job.objects.create(kind=JobKind.EVALUATE, run=run, part=part).pk]
    made = RowBlock.objects.bulk_create(
        [RowBlock(part=part, number=number) for number in range(blocks)]
    )
    return [Job.objects.create(kind=JobKind.ASK, run=run, block=block).pk for block in made]


def _close_unposted(part: RunPart, entry: Mapping[str, Any] | None) -> None:
    part.status = PartStatus(entry["status"]) if entry else PartStatus.ERRORED
    part.message = entry.get("message", "") if entry else "The post holds no result for it."
    part.finished_at = timezone.now()


# -- baselines --------------------------------------------------------------------------------


def propose_baseline(run: ChallengeRun, *, by: Any, reason: str) -> Baseline:
    """Pin an evaluated run as what to beat in its suite; somebody else has to approve it."""
    require(by, "benchmarks.propose_baseline", run, "Only contributors propose baselines.")
    if not reason.strip():
        raise ValidationError({"reason": "Say why this run is what later versions must beat."})
    run.refresh_from_db(fields=["status"])
    row = Baseline(suite=run.suite, run=run, reason=reason)
    return row.record(by=by, reason="proposed")


def decide_baseline(
    baseline: Baseline, *, by: Any, approve: bool, reason: str, now: Any = None
) -> Baseline:
    """Approve or reject a proposed baseline; not by the one who proposed or ran it."""
    require(by, "benchmarks.approve_baseline", baseline, "Only reviewers decide on baselines.")
    if not reason.strip():
        raise ValidationError({"reason": "Say on what you base this decision."})
    with write_block():
        Suite.objects.select_for_update().get(pk=baseline.suite_id)
        baseline = Baseline.objects.select_related("run").get(pk=baseline.pk)
        if baseline.status != BaselineStatus.PROPOSED:
            raise Conflict("This baseline was already decided.")
        if by.pk in {baseline.created_by_id, baseline.run.created_by_id}:
            raise PermissionDenied("Whoever proposed or ran a baseline cannot approve it.")
        if approve:
            _supersede_current(baseline, by=by)
        baseline.status = BaselineStatus.APPROVED if approve else BaselineStatus.REJECTED
        baseline.decided_by, baseline.decided_at = by, now or timezone.now()
        baseline.decision_reason = reason
        return baseline.record(by=by, reason=reason)


def _supersede_current(baseline: Baseline, *, by: Any) -> None:
    for current in Baseline.objects.filter(
        suite=baseline.suite_id, status=BaselineStatus.APPROVED
    ):
        current.status = BaselineStatus.SUPERSEDED
        current.record(by=by, reason=f"superseded by baseline {baseline.pk}")
