"""What a version must face: scenarios with their criteria, gathered in suites."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from benchmarks.choices import MetricDirection, MetricKind, SuiteKind, TestLevel
from benchmarks.engine import load, net_checks, perturbations
from benchmarks.engine.metrics import METRICS
from benchmarks.models.program import Program
from catalog.base import Governed
from catalog.models import Assumption, Dataset, DatasetVersion, Project, RegisteredModel, Slice
from catalog.transactions import write_block
from catalog.validators import identifier, visible_text

MOST_REPEATS = 20
ABOVE_NOTHING = MinValueValidator(Decimal("0.0001"))
#: Each repeat is named by the key and its number, and no name is longer than 64 characters.
LONGEST_REPEATED_KEY = 60


class Part(Governed):
    """A part of a scenario or suite. Taking it away deletes the row; its history keeps it.

    What was judged does not change by it: a run is judged by the plan frozen at its start.
    """

    class Meta:
        abstract = True

    def remove(self, *, by: Any, reason: str) -> None:
        self._history_user = by
        self._change_reason = reason
        with write_block():
            models.Model.delete(self)


class MetricSpec(Governed):
    """The project's contract for one metric: which way is good and how much worse is too much."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="metrics")
    key = models.CharField(max_length=40)
    label = models.CharField(max_length=80, validators=[visible_text])
    kind = models.CharField(max_length=20, choices=MetricKind.choices)
    direction = models.CharField(max_length=8, choices=MetricDirection.choices)
    unit = models.CharField(max_length=20, blank=True)
    margin = models.FloatField(validators=[MinValueValidator(0.0)])
    severe_margin = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0.0)])
    minimum_n = models.PositiveIntegerField(default=100)

    class Meta:
        ordering = ["project", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="metric_key_unique_in_project")
        ]

    def __str__(self) -> str:
        return self.label

    def clean(self) -> None:
        if self.key not in METRICS:
            raise ValidationError({"key": f"Unknown metric. Choose one of {', '.join(METRICS)}."})
        known = METRICS[self.key]
        if (self.kind, self.direction) != (known.kind.value, known.direction.value):
            raise ValidationError("Kind and direction are fixed by the metric and cannot differ.")
        if self.severe_margin is not None and self.severe_margin < self.margin:
            raise ValidationError({"severe_margin": "The severe margin is at least the margin."})


def watchable_columns(dataset: Dataset, version: DatasetVersion | None) -> dict[str, str]:
    """Column name → kind, without the label and the item's name."""
    data = version or dataset.versions.first()
    withheld = {data.label_column, data.id_column} if data else set()
    return {name: kind for name, kind in dataset.column_kinds().items() if name not in withheld}


