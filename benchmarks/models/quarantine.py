"""A scenario set aside for a while because it does not answer the same question alike."""

from datetime import date
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from benchmarks.models.scenario import Scenario, Suite
from catalog.base import Governed
from catalog.querysets import ProjectQuerySet
from catalog.validators import visible_text


class QuarantineQuerySet(ProjectQuerySet):
    def active(self, on: date) -> Self:
        return self.filter(until__gte=on, lifted_at__isnull=True)


class Quarantine(Governed):
    """The scenario still runs and is reported; until the day is over it decides nothing.

    `pairs` and `flips` are what was measured when it began. It ends by itself: nobody has to
    remember to take it away.
    """

    project_path = "suite__project"

    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="quarantines")
    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="quarantines")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(validators=[visible_text])
    until = models.DateField()
    pairs = models.PositiveIntegerField(default=0)
    flips = models.PositiveIntegerField(default=0)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    lifting_reason = models.TextField(blank=True, validators=[visible_text])

    objects: ClassVar[Any] = QuarantineQuerySet.as_manager()

    class Meta:
        ordering = ["-until", "-pk"]
        permissions = [("quarantine_scenario", "Can set a flaky scenario aside for a while")]
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True) | Q(lifted_by__isnull=False),
                name="lifted_by_somebody",
            )
        ]

    def __str__(self) -> str:
        return f"{self.scenario} in quarantine until {self.until:%d %B %Y}"

    def clean(self) -> None:
        if not self.suite.places.filter(scenario=self.scenario_id).exists():
            raise ValidationError({"scenario": "That scenario is not in the suite."})
