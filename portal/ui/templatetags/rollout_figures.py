"""A gate's value against its limit, in one line: what each card of a rollout page draws."""

from typing import Any

from django import template

from portal.ui import formats
from portal.ui.axes import axis, percent_text

register = template.Library()


@register.inclusion_tag("rollouts/gate_strip.html")
def gate_strip(
    value: float, low: float | None, high: float | None, limit: float, state: str, higher: bool
) -> dict[str, Any]:
    """The difference with its interval, the limit, and the side on which it would be too bad."""
    ends = [end for end in (value, low, high, limit) if end is not None]
    scale = axis([0.0, *ends], count=4)
    edge = scale.share(limit)
    return {
        "ticks": scale.ticks(plus=True),
        "zero": scale.at(0.0),
        "limit": percent_text(edge),
        "limit_text": formats.signed(limit),
        "bad_start": "0%" if higher else percent_text(edge),
        "bad_width": percent_text(edge if higher else 100 - edge),
        "place": scale.at(value),
        # An end that is not known is open: the line runs to the edge.
        "low": scale.at(low) if low is not None else "0%",
        "high": scale.at(high) if high is not None else "100%",
        "text": formats.interval(value, low, high, plus=True),
        "state": state,
        "higher": higher,
    }


@register.inclusion_tag("rollouts/share_strip.html")
def share_strip(value: float, needed: float, state: str, unit: str) -> dict[str, Any]:
    """How much of what is required there is; beyond it the bar is full."""
    share = 100.0 if needed <= 0 else min(100.0, 100 * value / needed)
    text = f"{formats.number(value)} of {formats.number(needed)} {unit}"
    return {"width": percent_text(share), "text": text, "state": state}
