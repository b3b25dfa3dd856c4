"""The items of a comparison: what a page lists, what it withholds, and what it says of nothing."""

import csv
import io

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from benchmarks import pairs
from benchmarks.models import RunPart
from catalog.choices import Role
from catalog.models import DatasetVersion, FailureOccurrence
from tests.benchmarks.judged import approve, post, scores, work_off
from tests.builders import a_person, a_project

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


@pytest.fixture
def run(world):
    """v1 as approved baseline, and v2 answering the wrong way round."""
    approve(work_off(post(world, "v1")), world)
    return work_off(post(world, "v2", "bad"))


@pytest.fixture
def place(world, run):
    kwargs = {"project": world.project.slug, "pk": run.comparison.pk}
    return reverse("comparison-items", kwargs=kwargs)


def text_of(response):
    assert response.status_code == 200, response.status_code
    return " ".join(response.content.decode().split())


def expected(world, before="v1", after="bad"):
    """Items by kind, recomputed from the rows and the scores that were posted."""
    label = world.frame["label"] == 1
    was, stays = ((world.frame["x"] * 0 + scores(world, name)) >= 0.5 for name in (before, after))
    return {
        "newly_failing": world.frame["item"][(was == label) & (stays != label)],
        "newly_fixed": world.frame["item"][(was != label) & (stays == label)],
        "still_failing": world.frame["item"][(was != label) & (stays != label)],
    }


def hide(world, *names):
    columns = [
        {**column, "sensitivity": "confidential" if column["name"] in names else "internal"}
        for column in world.data.columns
    ]
    DatasetVersion.objects.filter(pk=world.data.pk).update(columns=columns)


def test_items__of_another_project__are_answered_like_missing_ones(client, world, place):
    client.force_login(a_person(a_project("Loans"), Role.CONTRIBUTOR, name="stranger"))
    assert client.get(place).status_code == 404
    assert client.get(place.replace("items/", "items.csv")).status_code == 404


def test_items__tabs__count_what_the_rows_and_answers_say(client, world, run, place):
    client.force_login(world.owner)
    response = client.get(place + "?scenario=scenario-0")
    found = {tab["label"]: tab["count"] for tab in response.context["tabs"]}
    wanted = {name: len(items) for name, items in expected(world).items()}
    assert list(found.values()) == [*wanted.values(), 0, 0]
    stored = run.comparison.churn["scenario-0"]
    assert stored["regressed"]["count"] == found["Newly failing"]
    assert stored["mended"]["count"] == found["Newly fixed"]


def test_items__csv_of_a_slice__holds_exactly_its_items_and_both_scores(client, world, place):
    client.force_login(world.owner)
    query = "?scenario=scenario-0&kind=newly_fixed&slice=group-a"
    response = client.get(place.replace("items/", "items.csv") + query)
    lines = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    in_slice = world.frame["item"][world.frame["group"] == "a"]
    wanted = set(expected(world)["newly_fixed"]) & set(in_slice)
    assert {int(line["item"]) for line in lines} == wanted
    assert len(lines) == len(wanted) > 0
    before, after = scores(world, "v1"), scores(world, "bad")
    for line in lines:
        assert float(line["baseline_score"]) == pytest.approx(before[int(line["item"])])
        assert float(line["candidate_score"]) == pytest.approx(after[int(line["item"])])
        assert line["slices"] == "Group a"
        assert line["kind"] == "newly_fixed"


def test_items__more_than_a_page__are_listed_fifty_at_a_time(client, world, place):
    client.force_login(world.owner)
    first = client.get(place + "?scenario=scenario-0").context
    second = client.get(place + "?scenario=scenario-0&page=2").context
    assert len(first["lines"]) == len(second["lines"]) == 50
    assert not {row.item for row in first["lines"]} & {row.item for row in second["lines"]}


def test_items__gathered_into_a_case__link_to_it_alone_or_bundled(client, world, run, place):
    occurrences = FailureOccurrence.objects.filter(model_version=run.model_version)
    assert occurrences.exclude(items=[]).exists(), "a bundle, or half of this shows nothing"
    client.force_login(world.owner)
    lines = client.get(place + "?scenario=scenario-0").context["lines"]
    assert lines
    for line in lines:
        reference = f"scenario-0:{line.item}"
        holds = [
            row for row in occurrences if row.reference == reference or reference in row.items
        ]
        assert line.case.pk in {row.case_id for row in holds}


def test_items__kind_without_any__says_so(client, world, place):
    client.force_login(world.owner)
    assert "No such items here" in text_of(client.get(place + "?kind=removed"))


def test_items__confidential_slice_and_id__are_withheld(client, world, place):
    hide(world, "group", "item")
    client.force_login(world.owner)
    response = client.get(place + "?scenario=scenario-0&slice=group-a")
    page = text_of(response)
    assert "Group a" not in page
    assert "Slices that read withheld columns are not shown: 2" in page
    assert {line.item for line in response.context["lines"]} == {""}
    total = response.context["tabs"][0]["count"]
    assert total == len(expected(world)["newly_failing"]), "the withheld slice does not filter"


def test_items__confidential_label__lists_nothing(client, world, place):
    hide(world, "label")
    client.force_login(world.owner)
    assert "The labels are withheld" in text_of(client.get(place))
    refused = client.get(place.replace("items/", "items.csv"))
    assert refused.status_code == 302
    assert refused.url.startswith(place)


def test_items__stored_answers_gone__says_so(client, world, run, place):
    default_storage.delete(run.parts.get(key="scenario-0").outputs_place)
    client.force_login(world.owner)
    assert "The stored answers are gone" in text_of(client.get(place + "?scenario=scenario-0"))


def test_items__too_many_answers__says_how_many_are_listed_at_most(client, world, run, place):
    RunPart.objects.filter(run=run).update(rows=pairs.MOST_ROWS + 1)
    client.force_login(world.owner)
    assert "at most 500,000 are listed here" in text_of(client.get(place))


def test_items__first_run_of_a_suite__has_nothing_to_be_put_beside(client, world):
    comparison = work_off(post(world, "v1")).comparison
    client.force_login(world.owner)
    kwargs = {"project": world.project.slug, "pk": comparison.pk}
    page = text_of(client.get(reverse("comparison-items", kwargs=kwargs)))
    assert "no approved baseline" in page


def test_comparison__counts_of_items__lead_to_them(client, world, run, place):
    client.force_login(world.owner)
    page = text_of(client.get(place.removesuffix("items/")))
    count = len(expected(world)["newly_failing"])
    address = f"{place}?scenario=scenario-0&amp;kind=newly_failing"
    assert f'<a href="{address}">{count:,}</a>' in page
