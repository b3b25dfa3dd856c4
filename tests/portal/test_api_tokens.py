"""Administrators issue tokens, see a secret once and revoke; health tells a word for each part."""

import pytest
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from kombu import Connection

from portal import health
from portal.accounts.actions import issue_token, revoke_token
from portal.accounts.models import ApiToken, User
from portal.accounts.tokens import service_accounts
from tests import builders
from tests.portal.api_world import API

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return builders.a_project()


@pytest.fixture
def admin(project, client):
    client.force_login(builders.a_person(project, "administrator"))
    return client


def issue(client, project, **fields):
    given = {"new_account": "ci", "name": "Nightly build", "scopes": ["runs"], "days": "30"}
    address = reverse("token-issue", args=[project.slug])
    return client.post(address, {**given, **fields})


def test_issue__for_a_new_account__shows_a_secret_that_works(project, admin):
    answer = issue(admin, project, scopes=["read", "runs"])
    assert answer.status_code == 200
    secret = answer.context["secret"]
    assert secret in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    token = ApiToken.objects.get()
    assert (token.user.username, token.user.kind) == (f"{project.slug}.ci", "service")
    assert token.scopes == ["read", "runs"]
    machine = Client(headers={"Authorization": f"Bearer {secret}"})
    assert machine.get(f"{API}/models/").status_code == 200


def test_issue__once__keeps_the_secret_nowhere(project, admin):
    secret = issue(admin, project).context["secret"]
    shown = admin.get(reverse("token-list", args=[project.slug])).content.decode()
    assert secret not in shown
    assert ApiToken.objects.get().hint in shown
    assert secret not in str(list(ApiToken.objects.values())) + str(
        list(ApiToken.history.values())
    )


def test_issue__for_a_known_account__makes_no_second_one(project, admin):
    issue(admin, project)
    account = service_accounts(project).get()
    assert issue(admin, project, account=account.pk, new_account="").status_code == 200
    assert (User.objects.filter(kind="service").count(), ApiToken.objects.count()) == (1, 2)


@pytest.mark.parametrize(
    "fields",
    [
        {"new_account": ""},
        {"new_account": "two words"},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"days": "0"},
        {"days": "9999"},
        {"name": ""},
    ],
)
def test_issue__incomplete__issues_nothing(project, admin, fields):
    answer = issue(admin, project, **fields)
    assert answer.status_code == 200
    assert "secret" not in (answer.context or {})
    assert not ApiToken.objects.exists()
    assert not User.objects.filter(kind="service").exists()


def test_issue__for_an_account_of_another_project__is_refused(project, admin):
    foreign = builders.a_service(builders.a_project())
    person = builders.a_person(project, "viewer")
    for account in (foreign, person):
        issue(admin, project, account=account.pk, new_account="")
    assert not ApiToken.objects.exists()


def test_issue__name_taken_in_another_project__is_free_here(project, admin, client):
    other = builders.a_project()
    User(username=f"{other.slug}.ci", kind="service").save()
    assert "secret" in issue(admin, project).context


def test_revoke__ends_the_token_at_once(project, admin):
    secret = issue(admin, project, scopes=["read"]).context["secret"]
    token = ApiToken.objects.get()
    admin.post(reverse("token-revoke", args=[project.slug, token.pk]))
    machine = Client(headers={"Authorization": f"Bearer {secret}"})
    assert machine.get(f"{API}/models/").status_code == 401
    assert "Revoked" in admin.get(reverse("token-list", args=[project.slug])).content.decode()


def test_healthz__needs_no_sign_in(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok")


def test_readyz__with_everything_there__names_its_parts(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    parts = answer.json()["parts"]
    assert (parts["database"], parts["migrations"]) == ("ok", "ok")


@pytest.mark.parametrize(
    ("part", "word"),
    [("database", "unreachable"), ("migrations", "unapplied"), ("broker", "unreachable")],
)
def test_readyz__with_a_part_missing__is_503(client, monkeypatch, part, word):
    monkeypatch.setitem(health.PARTS, part, lambda: word)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"][part] == word


def test_readyz__database_away__says_so_without_an_error(monkeypatch):
    def refuse():
        raise DatabaseError("password=hunter2")

    monkeypatch.setattr(health.connection, "cursor", refuse)
    assert health.database() == "unreachable"


def test_readyz__broker_away__says_so(settings, monkeypatch):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    closed = Connection(settings.CELERY_BROKER_URL)
    monkeypatch.setattr(health.current_app, "connection_for_write", lambda **kwargs: closed)
    assert health.broker() == "unreachable"


def test_revoke__a_second_time__keeps_the_first_time(project):
    administrator = builders.a_person(project, "administrator")
    account = builders.a_service(project)
    token, _secret = issue_token(
        account, project=project, name="build", scopes=["read"], by=administrator
    )
    first = revoke_token(token, by=administrator).revoked_at
    assert revoke_token(token, by=administrator).revoked_at == first
