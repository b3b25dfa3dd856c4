"""One version facing one suite: its process, its parts and its numbers."""

from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models

from benchmarks.choices import PartStatus, RunSource, RunStatus, VerdictChoice
from benchmarks.models.scenario import Suite
from catalog.base import AppendOnly, Governed, ProjectRow
from catalog.models import DatasetVersion, ModelVersion
from catalog.querysets import ProjectQuerySet
from catalog.validators import visible_text


class ChallengeRunQuerySet(ProjectQuerySet):
    def in_progress(self) -> Self:
        return self.filter(status__in=[RunStatus.QUEUED, RunStatus.RUNNING])

    def evaluated(self) -> Self:
        return self.filter(status=RunStatus.EVALUATED)

    def with_progress(self) -> Self:
        """Adds `parts_total`, `parts_done` and `parts_errored` for a whole list in one query."""
        done = [PartStatus.RECEIVED, PartStatus.ERRORED, PartStatus.SKIPPED]
        return self.annotate(
            parts_total=models.Count("parts"),
            parts_done=models.Count("parts", filter=models.Q(parts__status__in=done)),
            parts_errored=models.Count("parts", filter=models.Q(parts__status=PartStatus.ERRORED)),
        )


class ChallengeRun(Governed):
    """One version of a model facing one suite. Status is about the work, verdict about the model.

    `plan` is the frozen copy of everything the run is judged by: later edits of the suite
    change later runs only.
    """

    project_path = "suite__project"

    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="runs")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="runs")
    #: The window of a watch run; empty where the scenarios fix their own data.
    dataset_version = models.ForeignKey(
        DatasetVersion, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    #: What to compare with; empty when the run is its suite's first.
    baseline_run = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    #: Whose kept answers are judged anew; the model is not asked.
    answers_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="judged_again", null=True, blank=True
    )
    source = models.CharField(max_length=10, choices=RunSource.choices)
    status = models.CharField(max_length=10, choices=RunStatus.choices, default=RunStatus.QUEUED)
    verdict = models.CharField(max_length=12, choices=VerdictChoice.choices, blank=True)
    plan = models.JSONField()
    plan_digest = models.CharField(max_length=64)
    seed = models.PositiveIntegerField(default=0)
    #: The changes that started it without anybody asking: kind and sentence each.
    trigger = models.JSONField(default=list, blank=True)
    environment = models.JSONField(default=dict, blank=True)
    code_revision = models.CharField(max_length=64, blank=True, validators=[visible_text])
    external_id = models.CharField(max_length=120, blank=True, validators=[visible_text])
    result_digest = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = ChallengeRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["suite", "external_id"],
                condition=~models.Q(external_id=""),
                name="one_run_per_external_id",
            ),
            models.CheckConstraint(
                condition=models.Q(verdict="") | models.Q(status=RunStatus.EVALUATED),
                name="only_an_evaluated_run_has_a_verdict",
            ),
            models.CheckConstraint(
                condition=models.Q(source=RunSource.KEPT, answers_of__isnull=False)
                | (~models.Q(source=RunSource.KEPT) & models.Q(answers_of__isnull=True)),
                name="kept_answers_name_their_run",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.suite.title}: {self.model_version.version}"

    def clean(self) -> None:
        if self.model_version.model_id != self.suite.model_id:
            raise ValidationError({"model_version": "That version is not of the suite's model."})

    @property
    def is_finished(self) -> bool:
        return self.status in {RunStatus.EVALUATED, RunStatus.ERRORED}


class RunPart(ProjectRow):
    """One scenario of a run, the work that one worker takes; written under its job's fence.

    Kept without history, because it changes while work goes on; the run's result digest covers
    what it ends with.
    """

    project_path = "run__suite__project"

    run = models.ForeignKey(ChallengeRun, on_delete=models.PROTECT, related_name="parts")
    key = models.CharField(max_length=64)
    position = models.PositiveSmallIntegerField()
    status = models.CharField(
        max_length=10, choices=PartStatus.choices, default=PartStatus.WAITING
    )
    not_used = models.BooleanField(default=False)
    posted_place = models.CharField(
        max_length=200, blank=True
    )  # predictions that came with the post
    outputs_place = models.CharField(max_length=200, blank=True)
    outputs_digest = models.CharField(max_length=64, blank=True)
    data_digest = models.CharField(max_length=64, blank=True)
    rows = models.PositiveBigIntegerField(default=0)
    cells_changed = models.PositiveBigIntegerField(default=0)
    #: Rates and gaps of the groups, and flips by slice, as the engine's reports hold them.
    fairness = models.JSONField(default=dict, blank=True)
    stability = models.JSONField(default=dict, blank=True)
    #: What happened beside the score: decisions taken, and how far the touched inputs moved.
    observed = models.JSONField(default=dict, blank=True)
    #: What came of a scenario under system stress, in numbers and second by second.
    load = models.JSONField(default=dict, blank=True)
    #: What the scenario's safety net caught, as `benchmarks.engine.nets` reports it.
    net = models.JSONField(default=dict, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    #: Kept where the run has such a limit: when a worker first took it, and what it sent.
    begun_at = models.DateTimeField(null=True, blank=True)
    requests = models.PositiveBigIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=24, decimal_places=9, default=0)
    message = models.TextField(blank=True)
    #: What an endpoint declared itself to be, and how it was asked; empty for any other source.
    served_by = models.JSONField(default=dict, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["run", "position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "key"], name="one_part_per_scenario")
        ]

    def __str__(self) -> str:
        return f"{self.run}, {self.key}"

    @property
    def is_finished(self) -> bool:
        return self.status != PartStatus.WAITING


class RowBlock(ProjectRow):
    """Consecutive rows of a part too large for one worker: what the model answered about them.

    Block `number` of a part's `total` holds rows from number × n / total on. Like a part it is
    written once, under its job's fence, and kept without history.
    """

    project_path = "part__run__suite__project"

    part = models.ForeignKey(RunPart, on_delete=models.PROTECT, related_name="blocks")
    number = models.PositiveIntegerField()
    status = models.CharField(
        max_length=10, choices=PartStatus.choices, default=PartStatus.WAITING
    )
    answers_place = models.CharField(max_length=200, blank=True)
    answers_digest = models.CharField(max_length=64, blank=True)
    served_by = models.JSONField(default=dict, blank=True)  # as of its part
    message = models.TextField(blank=True)
    seconds = models.FloatField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["part", "number"]
        constraints = [
            models.UniqueConstraint(fields=["part", "number"], name="one_block_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.part}, block {self.number + 1}"


class Measurement(AppendOnly):
    """One number: a metric on a slice under a scenario, with what is known of its uncertainty."""

    project_path = "run__suite__project"

    run = models.ForeignKey(ChallengeRun, on_delete=models.PROTECT, related_name="measurements")
    scenario = models.CharField(max_length=64)
    metric = models.CharField(max_length=40)
    slice = models.CharField(max_length=64)
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    level = models.FloatField(default=0.95)
    method = models.CharField(max_length=60, blank=True)
    n = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["run", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "scenario", "metric", "slice"], name="one_measurement_per_cell"
            )
        ]

    def __str__(self) -> str:
        return f"{self.metric} on {self.slice} under {self.scenario}"
