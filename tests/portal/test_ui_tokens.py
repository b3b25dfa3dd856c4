"""Every tone reads at AA contrast on everything it is drawn on, in light and in dark."""

import re
from pathlib import Path

import pytest

from portal.ui.badges import TONES

pytestmark = pytest.mark.pure

STATIC = Path(__file__).resolve().parents[2] / "portal" / "ui" / "static" / "portal"
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
PAIR = re.compile(r"--ts-([\w-]+): light-dark\((#\w{6}), (#\w{6})\)")
TOKENS = {
    name: pair for name, *pair in PAIR.findall((STATIC / "tokens.css").read_text(encoding="utf-8"))
}
AA_TEXT = 4.5  # WCAG 2.2, success criterion 1.4.3


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def grounds() -> list[tuple[str, str]]:
    plain = [(ink, on) for ink in ("ink", "muted", "accent") for on in ("page", "surface")]
    washed = [(tone, f"{tone}-wash") for tone in TONES]
    bare = [(t, on) for t in TONES if t != "severity-critical" for on in ("page", "surface")]
    return [*plain, *washed, *bare, ("on-accent", "accent-fill"), ("muted", "sunken")]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), grounds())
def test_contrast__ink_on_its_ground__is_at_least_aa(ink: str, ground: str, theme: int) -> None:
    assert contrast(TOKENS[ink][theme], TOKENS[ground][theme]) >= AA_TEXT


def test_contrast__black_on_white__is_twenty_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_tones__each__have_a_class_in_the_stylesheet() -> None:
    styles = (STATIC / "components.css").read_text(encoding="utf-8")
    assert not [tone for tone in TONES if f".tone-{tone} " not in styles]


def test_templates__all__hold_no_inline_style_script_or_foreign_address() -> None:
    forbidden = re.compile(r"<style|\bstyle=|<script(?![^>]*\bsrc=)|\son\w+=|https?://|hx-on")
    guilty = [p.name for p in TEMPLATES.rglob("*.html") if forbidden.search(p.read_text())]
    assert guilty == []
