"""Takes a posted run in once: the same post again finds the run that came of the first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError

from benchmarks.actions import start_run
from benchmarks.models import ChallengeRun, IdempotencyKey, Suite
from catalog.actions import require
from catalog.digests import digest
from catalog.errors import Conflict
from catalog.intake import data_version, found, project_for
from catalog.models import Project, RegisteredModel
from catalog.transactions import write_block

ROUTE = "challenge-runs"
KEY = re.compile(r"[A-Za-z0-9._:-]{8,80}\Z")
MISMATCH = "idempotency_mismatch"


@dataclass(frozen=True)
class Received:
    """The run of a post, and whether an earlier post had already made it."""

    run: ChallengeRun
    is_repeat: bool


def receive(data: Mapping[str, Any], *, key: str, by: Any) -> Received:
    """Start the run that a validated post describes, once per key.

    The effect and its key are written in one transaction under the suite's lock: of two equal
    posts at the same time one makes the run and the other finds it. Raises Conflict with code
    `idempotency_mismatch` when the key came before with another content.
    """
    if not KEY.match(key):
        raise ValidationError(
            "Send an Idempotency-Key of 8 to 80 letters, digits, dots, colons, dashes or"
            " underscores: a name for this post that a retry repeats."
        )
    project = project_for(by, data.get("project", ""))
    require(by, "benchmarks.start_run", project, "Your roles or token do not start runs.")
    scope = {"project": project, "user": by, "route": ROUTE, "key": key}
    content = digest(data)
    try:
        return _once(project, scope, content, data, by=by)
    except IntegrityError:
        # The same key at the same moment for another suite, whose lock did not hold this one up.
        if earlier := _earlier(scope, content):
            return earlier
        raise


def _once(
    project: Project, scope: dict[str, Any], content: str, data: Mapping[str, Any], *, by: Any
) -> Received:
    with write_block():
        if earlier := _earlier(scope, content):
            return earlier
        suites = Suite.objects.in_project(project).select_for_update()
        suite: Suite = found(suites, "suite", key=data["suite"])
        if earlier := _earlier(scope, content):  # it may have come while we waited for the lock
            return earlier
        run = _start(project, suite, data, by=by)
        IdempotencyKey(**scope, body_digest=content, run=run).save()
    return Received(run, is_repeat=False)


def _earlier(scope: Mapping[str, Any], content: str) -> Received | None:
    row = IdempotencyKey.objects.filter(**scope).select_related("run").first()
    if row is None:
        return None
    if row.body_digest != content:
        raise Conflict(
            f"The key “{scope['key']}” was used for another post. Choose a new one.", code=MISMATCH
        )
    return Received(row.run, is_repeat=True)


def _start(project: Project, suite: Suite, data: Mapping[str, Any], *, by: Any) -> ChallengeRun:
    models = RegisteredModel.objects.in_project(project)
    model = found(models, "model", name=data["model"])
    version = found(model.versions.all(), "version", version=data["version"])
    references: dict[str, Any] = {}
    if "window" in data:
        references["window"] = data_version(project, data["window"], "window")
    if "baseline_run" in data:
        runs = ChallengeRun.objects.in_project(project)
        references["baseline_run"] = found(runs, "baseline_run", pk=data["baseline_run"])
    plain = ("seed", "external_id", "code_revision", "environment")
    return start_run(
        version,
        suite=suite,
        by=by,
        posted=data.get("scenarios"),
        **references,
        **{name: data[name] for name in plain if name in data},
    )
