"""Projects and who belongs to them: the wall that every read and every write respects."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models

from catalog.base import Governed
from catalog.choices import Role
from catalog.querysets import ProjectQuerySet
from catalog.transactions import write_block
from catalog.validators import visible_text


class Project(Governed):
    """A team's own space. Every row of every app belongs to exactly one."""

    project_path = ""

    name = models.CharField(max_length=120, validators=[visible_text])
    slug = models.SlugField(max_length=60, unique=True)
    description = models.TextField(blank=True, validators=[visible_text])

    class Meta:
        ordering = ["name"]
        permissions = [("manage_members", "Can give and end roles in a project")]

    def __str__(self) -> str:
        return self.name

    @property
    def owning_project_id(self) -> int:
        return self.pk


class MembershipQuerySet(ProjectQuerySet):
    def open_to(self, user: Any) -> Self:
        """The memberships that count for this principal now; a token has its own project only."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        rows = self.filter(user=user)
        token_project = getattr(user, "token_project_id", None)
        return rows.filter(project=token_project) if token_project else rows


class Membership(Governed):
    """One role of one person in one project; a person may hold several.

    Ending one deletes the row; its history keeps who could decide at a given time.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships"
    )
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=40, choices=Role.choices)

    objects: ClassVar[Any] = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["project", "user", "role"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "project", "role"], name="one_membership_per_role"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        # The one row that ends by deletion: history keeps when it held.
        with write_block():
            return models.Model.delete(self, *args, **kwargs)
