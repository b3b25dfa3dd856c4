"""The ledger: one row for everything that happened, each sealed by the one before it."""

from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models

from catalog.base import AppendOnly
from catalog.models import Membership
from catalog.querysets import ProjectQuerySet

#: What the first event names as the one before it, and the head of an empty ledger.
NOTHING_BEFORE = "0" * 64
SCHEMA_VERSION = 1


class ActorKind(models.TextChoices):
    PERSON = "person", "Person"
    SERVICE = "service", "Service account"
    SYSTEM = "system", "System"


class AuditEventQuerySet(ProjectQuerySet):
    """Reads of the ledger; everything that would rewrite it is refused."""

    def visible_to(self, user: Any) -> Self:
        projects = Membership.objects.open_to(user).values("project")
        return self.filter(project_id__in=projects)

    def update(self, **kwargs: Any) -> int:
        raise ValidationError("The audit ledger cannot be changed.")

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise ValidationError("The audit ledger cannot be changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise ValidationError("The audit ledger cannot be shortened.")


class AuditEvent(AppendOnly):
    """One thing that happened: who, when, what, to which row, and a commitment to its content.

    Holds no text that somebody may ask to have removed, so that it never has to change. `seq` has
    no gaps; ids are plain numbers, because an event outlives whatever it speaks of.
    """

    project_path = "project_id"

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    actor_id = models.BigIntegerField(null=True)
    on_behalf_of = models.BigIntegerField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=100)
    object_type = models.CharField(max_length=80, blank=True)
    object_id = models.BigIntegerField(null=True)
    project_id = models.BigIntegerField(null=True)
    #: The history or decision row whose content is committed to; without one the opening has it.
    record_table = models.CharField(max_length=80, blank=True)
    record_id = models.BigIntegerField(null=True)
    payload_commitment = models.CharField(max_length=64)
    prev_hash = models.CharField(max_length=64)
    row_hash = models.CharField(max_length=64)
    schema_version = models.PositiveSmallIntegerField(default=SCHEMA_VERSION)

    objects: ClassVar[Any] = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["-seq"]
        default_permissions = ()
        permissions = [("export_auditevent", "Can export the audit timeline")]
        constraints = [
            models.UniqueConstraint(
                fields=["record_table", "record_id"],
                condition=models.Q(record_id__isnull=False),
                name="one_event_per_recorded_row",
            )
        ]
        indexes = [
            models.Index(fields=["project_id", "seq"], name="project_timeline"),
            models.Index(fields=["object_type", "object_id", "seq"], name="object_timeline"),
        ]

    def __str__(self) -> str:
        return f"{self.seq}. {self.action}"

    @property
    def owning_project_id(self) -> Any:
        # None for what concerns the whole site: no role in a project opens it.
        return self.project_id


class AuditOpening(models.Model):
    """What opens an event's commitment: the salt, and the content where no other row holds it.

    Removing one makes the commitment unreadable for ever; `ledger.redact` records that it was.
    """

    event = models.OneToOneField(
        AuditEvent, on_delete=models.PROTECT, related_name="opening", primary_key=True
    )
    salt = models.BinaryField(max_length=16)
    payload = models.TextField(blank=True)  # the very bytes that were committed to

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Opening of event {self.event_id}"


class AuditHead(models.Model):
    """The one row that every writer locks: how long the ledger is and what it ends with."""

    size = models.BigIntegerField(default=0)
    head_hash = models.CharField(max_length=64, default=NOTHING_BEFORE)

    ONLY = 1

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_audit_head")]

    def __str__(self) -> str:
        return f"{self.size} events"
