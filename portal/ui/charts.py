"""Figures as plain geometry: places are percentages, so one drawing fits a phone and a desk.

Pure: values in, frozen dataclasses out; `templates/components/plot_*.html` only draw them.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.ui import formats
from portal.ui.axes import Axis, Tick, axis, percent_text
from portal.ui.badges import INCONCLUSIVE, NOT_USED, badge_for
from portal.ui.figures import (
    Bars,
    Bin,
    Cell,
    Dot,
    Estimate,
    Event,
    Flag,
    Forest,
    Heading,
    Histogram,
    Lines,
    Mark,
    Matrix,
    MatrixRow,
    Point,
    Sparkline,
    Stroke,
    Trend,
    finite,
    is_figure,
)

__all__ = [
    "Cell",
    "Estimate",
    "Event",
    "Heading",
    "Point",
    "bars",
    "forest",
    "histogram",
    "lines",
    "matrix",
    "sparkline",
    "trend",
]

UNDECIDED = {INCONCLUSIVE, NOT_USED}
# Per cent of the width: a short date on a phone takes about a fifth.
LABEL_ROOM = 22.0


def _marks(rows: Iterable[Estimate], scale: Axis, unit: str, *, plus: bool) -> tuple[Mark, ...]:
    return tuple(_mark(row, scale, unit, plus) for row in rows)


def _mark(row: Estimate, scale: Axis, unit: str, plus: bool) -> Mark:
    badge = badge_for(row.state) if row.state else None
    text = formats.interval(row.value, row.low, row.high, unit, plus=plus)
    if row.value is None or not math.isfinite(row.value):
        return Mark(row, text, badge=badge, is_hollow=True)
    start, end = sorted((scale.share(0), scale.share(row.value)))
    return Mark(
        row=row,
        text=text,
        place=scale.at(row.value),
        low=scale.at(row.low) if row.low is not None and math.isfinite(row.low) else "",
        high=scale.at(row.high) if row.high is not None and math.isfinite(row.high) else "",
        bar_start=percent_text(start),
        bar_width=percent_text(end - start),
        badge=badge,
        is_hollow=badge is not None and badge.tone in UNDECIDED,
    )


def _tally(rows: Sequence[Estimate]) -> str:
    """The figure in one sentence, for those who cannot see it."""
    counts: dict[str, int] = {}
    for row in rows:
        word = badge_for(row.state).label.lower() if row.state else "shown"
        counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{count} {word}" for word, count in counts.items()) or "nothing to show"


def forest(
    rows: Sequence[Estimate],
    *,
    title: str,
    unit: str = "",
    margin: float | None = None,
    higher_is_better: bool | None = None,
) -> Forest:
    band = abs(margin or 0.0)
    scale = axis([0.0, band, -band, *(figure for row in rows for figure in row.figures())])
    start, end = scale.share(-band), scale.share(band)
    return Forest(
        title=title,
        summary=f"Differences with intervals against zero: {_tally(rows)}.",
        rows=_marks(rows, scale, unit, plus=True),
        ticks=scale.ticks(plus=True),
        zero=scale.at(0.0),
        band_start=percent_text(start),
        band_width=percent_text(end - start),
        margin_text=f"±{formats.exact(band)}{unit and ' ' + unit}" if band else "",
        better={True: "right", False: "left", None: ""}[higher_is_better],
    )


def bars(
    rows: Sequence[Estimate],
    *,
    title: str,
    unit: str = "",
    reference: float | None = None,
    reference_label: str = "",
) -> Bars:
    line = [reference] if reference is not None else []
    scale = axis([0.0, *line, *(figure for row in rows for figure in row.figures())], count=4)
    return Bars(
        title=title,
        summary=f"Values with intervals: {_tally(rows)}.",
        rows=_marks(rows, scale, unit, plus=False),
        ticks=scale.ticks(),
        zero=scale.at(0.0),
        reference=scale.at(reference) if reference is not None else "",
        reference_label=reference_label,
    )


def _moment(at: float | datetime) -> float:
    return at.timestamp() if isinstance(at, datetime) else float(at)


def _moment_text(point: Point) -> str:
    if point.label:
        return point.label
    if isinstance(point.at, datetime):
        return f"{point.at.day} {point.at:%b}"
    return formats.number(point.at)


def _runs(points: Iterable[Point]) -> list[list[Point]]:
    """Neighbours that have a value; a missing one ends the run."""
    found: list[list[Point]] = [[]]
    for point in points:
        if is_figure(point.value):
            found[-1].append(point)
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def _path(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in places)


@dataclass(frozen=True, slots=True)
class _Across:
    """Time as a position from 2 to 98, so that end points are not cut in half."""

    first: float
    last: float

    def share(self, at: float | datetime) -> float:
        if self.last == self.first:
            return 50.0
        position = (_moment(at) - self.first) / (self.last - self.first)
        return 2 + 96 * min(1.0, max(0.0, position))


def _line(run: list[Point], across: _Across, scale: Axis) -> str:
    return _path((across.share(p.at), 100 - scale.share(p.value or 0.0)) for p in run)


def _ribbon(run: list[Point], across: _Across, scale: Axis) -> str:
    banded = [p for p in run if is_figure(p.low) and is_figure(p.high)]
    top = [(across.share(p.at), 100 - scale.share(p.high or 0.0)) for p in banded]
    bottom = [(across.share(p.at), 100 - scale.share(p.low or 0.0)) for p in reversed(banded)]
    return _path(top + bottom)


def _time_ticks(points: Sequence[Point], across: _Across) -> tuple[Tick, ...]:
    """The first and last look, and between them those that leave room for their words."""
    if not points:
        return ()
    places = [across.share(point.at) for point in points]
    chosen = [0]
    for index in range(1, len(points) - 1):
        room = min(places[index] - places[chosen[-1]], places[-1] - places[index])
        if room >= LABEL_ROOM:
            chosen.append(index)
    if places[-1] - places[0] >= LABEL_ROOM:
        chosen.append(len(points) - 1)
    anchors = {0: "start", len(points) - 1: "end"} if len(points) > 1 else {}
    return tuple(
        Tick(percent_text(places[i]), _moment_text(points[i]), anchors.get(i, "middle"))
        for i in chosen
    )


def trend(
    points: Sequence[Point],
    *,
    title: str,
    unit: str = "",
    threshold: float | None = None,
    threshold_label: str = "",
    events: Sequence[Event] = (),
) -> Trend:
    moments = [_moment(at) for at in (*(p.at for p in points), *(e.at for e in events))] or [0.0]
    across = _Across(min(moments), max(moments))
    figures = [f for p in points for f in finite((p.value, p.low, p.high))]
    scale = axis([*figures, *([threshold] if threshold is not None else [])], count=4)
    runs = _runs(points)
    table = tuple(
        (_moment_text(p), formats.interval(p.value, p.low, p.high, unit)) for p in points
    )
    dots = tuple(
        Dot(percent_text(across.share(p.at)), scale.up(p.value or 0.0), *words)
        for p, words in zip(points, table, strict=True)
        if is_figure(p.value)
    )
    latest = f"Latest: {table[-1][1]} at {table[-1][0]}." if table else "No data."
    return Trend(
        title=title,
        summary=f"{len(points)} looks. {latest}",
        lines=tuple(_line(run, across, scale) for run in runs),
        ribbons=tuple(filter(None, (_ribbon(run, across, scale) for run in runs))),
        dots=dots,
        flags=_flags(events, across),
        x_ticks=_time_ticks(points, across),
        y_ticks=tuple(Tick(scale.up(v), formats.fixed(v, scale.decimals)) for v in scale.values),
        threshold=scale.up(threshold) if threshold is not None else "",
        threshold_label=threshold_label,
        table=table,
    )


def _flags(events: Sequence[Event], across: _Across) -> tuple[Flag, ...]:
    return tuple(
        Flag(percent_text(across.share(event.at)), number, event.label, event.state)
        for number, event in enumerate(events, start=1)
    )


def lines(
    series: Mapping[str, Sequence[Point]],
    *,
    title: str,
    unit: str = "",
    events: Sequence[Event] = (),
) -> Lines:
    """Several values over the same moments, from 0 up, so that they can be seen side by side."""
    first = next(iter(series.values()), ())
    moments = [_moment(at) for at in (*(p.at for p in first), *(e.at for e in events))] or [0.0]
    across = _Across(min(moments), max(moments))
    values = [f for points in series.values() for p in points for f in finite((p.value,))]
    scale = axis([0.0, *values], count=4)
    return Lines(
        title=title,
        summary=f"{', '.join(series)} over {len(first)} moments.",
        unit=unit,
        strokes=tuple(
            Stroke(name, tuple(_line(run, across, scale) for run in _runs(points)))
            for name, points in series.items()
        ),
        flags=_flags(events, across),
        x_ticks=_time_ticks(first, across),
        y_ticks=tuple(Tick(scale.up(v), formats.fixed(v, scale.decimals)) for v in scale.values),
        table=tuple(
            (_moment_text(row[0]), tuple(formats.number(point.value) for point in row))
            for row in zip(*series.values(), strict=True)
        ),
    )


def sparkline(values: Sequence[float | None], *, title: str) -> Sparkline:
    points = [Point(index, value) for index, value in enumerate(values)]
    runs = _runs(points)
    figures = finite(values)
    low, high = (min(figures), max(figures)) if figures else (0.0, 0.0)
    last = max(len(values) - 1, 1)

    def place(point: Point) -> tuple[float, float]:
        rise = ((point.value or 0.0) - low) / (high - low) if high > low else 0.5
        return 2 + 92 * float(_moment(point.at)) / last, 21 - 18 * rise

    end = place(runs[-1][-1]) if runs else None
    return Sparkline(
        title=title,
        lines=tuple(_path(place(point) for point in run) for run in runs),
        end=(f"{end[0]:.2f}", f"{end[1]:.2f}") if end else None,
    )


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def _outline(places: Sequence[float], shares: Sequence[float], tallest: float) -> str:
    """The steps of the reference sample as one line from floor to floor."""
    steps = [(places[0], 100.0)]
    for index, share in enumerate(shares):
        height = 100 - share / tallest * 100
        steps += [(places[index], height), (places[index + 1], height)]
    return _path([*steps, (places[-1], 100.0)])


def histogram(
    edges: Sequence[float],
    reference: Sequence[float],
    current: Sequence[float],
    *,
    title: str,
    names: tuple[str, str] = ("Reference", "Current"),
) -> Histogram:
    """Two samples over the same bins, as shares, because their sizes differ."""
    before, after = _shares(reference), _shares(current)
    tallest = max([*before, *after], default=0.0) or 1.0
    low, span = edges[0], edges[-1] - edges[0]

    def one(index: int) -> Bin:
        start, end = edges[index], edges[index + 1]
        now = after[index] / tallest * 100
        return Bin(
            label=f"{formats.exact(start)} to {formats.exact(end)}",
            x=percent_text((start - low) / span * 100),
            width=percent_text((end - start) / span * 100),
            current_top=percent_text(100 - now),
            current_height=percent_text(now),
            reference_text=formats.percent(before[index]),
            current_text=formats.percent(after[index]),
        )

    return Histogram(
        title=title,
        summary=f"{names[0]} beside {names[1].lower()} over {len(edges) - 1} bins.",
        bins=tuple(one(index) for index in range(len(edges) - 1)),
        x_ticks=tuple(
            Tick(percent_text((edge - low) / span * 100), formats.number(edge), anchor)
            for edge, anchor in zip(
                (low, low + span / 2, edges[-1]), ("start", "middle", "end"), strict=True
            )
        ),
        outline=_outline([(edge - low) / span * 100 for edge in edges], before, tallest),
        names=names,
    )


def matrix(
    rows: Sequence[Heading],
    columns: Sequence[Heading],
    cells: Mapping[tuple[str, str], Cell],
    *,
    title: str,
) -> Matrix:
    """Findings by row and column key; a pair without one says so instead of staying blank."""
    blank = Cell("no data", "no_data")
    filled = tuple(
        MatrixRow(row, tuple(cells.get((row.key, column.key), blank) for column in columns))
        for row in rows
    )
    states = dict.fromkeys(cell.state for row in filled for cell in row.cells)
    return Matrix(title, tuple(columns), filled, tuple(states))
