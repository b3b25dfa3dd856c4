"""What people outside may read of a program, exactly as a reviewer released it."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from benchmarks.models.program import Program
from catalog.base import Governed
from catalog.models.model import refuse_changes
from catalog.querysets import ProjectQuerySet
from catalog.validators import sha256, visible_text


class PublicSummaryQuerySet(ProjectQuerySet):
    def published(self) -> Self:
        return self.filter(withdrawn_at__isnull=True)


class PublicSummary(Governed):
    """One released snapshot. Its content never changes; it can only be withdrawn."""

    project_path = "program__project"
    WITHDRAWAL = frozenset({"withdrawn_at", "withdrawn_by_id", "withdrawal_reason"})

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="public_summaries")
    content = models.JSONField()
    digest = models.CharField(max_length=64, validators=[sha256])
    reason = models.TextField(validators=[visible_text])
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    withdrawal_reason = models.TextField(blank=True, validators=[visible_text])

    objects: ClassVar[Any] = PublicSummaryQuerySet.as_manager()

    class Meta:
        verbose_name = "public summary"
        verbose_name_plural = "public summaries"
        ordering = ["program", "-pk"]
        permissions = [("publish_summary", "Can release a program's summary to people outside")]
        constraints = [
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_by__isnull=False),
                name="summary_withdrawn_by_somebody",
            )
        ]

    def __str__(self) -> str:
        return f"Public summary {self.pk} of {self.program}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            refuse_changes(self, except_for=self.WITHDRAWAL)
        super().save(*args, **kwargs)
