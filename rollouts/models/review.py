"""What is asked of people, exactly, and what each answered."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models

from catalog.base import AppendOnly, Governed
from catalog.choices import Role
from catalog.querysets import ProjectQuerySet
from catalog.validators import visible_text
from rollouts.choices import Answer, RequestStatus, Subject
from rollouts.models.plan import RolloutPlan, Stage


class ApprovalRequestQuerySet(ProjectQuerySet):
    def open(self) -> Self:
        return self.filter(status=RequestStatus.OPEN)


class ApprovalRequest(Governed):
    """A question to several functions about one frozen bundle of evidence.

    The digest covers the bundle byte for byte; if anything in it changes, the request is
    superseded and its answers no longer count, though they stay visible.
    """

    project_path = "plan__model__project"

    plan = models.ForeignKey(RolloutPlan, on_delete=models.PROTECT, related_name="requests")
    stage = models.ForeignKey(
        Stage, on_delete=models.PROTECT, related_name="requests", null=True, blank=True
    )
    subject = models.CharField(max_length=8, choices=Subject.choices)
    status = models.CharField(
        max_length=18, choices=RequestStatus.choices, default=RequestStatus.OPEN
    )
    #: The functions that must sign, each one a role, as the policy stood when it was opened.
    slots = models.JSONField()
    evidence = models.JSONField()
    evidence_digest = models.CharField(max_length=64)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = ApprovalRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan"],
                condition=models.Q(status__in=[RequestStatus.OPEN, RequestStatus.APPROVED]),
                name="one_request_at_a_time_per_plan",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_subject_display()}: {self.plan}"


class Approval(AppendOnly):
    """One person's answer in one slot, to the digest that the person was shown."""

    project_path = "request__plan__model__project"

    request = models.ForeignKey(
        ApprovalRequest, on_delete=models.PROTECT, related_name="approvals"
    )
    slot = models.CharField(max_length=40, choices=Role.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    printed_name = models.CharField(max_length=150)  # as it read when it was signed
    answer = models.CharField(max_length=18, choices=Answer.choices)
    reason = models.TextField(blank=True, validators=[visible_text])
    evidence_digest = models.CharField(max_length=64)
    answered_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["request", "user"], name="one_answer_per_person"),
            models.UniqueConstraint(
                fields=["request", "slot"],
                condition=models.Q(answer=Answer.APPROVED),
                name="one_signature_per_slot",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.printed_name}: {self.get_answer_display()}"
