"""The ledger in the admin: to be read, by members of the projects it speaks of."""

from django.contrib import admin

from catalog.admin_base import ProjectAdminMixin
from portal.audit.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(ProjectAdminMixin, admin.ModelAdmin):
    list_display = ("seq", "at", "action", "object_type", "object_id", "actor_kind", "actor_id")
    list_filter = ("actor_kind", "object_type")
    search_fields = ("action", "object_type", "=object_id", "=request_id")
    ordering = ("-seq",)
    show_full_result_count = False  # two counts of a long ledger for one page are one too many
