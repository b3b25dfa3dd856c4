"""Small builders of believable rows; each makes only what it names and takes the rest as given."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from benchmarks.choices import BaselineStatus, RunSource, RunStatus, SuiteKind
from benchmarks.models import Baseline, ChallengeRun, Comparison, MetricComparison, Suite
from catalog.choices import FailureStatus, Role
from catalog.models import (
    Dataset,
    DatasetVersion,
    FailureCase,
    Membership,
    ModelVersion,
    Project,
    RegisteredModel,
)
from portal.accounts.models import ApiToken, User
from rollouts import actions
from rollouts.choices import GateKind
from rollouts.models import RolloutPlan

_numbers = count(1)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def a_project(name: str = "Flights", *, by: User | None = None) -> Project:
    number = next(_numbers)
    return Project(name=name, slug=f"{name.lower()}-{number}").record(by=by)


def a_person(project: Project | None = None, *roles: str, name: str = "") -> User:
    """Somebody who signs in; without roles an outsider to every project."""
    name = name or f"person{next(_numbers)}"
    user = User.objects.create_user(username=name, password="correct horse", first_name=name)
    for role in roles:
        Membership(user=user, project=project, role=role).record(by=None)
    return user


def a_service(project: Project, *scopes: str, name: str = "") -> User:
    """A machine's account as it looks while one of its tokens is in use."""
    name = name or f"service{next(_numbers)}"
    user = User.objects.create_user(username=name, kind=User.Kind.SERVICE)
    Membership(user=user, project=project, role=Role.VIEWER).record(by=None)
    user.token_in_use = ApiToken(user=user, project=project, scopes=list(scopes))
    user.token_project_id = project.pk
    return user


def a_model(
    project: Project, *, owner: User, risk_tier: str = "low", **fields: Any
) -> RegisteredModel:
    given = {
        "name": f"model{next(_numbers)}",
        "title": "Late arrivals",
        "intended_use": "Warn of flights that will land late.",
        **fields,
    }
    return RegisteredModel(project=project, owner=owner, risk_tier=risk_tier, **given).record(
        by=owner
    )


def a_version(
    model: RegisteredModel, version: str = "", *, by: User, **fields: Any
) -> ModelVersion:
    version = version or f"v{next(_numbers)}"
    given = {
        "artifact_format": "skops",
        "artifact_digest": sha(f"{model.pk}/{version}"),
        "input_columns": ["distance"],
        "environment": {"python": "3.11"},
        **fields,
    }
    return ModelVersion(model=model, version=version, **given).record(by=by)


def a_dataset_version(
    project: Project,
    *,
    by: User,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    rows: int = 1000,
) -> DatasetVersion:
    """One frozen window; August 2013 unless told otherwise."""
    number = next(_numbers)
    dataset = Dataset(project=project, name=f"data{number}", title="Flights").record(by=by)
    return DatasetVersion(
        dataset=dataset,
        version=f"w{number}",
        place=f"datasets/{number}.parquet",
        digest=sha(str(number)),
        size=1000,
        rows=rows,
        columns=[{"name": "late", "kind": "number", "sensitivity": "internal"}],
        id_column="id",
        label_column="late",
        starts_at=starts_at or datetime(2013, 8, 1, tzinfo=UTC),
        ends_at=ends_at or datetime(2013, 8, 8, tzinfo=UTC),
    ).record(by=by)


def a_suite(
    model: RegisteredModel, *, by: User, kind: str = SuiteKind.CHALLENGE, **fields: Any
) -> Suite:
    number = next(_numbers)
    given = {
        "key": f"suite{number}",
        "title": f"Suite {number}",
        "metrics": ["accuracy"],
        **fields,
    }
    if kind == SuiteKind.WATCH:
        given.setdefault("planned_n", 10_000)
    return Suite(project=model.project, model=model, owner=by, kind=kind, **given).record(by=by)


def a_run(
    version: ModelVersion, suite: Suite, *, by: User | None, status: str, **fields: Any
) -> ChallengeRun:
    given = {"plan": {"scenarios": ["plain"]}, "plan_digest": sha("plan"), **fields}
    return ChallengeRun(
        suite=suite, model_version=version, source=RunSource.WORKER, status=status, **given
    ).record(by=by)


