"""Set right by people: left out or judged by another label, the given frame untouched."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.engine.amending import Amendments, amended

pytestmark = pytest.mark.pure


def frame(labels=(0, 1, 0, 1), index=(1, 2, 3, 4)):
    return pd.DataFrame({"label": list(labels), "score": 0.5}, index=list(index))


def test_amended__nothing_to_amend__is_the_frame_itself():
    scored = frame()
    assert amended(scored, Amendments()) is scored


def test_amended__left_out_and_relabelled__leaves_the_given_frame_alone():
    scored = frame()
    found = amended(scored, Amendments(frozenset({"2"}), {"1": 1.0, "2": 0.0}))
    assert list(found.index) == [1, 3, 4]
    assert list(found["label"]) == [1, 0, 1]
    assert list(scored["label"]) == [0, 1, 0, 1]
    assert found["label"].dtype == scored["label"].dtype


def test_amended__item_drawn_twice_or_named_by_text__is_found_everywhere():
    scored = frame(index=("a", "b", "a", "c"))
    assert list(amended(scored, Amendments(frozenset({"a"}))).index) == ["b", "c"]
    assert list(amended(scored, Amendments(labels={"a": 1.0}))["label"]) == [1, 1, 1, 1]


def test_amended__label_between_whole_ones__is_not_cut_down():
    found = amended(frame(), Amendments(labels={"3": 2.5}))
    assert list(found["label"]) == [0, 1, 2.5, 1]


def test_amended__items_that_are_not_there__change_nothing():
    found = amended(frame(), Amendments(frozenset({"9"}), {"8": 1.0}))
    pd.testing.assert_frame_equal(found, frame())


@given(
    st.sets(st.integers(0, 30)),
    st.dictionaries(st.integers(0, 30), st.sampled_from([0.0, 1.0])),
)
def test_amended__any_amendments__agree_with_going_item_by_item(left_out, labels):
    scored = frame(labels=np.arange(31) % 2, index=range(31))
    amendments = Amendments(
        frozenset(map(str, left_out)), {str(item): label for item, label in labels.items()}
    )
    expected = {i: labels.get(i, i % 2) for i in range(31) if i not in left_out}
    found = amended(scored, amendments)
    assert dict(zip(found.index, found["label"], strict=True)) == expected
