"""The failure catalog's pages: what is shown to whom, and each step as people take it."""

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from catalog import failures
from catalog.models import FailureCase, FailureMode
from catalog.signals import happened
from tests.catalog.conftest import report

pytestmark = pytest.mark.django_db


def url(name, cast, **kwargs):
    return reverse(name, kwargs={"project": cast.project.slug, **kwargs})


def text_of(response):
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def annotated(case, mode, *, by):
    failures.move(case, to="triaged", by=by)
    return failures.annotate(
        case,
        by=by,
        mode=mode,
        severity="high",
        severity_reason="Connections are missed.",
        explanation="Fog was not in training.",
    )


def shown(response):
    return [case.title for case in response.context["page_obj"]]


# -- the list ---------------------------------------------------------------------------------


def test_failure_list__not_asked_otherwise__shows_the_open_ones(client, cast, version):
    kept = report(version, by=cast.owner, place="Newark")
    gone = report(version, by=cast.owner, place="Kennedy")
    failures.move(gone, to="rejected", by=cast.curator, reason="A test.")
    client.force_login(cast.viewer)
    address = url("failure-list", cast)
    assert shown(client.get(address)) == [kept.title]
    assert shown(client.get(address, {"status": "rejected"})) == [gone.title]
    assert len(shown(client.get(address, {"status": "all"}))) == 2
    tabs = {tab["key"]: tab["count"] for tab in client.get(address).context["tabs"]}
    assert tabs == {"open": 1, "all": 2, "candidate": 1, "rejected": 1}


def test_failure_list__filters__narrow_and_keep_the_counts(client, cast, version, model):
    case = report(version, by=cast.owner, mode_key="model.missed", severity="critical")
    report(version, by=cast.owner, reference="run-2")
    report(version, by=cast.owner, place="elsewhere")
    parent = FailureMode.objects.get(project=cast.project, key="model")
    client.force_login(cast.viewer)
    address = url("failure-list", cast)
    for asked in (
        {"severity": "critical"},
        {"mode": parent.pk},
        {"q": "newark"},
        {"version": version.pk, "model": model.pk, "source": "challenge", "severity": "critical"},
    ):
        assert shown(client.get(address, asked)) == [case.title], asked
    counted = client.get(address, {"version": version.pk, "sort": "-occurrences"})
    assert [row.seen for row in counted.context["page_obj"]] == [2, 1]
    assert shown(client.get(address, {"source": "production"})) == []


def test_failure_list__severity_sorted__follows_the_scale(client, cast, version):
    for severity in ("medium", "critical", "low", "high"):
        report(version, by=cast.owner, place=severity, severity=severity)
    client.force_login(cast.viewer)
    response = client.get(url("failure-list", cast), {"sort": "-severity"})
    severities = [case.severity for case in response.context["page_obj"]]
    assert severities == ["critical", "high", "medium", "low"]


def test_failure_list__model_of_another_project__is_no_choice(client, cast, case):
    client.force_login(cast.stranger)
    address = reverse("failure-list", kwargs={"project": cast.other.slug})
    response = client.get(address, {"model": case.model_id})
    assert "model" in response.context["filter"].form.errors


# -- one case ---------------------------------------------------------------------------------


def test_case_page__says__why_one_case_but_no_raw_inputs(client, cast, case):
    client.force_login(cast.curator)
    page = text_of(client.get(url("failure-detail", cast, pk=case.pk)))
    assert "All are missed cases in “flights from Newark”." in page
    assert "Neither annotated nor verified yet." in page
    assert "canary-flight" not in page


@pytest.mark.parametrize(
    ("person", "steps"),
    [("viewer", []), ("curator", ["Triage", "Reject", "Mark as duplicate"]), ("risk", [])],
)
def test_case_page__steps__are_those_that_the_person_may_take(client, cast, case, person, steps):
    client.force_login(getattr(cast, person))
    response = client.get(url("failure-detail", cast, pk=case.pk))
    assert [form.step.label for form in response.context["moves"]] == steps


