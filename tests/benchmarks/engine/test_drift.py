"""Whole reports: verdicts on every kind of column, awkward tables, and what drift is found."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.bench.drift_data import tables
from benchmarks.engine import drift
from benchmarks.engine.drift import compare_frames
from benchmarks.engine.drift_values import ColumnKind, DriftReason, DriftVerdict

pytestmark = pytest.mark.pure


def column(reference, current, **options):
    frames = [pd.DataFrame({"x": side}) for side in (reference, current)]
    return compare_frames(*frames, seed=7, classifier=False, **options).column("x")


def outcome(reference, current):
    found = column(reference, current)
    return found.kind, found.verdict, found.reason


def normal(n, seed=0, shift=0.0):
    return np.random.default_rng([n, seed]).normal(shift, size=n)


def levels(counts):
    return [name for name, count in counts.items() for _ in range(count)]


NUMERIC, CATEGORICAL = ColumnKind.NUMERIC, ColumnKind.CATEGORICAL
DRIFTED, SAME = DriftVerdict.DRIFTED, DriftVerdict.NO_DRIFT
TOO_FEW, UNDECIDED = DriftVerdict.TOO_FEW, DriftVerdict.UNDECIDED


@pytest.mark.parametrize(
    ("reference", "current", "expected"),
    [
        (normal(2000), normal(2000, 1), (NUMERIC, SAME, DriftReason.WITHIN_CHANCE)),
        (normal(2000), normal(2000, 1, 0.5), (NUMERIC, DRIFTED, DriftReason.SHAPE)),
        (normal(2000), normal(40, 1), (NUMERIC, TOO_FEW, DriftReason.UNDERPOWERED)),
        (normal(2000), normal(40, 1, 3.0), (NUMERIC, DRIFTED, DriftReason.SHAPE)),
        (normal(2000), normal(4), (NUMERIC, TOO_FEW, DriftReason.TOO_FEW)),
        (normal(2000), normal(1), (NUMERIC, TOO_FEW, DriftReason.TOO_FEW)),
        (normal(2000), normal(0), (NUMERIC, TOO_FEW, DriftReason.NO_VALUES)),
        (normal(0), normal(0), (NUMERIC, TOO_FEW, DriftReason.NO_VALUES)),
        ([1] * 400, [1] * 300, (NUMERIC, SAME, DriftReason.WITHIN_CHANCE)),
        ([1] * 400, [2] * 300, (NUMERIC, DRIFTED, DriftReason.SHAPE)),
        ([None] * 400, [None] * 300, (ColumnKind.UNKNOWN, TOO_FEW, DriftReason.NO_VALUES)),
        ([True, False] * 500, [False, True] * 400, (ColumnKind.BOOLEAN, SAME, "within_chance")),
        ([True, False] * 500, [True] * 400, (ColumnKind.BOOLEAN, DRIFTED, "shape")),
        (["a", "b"] * 500, ["a", "b"] * 400, (CATEGORICAL, SAME, "within_chance")),
        (["a", "b"] * 500, ["a", "a", "b"] * 300, (CATEGORICAL, DRIFTED, "shape")),
        (["a", "b"] * 500, normal(300), (ColumnKind.MIXED, UNDECIDED, "kinds_differ")),
        (
            [f"id {i}" for i in range(900)],
            [f"id {i}" for i in range(700)],
            (ColumnKind.TEXT, UNDECIDED, "text_or_id"),
        ),
        (
            pd.date_range("2024-01-01", periods=90),
            pd.date_range("2024-06-01", periods=90),
            (ColumnKind.TIME, UNDECIDED, "time"),
        ),
        ([1j] * 50, [2j] * 50, (ColumnKind.UNSUPPORTED, UNDECIDED, "unsupported")),
        ([{"a": 1}] * 50, [{"a": 2}] * 50, (ColumnKind.UNSUPPORTED, UNDECIDED, "unsupported")),
    ],
)
def test_verdict__kinds_and_sizes__is_plain(reference, current, expected):
    assert outcome(reference, current) == expected


def test_verdict__column_that_becomes_empty__is_drift_by_missing_values():
    found = column(normal(500), [np.nan] * 400)
    assert (found.verdict, found.reason) == (DRIFTED, DriftReason.MISSING_SHARE)
    assert "0.0% before, 100.0% now" in found.sentence


def test_verdict__more_missing_and_another_shape__names_both():
    current = normal(1000, 1, 1.0)
    current[:300] = np.nan
    found = column(normal(1000), current)
    assert (found.verdict, found.reason) == (DRIFTED, DriftReason.SHAPE_AND_MISSING)
    assert (found.missing.current, found.missing.current_share) == (300, 0.3)
    assert found.current_n == 700


def test_verdict__infinite_values__count_as_missing():
    found = column(normal(500), np.append(normal(400, 1), [np.inf] * 100))
    assert (found.current_n, found.missing.current) == (400, 100)


def test_verdict__tiny_shift_of_many_rows__is_drift_and_called_small():
    found = column(normal(50_000), normal(50_000, 1, 0.05))
    assert (found.verdict, found.small) == (DRIFTED, True)
    assert found.effect.value > found.effect.floor
    assert found.effect.value == pytest.approx(0.05, abs=0.02)
    assert found.sentence.endswith("That is certain but small.")


@pytest.mark.parametrize("seed", range(8))
def test_verdict__shift_of_a_twentieth_at_50000_rows__is_found(seed):
    assert column(normal(50_000, seed), normal(50_000, seed + 100, 0.05)).verdict is DRIFTED


@pytest.mark.parametrize("current_rows", [100, 200, 500, 1000])
def test_verdict__no_drift_against_2000_rows__is_called_drift_at_most_once_in_twenty(current_rows):
    rng = np.random.default_rng(current_rows)
    alone = []
    for _ in range(150):
        reference, current = rng.normal(size=2000), rng.normal(size=current_rows)
        alone.append(column(reference, current).verdict is DRIFTED)
    assert np.mean(alone) <= 0.05


def test_verdict__wide_table_without_drift__stays_silent():
    rng = np.random.default_rng(3)
    frames = [pd.DataFrame(rng.normal(size=(n, 100))) for n in (2000, 300)]
    report = compare_frames(*frames, seed=1, classifier=False)
    assert report.drifted == ()
    assert min(c.shape_p for c in report.columns) < 0.05


def test_report__level_names_and_types__are_those_of_the_data():
    reference = pd.DataFrame({"c": pd.Categorical(["a"] * 60 + ["b"] * 60, ["a", "b", "never"])})
    found = compare_frames(reference, reference.head(100), seed=1, classifier=False).column("c")
    assert [level.name for level in found.detail.top] == ["a", "b"]


def test_report__columns_on_one_side_only__are_named():
    frames = [pd.DataFrame({"x": normal(90), name: normal(90)}) for name in ("old", "new")]
    report = compare_frames(*frames, seed=1, classifier=False)
    assert [c.name for c in report.columns] == ["x", "old", "new"]
    assert [(c.reason, c.reference_n, c.current_n) for c in report.columns[1:]] == [
        (DriftReason.ABSENT, 90, 0),
        (DriftReason.ABSENT, 0, 90),
    ]


def test_report__chosen_columns__are_all_that_is_compared():
    frames = [pd.DataFrame({"x": normal(90), "y": normal(90)}) for _ in range(2)]
    assert [c.name for c in compare_frames(*frames, columns=["y"], seed=1).columns] == ["y"]
    with pytest.raises(ValueError, match="“z”"):
        compare_frames(*frames, columns=["z"], seed=1)


def test_report__no_rows_at_all__says_so():
    empty = pd.DataFrame({"x": np.empty(0), "c": pd.Series([], dtype="str")})
    report = compare_frames(empty, empty, seed=1)
    assert {c.verdict for c in report.columns} == {TOO_FEW}
    assert report.classifier is None


def test_report__same_inputs_and_seed__is_the_same_to_the_last_digit():
    rng = np.random.default_rng(11)
    frames = [
        pd.DataFrame(
            {
                "x": rng.normal(size=n),
                "c": rng.choice(list("abc"), n),
                "v": list(rng.random((n, 3))),
            }
        )
        for n in (400, 300)
    ]
    assert compare_frames(*frames, seed=5) == compare_frames(*frames, seed=5)


def test_verdict__heavy_tails__speaks_by_the_distance_that_is_beyond_its_floor():
    rng = np.random.default_rng(4)
    found = column(rng.standard_cauchy(3000), rng.standard_cauchy(3000) + 1.0)
    effect, shape = found.distances
    assert not effect.beyond
    assert shape.beyond
    assert (found.verdict, found.small) == (DRIFTED, False)
    assert "Jensen–Shannon" in found.sentence


def test_report__two_threads__changes_nothing(monkeypatch):
    frames = tables(600)
    serial = compare_frames(*frames, seed=2, classifier=False)
    monkeypatch.setattr(drift, "THREADED_FROM", 0)
    assert compare_frames(*frames, seed=2, classifier=False) == serial


def test_report__many_columns__agrees_with_scipy_in_each():
    frames = tables(1500)
    report = compare_frames(*frames, seed=2, classifier=False)
    for name in frames[0]:
        sides = [frame[name] for frame in frames]
        detail = report.column(name).detail
        if report.column(name).kind is NUMERIC:
            expected = stats.ks_2samp(*sides, method="asymp").statistic
            assert detail.ks == pytest.approx(expected, abs=1e-9)
            expected = stats.wasserstein_distance(*sides)
            assert detail.wasserstein == pytest.approx(expected, rel=1e-9)
        elif detail.pooled == 0:
            counts = pd.concat([side.value_counts() for side in sides], axis=1).to_numpy().T
            expected = stats.chi2_contingency(counts, correction=False).statistic
            assert detail.chi_square == pytest.approx(expected, abs=1e-9)


def test_adjusted_p__family_of_columns__is_benjamini_hochberg():
    rng = np.random.default_rng(2)
    frames = [pd.DataFrame(rng.normal(size=(500, 5))) for _ in range(2)]
    frames[1][0] += 1.0
    report = compare_frames(*frames, seed=1, classifier=False)
    p_values = [c.p_value for c in report.columns]
    assert report.columns[0].p_adjusted == pytest.approx(5 * p_values[0])
    assert max(c.p_adjusted for c in report.columns) == pytest.approx(max(p_values))
