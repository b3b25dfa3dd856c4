"""Permissions from roles in projects: the only source of any right outside the admin's frame."""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from catalog.models import Membership
from portal.accounts.roles import ROLE_PERMISSIONS, SCOPE_PERMISSIONS


class ProjectRoleBackend(ModelBackend):
    """Signs people in by password and answers "may she, here?" from the role table.

    A right always concerns a row: asked without one, the answer is whether the person holds the
    right in any project, which may open a menu but never a row.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if not user_obj.is_active or user_obj.is_anonymous:
            return False
        project_id = getattr(obj, "owning_project_id", None)
        if obj is not None and project_id is None:
            return False
        return perm in permissions_of(user_obj, project_id)

    def user_can_authenticate(self, user: Any) -> bool:
        # A service account has a token, never a session.
        return super().user_can_authenticate(user) and user.is_person


def roles_of(user: Any, project_id: int | None) -> frozenset[str]:
    """The roles that count now, read afresh: a role that ended a second ago no longer counts."""
    rows = Membership.objects.open_to(user)
    if project_id is not None:
        rows = rows.filter(project=project_id)
    return frozenset(rows.values_list("role", flat=True))


def permissions_of(user: Any, project_id: int | None) -> frozenset[str]:
    """A person's codenames in a project; for a token its scopes', within its own project only."""
    roles = roles_of(user, project_id)
    if not roles:
        return frozenset()
    token = getattr(user, "token_in_use", None)
    if token is not None:
        return frozenset().union(*(SCOPE_PERMISSIONS[scope] for scope in token.scopes))
    if not user.is_person:
        return frozenset()
    return frozenset().union(*(ROLE_PERMISSIONS[role] for role in roles))