def test_case_page__own_annotation__offers_no_verification(client, cast, case, mode):
    annotated(case, mode, by=cast.curator)
    address = url("failure-detail", cast, pk=case.pk)
    client.force_login(cast.curator)
    own = client.get(address)
    assert "somebody else must verify it" in text_of(own)
    assert "Verify" not in [form.step.label for form in own.context["moves"]]
    client.force_login(cast.verifier)
    labels = [form.step.label for form in client.get(address).context["moves"]]
    assert "Verify" in labels


def test_case_page__seen_again__counts_by_version_and_leaves_the_history_short(
    client, cast, case, version, django_assert_max_num_queries
):
    client.force_login(cast.viewer)
    address = url("failure-detail", cast, pk=case.pk)
    with django_assert_max_num_queries(40) as few:
        client.get(address)
    for number in range(5):
        report(version, by=cast.owner, reference=f"more-{number}")
    with django_assert_max_num_queries(len(few)):
        response = client.get(address)
    assert [row["seen"] for row in response.context["versions"]] == [6]
    assert [entry["title"] for entry in response.context["history"]] == ["First observed"]


# -- acts -------------------------------------------------------------------------------------


def test_move__without_a_reason__is_asked_for_beside_the_field(client, cast, case):
    client.force_login(cast.curator)
    response = client.post(url("failure-move", cast, pk=case.pk), {"to": "rejected"})
    assert "“reject” needs a reason" in response.context["form"].errors["reason"][0]
    assert FailureCase.objects.get().status == "candidate"


def test_move__with_a_reason__is_taken_and_told(client, cast, case):
    client.force_login(cast.curator)
    fields = {"to": "rejected", "reason": "The label was wrong."}
    page = client.post(url("failure-move", cast, pk=case.pk), fields, follow=True)
    assert "The case is now rejected." in text_of(page)
    assert "The label was wrong." in text_of(page)


def test_move__unknown_to_the_table__is_a_sentence_not_a_change(client, cast, case):
    client.force_login(cast.curator)
    address = url("failure-move", cast, pk=case.pk)
    page = text_of(client.post(address, {"to": "fixed", "reason": "Now."}))
    assert "A case that is candidate cannot become fixed in this way." in page
    assert client.post(address, {"to": "nonsense"}).status_code == 404


def test_move__by_somebody_without_the_right__is_refused(client, cast, case):
    address = url("failure-move", cast, pk=case.pk)
    client.force_login(cast.viewer)
    assert client.post(address, {"to": "triaged"}).status_code == 403
    client.force_login(cast.stranger)
    assert client.post(address, {"to": "triaged"}).status_code == 404
    assert FailureCase.objects.get().status == "candidate"


def test_verify__by_the_annotator__is_refused(client, cast, case, mode):
    annotated(case, mode, by=cast.curator)
    client.force_login(cast.curator)
    fields = {"to": "verified", "reason": "Sure."}
    assert client.post(url("failure-move", cast, pk=case.pk), fields).status_code == 403
    client.force_login(cast.verifier)
    client.post(url("failure-move", cast, pk=case.pk), fields)
    assert FailureCase.objects.get().verified_by == cast.verifier


def test_duplicate__names_another_case_of_the_model__and_links_it(client, cast, case, version):
    original = report(version, by=cast.owner, place="everywhere")
    client.force_login(cast.curator)
    address = url("failure-move", cast, pk=case.pk)
    missing = client.post(address, {"to": "duplicate", "reason": "Same thing."})
    assert "duplicate_of" in missing.context["form"].errors
    fields = {"to": "duplicate", "reason": "Same thing.", "duplicate_of": original.pk}
    assert original.title in text_of(client.post(address, fields, follow=True))


@pytest.mark.parametrize(("days", "accepted"), [(-1, False), (30, True)])
def test_risk_acceptance__ends_on_a_day_to_come__or_is_refused(
    client, cast, case, mode, days, accepted
):
    annotated(case, mode, by=cast.curator)
    failures.move(case, to="verified", by=cast.verifier, reason="Reproduced.")
    client.force_login(cast.risk)
    fields = {
        "to": "risk_accepted",
        "reason": "Rare and cheap.",
        "accepted_until": (timezone.localdate() + timedelta(days=days)).isoformat(),
    }
    response = client.post(url("failure-move", cast, pk=case.pk), fields)
    assert (FailureCase.objects.get().status == "risk_accepted") is accepted
    if not accepted:
        assert "Give a day to come" in text_of(response)


