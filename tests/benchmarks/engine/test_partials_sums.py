"""Exact sums against the standard library's, and bins that keep order and distance."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.engine.partials_sums import (
    FixedSums,
    Histogram,
    KeyedCounts,
    KeyedSums,
    bin_of,
    value_of,
)

pytestmark = pytest.mark.pure

FINITE = st.floats(-1e9, 1e9, allow_nan=False)


@example([-2.2212881255299064e-07], 0)
@given(st.lists(FINITE, min_size=1, max_size=60), st.integers(0, 60))
def test_fixed_sums__any_cut__equals_the_exactly_rounded_sum(values, cut):
    column = np.array(values)[:, None]
    found = FixedSums.of(column[:cut]).merged(FixedSums.of(column[cut:]))
    assert found.limbs.tobytes() == FixedSums.of(column[::-1]).limbs.tobytes()
    assert found.totals[0] == pytest.approx(math.fsum(values), rel=1e-15, abs=1e-17)


def test_fixed_sums__cancelling_values__lose_nothing():
    column = np.array([1e12, 0.1, -1e12])[:, None]
    assert FixedSums.of(column).totals[0] == 0.1


def test_fixed_sums__value_out_of_reach__is_refused():
    with pytest.raises(ValueError, match="too large"):
        FixedSums.of(np.array([[2.0**60]]))


@example([0.0, -5e-324])
@given(st.lists(st.one_of(FINITE, st.floats(0, 1)), min_size=2, max_size=50))
def test_bins__ascending_values__never_descend_and_stay_near(values):
    ordered = np.sort(np.array(values))
    bins = bin_of(ordered)
    assert (np.diff(bins) >= 0).all()
    near = value_of(bins)
    reach = np.where((ordered > 0.5) & (ordered <= 1), 1 - ordered, np.abs(ordered))
    assert (np.abs(near - ordered) <= reach * 2.0**-11 + 1e-300).all()
    assert np.array_equal(bin_of(near), bins)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_bins__ends_and_middle_of_a_probability__are_kept(value):
    assert value_of(bin_of(np.array([value])))[0] == value


@given(st.lists(st.integers(-5, 5), max_size=40), st.integers(0, 40))
def test_histogram__any_cut__counts_the_same(codes, cut):
    codes = np.array(codes, dtype=np.int64)
    found = Histogram.of(codes[:cut]).merged(Histogram.of(codes[cut:]))
    assert dict(zip(found.codes.tolist(), found.counts.tolist(), strict=True)) == {
        code: codes.tolist().count(code) for code in set(codes.tolist())
    }


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=40))
def test_keyed__two_halves__equal_the_whole(rows):
    keys, codes = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    values = codes[:, None] * 0.1
    whole, sums = KeyedCounts.of(keys, codes), KeyedSums.of(keys, values)
    half = KeyedCounts.of(keys[::2], codes[::2]).merged(KeyedCounts.of(keys[1::2], codes[1::2]))
    other = KeyedSums.of(keys[1::2], values[1::2]).merged(KeyedSums.of(keys[::2], values[::2]))
    assert [half.keys.tolist(), half.codes.tolist(), half.counts.tolist()] == [
        whole.keys.tolist(),
        whole.codes.tolist(),
        whole.counts.tolist(),
    ]
    assert other.limbs.tobytes() == sums.limbs.tobytes()
    assert sums.totals[:, 0] == pytest.approx([values[keys == k].sum() for k in sums.keys])
