"""Turns every history row, decision and happening into a ledger event of the same transaction."""

from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_save
from django.utils import timezone
from simple_history.signals import post_create_historical_record, pre_create_historical_record

from catalog.signals import committing, happened
from catalog.transactions import collect, in_write_block
from portal.audit.ledger import Item, actor_of, append
from portal.audit.records import SUBJECTS

VERBS = {"+": "created", "~": "changed", "-": "deleted"}
#: Where a fact of record names the person behind it.
ACTOR_FIELDS = ("actor", "user", "created_by")


def connect() -> None:
    pre_create_historical_record.connect(keep_history_true, dispatch_uid="audit.keep_true")
    post_create_historical_record.connect(history_written, dispatch_uid="audit.history")
    happened.connect(something_happened, dispatch_uid="audit.happened")
    committing.connect(write_collected, dispatch_uid="audit.committing")
    for label in SUBJECTS:
        post_save.connect(
            fact_written, sender=apps.get_model(label), dispatch_uid=f"audit.{label}"
        )


def keep_history_true(instance: Model, history_instance: Any, **kwargs: Any) -> None:
    """Make a history row say what is stored, now, whatever the saving code held in memory.

    A save of a few fields leaves the others in memory unsaved, and `_history_date` would let
    code date a change back.
    """
    if hasattr(instance, "_history_date"):
        history_instance.history_date = timezone.now()
    if history_instance.history_type == "~":
        names = [field.attname for field in history_instance.tracked_fields]
        stored = type(instance)._base_manager.filter(pk=instance.pk).values(*names).get()
        for name, value in stored.items():
            setattr(history_instance, name, value)


def history_written(
    instance: Model, history_instance: Any, history_user: Any, **kwargs: Any
) -> None:
    label = instance._meta.label_lower
    _keep(
        Item(
            action=f"{label}.{VERBS[history_instance.history_type]}",
            actor=actor_of(history_user),
            object_type=label,
            object_id=instance.pk,
            project_id=_project_of(instance),
            record=(history_instance._meta.db_table, history_instance.pk),
        )
    )


def fact_written(sender: type[Model], instance: Model, created: bool, **kwargs: Any) -> None:
    if not created:
        return
    label = sender._meta.label_lower
    subject: Any = instance
    for name in SUBJECTS[label].split("."):
        subject = getattr(subject, name)
    _keep(
        Item(
            action=f"{label}.created",
            actor=actor_of(_person_behind(instance)),
            object_type=subject._meta.label_lower,
            object_id=subject.pk,
            project_id=_project_of(instance),
            record=(sender._meta.db_table, instance.pk),
        )
    )


def something_happened(
    action: str, obj: Any, actor: Any, project_id: int | None, payload: Any, **kwargs: Any
) -> None:
    _keep(
        Item(
            action=action,
            actor=actor_of(actor),
            object_type=obj._meta.label_lower if obj is not None else "",
            object_id=obj.pk if obj is not None else None,
            project_id=project_id,
            payload=payload,
        )
    )


def write_collected(items: list[Any], **kwargs: Any) -> None:
    append(item for item in items if isinstance(item, Item))


def _keep(item: Item) -> None:
    if in_write_block():
        collect(item)
        return
    with transaction.atomic():
        append([item])


def _project_of(row: Any) -> int | None:
    return getattr(row, "owning_project_id", None)


def _person_behind(row: Any) -> Any:
    return next((getattr(row, name) for name in ACTOR_FIELDS if hasattr(row, name)), None)
