"""Looks at the gates of the stage at work and takes the steps that need no person.

That is: opening a sign-off when every other gate is met, taking it back when that changes, and
the stop-loss, which asks nobody.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from catalog.digests import digest
from catalog.transactions import write_block
from rollouts import gates, signoff
from rollouts.choices import DecisionKind, GateKind, GateVerdict, PlanStatus, StageStatus, Subject
from rollouts.evidence import Gathered, gate_rule, gather
from rollouts.ledger import record_decision
from rollouts.models import Gate, GateCheck, RolloutPlan, Stage, Waiver
from rollouts.transitions import locked, move_plan, move_stage

_REVIEWED = (PlanStatus.IN_REVIEW, PlanStatus.APPROVED)
_WATCHED = (PlanStatus.RUNNING, PlanStatus.PAUSED)


def check_gates(plan: RolloutPlan, *, now: datetime | None = None) -> list[GateCheck]:
    """Look at every gate of the stage at work and return the check that now stands for each.

    A plan that waits for its start has no such gates, but its sign-off is held to its evidence.
    """
    with write_block():
        return watch(locked(plan), now or timezone.now())


def watch(plan: RolloutPlan, now: datetime) -> list[GateCheck]:
    """As `check_gates`, for a caller who holds the plan's lock."""
    if plan.status in _REVIEWED:
        _recheck_plan_request(plan, now)
    stage = plan.current_stage if plan.status in _WATCHED else None
    if stage is None:
        return []
    rows = stage.gates.select_related("suite").order_by("position")
    checks = {gate.pk: _look(gate, now) for gate in rows if gate.kind != GateKind.APPROVAL}
    _settle(plan, stage, list(checks.values()), now)
    # Last, because what has just been settled is what the approval gates report.
    checks |= {gate.pk: _look(gate, now) for gate in rows if gate.kind == GateKind.APPROVAL}
    return [checks[gate.pk] for gate in rows]


def go_back(
    plan: RolloutPlan,
    stage: Stage,
    *,
    kind: str,
    actor: Any,
    summary: str,
    reason: str,
    now: datetime,
    evidence_digest: str = "",
) -> None:
    """Take all exposure away at once. Needs nobody's approval and has no other guard."""
    move_stage(stage, StageStatus.STOPPED, by=actor, reason=reason, now=now)
    for later in plan.stages.filter(status=StageStatus.PENDING):
        move_stage(later, StageStatus.CANCELLED, by=actor, reason=reason, now=now)
    move_plan(plan, PlanStatus.ROLLING_BACK, by=actor, reason=reason, exposure=0)
    record_decision(
        plan,
        stage=stage,
        kind=kind,
        actor=actor,
        summary=summary,
        reason=reason,
        evidence_digest=evidence_digest,
        observed_until=signoff.observed_until(stage),
        now=now,
    )
    if request := signoff.standing_request(plan):
        signoff.supersede(request, why="The rollout is going back.", now=now)


def hold_stage(
    plan: RolloutPlan, stage: Stage, *, actor: Any, summary: str, reason: str, now: datetime
) -> None:
    """Pause the plan with its exposure as it is; a sign-off under way is taken back."""
    if request := signoff.standing_request(plan):
        signoff.supersede(request, why="The rollout is on hold.", now=now)
    move_stage(stage, StageStatus.HELD, by=actor, reason=reason, now=now)
    move_plan(plan, PlanStatus.PAUSED, by=actor, reason=reason)
    record_decision(
        plan,
        stage=stage,
        kind=DecisionKind.HELD,
        actor=actor,
        summary=summary,
        reason=reason,
        observed_until=signoff.observed_until(stage),
        now=now,
    )


def _settle(plan: RolloutPlan, stage: Stage, checks: list[GateCheck], now: datetime) -> None:
    tripped = [check for check in checks if check.verdict == GateVerdict.STOP]
    if tripped:
        _stop(plan, stage, tripped[0], now)
        return
    ready = all(gates.is_met(check.verdict) for check in checks)
    if stage.status == StageStatus.SIGNING:
        _recheck_stage_request(plan, stage, ready, now)
    if ready and stage.status == StageStatus.OBSERVING and plan.status == PlanStatus.RUNNING:
        _ask(plan, stage, now)


