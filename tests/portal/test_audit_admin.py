"""The admin reads within one's projects, writes through `record`, and never rewrites the past."""

import pytest
from django.contrib.admin import AdminSite
from django.core.exceptions import ValidationError
from django.urls import include, path

import portal.urls
from catalog.admin_base import GovernedAdmin
from catalog.models import FailureMode, Membership
from portal.audit.admin import AuditEventAdmin
from portal.audit.models import AuditEvent
from portal.audit.verify import verify
from tests.portal.audit_world import build_world

site = AdminSite(name="workbench")


class ModeAdmin(GovernedAdmin):
    edit_permission = "catalog.change_failuremode"
    fields = ("project", "key", "name", "parent")


class ReadOnlyAdmin(GovernedAdmin):
    pass


site.register(FailureMode, ModeAdmin)
site.register(Membership, ReadOnlyAdmin)
site.register(AuditEvent, AuditEventAdmin)
urlpatterns = [path("workbench/", site.urls), path("", include(portal.urls))]

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
MODES = "/workbench/catalog/failuremode/"


@pytest.fixture
def world():
    world = build_world()
    Membership(user=world.ana, project=world.project, role="curator").record(by=world.ana)
    for user in (world.ana, world.ben):
        user.is_staff = user.is_superuser = True
        user.save()
    return world


def as_user(client, user):
    client.force_login(user, backend="portal.accounts.backends.ProjectRoleBackend")
    return client


def form_of(mode, **changes):
    values = {"project": mode.project_id, "key": mode.key, "name": mode.name, "parent": ""}
    return values | changes


def test_admin__curator__saves_through_record_with_actor_and_reason(client, world):
    address = f"{MODES}{world.mode.pk}/change/"
    response = as_user(client, world.ana).post(address, form_of(world.mode, name="Dense fog"))
    assert response.status_code == 302
    last = world.mode.history.first()
    assert (last.name, last.history_user, last.history_change_reason) == (
        "Dense fog",
        world.ana,
        "edited in the admin",
    )
    assert verify().is_whole


def test_admin__refused_by_the_row__says_why_on_the_form(client, world):
    child = FailureMode.objects.get(key="ice")
    address = f"{MODES}{child.pk}/change/"
    response = as_user(client, world.ana).post(address, form_of(child, parent=child.pk))
    assert response.status_code == 200
    assert "cannot be its own ancestor" in response.content.decode()
    assert FailureMode.objects.get(pk=child.pk).parent_id == world.mode.pk


def test_admin__refused_while_saving__says_why_and_keeps_the_row(client, world, monkeypatch):
    def refuse(self, **kwargs):
        raise ValidationError({"name": ["Not this name."], "created_by": ["Nor this author."]})

    monkeypatch.setattr(FailureMode, "record", refuse)
    address = f"{MODES}{world.mode.pk}/change/"
    response = as_user(client, world.ana).post(address, form_of(world.mode, name="Mist"))
    page = response.content.decode()
    assert response.status_code == 200
    assert "Not this name." in page
    assert "Nor this author." in page
    assert FailureMode.objects.get(pk=world.mode.pk).name == "Fog"


def test_admin__member_without_the_right__reads_but_cannot_write(client, world):
    address = f"{MODES}{world.mode.pk}/change/"
    as_user(client, world.ben)
    assert client.get(address).status_code == 200
    assert client.post(address, form_of(world.mode, name="Mist")).status_code == 403
    assert client.get(f"{MODES}add/").status_code == 403


def test_admin__foreign_row__is_answered_like_a_missing_one(client, world):
    foreign = FailureMode.objects.get(project=world.elsewhere)
    as_user(client, world.ana)
    assert foreign.name not in client.get(MODES).content.decode()
    for key in (foreign.pk, 999_999):
        assert client.get(f"{MODES}{key}/change/").status_code == 302
        assert client.get(f"{MODES}{key}/history/").status_code == 404
    version = foreign.history.get().pk
    assert client.get(f"{MODES}{foreign.pk}/history/{version}/").status_code == 404


def test_admin__move_to_a_foreign_project__is_refused(client, world):
    address = f"{MODES}{world.mode.pk}/change/"
    moved = form_of(world.mode, project=world.elsewhere.pk)
    response = as_user(client, world.ana).post(address, moved)
    assert "Select a valid choice" in response.content.decode()
    assert FailureMode.objects.get(pk=world.mode.pk).project_id == world.project.pk


def test_admin__move_to_a_project_where_one_only_reads__is_refused(client, world):
    Membership(user=world.ana, project=world.elsewhere, role="viewer").record(by=world.ana)
    address = f"{MODES}{world.mode.pk}/change/"
    moved = form_of(world.mode, project=world.elsewhere.pk)
    response = as_user(client, world.ana).post(address, moved)
    assert "Your roles in that project do not allow this." in response.content.decode()
    assert FailureMode.objects.get(pk=world.mode.pk).project_id == world.project.pk


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_history_pages__anything_but_a_read__is_405(client, world, method):
    version = world.mode.history.first().pk
    before = world.mode.history.count()
    as_user(client, world.ana)
    for page in ("history/", f"history/{version}/"):
        response = getattr(client, method)(f"{MODES}{world.mode.pk}/{page}", {"name": "Mist"})
        assert response.status_code == 405
        assert response["Allow"] == "GET, HEAD"
    assert world.mode.history.count() == before
    assert FailureMode.objects.get(pk=world.mode.pk).name == "Fog"


def test_history_pages__member__reads_them_without_a_way_back(client, world):
    version = world.mode.history.first().pk
    as_user(client, world.ana)
    assert client.get(f"{MODES}{world.mode.pk}/history/").status_code == 200
    page = client.get(f"{MODES}{world.mode.pk}/history/{version}/")
    assert page.status_code == 200
    assert "Revert" not in page.content.decode()


def test_admin__delete__is_refused(client, world):
    as_user(client, world.ana)
    assert client.post(f"{MODES}{world.mode.pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [world.mode.pk], "post": "yes"}
    client.post(MODES, chosen)
    assert FailureMode.objects.filter(pk=world.mode.pk).exists()


def test_admin__without_an_edit_permission__only_shows(client, world):
    role = Membership.objects.filter(project=world.project).first()
    address = f"/workbench/catalog/membership/{role.pk}/change/"
    as_user(client, world.ana)
    assert client.get(address).status_code == 200
    assert client.post(address, {"role": "administrator"}).status_code == 403


def test_admin__ledger__is_read_within_ones_projects_and_never_written(client, world):
    events = "/workbench/audit/auditevent/"
    mine = AuditEvent.objects.filter(project_id=world.project.pk).first()
    foreign = AuditEvent.objects.filter(project_id=world.elsewhere.pk).first()
    as_user(client, world.ana)
    assert client.get(events).status_code == 200
    assert client.get(f"{events}{mine.pk}/change/").status_code == 200
    assert client.get(f"{events}{foreign.pk}/change/").status_code == 302
    assert client.get(f"{events}add/").status_code == 403
    assert client.post(f"{events}{mine.pk}/change/", {"action": "x"}).status_code == 403
    assert client.post(f"{events}{mine.pk}/delete/", {"post": "yes"}).status_code == 403
