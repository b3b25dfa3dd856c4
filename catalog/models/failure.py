"""Known ways to fail, the cases seen, and each time one was seen."""

from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from catalog.base import AppendOnly, Governed
from catalog.choices import FailureSeverity, FailureStatus, OccurrenceSource
from catalog.lifecycle import OPEN
from catalog.models.model import ModelVersion, RegisteredModel
from catalog.models.payload import SensitivePayload
from catalog.models.project import Project
from catalog.querysets import ProjectQuerySet
from catalog.validators import identifier, visible_text


class FailureMode(Governed):
    """A class of failure in the project's own tree; each project starts with a seeded one."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="failure_modes")
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="children", null=True, blank=True
    )
    key = models.CharField(max_length=64, validators=[identifier])
    name = models.CharField(max_length=120, validators=[visible_text])
    description = models.TextField(blank=True, validators=[visible_text])

    class Meta:
        ordering = ["project", "key"]
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="mode_key_unique_in_project")
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        ancestor = self.parent
        while ancestor is not None:
            if ancestor.project_id != self.project_id:
                raise ValidationError({"parent": "The parent belongs to another project."})
            if ancestor.pk is not None and ancestor.pk == self.pk:
                raise ValidationError({"parent": "A failure mode cannot be its own ancestor."})
            ancestor = ancestor.parent


class FailureCaseQuerySet(ProjectQuerySet):
    def open(self) -> "FailureCaseQuerySet":
        return self.filter(status__in=OPEN)

    def with_counts(self) -> "FailureCaseQuerySet":
        """Adds `seen`, how often the case was observed, in one query for a whole list."""
        return self.annotate(seen=models.Sum("occurrences__count", default=0))


class FailureCase(Governed):
    """One concrete way in which a model failed: what was seen, what it is, who vouches for it.

    Two observations are one case when model, fingerprint version and fingerprint agree.
    """

    project_path = "model__project"

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="failures")
    title = models.CharField(max_length=200, validators=[visible_text])
    mode = models.ForeignKey(
        FailureMode, on_delete=models.PROTECT, related_name="cases", null=True, blank=True
    )
    fingerprint = models.CharField(max_length=64)
    fingerprint_version = models.PositiveSmallIntegerField()
    #: What the fingerprint was made of, so that anybody can see why these are one case.
    fingerprint_parts = models.JSONField(default=dict, blank=True)
    severity = models.CharField(
        max_length=10, choices=FailureSeverity.choices, default=FailureSeverity.MEDIUM
    )
    severity_reason = models.TextField(blank=True, validators=[visible_text])
    status = models.CharField(
        max_length=20, choices=FailureStatus.choices, default=FailureStatus.CANDIDATE
    )
    explanation = models.TextField(blank=True, validators=[visible_text])
    remediation = models.TextField(blank=True, validators=[visible_text])
    annotated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    duplicate_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="duplicates", null=True, blank=True
    )
    accepted_until = models.DateField(null=True, blank=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()

    objects: ClassVar[Any] = FailureCaseQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "fingerprint_version", "fingerprint"],
                name="one_case_per_fingerprint",
            ),
            models.CheckConstraint(
                condition=~models.Q(status=FailureStatus.DUPLICATE)
                | models.Q(duplicate_of__isnull=False),
                name="a_duplicate_names_its_original",
            ),
            models.CheckConstraint(
                condition=models.Q(verified_by__isnull=True)
                | ~models.Q(verified_by=models.F("annotated_by")),
                name="verifier_is_not_annotator",
            ),
        ]
        indexes = [
            # The list page: one project's models, by status, newest first.
            models.Index(fields=["model", "status", "-last_seen"], name="case_list")
        ]
        permissions = [
            ("curate_failurecase", "Can triage and annotate failure cases"),
            ("verify_failurecase", "Can verify failure cases independently"),
            ("accept_risk", "Can accept the risk of a failure case"),
            ("report_failure", "Can report observed failures"),
        ]

    def __str__(self) -> str:
        return self.title


class FailureOccurrence(AppendOnly):
    """One observation of a case: in which version, when, on what input, with what answer."""

    project_path = "case__model__project"

    case = models.ForeignKey(FailureCase, on_delete=models.PROTECT, related_name="occurrences")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=12, choices=OccurrenceSource.choices)
    reference = models.CharField(max_length=120)  # run, scenario and item, or the event's own id
    observed_at = models.DateTimeField()
    environment = models.CharField(max_length=60, blank=True, validators=[visible_text])
    expected = models.CharField(max_length=120, blank=True)
    output = models.CharField(max_length=120, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    count = models.PositiveIntegerField(default=1)
    #: References that this row stands for when it bundles several, so that none counts twice.
    items = models.JSONField(default=list, blank=True)
    payload = models.ForeignKey(
        SensitivePayload, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )

    class Meta:
        ordering = ["-observed_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "source", "reference"], name="one_occurrence_per_reference"
            )
        ]

    def __str__(self) -> str:
        return f"{self.case} in {self.model_version.version}"
