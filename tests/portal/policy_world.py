"""Two projects with a row of every kind, and everybody who could knock at their doors."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.apps import apps
from django.db import models
from django.test import Client
from django.utils import timezone

from benchmarks.actions import start_run
from benchmarks.choices import RunStatus
from benchmarks.models import (
    Baseline,
    ChallengeRun,
    Comparison,
    Correction,
    Criterion,
    Debrief,
    DriftComparison,
    Measurement,
    MetricSpec,
    Playbook,
    Program,
    ProgramCycle,
    PublicSummary,
    Quarantine,
    Remediation,
)
from catalog.choices import REVIEWER_ROLES, Role
from catalog.failures import Observation, report_failure
from catalog.models import (
    Assumption,
    BiasReview,
    DatasetVersion,
    FailureMode,
    Membership,
    Project,
    Slice,
)
from portal.accounts.models import Scope, User
from rollouts import actions
from rollouts.models import Approval, ApprovalRequest, Gate, GateCheck, Waiver
from tests import builders
from tests.portal.api_world import ApiWorld, build_api_world

#: Stands in every text of the other project; nobody of this one may ever be sent it.
CANARY = "Zaunkoenig"
PEOPLE = tuple(Role.values)


@dataclass
class PolicyWorld:
    """This project, the other one, and how each principal introduces itself."""

    own: ApiWorld
    other: ApiWorld
    #: Headers by principal: a session cookie, a token or nothing.
    principals: dict[str, dict[str, str]] = field(default_factory=dict)


def build_policy_world() -> PolicyWorld:
    own, other = _full_project(), _full_project()
    _plant(other.project)
    world = PolicyWorld(own, other, {"anonymous": {}})
    for role in PEOPLE:
        world.principals[role] = _session(builders.a_person(own.project, role))
    world.principals |= {
        "outsider": _session(builders.a_person(other.project, Role.VIEWER)),
        "superuser": _session(_raised(builders.a_person(), is_superuser=True, is_staff=True)),
        "staff": _session(_raised(builders.a_person(), is_staff=True)),
        "curating staff": _session(
            _raised(builders.a_person(own.project, Role.CONTRIBUTOR, Role.CURATOR), is_staff=True)
        ),
        "inactive": _inactive(own.project),
        "expired": _bearer(own.secret("read", expires_at=timezone.now() - timedelta(hours=1))),
    }
    for scope in Scope.values:
        world.principals[f"token {scope}"] = _bearer(own.secret(scope))
    return world


def _raised(user: User, **flags: bool) -> User:
    User.objects.filter(pk=user.pk).update(**flags)
    return user


def _session(user: User) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    return {"HTTP_COOKIE": f"sessionid={client.cookies['sessionid'].value}"}


def _inactive(project: Project) -> dict[str, str]:
    user = builders.a_person(project, Role.ADMINISTRATOR, Role.CONTRIBUTOR)
    introduction = _session(user)
    _raised(user, is_active=False)
    return introduction


def _bearer(secret: str) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}


# -- a project with everything ----------------------------------------------------------------


def _full_project() -> ApiWorld:
    world = build_api_world()
    by, project = world.author, world.project
    condition = {"column": "late", "op": "eq", "value": 1}
    Slice(dataset=world.data.dataset, key="fog", title="Fog", condition=condition).record(by=by)
    Assumption(
        model=world.model,
        statement="Weather keeps its meaning.",
        category="data",
        how_checked="By scenarios.",
        owner=by,
        review_date=date(2027, 1, 1),
    ).record(by=by)
    FailureMode(project=project, key="data.fog", name="Fog").record(by=by)
    case = report_failure(
        world.version,
        title="Missed in fog",
        parts={"error": "missed", "place": "fog", "cause": ""},
        observations=[Observation("e1", timezone.now(), "1", "0", 0.2, {"name": "Ann"})],
        source="production",
        by=by,
    )
    assert case.occurrences.get().payload
    _criterion(world)
    _judged_run(world)
    _program(world)
    _about_data(world)
    world.secret("read")
    for reviewer in REVIEWER_ROLES:
        builders.a_person(project, reviewer)
    candidate = builders.a_version(world.model, by=by)
    world.model.production_version = world.version
    world.model.record(by=by)
    fallback, stages = world.version, [builders.a_stage(builders.a_suite_gate(world.suite))]
    request = actions.submit(builders.a_plan(candidate, fallback, by=by, stages=stages), by=by)
    _decided_rows(world, request)
    other = builders.a_version(world.model, by=by)
    builders.a_plan(other, fallback, by=by, stages=stages)  # a draft beside it, to be edited
    return world


def _about_data(world: ApiWorld) -> None:
    """What people and the engine have said about the data: drift, a correction, a review."""
    by, today = world.author, timezone.localdate()
    current = DatasetVersion(
        dataset=world.data.dataset,
        version="later",
        place="datasets/later.parquet",
        digest=builders.sha(f"later {world.project.pk}"),
        size=1,
        rows=1,
        id_column="id",
        label_column="late",
    ).record(by=by)
    DriftComparison(
        dataset=world.data.dataset,
        reference=world.data,
        current=current,
        report={"columns": [], "reference_rows": 1, "current_rows": 1, "classifier": None},
        drifted=0,
        compared=0,
        report_version="1",
        digest=builders.sha("drift"),
    ).record(by=by)
    Correction(
        dataset_version=world.data, kind="invalidate", items=["1"], originals=[0], reason="Wrong."
    ).record(by=by)
    BiasReview(
        dataset=world.data.dataset,
        held_on=today,
        looked_at="Late share by airport.",
        finding="Newark is late more often.",
        next_due=today + timedelta(days=90),
    ).record(by=by)


def _decided_rows(world: ApiWorld, request: ApprovalRequest) -> None:
    """A look, an exception and an answer, so that each of these has a row to be asked for."""
    gate = Gate.objects.filter(stage__plan=request.plan).first()
    now = timezone.now()
    GateCheck(
        gate=gate,
        verdict="pass",
        outcome="met",
        reason="Seen.",
        evidence_digest=builders.sha("look"),
        checked_at=now,
    ).save()
    Waiver(gate=gate, reason="Known.", expires_at=now + timedelta(days=1)).record(by=world.author)
    signer = builders.a_person(world.project, Role.PRODUCT)
    Approval(
        request=request,
        slot=Role.PRODUCT,
        user=signer,
        printed_name=str(signer),
        answer="approved",
        evidence_digest=request.evidence_digest,
        answered_at=now,
    ).save()


def _criterion(world: ApiWorld) -> None:
    scenario = world.suite.scenarios.get(key="plain")
    metric = MetricSpec.objects.get(project=world.project)
    rule = {"value_threshold": 0.8, "why": "Below that nobody believes it."}
    Criterion(scenario=scenario, metric=metric, **rule).record(by=world.author)


def _judged_run(world: ApiWorld) -> ChallengeRun:
    run = start_run(world.version, suite=world.suite, by=world.author)
    ChallengeRun.objects.filter(pk=run.pk).update(status=RunStatus.EVALUATED, verdict="pass")
    Comparison(
        run=run,
        verdict="pass",
        expected=2,
        received=2,
        judge_version="1",
        digest=builders.sha(f"comparison {run.pk}"),
        scenarios=[{"key": key, "finding": "pass", "reason": ""} for key in ("plain", "fog")],
    ).record(by=world.author)
    run.refresh_from_db()
    cell = {"scenario": "plain", "metric": "accuracy", "slice": "all"}
    Measurement(run=run, value=0.9, low=0.89, high=0.91, n=1000, **cell).save()
    Baseline(suite=world.suite, run=run, reason="It serves.").record(by=world.author)
    Quarantine(
        suite=world.suite,
        scenario=world.suite.scenarios.get(key="fog"),
        owner=world.author,
        reason="It differs from day to day.",
        until=timezone.localdate() + timedelta(days=9),
    ).record(by=world.author)
    return run


def _program(world: ApiWorld) -> None:
    """A monthly program with a turn of its cadence and something to be mended."""
    by, today = world.author, timezone.localdate()
    program = Program(
        project=world.project,
        model=world.model,
        key="weather",
        title="Weather",
        goal="Know what the weather does.",
        owner=by,
        risk_areas=[{"name": "fog", "customer": "Late bags."}],
        cadence_unit="month",
        cadence_anchor=today,
    ).record(by=by)
    Playbook(
        program=program, title="Fog", sign="Visibility falls.", steps="Call.", owner=by
    ).record(by=by)
    Debrief(
        program=program, title="July", held_on=today, attendees="The desk.", seen="Fog."
    ).record(by=by)
    PublicSummary(
        program=program,
        content={"title": "Program", "areas": []},
        digest=builders.sha("public"),
        reason="The authority asked.",
    ).record(by=by)
    ProgramCycle(program=program, opens_on=today, due_on=today).record(by=by)
    Remediation(
        model=world.model,
        program=program,
        title="Blind in fog",
        weakness="Fog is missed.",
        acceptance="Fog passes.",
        suite=world.suite,
        scenario=world.suite.scenarios.get(key="plain"),
        owner=by,
        due_on=today,
    ).record(by=by)


# -- rows and words ---------------------------------------------------------------------------


def row_of(world: ApiWorld, label: str) -> Any:
    """The number of a row of this kind in the project; 0 when it has none."""
    model = apps.get_model(label)
    rows = model._base_manager.filter(**{model.project_path or "pk": world.project.pk})
    return rows.order_by("-pk").values_list("pk", flat=True).first() or 0


def _plant(project: Project) -> None:
    """Write the canary into every free text of the project, past every rule of its own."""
    for model in apps.get_models():
        if not hasattr(model, "project_path") or model._meta.label == "audit.AuditEvent":
            continue
        rows = model._base_manager.filter(**{model.project_path or "pk": project.pk})
        texts = list(_free_texts(model))
        for pk in rows.values_list("pk", flat=True) if texts else ():
            planted = {f.name: f"{CANARY} {pk}"[: f.max_length] for f in texts}
            rows.model._base_manager.filter(pk=pk).update(**planted)
    members = Membership.objects.filter(project=project).values("user")
    User._base_manager.filter(pk__in=members).update(first_name=CANARY, last_name=CANARY)


def _free_texts(model: type[models.Model]) -> Iterator[Any]:
    kept = {"slug", "place", "digest", "commitment"}
    for each in model._meta.concrete_fields:
        is_text = isinstance(each, models.CharField | models.TextField)
        if is_text and not each.choices and not any(word in each.name for word in kept):
            yield each
