"""Rows and files to frames and back: the only bridge between the database and the engine."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from django.core.files.storage import default_storage

from benchmarks.engine import perturbations
from benchmarks.engine.fairness import group_codes
from benchmarks.engine.perturbations import Perturbed
from benchmarks.engine.scored import BACKLOG_AGE, BACKLOG_DRAIN, BACKLOG_LOST, GROUP, HELD
from benchmarks.models import RowBlock
from catalog.actions import store
from catalog.digests import digest
from catalog.models import DatasetVersion

OUTPUT_COLUMNS = [
    "label", "score", "prediction", "cluster", GROUP, "reference_score", "reference_prediction",
    HELD,
]  # fmt: skip
#: Kept only where a model was timed.
LATENCY = "latency_ms"
#: Kept only of requests under load: what is known of each, and the column that holds it.
LOAD = {
    "errored": "errored",
    "row": "request_row",
    "at": "request_at",
    "tries": "request_tries",
}
#: Kept besides where a backfill was declared.
BACKFILL = {
    "kept_at": "request_kept_at",
    "left_at": "request_left_at",
    "filled": "request_filled",
    "again": "request_again",
    **{name: name for name in (BACKLOG_LOST, BACKLOG_AGE, BACKLOG_DRAIN)},
}
# A column with more values than this is a measurement or a name, not a group attribute.
MOST_GROUPS = 50


class DamagedFile(Exception):
    """A stored file no longer has the content it was registered with."""


def read_verified(place: str, expected_digest: str) -> bytes:
    """A stored file's bytes. Raises DamagedFile when they are not those that were registered."""
    with default_storage.open(place) as file:
        content: bytes = file.read()
    if hashlib.sha256(content).hexdigest() != expected_digest:
        raise DamagedFile(f"The stored file {place} is not what was registered.")
    return content


@lru_cache(maxsize=4)  # a worker goes through many scenarios on the same few files
def _data(place: str, expected_digest: str, id_column: str) -> pd.DataFrame:
    frame = pd.read_parquet(io.BytesIO(read_verified(place, expected_digest)))
    return frame.set_index(id_column)


def data(version: DatasetVersion) -> pd.DataFrame:
    """The dataset version's rows, indexed by item id. Treat as read-only: it is shared."""
    return _data(version.place, version.digest, version.id_column)


def columns(version: DatasetVersion, names: Sequence[str]) -> pd.DataFrame:
    """Some columns of the dataset version's rows, indexed by item id."""
    content = io.BytesIO(read_verified(version.place, version.digest))
    wanted = [version.id_column, *(name for name in names if name != version.id_column)]
    return pd.read_parquet(content, columns=wanted).set_index(version.id_column)


def labels_by_item(version: DatasetVersion) -> dict[str, Any]:
    """What the file gives each item as its label; items are named as texts."""
    content = io.BytesIO(read_verified(version.place, version.digest))
    frame = pd.read_parquet(content, columns=[version.id_column, version.label_column])
    labels = frame[version.label_column].astype(object)
    labels = labels.where(labels.notna(), None)
    return dict(zip(frame[version.id_column].map(str), labels.tolist(), strict=True))


def perturbed(frame: pd.DataFrame, scenario: Mapping[str, Any], *, seed: int) -> Perturbed:
    return perturbations.apply(frame, scenario["perturbation"], seed=seed + scenario["seed"])


def data_digest(scenario: Mapping[str, Any], *, seed: int) -> str:
    """Names exactly what a model was asked: data, perturbation, stress where any, and seed."""
    stress = {"stress": scenario["stress"]} if scenario.get("stress") else {}
    return digest(
        {
            "dataset": scenario["dataset_digest"],
            "perturbation": scenario["perturbation"],
            "seed": seed + scenario["seed"] if scenario["perturbation"] or stress else 0,
            **stress,
        }
    )


def scored(
    original: pd.DataFrame,
    asked: pd.DataFrame,
    scores: Any,
    *,
    label_column: str,
    threshold: float,
    task: str,
    cluster_columns: Sequence[str],
    latency_ms: Any = None,
    protected_column: str = "",
    reference: Any = None,
    held: Any = None,
) -> pd.DataFrame:
    """The scored frame: what was asked and answered, beside each item's own true features.

    Slices, clusters and groups follow the original data: a perturbed field must not move a row
    into another slice. `reference` holds the scores of the unchanged rows, in their order; `held`
    what a safety net caught, in the order of the rows asked.
    """
    features = original.drop(columns=[label_column]).drop(columns=HELD, errors="ignore")
    frame = features.loc[asked.index].copy()
    frame["label"] = asked[label_column].to_numpy()
    frame["score"] = scores
    frame["prediction"] = (frame["score"] >= threshold).astype(int) if task == "binary" else scores
    if latency_ms is not None:
        frame[LATENCY] = latency_ms
    if reference is not None:
        frame["reference_score"] = pd.Series(reference, original.index).loc[asked.index].to_numpy()
        frame["reference_prediction"] = (frame["reference_score"] >= threshold).astype(int)
    if held is not None:
        frame[HELD] = np.asarray(held).astype(int)
    if cluster_columns:
        groups = original.groupby(list(cluster_columns), dropna=False, sort=True).ngroup()
        frame["cluster"] = groups.loc[asked.index].to_numpy()
    if protected_column:
        codes, _ = group_codes(original[protected_column])
        frame[GROUP] = pd.Series(codes, original.index).loc[asked.index].to_numpy()
    return frame


