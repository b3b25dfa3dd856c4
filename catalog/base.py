"""The record fields that every governed row shares, and the queryset every read starts from."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from simple_history.models import HistoricalRecords

from catalog.querysets import ProjectQuerySet
from catalog.transactions import write_block


class ProjectRow(models.Model):
    """A row that belongs to a project, directly or through the path that `project_path` names."""

    project_path = "project"

    objects: ClassVar[models.Manager[Any]] = ProjectQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def owning_project_id(self) -> int:
        row: Any = self
        *parents, last = self.project_path.split("__")
        for name in parents:
            row = getattr(row, name)
        return getattr(row, f"{last}_id")


class Recorded(ProjectRow):
    """A row that knows who made it; subclasses declare `history`, most through Governed."""

    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,  # people leave, what they recorded stays theirs
        related_name="+",
        null=True,
        editable=False,
    )

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        with write_block():
            super().save(*args, **kwargs)

    def record(self, *, by: Any, reason: str = "", fields: list[str] | None = None) -> Self:
        """Validate and save on somebody's behalf; a worker has no request to take the actor from.

        Raises ValidationError with one sentence per field.
        """
        if self._state.adding and self.created_by_id is None:
            self.created_by = by
        self._history_user = by
        self._change_reason = reason or None
        self.full_clean(validate_unique=True)
        self.save(update_fields=fields)
        return self

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise ValidationError("Nothing that was recorded is deleted. Retire it instead.")


class Governed(Recorded):
    """A row whose every state is kept in history, and through it in the audit ledger."""

    history = HistoricalRecords(inherit=True)

    class Meta:
        abstract = True


class AppendOnly(ProjectRow):
    """A fact of record: written once, never changed, never deleted."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ValidationError("A fact of record cannot be changed. Record a new one.")
        with write_block():
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise ValidationError("A fact of record cannot be deleted.")
