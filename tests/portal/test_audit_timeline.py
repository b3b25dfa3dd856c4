"""The timelines tell members what happened, tell strangers nothing, and export safely."""

import copy
import csv
import io

import pytest

from catalog.models import FailureMode, Membership
from catalog.signals import happened
from portal.audit.export import COLUMNS, safe
from portal.audit.models import AuditEvent
from portal.audit.timeline import entries, object_events, project_events
from portal.audit.verify import verify
from portal.audit.wording import phrase
from tests.portal.audit_world import build_world

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def module_world(module_db):
    with module_db.unblock():
        return build_world()


@pytest.fixture
def world(module_world, db):
    return copy.deepcopy(module_world)


@pytest.fixture
def signed_in(client, world):
    client.force_login(world.ana, backend="portal.accounts.backends.ProjectRoleBackend")
    return client


def titles(response):
    return [entry["title"] for entry in response.context["entries"]]


def seqs(response):
    return [event.seq for event in response.context["page_obj"]]


def test_timeline__member__shows_who_did_what_newest_first(signed_in, world):
    response = signed_in.get("/p/flights/audit/")
    assert response.status_code == 200
    assert titles(response)[0] == "Decision recorded: Roll out v2"
    assert "Sign-off answered: Roll out v2" in titles(response)
    assert seqs(response) == sorted(seqs(response), reverse=True)
    page = response.content.decode()
    assert "2. Started." in page
    assert "Foreign canary" not in page


def test_timeline__change__says_what_it_was_and_what_it_became(signed_in, world):
    page = signed_in.get("/p/flights/audit/", {"q": "failurecase.changed"}).content.decode()
    assert "Severity: Medium → High. Status: Candidate → Triaged. Reason: seen often." in page


def test_timeline__change_of_a_relation__shows_names_not_keys(world):
    world.model.owner = world.ben
    world.model.record(by=world.ana)
    (line,) = entries(object_events(world.model).filter(action__endswith="changed"), world.project)
    assert line["sentence"] == "Owner: Ana → Ben."
    assert line["url"] == f"/p/flights/audit/registeredmodel/{world.model.pk}/"
    assert line["who"] == "Ana"


def test_timeline__ended_role__is_still_named(world):
    role = Membership.objects.get(user=world.ben, project=world.project)
    role.delete()
    (line,) = entries(AuditEvent.objects.all()[:1], world.project)
    assert line["title"] == "Role ended: Ben: Reviewer, risk and compliance"


def test_timeline__reveal__shows_its_reason_and_nothing_else_of_it(world):
    happened.send(
        sender=None,
        action="catalog.payload.revealed",
        obj=world.case,
        actor=world.ben,
        project_id=world.project.pk,
        payload={"reason": "case review", "commitment": "secret-ish"},
    )
    (line,) = entries(AuditEvent.objects.all()[:1], world.project)
    assert line["title"] == "Raw inputs revealed: Fog at JFK"
    assert (line["sentence"], line["who"]) == ("Reason: case review.", "Ben")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"group": "decisions"}, {"decisionrecord", "approval", "gatecheck"}),
        ({"object_type": "catalog.failuremode"}, {"failuremode"}),
        ({"q": "failuremode"}, {"failuremode"}),
        ({"group": "changed"}, {"failurecase"}),
        ({"since": "2099-01-01"}, set()),
        ({"until": "2001-01-01"}, set()),
        ({"actor": "system", "group": "decisions"}, {"gatecheck"}),
        ({"group": "reads"}, set()),
    ],
    ids=str,
)
def test_timeline__filtered__shows_only_what_fits(signed_in, world, filters, expected):
    response = signed_in.get("/p/flights/audit/", filters)
    found = {event.action.split(".")[1] for event in response.context["page_obj"]}
    assert found == expected
    assert ("Nothing matches" in response.content.decode()) is (not expected)


def test_timeline__filtered_by_person__shows_her_acts(signed_in, world):
    response = signed_in.get("/p/flights/audit/", {"actor": world.ben.pk})
    assert {event.actor_id for event in response.context["page_obj"]} == {world.ben.pk}


def test_timeline__searched_by_id__finds_the_thing(signed_in, world):
    events = project_events(world.project, world.ana, {"q": f"failurecase {world.case.pk}"})
    assert {event.object_type for event in events} == {"catalog.failurecase"}
    assert not project_events(world.project, world.ana, {"q": "9" * 40}).exists()


def test_timeline__malformed_filter__says_so_and_ignores_it(signed_in, world):
    response = signed_in.get("/p/flights/audit/", {"since": "soon", "group": "nonsense"})
    assert response.status_code == 200
    assert "Enter a valid date" in response.content.decode()


def test_timeline__long__comes_in_pages_of_fifty(signed_in, world):
    for number in range(60):
        FailureMode(project=world.project, key=f"m{number}", name="x").record(by=world.ana)
    first = signed_in.get("/p/flights/audit/")
    assert len(seqs(first)) == 50
    assert "page=2" in first.content.decode()
    assert not set(seqs(first)) & set(seqs(signed_in.get("/p/flights/audit/", {"page": 2})))


