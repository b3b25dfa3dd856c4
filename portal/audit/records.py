"""Which tables the ledger vouches for, and what of their rows it commits to."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet

BATCH = 2000

#: Facts of record with an event each, and the row that each of them is about.
SUBJECTS = {
    "catalog.failureoccurrence": "case",
    "rollouts.approval": "request.plan",
    "rollouts.decisionrecord": "plan",
    "rollouts.gatecheck": "gate.stage.plan",
}
HISTORY_COLUMNS = ("history_type", "history_change_reason", "history_user_id", "history_date")


@dataclass(frozen=True)
class Recorded:
    """A table whose rows are committed to: a history of `tracks`, or facts of record."""

    model: type[Model]
    columns: tuple[str, ...]
    tracks: type[Model] | None = None

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def tracked(self) -> tuple[str, ...]:
        return self.columns[: -len(HISTORY_COLUMNS)]

    @cached_property
    def defaults(self) -> tuple[Any, ...]:
        meta = self.model._meta
        fields: list[Any] = [meta.get_field(name) for name in self.columns]
        return tuple(field.get_default() for field in fields)

    def payload(self, values: tuple[Any, ...]) -> dict[str, Any]:
        """Columns by name, without those that hold their default.

        So a column that is added later, with a default, takes nothing from what was committed to
        before there was such a column. Any change of a value still shows: from or to the default
        it takes the column in or out. The price is that a default can never change.
        """
        rows = zip(self.columns, values, self.defaults, strict=True)
        return {name: value for name, value, default in rows if value != default}

    def payloads(self, keys: list[int]) -> dict[int, dict[str, Any]]:
        """The committed content of these rows, as stored; a key without a row is left out."""
        found: dict[int, dict[str, Any]] = {}
        for start in range(0, len(keys), BATCH):
            rows = self.model._base_manager.filter(pk__in=keys[start : start + BATCH])
            for key, *values in rows.values_list("pk", *self.columns):
                found[key] = self.payload(tuple(values))
        return found


def history_of(model: type[Model]) -> type[Model]:
    return getattr(model, model._meta.simple_history_manager_attribute).model  # type: ignore[attr-defined]


def key_of(model: type[Model]) -> str:
    key: Any = model._meta.pk
    return key.attname


def tracked_models() -> list[type[Model]]:
    return [m for m in apps.get_models() if hasattr(m._meta, "simple_history_manager_attribute")]


@cache
def recorded_tables() -> dict[str, Recorded]:
    """Table name → what is committed of its rows."""
    tables = [_history_table(model) for model in tracked_models()]
    for label in SUBJECTS:
        model = apps.get_model(label)
        columns = tuple(field.attname for field in model._meta.concrete_fields)
        tables.append(Recorded(model, columns))
    return {recorded.table: recorded for recorded in tables}


def _history_table(model: type[Model]) -> Recorded:
    history: Any = history_of(model)
    tracked = tuple(field.attname for field in history.tracked_fields)
    return Recorded(history, tracked + HISTORY_COLUMNS, tracks=model)


class Unreadable:
    """Stands for a row whose stored values are not even of their columns' types."""

    problem = "Its stored values cannot be read."


def batches(
    rows: QuerySet[Any], columns: tuple[str, ...]
) -> Iterator[dict[int, tuple[Any, ...] | Unreadable]]:
    """All rows in key order, a batch of values at a time, without ever holding the table."""
    rows = rows.order_by("pk")
    keys = list(rows.values_list("pk", flat=True)[:BATCH])
    while keys:
        yield _values(rows.filter(pk__gte=keys[0], pk__lte=keys[-1]), columns, keys)
        keys = list(rows.filter(pk__gt=keys[-1]).values_list("pk", flat=True)[:BATCH])


def _values(
    rows: QuerySet[Any], columns: tuple[str, ...], keys: list[int]
) -> dict[int, tuple[Any, ...] | Unreadable]:
    try:
        return {key: tuple(values) for key, *values in rows.values_list("pk", *columns)}
    except (ValueError, TypeError):  # SQLite stores text in a column of dates if told to
        return {key: _one(rows, columns, key) for key in keys}


def _one(rows: QuerySet[Any], columns: tuple[str, ...], key: int) -> tuple[Any, ...] | Unreadable:
    try:
        return tuple(rows.filter(pk=key).values_list(*columns).get())
    except (ValueError, TypeError):
        return Unreadable()
