"""What leaves the house: released by a person, frozen, and without a word of the project's own."""

import re
from enum import StrEnum
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import CharField, JSONField, TextChoices, TextField
from django.urls import reverse
from django.utils import timezone

from benchmarks import choices, definitions, programs, public_summaries, remediation
from benchmarks.engine import values
from benchmarks.models import ChallengeRun, Program, PublicSummary
from catalog import choices as catalog_choices
from catalog.errors import Conflict
from portal.accounts.models import User
from tests.benchmarks.judged import approve, post, work_off

pytestmark = pytest.mark.django_db
AREAS = ["Zaunkoenig weather", "Rotkehlchen carriers", "Amsel upstream"]


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


@pytest.fixture
def program(world):
    """Judged runs in two areas, a weakness, a cadence; the third area has no scenario."""
    for place, scenario in enumerate(world.suite.scenarios.order_by("key")):
        definitions.change_scenario(
            scenario,
            by=world.owner,
            reason="Named its area.",
            slices=list(scenario.slices.all()),
            assumptions=[],
            criteria=[],
            risk_area=AREAS[place % 2],
        )
    opened = programs.open_program(
        world.project,
        model=world.model,
        key="stieglitz-program",
        title="Stieglitz stress",
        goal="Find out how Buchfink fails.",
        scope="Everything that Gimpel sends.",
        owner=world.owner,
        risk_areas=[{"name": name, "customer": f"{name} hurt people."} for name in AREAS],
        rubric=[],
        cadence_unit="month",
        cadence_anchor=timezone.localdate(),
        by=world.owner,
    )
    programs.assign_suites(opened, [world.suite], by=world.owner)
    programs.keep_cadence(opened, timezone.localdate())
    approve(work_off(post(world, "v1")), world)
    judged = work_off(post(world, "v2"))
    remediation.open_item(
        world.model,
        title="Kleiber is missed",
        weakness="Zilpzalp rows are taken for Girlitz.",
        acceptance="They are not.",
        suite=world.suite,
        scenario=world.suite.scenarios.first(),
        program=opened,
        comparison=judged.comparison,
        owner=world.owner,
        due_on=timezone.localdate(),
        by=world.owner,
    )
    return opened


def release(world, program, **changed):
    given = {
        "title": "A program",
        "areas": ["Area one", "Area two", "Area three"],
        "numbers": public_summaries.seen(program),
        "by": world.reviewer,
        "reason": "The Wendehals authority asked.",
        **changed,
    }
    return public_summaries.publish(program, **given)


def url(world, name, row):
    return reverse(name, kwargs={"project": world.project.slug, "pk": row.pk})


# -- nothing of the project leaves ------------------------------------------------------------


def closed_words():
    """Words of closed lists: they are the portal's own, not the project's."""
    lists = [
        each
        for module in (choices, catalog_choices, values)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, TextChoices | StrEnum)
    ]
    words = {str(member.value).lower() for each in lists for member in each}
    return words | {member.label.lower() for each in lists for member in each if _labelled(member)}


def _labelled(member: Any) -> bool:
    return isinstance(member, TextChoices)


def strings(value):
    """Every text within plain data; keys that are Python names are the code's, not the data's."""
    if isinstance(value, dict):
        keys = {key for key in value if not key.isidentifier()}
        return keys | {each for part in value.values() for each in strings(part)}
    if isinstance(value, list):
        return {each for part in value for each in strings(part)}
    return {value} if isinstance(value, str) else set()


def strings_of(project):
    """Every text in every row of the project, but the releases themselves, and of its people."""
    found: set[str] = set()
    for model in apps.get_models():
        if not hasattr(model, "project_path") or model is PublicSummary:
            continue
        rows = model._base_manager.filter(**{model.project_path or "pk": project.pk})
        texts = (CharField, TextField, JSONField)
        names = [f.attname for f in model._meta.concrete_fields if isinstance(f, texts)]
        for row in rows.values(*names) if names else ():
            found |= strings(list(row.values()))
    for person in User.objects.filter(memberships__project=project):
        found |= {person.username, person.first_name, person.last_name}
    return found


def leaked(text, world):
    """Texts of three letters and more that stand in the released one as words of their own."""
    known = closed_words()
    own = {each.strip().lower() for each in strings_of(world.project)}
    return {
        each
        for each in own - known
        if len(each) >= 3 and re.search(rf"(?<!\w){re.escape(each)}(?!\w)", text.lower())
    }


def test_files__of_a_full_program__hold_no_text_of_any_row(client, world, program):
    row = release(world, program)
    client.force_login(world.reviewer)
    own = strings_of(world.project)
    assert {*AREAS, "Stieglitz stress", "Kleiber is missed", "world-owner", "group-a"} <= own
    for name in ("public-summary-html", "public-summary-json"):
        response = client.get(url(world, name, row))
        assert "attachment" in response["Content-Disposition"]
        assert leaked(response.content.decode(), world) == set()


def test_sweep__area_released_by_its_inner_name__would_be_found(client, world, program):
    row = release(world, program, areas=[*AREAS[:2], "Area three"])
    client.force_login(world.reviewer)
    text = client.get(url(world, "public-summary-html", row)).content.decode()
    assert leaked(text, world) >= {name.lower() for name in AREAS[:2]}


