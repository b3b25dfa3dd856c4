"""What makes a retried post have one effect."""

from django.conf import settings
from django.db import models

from benchmarks.models.run import ChallengeRun
from catalog.base import ProjectRow
from catalog.models import Project


class IdempotencyKey(ProjectRow):
    """A key that a poster chose, with the digest of what it posted and the run that came of it.

    Inserted in the transaction of its effect, so that either both exist or neither.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    route = models.CharField(max_length=60)
    key = models.CharField(max_length=80)
    body_digest = models.CharField(max_length=64)
    run = models.ForeignKey(ChallengeRun, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "user", "route", "key"], name="one_effect_per_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
