"""The curators' workbench in Django's admin; raw inputs of failures appear nowhere in it."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from catalog import failures
from catalog.admin_base import GovernedAdmin, ProjectAdminMixin
from catalog.choices import FailureStatus
from catalog.errors import Conflict
from catalog.models import (
    Assumption,
    BiasReview,
    Dataset,
    DatasetVersion,
    FailureCase,
    FailureMode,
    FailureOccurrence,
    Membership,
    ModelVersion,
    Project,
    RegisteredModel,
    Slice,
)
from catalog.models.dataset import STEWARDSHIP

#: Refusals that are told one by one; beyond them they are only counted.
REFUSALS_SHOWN = 10


@admin.register(Project)
class ProjectAdmin(GovernedAdmin):
    list_display = ["name", "slug", "created_at"]
    search_fields = ["name", "slug"]


@admin.register(Membership)
class MembershipAdmin(GovernedAdmin):
    """Shown only: roles are given and ended on the members page, with its own rules."""

    list_display = ["user", "role", "project", "created_at", "created_by"]
    list_filter = ["role"]
    list_select_related = ["user", "project", "created_by"]
    search_fields = ["user__username", "user__first_name", "user__last_name"]


@admin.register(RegisteredModel)
class RegisteredModelAdmin(GovernedAdmin):
    """Production changes by rollouts, so the admin never sets it."""

    edit_permission = "catalog.change_registeredmodel"
    list_display = ["title", "name", "risk_tier", "owner", "production_version", "project"]
    list_filter = ["risk_tier", "task"]
    list_select_related = ["owner", "production_version__model", "project"]
    search_fields = ["name", "title"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["project", "name", "task", "production_version"]


class NotesOnlyAdmin(GovernedAdmin):
    """A frozen row of which only the notes are edited."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    #: Places are random names in the file storage; columns have a page of their own.
    HIDDEN = frozenset({"id", "place", "artifact_place", "columns"})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [f.name for f in self.model._meta.concrete_fields if f.name not in self.HIDDEN]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for name in self.get_fields(request) if name != "notes"]


@admin.register(ModelVersion)
class ModelVersionAdmin(NotesOnlyAdmin):
    edit_permission = "catalog.register_version"
    list_display = ["version", "model", "artifact_format", "created_at", "created_by"]
    list_filter = ["artifact_format"]
    list_select_related = ["model", "created_by"]
    search_fields = ["version", "model__title", "artifact_digest"]
    date_hierarchy = "created_at"


@admin.register(Dataset)
class DatasetAdmin(GovernedAdmin):
    edit_permission = "catalog.add_datasetversion"
    list_display = ["title", "name", "source", "project"]
    list_select_related = ["project"]
    search_fields = ["name", "title", "description"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["project", "name", *STEWARDSHIP]


@admin.register(BiasReview)
class BiasReviewAdmin(GovernedAdmin):
    """Shown only: a later look is another review, and who may record one is asked elsewhere."""

    list_display = ["dataset", "held_on", "next_due", "finding", "created_by"]
    list_select_related = ["dataset", "created_by"]
    search_fields = ["dataset__title", "looked_at", "finding"]
    date_hierarchy = "held_on"


@admin.register(DatasetVersion)
class DatasetVersionAdmin(NotesOnlyAdmin):
    edit_permission = "catalog.add_datasetversion"
    list_display = ["version", "dataset", "rows", "created_at"]
    list_select_related = ["dataset"]
    search_fields = ["version", "dataset__title", "digest"]
    date_hierarchy = "created_at"


@admin.register(Slice)
class SliceAdmin(GovernedAdmin):
    """Shown only: a changed condition would be another slice."""

    list_display = ["title", "key", "dataset", "in_words", "critical"]
    list_filter = ["critical"]
    list_select_related = ["dataset"]
    search_fields = ["key", "title"]


@admin.register(Assumption)
class AssumptionAdmin(GovernedAdmin):
    edit_permission = "catalog.change_assumption"
    list_display = ["statement", "model", "category", "owner", "review_date"]
    list_filter = ["category"]
    list_select_related = ["model", "owner"]
    search_fields = ["statement", "how_checked"]
    date_hierarchy = "review_date"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["model"] if obj else []


@admin.register(FailureMode)
class FailureModeAdmin(GovernedAdmin):
    """The project's tree; keys sort each mode below its parent."""

    edit_permission = "catalog.change_failuremode"
    list_display = ["key", "name", "parent", "description", "project"]
    list_select_related = ["parent", "project"]
    search_fields = ["key", "name", "description"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["project", "key"] if obj else []


class OccurrenceInline(ProjectAdminMixin, admin.TabularInline):
    """The newest observations, without what was observed: raw inputs are revealed elsewhere."""

    model = FailureOccurrence
    readonly_fields = (
        "observed_at",
        "model_version",
        "source",
        "reference",
        "expected",
        "output",
        "count",
    )
    fields = readonly_fields
    ordering = ["-observed_at", "-pk"]
    extra = 0
    max_num = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("model_version__model").defer("items")


@admin.register(FailureCase)
class FailureCaseAdmin(GovernedAdmin):
    """Cases are worked on through their lifecycle alone, so that each step has its rule."""

    list_display = ["title", "model", "severity", "status", "mode", "last_seen", "verified_by"]
    list_filter = ["status", "severity", "occurrences__source"]
    list_select_related = ["model", "mode", "verified_by"]
    search_fields = ["title", "explanation"]
    date_hierarchy = "last_seen"
    inlines = [OccurrenceInline]
    actions = ["triage_selected"]

    @admin.action(description="Triage selected cases")
    def triage_selected(self, request: HttpRequest, queryset: QuerySet[FailureCase]) -> None:
        moved, refusals = triage(queryset, by=request.user)
        if moved:
            self.message_user(request, f"Triaged: {moved}.", messages.SUCCESS)
        for sentence in refusals[:REFUSALS_SHOWN]:
            self.message_user(request, sentence, messages.WARNING)
        if len(refusals) > REFUSALS_SHOWN:
            more = len(refusals) - REFUSALS_SHOWN
            self.message_user(request, f"{more} more were refused.", messages.WARNING)


def triage(cases: Iterable[FailureCase], *, by: Any) -> tuple[int, list[str]]:
    """Triage each case by itself; returns how many moved, and why each of the others did not."""
    moved, refusals = 0, []
    for case in cases:
        try:
            failures.move(case, to=FailureStatus.TRIAGED, by=by)
            moved += 1
        except (Conflict, PermissionDenied) as refusal:
            refusals.append(f"{case}: {refusal}")
        except ValidationError as refusal:
            refusals.append(f"{case}: {' '.join(refusal.messages)}")
    return moved, refusals
