"""What would move a program's answers though nobody asked: data, code, libraries, machines.

A change is told from what earlier runs were made with, never from the newest alone: where workers
differ, two environments would otherwise start each other's runs for ever.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Max, QuerySet

from benchmarks import actions, plans
from benchmarks.choices import RunSource, SuiteKind, TriggerKind
from benchmarks.models import ChallengeRun, Program, Suite
from benchmarks.predictors.fingerprint import environment_fingerprint
from catalog.choices import ArtifactFormat
from catalog.digests import digest
from catalog.models import ModelVersion

logger = logging.getLogger(__name__)

#: Parts of a run's environment that a change of machine moves. The number of processors is left
#: out: workers differ in it, and no number here depends on it.
MACHINE = ("implementation", "system", "machine", "libc")

Changes = list[dict[str, str]]


def watch(program: Program) -> list[ChallengeRun]:
    """Start the runs that a change asks for; each change starts a suite once."""
    if not program.triggers:
        return []
    suites = program.suites.filter(kind=SuiteKind.CHALLENGE).order_by("pk")
    started = [
        _run(program, suite, version, changes)
        for suite in suites
        for version, changes in _asked_for(program, suite)
    ]
    return [run for run in started if run is not None]


def _asked_for(program: Program, suite: Suite) -> list[tuple[ModelVersion, Changes]]:
    """What is due; a suite that cannot be run as it stands does not stop the others."""
    try:
        return list(_due(program, suite))
    except ValidationError as refused:
        sentence = " ".join(refused.messages)
        logger.warning("Changes of suite %s could not be looked at: %s", suite.pk, sentence)
        return []


def _run(
    program: Program, suite: Suite, version: ModelVersion, changes: Changes
) -> ChallengeRun | None:
    try:
        return actions.start_run(version, suite=suite, trigger=changes, by=program.owner)
    except (ValidationError, PermissionDenied) as refused:
        logger.warning("A change asks for suite %s, which did not start: %s", suite.pk, refused)
        return None


def _due(program: Program, suite: Suite) -> Iterable[tuple[ModelVersion, Changes]]:
    serving, newest = program.model.production_version, _newest(program)
    if serving is not None and _can_be_asked(serving):
        yield from _if_any(suite, serving, _moved(program, suite, serving))
    if TriggerKind.CODE in program.triggers and newest is not None and newest != serving:
        yield from _if_any(suite, newest, _unfaced(suite, newest))


def _if_any(
    suite: Suite, version: ModelVersion, changes: Changes
) -> Iterable[tuple[ModelVersion, Changes]]:
    runs = ChallengeRun.objects.filter(suite=suite, model_version=version)
    told = runs.values_list("trigger", flat=True)
    if changes and changes not in told and not runs.in_progress().exists():
        yield version, changes


def _newest(program: Program) -> ModelVersion | None:
    """The version registered last since the program was opened, if workers can ask it."""
    rows = ModelVersion.objects.filter(
        model=program.model_id, created_at__gte=program.created_at
    ).order_by("created_at", "pk")
    newest = rows.last()
    return newest if newest is not None and _can_be_asked(newest) else None


def _can_be_asked(version: ModelVersion) -> bool:
    return bool(version.artifact_place) or version.artifact_format == ArtifactFormat.ENDPOINT


def _unfaced(suite: Suite, version: ModelVersion) -> Changes:
    if ChallengeRun.objects.filter(suite=suite, model_version=version).exists():
        return []
    return [_change(TriggerKind.CODE, f"{version.version} was registered and has not been run.")]


def _moved(program: Program, suite: Suite, version: ModelVersion) -> Changes:
    """What of the program's triggers differs from every run that workers made of the version."""
    runs = ChallengeRun.objects.filter(
        suite=suite, model_version=version, source=RunSource.WORKER
    ).order_by("pk")
    if not runs.exists():
        return _unfaced(suite, version) if TriggerKind.CODE in program.triggers else []
    found = {
        TriggerKind.DATA: lambda: _data_moved(suite, runs),
        TriggerKind.LIBRARY: lambda: _environment_moved(
            TriggerKind.LIBRARY, runs, environment_fingerprint(), _libraries
        ),
        TriggerKind.INFRASTRUCTURE: lambda: _environment_moved(
            TriggerKind.INFRASTRUCTURE, runs, environment_fingerprint(), _machine
        ),
    }
    return [
        change for kind, look in found.items() if kind in program.triggers for change in look()
    ]


def _data_moved(suite: Suite, runs: QuerySet[ChallengeRun]) -> Changes:
    """Plans are large and most runs share one: each is read once, only where digests differ."""
    plan = plans.freeze(suite, None)
    if runs.filter(plan_digest=digest(plan)).exists():
        return []
    last_of_each = runs.order_by().values("plan_digest").annotate(last=Max("pk")).values("last")
    used: dict[str, set[str]] = {}
    for scenarios in runs.filter(pk__in=last_of_each).values_list("plan__scenarios", flat=True):
        for key, _, sha in _data(scenarios):
            used.setdefault(key, set()).add(sha)
    anywhere = set().union(*used.values())
    # A scenario that is new may use what another one used; one that was there, what it used.
    other = {
        label for key, label, sha in _data(plan["scenarios"]) if sha not in used.get(key, anywhere)
    }
    if not other:
        return []
    named = ", ".join(sorted(other))
    return [_change(TriggerKind.DATA, f"The suite uses data that it did not use before: {named}.")]


def _data(scenarios: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Scenario, data and their digest; repeats of a scenario are one scenario."""
    return [
        (plans.repeat_of(s) or s["key"], s["dataset_label"], s["dataset_digest"])
        for s in scenarios
    ]


def _libraries(environment: Mapping[str, Any]) -> dict[str, Any]:
    return {"python": environment.get("python"), **environment.get("packages", {})}


def _machine(environment: Mapping[str, Any]) -> dict[str, Any]:
    return {name: environment.get(name) for name in MACHINE}


def _environment_moved(
    kind: TriggerKind,
    runs: QuerySet[ChallengeRun],
    environment: Mapping[str, Any],
    part: Any,
) -> Changes:
    now = part(environment)
    known = [part(made) for made in runs.values_list("environment", flat=True) if made]
    if not known or now in known:
        return []
    before = known[-1]
    moved = [
        f"{name} {before.get(name) or 'absent'} → {now[name] or 'absent'}"
        for name in now
        if before.get(name) != now[name]
    ]
    return [_change(kind, f"The workers changed: {', '.join(moved)}.")]


def _change(kind: TriggerKind, sentence: str) -> dict[str, str]:
    return {"kind": kind.value, "sentence": sentence}
