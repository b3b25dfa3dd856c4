"""Numbers and times for readers: no false precision, no NaN, no rounding up to certainty."""

import math
from datetime import datetime, timedelta

MINUS = "\u2212"
NOTHING = "\u2013"
SUPERSCRIPT = str.maketrans("-0123456789", "\u207b⁰¹²³⁴⁵⁶⁷⁸⁹")
MOST_DECIMALS = 6


def as_float(value: object) -> float | None:
    """A finite float, or None for anything that is not a number."""
    if value is None or isinstance(value, bool):
        return None
    try:
        result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return result if math.isfinite(result) else None


def fixed(value: float, decimals: int) -> str:
    text = f"{abs(value):,.{decimals}f}"
    negative = value < 0 and any(digit in "123456789" for digit in text)
    return f"{MINUS if negative else ''}{text}"


def _scientific(value: float) -> str:
    mantissa, exponent = f"{abs(value):.1e}".split("e")
    sign = MINUS if value < 0 else ""
    return f"{sign}{mantissa}×10{str(int(exponent)).translate(SUPERSCRIPT)}"


def _sensible_decimals(value: float) -> int:
    """Three significant digits for a number that stands alone, two for a very small one."""
    size = abs(value)
    if size == 0 or size >= 100:
        return 0
    if size >= 10:
        return 1
    if size >= 1:
        return 2
    if size >= 0.1:
        return 3
    return min(MOST_DECIMALS, 1 - math.floor(math.log10(size)))


def number(value: object, decimals: int | None = None) -> str:
    figure = as_float(value)
    if figure is None:
        return NOTHING
    if decimals is not None:
        return fixed(figure, decimals)
    if isinstance(value, int) or figure == 0:
        return fixed(figure, 0)
    if abs(figure) < 1e-5 or abs(figure) >= 1e15:
        return _scientific(figure)
    return fixed(figure, _sensible_decimals(figure))


def exact(value: float) -> str:
    """A number somebody chose, such as a margin or an edge: no digits but its own."""
    return f"{value:,.10g}".replace("-", MINUS)


def percent(value: object, decimals: int = 1) -> str:
    """A share as per cent; 99.97 % never rounds up to certainty, nor 0.02 % down to nothing."""
    share = as_float(value)
    if share is None or not math.isfinite(share * 100):
        return NOTHING
    step = 10.0**-decimals
    shown = round(share * 100, decimals)
    if share < 1 and shown >= 100:
        return f">{100 - step:.{decimals}f}%"
    if share > 0 and shown == 0:
        return f"<{step:.{decimals}f}%"
    return f"{fixed(share * 100, decimals)}%"


def signed(value: object, decimals: int | None = None) -> str:
    figure = as_float(value)
    text = number(value, decimals)
    return f"+{text}" if figure is not None and figure > 0 else text


def interval_decimals(low: float, high: float) -> int:
    """Two significant digits of the interval's width: more would only show noise."""
    width = abs(high - low)
    if width == 0:
        return _sensible_decimals(low)
    return max(0, min(MOST_DECIMALS, 1 - math.floor(math.log10(width))))


def interval(
    value: object, low: object, high: object, unit: str = "", *, plus: bool = False
) -> str:
    """`0.842 [0.835, 0.849]`; the unit follows the value once."""
    middle, bottom, top = as_float(value), as_float(low), as_float(high)
    show = signed if plus else number
    gap = unit and (unit if unit == "%" else f"\u00a0{unit}")
    if middle is None:
        return NOTHING
    if bottom is None or top is None:
        return f"{show(middle)}{gap}"
    decimals = interval_decimals(bottom, top)
    return f"{show(middle, decimals)}{gap} [{show(bottom, decimals)}, {show(top, decimals)}]"


def _two_parts(seconds: int) -> str:
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        parts.append((count, name))
    first = next((i for i, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count}\u00a0{name}" for count, name in parts[first : first + 2] if count)


def duration(value: object) -> str:
    """A timedelta or seconds in its two largest units: `2 min 5 s`."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else as_float(value)
    if seconds is None:
        return NOTHING
    if seconds < 0:
        return f"{MINUS}{duration(-seconds)}"
    if seconds == 0:
        return "0\u00a0s"
    if seconds < 1:
        return f"{max(1, round(seconds * 1000))}\u00a0ms"
    if seconds < 10:
        return f"{seconds:.1f}\u00a0s".replace(".0\u00a0", "\u00a0")
    return _two_parts(round(seconds))


def absolute(moment: datetime) -> str:
    """`21 Nov 2026, 14:05 UTC`: unmistakable on both sides of any ocean."""
    zone = moment.strftime("%Z")
    return f"{moment.day} {moment:%b %Y, %H:%M}{' ' + zone if zone else ''}"


def relative(moment: datetime, now: datetime) -> str:
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 45:
        return "just now"
    units = (("year", 31_556_952), ("month", 2_629_746), ("day", 86_400), ("hour", 3_600))
    size = abs(seconds)
    name, length = next(((n, s) for n, s in units if size >= s), ("minute", 60))
    count = max(1, round(size / length))
    words = f"{count} {name}{'' if count == 1 else 's'}"
    return f"{words} ago" if seconds > 0 else f"in {words}"
