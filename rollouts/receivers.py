"""Looks at the gates again when a run was judged or a failure case moved."""

from typing import Any

from django.dispatch import receiver

from benchmarks.models import Comparison
from benchmarks.signals import comparison_judged
from catalog.models import FailureCase
from catalog.signals import failure_moved
from rollouts.actions import check_gates
from rollouts.querysets import watched_plans


@receiver(comparison_judged)
def look_after_comparison(sender: Any, *, comparison: Comparison, **kwargs: Any) -> None:
    for plan in watched_plans():
        if plan.candidate_id == comparison.run.model_version_id:
            check_gates(plan)


@receiver(failure_moved)
def look_after_failure(sender: Any, *, case: FailureCase, **kwargs: Any) -> None:
    for plan in watched_plans():
        if plan.model_id == case.model_id:
            check_gates(plan)
