"""Writes to challenge programs: what they are, their suites, the turns of their cadence."""

import logging
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.utils import timezone

from benchmarks import actions, cadence
from benchmarks.choices import CycleStatus, ProgramStatus, RunStatus, SuiteKind
from benchmarks.models import ChallengeRun, MetricSpec, Program, ProgramCycle, Suite
from catalog.actions import require
from catalog.errors import Conflict
from catalog.models import ModelVersion, Project, RegisteredModel
from catalog.transactions import write_block

logger = logging.getLogger(__name__)

PERMISSION = "benchmarks.change_program"
REFUSAL = "Only contributors write challenge programs."
EDITABLE = frozenset(
    {
        "title",
        "goal",
        "scope",
        "owner",
        "risk_areas",
        "rubric",
        "cadence_unit",
        "cadence_every",
        "cadence_anchor",
        "grace_days",
        "starts_runs",
        "triggers",
    }
)


def open_program(
    project: Project, *, model: RegisteredModel, key: str, by: Any, **fields: Any
) -> Program:
    """Begin a program for a model. Raises ValidationError with one sentence per field."""
    require(by, PERMISSION, project, REFUSAL)
    program = Program(project=project, model=model, key=key, **_known(fields))
    _check(program)
    return program.record(by=by, reason="opened")


def change_program(program: Program, *, by: Any, reason: str = "", **fields: Any) -> Program:
    """Change what a program is; what has been judged keeps the rubric it was judged by."""
    require(by, PERMISSION, program, REFUSAL)
    for name, value in _known(fields).items():
        setattr(program, name, value)
    _check(program)
    return program.record(by=by, reason=reason or "changed")


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(fields) - EDITABLE)
    if unknown:
        raise TypeError(f"A program has no {', '.join(unknown)} to set.")
    return fields


def _check(program: Program) -> None:
    if not program.owner.has_perm(PERMISSION, program.project):
        raise ValidationError({"owner": "The owner has to be a contributor of this project."})
    defined = set(
        MetricSpec.objects.filter(project=program.project_id).values_list("key", flat=True)
    )
    strange = sorted({str(line.get("metric")) for line in program.rubric} - defined)
    if strange:
        raise ValidationError(
            {"rubric": f"The project has not defined the metrics {', '.join(strange)}."}
        )


def set_status(program: Program, status: str, *, by: Any, reason: str) -> Program:
    """Pause, resume or retire. A retired program stays retired; its record stays readable."""
    require(by, PERMISSION, program, REFUSAL)
    if not reason.strip():
        raise ValidationError({"reason": "Say why, for those who miss its runs later."})
    with write_block():
        program = Program.objects.select_for_update().get(pk=program.pk)
        if program.status == ProgramStatus.RETIRED:
            raise Conflict("The program is retired. Open a new one instead.")
        if program.status == status:
            raise Conflict(f"The program is {program.get_status_display().lower()} already.")
        program.status = ProgramStatus(status)
        return program.record(by=by, reason=reason)


def assign_suites(program: Program, suites: Iterable[Suite], *, by: Any) -> None:
    """Make exactly these the program's suites."""
    require(by, PERMISSION, program, REFUSAL)
    chosen = {suite.pk: suite for suite in suites}
    with write_block():
        for suite in Suite.objects.filter(program=program).exclude(pk__in=chosen):
            suite.program = None
            suite.record(by=by, reason=f"left program {program.key}")
        for suite in chosen.values():
            _assign(suite, program, by)


def _assign(suite: Suite, program: Program, by: Any) -> None:
    if suite.program_id == program.pk:
        return
    if suite.program is not None:
        raise ValidationError(
            {"suites": f"“{suite}” belongs to the program “{suite.program}” already."}
        )
    suite.program = program
    suite.record(by=by, reason=f"joined program {program.key}")


# -- cadence ----------------------------------------------------------------------------------


def keep_cadence(program: Program, today: date) -> None:
    """Open the turns that have begun, settle what was done, start what is to start by itself."""
    with write_block():
        program = Program.objects.select_for_update().get(pk=program.pk)
        if program.status != ProgramStatus.ACTIVE or not program.cadence_unit:
            return
        if not program.cycles.filter(due_on__gte=today).exists():
            _open_cycles(program, today)
        for cycle in _live(program):
            _settle(cycle, today)
        if not _live(program).exists():  # done before its day: the next turn is what is due now
            _open_cycles(program, today)
    if program.starts_runs:
        _start_due_runs(program, today)


def _live(program: Program) -> QuerySet[ProgramCycle]:
    live = [CycleStatus.OPEN, CycleStatus.OVERDUE]
    return program.cycles.filter(status__in=live).order_by("due_on")


