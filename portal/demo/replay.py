"""The demo's rollouts, replayed from real outcomes: every look, signature and stop is an action.

Observation times are those of the flights in 2013; decisions are made, and dated, now.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd
from django.utils import timezone

from benchmarks.actions import start_run
from benchmarks.models import ChallengeRun, Suite
from catalog.choices import Role
from catalog.models import Dataset, DatasetVersion, ModelVersion, RegisteredModel
from portal.demo.inventory import register_window
from portal.demo.people import Cast
from portal.demo.progress import Terminal, wait_for
from portal.supervisor import Supervisor
from rollouts import actions
from rollouts.choices import Answer, PlanStatus, RequestStatus, StageStatus
from rollouts.models import Gate, RolloutPlan, Stage

SIGNERS = {Role.DATA_SCIENCE: "scientist", Role.PRODUCT: "product", Role.RISK: "risk"}


@dataclass(frozen=True)
class Span:
    """A stage on the data's calendar: share of flights exposed, first day, day after the last."""

    name: str
    exposure: int
    start: str
    end: str
    soak_days: int
    minimum_sample: int
    margin: float = 0.02  # allowed worsening of accuracy; wider where few flights are exposed


V2_SPANS = (
    Span("Canary", 5, "2013-08-05", "2013-09-02", 21, 800, 0.03),
    Span("Quarter", 25, "2013-09-02", "2013-09-30", 21, 4000),
    Span("Half", 50, "2013-09-30", "2013-10-28", 21, 8000),
    Span("Everyone", 100, "2013-10-28", "2013-12-02", 28, 20000),
)
V3_SPANS = (
    Span("Canary", 5, "2013-12-02", "2013-12-16", 7, 300, 0.03),
    Span("Half", 50, "2013-12-16", "2013-12-30", 7, 3000),
    Span("Everyone", 100, "2013-12-30", "2014-01-01", 1, 500),
)


@dataclass(frozen=True)
class Scene:
    """Everything the story needs in one hand; `versions` fills as they are trained."""

    cast: Cast
    model: RegisteredModel
    dataset: Dataset
    flights: pd.DataFrame
    data: Mapping[str, DatasetVersion]
    suites: Mapping[str, Suite]
    versions: dict[str, ModelVersion]
    terminal: Terminal
    supervisor: Supervisor
    origin: str  # of the demo's own model server


def gates(
    suites: Mapping[str, Suite], span: Span, *, challenge: bool, severity: str
) -> list[dict[str, Any]]:
    """The conditions of a stage; the July program is asked once, at the first."""
    watch = suites["production-watch"]
    asked = [
        {
            "kind": "evidence",
            "name": "July challenge program passed",
            "why": "What the program found before is not to be found by travellers.",
            "suite": suites["july-challenge"],
        }
    ]
    return [
        *(asked if challenge else []),
        {
            "kind": "evidence",
            "name": "Accuracy no worse than production",
            "why": "Each wrong alert or missed delay costs the arrival desk a replanning.",
            "suite": watch,
            "metric": "accuracy",
            "margin": span.margin,
        },
        {
            "kind": "evidence",
            "name": "Stop-loss: false alarms",
            "why": "False alarms hold ground staff that other flights need.",
            "suite": watch,
            "metric": "false_alarm_rate",
            "margin": 0.005,
            "stop_loss": True,
        },
        {
            "kind": "evidence",
            "name": "Stop-loss: accuracy",
            "why": "A proven loss ends the rollout before the desk stops trusting the alert.",
            "suite": watch,
            "metric": "accuracy",
            "margin": 0.003,
            "stop_loss": True,
        },
        {"kind": "soak_time", "name": "Soak time", "why": "A week has seven kinds of days."},
        {
            "kind": "failure_cases",
            "name": f"No open failure case of severity {severity}",
            "why": "A known failure is repaired or accepted before more travellers meet it.",
            "severity": severity,
        },
        {"kind": "approval", "name": "Sign-off", "why": "Two functions read the evidence."},
    ]


def write_plan(
    scene: Scene, version: str, spans: tuple[Span, ...], *, severity: str, **text: str
) -> RolloutPlan:
    """Draft and submit the plan as its owner, have it signed, and start it as the operator."""
    found = RolloutPlan.objects.filter(candidate=scene.versions[version]).first()
    plan = found or actions.draft_plan(
        scene.model,
        by=scene.cast["owner"],
        candidate=scene.versions[version],
        fallback=scene.versions["v1"],
        watch_suite=scene.suites["production-watch"],
        stages=[
            {
                "name": span.name,
                "exposure": span.exposure,
                "cohort": f"Flights in exposure buckets 0 to {span.exposure - 1} of 100",
                "soak_hours": span.soak_days * 24,
                "minimum_sample": span.minimum_sample,
                "gates": gates(scene.suites, span, challenge=position == 0, severity=severity),
            }
            for position, span in enumerate(spans)
        ],
        **text,
    )
    if plan.status == PlanStatus.DRAFT:
        actions.submit(plan, by=scene.cast["owner"])
    plan.refresh_from_db()
    if plan.status == PlanStatus.IN_REVIEW:
        sign(scene.cast, plan)
        plan.refresh_from_db()
    if plan.status == PlanStatus.APPROVED:
        actions.start(plan, by=scene.cast["operator"])
        scene.terminal.say(f"{plan.title}: approved by two functions and started")
    return plan


