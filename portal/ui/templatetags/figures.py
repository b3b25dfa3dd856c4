"""Figures from plain rows: what lets the apps below `portal`, which may not import it, draw.

Pages write `{% load figures %}` and hand over dictionaries with the fields of the named shape.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import template
from django.utils.safestring import SafeString

from portal.ui import charts, formats
from portal.ui.templatetags.ui import plot

register = template.Library()

Rows = Iterable[Mapping[str, Any]]


@register.simple_tag
def forest_plot(
    rows: Rows,
    *,
    title: str,
    unit: str = "",
    margin: float | None = None,
    higher: bool | None = None,
) -> SafeString:
    """Differences against zero and the margin; rows have the fields of `Estimate`."""
    figure = charts.forest(
        [charts.Estimate(**row) for row in rows],
        title=title,
        unit=unit,
        margin=margin,
        higher_is_better=higher,
    )
    return plot(figure)


@register.simple_tag
def margins_plot(rows: Rows, *, title: str) -> SafeString:
    """Different metrics in one figure: each difference in multiples of its own margin.

    Rows have the fields of `Estimate` and `unit`, `margin`, `higher`. Turned so that right is
    always better; the note keeps the difference in the metric's own unit.
    """
    figure = charts.forest(
        [_in_margins(dict(row)) for row in rows],
        title=title,
        unit="margins",
        margin=1.0,
        higher_is_better=True,
    )
    return plot(figure)


@register.simple_tag
def bars_plot(
    rows: Rows,
    *,
    title: str,
    unit: str = "",
    reference: float | None = None,
    reference_label: str = "",
) -> SafeString:
    """Values side by side; rows have the fields of `Estimate`."""
    figure = charts.bars(
        [charts.Estimate(**row) for row in rows],
        title=title,
        unit=unit,
        reference=reference,
        reference_label=reference_label,
    )
    return plot(figure)


@register.simple_tag
def trend_plot(
    points: Rows,
    *,
    title: str,
    unit: str = "",
    threshold: float | None = None,
    threshold_label: str = "",
    events: Rows = (),
) -> SafeString:
    """A value over time; points have the fields of `Point`, events those of `Event`."""
    figure = charts.trend(
        [charts.Point(**point) for point in points],
        title=title,
        unit=unit,
        threshold=threshold,
        threshold_label=threshold_label,
        events=[charts.Event(**event) for event in events],
    )
    return plot(figure)


@register.simple_tag
def lines_plot(
    series: Mapping[str, Rows], *, title: str, unit: str = "", events: Rows = ()
) -> SafeString:
    """Several values over time by name; points have the fields of `Point`."""
    figure = charts.lines(
        {name: [charts.Point(**point) for point in points] for name, points in series.items()},
        title=title,
        unit=unit,
        events=[charts.Event(**event) for event in events],
    )
    return plot(figure)


@register.simple_tag
def histogram_plot(
    edges: Sequence[float],
    before: Sequence[float],
    after: Sequence[float],
    *,
    title: str,
    first: str = "Reference",
    second: str = "Current",
) -> SafeString:
    """Two samples over the same bins, given by their edges and counts."""
    return plot(charts.histogram(edges, before, after, title=title, names=(first, second)))


def _in_margins(row: dict[str, Any]) -> charts.Estimate:
    unit, margin, higher = row.pop("unit"), row.pop("margin"), row.pop("higher")
    value, low, high = row.pop("value"), row.pop("low"), row.pop("high")
    own = formats.interval(value, low, high, unit, plus=True)
    if not margin:  # a multiple of nothing has no meaning: the row stays without a mark
        return charts.Estimate(value=None, **row | {"note": f"{own}, no margin declared"})
    factor = (1 if higher else -1) / margin
    ends = [None if end is None else end * factor for end in (low, high)]
    low, high = ends if higher else reversed(ends)
    middle = None if value is None else value * factor
    row["note"] = f"{own}, margin {formats.exact(margin)}"
    return charts.Estimate(value=middle, low=low, high=high, **row)
