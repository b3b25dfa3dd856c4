"""Versions, data and failures over the API, and who may ask for them."""

import base64
import copy
import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from catalog.models import FailureCase, FailureOccurrence, ModelVersion
from portal.accounts.models import ApiToken
from tests import builders
from tests.portal.api_world import API, build_api_world, post

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def module_world(module_db):
    with module_db.unblock():
        return build_api_world()


@pytest.fixture
def world(module_world, db):
    return copy.deepcopy(module_world)


@pytest.fixture
def versions(world):
    return f"models/{world.model.pk}/versions"


def test_version__with_its_artefact__is_known_by_the_digest_of_its_bytes(world, versions):
    body = {
        "version": "v9",
        "format": "onnx",
        "artifact": base64.b64encode(b"model").decode(),
        "input_columns": ["distance"],
        "training_data": {"dataset": world.data.dataset.name, "version": world.data.version},
    }
    answer = post(world.client("catalog"), versions, body)
    assert answer.status_code == 201
    assert answer.json()["artifact_digest"] == builders.sha("model")
    assert answer.json()["training_data"] == world.data.pk
    assert "artifact_place" not in answer.json()
    assert ModelVersion.objects.get(version="v9").artifact_place


def test_version__by_digest__is_repeated_without_effect_and_never_replaced(world, versions):
    machine = world.client("catalog")
    first = post(machine, versions, world.version_body())
    again = post(machine, versions, world.version_body())
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    other = post(machine, versions, world.version_body(artifact_digest=builders.sha("x")))
    assert other.status_code == 409
    assert other.json()["errors"][0]["code"] == "version_taken"


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "onnx"},
        {"artifact": "QQ=="},
        {"format": "pickle"},
        {"artifact_digest": "abc"},
        {"training_data": {"dataset": "nothing", "version": "v1"}},
    ],
)
def test_version__incomplete_or_contradictory__is_refused(world, versions, changes):
    answer = post(world.client("catalog"), versions, world.version_body(**changes))
    assert answer.status_code == 400
    assert not ModelVersion.objects.filter(version="v9").exists()


ENDPOINT = {"protocol": "oip", "address": "https://models.example.com/team", "model": "late"}


def endpoint_body(**changes):
    body = {"version": "v9", "format": "endpoint", "input_columns": ["distance"]}
    return {**body, "endpoint": {**ENDPOINT, **changes}}


def test_version__by_its_endpoint__is_repeated_without_effect_and_never_moved(
    world, versions, settings
):
    settings.OUTBOUND_HOSTS = ["models.example.com"]
    machine = world.client("catalog")
    first = post(machine, versions, endpoint_body(version="4", batch_size=50))
    again = post(machine, versions, endpoint_body(version="4", batch_size=50))
    moved = post(machine, versions, endpoint_body(version="5"))
    assert (first.status_code, again.status_code, moved.status_code) == (201, 200, 409)
    said = {**ENDPOINT, "version": "4", "output": "", "batch_size": 50, "deadline": 10.0}
    assert first.json()["endpoint"] == again.json()["endpoint"] == said
    listed = machine.get(f"{API}/models/{world.model.pk}/").json()["versions"]
    assert {row["version"]: row["endpoint"] for row in listed} == {"v9": said, "v1": None}


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "https://elsewhere.example.com"},
        {"address": "http://models.example.com"},
        {"address": "https://models.example.com@169.254.169.254"},
        {"address": "https://models.example.com/../admin"},
        {"address": ["https://models.example.com"]},
        {"address": "https://models.example.com/\x00"},
        {"protocol": "soap"},
        {"protocol": "mlflow"},
        {"model": "a/../b"},
        {"model": ""},
        {"batch_size": 0},
        {"batch_size": "5"},
        {"deadline": 10**400},
        {"deadline": 0.01},
        {"port": 443},
    ],
)
def test_version__by_an_endpoint_that_is_not_asked__is_refused(world, versions, settings, changes):
    settings.OUTBOUND_HOSTS = ["models.example.com"]
    answer = post(world.client("catalog"), versions, endpoint_body(**changes))
    assert answer.status_code == 400
    assert not ModelVersion.objects.filter(version="v9").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "stored"},
        {"artifact": "QQ=="},
        {"endpoint": None},
        {"endpoint": "https://models.example.com"},
        {"input_columns": []},
    ],
)
def test_version__by_an_endpoint_and_something_else__is_refused(
    world, versions, settings, changes
):
    settings.OUTBOUND_HOSTS = ["models.example.com"]
    answer = post(world.client("catalog"), versions, {**endpoint_body(), **changes})
    assert answer.status_code == 400
    assert not ModelVersion.objects.filter(version="v9").exists()


