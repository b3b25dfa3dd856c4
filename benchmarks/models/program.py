"""The standing effort to find out how a model fails: what it covers and when it is due."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from benchmarks import cadence
from benchmarks.choices import CadenceUnit, CycleStatus, ProgramStatus, TriggerKind
from benchmarks.engine import rubric
from catalog.base import Governed
from catalog.models import Project, RegisteredModel
from catalog.validators import identifier, visible_text

#: In whose terms a risk area says what happens when the model fails there.
CONSEQUENCES = ("customer", "financial", "brand")
LONGEST_TEXT = 500


class Program(Governed):
    """A challenge program: scope, risk areas, rubric, owner, cadence; its suites do the work."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="programs")
    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="programs")
    key = models.CharField(max_length=64, validators=[identifier])
    title = models.CharField(max_length=160, validators=[visible_text])
    goal = models.TextField(validators=[visible_text])
    scope = models.TextField(blank=True, validators=[visible_text])
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(
        max_length=10, choices=ProgramStatus.choices, default=ProgramStatus.ACTIVE
    )
    #: One object an area: name, and the consequences of a failure there in CONSEQUENCES.
    risk_areas = models.JSONField(default=list, blank=True)
    #: One object a metric: metric, weight, worst (scores 0), best (scores 1).
    rubric = models.JSONField(default=list, blank=True)
    cadence_unit = models.CharField(max_length=10, choices=CadenceUnit.choices, blank=True)
    cadence_every = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    #: The first due day; all later ones are counted from it.
    cadence_anchor = models.DateField(null=True, blank=True)
    grace_days = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(90)])
    #: Whether a new cycle runs the suites on the version in production by itself.
    starts_runs = models.BooleanField(default=False)
    #: Kinds of change after which its suites run without anybody asking.
    triggers = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["project", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "key"], name="program_key_unique_in_project"
            ),
            models.CheckConstraint(
                condition=models.Q(cadence_unit="") | models.Q(cadence_anchor__isnull=False),
                name="a_cadence_has_a_first_day",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.model.project_id != self.project_id:
            raise ValidationError({"model": "That model belongs to another project."})
        if self.cadence_unit and self.cadence_anchor is None:
            raise ValidationError({"cadence_anchor": "A cadence needs its first due day."})
        if self.starts_runs and not self.cadence_unit:
            raise ValidationError({"starts_runs": "Without a cadence nothing starts by itself."})
        if not set(self.triggers) <= set(TriggerKind.values):
            known = ", ".join(TriggerKind.values)
            raise ValidationError({"triggers": f"A program is triggered by some of: {known}."})
        _check_areas(self.risk_areas)
        problems = rubric.problems(self.rubric)
        if problems:
            raise ValidationError({"rubric": problems})

    @property
    def area_names(self) -> list[str]:
        return [area["name"] for area in self.risk_areas]

    def cadence_in_words(self) -> str:
        if not self.cadence_unit:
            return "when somebody starts it"
        return cadence.in_words(self.cadence_unit, self.cadence_every)

    def triggers_in_words(self) -> str:
        return ", ".join(TriggerKind(kind).label.lower() for kind in self.triggers)


def _check_areas(areas: Any) -> None:
    if not isinstance(areas, list) or not all(isinstance(area, dict) for area in areas):
        raise ValidationError({"risk_areas": "Risk areas are a list of objects with a name."})
    names = [str(area.get("name", "")).strip() for area in areas]
    if not all(names):
        raise ValidationError({"risk_areas": "Every risk area needs a name."})
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValidationError({"risk_areas": f"Named twice: {', '.join(repeated)}."})
    for area in areas:
        _check_area(area)


def _check_area(area: dict[str, Any]) -> None:
    unknown = sorted(set(area) - {"name", *CONSEQUENCES})
    if unknown:
        raise ValidationError({"risk_areas": f"Unknown parts: {', '.join(unknown)}."})
    for text in area.values():
        if not isinstance(text, str) or len(text) > LONGEST_TEXT:
            raise ValidationError(
                {"risk_areas": f"Each part is a text of at most {LONGEST_TEXT} characters."}
            )
        visible_text(text)


class ProgramCycle(Governed):
    """One turn of the cadence: what had to be done by when, and whether it was."""

    project_path = "program__project"

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="cycles")
    opens_on = models.DateField()
    due_on = models.DateField()
    status = models.CharField(max_length=10, choices=CycleStatus.choices, default=CycleStatus.OPEN)
    #: What stood against it when it was last looked at, one sentence a suite.
    outstanding = models.JSONField(default=list, blank=True)
    #: The runs that met it; a run meets one cycle only.
    evidence = models.JSONField(default=list, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    #: The status that its owner was last written to about.
    noticed = models.CharField(max_length=10, choices=CycleStatus.choices, blank=True, default="")

    class Meta:
        ordering = ["program", "-due_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["program", "due_on"], name="one_cycle_per_program_and_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.program}, due {self.due_on:%-d %b %Y}"

    @property
    def is_live(self) -> bool:
        return self.status in {CycleStatus.OPEN, CycleStatus.OVERDUE}