def sign(cast: Cast, plan: RolloutPlan, *, leave: frozenset[str] = frozenset()) -> None:
    """Fill the open request's slots with the people of those functions, but for `leave`."""
    for request in plan.requests.filter(status=RequestStatus.OPEN):
        for slot in request.slots:
            if slot in leave or request.approvals.filter(slot=slot).exists():
                continue
            actions.answer(
                request,
                by=cast[SIGNERS[Role(slot)]],
                slot=slot,
                answer=Answer.APPROVED,
                evidence_digest=request.evidence_digest,
                reason="Read the gates and the comparison.",
            )


def run_stages(scene: Scene, plan: RolloutPlan, spans: tuple[Span, ...]) -> RolloutPlan:
    """Look every week of the data, sign and advance when the gates open, end when it ends."""
    for span, row in zip(spans, plan.stages.order_by("position"), strict=True):
        for until in looks(span):
            plan.refresh_from_db()
            row.refresh_from_db()
            if plan.status != PlanStatus.RUNNING or row.status != StageStatus.OBSERVING:
                break
            look(scene, plan, span, until)
            settle(scene, plan)
        promote(scene, plan, row)
    return plan


def looks(span: Span) -> Iterator[str]:
    """The days after which one looks: weekly, and at the end."""
    day, end = pd.Timestamp(span.start), pd.Timestamp(span.end)
    while (day := day + pd.Timedelta(days=7)) < end:
        yield str(day.date())
    yield str(end.date())


def look(scene: Scene, plan: RolloutPlan, span: Span, until: str) -> list[ChallengeRun]:
    """Judge candidate against fallback on the flights exposed since the stage began."""
    name = f"exposed-{span.exposure}-{span.start}-{until}"
    window = register_window(
        scene.dataset,
        scene.flights,
        name,
        span.start,
        until,
        by=scene.cast["monitor"],
        below_bucket=span.exposure,
        notes=f"Flights in buckets below {span.exposure}, the ones that saw the candidate.",
    )
    suite = scene.suites["production-watch"]
    shared = {"suite": suite, "window": window, "by": scene.cast["monitor"]}
    before = ChallengeRun.objects.filter(suite=suite, external_id=f"v1-{name}").first()
    before = before or start_run(scene.versions["v1"], external_id=f"v1-{name}", **shared)
    external_id = f"{plan.candidate.version}-{name}"
    after = ChallengeRun.objects.filter(suite=suite, external_id=external_id).first()
    after = after or start_run(
        plan.candidate, external_id=external_id, baseline_run=before, **shared
    )
    label = f"{plan.candidate.version} at {span.exposure} %, to {until}"
    return wait_for(
        [before, after], terminal=scene.terminal, supervisor=scene.supervisor, label=label
    )


def settle(scene: Scene, plan: RolloutPlan) -> None:
    """What people do after a look: waive what was accepted beforehand, confirm a rollback."""
    actions.check_gates(plan)
    plan.refresh_from_db()
    if plan.status == PlanStatus.ROLLING_BACK:
        actions.report_exposure(plan, exposure=0, by=scene.cast["monitor"])
        plan.refresh_from_db()
        scene.terminal.say(f"{plan.title}: stop-loss, rolled back to {plan.fallback.version}")


def waive_challenge(scene: Scene, plan: RolloutPlan, *, reason: str, control: str) -> None:
    """The risk reviewer accepts, for a time and in writing, that the July program failed."""
    first = plan.stages.order_by("position").first()
    gate = Gate.objects.get(stage=first, suite=scene.suites["july-challenge"])
    if gate.waivers.exists():
        return
    actions.check_gates(plan)
    actions.waive(
        gate,
        by=scene.cast["risk"],
        reason=reason,
        compensating_control=control,
        expires_at=timezone.now() + timedelta(days=120),
    )
    scene.terminal.say(f"{plan.title}: the failed July program was waived, in writing")


def promote(scene: Scene, plan: RolloutPlan, row: Stage) -> None:
    """Sign and advance a stage whose gates have opened."""
    row.refresh_from_db()
    if row.status != StageStatus.SIGNING:
        return
    sign(scene.cast, plan)
    actions.advance(plan, by=scene.cast["operator"])
    scene.terminal.say(f"{plan.title}: stage “{row.name}” signed by two functions and passed")
