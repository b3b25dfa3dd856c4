"""The shapes of the figures: what a page hands in and what a template draws."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from portal.ui.axes import Tick
from portal.ui.badges import Badge


def finite(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def is_figure(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


@dataclass(frozen=True, slots=True)
class Estimate:
    """One row of a forest or a bar plot; `state` is a badge key such as "regressed"."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    state: str = ""
    note: str = ""
    url: str = ""

    def figures(self) -> list[float]:
        return finite((self.value, self.low, self.high))


@dataclass(frozen=True, slots=True)
class Mark:
    """A row as drawn: where its point, whisker and bar stand."""

    row: Estimate
    text: str
    place: str = ""
    low: str = ""
    high: str = ""
    bar_start: str = ""
    bar_width: str = ""
    badge: Badge | None = None
    is_hollow: bool = False


@dataclass(frozen=True, slots=True)
class Forest:
    """Differences against zero, with the margin inside which a difference does not count."""

    template: ClassVar[str] = "components/plot_forest.html"
    title: str
    summary: str
    rows: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    zero: str
    band_start: str
    band_width: str
    margin_text: str
    better: str


@dataclass(frozen=True, slots=True)
class Bars:
    template: ClassVar[str] = "components/plot_bars.html"
    title: str
    summary: str
    rows: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    zero: str
    reference: str
    reference_label: str


@dataclass(frozen=True, slots=True)
class Point:
    """One look of a trend; a missing value leaves a gap, never a zero."""

    at: float | datetime
    value: float | None
    low: float | None = None
    high: float | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    at: float | datetime
    label: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class Dot:
    x: str
    y: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Flag:
    x: str
    number: int
    label: str
    state: str


@dataclass(frozen=True, slots=True)
class Trend:
    template: ClassVar[str] = "components/plot_trend.html"
    title: str
    summary: str
    lines: tuple[str, ...]
    ribbons: tuple[str, ...]
    dots: tuple[Dot, ...]
    flags: tuple[Flag, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    threshold: str
    threshold_label: str
    table: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Stroke:
    """One named line of several: its parts between missing values."""

    name: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    template: ClassVar[str] = "components/plot_lines.html"
    title: str
    summary: str
    unit: str
    strokes: tuple[Stroke, ...]
    flags: tuple[Flag, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    table: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Sparkline:
    template: ClassVar[str] = "components/plot_sparkline.html"
    title: str
    lines: tuple[str, ...]
    end: tuple[str, str] | None
    width: int = 96
    height: int = 24


@dataclass(frozen=True, slots=True)
class Bin:
    label: str
    x: str
    width: str
    current_top: str
    current_height: str
    reference_text: str
    current_text: str


@dataclass(frozen=True, slots=True)
class Histogram:
    template: ClassVar[str] = "components/plot_histogram.html"
    title: str
    summary: str
    bins: tuple[Bin, ...]
    outline: str
    x_ticks: tuple[Tick, ...]
    names: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Heading:
    """A row or column of a matrix."""

    key: str
    label: str
    url: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One finding; the value is already worded because only the caller knows its unit."""

    text: str
    state: str
    url: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class MatrixRow:
    heading: Heading
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    template: ClassVar[str] = "components/plot_matrix.html"
    title: str
    columns: tuple[Heading, ...]
    rows: tuple[MatrixRow, ...]
    states: tuple[str, ...] = ()
