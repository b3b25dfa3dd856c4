"""A small project with a row in every table that the ledger vouches for in more than one way."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from catalog.choices import FailureStatus
from catalog.models import (
    Assumption,
    FailureCase,
    FailureMode,
    FailureOccurrence,
    Membership,
    ModelVersion,
    Project,
    RegisteredModel,
)
from portal.accounts.models import User
from rollouts.models import (
    Approval,
    ApprovalRequest,
    DecisionRecord,
    Gate,
    GateCheck,
    RolloutPlan,
    Stage,
)

NOON = datetime(2013, 11, 5, 12, 0, tzinfo=UTC)


@dataclass
class World:
    ana: User  # contributor and auditor
    ben: User  # reviewer
    outsider: User  # a member of another project only
    project: Project
    elsewhere: Project
    model: RegisteredModel
    mode: FailureMode
    case: FailureCase
    plan: RolloutPlan


def person(username: str, name: str, **values: object) -> User:
    user = User(username=username, first_name=name, **values)
    user.set_password("a long password")
    user.save()
    return user


def build_world() -> World:
    ana, ben, outsider = person("ana", "Ana"), person("ben", "Ben"), person("eve", "Eve")
    project = Project(name="Flight delay", slug="flights").record(by=ana)
    elsewhere = Project(name="Fraud", slug="fraud").record(by=outsider)
    for user, where, role in [
        (ana, project, "contributor"),
        (ana, project, "auditor"),
        (ben, project, "reviewer_risk"),
        (outsider, elsewhere, "auditor"),
    ]:
        Membership(user=user, project=where, role=role).record(by=user)
    FailureMode(project=elsewhere, key="foreign", name="Foreign canary").record(by=outsider)
    model = _model(project, ana)
    mode = FailureMode(project=project, key="fog", name="Fog").record(by=ana)
    FailureMode(project=project, key="ice", name="Ice", parent=mode).record(by=ana)
    case = _case(model, mode, ana, ben)
    return World(ana, ben, outsider, project, elsewhere, model, mode, case, _plan(model, ana, ben))


def _model(project: Project, ana: User) -> RegisteredModel:
    model = RegisteredModel(
        project=project,
        name="late",
        title="Late arrival",
        owner=ana,
        intended_use="Warn passengers.",
        risk_tier="medium",
    ).record(by=ana)
    for name in ("v1", "v2"):
        ModelVersion(
            model=model,
            version=name,
            artifact_format="stored",
            artifact_digest=name[1] * 64,
            input_columns=["origin", "carrier"],
            environment={"python": "3.11", "deep": [1, 2.5, None, True]},
        ).record(by=ana)
    Assumption(
        model=model,
        statement="Weather fields keep their meaning.",
        category="data",
        how_checked="By scenarios.",
        owner=ana,
        review_date=date(2027, 1, 1),
    ).record(by=ana)
    return model


def _case(model: RegisteredModel, mode: FailureMode, ana: User, ben: User) -> FailureCase:
    case = FailureCase(
        model=model,
        title="Fog at JFK",
        mode=mode,
        fingerprint="f" * 64,
        fingerprint_version=1,
        fingerprint_parts={"origin": "JFK", "visibility": 0.25},
        first_seen=NOON,
        last_seen=NOON,
    ).record(by=ana)
    case.status, case.severity = FailureStatus.TRIAGED, "high"
    case.record(by=ben, reason="seen often")
    for number in (1, 2):
        FailureOccurrence(
            case=case,
            model_version=model.versions.first(),
            source="production",
            reference=f"flight-{number}",
            observed_at=NOON,
            confidence=0.75,
        ).save()
    return case


def _plan(model: RegisteredModel, ana: User, ben: User) -> RolloutPlan:
    old, new = model.versions.order_by("pk")
    plan = RolloutPlan(
        model=model,
        candidate=new,
        fallback=old,
        title="Roll out v2",
        owner=ana,
        hypothesis="Fewer missed delays.",
        risk_tier="medium",
    ).record(by=ana)
    stage = Stage(
        plan=plan,
        position=1,
        name="Canary",
        exposure=5,
        cohort="by bucket",
        soak_hours=24,
        minimum_sample=100,
    ).record(by=ana)
    gate = Gate(stage=stage, position=1, kind="soak_time", name="A day").record(by=ana)
    for verdict, outcome in (("pending", "pending"), ("pass", "met")):
        GateCheck(
            gate=gate,
            verdict=verdict,
            outcome=outcome,
            reason="Looked at the clock.",
            value=1.5,
            evidence=[{"kind": "stage", "id": stage.pk}],
            evidence_digest="e" * 64,
            checked_at=NOON,
        ).save()
    request = ApprovalRequest(
        plan=plan,
        stage=stage,
        subject="stage",
        slots=["reviewer_risk"],
        evidence={"stage": 1},
        evidence_digest="e" * 64,
        opened_at=NOON,
    ).record(by=ana)
    Approval(
        request=request,
        slot="reviewer_risk",
        user=ben,
        printed_name="Ben",
        answer="approved",
        reason="Evidence is sound.",
        evidence_digest="e" * 64,
        answered_at=NOON,
    ).save()
    for number, summary in ((1, "Submitted"), (2, "Started")):
        DecisionRecord(
            plan=plan,
            number=number,
            kind="submitted",
            actor=ana,
            summary=summary,
            decided_at=NOON,
            digest=str(number) * 64,
        ).save()
    return plan