def an_evaluated_run(
    version: ModelVersion,
    suite: Suite,
    *,
    by: User | None = None,
    verdict: str = "pass",
    baseline_run: ChallengeRun | None = None,
    dataset_version: DatasetVersion | None = None,
    changes: Sequence[Mapping[str, Any]] = (),
) -> ChallengeRun:
    """A judged run with its comparison; each of `changes` names the fields of one cell."""
    run = a_run(
        version,
        suite,
        by=by,
        status=RunStatus.EVALUATED,
        verdict=verdict,
        baseline_run=baseline_run,
        dataset_version=dataset_version,
        result_digest=sha(f"result{next(_numbers)}"),
    )
    comparison = Comparison(
        run=run,
        baseline_run=baseline_run,
        verdict=verdict,
        expected=1,
        received=1,
        judge_version="1",
        digest=sha(f"comparison{run.pk}"),
        scenarios=[{"key": "plain", "finding": verdict, "reason": ""}],
        reasons=[{"code": "", "sentence": f"It was a {verdict}."}],
    ).record(by=by)
    for cell in changes:
        MetricComparison(comparison=comparison, **{**_CELL, **cell}).save()
    return run


#: A change of nothing, known precisely.
_CELL: dict[str, Any] = {
    "scenario": "plain",
    "metric": "accuracy",
    "slice": "all",
    "change": "unchanged",
    "severity": "none",
    "difference": 0.0,
    "low": -0.001,
    "high": 0.001,
    "n": 10_000,
}


def an_approved_baseline(run: ChallengeRun, *, proposed_by: User, approved_by: User) -> Baseline:
    return Baseline(
        suite=run.suite,
        run=run,
        reason="It has served for a year.",
        status=BaselineStatus.APPROVED,
        decided_by=approved_by,
    ).record(by=proposed_by)


def a_failure_case(
    model: RegisteredModel,
    *,
    by: User,
    severity: str = "high",
    status: str = FailureStatus.VERIFIED,
) -> FailureCase:
    number = next(_numbers)
    seen = datetime(2013, 8, 2, tzinfo=UTC) + timedelta(hours=number)
    return FailureCase(
        model=model,
        title="Wrong in fog",
        fingerprint=sha(f"case{number}"),
        fingerprint_version=1,
        fingerprint_parts={"error": "missed cases", "place": "fog", "cause": ""},
        severity=severity,
        status=status,
        first_seen=seen,
        last_seen=seen,
    ).record(by=by)


def an_approval_gate() -> dict[str, Any]:
    return {"kind": GateKind.APPROVAL, "name": "Sign-off"}


def a_suite_gate(suite: Suite) -> dict[str, Any]:
    return {"kind": GateKind.EVIDENCE, "name": "Challenge program passed", "suite": suite}


def a_metric_gate(suite: Suite, *, margin: float = 0.01, **fields: Any) -> dict[str, Any]:
    given = {"name": "Accuracy holds", "metric": "accuracy", **fields}
    return {"kind": GateKind.EVIDENCE, "suite": suite, "margin": margin, **given}


def a_stage(*gates: Mapping[str, Any], exposure: int = 5, **fields: Any) -> dict[str, Any]:
    """A stage with an approval gate after the given ones."""
    return {
        "name": f"{exposure} %",
        "exposure": exposure,
        "cohort": "By bucket of the booking number",
        "soak_hours": 0,
        "minimum_sample": 100,
        "gates": [*gates, an_approval_gate()],
        **fields,
    }


def a_plan(
    candidate: ModelVersion,
    fallback: ModelVersion,
    *,
    by: User,
    stages: Sequence[Mapping[str, Any]],
    **fields: Any,
) -> RolloutPlan:
    """A draft, written by the same action that people use."""
    given = {
        "title": f"Roll out {candidate.version}",
        "hypothesis": "Fewer missed connections.",
        **fields,
    }
    return actions.draft_plan(
        candidate.model, by=by, candidate=candidate, fallback=fallback, stages=stages, **given
    )
