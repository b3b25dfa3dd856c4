"""Each kind of perturbation against values worked out by hand, and the laws that all obey."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.engine.perturbation_changes import VALUE_CHANGES
from benchmarks.engine.perturbation_rows import ROW_CHOICES
from benchmarks.engine.perturbations import (
    PERTURBATIONS,
    PerturbationError,
    apply,
    describe,
    kind_of,
    problems,
)

pytestmark = pytest.mark.pure

NAN = float("nan")
COLUMNS = {
    "origin": "string",
    "hour": "number",
    "pressure": "number",
    "wet": "boolean",
    "scheduled": "datetime",
}


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "origin": ["EWR", "JFK", "EWR", "LGA"],
            "hour": [23, 5, 6, 7],
            "pressure": [1000.0, 1010.0, NAN, 1030.0],
            "wet": [True, False, True, False],
            "scheduled": pd.to_datetime(
                ["2013-07-01 05:00", "2013-07-01 06:00", "2013-07-02 05:00", "2013-07-02 07:00"]
            ),
        },
        index=pd.Index([10, 11, 12, 13], name="row"),
    )


def step(kind, **parameters):
    return {"kind": kind, "parameters": parameters}


def values(series):
    return [None if pd.isna(value) else value for value in series]


@pytest.mark.parametrize(
    ("given", "column", "expected"),
    [
        (step("missing", columns=["hour"]), "hour", [None] * 4),
        (
            step("missing", columns=["pressure"], group_column="origin", group_value="EWR"),
            "pressure",
            [None, 1010.0, None, 1030.0],
        ),
        (step("missing", columns=["wet"]), "wet", [None] * 4),
        (step("missing", columns=["scheduled"]), "scheduled", [None] * 4),
        (
            step("scale", column="pressure", factor=0.5, offset=1),
            "pressure",
            [501.0, 506.0, None, 516.0],
        ),
        (step("stuck", column="hour", value=0), "hour", [0, 0, 0, 0]),
        (step("stuck", column="wet", value=True), "wet", [True] * 4),
        (step("stuck", column="origin", value="JFK"), "origin", ["JFK"] * 4),
        (
            step("stuck", column="pressure", value=990, group_column="wet", group_value=True),
            "pressure",
            [990.0, 1010.0, 990.0, 1030.0],
        ),
        (step("rounding", column="hour", step=10), "hour", [20, 0, 10, 10]),
        (step("rounding", column="pressure", step=20), "pressure", [1000.0, 1000.0, None, 1040.0]),
        (
            step("stale", columns=["hour"], by=["origin"], time="scheduled", hours=24),
            "hour",
            [None, None, 23, None],
        ),
        (
            step("stale", columns=["pressure"], time="scheduled", hours=24),
            "pressure",
            [None, None, 1000.0, 1010.0],
        ),
        (
            step("stale", columns=["pressure"], time="scheduled", hours=24, tolerance_hours=0.5),
            "pressure",
            [None, None, 1000.0, None],
        ),
        (
            step("swap_categories", column="origin", mapping={"EWR": "JFK", "JFK": "EWR"}),
            "origin",
            ["JFK", "EWR", "JFK", "LGA"],
        ),
        (
            step("swap_categories", column="hour", mapping={"5": 6, "6": 5}),
            "hour",
            [23, 6, 5, 7],
        ),
        (step("unseen_level", column="origin", level="XXX"), "origin", ["XXX"] * 4),
        (step("shift", column="hour", amount=1, modulo=24), "hour", [0, 6, 7, 8]),
        (step("shift", column="hour", amount=-6), "hour", [17, -1, 0, 1]),
        (step("noise", column="hour", sd=0), "hour", [23, 5, 6, 7]),
        (step("ablate", columns=["hour"]), "hour", [10.25] * 4),
        (step("ablate", columns=["origin"]), "origin", ["EWR"] * 4),
        (step("ablate", columns=["wet"]), "wet", [False] * 4),
        (
            step("corrupt_type", column="pressure", how="decimal comma"),
            "pressure",
            [1000.0, 1010.0, None, 1030.0],
        ),
        (step("corrupt_type", column="pressure", how="unreadable"), "pressure", [None] * 4),
        (step("label_noise", column="wet", share=1.0), "wet", [False, True, False, True]),
        (step("casing", column="origin", to="lower case"), "origin", ["ewr", "jfk", "ewr", "lga"]),
        (step("truncate", column="origin", length=1), "origin", ["E", "J", "E", "L"]),
        (
            step(
                "replay",
                columns=["hour"],
                time="scheduled",
                first="2013-07-02T07:00",
                last="2013-07-03",
            ),
            "hour",
            [7, 7, 7, 7],
        ),
    ],
)
def test_value_change__reference_case__gives_the_values_worked_out_by_hand(
    frame, given, column, expected
):
    result = apply(frame, [given], seed=1)
    assert values(result.frame[column]) == expected
    assert list(result.frame.index) == [10, 11, 12, 13]
    assert not result.reweights_rows


def test_outliers__size_three__moves_every_known_value_by_three_standard_deviations(frame):
    result = apply(frame, [step("outliers", column="pressure", share=1.0, size=3)], seed=1)
    # Squared distances from the mean add up to 466.67; over two degrees of freedom, 15.275².
    moved = (result.frame["pressure"] - frame["pressure"]).abs().dropna()
    assert moved.to_numpy() == pytest.approx([3 * 15.275252316519467] * 3)
    assert values(result.frame["pressure"])[2] is None


def test_noise__many_rows__has_the_asked_spread_and_keeps_its_bounds():
    frame = pd.DataFrame({"delay": np.linspace(0, 100, 20_001)})
    spread = frame["delay"].std()
    plain = apply(frame, [step("noise", column="delay", sd=5)], seed=2).frame["delay"]
    assert (plain - frame["delay"]).std() == pytest.approx(5, rel=0.03)
    relative = step("noise", column="delay", sd=0.5, unit="column sd", minimum=0, maximum=100)
    bounded = apply(frame, [relative], seed=2).frame["delay"]
    assert bounded.min() == 0
    assert bounded.max() == 100
    inner = frame["delay"].between(45, 55)
    assert (bounded - frame["delay"])[inner].std() == pytest.approx(0.5 * spread, rel=0.15)


def test_noise__bounded__leaves_missing_values_missing(frame):
    bounded = step("noise", column="pressure", sd=1, minimum=900, maximum=1100)
    assert values(apply(frame, [bounded], seed=1).frame["pressure"])[2] is None


def texts(*rows):
    return pd.DataFrame({"note": list(rows)})


@pytest.mark.parametrize(
    ("given", "before", "after"),
    [
        (step("punctuation", column="note", to="none"), "Late, again!", "Late again"),
        (step("punctuation", column="note", to="doubled"), "Late, again!", "Late,, again!!"),
        (step("casing", column="note", to="swapped case"), "Gate C9", "gATE c9"),
        (step("casing", column="note", to="upper case"), "fog", "FOG"),
        (step("corrupt_type", column="note", how="wrong encoding"), "Zürich", "ZÃ¼rich"),
        (step("truncate", column="note", length=0), "fog", ""),
    ],
)
def test_text__reference_case__gives_the_text_worked_out_by_hand(given, before, after):
    found = apply(texts(before, None), [given], seed=1).frame["note"]
    assert values(found) == [after, None]


def test_typos__each_text__slips_by_its_length_and_at_least_once():
    before = ["ab" * 50, "xy", "", "z"]
    found = apply(texts(*before), [step("typos", column="note", per_hundred=5)], seed=3).frame
    long, short, nothing, letter = found["note"]
    assert long != before[0]
    assert abs(len(long) - 100) <= 5
    assert short in {"yx", "x", "y", "xxy"}
    assert (nothing, letter) == ("", "z"), "a slip needs two letters"


def test_corrupt_type__decimal_comma__harms_broken_numbers_only():
    frame = pd.DataFrame({"x": [29.92, -0.5, 30.0, 1e-7]})
    given = step("corrupt_type", column="x", how="decimal comma")
    assert values(apply(frame, [given], seed=1).frame["x"]) == [2992.0, -5.0, 30.0, 1.0]


def test_corrupt_type__what_cannot_happen_to_a_column__is_refused(frame):
    for column, how in (("hour", "wrong encoding"), ("origin", "decimal comma")):
        with pytest.raises(PerturbationError, match=how):
            apply(frame, [step("corrupt_type", column=column, how=how)], seed=1)


def test_label_noise__three_labels__are_replaced_by_the_others_alike():
    frame = pd.DataFrame({"label": np.repeat([0, 1, 2], 2000)})
    found = apply(frame, [step("label_noise", column="label", share=0.3)], seed=1)
    assert found.cells_changed == 1800
    moved = found.frame["label"][found.frame["label"] != frame["label"]]
    assert moved.value_counts().to_numpy() == pytest.approx([600] * 3, rel=0.15)


def test_label_noise__one_label_only__is_refused():
    with pytest.raises(PerturbationError, match="no other"):
        apply(
            pd.DataFrame({"label": [1, 1]}), [step("label_noise", column="label", share=1)], seed=1
        )


def test_shock__columns__move_together_and_against_each_other():
    draw = np.random.default_rng(1)
    frame = pd.DataFrame(draw.normal(size=(5000, 3)) * [1, 10, 100], columns=["a", "b", "c"])
    given = step("shock", columns=["a", "b"], against=["c"], size=2.0)
    moved = (apply(frame, [given], seed=2).frame - frame) / frame.std()
    assert moved["a"].to_numpy() == pytest.approx(moved["b"].to_numpy())
    assert moved["a"].to_numpy() == pytest.approx(-moved["c"].to_numpy())
    assert moved["a"].std() == pytest.approx(2.0, rel=0.05)


def test_shock__by_group__is_one_draw_for_each_group():
    frame = pd.DataFrame({"x": np.arange(100.0), "hour": np.arange(100) // 20})
    given = step("shock", columns=["x"], size=1.0, by=["hour"])
    moved = (apply(frame, [given], seed=2).frame["x"] - frame["x"]).round(9)
    assert moved.groupby(frame["hour"]).nunique().tolist() == [1] * 5
    assert moved.nunique() == 5


def test_replay__columns__come_row_by_row_from_the_window():
    moment = pd.date_range("2013-07-01", periods=100, freq="h")
    frame = pd.DataFrame({"t": moment, "x": np.arange(100.0), "y": np.arange(100.0) * 2})
    window = {"first": "2013-07-02", "last": "2013-07-03"}
    found = apply(frame, [step("replay", columns=["x", "y"], time="t", **window)], seed=1).frame
    assert found["x"].between(24, 47).all()
    assert (found["y"] == 2 * found["x"]).all(), "what belongs together stays together"
    empty = {"first": "2014-01-01", "last": "2014-01-02"}
    with pytest.raises(PerturbationError, match="No row lies between"):
        apply(frame, [step("replay", columns=["x"], time="t", **empty)], seed=1)


def test_tilt__strength_one__moves_the_mean_by_one_standard_deviation():
    """The mean of a normal law tilted by e^x lies one standard deviation further."""
    draw = np.random.default_rng(1)
    frame = pd.DataFrame({"x": draw.normal(10, 3, 40_000)})
    found = apply(frame, [step("tilt", column="x", strength=1.0)], seed=2)
    assert found.frame["x"].mean() == pytest.approx(13, abs=0.15)
    assert found.reweights_rows
    with pytest.raises(PerturbationError, match="does not vary"):
        apply(pd.DataFrame({"x": [1.0, 1.0]}), [step("tilt", column="x", strength=1.0)], seed=1)


def test_permute__column__keeps_the_values_and_moves_them():
    frame = pd.DataFrame({"x": np.arange(100)})
    result = apply(frame, [step("permute", column="x")], seed=3)
    assert sorted(result.frame["x"]) == list(range(100))
    assert result.touched == {"x"}


def test_resample__weight_of_nothing__draws_only_the_others_and_repeats_their_ids(frame):
    weights = {"EWR": 0, "JFK": 0}
    result = apply(frame, [step("resample", column="origin", weights=weights, size=2)], seed=1)
    assert list(result.frame.index) == [13] * 8
    assert (result.rows_before, result.rows_after) == (4, 8)
    assert (result.touched, result.cells_changed) == (frozenset(), 0)
    assert result.reweights_rows


def test_resample__weight_three__triples_the_odds_of_a_group():
    frame = pd.DataFrame({"carrier": ["EV"] * 10_000 + ["UA"] * 10_000})
    result = apply(frame, [step("resample", column="carrier", weights={"EV": 3})], seed=1)
    assert (result.frame["carrier"] == "EV").mean() == pytest.approx(0.75, abs=0.01)


def test_resample__no_weight_left__is_refused_in_words(frame):
    weights = {"EWR": 0, "JFK": 0, "LGA": 0}
    with pytest.raises(PerturbationError, match="No row of “origin” has a weight"):
        apply(frame, [step("resample", column="origin", weights=weights)], seed=1)


@pytest.mark.parametrize(
    ("target", "late", "in_time"), [(0.25, 20, 60), (0.8, 40, 10), (0, 0, 60), (1, 40, 0)]
)
def test_label_shift__target__leaves_out_as_few_rows_as_possible(target, late, in_time):
    frame = pd.DataFrame({"late": [1.0] * 40 + [0.0] * 60 + [NAN] * 5})
    result = apply(frame, [step("label_shift", column="late", target=target)], seed=1)
    assert (result.frame["late"] == 1).sum() == late
    assert (result.frame["late"] == 0).sum() == in_time
    assert result.frame["late"].notna().all()
    assert result.frame.index.is_unique


def test_label_shift__one_label_only__is_refused_in_words():
    frame = pd.DataFrame({"late": [0, 0, 0]})
    with pytest.raises(PerturbationError, match="one label only"):
        apply(frame, [step("label_shift", column="late", target=0.5)], seed=1)


def test_drop_and_duplicate_rows__share__lose_and_repeat_exactly_that_many(frame):
    lost = apply(frame, [step("drop_rows", share=0.5)], seed=1)
    assert len(lost.frame) == 2
    assert set(lost.frame.index) < {10, 11, 12, 13}
    group = {"group_column": "origin", "group_value": "EWR"}
    doubled = apply(frame, [step("duplicate_rows", share=1.0, **group)], seed=1)
    assert list(doubled.frame.index) == [10, 10, 11, 12, 12, 13]


EXAMPLES = {
    "missing": {"columns": ["hour", "pressure"], "share": 0.5},
    "noise": {"column": "hour", "sd": 2.0, "share": 0.5},
    "scale": {"column": "pressure", "factor": 0.02953, "share": 0.5},
    "stuck": {"column": "origin", "value": "JFK", "share": 0.5},
    "rounding": {"column": "pressure", "step": 30.0},
    "outliers": {"column": "hour", "share": 0.5, "size": 4.0},
    "stale": {"columns": ["pressure"], "by": ["origin"], "time": "scheduled", "hours": 24},
    "swap_categories": {"column": "origin", "mapping": {"EWR": "JFK"}},
    "unseen_level": {"column": "origin", "level": "XXX", "share": 0.5},
    "permute": {"column": "hour"},
    "shift": {"column": "hour", "amount": 1.0, "modulo": 24},
    "resample": {"column": "origin", "weights": {"EWR": 2.0}},
    "label_shift": {"column": "wet", "target": 0.5, "positive": True},
    "ablate": {"columns": ["hour", "origin", "wet", "scheduled"]},
    "shock": {"columns": ["hour"], "against": ["pressure"], "size": 1.0},
    "replay": {
        "columns": ["hour", "origin"],
        "time": "scheduled",
        "first": "2013-07-01",
        "last": "2013-07-02",
    },
    "corrupt_type": {"column": "pressure", "how": "decimal comma", "share": 0.5},
    "label_noise": {"column": "wet", "share": 0.5},
    "typos": {"column": "origin", "per_hundred": 10, "share": 0.5},
    "casing": {"column": "origin", "to": "lower case", "share": 0.5},
    "punctuation": {"column": "origin", "to": "none", "share": 0.5},
    "truncate": {"column": "origin", "length": 2, "share": 0.5},
    "tilt": {"column": "hour", "strength": 1.0},
    "drop_rows": {"share": 0.5},
    "duplicate_rows": {"share": 0.5},
}


def test_catalogue__every_kind__has_a_function_and_an_example():
    assert set(PERTURBATIONS) == {*VALUE_CHANGES, *ROW_CHOICES} == set(EXAMPLES)
    for kind, perturbation in PERTURBATIONS.items():
        assert (perturbation.touches == "rows") == (kind in ROW_CHOICES)
        assert all(parameter.help for parameter in perturbation.parameters)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_kind__same_seed__gives_the_same_bytes_and_leaves_the_input_alone(frame, kind):
    before = frame.copy(deep=True)
    given = [step(kind, **EXAMPLES[kind])]
    first, second = (apply(frame, given, seed=7) for _ in range(2))
    pd.testing.assert_frame_equal(first.frame, second.frame, check_exact=True)
    pd.testing.assert_frame_equal(frame, before, check_exact=True)
    assert describe(given)


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if kind in VALUE_CHANGES])
def test_every_value_change__touched__names_exactly_the_columns_that_differ(frame, kind):
    result = apply(frame, [step(kind, **EXAMPLES[kind])], seed=7)
    differs = {name for name in frame if values(frame[name]) != values(result.frame[name])}
    assert result.touched == differs
    cells = sum(
        left != right
        for name in frame
        for left, right in zip(values(frame[name]), values(result.frame[name]), strict=True)
    )
    assert result.cells_changed == cells


@pytest.mark.parametrize(
    "kind", [kind for kind, parameters in EXAMPLES.items() if "share" in parameters]
)
def test_every_kind_with_a_share__share_nothing__is_the_identity(frame, kind):
    result = apply(frame, [step(kind, **{**EXAMPLES[kind], "share": 0})], seed=7)
    pd.testing.assert_frame_equal(result.frame, frame, check_exact=True)
    assert (result.touched, result.cells_changed) == (frozenset(), 0)


def test_share__growing__changes_a_superset_of_the_rows():
    frame = pd.DataFrame({"x": np.arange(1000.0)})
    small, large = (
        apply(frame, [step("missing", columns=["x"], share=share)], seed=5).frame["x"].isna()
        for share in (0.1, 0.3)
    )
    assert (small.sum(), large.sum()) == (100, 300)
    assert not (small & ~large).any()


def test_composition__further_step__does_not_move_the_draws_of_the_first(frame):
    first = step("noise", column="pressure", sd=1.0)
    alone = apply(frame, [first], seed=4).frame["pressure"]
    together = apply(frame, [first, step("permute", column="hour")], seed=4).frame["pressure"]
    pd.testing.assert_series_equal(alone, together, check_exact=True)


def test_composition__there_and_back__touches_nothing(frame):
    there_and_back = [step("shift", column="hour", amount=amount) for amount in (3, -3)]
    result = apply(frame, there_and_back, seed=4)
    assert result.touched == frozenset()
    pd.testing.assert_frame_equal(result.frame, frame)


def test_composition__values_then_rows__compares_each_row_with_its_origin(frame):
    steps = [step("stuck", column="hour", value=5), step("duplicate_rows", share=1.0)]
    result = apply(frame, steps, seed=4)
    assert (result.touched, result.cells_changed, result.rows_after) == ({"hour"}, 6, 8)


def test_apply__empty_list__is_the_data_as_they_are(frame):
    result = apply(frame, [], seed=1)
    pd.testing.assert_frame_equal(result.frame, frame)
    assert (result.touched, result.rows_after, result.reweights_rows) == (frozenset(), 4, False)
    assert describe([]) == "the data as they are"


def test_apply__category_dtype__accepts_a_level_it_has_not_seen(frame):
    frame["origin"] = frame["origin"].astype("category")
    assert kind_of(frame["origin"]) == "string"
    result = apply(frame, [step("unseen_level", column="origin", level="XXX")], seed=1)
    assert values(result.frame["origin"]) == ["XXX"] * 4


def test_apply__whole_numbers__stay_whole_where_they_can(frame):
    shifted = apply(frame, [step("shift", column="hour", amount=1, modulo=24)], seed=1)
    assert shifted.frame["hour"].dtype == np.dtype("int64")
    blanked = apply(frame, [step("missing", columns=["hour"], share=0.5)], seed=1)
    assert blanked.frame["hour"].dtype == np.dtype(float)


def test_apply__faulty_step__is_refused_before_anything_runs(frame):
    with pytest.raises(PerturbationError, match="did you mean “pressure”"):
        apply(frame, [step("missing", columns=["presure"])], seed=1)


@pytest.mark.parametrize(
    ("steps", "part"),
    [
        ("missing", "must be a list of steps"),
        ([step("shuffle")], "unknown kind of perturbation “shuffle”"),
        ([step("permut", column="hour")], "did you mean “permute”"),
        ([{"kind": "permute"}], "“parameters” must be an object"),
        ([["permute"]], "a step must be an object"),
        ([{**step("permute", column="hour"), "seed": 3}], "unexpected here: seed"),
        ([step("permute")], "“column” is required"),
        ([step("permute", column="hours")], "did you mean “hour”"),
        ([step("permute", column=["hour"])], "must be the name of a column"),
        ([step("noise", column="origin", sd=1)], "needs a column that holds a number"),
        ([step("noise", column="hour", sd=-1)], "must be at least 0"),
        ([step("noise", column="hour", sd=NAN)], "must be a finite number"),
        ([step("noise", column="hour", sd=True)], "must be a finite number"),
        ([step("noise", column="hour", sd=1, unit="furlong")], "must be one of: absolute"),
        ([step("noise", column="hour", sd=1, minimum=9, maximum=3)], "must be below “maximum”"),
        ([step("missing", columns=[])], "must be a list of columns"),
        ([step("missing", columns=["hour"], share=1.5)], "must be at most 1"),
        ([step("missing", columns=["hour"], group_column="origin")], "or neither"),
        (
            [step("missing", columns=["hour"], group_column="hour", group_value="five")],
            "must be a number, as in its column",
        ),
        ([step("missing", columns=["hour"], shar=0.1)], "did you mean “share”"),
        ([step("stuck", column="hour", value="zero")], "must be a number"),
        ([step("stale", columns=["hour"], time="hour", hours=1)], "holds a date and time"),
        ([step("swap_categories", column="origin", mapping={})], "at least one entry"),
        ([step("swap_categories", column="hour", mapping={"five": 6})], "not a number"),
        ([step("swap_categories", column="origin", mapping={"EWR": 6})], "must lead to text"),
        ([step("unseen_level", column="origin", level="")], "1 to 200 characters"),
        ([step("resample", column="origin", weights={"EWR": -1})], "0 or more"),
        ([step("permute", column="hour")] * 11, "at most 10"),
    ],
)
def test_problems__faulty_steps__say_what_to_change(steps, part):
    assert part in " ".join(problems(steps, COLUMNS))


def test_problems__usable_steps__are_none():
    for kind, parameters in EXAMPLES.items():
        assert problems([step(kind, **parameters)], COLUMNS) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            step("scale", column="temp", factor=0.5, offset=-16),
            "temp times 0.5 in all rows, minus 16",
        ),
        (step("scale", column="pressure", factor=0.02953), "pressure times 0.02953 in all rows"),
        (
            step("noise", column="delay", sd=2, unit="column sd", minimum=0, share=0.25),
            "delay with normal noise of standard deviation 2 in 25 % of the rows, "
            "counted in standard deviations of the column, at least 0",
        ),
        (step("stuck", column="delay", value=0), "delay stuck at 0 in all rows"),
        (
            step("stale", columns=["temp"], by=["origin"], time="scheduled", hours=24),
            "temp as known 24 hours earlier",
        ),
        (
            step("resample", column="carrier", weights={"EV": 3}, size=2),
            "rows drawn anew with carrier weighted EV → 3, 2 times as many rows",
        ),
    ],
)
def test_describe__one_step__says_what_changes(given, words):
    assert describe([given]) == words


def test_describe__two_steps__reads_as_one_sentence():
    steps = [
        step("missing", columns=["temp", "pressure"], group_column="origin", group_value="JFK"),
        step("shift", column="hour", amount=1, modulo=24),
    ]
    assert describe(steps) == (
        "temp and pressure missing in all rows where origin is JFK, "
        "then hour shifted by 1, counted round at 24"
    )
