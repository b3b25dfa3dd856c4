"""How a machine gets to act in a project: its account, its seat and its token in one step."""

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet

from catalog.actions import give_role
from catalog.choices import Role
from catalog.models import Project
from catalog.transactions import write_block
from portal.accounts.actions import create_service_account, issue_token
from portal.accounts.models import ApiToken, User


def service_accounts(project: Project) -> QuerySet[User]:
    """The machines that already have a seat in the project; others are nobody's business here."""
    rows = User.objects.filter(kind=User.Kind.SERVICE, memberships__project=project)
    return rows.filter(is_active=True).distinct().order_by("username")


def issue_to_new_account(
    project: Project,
    *,
    account: str,
    name: str,
    scopes: list[str],
    by: Any,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Make a service account, seat it in the project and issue its first token.

    Its username begins with the project's slug: a name taken in another project stays unknown.
    """
    if not by.has_perm("accounts.manage_apitoken", project):
        raise PermissionDenied("Only an administrator of the project issues tokens.")
    with write_block():
        user = create_service_account(f"{project.slug}.{account}", title=account, by=by)
        give_role(user, project=project, role=Role.VIEWER, by=by)
        return issue_token(
            user, project=project, name=name, scopes=scopes, by=by, expires_at=expires_at
        )
