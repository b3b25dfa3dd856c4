"""The geometry of the figures: ticks cover, marks stand where they should, gaps stay gaps."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.ui import charts
from portal.ui.axes import axis
from portal.ui.charts import Cell, Estimate, Event, Heading, Point

pytestmark = pytest.mark.pure

REALISTIC = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)


def share(place: str) -> float:
    return float(place.removesuffix("%"))


@given(st.lists(REALISTIC, min_size=1, max_size=20))
def test_axis__over_any_values__has_rising_ticks_that_cover_them(values: list[float]) -> None:
    scale = axis(values)
    slack = 1e-9 * max(1.0, *map(abs, values))
    assert list(scale.values) == sorted(set(scale.values))
    assert (scale.low, scale.high) == (scale.values[0], scale.values[-1])
    assert scale.low <= min(values) + slack
    assert scale.high >= max(values) - slack
    assert 2 <= len(scale.values) <= 8
    assert all(0 <= scale.share(value) <= 100 for value in values)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.0, 1.0], (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        ([-0.034, 0.02], (-0.04, -0.02, 0.0, 0.02)),
        ([], (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        ([float("nan"), 3.0, 97.0], (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)),
    ],
)
def test_axis__over_known_values__has_the_round_ticks_a_person_would_choose(
    values: list[float], ticks: tuple[float, ...]
) -> None:
    assert axis(values).values == ticks


def test_axis__over_one_value__still_has_an_extent() -> None:
    scale = axis([0.5])
    assert scale.low < 0.5 < scale.high


def test_forest__with_a_margin__centres_its_band_on_zero() -> None:
    plot = charts.forest([Estimate("A", 0.01, -0.02, 0.02)], title="T", margin=0.005)
    start, width = share(plot.band_start), share(plot.band_width)
    assert width > 0
    assert start + width / 2 == pytest.approx(share(plot.zero), abs=0.02)
    assert plot.margin_text == "±0.005"


def test_forest__undecided_row__is_hollow_and_a_decided_one_is_not() -> None:
    rows = [
        Estimate("A", 0.01, -0.02, 0.04, "inconclusive"),
        Estimate("B", 0.03, 0.01, 0.05, "improved"),
    ]
    plot = charts.forest(rows, title="T")
    assert [mark.is_hollow for mark in plot.rows] == [True, False]
    assert plot.summary == "Differences with intervals against zero: 1 inconclusive, 1 improved."


@pytest.mark.parametrize("value", [None, float("nan")])
def test_forest__row_without_a_value__has_no_mark(value: float | None) -> None:
    mark = charts.forest([Estimate("A", value, state="undefined")], title="T").rows[0]
    assert (mark.place, mark.low, mark.high, mark.text) == ("", "", "", "–")


@pytest.mark.parametrize(("higher", "side"), [(True, "right"), (False, "left"), (None, "")])
def test_forest__by_direction__says_on_which_side_better_is(
    higher: bool | None, side: str
) -> None:
    plot = charts.forest([Estimate("A", 0.1)], title="T", higher_is_better=higher)
    assert plot.better == side


def test_bars__negative_value__grows_left_from_zero() -> None:
    plot = charts.bars([Estimate("A", -0.5), Estimate("B", 1.0)], title="T")
    first, second = plot.rows
    assert share(first.bar_start) + share(first.bar_width) == pytest.approx(
        share(plot.zero), abs=0.02
    )
    assert second.bar_start == plot.zero


def test_trend__missing_value__breaks_the_line_instead_of_falling_to_zero() -> None:
    values = [0.8, 0.81, None, 0.79, 0.78]
    plot = charts.trend([Point(i, v) for i, v in enumerate(values)], title="T")
    assert [len(line.split()) for line in plot.lines] == [2, 2]
    assert len(plot.dots) == 4
    assert plot.table[2] == ("2", "–")


def test_trend__with_intervals__draws_a_ribbon_of_both_edges() -> None:
    points = [Point(i, 0.5, 0.4, 0.6) for i in range(3)]
    plot = charts.trend(points, title="T", threshold=0.2)
    assert [len(ribbon.split()) for ribbon in plot.ribbons] == [6]
    assert 0 <= share(plot.threshold) <= 100


def test_trend__over_dates__numbers_its_events_and_labels_both_ends() -> None:
    start = datetime(2013, 8, 1, tzinfo=UTC)
    points = [Point(start + timedelta(days=7 * i), 0.8) for i in range(14)]
    plot = charts.trend(points, title="T", events=[Event(points[3].at, "Advanced", "advanced")])
    assert (plot.x_ticks[0].label, plot.x_ticks[-1].label) == ("1 Aug", "31 Oct")
    assert [(flag.number, flag.label) for flag in plot.flags] == [(1, "Advanced")]
    places = [share(tick.place) for tick in plot.x_ticks]
    assert min(b - a for a, b in pairwise(places)) >= charts.LABEL_ROOM


def test_trend__of_nothing__says_that_there_is_no_data() -> None:
    plot = charts.trend([], title="T")
    assert plot.lines == ()
    assert "No data" in plot.summary


def test_lines__several_values__share_one_scale_from_zero_and_one_table() -> None:
    series = {
        "Offered": [Point(i, v, label=f"{i} s") for i, v in enumerate([40, 40, 40])],
        "Errors": [Point(i, v, label=f"{i} s") for i, v in enumerate([0, None, 20])],
    }
    plot = charts.lines(series, title="T", events=[Event(1, "Outage begins")])
    assert [(stroke.name, len(stroke.parts)) for stroke in plot.strokes] == [
        ("Offered", 1),
        ("Errors", 2),
    ]
    assert plot.table[1] == ("1 s", ("40", "–"))
    assert plot.strokes[1].parts[0].endswith("100.00")
    assert [flag.label for flag in plot.flags] == ["Outage begins"]


def test_lines__of_nothing__draws_nothing() -> None:
    plot = charts.lines({"Offered": []}, title="T")
    assert (plot.strokes[0].parts, plot.table) == ((), ())


def test_sparkline__of_rising_values__ends_at_the_top() -> None:
    plot = charts.sparkline([1, 2, None, 4], title="T")
    assert plot.end == ("94.00", "3.00")
    assert len(plot.lines) == 2


def test_sparkline__of_nothing__draws_nothing() -> None:
    plot = charts.sparkline([None, None], title="T")
    assert (plot.lines, plot.end) == ((), None)


def test_histogram__of_samples_of_other_size__compares_shares() -> None:
    plot = charts.histogram([0, 1, 2], [10, 30], [1, 3], title="T")
    assert [b.reference_text for b in plot.bins] == [b.current_text for b in plot.bins]
    assert plot.bins[1].current_height == "100.00%"


def test_histogram__of_an_empty_sample__stays_flat() -> None:
    plot = charts.histogram([0, 1, 2], [0, 0], [1, 3], title="T")
    assert [b.reference_text for b in plot.bins] == ["0.0%", "0.0%"]


def test_matrix__pair_without_a_finding__says_no_data() -> None:
    rows, columns = [Heading("jfk", "JFK")], [Heading("fog", "Fog"), Heading("wet", "Wet")]
    plot = charts.matrix(rows, columns, {("jfk", "fog"): Cell("0.8", "pass")}, title="T")
    assert [cell.state for cell in plot.rows[0].cells] == ["pass", "no_data"]
    assert plot.states == ("pass", "no_data")
