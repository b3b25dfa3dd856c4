"""Reads that read aloud: every one of them starts from what the asking person may see."""

from typing import Any, Self

from django.apps import apps
from django.db import models


class ProjectQuerySet(models.QuerySet):
    """Rows of projects; the model's `project_path` says how to get there."""

    def visible_to(self, user: Any) -> Self:
        """Rows of the projects that this person or token belongs to, whatever the role."""
        path = _path(self.model)
        projects = apps.get_model("catalog", "Membership").objects.open_to(user).values("project")
        return self.filter(**{f"{path}__in": projects} if path else {"pk__in": projects})

    def in_project(self, project: Any) -> Self:
        return self.filter(**{_path(self.model) or "pk": project.pk})


def _path(model: Any) -> str:
    path: str = model.project_path
    return path
