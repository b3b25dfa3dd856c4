"""The stored form of a judgement: baseline against candidate, cell by cell, and the verdict."""

from typing import Any

from django.db import models

from benchmarks.choices import ChangeChoice, FindingChoice, SeverityChoice, VerdictChoice
from benchmarks.models.run import ChallengeRun
from catalog.base import AppendOnly, Governed


class Comparison(Governed):
    """One judged run, against its baseline where there is one. Never changed, only followed."""

    project_path = "run__suite__project"

    run = models.OneToOneField(ChallengeRun, on_delete=models.PROTECT, related_name="comparison")
    baseline_run = models.ForeignKey(
        ChallengeRun, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    verdict = models.CharField(max_length=12, choices=VerdictChoice.choices)
    #: Lines of code, sentence, scenario, metric, slice: why the verdict is what it is.
    reasons = models.JSONField(default=list, blank=True)
    #: One object a scenario: key, finding, reason. Before the repeats of one, which name it in
    #: `repeat_of`, stands what they are together, with passed, repeats and must_pass.
    scenarios = models.JSONField(default=list, blank=True)
    #: Metrics that lean to the worse over many slices: scenario, metric, slices, strength, p.
    alarms = models.JSONField(default=list, blank=True)
    #: By scenario: decisions that differ from the baseline's on the same items.
    churn = models.JSONField(default=dict, blank=True)
    expected = models.PositiveIntegerField()
    received = models.PositiveIntegerField()
    errored = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)
    judge_version = models.CharField(max_length=20)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"Comparison of {self.run}"

    @property
    def decided(self) -> list[dict[str, Any]]:
        """What counts: each scenario once, however often it was repeated."""
        return [row for row in self.scenarios if "repeat_of" not in row]

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What has answers and numbers of its own: each repeat, and not their group."""
        return [row for row in self.scenarios if "repeats" not in row]


class MetricComparison(AppendOnly):
    """What happened to one metric on one slice under one scenario."""

    project_path = "comparison__run__suite__project"

    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="changes")
    scenario = models.CharField(max_length=64)
    metric = models.CharField(max_length=40)
    slice = models.CharField(max_length=64)
    family = models.CharField(max_length=20, blank=True)
    change = models.CharField(max_length=12, choices=ChangeChoice.choices)
    severity = models.CharField(max_length=10, choices=SeverityChoice.choices)
    baseline_value = models.FloatField(null=True)
    candidate_value = models.FloatField(null=True)
    difference = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    p_value = models.FloatField(null=True)
    p_adjusted = models.FloatField(null=True)
    method = models.CharField(max_length=80, blank=True)
    n = models.PositiveBigIntegerField()
    clusters = models.PositiveIntegerField(null=True)
    margin = models.FloatField(null=True)
    detectable = models.FloatField(null=True)
    needed_n = models.PositiveBigIntegerField(null=True)
    reason = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["comparison", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["comparison", "scenario", "metric", "slice"], name="one_change_per_cell"
            )
        ]

    def __str__(self) -> str:
        return f"{self.metric} on {self.slice} under {self.scenario}: {self.change}"


class CriterionCheck(AppendOnly):
    """One criterion of the frozen plan, and whether it held."""

    project_path = "comparison__run__suite__project"

    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="checks")
    scenario = models.CharField(max_length=64)
    metric = models.CharField(max_length=40)
    slice = models.CharField(max_length=64)
    value_threshold = models.FloatField(null=True)
    margin = models.FloatField(null=True)
    critical = models.BooleanField(default=False)
    why = models.TextField(blank=True)
    finding = models.CharField(max_length=12, choices=FindingChoice.choices)
    reason = models.CharField(max_length=40, blank=True)
    sentence = models.TextField(blank=True)

    class Meta:
        ordering = ["comparison", "pk"]

    def __str__(self) -> str:
        return f"{self.metric} on {self.slice} under {self.scenario}: {self.finding}"
