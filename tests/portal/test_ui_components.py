"""Components as rendered: words beside colours, query strings kept, errors tied to fields."""

from typing import Any

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory

from portal.ui import charts
from portal.ui.badges import BADGES, badge_for

pytestmark = pytest.mark.pure


def render(source: str, path: str = "/", **context: Any) -> str:
    request = RequestFactory().get(path)
    values = {"request": request, "csrf_token": "a-token", **context}
    return Template("{% load ui %}" + source).render(Context(values))


class CaseForm(forms.Form):
    q = forms.CharField(label="Search", required=False)
    title = forms.CharField(help_text="In one line.")


@pytest.mark.parametrize("key", sorted(BADGES))
def test_badge__of_every_state__shows_its_word_and_an_icon_of_the_sprite(key: str) -> None:
    sprite = render('{% include "components/icons.html" %}')
    shown = render("{% badge key %}", key=key)
    assert BADGES[key].label in shown
    assert f'id="i-{BADGES[key].icon}"' in sprite


def test_badge__of_an_unlisted_state__is_neutral_and_never_a_pass() -> None:
    assert (badge_for("odd_state").label, badge_for("odd_state").tone) == (
        "Odd state",
        "not-used",
    )


@pytest.mark.parametrize("key", ["no_data", "inconclusive", "errored", "not_used", "missing"])
def test_badge__of_what_did_not_pass__has_another_tone_than_pass(key: str) -> None:
    assert BADGES[key].tone != BADGES["pass"].tone


def test_badge__of_markup__is_escaped() -> None:
    assert "<b>" not in render("{% badge key label %}", key="pass", label="<b>")


def test_sort_header__already_rising__offers_falling_and_forgets_the_page() -> None:
    shown = render('{% sort_header "name" "Name" %}', "/?q=fog&sort=name&page=3")
    assert 'aria-sort="ascending"' in shown
    assert 'href="?q=fog&amp;sort=-name"' in shown


def test_sort_header__of_another_column__claims_no_order() -> None:
    shown = render('{% sort_header "name" "Name" %}', "/?sort=-seen")
    assert "aria-sort" not in shown
    assert 'href="?sort=name"' in shown


def test_pagination__on_a_filtered_list__keeps_the_query() -> None:
    page = Paginator(range(1234), 25).page(2)
    shown = render('{% pagination page "cases" %}', "/?q=fog&page=2", page=page)
    assert "26–50 of 1,234 cases" in shown
    assert 'href="?q=fog&amp;page=3"' in shown
    assert '<span aria-current="page">2</span>' in shown


def test_pagination__of_nothing__says_so_without_links() -> None:
    shown = render('{% pagination page "cases" %}', page=Paginator([], 25).page(1))
    assert "No cases" in shown
    assert "<nav" not in shown


def test_filter_bar__with_a_filter_set__keeps_the_order_and_offers_to_clear() -> None:
    form = CaseForm({"q": "fog"})
    shown = render("{% filter_bar form %}", "/?q=fog&sort=-seen", form=form)
    assert '<input type="hidden" name="sort" value="-seen">' in shown
    assert '<a href="?sort=-seen">Clear</a>' in shown


def test_filter_bar__without_a_filter__has_nothing_to_clear() -> None:
    assert "Clear" not in render("{% filter_bar form %}", form=CaseForm())


def test_form_fields__with_an_error__ties_help_and_error_to_the_control() -> None:
    shown = render("{% form_fields form %}", form=CaseForm({}))
    assert 'aria-describedby="id_title_helptext id_title_error"' in shown
    assert 'id="id_title_helptext"' in shown
    assert 'id="id_title_error"' in shown
    assert 'aria-invalid="true"' in shown


def test_confirm_form__that_signs__posts_reason_digest_and_token() -> None:
    shown = render('{% confirm_form "/go/" "Approve" hidden=hidden %}', hidden={"digest": "ab"})
    assert 'method="post" action="/go/"' in shown
    assert '<input type="hidden" name="digest" value="ab">' in shown
    assert 'value="a-token"' in shown
    assert "required" in shown


def test_digest__of_a_long_value__shows_the_start_and_copies_the_whole() -> None:
    value = "9f2c1ab0" * 8
    shown = render("{% digest value %}", value=value)
    assert f'<code title="{value}">9f2c1ab09f</code>' in shown
    assert f'data-copy="{value}"' in shown


def test_stepper__current_stage__is_marked_and_named_in_words() -> None:
    steps = [{"name": "Canary", "state": "stopped"}, {"name": "Half", "state": "current"}]
    shown = render("{% stepper steps %}", steps=steps)
    assert 'aria-current="step"' in shown
    assert "(stopped)" in shown


def test_progress__without_a_rate__claims_none() -> None:
    shown = render("{% progress 3 10 %}")
    assert "3 of 10 parts" in shown
    assert "per second" not in shown
    assert "left" not in shown


def test_timeline__entry__shows_title_state_sentence_and_who() -> None:
    entry = {"title": "Rolled back", "badge": "rolled_back", "who": "Olaf", "sentence": "Why."}
    shown = render("{% timeline entries %}", entries=[entry])
    assert all(word in shown for word in ("Rolled back", "Olaf", "Why.", "tone-fail"))


@pytest.mark.parametrize(
    "figure",
    [
        charts.forest([charts.Estimate("A", 0.1, 0.0, 0.2, "improved")], title="Title"),
        charts.bars([charts.Estimate("A", 0.1)], title="Title", reference=0.5),
        charts.trend([charts.Point(1, 0.5, 0.4, 0.6)], title="Title", threshold=0.3),
        charts.sparkline([1, 2], title="Title"),
        charts.histogram([0, 1], [3], [4], title="Title"),
    ],
    ids=["forest", "bars", "trend", "sparkline", "histogram"],
)
def test_plot__of_every_kind__is_an_image_with_a_title(figure: object) -> None:
    shown = render("{% plot figure %}", figure=figure)
    assert 'role="img"' in shown
    assert "<title>Title</title>" in shown


def test_plot__of_a_matrix__writes_value_and_state_in_words() -> None:
    row, column = charts.Heading("a", "JFK"), charts.Heading("b", "Fog")
    cells = {("a", "b"): charts.Cell("0.801", "fail", "/m/1/")}
    shown = render(
        "{% plot figure %}", figure=charts.matrix([row], [column], cells, title="Title")
    )
    assert 'href="/m/1/"' in shown
    assert "0.801" in shown
    assert '<span class="visually-hidden"> fail</span>' in shown


@pytest.mark.parametrize("name", ["400.html", "403.html", "404.html", "500.html"])
def test_error_page__without_any_context__renders_whole(name: str) -> None:
    shown = Template("{% include name %}").render(Context({"name": name}))
    assert "<h1>" in shown
    assert "</html>" in shown


def test_frame__with_navigation__marks_the_current_page_and_counts_what_waits() -> None:
    navigation = [
        {"label": "Models", "url": "/models/", "active": True, "count": 0},
        {"label": "My decisions", "url": "/decisions/", "active": False, "count": 3},
    ]
    shown = render('{% include "base.html" %}', navigation=navigation)
    assert '<a href="/models/" aria-current="page">Models</a>' in shown
    assert '<span class="count">3</span>' in shown
    assert shown.index("Skip to content") < shown.index("<header")


def test_frame__without_any_context__renders_without_navigation() -> None:
    shown = Template('{% include "base.html" %}').render(Context())
    assert "<main" in shown
    assert 'aria-label="Main"' not in shown
