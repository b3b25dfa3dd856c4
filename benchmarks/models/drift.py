"""Two contents of a dataset compared column by column, kept as it was computed."""

from django.core.exceptions import ValidationError
from django.db import models

from catalog.base import Governed
from catalog.models import Dataset, DatasetVersion


class DriftComparison(Governed):
    """What the engine found between two versions of a dataset; the same pair is computed once.

    `report` holds no value of a sensitive column: those keep their verdict and nothing else.
    """

    project_path = "dataset__project"

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="drifts")
    reference = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="+")
    current = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="+")
    report = models.JSONField()
    drifted = models.PositiveIntegerField()
    compared = models.PositiveIntegerField()
    seed = models.PositiveIntegerField(default=0)
    report_version = models.CharField(max_length=20)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["reference", "current", "seed", "report_version"],
                name="one_drift_report_per_pair",
            )
        ]
        permissions = [("compare_data", "Can compare two versions of a dataset")]

    def __str__(self) -> str:
        return f"{self.dataset}: {self.current.version} against {self.reference.version}"

    def clean(self) -> None:
        if {self.reference.dataset_id, self.current.dataset_id} != {self.dataset_id}:
            raise ValidationError("Both versions have to be of the dataset.")
        if self.reference.digest == self.current.digest:
            raise ValidationError({"current": "Both have the same content: nothing can differ."})
