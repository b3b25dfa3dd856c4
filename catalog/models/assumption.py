"""What must hold for a model to be used."""

from django.conf import settings
from django.db import models

from catalog.base import Governed
from catalog.choices import AssumptionCategory
from catalog.models.model import RegisteredModel
from catalog.validators import visible_text


class Assumption(Governed):
    """A statement that can be checked. Its status follows from its scenarios, never typed in."""

    project_path = "model__project"

    model = models.ForeignKey(
        RegisteredModel, on_delete=models.PROTECT, related_name="assumptions"
    )
    statement = models.CharField(max_length=300, validators=[visible_text])
    category = models.CharField(max_length=20, choices=AssumptionCategory.choices)
    how_checked = models.TextField(validators=[visible_text])
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    review_date = models.DateField()

    class Meta:
        ordering = ["model", "pk"]

    def __str__(self) -> str:
        return self.statement
