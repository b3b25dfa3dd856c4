"""The data that models are judged on, frozen by content, and the parts of it that matter."""

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from catalog import conditions
from catalog.base import Governed
from catalog.choices import PrivacyClass
from catalog.models.model import refuse_changes
from catalog.models.project import Project
from catalog.validators import identifier, sha256, visible_text

#: What is stated of data, with a reason each time it changes.
STEWARDSHIP = (
    "source",
    "licence",
    "privacy_class",
    "masking",
    "retention_until",
    "retention_reason",
)


class Dataset(Governed):
    """Named data with one meaning of its columns, over many frozen versions.

    What is known of where they come from and how they may be used stands here too. An empty
    privacy class means that nobody has stated one, never that the data are harmless.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="datasets")
    name = models.CharField(max_length=64, validators=[identifier])
    title = models.CharField(max_length=160, validators=[visible_text])
    description = models.TextField(blank=True, validators=[visible_text])
    source = models.CharField(max_length=300, blank=True, validators=[visible_text])
    licence = models.CharField(max_length=120, blank=True, validators=[visible_text])
    privacy_class = models.CharField(max_length=16, choices=PrivacyClass.choices, blank=True)
    #: What was masked or pseudonymised, and how.
    masking = models.TextField(blank=True, validators=[visible_text])
    #: The last day on which the data may be used.
    retention_until = models.DateField(null=True, blank=True)
    retention_reason = models.TextField(blank=True, validators=[visible_text])

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"], name="dataset_name_unique_in_project"
            )
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.retention_until is not None and not self.retention_reason.strip():
            raise ValidationError(
                {"retention_reason": "Say which rule or agreement sets the last day."}
            )

    def retention_passed(self, on: date) -> bool:
        return self.retention_until is not None and self.retention_until < on

    def past_use(self, on: date, what: str) -> str:
        """Why the data may not be used on this day, and thus `what`; empty while they may."""
        if not self.retention_passed(on):
            return ""
        return (
            f"“{self}” could be used until {self.retention_until:%d %B %Y}, so {what}. "
            "Use other data, or have the day moved with a reason."
        )

    def column_kinds(self) -> dict[str, str]:
        """Column name → kind, by the newest version; empty before the first one."""
        newest = self.versions.first()
        return {c["name"]: c["kind"] for c in newest.columns} if newest else {}


class DatasetVersion(Governed):
    """One frozen content: a Parquet file, its digest, a profile of every column. Immutable."""

    project_path = "dataset__project"

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=64, validators=[identifier])
    place = models.CharField(max_length=200)  # random name in the file storage
    digest = models.CharField(max_length=64, validators=[sha256])
    size = models.PositiveBigIntegerField()
    rows = models.PositiveBigIntegerField()
    #: One object a column: name, kind (number, string, boolean, datetime), dtype, sensitivity and
    #: profile.
    columns = models.JSONField(default=list, blank=True)
    id_column = models.CharField(max_length=120)
    label_column = models.CharField(max_length=120)
    time_column = models.CharField(max_length=120, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    notes = models.TextField(blank=True, validators=[visible_text])

    class Meta:
        ordering = ["dataset", "-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "version"], name="version_unique_in_dataset"
            )
        ]

    def __str__(self) -> str:
        return f"{self.dataset.title}, {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            refuse_changes(self, except_for=frozenset({"notes"}))
        super().save(*args, **kwargs)

    def sensitive_columns(self) -> frozenset[str]:
        return frozenset(
            c["name"] for c in self.columns if c["sensitivity"] in {"confidential", "restricted"}
        )


class Slice(Governed):
    """A declared part of a dataset: a condition on its columns, never code."""

    project_path = "dataset__project"

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="slices")
    key = models.CharField(max_length=64, validators=[identifier])
    title = models.CharField(max_length=120, validators=[visible_text])
    condition = models.JSONField()
    critical = models.BooleanField(default=False)

    class Meta:
        ordering = ["dataset", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "key"], name="slice_key_unique_in_dataset")
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.key == "all":
            raise ValidationError(
                {"key": "“all” always means the whole dataset. Choose another key."}
            )
        problems = conditions.problems(self.condition, self.dataset.column_kinds() or None)
        if problems:
            raise ValidationError({"condition": problems})

    def in_words(self) -> str:
        return conditions.describe(self.condition)
