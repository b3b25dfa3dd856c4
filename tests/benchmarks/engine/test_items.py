"""Items of two sides: each in exactly one kind, counted by hand and by law."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.engine.items import ItemKind, compared
from benchmarks.engine.slices import Slice
from benchmarks.engine.stability import churn

pytestmark = pytest.mark.pure

EVEN = Slice("even", "Even", {"column": "parity", "op": "eq", "value": 0})


def side(items, predictions, labels=None, **columns):
    labels = [1] * len(items) if labels is None else labels
    data = {"label": labels, "prediction": predictions, "score": np.array(predictions) / 2}
    frame = pd.DataFrame({**data, "parity": [item % 2 for item in items], **columns})
    return frame.set_index(pd.Index(items, name="item"))


def listed(found, kind, slice_key="all"):
    return list(found.table["item"].iloc[found.places(kind, slice_key)])


def test_items__counted_by_hand__lie_in_their_kinds_and_slices():
    found = compared(
        side([1, 2, 3, 4, 5], [1, 0, 0, 1, 1]), side([6, 4, 3, 2, 1], [1] * 4 + [0]), [EVEN]
    )
    assert listed(found, ItemKind.NEWLY_FAILING) == ["1"]
    assert listed(found, ItemKind.NEWLY_FIXED) == ["2", "3"]
    assert listed(found, ItemKind.NEWLY_FIXED, "even") == ["2"]
    assert listed(found, ItemKind.STILL_FAILING) == []
    assert listed(found, ItemKind.ADDED) == listed(found, ItemKind.ADDED, "even") == ["6"]
    assert listed(found, ItemKind.REMOVED) == ["5"]
    assert listed(found, ItemKind.REMOVED, "even") == []


def test_items__drawn_more_than_once__are_matched_in_their_order():
    found = compared(side([7, 7], [1, 0]), side([7, 7, 7], [0, 0, 1]), [])
    kinds = [kind for kind in ItemKind for _ in listed(found, kind)]
    assert kinds == [ItemKind.NEWLY_FAILING, ItemKind.STILL_FAILING, ItemKind.ADDED]


def test_items__without_a_label__are_neither_right_nor_wrong():
    found = compared(side([1], [1], [np.nan]), side([1], [0], [np.nan]), [])
    assert sum(found.counts().values()) == 0


def test_items__keys_of_another_type__are_the_same_items():
    found = compared(side([1], [1]), side([1], [0]).set_index(pd.Index(["1"], name="item")), [])
    assert found.counts()[ItemKind.NEWLY_FAILING] == 1


answers = st.lists(st.integers(0, 1), min_size=8, max_size=8)


@settings(max_examples=60, deadline=None)
@given(answers, answers, answers)
def test_items__any_answers_about_the_same_rows__agree_with_the_counts_of_the_comparison(
    before, after, labels
):
    one, two = side(range(8), before, labels), side(range(8), after, labels)
    counts, flips = compared(one, two, [EVEN]).counts(), churn(one, two)
    assert counts[ItemKind.NEWLY_FAILING] == flips.regressed.count
    assert counts[ItemKind.NEWLY_FIXED] == flips.mended.count
    both_wrong = [a == b != label for a, b, label in zip(before, after, labels, strict=True)]
    assert counts[ItemKind.STILL_FAILING] == sum(both_wrong)
    turned = compared(two, one, [EVEN]).counts()
    assert turned[ItemKind.NEWLY_FIXED] == counts[ItemKind.NEWLY_FAILING]


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 12)), st.sets(st.integers(0, 12)))
def test_items__any_two_sets_of_keys__are_added_removed_or_on_both_sides(first, second):
    one, two = (side(sorted(keys), [0] * len(keys)) for keys in (first, second))
    counts = compared(one, two, [EVEN]).counts()
    assert counts[ItemKind.ADDED] == len(second - first)
    assert counts[ItemKind.REMOVED] == len(first - second)
    assert counts[ItemKind.STILL_FAILING] == len(first & second)
