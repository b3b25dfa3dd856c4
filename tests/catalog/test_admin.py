"""The curators' admin: own projects only, nothing deleted, no raw input, no status by hand."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from catalog import stewardship
from catalog.models import (
    BiasReview,
    Dataset,
    FailureCase,
    FailureMode,
    FailureOccurrence,
    ModelVersion,
    RegisteredModel,
    SensitivePayload,
)
from tests import builders
from tests.catalog.conftest import report

pytestmark = pytest.mark.django_db

CATALOG = [model for model in admin.site._registry if model._meta.app_label == "catalog"]


@pytest.fixture
def staff(cast):
    for person in (cast.curator, cast.owner, cast.stranger):
        person.is_staff = True
        person.save()
    return cast


def page(model, name, *args):
    return reverse(f"admin:catalog_{model._meta.model_name}_{name}", args=args)


def test_admin__registered__are_the_curated_rows_and_never_payloads():
    names = {model.__name__ for model in CATALOG}
    assert names >= {"Project", "Membership", "RegisteredModel", "FailureMode", "FailureCase"}
    assert SensitivePayload not in CATALOG
    assert FailureOccurrence not in CATALOG


@pytest.mark.parametrize("governed", CATALOG, ids=lambda model: model.__name__)
def test_admin__any_list__opens_for_a_curator_and_offers_no_deletion(
    client, staff, case, frozen, assumption, governed
):
    client.force_login(staff.curator)
    response = client.get(page(governed, "changelist"))
    assert response.status_code == 200
    assert b"delete_selected" not in response.content
    row = governed.objects.visible_to(staff.curator).first()
    if row is not None:
        detail = client.get(page(governed, "change", row.pk))
        assert detail.status_code == 200
        assert b"canary" not in detail.content
        assert client.post(page(governed, "delete", row.pk), {"post": "yes"}).status_code == 403
        assert governed.objects.filter(pk=row.pk).exists()


def test_admin__row_of_another_project__is_not_shown(client, staff, case):
    client.force_login(staff.stranger)
    assert case.title.encode() not in client.get(page(FailureCase, "changelist")).content
    assert client.get(page(FailureCase, "change", case.pk)).status_code == 302


def test_mode__edited_by_a_curator__is_recorded_as_theirs(client, staff):
    mode = FailureMode.objects.get(project=staff.project, key="model.missed")
    client.force_login(staff.curator)
    fields = {"name": "Missed alert", "parent": mode.parent_id, "description": "None came."}
    client.post(page(FailureMode, "change", mode.pk), fields)
    mode.refresh_from_db()
    assert (mode.name, mode.key) == ("Missed alert", "model.missed")
    assert mode.history.first().history_user == staff.curator


def test_mode__posted_without_the_permission__is_refused(client, staff):
    mode = FailureMode.objects.get(project=staff.project, key="model.missed")
    client.force_login(staff.owner)
    response = client.post(page(FailureMode, "change", mode.pk), {"name": "Renamed"})
    assert response.status_code == 403


def test_version__edited__changes_its_notes_alone(client, staff, version):
    client.force_login(staff.owner)
    fields = {"notes": "Boosted trees.", "version": "v9", "artifact_digest": "0" * 64}
    client.post(page(ModelVersion, "change", version.pk), fields)
    changed = ModelVersion.objects.get(pk=version.pk)
    assert (changed.notes, changed.version) == ("Boosted trees.", "v2")
    assert changed.artifact_digest == version.artifact_digest


def test_model__edited__never_sets_production(client, staff, model, version):
    client.force_login(staff.owner)
    fields = {
        "title": "Renamed",
        "owner": staff.owner.pk,
        "intended_use": "Warn.",
        "limits": "",
        "risk_tier": "high",
        "production_version": version.pk,
    }
    client.post(page(RegisteredModel, "change", model.pk), fields)
    changed = RegisteredModel.objects.get(pk=model.pk)
    assert (changed.title, changed.production_version) == ("Renamed", None)


def test_dataset__edited__never_changes_what_is_stated_of_the_data(client, staff, dataset):
    client.force_login(staff.owner)
    fields = {"title": "Renamed", "description": "", "licence": "None", "privacy_class": "public"}
    client.post(page(Dataset, "change", dataset.pk), fields)
    changed = Dataset.objects.get(pk=dataset.pk)
    assert (changed.title, changed.licence, changed.privacy_class) == ("Renamed", "", "")


def test_bias_review__in_the_admin__is_shown_with_its_history_and_not_changed(
    client, staff, dataset
):
    today = timezone.localdate()
    row = stewardship.review(
        dataset,
        by=staff.risk,
        held_on=today,
        looked_at="Late share by airport.",
        finding="Newark is late more often.",
        next_due=today + timedelta(days=30),
    )
    client.force_login(staff.owner)
    assert b"Newark is late" in client.get(page(BiasReview, "changelist")).content
    assert b"reviewed" in client.get(page(BiasReview, "history", row.pk)).content
    changed = client.post(page(BiasReview, "change", row.pk), {"finding": "None."})
    assert changed.status_code == 403
    assert client.get(page(BiasReview, "add")).status_code == 403


def test_case__status_posted_by_hand__is_refused(client, staff, case):
    client.force_login(staff.curator)
    response = client.post(page(FailureCase, "change", case.pk), {"status": "fixed"})
    assert response.status_code == 403
    assert FailureCase.objects.get().status == "candidate"


def test_triage_selected__some_cannot_be__moves_the_others_and_says_which(
    client, staff, case, version
):
    settled = builders.a_failure_case(version.model, by=staff.owner)
    second = report(version, by=staff.owner, place="elsewhere")
    client.force_login(staff.curator)
    chosen = {
        "action": "triage_selected",
        "_selected_action": [case.pk, second.pk, settled.pk],
    }
    response = client.post(page(FailureCase, "changelist"), chosen, follow=True)
    told = [str(message) for message in response.context["messages"]]
    assert told[0] == "Triaged: 2."
    assert told[1].startswith(f"{settled}: A case that is verified cannot become triaged")
    assert FailureCase.objects.filter(status="triaged").count() == 2


def test_triage_selected__by_somebody_who_may_not__moves_nothing(client, staff, case):
    client.force_login(staff.owner)
    chosen = {"action": "triage_selected", "_selected_action": [case.pk]}
    client.post(page(FailureCase, "changelist"), chosen)
    assert FailureCase.objects.get().status == "candidate"
