"""Pages of programs and remediation: what they show, what their forms refuse and keep."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from benchmarks import programs, remediation
from benchmarks.models import Program, Remediation, Scenario
from tests.benchmarks.judged import approve, post, work_off

RUBRIC = [{"metric": "accuracy", "weight": 1, "worst": 0.5, "best": 1.0}]


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


@pytest.fixture
def program(world) -> Program:
    opened = programs.open_program(
        world.project,
        model=world.model,
        key="blur",
        title="Blur",
        goal="Know what blur does.",
        owner=world.owner,
        risk_areas=[
            {"name": "blur", "customer": "Wrong answers.", "financial": "", "brand": ""},
            {"name": "speed", "customer": "", "financial": "", "brand": ""},
        ],
        rubric=RUBRIC,
        cadence_unit="month",
        cadence_anchor=timezone.localdate(),
        by=world.owner,
    )
    programs.assign_suites(opened, [world.suite], by=world.owner)
    Scenario.objects.filter(project=world.project).update(risk_area="blur")
    world.suite.refresh_from_db()
    return opened


@pytest.fixture
def judged(world, program):
    approve(work_off(post(world, "v1")), world)
    return work_off(post(world, "v2", answers="bad"))


def url(name, world, **kwargs):
    return reverse(name, kwargs={"project": world.project.slug, **kwargs})


def text_of(response):
    assert response.status_code == 200, response.status_code
    return " ".join(response.content.decode().split())


def form_data(world, **changes):
    """What a browser sends for a program with one risk area and one line of rubric."""
    data = {
        "model": world.model.pk,
        "key": "fresh",
        "title": "Fresh",
        "goal": "Know more.",
        "scope": "",
        "owner": world.owner.pk,
        "suites": [world.suite.pk],
        "cadence_unit": "week",
        "cadence_every": 2,
        "cadence_anchor": "2026-11-30",
        "grace_days": 1,
        "areas-TOTAL_FORMS": 2,
        "areas-INITIAL_FORMS": 0,
        "areas-0-name": "fog",
        "areas-0-customer": "Late bags.",
        "rubric-TOTAL_FORMS": 2,
        "rubric-INITIAL_FORMS": 0,
        "rubric-0-metric": "accuracy",
        "rubric-0-weight": 2,
        "rubric-0-worst": 0.5,
        "rubric-0-best": 1,
    }
    return {**data, **changes}


# -- programs ---------------------------------------------------------------------------------


def test_program_page__one_failing_run__shows_area_score_and_hole(client, world, program, judged):
    client.force_login(world.owner)
    page = text_of(client.get(url("program-detail", world, pk=program.pk)))
    assert "Points, Small suite" in page
    assert "No scenario" in page
    assert f'href="/p/{world.project.slug}/runs/{judged.pk}/"' in page
    assert "every" not in page.split("<h2>Cadence</h2>")[1][:80]


def test_program_page__with_more_runs__asks_no_more_queries(client, world, program, judged):
    client.force_login(world.owner)
    place = url("program-detail", world, pk=program.pk)
    client.get(place)
    with CaptureQueriesContext(connection) as few:
        client.get(place)
    for _ in range(3):
        work_off(post(world, "v2"))
    with CaptureQueriesContext(connection) as many:
        client.get(place)
    assert len(many) == len(few) <= 32


def test_program_list__overdue_program__says_so_at_a_glance(client, world, program):
    client.force_login(world.owner)
    programs.keep_cadence(program, timezone.localdate() + timedelta(days=2))
    page = text_of(client.get(url("program-list", world)))
    assert "Overdue" in page
    home = text_of(client.get(url("project-home", world)))
    assert "Run: Blur" in home


def test_program_form__sent_as_a_browser_does__opens_all_of_it(client, world):
    client.force_login(world.owner)
    answer = client.post(url("program-create", world), form_data(world))
    opened = Program.objects.get(key="fresh")
    assert answer["Location"] == url("program-detail", world, pk=opened.pk)
    assert opened.risk_areas == [
        {"name": "fog", "customer": "Late bags.", "financial": "", "brand": ""}
    ]
    assert opened.rubric == [{"metric": "accuracy", "weight": 2.0, "worst": 0.5, "best": 1.0}]
    assert list(opened.suites.all()) == [world.suite]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rubric-0-best": 0.1}, "best has to lie above worst"),
        ({"rubric-0-weight": ""}, "Give a number."),
        ({"areas-0-name": ""}, "Name the risk area."),
        ({"cadence_anchor": ""}, "A cadence needs its first due day."),
        ({"key": "no spaces"}, "Begin with a letter"),
        ({"areas-TOTAL_FORMS": "many"}, "ManagementForm data is missing"),
        ({"areas-TOTAL_FORMS": 5000}, "Look at the risk areas"),
    ],
)
def test_program_form__slip__keeps_what_was_typed_and_writes_nothing(client, world, changes, said):
    client.force_login(world.owner)
    page = text_of(client.post(url("program-create", world), form_data(world, **changes)))
    assert said in page
    assert "Know more." in page
    assert not Program.objects.exists()


def test_program_form__opened_to_edit_and_sent_back__changes_nothing(client, world, program):
    client.force_login(world.owner)
    place = url("program-edit", world, pk=program.pk)
    form = client.get(place).context["form"]
    sent = {"suites": [world.suite.pk]}
    for part in (form, *form.areas, *form.lines):
        for field in part.visible_fields():
            value = field.value()
            if field.name != "suites" and value is not None and value is not False:
                sent[field.html_name] = value
    for rows in (form.areas, form.lines):
        sent[f"{rows.prefix}-TOTAL_FORMS"] = rows.total_form_count()
        sent[f"{rows.prefix}-INITIAL_FORMS"] = rows.initial_form_count()
    answer = client.post(place, sent)
    assert answer.status_code == 302, answer.context["form"].errors
    before, after = program, Program.objects.get()
    for name in programs.EDITABLE:
        assert getattr(after, name) == getattr(before, name), name


def test_summary__failing_run__names_the_broken_criterion_and_what_it_means(
    client, world, program, judged
):
    client.force_login(world.owner)
    page = text_of(client.get(url("program-summary", world, pk=program.pk)))
    assert "v2 against v1" in page
    assert "Users notice." in page
    assert "Wrong answers." in page
    assert "Not tested at all: speed." in page


def test_summary__nothing_compared_yet__says_that_nothing_can_be_said(client, world, program):
    work_off(post(world, "v1"))
    client.force_login(world.owner)
    page = text_of(client.get(url("program-summary", world, pk=program.pk)))
    assert "nothing can be said" in page
    assert "Every criterion held" not in page


# -- remediation ------------------------------------------------------------------------------


def test_item__from_weakness_to_closed__is_walked_on_the_pages(client, world, program, judged):
    scenario = Scenario.objects.get(key="scenario-1")
    client.force_login(world.owner)
    client.post(
        url("remediation-create", world) + f"?comparison={judged.comparison.pk}",
        {
            "title": "Turned round",
            "weakness": "Answers are turned round.",
            "acceptance": "The scenario passes.",
            "place": f"{world.suite.pk}-{scenario.pk}",
            "owner": world.owner.pk,
            "due_on": "2099-01-31",
        },
    )
    item = Remediation.objects.get()
    assert (item.program, item.comparison) == (program, judged.comparison)
    run = work_off(post(world, "v2", answers="v1"))
    client.post(url("remediation-evidence", world, pk=item.pk), {"run": run.pk})
    page = text_of(client.get(url("remediation-detail", world, pk=item.pk)))
    assert "somebody else has to close it" in page
    client.force_login(world.reviewer)
    home = text_of(client.get(url("project-home", world)))
    assert "Close: Turned round" in home
    client.post(url("remediation-close", world, pk=item.pk), {"reason": "Seen it pass."})
    page = text_of(client.get(url("remediation-detail", world, pk=item.pk)))
    assert "Seen it pass." in page
    item.refresh_from_db()
    assert item.status == "closed"


def test_item__evidence_of_another_suite__is_refused_in_words(client, world, program, judged):
    item = remediation.open_item(
        world.model,
        title="Turned round",
        weakness="Answers are turned round.",
        acceptance="It passes.",
        suite=world.suite,
        scenario=Scenario.objects.get(key="scenario-1"),
        owner=world.owner,
        due_on=timezone.localdate(),
        by=world.owner,
    )
    client.force_login(world.owner)
    answer = client.post(url("remediation-evidence", world, pk=item.pk), {"run": judged.pk})
    assert "that came later can show it" in text_of(client.get(answer["Location"]))


def test_broken_criterion__put_on_the_list__opens_the_form_filled_with_what_was_seen(
    client, world, program, judged
):
    client.force_login(world.owner)
    page = client.get(url("run-detail", world, pk=judged.pk)).content.decode()
    link = next(part for part in page.split('"') if "/remediation/new/?" in part)
    form = client.get(link.replace("&amp;", "&")).context["form"]
    scenario = Scenario.objects.get(key="scenario-0")
    assert form.initial["place"] == f"{world.suite.pk}-{scenario.pk}"
    assert "Users notice." in form.initial["weakness"]


# -- debriefs and playbooks -------------------------------------------------------------------


def test_debrief__written_on_the_page__is_kept_and_edited_with_a_reason(client, world, program):
    client.force_login(world.owner)
    client.post(
        url("playbook-create", world, pk=program.pk),
        {"title": "Blur", "sign": "x is blurred.", "steps": "Call.", "owner": world.owner.pk},
    )
    playbook = program.playbooks.get()
    body = {
        "title": "July",
        "held_on": "2026-01-05",
        "attendees": "The desk",
        "seen": "Blur hurts.",
        "playbook": playbook.pk,
    }
    answer = client.post(url("debrief-create", world, pk=program.pk), body)
    debrief = program.debriefs.get()
    assert answer["Location"] == url("debrief-detail", world, pk=debrief.pk)
    assert "It changed the playbook" in text_of(client.get(answer["Location"]))
    place = url("debrief-edit", world, pk=debrief.pk)
    assert "This field is required" in text_of(client.post(place, body))
    client.post(place, {**body, "learned": "Ask earlier.", "reason": "Forgotten."})
    assert program.debriefs.get().learned == "Ask earlier."
    assert debrief.history.first().history_change_reason == "Forgotten."


def test_debrief__of_tomorrow__is_refused_beside_its_field(client, world, program):
    client.force_login(world.owner)
    body = {"title": "Soon", "held_on": "2999-01-01", "attendees": "All", "seen": "Nothing."}
    page = text_of(client.post(url("debrief-create", world, pk=program.pk), body))
    assert "written after it was held" in page
    assert not program.debriefs.exists()


# -- for a pull request -----------------------------------------------------------------------


def test_comment__failing_run__has_marker_table_and_exit_code(client, world, program, judged):
    client.force_login(world.owner)
    answer = client.get(f"/api/v1/challenge-runs/{judged.pk}/comment/").json()
    assert answer["exit_code"] == 1
    assert answer["markdown"].startswith(answer["marker"])
    assert "| scenario | metric | slice | what broke |" in answer["markdown"]
    assert f"/runs/{judged.pk}/" in answer["markdown"]


def test_comment__title_with_markup__is_harmless_text(client, world, program, judged):
    world.suite.title = "A | [b](http://x) <img>"
    world.suite.record(by=world.owner)
    client.force_login(world.owner)
    answer = client.get(f"/api/v1/challenge-runs/{judged.pk}/comment/").json()
    assert r"A \| \[b\](http://x) \<img\>" in answer["markdown"]


def test_comment__run_not_judged__says_so_and_does_not_exit_with_0(client, world, program):
    run = post(world, "v1")
    client.force_login(world.owner)
    answer = client.get(f"/api/v1/challenge-runs/{run.pk}/comment/").json()
    assert answer["exit_code"] == 4
    assert "No verdict yet" in answer["markdown"]
