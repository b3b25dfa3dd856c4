"""Text that not everybody may read, kept apart so that removing it leaves every record whole."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from catalog.base import ProjectRow
from catalog.choices import Sensitivity
from catalog.models.project import Project


class SensitivePayload(ProjectRow):
    """Raw inputs of one occurrence. No history: the record holds only a salted commitment."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    sensitivity = models.CharField(
        max_length=20, choices=Sensitivity.choices, default=Sensitivity.CONFIDENTIAL
    )
    content = models.JSONField()
    salt = models.BinaryField(max_length=16)
    commitment = models.CharField(max_length=64)

    class Meta:
        permissions = [("reveal_sensitivepayload", "Can reveal the raw inputs of a failure")]

    def __str__(self) -> str:
        return f"Payload {self.commitment[:12]}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ValidationError("A stored payload does not change.")
        super().save(*args, **kwargs)
