"""Adjusted p-values against statsmodels, and the laws that any adjustment obeys."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from benchmarks.engine.corrections import benjamini_hochberg, benjamini_yekutieli, holm

pytestmark = pytest.mark.pure

METHODS = {"holm": holm, "fdr_bh": benjamini_hochberg, "fdr_by": benjamini_yekutieli}
families = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@pytest.mark.parametrize("name", METHODS)
@given(families)
def test_adjustment__any_family__agrees_with_statsmodels(name, p_values):
    expected = multipletests(p_values, method=name)[1]
    assert METHODS[name](p_values) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("method", METHODS.values())
@given(families)
def test_adjustment__any_family__keeps_the_order_and_never_lowers_a_p(method, p_values):
    adjusted = np.array(method(p_values))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(adjusted[order]) >= -1e-15).all()
    assert (adjusted >= np.array(p_values) - 1e-15).all()
    assert (adjusted <= 1).all()


@pytest.mark.parametrize("method", METHODS.values())
def test_adjustment__empty_family__is_empty(method):
    assert method([]) == []


def test_benjamini_hochberg__200_true_nulls__hardly_ever_discovers():
    rng = np.random.default_rng(7)
    wrong = sum(min(benjamini_hochberg(list(rng.random(200)))) <= 0.10 for _ in range(400))
    assert wrong <= 60  # 10 % of 400, plus 3.3 binomial errors
