"""The component tags: `{% load ui %}`, then say what is meant; docs/look.md lists them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.core.paginator import Page
from django.forms import BaseForm, BoundField, CheckboxInput, Select
from django.http import QueryDict
from django.template.context import Context
from django.template.loader import get_template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.ui import badges, formats

register = template.Library()
SHORT_DIGEST = 10


def _query(context: Context) -> QueryDict:
    request = context.get("request")
    return request.GET.copy() if request else QueryDict(mutable=True)


def _link(query: QueryDict, **changes: object) -> str:
    for name, value in changes.items():
        query[name] = str(value)
    return f"?{query.urlencode()}"


# words


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of the sprite; without a label it is decoration beside words."""
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="#i-{}"/></svg>', label, name
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.simple_tag
def badge(choice: Any, label: str = "", *, title: str = "", plain: bool = False) -> SafeString:
    """Word, icon and tone of a state; nothing at all for an empty value."""
    if badges.key_of(choice) == "":
        return format_html('<span class="muted">{}</span>', formats.NOTHING)
    shown = badges.badge_for(choice, label)
    return format_html(
        '<span class="status{} tone-{}"{}><svg class="icon icon-{}" aria-hidden="true">'
        '<use href="#i-{}"/></svg>{}</span>',
        " status-plain" if plain else "",
        shown.tone,
        format_html(' title="{}"', title) if title else "",
        shown.icon,
        shown.icon,
        shown.label,
    )


@register.filter
def tone(choice: Any) -> str:
    """The CSS class that colours anything like the badge of this state."""
    return f"tone-{badges.badge_for(choice).tone}"


@register.filter
def icon_name(choice: Any) -> str:
    return badges.badge_for(choice).icon if badges.key_of(choice) else "dot"


@register.filter
def state_word(choice: Any) -> str:
    return badges.badge_for(choice).label.lower()


@register.filter
def exact(value: float | Decimal) -> str:
    return formats.exact(float(value))


@register.filter
def number(value: object, decimals: int | None = None) -> str:
    return formats.number(value, decimals)


@register.filter
def percent(value: object, decimals: int = 1) -> str:
    return formats.percent(value, decimals)


@register.filter
def signed(value: object, decimals: int | None = None) -> str:
    return formats.signed(value, decimals)


@register.filter
def duration(value: object) -> str:
    return formats.duration(value)


@register.simple_tag
def interval(
    value: object, low: object, high: object, unit: str = "", *, plus: bool = False
) -> str:
    return formats.interval(value, low, high, unit, plus=plus)


def _time(moment: datetime | None, *, words_first: bool) -> SafeString | str:
    if not isinstance(moment, datetime):
        return formats.NOTHING
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    now = timezone.now() if timezone.is_aware(moment) else datetime.now()
    texts = [formats.absolute(local), formats.relative(moment, now)]
    shown, title = reversed(texts) if words_first else texts
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), title, shown
    )


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """The absolute time, for records; how long ago is in the title."""
    return _time(moment, words_first=False)


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """How long ago, for lists; the absolute time is in the title."""
    return _time(moment, words_first=True)


@register.inclusion_tag("components/digest.html")
def digest(value: str | None, label: str = "digest") -> dict[str, Any]:
    return {"value": value or "", "short": (value or "")[:SHORT_DIGEST], "label": label}


# page parts


