"""The demo's numbers, computed once more without our engine: pandas, numpy, scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from portal.demo import recipe
from tests.stack import Installation

pytestmark = pytest.mark.worker

MEASURED = """
import json
from benchmarks.models import ChallengeRun
rows = {}
for version in ("v1", "v2", "v3"):
    run = ChallengeRun.objects.get(suite__key="july-challenge", model_version__version=version)
    cells = run.measurements.filter(scenario="july-as-is", metric__in=["accuracy", "roc_auc"])
    fields = ("metric", "slice", "value", "low", "high", "n")
    rows[version] = [list(cell) for cell in cells.values_list(*fields)]
print(json.dumps(rows))
"""
#: Written here a second time on purpose: the declared conditions must mean these.
SLICES = {
    "all": lambda f: f["hour"] >= 0,
    "origin-EWR": lambda f: f["origin"] == "EWR",
    "origin-JFK": lambda f: f["origin"] == "JFK",
    "origin-LGA": lambda f: f["origin"] == "LGA",
    **{
        f"carrier-{code}": (lambda f, code=code: f["carrier"] == code)
        for code in ("UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX")
    },
    "hour-early": lambda f: f["hour"] < 9,
    "hour-midday": lambda f: (f["hour"] >= 9) & (f["hour"] < 14),
    "hour-afternoon": lambda f: (f["hour"] >= 14) & (f["hour"] < 18),
    "hour-evening": lambda f: f["hour"] >= 18,
    "distance-short": lambda f: f["distance"] < 500,
    "distance-middle": lambda f: (f["distance"] >= 500) & (f["distance"] < 1500),
    "distance-long": lambda f: f["distance"] >= 1500,
    "pressure-low": lambda f: f["pressure"] < 1010,
    "pressure-middle": lambda f: (f["pressure"] >= 1010) & (f["pressure"] < 1020),
    "pressure-high": lambda f: (f["pressure"] >= 1020) & (f["pressure"] < 1030),
    "pressure-extreme": lambda f: f["pressure"] >= 1030,
    "pressure-unknown": lambda f: f["pressure"].isna(),
    "visibility-low": lambda f: f["visib"] < 5,
    "visibility-good": lambda f: f["visib"] >= 5,
    "wind-calm": lambda f: f["wind_speed"] < 15,
    "wind-strong": lambda f: f["wind_speed"] >= 15,
    "wet": lambda f: f["precip"] > 0,
    "dry": lambda f: f["precip"] == 0,
}


@pytest.fixture(scope="module")
def measured(demo: Installation) -> dict:
    return {
        version: {(metric, part): numbers for metric, part, *numbers in rows}
        for version, rows in demo.read(MEASURED).items()
    }


@pytest.fixture(scope="module")
def july() -> pd.DataFrame:
    flights = recipe.load_flights()
    month = flights[flights["month"] == 7].copy()
    for version, train in (
        ("v1", recipe.train_v1),
        ("v2", recipe.train_v2),
        ("v3", recipe.train_v3),
    ):
        columns = recipe.INPUT_COLUMNS[version]
        month[version] = train(flights).predict_proba(month[columns])[:, 1]
    return month


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_accuracy__every_slice__agrees_with_scikit_learn(measured, july, version):
    checked = 0
    for name, rows in SLICES.items():
        part = july[rows(july)]
        value, _, _, n = measured[version]["accuracy", name]
        assert n == len(part)
        if len(part):
            assert abs(value - accuracy_score(part["late"], part[version] >= 0.5)) < 1e-9
            checked += 1
    assert checked >= 25


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_auc__every_slice_with_both_classes__agrees_with_scikit_learn(measured, july, version):
    checked = 0
    for name, rows in SLICES.items():
        part = july[rows(july)]
        value = measured[version]["roc_auc", name][0]
        if part["late"].nunique() < 2:
            assert value is None
            continue
        assert abs(value - roc_auc_score(part["late"], part[version])) < 1e-9
        checked += 1
    assert checked >= 25


def bootstrapped(july: pd.DataFrame, version: str, metric: str) -> tuple[float, float]:
    """A percentile interval from drawing whole clusters anew, the plain textbook way."""
    draw = np.random.default_rng(0)
    groups = [g for _, g in july.groupby(["origin", "scheduled"])[["late", version]]]
    late = [g["late"].to_numpy() for g in groups]
    score = [g[version].to_numpy() for g in groups]
    values = []
    for _ in range(400):
        chosen = draw.integers(0, len(groups), len(groups))
        y = np.concatenate([late[i] for i in chosen])
        p = np.concatenate([score[i] for i in chosen])
        values.append(np.mean((p >= 0.5) == y) if metric == "accuracy" else roc_auc_score(y, p))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_interval__all_rows__agrees_with_a_plain_cluster_bootstrap(measured, july, metric):
    _, low, high, _ = measured["v2"][metric, "all"]
    drawn_low, drawn_high = bootstrapped(july, "v2", metric)
    width = drawn_high - drawn_low
    # 400 draws leave about 7 % of a width of error at each end.
    assert abs(low - drawn_low) < 0.25 * width
    assert abs(high - drawn_high) < 0.25 * width
    assert 0.8 < (high - low) / width < 1.25
