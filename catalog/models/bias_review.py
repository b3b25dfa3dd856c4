"""Somebody's look at data for bias: what was looked at, what was found, when it is due again."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from catalog.base import Governed
from catalog.models.dataset import Dataset
from catalog.models.model import refuse_changes
from catalog.validators import visible_text


class BiasReview(Governed):
    """One dated review by the person who recorded it. Immutable: a later look is another row."""

    project_path = "dataset__project"

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="bias_reviews")
    held_on = models.DateField()
    looked_at = models.TextField(validators=[visible_text])
    finding = models.TextField(validators=[visible_text])
    next_due = models.DateField()

    class Meta:
        verbose_name = "bias review"
        ordering = ["dataset", "-held_on", "-pk"]
        permissions = [("review_data", "Can record a bias review of data")]
        constraints = [
            models.CheckConstraint(
                condition=Q(next_due__gt=F("held_on")), name="next_bias_review_comes_later"
            )
        ]

    def __str__(self) -> str:
        return f"Bias review of {self.dataset} on {self.held_on:%d %B %Y}"

    def clean(self) -> None:
        if self.held_on and self.next_due and self.next_due <= self.held_on:
            raise ValidationError({"next_due": "The next review comes after this one."})

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            refuse_changes(self, except_for=frozenset())
        super().save(*args, **kwargs)
