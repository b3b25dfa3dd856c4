"""Writes that concern accounts and tokens."""

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from catalog.models import Project
from catalog.transactions import write_block
from portal.accounts.models import ApiToken, User, new_secret

LONGEST_LIFE = timedelta(days=366)


def create_service_account(username: str, *, title: str, by: Any) -> User:
    """A machine account without a password; it acts only through tokens."""
    user: Any = User(username=username, first_name=title, kind=User.Kind.SERVICE)
    user.set_unusable_password()
    user._history_user = by
    user.full_clean(exclude=["password"])
    user.save()
    return user


def issue_token(
    account: User,
    *,
    project: Project,
    name: str,
    scopes: list[str],
    by: Any,
    expires_at: datetime | None = None,
    now: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Issue a token and return it with its secret, which is shown this once and kept nowhere."""
    if not by.has_perm("accounts.manage_apitoken", project):
        raise PermissionDenied("Only an administrator of the project issues tokens.")
    now = now or timezone.now()
    expires_at = expires_at or now + timedelta(days=90)
    if not now < expires_at <= now + LONGEST_LIFE:
        raise ValidationError(
            {"expires_at": "A token lives at least a moment and at most a year."}
        )
    secret, digest = new_secret()
    token = ApiToken(
        user=account,
        project=project,
        name=name,
        hint=secret[:9],
        secret_digest=digest,
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    with write_block():
        token.record(by=by, reason="issued")
    return token, secret


def revoke_token(token: ApiToken, *, by: Any, now: datetime | None = None) -> ApiToken:
    if not by.has_perm("accounts.manage_apitoken", token):
        raise PermissionDenied("Only an administrator of the project revokes tokens.")
    if token.revoked_at is not None:
        return token  # it ended when it was first revoked
    token.revoked_at = now or timezone.now()
    return token.record(by=by, reason="revoked")
