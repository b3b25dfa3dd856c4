"""System checks that refuse an unsafe start: a wall left out is an error, not a surprise."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.checks import CheckMessage, Error, register
from rest_framework.permissions import AllowAny
from rest_framework.serializers import ModelSerializer
from rest_framework.settings import api_settings

from catalog.addresses import BadAddress, allowed_host
from catalog.admin_base import GovernedAdmin
from catalog.base import Recorded
from portal.accounts.middleware import PrivatePagesMiddleware
from portal.accounts.permissions import Denied
from portal.routes import Route, routes

#: The pages that need no sign-in, each one on purpose.
PUBLIC = {"login", "logout", "favicon", "healthz", "readyz", "admin:login"}
OUR_APPS = ("catalog", "benchmarks", "rollouts", "portal")
SHORTEST_KEY = 50  # characters; Django's own deployment check asks for as many


def _error(number: int, message: str, hint: str, obj: Any = None) -> CheckMessage:
    return Error(message, hint=hint, obj=obj, id=f"touchstone.E{number:03}")


# -- the API ----------------------------------------------------------------------------------


@register
def api_is_closed_by_default(**kwargs: Any) -> list[CheckMessage]:
    found = []
    defaults: list[Any] = list(api_settings.DEFAULT_PERMISSION_CLASSES)
    if defaults != [Denied]:
        hint = "Leave DEFAULT_PERMISSION_CLASSES at Denied; the list in portal/api.py opens."
        found.append(_error(1, "The API is not closed by default.", hint))
    for route in routes():
        classes = _permission_classes(route)
        if classes is not None and (not classes or AllowAny in classes):
            hint = "Register the view in portal/api.py, which asks for membership."
            found.append(_error(1, f"“{route.pattern}” lets anybody in.", hint, route.view))
    return found


def _permission_classes(route: Route) -> Sequence[Any] | None:
    """The permission classes of an API view; None for a page."""
    view_class = getattr(route.view, "cls", None)
    return getattr(view_class, "permission_classes", None)


@register
def serializers_name_their_fields(**kwargs: Any) -> list[CheckMessage]:
    hint = "Write the fields out: a new column must not show by itself."
    return [
        _error(2, f"{serializer.__name__} does not name its fields.", hint, serializer)
        for serializer in _subclasses(ModelSerializer)
        if serializer.__module__.split(".")[0] in OUR_APPS and _is_open(serializer)
    ]


def _is_open(serializer: type) -> bool:
    meta = getattr(serializer, "Meta", None)
    named = getattr(meta, "fields", None)
    return meta is not None and (named == "__all__" or named is None)


def _subclasses(base: type[Any]) -> Iterator[type[Any]]:
    for child in base.__subclasses__():
        yield child
        yield from _subclasses(child)


# -- workers and database ---------------------------------------------------------------------


@register
def messages_are_json(**kwargs: Any) -> list[CheckMessage]:
    accepted = [*settings.CELERY_ACCEPT_CONTENT, settings.CELERY_TASK_SERIALIZER]
    if set(accepted) == {"json"}:
        return []
    hint = "Set CELERY_ACCEPT_CONTENT to [“json”]: a pickled message runs code when it is read."
    return [_error(3, "Workers accept messages other than JSON.", hint)]


@register
def sqlite_takes_its_lock_at_once(**kwargs: Any) -> list[CheckMessage]:
    hint = "Set OPTIONS[“transaction_mode”] to IMMEDIATE: deferred writers fail under load."
    return [
        _error(4, f"SQLite database “{alias}” does not begin with IMMEDIATE.", hint)
        for alias, database in settings.DATABASES.items()
        if database["ENGINE"].endswith("sqlite3")
        and database.get("OPTIONS", {}).get("transaction_mode") != "IMMEDIATE"
    ]


# -- the record -------------------------------------------------------------------------------


@register
def history_is_kept(**kwargs: Any) -> list[CheckMessage]:
    found = []
    if not getattr(settings, "SIMPLE_HISTORY_ENABLED", True):
        hint = "Remove SIMPLE_HISTORY_ENABLED: without history the ledger has nothing to seal."
        found.append(_error(5, "History is switched off.", hint))
    found += [
        _error(6, f"{model._meta.label} keeps no history.", "Let it inherit from Governed.", model)
        for model in apps.get_models()
        if issubclass(model, Recorded) and not hasattr(model, "history")
    ]
    return found


@register
def admin_keeps_to_the_walls(**kwargs: Any) -> list[CheckMessage]:
    hint = "Base it on catalog.admin_base.GovernedAdmin, which asks for roles and guards history."
    return [
        _error(7, f"{type(page).__name__} is not a GovernedAdmin.", hint, type(page))
        for model, page in admin.site._registry.items()
        if issubclass(model, Recorded) and not isinstance(page, GovernedAdmin)
    ]


# -- pages ------------------------------------------------------------------------------------


@register
def pages_ask_for_a_sign_in(**kwargs: Any) -> list[CheckMessage]:
    name = f"{PrivatePagesMiddleware.__module__}.{PrivatePagesMiddleware.__qualname__}"
    if name not in settings.MIDDLEWARE:
        hint = f"Add {name} to MIDDLEWARE."
        return [_error(8, "Pages do not ask for a sign-in.", hint)]
    hint = "List its name in portal.checks.PUBLIC if it is to be public, else let it ask."
    return [
        _error(8, f"“{route.pattern}” needs no sign-in.", hint, route.view)
        for route in routes()
        if _is_open_page(route)
    ]


def _is_open_page(route: Route) -> bool:
    if route.pattern.startswith("api/"):  # the middleware leaves these to REST framework
        return _permission_classes(route) is None
    return not getattr(route.view, "login_required", True) and route.name not in PUBLIC


# -- other machines ---------------------------------------------------------------------------


@register
def outbound_hosts_are_named(**kwargs: Any) -> list[CheckMessage]:
    found = []
    for entry in settings.OUTBOUND_HOSTS:
        try:
            allowed_host(entry)
        except BadAddress as error:
            found.append(_error(13, f"OUTBOUND_HOSTS: “{entry}” names no host.", str(error)))
    return found


# -- production -------------------------------------------------------------------------------


@register
def production_is_closed(**kwargs: Any) -> list[CheckMessage]:
    if not settings.PRODUCTION:
        return []
    faults = (
        (9, settings.DEBUG, "DEBUG is on.", "Set DEBUG=false: its pages show the inside."),
        (
            10,
            len(settings.SECRET_KEY) < SHORTEST_KEY or len(set(settings.SECRET_KEY)) < 5,
            "SECRET_KEY is too short.",
            f"Set SECRET_KEY to at least {SHORTEST_KEY} random characters.",
        ),
        (
            11,
            not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS,
            "ALLOWED_HOSTS does not name this site.",
            "Set ALLOWED_HOSTS to the names under which the site is reached.",
        ),
        (
            12,
            not (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE),
            "Cookies may travel in the clear.",
            "Leave SESSION_COOKIE_SECURE and CSRF_COOKIE_SECURE on.",
        ),
    )
    return [_error(number, says, hint) for number, wrong, says, hint in faults if wrong]
