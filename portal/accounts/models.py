"""People, service accounts and the tokens that service accounts carry."""

import hashlib
import secrets
from datetime import datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth import get_backends
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from simple_history.models import HistoricalRecords

from catalog.base import Recorded
from catalog.models import Project
from catalog.querysets import ProjectQuerySet
from catalog.transactions import write_block
from catalog.validators import visible_text

PREFIX = "ts_"


class User(AbstractUser):
    """A person, or a machine that posts on its own account. A machine never decides."""

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        SERVICE = "service", "Service account"

    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PERSON)
    history = HistoricalRecords(excluded_fields=["password", "last_login"])

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    @property
    def is_person(self) -> bool:
        return self.kind == self.Kind.PERSON

    def save(self, *args: Any, **kwargs: Any) -> None:
        with write_block():
            super().save(*args, **kwargs)

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Ask the backends also for superusers: no account decides by being privileged."""
        return self.is_active and any(
            backend.has_perm(self, perm, obj=obj) for backend in _backends()
        )

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise ValidationError(
            "An account is deactivated, not deleted: what it did stays on record."
        )


def _backends() -> list[Any]:
    return [backend for backend in get_backends() if hasattr(backend, "has_perm")]


class Scope(models.TextChoices):
    """What a token may be used for; a token without a scope may do nothing."""

    READ = "read", "Read the project"
    RUNS = "runs", "Post and start challenge runs"
    CATALOG = "catalog", "Register models, versions and datasets"
    FAILURES = "failures", "Post failures"
    EXPOSURE = "exposure", "Report the exposure of a rollout"


class ApiTokenQuerySet(ProjectQuerySet):
    def usable(self, now: datetime) -> Self:
        return self.filter(revoked_at__isnull=True, expires_at__gt=now, user__is_active=True)


class ApiToken(Recorded):
    """A secret of one service account for one project. Only its SHA-256 is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="tokens"
    )
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80, validators=[visible_text])
    hint = models.CharField(max_length=12, editable=False)
    secret_digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    history = HistoricalRecords(excluded_fields=["secret_digest", "last_used_at"])
    objects: ClassVar[Any] = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        permissions = [("manage_apitoken", "Can issue and revoke API tokens")]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    def clean(self) -> None:
        unknown = set(self.scopes) - set(Scope.values)
        if unknown or not self.scopes:
            raise ValidationError({"scopes": f"Choose at least one of {', '.join(Scope.values)}."})
        if self.user_id and self.user.is_person:
            raise ValidationError({"user": "Tokens belong to service accounts; people sign in."})


def new_secret() -> tuple[str, str]:
    """A fresh token secret of 256 random bits, and the digest under which it is kept."""
    secret = PREFIX + secrets.token_urlsafe(32)
    return secret, secret_digest(secret)


def secret_digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