def test_timeline__more_events__costs_no_more_queries(
    signed_in, world, django_assert_max_num_queries
):
    def more(count):
        for number in range(count):
            world.mode.name = f"name {number}"
            world.mode.record(by=world.ana)

    signed_in.get("/p/flights/audit/")
    more(2)
    with django_assert_max_num_queries(45) as few:
        signed_in.get("/p/flights/audit/", {"object_type": "catalog.failuremode"})
    more(30)
    with django_assert_max_num_queries(len(few)):
        signed_in.get("/p/flights/audit/", {"object_type": "catalog.failuremode"})


@pytest.mark.parametrize(
    "address",
    [
        "/p/fraud/audit/",
        "/p/missing/audit/",
        "/p/fraud/audit.csv",
        "/p/missing/audit.csv",
        "/p/fraud/audit/failuremode/{foreign}/",
        "/p/flights/audit/failuremode/{foreign}/",
        "/p/flights/audit/failuremode/999999/",
        "/p/flights/audit/nonsense/1/",
        "/p/flights/audit/user/1/",
    ],
)
def test_timeline__foreign_or_missing__is_not_found(signed_in, world, address):
    foreign = FailureMode.objects.get(project=world.elsewhere)
    assert AuditEvent.objects.filter(object_id=foreign.pk).exists()
    assert signed_in.get(address.format(foreign=foreign.pk)).status_code == 404


def test_object_timeline__one_case__shows_its_own_events_only(signed_in, world):
    response = signed_in.get(f"/p/flights/audit/failurecase/{world.case.pk}/")
    assert titles(response) == [
        "Failure observed",
        "Failure observed",
        "Failure case changed",
        "Failure case added",
    ]


def test_object_timeline__plan__holds_its_decisions_and_gate_looks(signed_in, world):
    response = signed_in.get(f"/p/flights/audit/rolloutplan/{world.plan.pk}/")
    badges = [entry.get("badge") for entry in response.context["entries"]]
    assert badges == [None, None, "approved", "pass", "pending", None]


def test_object_timeline__after_its_end__is_still_there(signed_in, world):
    role = Membership.objects.get(user=world.ben, project=world.project)
    key = role.pk
    role.delete()
    response = signed_in.get(f"/p/flights/audit/membership/{key}/")
    assert len(titles(response)) == 2


def read(response):
    text = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_csv__auditor__gets_every_event_and_leaves_one(signed_in, world):
    events = project_events(world.project, world.ana)
    expected = sorted(str(event.seq) for event in events)
    response = signed_in.get("/p/flights/audit.csv")
    assert AuditEvent.objects.first().action == "audit.timeline.exported"
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    rows = read(response)
    assert sorted(row["seq"] for row in rows) == expected
    assert tuple(rows[0]) == COLUMNS
    assert rows[-1]["what"] == "Decision recorded"
    assert verify().is_whole


def test_csv__filtered__holds_only_what_fits(signed_in, world):
    rows = read(signed_in.get("/p/flights/audit.csv", {"group": "decisions"}))
    assert len(rows) == 5
    event = AuditEvent.objects.select_related("opening").first()
    assert '"filters":{"group":"decisions"}' in event.opening.payload


def test_csv__member_without_the_right__is_refused_and_nothing_recorded(client, world):
    client.force_login(world.ben, backend="portal.accounts.backends.ProjectRoleBackend")
    before = AuditEvent.objects.count()
    assert client.get("/p/flights/audit.csv").status_code == 403
    assert AuditEvent.objects.count() == before
    assert "Export as CSV" not in client.get("/p/flights/audit/").content.decode()


def test_csv__formula_in_a_name__stays_text(signed_in, world):
    world.case.title = "=HYPERLINK(1)"
    world.case.record(by=world.ana)
    rows = read(signed_in.get("/p/flights/audit.csv", {"object_type": "catalog.failurecase"}))
    assert {row["object"] for row in rows} == {"'=HYPERLINK(1)"}


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd", "'+cmd"),
        ("-cmd", "'-cmd"),
        ("@SUM", "'@SUM"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("  =1", "'  =1"),
        ("＝1", "'＝1"),
        ("-5", "-5"),
        ("-5.25", "-5.25"),
        (-3, "-3"),
        ("plain", "plain"),
        (None, ""),
        ("", ""),
    ],
)
def test_safe__cell__is_never_a_formula_and_numbers_stay_numbers(value, cell):
    assert safe(value) == cell


def test_phrase__actions_of_models_that_are_gone__still_read():
    assert phrase("catalog.failuremode.changed") == "Failure mode changed"
    assert phrase("benchmarks.oldthing.created") == "Oldthing added"
    assert phrase("rollouts.exposure_exceeded") == "Exposure above the ceiling reported"
