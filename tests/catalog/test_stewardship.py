"""Stewardship of data: stated with a reason, reviewed by somebody else, shown when it is due."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse
from django.utils import timezone

from catalog import stewardship
from catalog.models import BiasReview, Dataset
from portal.dashboards.data_due import data_due
from tests import builders

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
STATED = {
    "source": "Bureau of Transportation Statistics",
    "licence": "CC0",
    "privacy_class": "public",
    "masking": "Nothing was masked.",
    "retention_until": None,
    "retention_reason": "",
}


def today():
    return timezone.localdate()


def reviewed(dataset, by, **changed):
    given = {
        "held_on": today(),
        "looked_at": "Late share by airport.",
        "finding": "Newark is late more often.",
        "next_due": today() + 30 * DAY,
        **changed,
    }
    return stewardship.review(dataset, by=by, **given)


def overdue(dataset, by):
    """A review whose day for the next one has gone by, as time alone can make it."""
    row = reviewed(dataset, by)
    BiasReview._base_manager.filter(pk=row.pk).update(
        held_on=today() - 9 * DAY, next_due=today() - DAY
    )


def end_retention(dataset):
    fields = {"retention_until": today() - DAY, "retention_reason": "The licence ended."}
    Dataset._base_manager.filter(pk=dataset.pk).update(**fields)


def url(name, cast, dataset=None, **query):
    kwargs = {"pk": dataset.pk} if dataset else {}
    return reverse(name, kwargs={"project": cast.project.slug, **kwargs}, query=query or None)


# -- what is stated ---------------------------------------------------------------------------


def test_describe__by_a_contributor__keeps_what_was_stated_before_with_both_reasons(cast, dataset):
    stewardship.describe(dataset, by=cast.owner, reason="Asked the bureau.", **STATED)
    again = {**STATED, "licence": "CC BY 4.0"}
    row = stewardship.describe(dataset, by=cast.owner, reason="Read the terms again.", **again)
    assert (row.licence, row.privacy_class) == ("CC BY 4.0", "public")
    known = list(row.history.values_list("licence", "history_change_reason"))
    assert known[:2] == [("CC BY 4.0", "Read the terms again."), ("CC0", "Asked the bureau.")]


@pytest.mark.parametrize("who", ["viewer", "risk"])
def test_describe__by_others__is_refused(cast, dataset, who):
    with pytest.raises(PermissionDenied, match="contributors"):
        stewardship.describe(dataset, by=getattr(cast, who), reason="x", **STATED)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"retention_until": today()}, "retention_reason"),
        ({"privacy_class": "harmless"}, "privacy_class"),
        ({"masking": "na\u202eme"}, "masking"),
        ({"reason": " "}, "reason"),
    ],
)
def test_describe__something_amiss__says_which_field(cast, dataset, changed, field):
    with pytest.raises(ValidationError) as refusal:
        stewardship.describe(dataset, by=cast.owner, **{"reason": "x", **STATED, **changed})
    assert list(refusal.value.message_dict) == [field]


# -- bias reviews -----------------------------------------------------------------------------


def test_review__by_a_reviewer__is_on_record_and_never_changes(cast, dataset):
    row = reviewed(dataset, cast.risk)
    assert (row.created_by, row.history.count()) == (cast.risk, 1)
    row.finding = "Nothing."
    with pytest.raises(ValidationError, match="does not change"):
        row.record(by=cast.risk)
    with pytest.raises(ValidationError):
        row.delete()
    assert BiasReview.objects.get().finding == "Newark is late more often."


def test_review__by_whoever_registered_the_data__is_refused(cast, dataset):
    with pytest.raises(PermissionDenied, match="Only reviewers"):
        reviewed(dataset, cast.owner)
    Dataset._base_manager.filter(pk=dataset.pk).update(created_by=cast.risk)
    with pytest.raises(PermissionDenied, match="registered the data"):
        reviewed(Dataset.objects.get(), cast.risk)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"held_on": today() + DAY}, "held_on"),
        ({"next_due": today()}, "next_due"),
        ({"next_due": today() + 731 * DAY}, "next_due"),
        ({"finding": ""}, "finding"),
    ],
)
def test_review__something_amiss__says_which_field(cast, dataset, changed, field):
    with pytest.raises(ValidationError) as refusal:
        reviewed(dataset, cast.risk, **changed)
    assert list(refusal.value.message_dict) == [field]


# -- what is due ------------------------------------------------------------------------------


def due(dataset):
    row = stewardship.with_review_due(Dataset.objects.filter(pk=dataset.pk)).get()
    return stewardship.due(row, row.review_due, today())


def test_due__never_reviewed__is_not_read_as_in_order(dataset):
    assert due(dataset) == ["unreviewed"]


def test_due__newest_review_counts__not_the_one_recorded_last(cast, dataset):
    overdue(dataset, cast.risk)
    assert due(dataset) == ["review_overdue"]
    reviewed(dataset, cast.security)
    assert due(dataset) == []
    reviewed(dataset, cast.risk, held_on=today() - 400 * DAY, next_due=today() + DAY)
    row = stewardship.with_review_due(Dataset.objects.all()).get()
    assert row.review_due == today() + 30 * DAY


def test_due__on_the_last_day_itself__the_data_may_still_be_used(dataset):
    dataset.retention_until = today()
    assert not dataset.retention_passed(today())
    assert dataset.retention_passed(today() + DAY)


@pytest.mark.parametrize("value", ["unreviewed", "review_overdue", "retention_passed"])
def test_list__filtered_by_what_is_due__shows_those_data_alone(client, cast, dataset, value):
    names = {}
    for each in ("unreviewed", "review_overdue", "retention_passed"):
        row = builders.a_dataset_version(cast.project, by=cast.owner).dataset
        names[each] = row.name
        if each == "review_overdue":
            overdue(row, cast.risk)
        if each == "retention_passed":
            reviewed(row, cast.risk)
            end_retention(row)
    reviewed(dataset, cast.risk)
    client.force_login(cast.viewer)
    response = client.get(url("dataset-list", cast, due=value))
    assert [row.name for row, _ in response.context["rows"]] == [names[value]]
    badge = {"unreviewed": "No bias review", "review_overdue": "Bias review overdue"}
    assert badge.get(value, "Retention over") in response.content.decode()


def test_home__what_is_due__is_shown_to_those_who_can_mend_it(cast, dataset):
    end_retention(dataset)

    def shown(who):
        return [item.badge for item in data_due(cast.project, who)]

    assert shown(cast.owner) == ["retention_passed"]
    assert shown(cast.risk) == ["unreviewed"]
    assert shown(cast.viewer) == []
    overdue(dataset, cast.risk)
    assert shown(cast.risk) == ["review_overdue"]
    reviewed(dataset, cast.security)
    assert shown(cast.risk) == []


# -- pages ------------------------------------------------------------------------------------


def test_page__contributor_describes_and_reviewer_reviews__both_stand_there(client, cast, dataset):
    client.force_login(cast.owner)
    page = url("dataset-detail", cast, dataset)
    first = client.get(page).content.decode()
    assert "not stated" in first
    assert "No bias review yet" in first
    assert "Record a review" not in first
    sent = {**STATED, "retention_until": "2999-01-01", "reason": "Read the terms."}
    refused = client.post(url("dataset-edit", cast, dataset), sent)
    assert "Say which rule or agreement sets the last day." in refused.content.decode()
    sent["retention_reason"] = "Kept as long as the model serves."
    client.post(url("dataset-edit", cast, dataset), sent)
    client.force_login(cast.risk)
    review = {
        "held_on": today().isoformat(),
        "looked_at": "Airports.",
        "finding": "Newark is late more often.",
        "next_due": (today() + DAY).isoformat(),
    }
    assert client.post(url("bias-review-create", cast, dataset), review).status_code == 302
    shown = client.get(page).content.decode()
    for words in ("Kept as long as the model serves.", "Nothing was masked.", "Newark is late"):
        assert words in shown
    assert "Edit</a>" not in shown


def test_form__bad_day__is_told_in_a_sentence(client, cast, dataset):
    client.force_login(cast.risk)
    sent = {"held_on": "soon", "looked_at": "x", "finding": "x", "next_due": "1900-01-01"}
    response = client.post(url("bias-review-create", cast, dataset), sent)
    assert response.status_code == 200
    assert response.context["form"].errors
    assert not BiasReview.objects.exists()
