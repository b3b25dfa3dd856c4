"""How the project's timeline is narrowed down."""

from typing import Any

import django_filters
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from catalog.pages import Filters
from portal.audit.records import tracked_models
from portal.audit.wording import GROUPS

SYSTEM = "system"


class TimelineFilters(Filters):
    """By person, kind of action, kind of thing and day; the search takes ids and dotted names."""

    actor = django_filters.ChoiceFilter(method="by_actor", label="Who", empty_label="Anybody")
    group = django_filters.ChoiceFilter(
        method="by_group",
        label="What",
        empty_label="Anything",
        choices=[(key, group.label) for key, group in GROUPS.items()],
    )
    object_type = django_filters.ChoiceFilter(label="On", empty_label="Everything")
    since = django_filters.DateFilter(field_name="at", lookup_expr="date__gte", label="From")
    until = django_filters.DateFilter(field_name="at", lookup_expr="date__lte", label="To")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["actor"].extra["choices"] = _actors(self.queryset)
        self.filters["object_type"].extra["choices"] = _object_types()
        for name in ("since", "until"):
            self.filters[name].field.widget.input_type = "date"

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        for word in value.split():
            found = Q(action__icontains=word) | Q(object_type__icontains=word)
            found |= Q(request_id=word)
            if word.isdecimal():
                found |= Q(object_id=int(word)) | Q(seq=int(word))
            rows = rows.filter(found)
        return rows

    def by_actor(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value == SYSTEM:
            return rows.filter(actor_id__isnull=True)
        return rows.filter(Q(actor_id=value) | Q(on_behalf_of=value))

    def by_group(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(GROUPS[value].actions)


def _actors(events: QuerySet[Any]) -> list[tuple[str, str]]:
    ids = events.order_by().values("actor_id").distinct()
    people = get_user_model().objects.filter(pk__in=ids)
    named = sorted((str(user), str(user.pk)) for user in people)
    return [(key, name) for name, key in named] + [(SYSTEM, "System")]


def _object_types() -> list[tuple[str, str]]:
    named = sorted(
        (str(model._meta.verbose_name).capitalize(), model._meta.label_lower)
        for model in tracked_models()
        if hasattr(model, "project_path")
    )
    return [(label, name) for name, label in named]
