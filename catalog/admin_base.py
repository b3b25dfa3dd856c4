"""The admin of governed rows: a curator's workbench behind the same walls as every page.

Rights come from roles in projects, never from being staff or superuser; nothing is deleted, no
history is put back, and every save goes through `record`, so that it has an actor and a reason.
"""

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import ForeignKey, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from simple_history.admin import SimpleHistoryAdmin

from catalog.models import Membership

READING = ("GET", "HEAD")
REASON = "edited in the admin"


class ProjectAdminMixin:
    """Shows the rows of one's own projects, and lets nobody change them."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)  # type: ignore[misc]
        return rows.visible_to(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        memberships = Membership.objects.open_to(request.user)
        if obj is not None:
            memberships = memberships.filter(project=obj.owning_project_id)
        return memberships.exists()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class GovernedAdmin(ProjectAdminMixin, SimpleHistoryAdmin):
    """Base of every admin class of a governed model.

    `edit_permission` is the codename asked for in the row's project; without one the admin only
    shows. History pages answer nothing but GET and HEAD.
    """

    edit_permission = ""

    # who may

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, obj)

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def _may_edit(self, request: HttpRequest, obj: Any) -> bool:
        permission = self.edit_permission
        return bool(permission) and request.user.has_perm(permission, obj)

    # history

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        if request.method not in READING:
            return HttpResponseNotAllowed(READING)
        try:
            return super().history_view(request, object_id, extra_context)
        except PermissionDenied as foreign:  # like a missing one
            raise Http404 from foreign

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> HttpResponse:
        if request.method not in READING:
            return HttpResponseNotAllowed(READING)
        try:
            return super().history_form_view(request, object_id, version_id, extra_context)
        except PermissionDenied as foreign:
            raise Http404 from foreign

    # writing

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField | None:
        """Offer, and accept, only rows and people of one's own projects."""
        field: Any = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None:
            field.queryset = _within_reach(field.queryset, request.user)
        return field

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not self._may_edit(request, obj):
            raise ValidationError("Your roles in that project do not allow this.")
        obj.record(by=request.user, reason=REASON)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as refusal:
            # Rolled back; shown once more, with what the row itself objects to.
            request.refusal = refusal  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        refusal: ValidationError | None = getattr(request, "refusal", None)
        return form if refusal is None else _refusing(form, refusal)


def _within_reach(rows: QuerySet[Any], user: Any) -> QuerySet[Any]:
    if hasattr(rows, "visible_to"):
        return rows.visible_to(user)
    if rows.model is get_user_model():
        projects = Membership.objects.open_to(user).values("project")
        return rows.filter(memberships__project__in=projects).distinct()
    return rows


def _refusing(form: type[forms.ModelForm], refusal: ValidationError) -> type[forms.ModelForm]:
    """The form with the sentences of a refused save, each beside its field where it has one."""

    class Refusing(form):  # type: ignore[misc, valid-type]
        def _post_clean(self) -> None:
            super()._post_clean()
            problems = refusal.error_dict if hasattr(refusal, "error_dict") else {None: refusal}
            for name, errors in problems.items():
                self.add_error(name if name in self.fields else None, errors)

    return Refusing
