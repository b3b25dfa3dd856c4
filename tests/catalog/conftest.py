"""A project with its people, a model and data, as the tests of pages need them."""

import io
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pandas as pd
import pytest

from catalog import actions, fingerprints
from catalog.failures import Observation, report_failure
from catalog.models import Project
from tests import builders


@pytest.fixture
def cast(db):
    """Two projects: everybody is in the first, the stranger only in the second."""
    admin = builders.a_person(name="admin")
    project = actions.create_project(name="Flight delays", slug="flights", by=admin)
    outsider = builders.a_person(name="stranger")
    other = actions.create_project(name="Loans", slug="loans", by=outsider)
    people = {
        name: builders.a_person(project, role, name=name)
        for name, role in {
            "viewer": "viewer",
            "owner": "contributor",
            "curator": "curator",
            "verifier": "curator",
            "risk": "reviewer_risk",
            "security": "reviewer_security",
        }.items()
    }
    return SimpleNamespace(project=project, other=other, admin=admin, stranger=outsider, **people)


@pytest.fixture
def model(cast):
    return builders.a_model(cast.project, owner=cast.owner, title="Late arrival alert")


@pytest.fixture
def version(model, cast):
    return builders.a_version(model, "v2", by=cast.owner)


@pytest.fixture
def dataset(cast):
    return actions.register_dataset(
        cast.project, name="flights-2013", title="Flights of 2013", by=cast.owner
    )


@pytest.fixture
def frozen(dataset, cast):
    frame = pd.DataFrame(
        {
            "row": [1, 2, 3, 4],
            "late": [0, 1, 0, 0],
            "origin": ["EWR", "EWR", "JFK", None],
            "passenger": ["canary-name", "b", "c", "d"],
            "visib": [10.0, 2.0, None, 8.0],
        }
    )
    file = io.BytesIO()
    frame.to_parquet(file, index=False)
    file.seek(0)
    return actions.register_dataset_version(
        dataset,
        version="2013-07",
        file=file,
        id_column="row",
        label_column="late",
        sensitivity={"passenger": "restricted"},
        by=cast.owner,
    )


@pytest.fixture
def assumption(model, cast):
    return actions.state_assumption(
        model,
        statement="Weather means what it meant in training.",
        category="data",
        how_checked="Scenarios change the weather.",
        owner=cast.owner,
        review_date=date(2030, 1, 31),
        by=cast.owner,
    )


def report(version, *, by, place="flights from Newark", reference="run-1", **fields):
    """One observed failure; the place makes it a case of its own."""
    observation = Observation(
        reference=reference,
        observed_at=datetime(2013, 7, 2, 8, tzinfo=UTC),
        expected="late",
        output="on time",
        confidence=0.91,
        inputs={"flight": "canary-flight"},
    )
    given = {"title": f"Missed cases at {place}", "severity": "medium", **fields}
    return report_failure(
        version,
        parts=fingerprints.parts(error="missed cases", place=place),
        observations=[observation],
        source="challenge",
        by=by,
        **given,
    )


@pytest.fixture
def case(version, cast):
    return report(version, by=cast.owner)


@pytest.fixture
def mode(cast):
    return Project.objects.get(pk=cast.project.pk).failure_modes.get(key="model.missed")
