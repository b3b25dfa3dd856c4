"""The sweep that finds what a lost signal would have missed, and lets soak times end."""

import logging

from celery import shared_task

from rollouts.actions import check_gates
from rollouts.models import RolloutPlan
from rollouts.querysets import watched_plans

logger = logging.getLogger(__name__)


@shared_task
def sweep_stages() -> int:
    """Check every plan that can still change; one that fails does not stop the others."""
    plans = watched_plans()
    for plan in plans:
        _check(plan)
    return len(plans)


def _check(plan: RolloutPlan) -> None:
    try:
        check_gates(plan)
    except Exception:
        logger.exception("The gates of plan %s could not be checked.", plan.pk)
