"""Conditions of a stage, every look at them, and the exceptions people made."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from benchmarks.models import Suite
from catalog.base import AppendOnly, Governed
from catalog.choices import FailureSeverity
from catalog.validators import visible_text
from rollouts.choices import GateKind, GateOutcome, GateVerdict
from rollouts.models.plan import Stage, delete_from_draft, refuse_redefinition


class Gate(Governed):
    """A rule attached to a stage, frozen with its plan.

    An evidence gate asks either for a passed run of a suite (no metric), or for one metric on
    one slice to stay within `margin` of the fallback; a stop-loss is the same rule turned round:
    it trips when the change is proven to be beyond the margin, and then acts by itself.
    """

    project_path = "stage__plan__model__project"
    DEFINITION = (
        "position",
        "kind",
        "name",
        "why",
        "suite",
        "metric",
        "slice",
        "margin",
        "stop_loss",
        "severity",
    )

    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="gates")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=14, choices=GateKind.choices)
    name = models.CharField(max_length=120, validators=[visible_text])
    why = models.TextField(blank=True, validators=[visible_text])
    suite = models.ForeignKey(
        Suite, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    metric = models.CharField(max_length=40, blank=True)
    slice = models.CharField(max_length=64, default="all", blank=True)
    margin = models.FloatField(null=True, blank=True)
    stop_loss = models.BooleanField(default=False)
    severity = models.CharField(max_length=10, choices=FailureSeverity.choices, blank=True)

    class Meta:
        ordering = ["stage", "position"]
        constraints = [
            models.UniqueConstraint(fields=["stage", "position"], name="one_gate_per_position")
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        refuse_redefinition(self, self.stage.plan_id)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        return delete_from_draft(self, self.stage.plan_id)

    def clean(self) -> None:
        if self.kind == GateKind.EVIDENCE and self.suite is None:
            raise ValidationError({"suite": "Say which suite gives the evidence."})
        if self.metric and self.margin is None:
            raise ValidationError({"margin": "Say how much worse is still acceptable."})
        if self.stop_loss and not self.metric:
            raise ValidationError({"metric": "A stop-loss watches one metric."})
        if self.kind == GateKind.FAILURE_CASES and not self.severity:
            raise ValidationError({"severity": "Say from which severity on a case blocks."})
        if self.suite and self.suite.project_id != self.owning_project_id:
            raise ValidationError({"suite": "That suite belongs to another project."})


class GateCheck(AppendOnly):
    """One look at a gate. A new row only when what was found differs from the look before."""

    project_path = "gate__stage__plan__model__project"

    gate = models.ForeignKey(Gate, on_delete=models.PROTECT, related_name="checks")
    verdict = models.CharField(max_length=12, choices=GateVerdict.choices)
    outcome = models.CharField(max_length=8, choices=GateOutcome.choices)
    reason = models.TextField()
    value = models.FloatField(null=True, blank=True)
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    threshold = models.FloatField(null=True, blank=True)
    n = models.PositiveBigIntegerField(null=True, blank=True)
    #: What was looked at: kind, id and digest of each row, in order.
    evidence = models.JSONField(default=list, blank=True)
    evidence_digest = models.CharField(max_length=64)
    observed_until = models.DateTimeField(null=True, blank=True)  # the data's own time
    checked_at = models.DateTimeField()

    class Meta:
        ordering = ["gate", "-pk"]
        get_latest_by = "pk"

    def __str__(self) -> str:
        return f"{self.gate}: {self.verdict}"


class Waiver(Governed):
    """An accepted exception to one gate: who, why, until when. Shown for ever."""

    project_path = "gate__stage__plan__model__project"

    gate = models.ForeignKey(Gate, on_delete=models.PROTECT, related_name="waivers")
    reason = models.TextField(validators=[visible_text])
    compensating_control = models.TextField(blank=True, validators=[visible_text])
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Waiver of {self.gate}"
