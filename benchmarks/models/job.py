"""The job table: the truth about work. A broker's message is only a doorbell."""

from django.db import models

from benchmarks.choices import JobKind, JobState
from benchmarks.models.run import ChallengeRun, RowBlock, RunPart
from catalog.base import ProjectRow


class Job(ProjectRow):
    """A piece of work with a lease and a fence: whoever lost the lease can no longer write."""

    project_path = "run__suite__project"

    kind = models.CharField(max_length=10, choices=JobKind.choices)
    run = models.ForeignKey(ChallengeRun, on_delete=models.PROTECT, related_name="jobs")
    part = models.OneToOneField(
        RunPart, on_delete=models.PROTECT, related_name="job", null=True, blank=True
    )
    block = models.OneToOneField(
        RowBlock, on_delete=models.PROTECT, related_name="job", null=True, blank=True
    )
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    #: The endpoint that this job puts under load; one job at a time has it. Empty for any other.
    load_on = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["run"], condition=models.Q(kind=JobKind.JUDGE), name="one_judge_per_run"
            )
        ]
        # The dispatcher asks every few seconds for what waits or has lost its worker.
        indexes = [models.Index(fields=["state", "lease_until"], name="job_dispatch")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"
