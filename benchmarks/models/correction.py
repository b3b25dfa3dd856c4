"""What people have set right about judged data, without touching the data."""

from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from benchmarks.choices import CorrectionKind
from catalog.base import Governed
from catalog.models import DatasetVersion
from catalog.models.model import refuse_changes
from catalog.querysets import ProjectQuerySet
from catalog.validators import visible_text


class CorrectionQuerySet(ProjectQuerySet):
    def in_force(self) -> Self:
        """What was set right and not taken back; the oldest first, as later ones prevail."""
        acts = self.exclude(kind=CorrectionKind.TAKE_BACK).filter(taken_back_by__isnull=True)
        return acts.order_by("pk")


class Correction(Governed):
    """One act about some items of a frozen version: left out of judging, or given another label.

    The file is never changed: later runs freeze the corrections in force into their plans. A
    correction is taken back by another row, and no row ever changes.
    """

    project_path = "dataset_version__dataset__project"

    dataset_version = models.ForeignKey(
        DatasetVersion, on_delete=models.PROTECT, related_name="corrections"
    )
    kind = models.CharField(max_length=10, choices=CorrectionKind.choices)
    #: Item ids as texts, sorted, each once; and the label that the file gives each of them.
    items = models.JSONField(default=list, blank=True)
    originals = models.JSONField(default=list, blank=True)
    label = models.FloatField(null=True, blank=True)
    reason = models.TextField(validators=[visible_text])
    takes_back = models.OneToOneField(
        "self", on_delete=models.PROTECT, related_name="taken_back_by", null=True, blank=True
    )

    objects: ClassVar[Any] = CorrectionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        permissions = [("correct_data", "Can set items aside and correct their labels")]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=CorrectionKind.RELABEL, label__isnull=False)
                | (~Q(kind=CorrectionKind.RELABEL) & Q(label__isnull=True)),
                name="label_of_a_relabelling_only",
            ),
            models.CheckConstraint(
                condition=Q(kind=CorrectionKind.TAKE_BACK, takes_back__isnull=False)
                | (~Q(kind=CorrectionKind.TAKE_BACK) & Q(takes_back__isnull=True)),
                name="only_taking_back_names_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.dataset_version}, {len(self.items)} items"

    def clean(self) -> None:
        if self.kind != CorrectionKind.TAKE_BACK and not self.items:
            raise ValidationError({"items": "Name at least one item."})

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            refuse_changes(self, except_for=frozenset())
        super().save(*args, **kwargs)