def _open_cycles(program: Program, today: date) -> None:
    """Every turn up to the next that is due, also those of days on which nobody looked."""
    latest = program.cycles.order_by("-due_on").first()
    begun = timezone.localdate(program.created_at)
    start = latest.due_on + timedelta(days=1) if latest else begun
    terms = (program.cadence_anchor, program.cadence_unit, program.cadence_every)
    for due in cadence.occurrences(*terms):  # type: ignore[arg-type]
        if due < start:
            continue
        ProgramCycle(program=program, opens_on=start, due_on=due).record(
            by=None, reason="the cadence turned"
        )
        if due >= today:
            return
        start = due + timedelta(days=1)


def _settle(cycle: ProgramCycle, today: date) -> None:
    runs, outstanding = evidence_of(cycle)
    status = _status(cycle, today, is_met=not outstanding)
    if (status, outstanding) == (cycle.status, cycle.outstanding):
        return
    cycle.status, cycle.outstanding = status, outstanding
    if status == CycleStatus.MET:
        cycle.evidence = [run.pk for run in runs]
    if not cycle.is_live:
        cycle.settled_at = timezone.now()
    cycle.record(by=None, reason="the cadence was looked at")


def _status(cycle: ProgramCycle, today: date, *, is_met: bool) -> CycleStatus:
    if is_met:
        return CycleStatus.MET
    if cycle.program.cycles.filter(due_on__gt=cycle.due_on, due_on__lte=today).exists():
        return CycleStatus.MISSED  # the next turn is due: nothing can be made good any more
    late = today > cycle.due_on + timedelta(days=cycle.program.grace_days)
    return CycleStatus.OVERDUE if late else CycleStatus.OPEN


def evidence_of(cycle: ProgramCycle) -> tuple[list[ChallengeRun], list[str]]:
    """The runs that meet the turn so far, and what is outstanding, one sentence a suite.

    What counts is that every scenario was faced, not what came out: a program that finds a
    weakness has done its work.
    """
    suites = list(cycle.program.suites.filter(kind=SuiteKind.CHALLENGE))
    if not suites:
        return [], ["The program has no suite, so nothing can be run."]
    version = cycle.program.model.production_version
    spent = _spent(cycle)
    found = [_evidence(cycle, suite, version, spent) for suite in suites]
    return [run for run, _ in found if run], [sentence for _, sentence in found if sentence]


def _spent(cycle: ProgramCycle) -> set[int]:
    others = cycle.program.cycles.exclude(pk=cycle.pk).values_list("evidence", flat=True)
    return {pk for evidence in others for pk in evidence}


def _evidence(
    cycle: ProgramCycle, suite: Suite, version: ModelVersion | None, spent: set[int]
) -> tuple[ChallengeRun | None, str]:
    runs = suite.runs.filter(created_at__date__gte=cycle.opens_on).exclude(pk__in=spent)
    if version is not None:
        runs = runs.filter(model_version=version)
    who = f"{version.version}, which is in production," if version else "any version"
    rows = list(runs.select_related("comparison").defer("plan").order_by("-created_at"))
    if not rows:
        return None, f"{suite}: no run of {who} since {cycle.opens_on:%-d %b %Y}."
    complete = next((run for run in rows if _is_complete(run)), None)
    if complete is not None:
        return complete, ""
    return None, f"{suite}: {_why_not(rows[0])}"


def _is_complete(run: ChallengeRun) -> bool:
    if run.status != RunStatus.EVALUATED:
        return False
    return run.comparison.expected > 0 and run.comparison.received == run.comparison.expected


def _why_not(run: ChallengeRun) -> str:
    if run.status == RunStatus.ERRORED:
        return f"run {run.pk} ended in an error."
    if run.status != RunStatus.EVALUATED:
        return f"run {run.pk} is still being evaluated."
    lacking = run.comparison.expected - run.comparison.received
    return f"run {run.pk} lacks {lacking} of {run.comparison.expected} scenarios."


def _start_due_runs(program: Program, today: date) -> None:
    version = program.model.production_version
    cycle = _live(program).filter(due_on__lte=today).first()
    if cycle is None or version is None:
        return
    for suite in program.suites.filter(kind=SuiteKind.CHALLENGE):
        if suite.runs.filter(model_version=version, created_at__date__gte=cycle.due_on).exists():
            continue  # once a turn: a run that failed is for somebody to look at
        try:
            actions.start_run(version, suite=suite, by=program.owner)
        except (ValidationError, PermissionDenied) as refused:
            logger.warning("Suite %s was due and did not start: %s", suite.pk, refused)