def scored_under_load(
    original: pd.DataFrame, asked: pd.DataFrame, requests: pd.DataFrame, **terms: Any
) -> pd.DataFrame:
    """The scored frame of requests: one row each, without score or decision where it failed."""
    latency = requests[LATENCY].to_numpy()
    rows = asked.iloc[requests["row"].to_numpy()]
    frame = scored(original, rows, requests["score"].to_numpy(), latency_ms=latency, **terms)
    for name, column in (LOAD | BACKFILL).items():
        if name in requests:
            frame[column] = requests[name].to_numpy()
    frame["prediction"] = np.where(frame["errored"] == 1, np.nan, frame["prediction"])
    return frame


def kept_requests(place: str, expected_digest: str) -> pd.DataFrame:
    """The requests of a stored part under load, as they came."""
    answers = pd.read_parquet(io.BytesIO(read_verified(place, expected_digest)))
    names = {column: name for name, column in (LOAD | BACKFILL).items()}
    kept = answers.rename(columns=names)
    backfill = [name for name in BACKFILL if BACKFILL[name] in answers]
    return kept[["score", LATENCY, *LOAD, *backfill]]


def unfit_for_groups(version: DatasetVersion, column: str) -> str:
    """Why the column holds no groups to compare, in a sentence; empty when it does."""
    known = next((row for row in version.columns if row["name"] == column), None)
    if known is None:
        return f"{version} has no column “{column}”."
    if column in (version.label_column, version.id_column):
        return f"“{column}” is what is predicted or names the item in {version}: it has no groups."
    distinct = known["profile"]["distinct"]
    if known["kind"] == "datetime" or distinct > MOST_GROUPS:
        return (
            f"“{column}” has {distinct:,} different values in {version}. A protected column has "
            f"at most {MOST_GROUPS} groups: sort its values into classes first."
        )
    return ""


def store_outputs(frame: pd.DataFrame) -> tuple[str, str]:
    """Keep a part's answers as Parquet; returns place and digest of the file."""
    load = (LOAD | BACKFILL).values() if LOAD["row"] in frame.columns else ()
    columns = [name for name in (*OUTPUT_COLUMNS, LATENCY, *load) if name in frame.columns]
    return _store_parquet("outputs", frame[columns].rename_axis("item").reset_index())


def outputs(place: str, expected_digest: str, original: pd.DataFrame) -> pd.DataFrame:
    """A part's answers rejoined with the items' features, as `scored` made them."""
    answers = pd.read_parquet(io.BytesIO(read_verified(place, expected_digest))).set_index("item")
    replaced = {*OUTPUT_COLUMNS, *answers.columns}
    features = original.drop(columns=[name for name in original.columns if name in replaced])
    frame = features.loc[answers.index].copy()
    for name in answers.columns:
        frame[name] = answers[name].to_numpy()
    frame.index.name = original.index.name
    return frame


def kept_answers(place: str, expected_digest: str) -> pd.DataFrame:
    """What a stored part was answered, in its order, by item."""
    answers = pd.read_parquet(io.BytesIO(read_verified(place, expected_digest)))
    return answers.set_index("item")


def store_answers(scores: np.ndarray, latency_ms: np.ndarray | None) -> tuple[str, str]:
    """Keep what was answered about a block of rows; returns place and digest of the file."""
    answers = pd.DataFrame({"score": scores})
    return _store_parquet(
        "blocks", answers if latency_ms is None else answers.assign(**{LATENCY: latency_ms})
    )


def block_answers(block: RowBlock) -> pd.DataFrame:
    content = read_verified(block.answers_place, block.answers_digest)
    return pd.read_parquet(io.BytesIO(content))


def store_posted(items: Mapping[str, Sequence[Any]]) -> tuple[str, str]:
    """Keep posted predictions as they came; returns place and digest."""
    return _store_parquet("posted", pd.DataFrame(dict(items)))


def _store_parquet(folder: str, frame: pd.DataFrame) -> tuple[str, str]:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    content = buffer.getvalue()
    return store(folder, io.BytesIO(content), ".parquet"), hashlib.sha256(content).hexdigest()


def posted(place: str) -> pd.DataFrame:
    """Posted predictions, indexed by item id."""
    with default_storage.open(place) as file:
        return pd.read_parquet(io.BytesIO(file.read())).set_index("item")
