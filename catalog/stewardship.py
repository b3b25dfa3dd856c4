"""Stewardship of data: where they come from, how they may be used, who looked for bias in them."""

from datetime import date, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from catalog.actions import require
from catalog.models import BiasReview, Dataset
from catalog.transactions import write_block

#: A finding grows old: data and their use change, and so do the people who look.
LONGEST_REVIEW = timedelta(days=2 * 365)


def describe(dataset: Dataset, *, by: Any, reason: str, **fields: Any) -> Dataset:
    """State what is known of the data; `fields` are columns of Dataset."""
    require(by, "catalog.add_datasetversion", dataset, "Only contributors describe data.")
    if not reason.strip():
        raise ValidationError({"reason": "Say why, for those who answer for these data later."})
    with write_block():
        dataset = Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)
        for name, value in fields.items():
            setattr(dataset, name, value)
        return dataset.record(by=by, reason=reason)


def review(
    dataset: Dataset,
    *,
    by: Any,
    held_on: date,
    looked_at: str,
    finding: str,
    next_due: date,
    today: date | None = None,
) -> BiasReview:
    """Record a look at the data for bias, by somebody other than who brought them."""
    require(by, "catalog.review_data", dataset, "Only reviewers record bias reviews.")
    if by.pk == dataset.created_by_id:
        raise PermissionDenied("Whoever registered the data cannot review them for bias.")
    today = today or timezone.localdate()
    if held_on > today:
        raise ValidationError({"held_on": "This lies in the future."})
    if not today < next_due <= today + LONGEST_REVIEW:
        raise ValidationError({"next_due": "Choose a day to come, at most two years ahead."})
    row = BiasReview(
        dataset=dataset, held_on=held_on, looked_at=looked_at, finding=finding, next_due=next_due
    )
    return row.record(by=by, reason="reviewed")


# -- what is due ------------------------------------------------------------------------------


def with_review_due(datasets: QuerySet[Any]) -> QuerySet[Any]:
    """Adds `review_due`, the day that the newest review named; none without any review."""
    reviews = BiasReview.objects.filter(dataset=OuterRef("pk")).order_by("-held_on", "-pk")
    return datasets.annotate(review_due=Subquery(reviews.values("next_due")[:1]))


def due(dataset: Dataset, review_due: date | None, on: date) -> list[str]:
    """What is to be done about the data, as the badges name it; empty when nothing is."""
    found = ["retention_passed"] if dataset.retention_passed(on) else []
    if review_due is None:
        return [*found, "unreviewed"]
    return [*found, "review_overdue"] if review_due < on else found
