"""Comparing data on pages: once a pair, by chance's own measure, sensitive values left out."""

import json

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse

from benchmarks import drifts
from benchmarks.models import DriftComparison
from catalog import actions as catalog_actions
from catalog.choices import Role
from catalog.digests import digest
from tests.benchmarks.small_world import parquet, rows
from tests.builders import a_person


def url(name, world, **kwargs):
    return reverse(name, kwargs={"project": world.project.slug, **kwargs})


def text_of(response):
    assert response.status_code == 200, response.status_code
    return " ".join(response.content.decode().split())


@pytest.fixture
def moved(world):
    """The same rows with x two higher."""
    frame = rows()
    frame["x"] += 2
    return catalog_actions.register_dataset_version(
        world.dataset,
        version="moved",
        file=parquet(frame),
        id_column=world.data.id_column,
        label_column=world.data.label_column,
        by=world.owner,
    )


def test_compare__column_moved_by_two__is_the_only_one_called_drifted(world, moved):
    found = drifts.compare(world.data, moved, by=world.owner)
    verdicts = {column["name"]: column["verdict"] for column in found.report["columns"]}
    assert verdicts.pop("x") == "drifted"
    assert "drifted" not in verdicts.values()
    assert world.data.id_column not in verdicts


def test_compare__same_pair_again__is_computed_once(world, moved):
    first = drifts.compare(world.data, moved, by=world.owner)
    assert drifts.compare(world.data, moved, by=world.reviewer) == first
    assert DriftComparison.objects.count() == 1


def test_compare__version_with_itself__is_refused(world):
    with pytest.raises(ValidationError, match="same content"):
        drifts.compare(world.data, world.data, by=world.owner)


def test_compare__viewer__may_not(world, moved):
    with pytest.raises(PermissionDenied):
        drifts.compare(world.data, moved, by=a_person(world.project, Role.VIEWER))


def test_compare__sensitive_column__keeps_its_verdict_and_none_of_its_values(world, moved):
    columns = [dict(column) for column in moved.columns]
    for column in columns:
        if column["name"] == "x":
            column["sensitivity"] = "confidential"
    type(moved).objects.filter(pk=moved.pk).update(columns=columns)
    moved.refresh_from_db()
    found = drifts.compare(world.data, moved, by=world.owner)
    column = next(one for one in found.report["columns"] if one["name"] == "x")
    assert (column["verdict"], column["detail"], column["withheld"]) == ("drifted", None, True)


def test_compare__larger_than_a_page_can_wait_for__says_where_else(world, moved, monkeypatch):
    monkeypatch.setattr(drifts, "MOST_ROWS", 10)
    with pytest.raises(ValidationError, match="at most 10 are compared"):
        drifts.compare(world.data, moved, by=world.owner)


def test_page__asked_for_a_pair__shows_its_drift_with_floor_and_plot(client, world, moved):
    client.force_login(world.owner)
    body = {"reference": world.data.pk, "current": moved.pk}
    answer = client.post(url("drift-compare", world), body)
    found = DriftComparison.objects.get()
    assert answer["Location"] == url("drift-detail", world, pk=found.pk)
    page = text_of(client.get(answer["Location"]))
    assert "No-drift floor" in page
    assert 'role="img"' in page
    assert "times the floor" in page
    listed = text_of(client.get(url("drift-list", world)))
    assert f"1 of {found.compared}" in listed


def test_page__pair_of_two_datasets__is_refused_in_words(client, world, moved):
    other = catalog_actions.register_dataset(
        world.project, name="other", title="Other", by=world.owner
    )
    strange = catalog_actions.register_dataset_version(
        other,
        version="one",
        file=parquet(rows()),
        id_column=world.data.id_column,
        label_column=world.data.label_column,
        by=world.owner,
    )
    client.force_login(world.owner)
    body = {"reference": world.data.pk, "current": strange.pk}
    answer = client.post(url("drift-compare", world), body)
    assert "the same dataset" in text_of(client.get(answer["Location"]))
    assert not DriftComparison.objects.exists()


def test_report__stored__is_plain_json_with_finite_numbers(world, moved):
    found = drifts.compare(world.data, moved, by=world.owner)
    found.refresh_from_db()
    assert json.loads(json.dumps(found.report, allow_nan=False)) == found.report
    assert digest(found.report) == found.digest
