"""Shards: any split and any order of merging give the same bytes, and the right numbers."""

from functools import reduce

import numpy as np
import pytest
from engine_frames import scored_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.engine.metrics import METRICS, SUMMED, estimates
from benchmarks.engine.partials import Partial, merged, partial_of
from benchmarks.engine.resampling import bootstrap
from benchmarks.engine.slices import Slice
from benchmarks.engine.values import Kind, Reason

pytestmark = pytest.mark.pure

FRAME = scored_frame(900, seed=3).assign(day=lambda f: f.group * 100 + np.arange(900) // 12)
SLICES = [
    Slice("g1", "Group 1", {"column": "group", "op": "eq", "value": 1}),
    Slice("dear", "Dear", {"column": "cost", "op": "gt", "value": 6.0}),
    Slice("nobody", "Nobody", {"column": "group", "op": "eq", "value": 99}),
]
KEYS = [key for key, metric in METRICS.items() if metric.kind in SUMMED]
CLUSTERS = [None, "day"]


def table(partial, resamples=60):
    return partial.table(seed=5, resamples=resamples)


def content(found):
    return found.estimates, found.percentiles, [draws.tobytes() for draws in found.draws]


WHOLE = {c: content(table(partial_of(FRAME, KEYS, SLICES, clusters=c))) for c in CLUSTERS}


@pytest.mark.parametrize("clusters", CLUSTERS)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_partials__any_split_and_any_order_of_merging__give_the_same_bytes(clusters, data):
    shard = np.array(data.draw(st.lists(st.integers(0, 5), min_size=900, max_size=900)))
    pieces = [
        partial_of(FRAME[shard == number], KEYS, SLICES, clusters=clusters) for number in range(6)
    ]
    while len(pieces) > 1:
        first = pieces.pop(data.draw(st.integers(0, len(pieces) - 1)))
        second = pieces.pop(data.draw(st.integers(0, len(pieces) - 1)))
        pieces.append(first.merged(second))
    assert content(table(pieces[0])) == WHOLE[clusters]


@pytest.mark.parametrize("clusters", CLUSTERS)
def test_partials__rows_in_another_order__change_nothing(clusters):
    shuffled = FRAME.sample(frac=1, random_state=1)
    found = table(partial_of(shuffled, KEYS, SLICES, clusters=clusters))
    assert content(found) == WHOLE[clusters]


@pytest.mark.parametrize("clusters", CLUSTERS)
@pytest.mark.parametrize("key", KEYS)
def test_partials__each_metric__has_the_value_of_the_rows_within_its_bins(key, clusters):
    found = table(partial_of(FRAME, [key], SLICES, clusters=clusters))
    for exact in estimates(FRAME, [key], SLICES, seed=1, resamples=200, clusters=clusters):
        near = found.at(key, exact.slice)
        assert (near.n, near.value is None) == (
            FRAME_SIZE[exact.slice],
            exact.value is None,
        )
        if exact.value is not None:
            binned = METRICS[key].kind in (Kind.AUC, Kind.QUANTILE)
            tolerance = 5e-4 if binned else 1e-12
            assert near.value == pytest.approx(exact.value, rel=tolerance, abs=1e-15)


FRAME_SIZE = {
    "all": 900,
    "g1": int((FRAME.group == 1).sum()),
    "dear": int((FRAME.cost > 6.0).sum()),
    "nobody": 0,
}


@pytest.mark.parametrize("clusters", CLUSTERS)
def test_partials__intervals__are_those_of_the_whole_frame(clusters):
    keys = ["accuracy", "f1", "roc_auc", "brier", "mean_cost", "p95_latency", "ece"]
    near = table(partial_of(FRAME, keys, SLICES, clusters=clusters), 2000)
    for exact in bootstrap(FRAME, keys, SLICES, seed=1, clusters=clusters).estimates:
        found = near.at(exact.metric, exact.slice)
        assert found.reason is exact.reason
        if exact.interval is not None:
            width = exact.interval.high - exact.interval.low
            assert found.interval.low == pytest.approx(exact.interval.low, abs=0.15 * width)
            assert found.interval.high == pytest.approx(exact.interval.high, abs=0.15 * width)


def test_partials__clusters_cut_by_shards__are_drawn_whole():
    halves = [partial_of(FRAME[at::2], ["accuracy"], [], clusters="day") for at in (0, 1)]
    boot = bootstrap(FRAME, ["accuracy"], [], seed=1, clusters="day").at("accuracy", "all")
    found = merged(halves).table(seed=1).at("accuracy", "all")
    width = boot.interval.high - boot.interval.low
    assert found.interval.high - found.interval.low == pytest.approx(width, rel=0.1)


def test_partials__a_missing_score_in_one_shard__is_told_for_the_whole():
    broken = FRAME.iloc[:50].copy()
    broken.loc[broken.index[3], "score"] = np.nan
    keys = ["roc_auc", "accuracy"]
    found = table(merged([partial_of(FRAME.iloc[50:], keys, []), partial_of(broken, keys, [])]))
    assert found.at("roc_auc", "all").reason is Reason.NOT_A_NUMBER
    assert found.at("accuracy", "all").value is not None


def test_partials__one_class_in_each_shard_but_two_together__have_an_area():
    sides = [partial_of(FRAME[FRAME.label == label], ["roc_auc"], []) for label in (0, 1)]
    alone = [table(side).at("roc_auc", "all").reason for side in sides]
    assert alone == [Reason.ONE_CLASS, Reason.ONE_CLASS]
    assert table(merged(sides)).at("roc_auc", "all").value == pytest.approx(
        estimates(FRAME, ["roc_auc"], [], seed=1)[0].value, abs=5e-4
    )


@pytest.mark.parametrize("clusters", CLUSTERS)
@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("key", KEYS)
def test_partials__hardly_any_row__have_reasons_instead_of_intervals(key, n, clusters):
    found = table(partial_of(FRAME.iloc[:n], [key], [], clusters=clusters), 50).at(key, "all")
    assert found.interval is None or found.interval.low < found.interval.high
    assert found.interval is not None or found.reason is not Reason.NONE


def test_partials__different_questions__are_not_merged():
    with pytest.raises(ValueError, match="cannot be merged"):
        partial_of(FRAME, ["accuracy"], []).merged(partial_of(FRAME, ["f1"], []))


def test_partials__nothing__cannot_be_merged():
    with pytest.raises(ValueError, match="nothing to merge"):
        merged([])


def test_partials__merging_in_a_tree__equals_merging_in_a_row():
    shards = [partial_of(FRAME.iloc[at : at + 90], KEYS, SLICES) for at in range(0, 900, 90)]
    tree = [reduce(Partial.merged, shards[at : at + 5]) for at in (0, 5)]
    assert content(table(tree[1].merged(tree[0]))) == content(table(merged(shards)))
