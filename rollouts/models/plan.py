"""How a version reaches users: one plan, its ordered stages."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from benchmarks.models import Suite
from catalog.base import Governed
from catalog.choices import RiskTier
from catalog.models import ModelVersion, RegisteredModel
from catalog.querysets import ProjectQuerySet
from catalog.transactions import write_block
from catalog.validators import visible_text
from rollouts.choices import PlanStatus, StageStatus

#: In these a plan stands between its model and any other rollout of it.
LIVE = (PlanStatus.RUNNING, PlanStatus.PAUSED, PlanStatus.ROLLING_BACK)


def refuse_redefinition(row: Any, plan_id: int) -> None:
    """Raise ValidationError when `row` would change what a submitted plan says."""
    status = RolloutPlan.objects.filter(pk=plan_id).values_list("status", flat=True).first()
    if status in {None, PlanStatus.DRAFT}:
        return
    stored = type(row)._base_manager.filter(pk=row.pk).first()
    if stored is None:
        raise ValidationError("A submitted plan gets nothing new. Withdraw it first.")
    fields = [row._meta.get_field(name) for name in row.DEFINITION]
    changed = [
        str(f.verbose_name)
        for f in fields
        if f.value_from_object(row) != f.value_from_object(stored)
    ]
    if changed:
        raise ValidationError(
            f"A submitted plan does not change ({', '.join(changed)}). Withdraw it first."
        )


def delete_from_draft(row: Any, plan_id: int) -> Any:
    """Take a row out of a plan that nobody has been asked about yet; its history stays."""
    if RolloutPlan.objects.get(pk=plan_id).status != PlanStatus.DRAFT:
        raise ValidationError("Nothing is taken out of a submitted plan.")
    with write_block():
        return models.Model.delete(row)


class RolloutPlanQuerySet(ProjectQuerySet):
    def live(self) -> Self:
        return self.filter(status__in=LIVE)


class RolloutPlan(Governed):
    """One version's way to its users. Frozen from submission on; a change is a new revision.

    `exposure` never exceeds the current stage's ceiling and falls to 0 on every way back.
    """

    project_path = "model__project"
    DEFINITION = (
        "model",
        "candidate",
        "fallback",
        "title",
        "owner",
        "hypothesis",
        "scope",
        "limits",
        "risk_tier",
        "watch_suite",
    )

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="plans")
    candidate = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="plans")
    fallback = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=160, validators=[visible_text])
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    hypothesis = models.TextField(validators=[visible_text])
    scope = models.TextField(blank=True, validators=[visible_text])
    limits = models.TextField(blank=True, validators=[visible_text])
    risk_tier = models.CharField(max_length=10, choices=RiskTier.choices)
    #: Where production outcomes of candidate and fallback are judged, look by look.
    watch_suite = models.ForeignKey(
        Suite, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    revision = models.PositiveSmallIntegerField(default=1)
    status = models.CharField(max_length=14, choices=PlanStatus.choices, default=PlanStatus.DRAFT)
    exposure = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(100)])
    definition_digest = models.CharField(max_length=64, blank=True)
    #: Raised by every transition; a command that saw an older one is refused.
    lock_version = models.PositiveIntegerField(default=0)
    submitted_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = RolloutPlanQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["model"],
                condition=models.Q(status__in=LIVE),
                name="one_live_rollout_per_model",
            ),
            models.CheckConstraint(
                condition=~models.Q(candidate=models.F("fallback")),
                name="fallback_is_not_the_candidate",
            ),
            models.CheckConstraint(
                condition=models.Q(exposure=0)
                | models.Q(status__in=[*LIVE, PlanStatus.COMPLETED]),
                name="only_a_live_rollout_has_exposure",
            ),
        ]
        permissions = [
            ("author_plan", "Can write and submit rollout plans"),
            ("operate_plan", "Can start, advance, hold and roll back"),
            ("sign", "Can sign for the function of a reviewer role"),
            ("waive_gate", "Can waive a gate"),
            ("report_exposure", "Can report the actual exposure"),
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            refuse_redefinition(self, self.pk)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        for name in ("candidate", "fallback"):
            if getattr(self, name).model_id != self.model_id:
                raise ValidationError({name: "That version is of another model."})
        if self.candidate_id == self.fallback_id:
            raise ValidationError({"fallback": "The fallback must be another version."})
        if self.watch_suite and self.watch_suite.model_id != self.model_id:
            raise ValidationError({"watch_suite": "That suite is of another model."})

    @property
    def current_stage(self) -> "Stage | None":
        """The stage being worked on; None before the start and after the end."""
        at_work = {StageStatus.OBSERVING, StageStatus.SIGNING, StageStatus.HELD}
        return next((s for s in self.stages.all() if s.status in at_work), None)


class Stage(Governed):
    """One step: who is exposed, for how long at least, on how many items at least."""

    project_path = "plan__model__project"
    DEFINITION = ("position", "name", "exposure", "cohort", "soak_hours", "minimum_sample")

    plan = models.ForeignKey(RolloutPlan, on_delete=models.PROTECT, related_name="stages")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=80, validators=[visible_text])
    exposure = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    cohort = models.CharField(max_length=200, validators=[visible_text])
    soak_hours = models.PositiveIntegerField()
    minimum_sample = models.PositiveIntegerField()
    status = models.CharField(
        max_length=10, choices=StageStatus.choices, default=StageStatus.PENDING
    )
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["plan", "position"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "position"], name="one_stage_per_position"),
            models.UniqueConstraint(
                fields=["plan"],
                condition=models.Q(
                    status__in=[StageStatus.OBSERVING, StageStatus.SIGNING, StageStatus.HELD]
                ),
                name="one_stage_at_work_per_plan",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        refuse_redefinition(self, self.plan_id)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        return delete_from_draft(self, self.plan_id)
