"""A plan at a glance: its stages in order, where it stands in a sentence, whether it is a replay.

Works on stages that were fetched together with their plans, so that a list costs no more queries.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from benchmarks.models import ChallengeRun
from catalog.pages import address
from rollouts.choices import DecisionKind, PlanStatus, StageStatus
from rollouts.models import DecisionRecord, RolloutPlan, Stage

#: Outcomes this much older than their registration were recorded, not watched.
RECORDED = timedelta(days=60)
_STEP = {
    StageStatus.PASSED: "done",
    StageStatus.STOPPED: "stopped",
    StageStatus.OBSERVING: "current",
    StageStatus.SIGNING: "current",
    StageStatus.HELD: "current",
}
_BACKWARD = (DecisionKind.STOP_LOSS, DecisionKind.ROLL_BACK, DecisionKind.HELD)


def plan_address(plan: RolloutPlan) -> str:
    return address("rollout-detail", plan.model.project, pk=plan.pk)


def steps(plan: RolloutPlan, *, chosen: Stage | None = None) -> list[dict[str, Any]]:
    """The stages as the stepper reads them; the link of each opens its gates."""
    url = plan_address(plan)
    return [
        {
            "name": stage.name,
            "sub": _beneath(stage, chosen),
            "state": _STEP.get(StageStatus(stage.status), "todo"),
            "url": f"{url}?stage={stage.position}#gates",
        }
        for stage in plan.stages.all()
    ]


def _beneath(stage: Stage, chosen: Stage | None) -> str:
    words = f"{stage.exposure} %, {stage.get_status_display().lower()}"
    return f"{words} · shown below" if chosen and chosen.pk == stage.pk else words


def chosen_stage(plan: RolloutPlan, asked: str) -> Stage | None:
    """The stage that is asked for, else the one at work, else the last that was begun."""
    stages = list(plan.stages.all())
    named = next((stage for stage in stages if str(stage.position) == asked), None)
    begun = [stage for stage in stages if stage.started_at is not None]
    return named or plan.current_stage or next(iter(begun[-1:] or stages), None)


def place(plan: RolloutPlan) -> str:
    """Which stage of how many, for a line of a list."""
    stages = list(plan.stages.all())
    stage = plan.current_stage
    if stage is None:
        return f"{len(stages)} stage{'' if len(stages) == 1 else 's'}"
    return f"{stage.position} of {len(stages)}: {stage.name}"


def setback(plan: RolloutPlan, decisions: Sequence[DecisionRecord]) -> DecisionRecord | None:
    """The decision that stands against a plan that is stopped, going back or paused."""
    stopped = (PlanStatus.ROLLING_BACK, PlanStatus.ROLLED_BACK, PlanStatus.PAUSED)
    if plan.status not in stopped:
        return None
    against = [decision for decision in decisions if decision.kind in _BACKWARD]
    return max(against, key=lambda decision: decision.number, default=None)


def replayed_years(plan: RolloutPlan) -> str:
    """The years of the outcomes when they were recorded long before they were watched, else ''."""
    begun = any(stage.started_at for stage in plan.stages.all())
    if plan.watch_suite_id is None or not begun:
        return ""
    windows = (
        ChallengeRun.objects.filter(
            suite=plan.watch_suite_id,
            model_version=plan.candidate_id,
        )
        .order_by()
        .values_list("dataset_version__ends_at", "dataset_version__created_at")
        .distinct()
    )
    years = {ends.year for ends, since in windows if ends and since and since - ends > RECORDED}
    return " and ".join(map(str, sorted(years)))
