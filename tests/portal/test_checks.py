"""Each unsafe setting or class is named by its check, and production settings have none."""

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.contrib import admin
from django.http import HttpResponse
from rest_framework.permissions import AllowAny
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView

from catalog.models import Project
from portal import checks
from portal.routes import Route


def ids(found):
    return {each.id for each in found}


@pytest.fixture
def production(settings):
    settings.PRODUCTION = True
    settings.DEBUG = False
    settings.SECRET_KEY = secrets.token_urlsafe(64)
    settings.ALLOWED_HOSTS = ["example.com"]
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    return settings


def test_checks__of_the_site_as_it_is__find_nothing():
    for check in (
        checks.api_is_closed_by_default,
        checks.serializers_name_their_fields,
        checks.messages_are_json,
        checks.sqlite_takes_its_lock_at_once,
        checks.history_is_kept,
        checks.admin_keeps_to_the_walls,
        checks.pages_ask_for_a_sign_in,
        checks.outbound_hosts_are_named,
        checks.production_is_closed,
    ):
        assert check() == [], check.__name__


def an_open_endpoint(**attributes):
    view = type("Open", (APIView,), {"permission_classes": [AllowAny], **attributes})
    return Route("api/v1/open/", "open", view.as_view())


@pytest.mark.parametrize("classes", [[AllowAny], []])
def test_api__endpoint_for_anybody__is_an_error(monkeypatch, classes):
    route = an_open_endpoint(permission_classes=classes)
    monkeypatch.setattr(checks, "routes", lambda: [route])
    assert ids(checks.api_is_closed_by_default()) == {"touchstone.E001"}


def test_api__open_default__is_an_error(monkeypatch):
    monkeypatch.setattr(
        checks, "api_settings", SimpleNamespace(DEFAULT_PERMISSION_CLASSES=[AllowAny])
    )
    assert "touchstone.E001" in ids(checks.api_is_closed_by_default())


@pytest.mark.parametrize("meta", [{"fields": "__all__"}, {"exclude": ["name"]}])
def test_serializer__that_does_not_name_its_fields__is_an_error(monkeypatch, meta):
    inner = type("Meta", (), {"model": Project, **meta})
    open_ended = type("OpenEnded", (ModelSerializer,), {"Meta": inner, "__module__": "catalog.x"})
    monkeypatch.setattr(checks, "_subclasses", lambda base: iter([open_ended]))
    assert ids(checks.serializers_name_their_fields()) == {"touchstone.E002"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("CELERY_ACCEPT_CONTENT", ["json", "pickle"]), ("CELERY_TASK_SERIALIZER", "pickle")],
)
def test_workers__that_read_pickle__are_an_error(settings, name, value):
    setattr(settings, name, value)
    assert ids(checks.messages_are_json()) == {"touchstone.E003"}


def test_sqlite__with_deferred_transactions__is_an_error(settings):
    deferred = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {"timeout": 30}}
    settings.DATABASES = {"default": deferred}
    assert ids(checks.sqlite_takes_its_lock_at_once()) == {"touchstone.E004"}


def test_history__switched_off__is_an_error(settings):
    settings.SIMPLE_HISTORY_ENABLED = False
    assert ids(checks.history_is_kept()) == {"touchstone.E005"}


def test_history__missing_from_a_governed_model__is_an_error(monkeypatch):
    meta = type("Meta", (), {"abstract": True})
    inside = {"__module__": "catalog.models", "Meta": meta}
    forgetful = type("Forgetful", (checks.Recorded,), inside)
    monkeypatch.setattr(checks, "apps", SimpleNamespace(get_models=lambda: [forgetful]))
    assert ids(checks.history_is_kept()) == {"touchstone.E006"}


def test_admin__of_a_governed_model_without_the_walls__is_an_error(monkeypatch):
    plain = admin.ModelAdmin(Project, admin.site)
    monkeypatch.setattr(checks.admin.site, "_registry", {Project: plain})
    assert ids(checks.admin_keeps_to_the_walls()) == {"touchstone.E007"}


def an_open_page(request):
    return HttpResponse()


an_open_page.login_required = False


@pytest.mark.parametrize(
    ("route", "is_wrong"),
    [
        (Route("open/", "open", an_open_page), True),
        (Route("healthz", "healthz", an_open_page), False),
        (Route("closed/", "closed", lambda request: HttpResponse()), False),
        # The middleware leaves addresses below api/ to REST framework: a plain view there is bare.
        (Route("api/v1/bare/", "bare", lambda request: HttpResponse()), True),
    ],
)
def test_page__without_a_sign_in__is_an_error_unless_listed(monkeypatch, route, is_wrong):
    monkeypatch.setattr(checks, "routes", lambda: [route])
    assert ids(checks.pages_ask_for_a_sign_in()) == ({"touchstone.E008"} if is_wrong else set())


def test_pages__without_the_middleware__are_an_error(settings):
    settings.MIDDLEWARE = []
    assert ids(checks.pages_ask_for_a_sign_in()) == {"touchstone.E008"}


@pytest.mark.parametrize("entry", ["*", "*.example.com", "https://example.com/path", "a b"])
def test_outbound_hosts__entry_that_names_no_one_host__is_an_error(settings, entry):
    settings.OUTBOUND_HOSTS = ["models.example.com", entry]
    assert ids(checks.outbound_hosts_are_named()) == {"touchstone.E013"}


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("DEBUG", True, 9),
        ("SECRET_KEY", "short", 10),
        ("SECRET_KEY", "a" * 60, 10),
        ("ALLOWED_HOSTS", [], 11),
        ("ALLOWED_HOSTS", ["*"], 11),
        ("SESSION_COOKIE_SECURE", False, 12),
        ("CSRF_COOKIE_SECURE", False, 12),
    ],
)
def test_production__left_open__is_an_error_and_a_laptop_is_not(production, name, value, number):
    assert checks.production_is_closed() == []
    setattr(production, name, value)
    assert ids(checks.production_is_closed()) == {f"touchstone.E{number:03}"}
    production.PRODUCTION = False
    assert checks.production_is_closed() == []


def test_every_error__says_what_to_do(production):
    production.DEBUG = True
    assert all(each.hint for each in checks.production_is_closed())


def test_deploy_check__with_production_settings__is_clean(tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "PRODUCTION": "true",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "example.com",
        "DATA_DIR": str(tmp_path),
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


NUMBERS = re.compile(
    r"_error\((\d+),|^        \((\d+), settings|^            (\d+),$", re.MULTILINE
)


def test_document__knows_every_check_and_no_other():
    source = Path(checks.__file__).read_text()
    numbers = {int("".join(groups)) for groups in NUMBERS.findall(source)}
    document = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    assert {int(number) for number in re.findall(r"touchstone\.E(\d+)", document)} == numbers
    assert numbers == set(range(1, 14))