def test_file__asked_without_a_sign_in_or_by_a_stranger__is_not_given(client, world, program):
    row = release(world, program)
    for name in ("public-summary-html", "public-summary-json", "program-public"):
        target = program if name == "program-public" else row
        assert client.get(url(world, name, target)).status_code == 302


def test_file__loads_nothing(client, world, program):
    client.force_login(world.reviewer)
    text = client.get(url(world, "public-summary-html", release(world, program))).content.decode()
    assert not re.search(r"src=|href=|<script|url\(", text)


# -- what it says -----------------------------------------------------------------------------


def test_draft__of_a_judged_program__counts_without_telling_small_numbers(program):
    content = public_summaries.draft(program)
    assert [area["name"] for area in content["areas"]] == [
        f"Risk area {number}" for number in (1, 2, 3)
    ]
    assert content["cadence"]["how_often"] == "monthly"
    assert content["weaknesses"]["Open"] == "fewer than 5"
    assert any("no scenario" in sentence for sentence in content["cannot_be_said"])


def test_counting__by_area__takes_each_scenario_once_and_others_apart(world, program):
    words = dict(zip(AREAS[1:], ["One", "Two"], strict=True))
    found = public_summaries._areas(program, words)
    assert [(area.name, area.scenarios, len(area.findings)) for area in found] == [
        ("One", 1, 1),
        ("Two", 0, 0),
        ("No declared area", 2, 2),
    ]


def test_draft__many_runs__counts_them_all_and_takes_the_newest_of_a_suite(world, program):
    for _ in range(3):
        work_off(post(world, "v2"))
    last = work_off(post(world, "v2", "bad"))
    content = public_summaries.draft(program)
    verdicts = ChallengeRun.objects.filter(suite=world.suite).values_list("verdict", flat=True)
    most = max(set(verdicts), key=list(verdicts).count)
    assert list(verdicts).count(most) >= 4
    newest = public_summaries._newest_of_each_suite(program)
    assert newest == [last]
    assert len(verdicts) == 6
    assert set(content["verdicts"].values()) <= {"fewer than 5", 5, 6}


def test_release__frozen__stays_as_it_was_when_the_program_goes_on(client, world, program):
    row = release(world, program)
    work_off(post(world, "v2", "bad"))
    Program.objects.filter(pk=program.pk).update(cadence_unit="")
    row.refresh_from_db()
    assert row.content["cadence"]["how_often"] == "monthly"
    assert row.content != public_summaries.draft(Program.objects.get(pk=program.pk))
    row.content = {"title": "Another"}
    with pytest.raises(ValidationError, match="does not change"):
        row.record(by=world.reviewer)


# -- who and how ------------------------------------------------------------------------------


def test_release__by_a_contributor_or_the_owner__is_refused(world, program):
    with pytest.raises(PermissionDenied, match="Only reviewers"):
        release(world, program, by=world.owner)
    Program.objects.filter(pk=program.pk).update(owner=world.reviewer)
    with pytest.raises(PermissionDenied, match="owns a program"):
        release(world, Program.objects.get(pk=program.pk))


def test_release__numbers_other_than_those_seen__is_a_conflict(world, program):
    with pytest.raises(Conflict, match="numbers have changed"):
        release(world, program, numbers="0" * 64)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"areas": ["One", "Two"]}, "risk areas have changed"),
        ({"areas": ["One", "One", "Two"]}, "same name"),
        ({"areas": ["One", " ", "Two"]}, "a name"),
        ({"title": "x" * 81}, "at most 80"),
        ({"reason": ""}, "cannot be blank"),
    ],
)
def test_release__words_amiss__says_so(world, program, changed, words):
    with pytest.raises(ValidationError, match=words):
        release(world, program, **changed)
    assert not PublicSummary.objects.exists()


def test_page__reviewer_releases_and_withdraws__files_come_and_go(client, world, program):
    client.force_login(world.reviewer)
    page = url(world, "program-public", program)
    shown = client.get(page)
    assert "Nothing is released" in shown.content.decode()
    form = shown.context["form"]
    sent = {"numbers": form.initial["numbers"], "title": "Late warnings", "reason": "Asked."}
    sent |= {f"area_{number}": f"Area {number}" for number in range(3)}
    refused = client.post(page, {**sent, "reason": ""}).content.decode()
    assert "Say for whom the summary is released" in refused
    shown = client.post(page, sent, follow=True).content.decode()
    assert "Late warnings" in shown
    row = PublicSummary.objects.get()
    assert client.get(url(world, "public-summary-json", row)).json() == row.content
    withdraw = url(world, "public-summary-withdraw", row)
    client.post(withdraw, {"reason": "A word too much."})
    assert "A word too much." in client.get(page).content.decode()
    assert client.get(url(world, "public-summary-html", row)).status_code == 404
    assert "already" in client.post(withdraw, {"reason": "Again."}, follow=True).content.decode()


def test_page__contributor__sees_what_is_released_and_no_draft(client, world, program):
    client.force_login(world.owner)
    shown = client.get(url(world, "program-public", program)).content.decode()
    assert "Nothing is released" in shown
    assert "What would be released" not in shown