class Scenario(Governed):
    """A condition to be judged under: data, a deliberate change to it, slices and criteria."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="scenarios")
    key = models.CharField(max_length=64, validators=[identifier])
    title = models.CharField(max_length=160, validators=[visible_text])
    description = models.TextField(blank=True, validators=[visible_text])
    risk_area = models.CharField(max_length=80, blank=True, validators=[visible_text])
    level = models.CharField(max_length=16, choices=TestLevel.choices, default=TestLevel.MODEL)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="scenarios")
    #: Fixed data; empty only in a watch suite, where each run brings its own window.
    dataset_version = models.ForeignKey(
        DatasetVersion, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    perturbation = models.JSONField(default=list, blank=True)
    #: The load that a live endpoint is put under, and faults on the way to it; empty for none.
    stress = models.JSONField(default=dict, blank=True)
    seed = models.PositiveIntegerField(default=0)
    #: What watches the model here, as `benchmarks.engine.nets` carries it out; empty for none.
    safety_net = models.JSONField(default=dict, blank=True)
    #: How often the model is asked, each time with a seed of its own, and how many have to pass.
    repeats = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(MOST_REPEATS)]
    )
    must_pass = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])
    slices: models.ManyToManyField = models.ManyToManyField(
        Slice, through="ScenarioSlice", related_name="scenarios"
    )
    assumptions: models.ManyToManyField = models.ManyToManyField(
        Assumption, through="ScenarioAssumption", related_name="scenarios"
    )

    class Meta:
        ordering = ["project", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "key"], name="scenario_key_unique_in_project"
            )
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.dataset_version and self.dataset_version.dataset_id != self.dataset_id:
            raise ValidationError({"dataset_version": "That version belongs to another dataset."})
        kinds = self.dataset.column_kinds()
        found = {
            "perturbation": perturbations.problems(self.perturbation, kinds),
            "stress": load.problems(self.stress, kinds),
            "safety_net": net_checks.problems(self.safety_net, self.watchable_columns()),
        }
        if problems := {name: sentences for name, sentences in found.items() if sentences}:
            raise ValidationError(problems)
        if self.stress and self.safety_net:
            raise ValidationError(
                {
                    "safety_net": "A scenario under stress has no net: watch the data in one "
                    "scenario, and the server in another."
                }
            )
        if self.must_pass > self.repeats:
            raise ValidationError({"must_pass": "No more repeats can pass than there are."})
        if self.repeats > 1 and len(self.key) > LONGEST_REPEATED_KEY:
            raise ValidationError(
                {"repeats": f"A key of at most {LONGEST_REPEATED_KEY} characters can be repeated."}
            )

    def watchable_columns(self) -> dict[str, str]:
        """What a safety net may read: what is known of an item before its truth is."""
        return watchable_columns(self.dataset, self.dataset_version)

    def in_words(self) -> str:
        return load.with_stress(perturbations.describe(self.perturbation), self.stress)

    def net_in_words(self) -> str:
        return net_checks.describe(self.safety_net)


class ScenarioSlice(Part):
    """A slice that a scenario reports on."""

    project_path = "scenario__project"

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="slice_links")
    slice = models.ForeignKey(Slice, on_delete=models.PROTECT, related_name="scenario_links")

    class Meta:
        ordering = ["scenario", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["scenario", "slice"], name="slice_once_in_scenario")
        ]

    def __str__(self) -> str:
        return f"{self.slice} in {self.scenario}"


class ScenarioAssumption(Part):
    """An assumption that a scenario puts to the test."""

    project_path = "scenario__project"

    scenario = models.ForeignKey(
        Scenario, on_delete=models.PROTECT, related_name="assumption_links"
    )
    assumption = models.ForeignKey(
        Assumption, on_delete=models.PROTECT, related_name="scenario_links"
    )

    class Meta:
        ordering = ["scenario", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["scenario", "assumption"], name="assumption_once_in_scenario"
            )
        ]

    def __str__(self) -> str:
        return f"{self.assumption} under {self.scenario}"


class Criterion(Part):
    """A rule fixed beforehand: a bound on the value, a bound on the change, and why it matters."""

    project_path = "scenario__project"

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="criteria")
    metric = models.ForeignKey(MetricSpec, on_delete=models.PROTECT, related_name="+")
    slice = models.ForeignKey(
        Slice, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    value_threshold = models.FloatField(null=True, blank=True)
    change_threshold = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.0)]
    )
    critical = models.BooleanField(default=False)
    why = models.TextField(validators=[visible_text])

    class Meta:
        ordering = ["scenario", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(value_threshold__isnull=False)
                | models.Q(change_threshold__isnull=False),
                name="a_criterion_bounds_something",
            )
        ]

    def __str__(self) -> str:
        return f"{self.metric} on {self.slice or 'all rows'}"

    def clean(self) -> None:
        if self.value_threshold is None and self.change_threshold is None:
            raise ValidationError("Give a bound on the value, on the change, or on both.")
        if self.metric.project_id != self.scenario.project_id:
            raise ValidationError({"metric": "That metric belongs to another project."})
        if self.slice and self.slice.dataset_id != self.scenario.dataset_id:
            raise ValidationError({"slice": "That slice belongs to another dataset."})


class Suite(Governed):
    """The scenarios that a version of a model must face, and how its results are judged."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="suites")
    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="suites")
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="suites", null=True, blank=True
    )
    key = models.CharField(max_length=64, validators=[identifier])
    title = models.CharField(max_length=160, validators=[visible_text])
    goal = models.TextField(blank=True, validators=[visible_text])
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=SuiteKind.choices, default=SuiteKind.CHALLENGE)
    metrics = models.JSONField(default=list)  # keys of MetricSpec measured in every scenario
    #: Rows that agree in these columns are not independent; empty when every row is.
    cluster_columns = models.JSONField(default=list, blank=True)
    unit_of_independence = models.CharField(
        max_length=120, default="one row", validators=[visible_text]
    )
    #: The column whose values are the groups that are to be treated alike; empty for none.
    protected_column = models.CharField(
        max_length=120, blank=True, default="", validators=[visible_text]
    )
    error_budget = models.FloatField(default=0.0, validators=[MinValueValidator(0.0)])
    #: What one run may take at most; what is left then ends in an error. Empty for no limit.
    longest_seconds = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    most_requests = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    most_tokens = models.PositiveBigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    highest_cost = models.DecimalField(
        max_digits=14, decimal_places=4, null=True, blank=True, validators=[ABOVE_NOTHING]
    )
    cost_unit = models.CharField(max_length=12, default="USD", validators=[visible_text])
    #: By what the last two are kept: the endpoint's own word, prices of a thousand, or both.
    usage_reported = models.BooleanField(default=False)
    requests_price = models.DecimalField(
        max_digits=14, decimal_places=4, null=True, blank=True, validators=[ABOVE_NOTHING]
    )
    tokens_price = models.DecimalField(
        max_digits=14, decimal_places=4, null=True, blank=True, validators=[ABOVE_NOTHING]
    )
    #: The number of items at which a watch's interval is narrowest; its looks are all valid.
    planned_n = models.PositiveIntegerField(null=True, blank=True)
    scenarios: models.ManyToManyField = models.ManyToManyField(
        Scenario, through="SuiteScenario", related_name="suites"
    )

    class Meta:
        ordering = ["project", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="suite_key_unique_in_project")
        ]
        permissions = [("start_run", "Can start or post a challenge run")]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.model.project_id != self.project_id:
            raise ValidationError({"model": "That model belongs to another project."})
        if self.program and self.program.model_id != self.model_id:
            raise ValidationError({"program": "That program is about another model."})
        unknown = [key for key in self.metrics if key not in METRICS]
        if unknown:
            raise ValidationError({"metrics": f"Unknown metrics: {', '.join(map(str, unknown))}."})
        if self.kind == SuiteKind.WATCH and not self.planned_n:
            raise ValidationError(
                {"planned_n": "A production watch needs the planned number of items."}
            )


class SuiteScenario(Part):
    """A scenario's place in a suite."""

    project_path = "suite__project"

    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="places")
    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="places")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["suite", "position"]
        constraints = [
            models.UniqueConstraint(fields=["suite", "scenario"], name="scenario_once_in_suite"),
            models.UniqueConstraint(
                fields=["suite", "position"], name="one_scenario_per_position"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.scenario}"

    def clean(self) -> None:
        scenario: Any = self.scenario
        if scenario.project_id != self.suite.project_id:
            raise ValidationError({"scenario": "That scenario belongs to another project."})
