"""The decision log: what was decided, by whom, on what, chained within its plan."""

from django.conf import settings
from django.db import models

from catalog.base import AppendOnly
from catalog.validators import visible_text
from rollouts.choices import DecisionKind
from rollouts.models.plan import RolloutPlan, Stage


class DecisionRecord(AppendOnly):
    """One line of the decision log. No actor means the system acted by a rule of the plan."""

    project_path = "plan__model__project"

    plan = models.ForeignKey(RolloutPlan, on_delete=models.PROTECT, related_name="decisions")
    stage = models.ForeignKey(
        Stage, on_delete=models.PROTECT, related_name="decisions", null=True, blank=True
    )
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=DecisionKind.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    summary = models.CharField(max_length=300, validators=[visible_text])
    reason = models.TextField(blank=True, validators=[visible_text])
    evidence_digest = models.CharField(max_length=64, blank=True)
    observed_until = models.DateTimeField(null=True, blank=True)  # the data's own time
    decided_at = models.DateTimeField()
    previous_digest = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["plan", "number"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="decisions_are_numbered")
        ]

    def __str__(self) -> str:
        return f"{self.number}. {self.summary}"
