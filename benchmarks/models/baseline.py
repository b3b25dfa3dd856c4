"""What there is to beat."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from benchmarks.choices import BaselineStatus, RunStatus
from benchmarks.models.run import ChallengeRun
from benchmarks.models.scenario import Suite
from catalog.base import Governed
from catalog.validators import visible_text


class Baseline(Governed):
    """A pinned run of a suite, with its reason; it counts once somebody else approved it."""

    project_path = "suite__project"

    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="baselines")
    run = models.ForeignKey(ChallengeRun, on_delete=models.PROTECT, related_name="baselines")
    reason = models.TextField(validators=[visible_text])
    status = models.CharField(
        max_length=12, choices=BaselineStatus.choices, default=BaselineStatus.PROPOSED
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.TextField(blank=True, validators=[visible_text])

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["suite"],
                condition=models.Q(status=BaselineStatus.APPROVED),
                name="one_approved_baseline_per_suite",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by__isnull=True)
                | ~models.Q(decided_by=models.F("created_by")),
                name="baseline_approver_is_not_its_author",
            ),
        ]
        permissions = [
            ("propose_baseline", "Can propose a run as baseline"),
            ("approve_baseline", "Can approve a baseline that somebody else proposed"),
        ]

    def __str__(self) -> str:
        return f"Baseline of {self.suite}: {self.run.model_version.version}"

    def clean(self) -> None:
        if self.run.suite_id != self.suite_id:
            raise ValidationError({"run": "That run is of another suite."})
        if self.run.status != RunStatus.EVALUATED:
            raise ValidationError({"run": "Only an evaluated run can be a baseline."})
