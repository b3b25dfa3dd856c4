"""Accounts in the admin, for superusers alone; roles are given on each project's own pages."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from portal.accounts.models import User

admin.site.unregister(Group)  # rights come from roles in projects, never from groups


@admin.register(User)
class AccountAdmin(UserAdmin):
    """People and machines. An account is deactivated, never deleted."""

    list_display = ["username", "first_name", "last_name", "kind", "is_active", "is_staff"]
    list_filter = ["kind", "is_active", "is_staff"]
    filter_horizontal = []
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password", "kind"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
        ("Access", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_site_administrator(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_site_administrator(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_site_administrator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_site_administrator(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _is_site_administrator(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)
