"""Slices: which rows a declared condition selects, and that missing values stay out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.engine.slices import Slice, mask, masks

pytestmark = pytest.mark.pure

FRAME = pd.DataFrame(
    {
        "origin": ["EWR", "JFK", None, "LGA", "EWR"],
        "distance": [100.0, 500.0, 900.0, np.nan, 2000.0],
    }
)

leaves = st.sampled_from(
    [
        {"column": "origin", "op": "eq", "value": "EWR"},
        {"column": "origin", "op": "in", "values": ["JFK", "LGA"]},
        {"column": "origin", "op": "is_null"},
        {"column": "distance", "op": "lt", "value": 600},
        {"column": "distance", "op": "between", "values": [500, 2000]},
    ]
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda c: {"not": c}, inner),
        st.builds(lambda c: {"all": c}, st.lists(inner, max_size=3)),
        st.builds(lambda c: {"any": c}, st.lists(inner, max_size=3)),
    ),
    max_leaves=6,
)


def rows(condition):
    return mask(FRAME, condition).tolist()


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        ({"column": "origin", "op": "eq", "value": "EWR"}, [1, 0, 0, 0, 1]),
        ({"column": "origin", "op": "ne", "value": "EWR"}, [0, 1, 0, 1, 0]),
        ({"column": "origin", "op": "in", "values": ["JFK", "LGA"]}, [0, 1, 0, 1, 0]),
        ({"column": "origin", "op": "not_in", "values": ["JFK", "LGA"]}, [1, 0, 0, 0, 1]),
        ({"column": "origin", "op": "is_null"}, [0, 0, 1, 0, 0]),
        ({"column": "origin", "op": "not_null"}, [1, 1, 0, 1, 1]),
        ({"column": "distance", "op": "lt", "value": 500}, [1, 0, 0, 0, 0]),
        ({"column": "distance", "op": "le", "value": 500}, [1, 1, 0, 0, 0]),
        ({"column": "distance", "op": "gt", "value": 900}, [0, 0, 0, 0, 1]),
        ({"column": "distance", "op": "ge", "value": 900}, [0, 0, 1, 0, 1]),
        ({"column": "distance", "op": "between", "values": [500, 2000]}, [0, 1, 1, 0, 0]),
    ],
)
def test_leaf__each_operator__selects_its_rows_and_no_missing_ones(leaf, expected):
    assert rows(leaf) == [bool(value) for value in expected]


def test_negation__of_a_comparison__does_not_select_missing_values():
    assert rows({"not": {"column": "origin", "op": "eq", "value": "EWR"}}) == rows(
        {"column": "origin", "op": "ne", "value": "EWR"}
    )


@given(conditions)
def test_negation__twice__changes_nothing(condition):
    assert rows({"not": {"not": condition}}) == rows(condition)


@given(conditions, conditions)
def test_negated_any__is_all_of_the_negated(first, second):
    left = {"not": {"any": [first, second]}}
    right = {"all": [{"not": first}, {"not": second}]}
    assert rows(left) == rows(right)


@given(conditions)
def test_condition_and_its_negation__never_share_a_row(condition):
    assert not (mask(FRAME, condition) & mask(FRAME, {"not": condition})).any()


def test_condition__empty__selects_every_row():
    assert rows({}) == [True] * 5


def test_condition__unknown_column__is_refused_in_words():
    with pytest.raises(ValueError, match="“tail”"):
        mask(FRAME, {"column": "tail", "op": "eq", "value": 1})


def test_condition__unknown_operator__is_refused_in_words():
    with pytest.raises(ValueError, match="no known operator"):
        mask(FRAME, {"column": "origin", "op": "__import__", "value": 1})


def test_masks__of_slices__begin_with_all_rows():
    part = Slice("far", "Far", {"column": "distance", "op": "ge", "value": 900})
    found = masks(FRAME, [part])
    assert list(found) == ["all", "far"]
    assert found["all"].all()


def test_masks__of_an_empty_frame__are_empty():
    part = Slice("far", "Far", {"column": "distance", "op": "ge", "value": 900})
    assert masks(FRAME.iloc[:0], [part])["far"].tolist() == []


def test_condition__text_compared_with_a_number__is_refused_in_words():
    with pytest.raises(ValueError, match="cannot be compared"):
        mask(FRAME, {"column": "origin", "op": "lt", "value": 3})