@register.inclusion_tag("components/page_header.html")
def page_header(
    title: str, sub: str = "", badge: Any = "", actions: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    return {"title": title, "sub": sub, "badge": badge, "actions": actions}


@register.inclusion_tag("components/stat.html")
def stat(
    label: str, value: Any, sub: Any = "", *, tone: str = "", url: str = ""
) -> dict[str, Any]:
    return {"label": label, "value": value, "sub": sub, "tone": tone, "url": url}


@register.inclusion_tag("components/empty.html")
def empty_state(
    title: str, sentence: str = "", action_label: str = "", action_url: str = ""
) -> dict[str, Any]:
    return {
        "title": title,
        "sentence": sentence,
        "action_label": action_label,
        "action_url": action_url,
    }


@register.inclusion_tag("components/timeline.html")
def timeline(entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {"entries": entries}


@register.inclusion_tag("components/stepper.html")
def stepper(steps: Iterable[Mapping[str, Any]], label: str = "Stages") -> dict[str, Any]:
    return {"steps": steps, "label": label}


@register.inclusion_tag("components/progress.html")
def progress(
    done: int,
    total: int,
    rate: object = None,
    left: object = None,
    *,
    label: str = "Progress",
    noun: str = "parts",
) -> dict[str, Any]:
    return {"done": done, "total": total, "rate": rate, "left": left, "label": label, "noun": noun}


@register.inclusion_tag("components/definition_list.html")
def definition_list(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {"items": items}


# lists


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(context: Context, page: Page[Any], noun: str = "entries") -> dict[str, Any]:
    query = _query(context)
    numbers = page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    pages = [
        {
            "text": n,
            "url": _link(query, page=n) if isinstance(n, int) else "",
            "now": n == page.number,
        }
        for n in numbers
    ]
    previous = _link(query, page=page.number - 1) if page.has_previous() else ""
    following = _link(query, page=page.number + 1) if page.has_next() else ""
    return {"page": page, "pages": pages, "previous": previous, "next": following, "noun": noun}


@register.inclusion_tag("components/sort_header.html", takes_context=True)
def sort_header(
    context: Context, field: str, label: str, *, number: bool = False, param: str = "sort"
) -> dict[str, Any]:
    """A `<th>` that sorts by its field, and the other way when it already does."""
    query = _query(context)
    current = query.get(param, "")
    direction = {field: "ascending", f"-{field}": "descending"}.get(current, "")
    query.pop("page", None)
    url = _link(query, **{param: f"-{field}" if direction == "ascending" else field})
    return {"label": label, "url": url, "direction": direction, "number": number}


# forms


def _control_class(field: BoundField) -> str:
    widget = field.field.widget
    if isinstance(widget, CheckboxInput):
        return "form-check-input"
    if isinstance(widget, Select):
        return "form-select"
    return "form-control"


@register.filter
def control(field: BoundField) -> SafeString:
    """The field's widget in our clothes; Django itself ties it to its help and its errors."""
    widget = field.field.widget
    if getattr(widget, "option_template_name", "").endswith(
        ("radio_option.html", "checkbox_option.html")
    ):
        return field.as_widget()
    classes = [_control_class(field), str(widget.attrs.get("class", ""))]
    if field.errors:
        classes.append("is-invalid")
    return field.as_widget(attrs={"class": " ".join(filter(None, classes))})


def _row(field: BoundField) -> dict[str, Any]:
    widget = field.field.widget
    return {
        "field": field,
        "is_check": isinstance(widget, CheckboxInput),
        "is_group": bool(getattr(widget, "use_fieldset", False)),
        "is_search": field.name == "q" or getattr(widget, "input_type", "") == "search",
    }


@register.inclusion_tag("components/form.html")
def form_fields(form: BaseForm) -> dict[str, Any]:
    """Labels, help, controls and errors of a form; the `<form>` and its button are the page's."""
    return {"form": form, "rows": [_row(field) for field in form.visible_fields()]}


@register.inclusion_tag("components/filter_bar.html", takes_context=True)
def filter_bar(context: Context, form: BaseForm, label: str = "Filter") -> dict[str, Any]:
    query = _query(context)
    return {
        "label": label,
        "rows": [_row(field) for field in form.visible_fields()],
        "sort": query.get("sort", ""),
        "is_filtered": any(query.get(form.add_prefix(name)) for name in form.fields),
    }


@register.inclusion_tag("components/confirm_form.html")
def confirm_form(
    action: str,
    label: str,
    *,
    tone: str = "primary",
    reason_label: str = "Reason",
    help: str = "",
    required: bool = True,
    hidden: Mapping[str, Any] | None = None,
    name: str = "reason",
    error: str = "",
    value: str = "",
) -> dict[str, Any]:
    """A POST form that asks why; `hidden` carries such things as the digest that is signed."""
    return {
        "action": action,
        "label": label,
        "tone": tone,
        "reason_label": reason_label,
        "help": help,
        "required": required,
        "hidden": hidden or {},
        "name": name,
        "error": error,
        "value": value,
        "id": f"{name}-{label.lower().replace(' ', '-')}",
    }


@register.simple_tag
def plot(figure: Any) -> SafeString:
    """Draws what `portal.ui.charts` made; the figure knows its own template."""
    drawn = get_template(figure.template).render({"plot": figure})
    return SafeString(drawn)
