"""The page on which a version is registered by its address."""

import pytest
from django.urls import reverse

from catalog.choices import Role, Task
from catalog.models import ModelEndpoint, ModelVersion
from tests import builders

pytestmark = pytest.mark.django_db

TYPED = {
    "version": "v9",
    "protocol": "oip",
    "address": "https://models.example.com/team",
    "served_model": "delays",
    "served_version": "4",
    "output": "",
    "batch_size": "50",
    "deadline": "2.5",
    "input_columns": "distance, carrier,\n dep_delay",
    "decision_threshold": "0.4",
    "code_revision": "",
    "notes": "Served by the team's own server.",
}


@pytest.fixture(autouse=True)
def _one_host(settings):
    settings.OUTBOUND_HOSTS = ["models.example.com"]


@pytest.fixture
def sent(client):
    """Sends the form as a contributor, with some fields typed otherwise."""
    project = builders.a_project()
    author = builders.a_person(project, Role.CONTRIBUTOR)
    client.force_login(author)

    def send(model=None, **changes):
        model = model or builders.a_model(project, owner=author)
        address = reverse("endpoint-create", args=[project.slug, model.pk])
        return client.post(address, {**TYPED, **changes})

    send.project, send.author = project, author
    return send


def test_form__as_typed__registers_the_version_with_its_endpoint(sent):
    assert sent().status_code == 302
    version = ModelVersion.objects.get(version="v9")
    assert version.input_columns == ["distance", "carrier", "dep_delay"]
    assert (version.decision_threshold, version.created_by) == (0.4, sent.author)
    endpoint = version.endpoint
    assert (endpoint.address, endpoint.batch_size) == (TYPED["address"], 50)
    assert (endpoint.served_version, endpoint.deadline) == ("4", 2.5)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"address": "https://elsewhere.example.com"}, "OUTBOUND_HOSTS"),
        ({"address": "http://127.0.0.1"}, "OUTBOUND_HOSTS"),
        ({"address": "https://user@models.example.com"}, "Write the address as https://host"),
        ({"address": ""}, "This field is required"),
        ({"served_model": ""}, "by which name"),
        ({"protocol": "mlflow"}, "leave its name out"),
        ({"protocol": "soap"}, "not one of the available choices"),
        ({"input_columns": " , \n"}, "Name between 1 and 2000 columns"),
        ({"input_columns": "a, a"}, "each once"),
        ({"input_columns": "a\x00b"}, "ull characters are not allowed"),
        ({"batch_size": "0"}, "greater than or equal to 1"),
        ({"deadline": "nan"}, "Enter a number"),
        ({"decision_threshold": "high"}, "Enter a number"),
        ({"version": "v 9"}, "Begin with a letter or digit"),
        ({"version": "v" * 65}, "at most 64 characters"),
    ],
)
def test_form__what_cannot_be_asked__is_refused_beside_its_field_and_leaves_nothing(
    sent, changes, sentence
):
    answer = sent(**changes)
    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert not ModelVersion.objects.exists()
    assert not ModelEndpoint.objects.exists()


def test_form__name_that_is_taken__is_refused_in_words(sent):
    model = builders.a_model(sent.project, owner=sent.author)
    builders.a_version(model, "v9", by=sent.author)
    answer = sent(model)
    assert answer.status_code == 200
    assert "already exists" in answer.content.decode()
    assert not ModelEndpoint.objects.exists()


def test_form__of_a_regression__asks_for_no_threshold(sent):
    model = builders.a_model(sent.project, owner=sent.author, task=Task.REGRESSION)
    assert sent(model).status_code == 302
    assert ModelVersion.objects.get(version="v9").decision_threshold == 0.5


def test_model_page__offers_the_form_to_whom_may_register_alone(client, sent):
    model = builders.a_model(sent.project, owner=sent.author)
    form = reverse("endpoint-create", args=[sent.project.slug, model.pk])
    page = reverse("model-detail", args=[sent.project.slug, model.pk])
    assert form in client.get(page).content.decode()
    client.force_login(builders.a_person(sent.project, Role.VIEWER))
    assert form not in client.get(page).content.decode()