def test_version__as_a_form__is_refused(world, versions):
    answer = world.client("catalog").post(f"{API}/{versions}/", {"version": "v9"})
    assert answer.status_code == 415


def test_failure__reported_again__is_one_case_with_one_occurrence(world):
    machine = world.client("failures")
    first = post(machine, "failures", world.failure_body())
    again = post(machine, "failures", world.failure_body())
    assert (first.status_code, again.status_code) == (201, 200)
    assert FailureCase.objects.get().pk == first.json()["id"]
    assert FailureOccurrence.objects.count() == 1
    assert again.json()["seen"] == 1
    assert first["Location"].endswith(f"/failures/{first.json()['id']}/")


def test_failure__raw_inputs__are_kept_and_not_shown(world):
    seen = {"reference": "e1", "observed_at": "2026-01-05T12:00:00Z", "inputs": {"name": "Ann"}}
    answer = post(world.client("failures"), "failures", world.failure_body(observations=[seen]))
    assert FailureOccurrence.objects.get().payload.content == {"name": "Ann"}
    assert "Ann" not in json.dumps(answer.json())


def test_failure__unknown_mode_or_future_time__is_refused(world):
    machine = world.client("failures")
    later = (timezone.now() + timedelta(days=2)).isoformat()
    for changes in (
        {"mode": "data.nothing"},
        {"observations": [{"reference": "e1", "observed_at": later}]},
        {"observations": []},
    ):
        answer = post(machine, "failures", world.failure_body(**changes))
        assert answer.status_code == 400
    assert not FailureCase.objects.exists()


@pytest.mark.parametrize(("role", "status"), [("curator", 201), ("contributor", 403)])
def test_failure__reported_by_a_person__needs_a_curator(world, client, role, status):
    client.force_login(builders.a_person(world.project, role))
    assert post(client, "failures", world.failure_body()).status_code == status


def test_data__sensitive_column__shows_counts_and_no_values(world):
    profile = {"missing": 0, "distinct": 2, "top": [["Ann", 3]]}
    columns = [
        {"name": "name", "kind": "string", "sensitivity": "restricted", "profile": profile},
        {"name": "carrier", "kind": "string", "sensitivity": "internal", "profile": profile},
    ]
    type(world.data)._base_manager.filter(pk=world.data.pk).update(columns=columns)
    answer = world.client("read").get(f"{API}/dataset-versions/{world.data.pk}/").json()
    assert answer["columns"][0]["profile"] == {"missing": 0, "distinct": 2}
    assert answer["columns"][1]["profile"] == profile


@pytest.mark.parametrize("path", ["models", "datasets", "suites", "failures", "rollouts"])
def test_list__of_two_projects__shows_a_token_its_own_alone(world, path):
    other = build_api_world()
    for one in (world, other):
        builders.a_failure_case(one.model, by=one.author)
        candidate = builders.a_version(one.model, by=one.author)
        stages = [builders.a_stage()]
        builders.a_plan(candidate, one.version, by=one.author, stages=stages)
    rows = world.client("read").get(f"{API}/{path}/").json()["results"]
    assert len(rows) == 1
    assert {row["project"] for row in rows} == {world.project.slug}


def test_token__of_an_account_in_two_projects__opens_its_own_alone(world):
    other = build_api_world()
    account = builders.a_service(world.project)
    builders.Membership(user=account, project=other.project, role="viewer").record(by=None)
    machine = world.client("read", account=account)
    assert machine.get(f"{API}/models/{world.model.pk}/").status_code == 200
    assert machine.get(f"{API}/models/{other.model.pk}/").status_code == 404


def test_token__unusable__is_refused_in_the_same_words(world):
    now = timezone.now()
    account = builders.a_service(world.project)
    closed = builders.a_service(world.project)
    closed.is_active = False
    secrets = [
        "ts_unknown",
        world.secret("read", account=account, expires_at=now),
        world.secret("read", account=account, revoked_at=now),
        world.secret("read", account=closed),
        world.secret("read", account=builders.a_person(world.project, "contributor")),
    ]
    closed.save()
    answers = [
        Client(headers={"Authorization": f"Bearer {secret}"}).get(f"{API}/models/")
        for secret in secrets
    ]
    assert [answer.status_code for answer in answers] == [401] * 5
    assert len({answer.content for answer in answers}) == 1


def test_token__used__is_noted(world):
    world.client("read").get(f"{API}/models/")
    assert ApiToken.objects.get().last_used_at is not None


def test_write__by_session_without_the_csrf_token__is_forbidden(world):
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.author)
    answer = post(client, f"models/{world.model.pk}/versions", world.version_body())
    assert answer.status_code == 403
    assert not ModelVersion.objects.filter(version="v9").exists()