def test_annotate__complete__leaves_verification_to_somebody_else(client, cast, case, mode):
    failures.move(case, to="triaged", by=cast.curator)
    client.force_login(cast.curator)
    fields = {
        "mode": mode.pk,
        "severity": "high",
        "severity_reason": "Connections are missed.",
        "explanation": "Fog was not in training.",
    }
    address = url("failure-annotate", cast, pk=case.pk)
    refused = client.post(address, {**fields, "explanation": ""})
    assert refused.context["form"].errors.keys() == {"explanation"}
    page = text_of(client.post(address, fields, follow=True))
    assert "Annotated by curator; not verified yet." in page


def test_annotate__case_not_triaged__says_that_it_cannot_be(client, cast, case, mode):
    client.force_login(cast.curator)
    fields = {
        "mode": mode.pk,
        "severity": "high",
        "severity_reason": "Bad.",
        "explanation": "Fog.",
    }
    page = text_of(client.post(url("failure-annotate", cast, pk=case.pk), fields))
    assert "A case that is candidate cannot be annotated." in page


def report_fields(version, **changes):
    return {
        "version": version.pk,
        "title": "Late flights missed in fog",
        "error": "missed cases",
        "place": "flights from Newark",
        "severity": "high",
        "reference": "OPS-7",
        "observed_at": "2013-08-02T06:30",
        "expected": "late",
        "output": "on time",
        **changes,
    }


def test_report__by_a_curator__joins_the_case_of_the_same_parts_once(client, cast, case, version):
    client.force_login(cast.curator)
    for _ in range(2):
        response = client.post(url("failure-create", cast), report_fields(version))
        assert response.url == url("failure-detail", cast, pk=case.pk)
    assert case.occurrences.count() == 2
    assert case.occurrences.get(source="production").reference == "OPS-7"


def test_report__in_the_future__is_refused_beside_the_field(client, cast, version):
    client.force_login(cast.curator)
    fields = report_fields(version, observed_at=f"{date.today().year + 1}-01-01T00:00")
    response = client.post(url("failure-create", cast), fields)
    assert response.context["form"].errors.keys() == {"observed_at"}


# -- raw inputs -------------------------------------------------------------------------------


@pytest.fixture
def seen_events():
    heard = []

    def hear(sender, action, payload, **kwargs):
        heard.append((action, payload.get("reason")))

    happened.connect(hear)
    yield heard
    happened.disconnect(hear)


def test_reveal__with_a_reason__shows_once_uncached_and_on_record(client, cast, case, seen_events):
    address = url("occurrence-reveal", cast, pk=case.pk, occurrence=case.occurrences.get().pk)
    client.force_login(cast.security)
    asked = client.get(address)
    assert "canary-flight" not in text_of(asked)
    assert seen_events == []
    answered = client.post(address, {"reason": "Complaint 12."})
    assert "canary-flight" in text_of(answered)
    assert answered.headers["Cache-Control"] == "no-store"
    assert seen_events == [("catalog.payload.revealed", "Complaint 12.")]


def test_reveal__without_a_reason__shows_nothing(client, cast, case, seen_events):
    address = url("occurrence-reveal", cast, pk=case.pk, occurrence=case.occurrences.get().pk)
    client.force_login(cast.curator)
    page = text_of(client.post(address, {"reason": " "}))
    assert "Say why you need to see the raw inputs." in page
    assert "canary-flight" not in page
    assert seen_events == []


@pytest.mark.parametrize(("person", "status"), [("viewer", 403), ("stranger", 404)])
def test_reveal__without_the_right__is_refused(client, cast, case, seen_events, person, status):
    address = url("occurrence-reveal", cast, pk=case.pk, occurrence=case.occurrences.get().pk)
    client.force_login(getattr(cast, person))
    response = client.post(address, {"reason": "Curious."})
    assert response.status_code == status
    assert b"canary-flight" not in response.content
    assert seen_events == []


def test_reveal__occurrence_of_another_case__is_missing(client, cast, case, version):
    other = report(version, by=cast.owner, place="elsewhere")
    client.force_login(cast.curator)
    address = url("occurrence-reveal", cast, pk=case.pk, occurrence=other.occurrences.get().pk)
    assert client.post(address, {"reason": "Mistake."}).status_code == 404
