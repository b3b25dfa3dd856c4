"""Stored predictions find their items, or say which they cannot find."""

import pandas as pd
import pytest

from benchmarks.predictors.base import PredictorError
from benchmarks.predictors.stored import stored_scores

pytestmark = pytest.mark.pure


@pytest.fixture
def predictions():
    return pd.DataFrame(
        {"score": [0.1, 0.2, 0.3], "p_v2": [0.4, None, 0.6], "words": ["a", "b", "c"]},
        index=pd.Index([7, 5, 9]),
    )


def test_stored_scores__another_order_with_repeats__follows_the_index(predictions):
    assert list(stored_scores(predictions, pd.Index([9, 7, 9]))) == [0.3, 0.1, 0.3]


def test_stored_scores__other_column__is_read(predictions):
    assert list(stored_scores(predictions, pd.Index([9, 7]), column="p_v2")) == [0.6, 0.4]


@pytest.mark.parametrize(
    ("index", "column", "part"),
    [
        ([7, 1, 2, 3, 4, 4], "score", r"no stored prediction for 4 items \(1, 2, 3 and 1 more\)"),
        ([5], "p_v2", r"not a finite number for 1 item \(5\)"),
        ([5], "p_v3", "no column “p_v3”"),
        ([5], "words", "not all numbers"),
    ],
)
def test_stored_scores__gap_or_fault__names_it(predictions, index, column, part):
    with pytest.raises(PredictorError, match=part):
        stored_scores(predictions, pd.Index(index), column=column)


def test_stored_scores__item_stored_twice__is_refused(predictions):
    doubled = pd.concat([predictions, predictions.loc[[5]]])
    with pytest.raises(PredictorError, match=r"1 item \(5\) more than once"):
        stored_scores(doubled, pd.Index([7]))
