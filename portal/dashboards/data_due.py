"""Data whose bias review or last day of use needs somebody: a panel of the home page."""

from datetime import date
from typing import Any

from django.utils import timezone

from catalog.models import Dataset, Project
from catalog.pages import address
from catalog.stewardship import due, with_review_due
from portal.dashboards.queries import SHOWN, Item


def data_due(project: Project, user: Any) -> list[Item]:
    """Data that this person may do something about: review them, or settle their last day."""
    may_review = user.has_perm("catalog.review_data", project)
    may_describe = user.has_perm("catalog.add_datasetversion", project)
    if not (may_review or may_describe):
        return []

    def can_mend(row: Dataset, badge: str) -> bool:
        if badge == "retention_passed":
            return may_describe
        return may_review and row.created_by_id != user.pk

    today = timezone.localdate()
    items = [
        _item(row, badge, project, row.review_due)
        for row in with_review_due(Dataset.objects.filter(project=project))
        for badge in due(row, row.review_due, today)
        if can_mend(row, badge)
    ]
    return items[:SHOWN]


def _item(row: Any, badge: str, project: Project, review_due: date | None) -> Item:
    url = address("dataset-detail", project, pk=row.pk)
    if badge == "retention_passed":
        until = f"{row.retention_until:%-d %b %Y}"
        return Item(f"Settle: {row}", f"To be used until {until}.", f"{url}#stewardship", badge)
    said = (
        f"Due since {review_due:%-d %b %Y}." if review_due else "Nobody has looked for bias yet."
    )
    return Item(f"Review: {row}", said, f"{url}#bias-reviews", badge)
