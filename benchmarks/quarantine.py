"""Writes to quarantines: a scenario set aside with an owner and a last day, and taken back."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from benchmarks.choices import RunSource
from benchmarks.engine.flakiness import Flakiness, flakiness
from benchmarks.models import Comparison, Quarantine, Scenario, Suite
from catalog.actions import require
from catalog.errors import Conflict
from catalog.transactions import write_block

PERMISSION = "benchmarks.quarantine_scenario"
REFUSAL = "Only reviewers set scenarios aside: whoever builds a version cannot excuse it."
#: A longer excuse is asked for again, with what was seen in the meantime.
LONGEST = timedelta(days=90)


def quarantine(
    suite: Suite, scenario: Scenario, *, by: Any, owner: Any, reason: str, until: date
) -> Quarantine:
    """Set a scenario aside in later runs of a suite; what was measured goes on record."""
    require(by, PERMISSION, suite, REFUSAL)
    today = timezone.localdate()
    if not today <= until <= today + LONGEST:
        raise ValidationError(
            {"until": f"Choose a day from today on, at most {LONGEST.days} days ahead."}
        )
    if not owner.has_perm("benchmarks.change_suite", suite):
        raise ValidationError({"owner": "The owner has to be a contributor of this project."})
    with write_block():
        Suite.objects.select_for_update(of=("self",)).get(pk=suite.pk)
        if Quarantine.objects.active(today).filter(suite=suite, scenario=scenario).exists():
            raise Conflict("The scenario is in quarantine already. Take it back first.")
        seen = flakiness_of(suite).get(scenario.key, Flakiness(0, 0, None))
        row = Quarantine(
            suite=suite,
            scenario=scenario,
            owner=owner,
            reason=reason,
            until=until,
            pairs=seen.pairs,
            flips=seen.flips,
        )
        return row.record(by=by, reason=reason)


def lift(row: Quarantine, *, by: Any, reason: str) -> Quarantine:
    """Let the scenario count again from the next run on."""
    require(by, PERMISSION, row, REFUSAL)
    if not reason.strip():
        raise ValidationError({"reason": "Say what makes the scenario count again."})
    with write_block():
        row = Quarantine.objects.select_for_update(of=("self",)).get(pk=row.pk)
        if row.lifted_at is not None or row.until < timezone.localdate():
            raise Conflict("The quarantine is over already.")
        row.lifted_at, row.lifted_by, row.lifting_reason = timezone.now(), by, reason
        return row.record(by=by, reason=reason)


def flakiness_of(suite: Suite) -> Mapping[str, Flakiness]:
    """By scenario key: flips between runs of one version under one plan and one baseline.

    Answers that were only judged again are left out; the model was not asked twice there.
    """
    rows = (
        Comparison.objects.filter(run__suite=suite)
        .exclude(run__source=RunSource.KEPT)
        .order_by("run_id")
        .values_list(
            "run__model_version_id", "run__plan_digest", "run__baseline_run_id", "scenarios"
        )
    )
    series: dict[str, dict[tuple[Any, ...], list[str]]] = {}
    for version, plan, baseline, scenarios in rows:
        for row in scenarios:
            asked = series.setdefault(row["key"], {})
            asked.setdefault((version, plan, baseline), []).append(row["finding"])
    return {key: flakiness(asked.values()) for key, asked in series.items()}
