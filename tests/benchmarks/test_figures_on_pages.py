"""The figure tags: plain rows in, a drawn figure out, and margins that make metrics comparable."""

import re

import pytest
from django.template import Context, Template

from portal.ui.templatetags.figures import _in_margins

ROW = {"label": "Accuracy", "value": -0.01, "low": -0.02, "high": 0.0, "state": "regressed"}


def render(tag, **context):
    return Template("{% load figures %}{% " + tag + " %}").render(Context(context))


def test_forest_plot__plain_row__is_drawn_with_its_words():
    page = render('forest_plot rows title="Change" margin=0.005 higher=True', rows=[ROW])
    assert "Accuracy" in page
    assert "Regressed" in page
    assert "±0.005" in page
    assert "better →" in page


def test_bars_plot__missing_value__stays_a_gap():
    rows = [{"label": "Newark", "value": None, "note": "No rows."}]
    page = render('bars_plot rows title="Values"', rows=rows)
    assert "No rows." in page
    assert "<rect" not in page


def test_trend_plot__points_and_event__are_drawn():
    points = [{"at": 1.0, "value": 0.5}, {"at": 2.0, "value": 0.6}]
    events = [{"at": 2.0, "label": "Stopped", "state": "stopped"}]
    page = render('trend_plot points title="Looks" events=events', points=points, events=events)
    assert "Stopped" in page
    assert len(re.findall('class="plot-dot"', page)) == 2


@pytest.mark.parametrize(("higher", "value", "low", "high"), [(True, -2, -4, 0), (False, 2, 0, 4)])
def test_in_margins__any_direction__turns_so_that_right_is_better(higher, value, low, high):
    row = _in_margins({**ROW, "unit": "", "margin": 0.005, "higher": higher})
    assert (row.value, row.low, row.high) == pytest.approx((value, low, high))
    assert row.note == "−0.010 [−0.020, 0.000], margin 0.005"


@pytest.mark.parametrize("margin", [None, 0.0])
def test_in_margins__without_a_margin__has_no_mark_but_keeps_the_difference(margin):
    row = _in_margins({**ROW, "unit": "", "margin": margin, "higher": True})
    assert row.value is None
    assert row.note == "−0.010 [−0.020, 0.000], no margin declared"


def test_in_margins__open_interval__stays_open_on_the_turned_side():
    row = _in_margins({**ROW, "high": None, "unit": "", "margin": 0.01, "higher": False})
    assert (row.low, row.high) == (None, pytest.approx(2))


def test_margins_plot__metrics_of_both_directions__share_one_axis():
    rows = [
        {**ROW, "unit": "", "margin": 0.005, "higher": True},
        {**ROW, "label": "Brier score", "unit": "", "margin": 0.002, "higher": False},
    ]
    page = render('margins_plot rows title="Against the margin"', rows=rows)
    assert "−2.0\u00a0margins [−4.0, 0.0]" in page
    assert "+5\u00a0margins [0, +10]" in page
