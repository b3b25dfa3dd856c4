"""Pieces of a table: any split and any order give the same report; sketches keep their bounds."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.engine.drift import compare_frames, summarise
from benchmarks.engine.drift_blocks import LevelBlock, NumericBlock, NumericSketch
from benchmarks.engine.drift_columns import Keeping
from benchmarks.engine.drift_numeric import compare_numeric

pytestmark = pytest.mark.pure


def table(n, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    number = np.round(rng.normal(shift, size=n), 2)
    number[rng.random(n) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "number": number,
            "count": rng.poisson(3, n),
            "level": rng.choice(["a", "b", "c", None], n),
            "flag": rng.random(n) < 0.3,
            "vector": list(rng.normal(shift, size=(n, 3))),
        }
    )


REFERENCE, CURRENT = table(120, 1), table(90, 2, 0.4)
WHOLE = compare_frames(REFERENCE, CURRENT, seed=9)


def pieces(frame, cuts, order):
    """The frame cut at the given rows, summarised apart and merged in the given order."""
    ends = sorted({0, len(frame), *cuts})
    parts = [summarise(frame.iloc[a:b], start=a, seed=9) for a, b in pairwise(ends)]
    parts = [parts[i] for i in sorted(range(len(parts)), key=lambda i: order[i % len(order)])]
    result = parts[0]
    for part in parts[1:]:
        result = part.merged(result)
    return result


cuts = st.lists(st.integers(0, 90), max_size=4)
orders = st.permutations(range(6))


@settings(max_examples=20, deadline=None)
@given(cuts, orders, cuts, orders)
def test_merged_pieces__any_split_and_order__give_the_report_of_the_whole(c1, o1, c2, o2):
    found = compare_frames(pieces(REFERENCE, c1, o1), pieces(CURRENT, c2, o2), seed=9)
    assert found == WHOLE


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(width=32), max_size=30), st.lists(st.integers(0, 30), max_size=4))
def test_numeric_block__any_split__holds_the_same_bytes(values, cuts_):
    numbers = np.array(values, dtype=float)
    whole = NumericBlock.of(numbers)
    parts = [NumericBlock.of(part) for part in np.split(numbers, sorted(cuts_))]
    joined = parts[-1]
    for part in parts[:-1]:
        joined = joined.merged(part)
    assert joined.sample().values.tobytes() == whole.sample().values.tobytes()
    assert (joined.n, joined.missing) == (whole.n, whole.missing)


def test_sources__frame_arrow_parquet_and_row_groups__give_one_report(tmp_path):
    arrow = [pa.Table.from_pandas(frame, preserve_index=False) for frame in (REFERENCE, CURRENT)]
    files = [tmp_path / name for name in ("reference.parquet", "current.parquet")]
    for content, path in zip(arrow, files, strict=True):
        pq.write_table(content, path, row_group_size=37)
    groups = [(pq.ParquetFile(path).read_row_group(i) for i in range(3)) for path in files[1:]]
    assert compare_frames(arrow[0], arrow[1], seed=9) == WHOLE
    assert compare_frames(*files, seed=9) == WHOLE
    assert compare_frames(str(files[0]), groups[0], seed=9) == WHOLE
    assert compare_frames(summarise(files[0], seed=9), iter([CURRENT]), seed=9) == WHOLE


def test_merged_pieces__column_empty_in_one_piece__keeps_its_kind():
    frame = pd.DataFrame({"x": [None] * 20 + list("ab") * 30}, dtype=object)
    halves = [summarise(frame.iloc[a:b], start=a, seed=1) for a, b in ((0, 20), (20, 80))]
    for merged in (halves[0].merged(halves[1]), halves[1].merged(halves[0])):
        assert merged.column("x").missing == 20
        report = compare_frames(merged, frame, seed=1, classifier=False)
        assert report == compare_frames(frame, frame, seed=1, classifier=False)


def test_merged_pieces__other_columns_or_sizes__are_refused():
    first = summarise(pd.DataFrame({"x": [1.0]}), seed=1)
    with pytest.raises(ValueError, match="same columns"):
        first.merged(summarise(pd.DataFrame({"y": [1.0]}), start=1, seed=1))
    with pytest.raises(ValueError, match="same seed and sizes"):
        first.merged(
            summarise(pd.DataFrame({"x": [1.0]}), start=1, seed=1, keeping=Keeping(1, 64))
        )
    with pytest.raises(ValueError, match="no piece"):
        compare_frames([], first, seed=1)


@pytest.mark.parametrize("shards", [1, 7])
@pytest.mark.parametrize("order", ["random", "ascending", "descending"])
def test_sketch__any_order_of_values__keeps_its_stated_rank_error(order, shards):
    values = np.random.default_rng(4).lognormal(size=60_000)
    arranged = {"random": values, "ascending": np.sort(values)}.get(order, np.sort(values)[::-1])
    sketch = NumericSketch.of(arranged[:0], 256)
    for part in np.array_split(arranged, shards):
        sketch = sketch.merged(NumericSketch.of(part, 256))
    sample = sketch.sample()
    whole = np.sort(values)
    at = np.concatenate([whole, sample.values])
    exact = np.searchsorted(whole, at, side="right") / len(whole)
    kept = np.searchsorted(sample.values, at, side="right") / len(sample.values)
    assert np.abs(exact - kept).max() <= sample.rank_error
    assert 0 < sample.rank_error < 0.02
    assert (sample.n, sketch.n) == (60_000, 60_000)
    assert sum(len(level) for level in sketch.levels) <= 256 * len(sketch.levels)
    assert (sample.values[0], sample.values[-1]) == (whole[0], whole[-1])


def test_sketch__two_sides__keep_the_stated_bounds_of_the_distances():
    rng = np.random.default_rng(6)
    first, second = rng.normal(size=40_000), rng.normal(0.1, size=30_000)
    sides = [NumericSketch.of(side, 512).sample() for side in (first, second)]
    numbers, _ = compare_numeric(*sides, seed=1)
    exact = stats.ks_2samp(first, second, method="asymp")
    assert abs(numbers.ks - exact.statistic) <= numbers.rank_error
    assert numbers.ks_p >= exact.pvalue
    span = np.ptp(np.concatenate([first, second]))
    error = abs(numbers.wasserstein - stats.wasserstein_distance(first, second))
    assert error <= numbers.rank_error * span


def test_sketch__few_values__is_exact():
    values = np.random.default_rng(1).normal(size=200)
    sample = NumericSketch.of(values, 256).sample()
    assert sample.rank_error == 0
    assert np.array_equal(sample.values, np.sort(values))


@given(st.lists(st.sampled_from("abcdefgh"), max_size=60), st.integers(1, 60), st.integers(1, 8))
def test_level_sketch__any_levels__counts_too_low_by_at_most_its_error(names, cut, limit):
    parts = [pd.Series(part, dtype=object).value_counts() for part in (names[:cut], names[cut:])]
    first, second = (LevelBlock.of(part.to_dict(), limit=limit) for part in parts)
    block = first.merged(second)
    assert len(block.counts) <= limit
    assert block.n == len(names)
    assert block.error <= len(names) / (limit + 1)
    for name in "abcdefgh":
        assert 0 <= names.count(name) - block.counts.get(name, 0) <= block.error


def test_report__sketches__say_that_they_are_and_find_what_is_there():
    rng = np.random.default_rng(8)
    frames = [
        pd.DataFrame({"x": rng.normal(shift, size=20_000), "same": rng.normal(size=20_000)})
        for shift in (0.0, 0.2)
    ]
    keeping = Keeping(3, values=1024, levels=100)
    sides = [[frame.iloc[i : i + 5000] for i in range(0, 20_000, 5000)] for frame in frames]
    report = compare_frames(*sides, seed=3, classifier=False, keeping=keeping)
    assert not report.exact
    assert [c.verdict.value for c in report.columns] == ["drifted", "no_drift"]
    assert report.column("x").detail.rank_error > 0


def test_report__more_levels_than_the_sketch_holds__is_undecided():
    frame = pd.DataFrame({"c": [f"{i % 60}" for i in range(600)]})
    keeping = Keeping(3, values=1024, levels=20)
    report = compare_frames([frame], [frame], seed=3, classifier=False, keeping=keeping)
    assert report.column("c").reason.value == "too_many_levels"
