"""What is done about a weakness, and the evidence that it was."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from benchmarks.choices import RemediationStatus
from benchmarks.models.comparison import Comparison
from benchmarks.models.program import Program
from benchmarks.models.run import ChallengeRun
from benchmarks.models.scenario import Scenario, Suite
from catalog.base import Governed
from catalog.models import FailureCase, RegisteredModel
from catalog.validators import visible_text


class Remediation(Governed):
    """A weakness on somebody's list: until when, what counts as done, and the run that shows it.

    It closes only by evidence: `validation_run` met every criterion of `scenario`, and was
    started after the item was opened.
    """

    project_path = "model__project"

    model = models.ForeignKey(
        RegisteredModel, on_delete=models.PROTECT, related_name="remediations"
    )
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="remediations", null=True, blank=True
    )
    title = models.CharField(max_length=160, validators=[visible_text])
    weakness = models.TextField(validators=[visible_text])
    acceptance = models.TextField(validators=[visible_text])
    #: What has to pass: this scenario in this suite.
    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="remediations")
    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="remediations")
    #: Where the weakness was seen.
    comparison = models.ForeignKey(
        Comparison, on_delete=models.PROTECT, related_name="remediations", null=True, blank=True
    )
    failure_case = models.ForeignKey(
        FailureCase, on_delete=models.PROTECT, related_name="remediations", null=True, blank=True
    )
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    due_on = models.DateField()
    status = models.CharField(
        max_length=14, choices=RemediationStatus.choices, default=RemediationStatus.OPEN
    )
    validation_run = models.ForeignKey(
        ChallengeRun, on_delete=models.PROTECT, related_name="validates", null=True, blank=True
    )
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    closing_reason = models.TextField(blank=True, validators=[visible_text])

    class Meta:
        ordering = ["due_on", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(status=RemediationStatus.CLOSED)
                | models.Q(validation_run__isnull=False, closed_by__isnull=False),
                name="closed_only_with_its_evidence",
            )
        ]
        permissions = [("close_remediation", "Can close a remediation by its evidence")]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.suite.model_id != self.model_id:
            raise ValidationError({"suite": "That suite tests another model."})
        if self.program and self.program.model_id != self.model_id:
            raise ValidationError({"program": "That program is about another model."})
        if not self.suite.places.filter(scenario=self.scenario_id).exists():
            raise ValidationError({"scenario": "That scenario is not in the suite."})
        if self.comparison and self.comparison.run.suite.model_id != self.model_id:
            raise ValidationError({"comparison": "That comparison is about another model."})
        if self.failure_case and self.failure_case.model_id != self.model_id:
            raise ValidationError({"failure_case": "That failure is of another model."})

    @property
    def is_live(self) -> bool:
        return self.status in {RemediationStatus.OPEN, RemediationStatus.IN_VALIDATION}