def _stop(plan: RolloutPlan, stage: Stage, check: GateCheck, now: datetime) -> None:
    go_back(
        plan,
        stage,
        kind=DecisionKind.STOP_LOSS,
        actor=None,
        summary=f"Stop-loss “{check.gate.name}” tripped.",
        reason=check.reason,
        evidence_digest=check.evidence_digest,
        now=now,
    )


def _ask(plan: RolloutPlan, stage: Stage, now: datetime) -> None:
    if problem := signoff.unmet(plan, Subject.STAGE):
        summary = "Held: the sign-off could not be opened."
        hold_stage(plan, stage, actor=None, summary=summary, reason=problem, now=now)
        return
    move_stage(stage, StageStatus.SIGNING, by=None, reason="every other gate is met", now=now)
    request = signoff.open_request(plan, stage, by=None, now=now)
    move_plan(plan, plan.status, by=None, reason="sign-off opened")
    record_decision(
        plan,
        stage=stage,
        kind=DecisionKind.SIGN_OFF_OPENED,
        actor=None,
        summary=f"Sign-off of stage “{stage.name}” opened.",
        evidence_digest=request.evidence_digest,
        observed_until=signoff.observed_until(stage),
        now=now,
    )


def _recheck_stage_request(plan: RolloutPlan, stage: Stage, ready: bool, now: datetime) -> None:
    request = signoff.standing_request(plan)
    if request is None:
        move_stage(stage, StageStatus.OBSERVING, by=None, reason="no sign-off stands", now=now)
        return
    request.plan, request.stage = plan, stage
    why = signoff.what_lapsed(request) if ready else "A gate is no longer met."
    if why:
        signoff.lapse(request, why=why, now=now)


def _recheck_plan_request(plan: RolloutPlan, now: datetime) -> None:
    request = signoff.standing_request(plan)
    if request is not None:
        request.plan = plan
        if why := signoff.what_lapsed(request):
            signoff.lapse(request, why=why, now=now)


def _look(gate: Gate, now: datetime) -> GateCheck:
    """The check that stands after this look: a new one only when something differs."""
    gathered = gather(gate, now=now)
    ruling = gates.rule(gate_rule(gate), gathered.evidence)
    waiver = gate.waivers.filter(expires_at__gt=now).first()
    if waiver is not None and ruling.verdict not in {GateVerdict.STOP, GateVerdict.PASS}:
        ruling, gathered = _waived(ruling, gathered, waiver)
    evidence_digest = digest(gathered.seen)
    last = gate.checks.order_by("-pk").first()
    if last and (last.verdict, last.evidence_digest) == (ruling.verdict, evidence_digest):
        return last
    check = GateCheck(
        gate=gate,
        verdict=ruling.verdict,
        outcome=ruling.outcome,
        reason=ruling.reason,
        value=ruling.value,
        low=ruling.low,
        high=ruling.high,
        threshold=ruling.threshold,
        n=ruling.n,
        evidence=gathered.seen,
        evidence_digest=evidence_digest,
        observed_until=gathered.observed_until,
        checked_at=now,
    )
    check.save()
    return check


def _waived(
    ruling: gates.Ruling, gathered: Gathered, waiver: Waiver
) -> tuple[gates.Ruling, Gathered]:
    """The same numbers under an accepted exception, with what was really found kept in sight."""
    until = f"{waiver.expires_at:%d %B %Y}"
    reason = f"Waived by {waiver.created_by} until {until}: {waiver.reason} Found: {ruling.reason}"
    seen = {"kind": "waiver", "id": waiver.pk, "digest": digest(waiver.reason)}
    return (
        replace(ruling, verdict=GateVerdict.WAIVED, reason=reason),
        replace(gathered, seen=[*gathered.seen, seen]),
    )


def still_failing(checks: Iterable[GateCheck]) -> list[str]:
    """The reasons of the gates that say no, rather than not yet; people are asked again anyway."""
    return [
        check.reason
        for check in checks
        if check.verdict == GateVerdict.FAIL and check.gate.kind != GateKind.APPROVAL
    ]
