"""The models under governance and their trained states."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from catalog.base import Governed
from catalog.choices import ArtifactFormat, RiskTier, Task
from catalog.models.project import Project
from catalog.validators import identifier, sha256, visible_text


class RegisteredModel(Governed):
    """One line of the inventory: what it is for, where it must not be used, who answers for it."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="models")
    name = models.CharField(max_length=64, validators=[identifier])
    title = models.CharField(max_length=160, validators=[visible_text])
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    task = models.CharField(max_length=20, choices=Task.choices, default=Task.BINARY)
    intended_use = models.TextField(validators=[visible_text])
    limits = models.TextField(blank=True, validators=[visible_text])
    risk_tier = models.CharField(max_length=10, choices=RiskTier.choices)
    production_version = models.ForeignKey(
        "ModelVersion", on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"], name="model_name_unique_in_project"
            )
        ]
        permissions = [("register_version", "Can register a version of a model")]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        version = self.production_version
        if version is not None and version.model_id != self.pk:
            raise ValidationError({"production_version": "That version belongs to another model."})


class ModelVersion(Governed):
    """One trained state of a model. Immutable but for its notes: a change is a new version."""

    project_path = "model__project"

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=64, validators=[identifier])
    artifact_format = models.CharField(max_length=10, choices=ArtifactFormat.choices)
    artifact_digest = models.CharField(max_length=64, validators=[sha256])
    artifact_place = models.CharField(
        max_length=200, blank=True
    )  # random name in the file storage
    artifact_size = models.PositiveBigIntegerField(default=0)
    input_columns = models.JSONField(default=list, blank=True)
    decision_threshold = models.FloatField(default=0.5)
    code_revision = models.CharField(max_length=64, blank=True, validators=[visible_text])
    training_data = models.ForeignKey(
        "DatasetVersion", on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    environment = models.JSONField(default=dict, blank=True)
    notes = models.TextField(blank=True, validators=[visible_text])

    MUTABLE = frozenset({"notes"})

    class Meta:
        ordering = ["model", "-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["model", "version"], name="version_unique_in_model")
        ]

    def __str__(self) -> str:
        return f"{self.model.title} {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            refuse_changes(self, except_for=self.MUTABLE)
        super().save(*args, **kwargs)


def refuse_changes(row: models.Model, *, except_for: frozenset[str]) -> None:
    """Raise ValidationError when a stored row differs in any field that must not change."""
    stored = type(row)._base_manager.get(pk=row.pk)
    fields = [f for f in row._meta.concrete_fields if f.attname not in except_for]
    changed = [
        f.verbose_name for f in fields if getattr(row, f.attname) != getattr(stored, f.attname)
    ]
    if changed:
        raise ValidationError(
            f"A registered {row._meta.verbose_name} does not change"
            f" ({', '.join(map(str, changed))}). Register a new one."
        )
