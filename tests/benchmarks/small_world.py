"""A small real evaluation: a trained model, its data in a file, a suite of scenarios."""

import functools
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.linear_model import LogisticRegression

from benchmarks import actions
from benchmarks.models import Scenario, Suite
from catalog import actions as catalog_actions
from catalog.choices import Role
from catalog.models import Dataset, DatasetVersion, ModelVersion, Project, RegisteredModel, Slice
from portal.accounts.models import User
from tests.builders import a_person, a_project

ROWS = 3000


@dataclass
class SmallWorld:
    owner: User
    reviewer: User
    project: Project
    model: RegisteredModel
    dataset: Dataset
    data: DatasetVersion
    slices: list[Slice]
    versions: dict[str, ModelVersion]
    suite: Suite
    frame: pd.DataFrame


def rows(seed: int = 1, n: int = ROWS) -> pd.DataFrame:
    """Items whose label follows `x`, and `z` only a little."""
    draw = np.random.default_rng(seed)
    x, z = draw.normal(size=n), draw.normal(size=n)
    chance = 1 / (1 + np.exp(-(2 * x + 0.5 * z)))
    return pd.DataFrame(
        {
            "item": np.arange(n),
            "x": x,
            "z": z,
            "unused": draw.normal(size=n),
            "group": np.where(draw.random(n) < 0.5, "a", "b"),
            "seen": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n), unit="min"),
            "label": (draw.random(n) < chance).astype(int),
        }
    )


def parquet(frame: pd.DataFrame) -> io.BytesIO:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    buffer.seek(0)
    return buffer


def artifact(columns: list[str]) -> bytes:
    """The same bytes each time, so that a sandbox which is warm answers for every test."""
    return _fitted(tuple(columns))


@functools.cache
def _fitted(columns: tuple[str, ...]) -> bytes:
    frame = rows(seed=0)
    model = LogisticRegression().fit(frame[list(columns)], frame["label"])
    content: bytes = skops.io.dumps(model)
    return content


def peopled(*, scenarios: int = 3) -> SmallWorld:
    """The world in a project of its own, with its two people."""
    project = a_project()
    owner = a_person(project, Role.CONTRIBUTOR, name="world-owner")
    reviewer = a_person(project, Role.DATA_SCIENCE, name="world-reviewer")
    return build(owner, reviewer, project, scenarios=scenarios)


def build(owner: User, reviewer: User, project: Project, *, scenarios: int = 3) -> SmallWorld:
    """`v1` reads x, `v2` reads x and z; the suite has as many scenarios as asked for."""
    model = catalog_actions.register_model(
        project,
        name="small",
        title="Small model",
        owner=owner,
        intended_use="Show that the machinery works.",
        risk_tier="low",
        by=owner,
    )
    dataset = catalog_actions.register_dataset(project, name="items", title="Items", by=owner)
    frame = rows()
    data = catalog_actions.register_dataset_version(
        dataset,
        version="1",
        file=parquet(frame),
        id_column="item",
        label_column="label",
        time_column="seen",
        by=owner,
    )
    slices = [
        catalog_actions.declare_slice(
            dataset,
            key=f"group-{name}",
            title=f"Group {name}",
            condition={"column": "group", "op": "eq", "value": name},
            by=owner,
        )
        for name in "ab"
    ]
    versions = {
        name: catalog_actions.register_version(
            model,
            version=name,
            artifact=artifact(columns),
            artifact_format="skops",
            input_columns=columns,
            by=owner,
        )
        for name, columns in (("v1", ["x"]), ("v2", ["x", "z"]))
    }
    written = _scenarios(data, slices, scenarios, owner)
    suite = actions.compose_suite(
        project,
        key="small-suite",
        title="Small suite",
        model=model,
        owner=owner,
        metrics=["accuracy", "roc_auc"],
        scenarios=written,
        by=owner,
    )
    return SmallWorld(
        owner, reviewer, project, model, dataset, data, slices, versions, suite, frame
    )


def _scenarios(
    data: DatasetVersion, slices: list[Slice], number: int, owner: User
) -> list[Scenario]:
    """So many of them, each with one criterion on the change of accuracy."""
    project = data.dataset.project
    accuracy = actions.define_metric(project, "accuracy", margin=0.05, by=owner)
    actions.define_metric(project, "roc_auc", margin=0.05, by=owner)
    return [
        actions.write_scenario(
            project,
            key=f"scenario-{each}",
            title=f"Scenario {each}",
            dataset=data.dataset,
            dataset_version=data,
            perturbation=_steps(each),
            seed=each,
            slices=slices,
            criteria=[{"metric": accuracy, "change_threshold": 0.05, "why": "Users notice."}],
            by=owner,
        )
        for each in range(number)
    ]


def _steps(number: int) -> list[dict[str, Any]]:
    """The first scenario is the data as they are; the others blur x, each more than the last."""
    if number == 0:
        return []
    return [{"kind": "noise", "parameters": {"column": "x", "sd": 0.1 * number}}]
