"""The pages of models, data, assumptions and members, and the wall around all pages."""

from datetime import UTC, date, datetime

import pytest
from django.urls import reverse

from catalog import actions, pages
from catalog.models import Assumption, Membership, RegisteredModel, Slice
from catalog.pages import AssumptionStatus
from tests import builders

pytestmark = pytest.mark.django_db


def url(name, project, **kwargs):
    return reverse(name, kwargs={"project": project.slug, **kwargs})


def text_of(response):
    assert response.status_code == 200, response.status_code
    return response.content.decode()


# -- the wall ---------------------------------------------------------------------------------

LISTS = ["model-list", "dataset-list", "assumption-list", "failure-list", "member-list"]
DETAILS = {
    "model-detail": "model",
    "version-detail": "version",
    "dataset-detail": "dataset",
    "dataset-version": "frozen",
    "assumption-detail": "assumption",
    "failure-detail": "case",
}


@pytest.mark.parametrize("name", LISTS)
def test_list__of_another_project__is_answered_like_a_missing_one(client, cast, name):
    client.force_login(cast.stranger)
    assert client.get(url(name, cast.project)).status_code == 404
    assert client.get(reverse(name, kwargs={"project": "none"})).status_code == 404
    assert client.get(url(name, cast.other)).status_code == 200


@pytest.mark.parametrize(("name", "row"), DETAILS.items())
def test_detail__row_of_another_project__is_missing_for_its_stranger(
    client, cast, request, name, row
):
    pk = request.getfixturevalue(row).pk
    client.force_login(cast.viewer)
    assert client.get(url(name, cast.project, pk=pk)).status_code == 200
    client.force_login(cast.stranger)
    assert client.get(url(name, cast.project, pk=pk)).status_code == 404
    assert client.get(url(name, cast.other, pk=pk)).status_code == 404


def test_detail__row_under_ones_other_project__is_missing_there_too(client, cast, model):
    Membership(user=cast.viewer, project=cast.other, role="viewer").record(by=None)
    client.force_login(cast.viewer)
    assert client.get(url("model-detail", cast.other, pk=model.pk)).status_code == 404


@pytest.mark.parametrize("name", LISTS)
def test_page__nobody_signed_in__leads_to_the_sign_in(client, cast, name):
    response = client.get(url(name, cast.project))
    assert response.status_code == 302
    assert response.url.startswith("/accounts/login/")


@pytest.mark.parametrize("name", ["model-create", "assumption-create", "failure-create"])
def test_form__without_the_permission__is_refused(client, cast, name):
    client.force_login(cast.viewer)
    assert client.get(url(name, cast.project)).status_code == 403
    assert client.post(url(name, cast.project), {}).status_code == 403


# -- lists ------------------------------------------------------------------------------------


def fill(cast, n):
    for _ in range(n):
        model = builders.a_model(cast.project, owner=cast.owner)
        version = builders.a_version(model, by=cast.owner)
        RegisteredModel.objects.filter(pk=model.pk).update(production_version=version)
        builders.a_dataset_version(cast.project, by=cast.owner)
        builders.a_failure_case(model, by=cast.owner)
        actions.state_assumption(
            model,
            statement="It holds.",
            category="data",
            how_checked="By looking.",
            owner=cast.owner,
            review_date=date(2030, 1, 1),
            by=cast.owner,
        )
        builders.a_person(cast.project, "viewer")


@pytest.mark.parametrize("name", LISTS)
def test_list__more_rows__takes_no_more_queries(client, cast, name, django_assert_max_num_queries):
    client.force_login(cast.curator)
    fill(cast, 2)
    with django_assert_max_num_queries(40) as few:
        client.get(url(name, cast.project))
    fill(cast, 6)
    with django_assert_max_num_queries(len(few)):
        client.get(url(name, cast.project))


def test_list__sorted_by_what_it_does_not_offer__ignores_it(client, cast, model):
    client.force_login(cast.viewer)
    page = text_of(client.get(url("model-list", cast.project), {"sort": "owner__password"}))
    assert model.title in page


def test_model_list__searched_sorted_and_paged__shows_what_was_asked(client, cast):
    for number in range(27):
        builders.a_model(cast.project, owner=cast.owner, title=f"Model {number:02}")
    client.force_login(cast.viewer)
    address = url("model-list", cast.project)
    second = text_of(client.get(address, {"sort": "-title", "page": 2, "q": "model"}))
    assert "Model 00" in second
    assert "Model 01" in second
    assert "Model 02" not in second
    assert "26–27 of 27 models" in second
    assert "sort=-title&amp;page=1&amp;q=model" in second
    assert "No model matches" in text_of(client.get(address, {"q": "nothing like it"}))


def test_model_list__risk_tier_sorted__follows_the_tiers_not_the_alphabet(client, cast):
    for tier in ("low", "high", "medium"):
        builders.a_model(cast.project, owner=cast.owner, risk_tier=tier)
    client.force_login(cast.viewer)
    response = client.get(url("model-list", cast.project), {"sort": "-risk"})
    tiers = [row.risk_tier for row in response.context["page_obj"]]
    assert tiers == ["high", "medium", "low"]


@pytest.mark.parametrize("name", ["model-list", "dataset-list", "assumption-list"])
def test_list__without_rows__says_what_would_fill_it(client, cast, name):
    client.force_login(cast.viewer)
    assert 'class="empty-state"' in text_of(client.get(url(name, cast.project)))


# -- models -----------------------------------------------------------------------------------


def test_model_page__versions_and_other_apps_entries__are_one_timeline(
    client, cast, model, version, monkeypatch
):
    actions.adopt_production(model, version, by=cast.owner, reason="It served before.")
    run = {"when": datetime(2099, 1, 1, tzinfo=UTC), "title": "Run 7 failed", "badge": "fail"}
    monkeypatch.setattr(pages, "timeline_providers", [lambda row, user: [run]])
    client.force_login(cast.viewer)
    response = client.get(url("model-detail", cast.project, pk=model.pk))
    titles = [entry["title"] for entry in response.context["timeline_page"]]
    assert titles == ["Run 7 failed", "v2 serves", "v2 registered"]
    assert "Run 7 failed" in text_of(response)


def test_model_page__panel_of_another_app__is_drawn_with_its_context(
    client, cast, model, monkeypatch
):
    panel = pages.Panel("Runs", "components/empty.html", {"title": "nothing"})
    monkeypatch.setattr(pages, "model_panels", [lambda row, user: panel, lambda *_: None])
    client.force_login(cast.viewer)
    assert "<h2>Runs</h2>" in text_of(client.get(url("model-detail", cast.project, pk=model.pk)))


def model_fields(cast, **changes):
    return {
        "name": "late-arrival",
        "title": "Late arrival",
        "owner": cast.owner.pk,
        "task": "binary",
        "risk_tier": "medium",
        "intended_use": "Warn the desk.",
        **changes,
    }


def test_model_form__complete__registers_and_leads_to_the_model(client, cast):
    client.force_login(cast.owner)
    response = client.post(url("model-create", cast.project), model_fields(cast))
    model = RegisteredModel.objects.get(name="late-arrival")
    assert response.url == url("model-detail", cast.project, pk=model.pk)
    assert model.created_by == cast.owner


def test_model_form__owner_from_outside__is_refused_beside_the_field(client, cast):
    client.force_login(cast.owner)
    given = model_fields(cast, owner=cast.stranger.pk)
    response = client.post(url("model-create", cast.project), given)
    assert response.context["form"].errors.keys() == {"owner"}
    assert not RegisteredModel.objects.exists()


def test_model_edit__posted__changes_text_but_neither_name_nor_task(client, cast, model):
    client.force_login(cast.owner)
    client.post(
        url("model-edit", cast.project, pk=model.pk),
        model_fields(cast, title="Renamed", name="other", task="regression"),
    )
    changed = RegisteredModel.objects.get(pk=model.pk)
    assert (changed.title, changed.name, changed.task) == ("Renamed", model.name, "binary")
    assert changed.history.first().history_user == cast.owner


def test_version_page__shows__digest_inputs_and_environment(client, cast, version):
    client.force_login(cast.viewer)
    page = text_of(client.get(url("version-detail", cast.project, pk=version.pk)))
    assert version.artifact_digest in page
    assert "distance" in page
    assert "3.11" in page


# -- data -------------------------------------------------------------------------------------


def test_dataset_version__restricted_column__is_named_but_its_values_are_not(client, cast, frozen):
    client.force_login(cast.curator)
    page = text_of(client.get(url("dataset-version", cast.project, pk=frozen.pk)))
    assert "passenger" in page
    assert "Withheld: the column is restricted." in page
    assert "canary-name" not in page
    assert "25.0%" in page  # the share of rows without visibility


def slice_fields(*comparisons, **changes):
    fields = {"key": "newark", "title": "From Newark", "join": "all", **changes}
    fields |= {"c-TOTAL_FORMS": "3", "c-INITIAL_FORMS": "0"}
    for number, (column, op, value) in enumerate(comparisons):
        fields |= {f"c-{number}-column": column, f"c-{number}-op": op, f"c-{number}-value": value}
    return fields


@pytest.mark.parametrize(
    ("comparisons", "join", "words"),
    [
        ([("origin", "eq", "EWR")], "all", "origin is EWR"),
        ([("visib", "between", "2, 8.5")], "all", "visib from 2 to below 8.5"),
        ([("origin", "in", "EWR, JFK")], "all", "origin is one of EWR or JFK"),
        (
            [("origin", "eq", "EWR"), ("visib", "is_null", "")],
            "any",
            "origin is EWR or visib is missing",
        ),
    ],
)
def test_slice_form__comparisons__become_the_condition_they_say(
    client, cast, dataset, frozen, comparisons, join, words
):
    client.force_login(cast.owner)
    fields = slice_fields(*comparisons, join=join)
    client.post(url("slice-create", cast.project, pk=dataset.pk), fields)
    assert Slice.objects.get(key="newark").in_words() == words


@pytest.mark.parametrize(
    ("comparison", "sentence"),
    [
        (("visib", "lt", "foggy"), "“visib” is compared with “foggy”, but needs a number."),
        (("origin", "lt", "EWR"), "“origin” holds text, which has no order"),
        (("visib", "between", "1"), "needs exactly two values"),
    ],
)
def test_slice_form__comparison_that_cannot_be__says_why_beside_it(
    client, cast, dataset, frozen, comparison, sentence
):
    client.force_login(cast.owner)
    address = url("slice-create", cast.project, pk=dataset.pk)
    assert sentence in text_of(client.post(address, slice_fields(comparison)))
    assert not Slice.objects.exists()


def test_slice_form__no_comparison__asks_for_one(client, cast, dataset, frozen):
    client.force_login(cast.owner)
    response = client.post(url("slice-create", cast.project, pk=dataset.pk), slice_fields())
    assert "Give at least one comparison." in text_of(response)


# -- assumptions ------------------------------------------------------------------------------


def test_assumption__nothing_tests_it__is_untested(client, cast, assumption):
    client.force_login(cast.viewer)
    page = text_of(client.get(url("assumption-list", cast.project)))
    assert "Untested" in page
    assert "No scenario that tests it has been run." in page


def test_assumption__sources_disagree__shows_the_worse(client, cast, assumption, monkeypatch):
    def says(status):
        found = AssumptionStatus(status, f"It {status}.", "/runs/1/")
        return lambda rows, user: {row.pk: found for row in rows}

    providers = [says("holds"), says("violated")]
    monkeypatch.setattr(pages, "assumption_status_providers", providers)
    client.force_login(cast.viewer)
    page = text_of(client.get(url("assumption-detail", cast.project, pk=assumption.pk)))
    assert "It violated." in page
    listed = client.get(url("assumption-list", cast.project), {"status": "holds"})
    assert "No assumption matches" in text_of(listed)


def test_assumption__review_day_passed__is_marked_overdue(client, cast, assumption):
    Assumption.objects.filter(pk=assumption.pk).update(review_date=date(2020, 1, 1))
    client.force_login(cast.viewer)
    listed = client.get(url("assumption-list", cast.project), {"overdue": "yes"})
    assert listed.context["rows"][0][2] is True
    page = text_of(client.get(url("assumption-detail", cast.project, pk=assumption.pk)))
    assert "Overdue" in page


def test_assumption_form__complete__states_it(client, cast, model):
    client.force_login(cast.owner)
    fields = {
        "model": model.pk,
        "statement": "Delays are known at departure.",
        "category": "feature",
        "how_checked": "A scenario takes them away.",
        "owner": cast.owner.pk,
        "review_date": "2030-05-01",
    }
    response = client.post(url("assumption-create", cast.project), fields)
    row = Assumption.objects.get()
    assert response.url == url("assumption-detail", cast.project, pk=row.pk)
    client.post(
        url("assumption-edit", cast.project, pk=row.pk), {**fields, "review_date": "2031-01-01"}
    )
    assert Assumption.objects.get().review_date == date(2031, 1, 1)


# -- members ----------------------------------------------------------------------------------


def test_members__seen_by_a_viewer__offers_no_act(client, cast):
    client.force_login(cast.viewer)
    page = text_of(client.get(url("member-list", cast.project)))
    assert "curator" in page
    assert "Give a role" not in page
    assert "End this role" not in page


def test_members__administrator__gives_and_ends_a_role(client, cast):
    client.force_login(cast.admin)
    client.post(url("member-give", cast.project), {"username": "stranger", "role": "auditor"})
    held = Membership.objects.get(user=cast.stranger, project=cast.project)
    assert (held.role, held.created_by) == ("auditor", cast.admin)
    client.post(url("member-end", cast.project, pk=held.pk))
    assert not Membership.objects.filter(pk=held.pk).exists()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"username": "nobody", "role": "viewer"}, "There is no active account of that name."),
        ({"username": "viewer", "role": "viewer"}, "They hold this role already."),
        ({"username": "admin", "role": "operator"}, "Ask another administrator"),
    ],
)
def test_member_form__impossible__says_why(client, cast, fields, sentence):
    client.force_login(cast.admin)
    assert sentence in text_of(client.post(url("member-give", cast.project), fields))


def test_member_end__last_administrator__stays_and_the_page_says_so(client, cast):
    held = Membership.objects.get(user=cast.admin, project=cast.project)
    client.force_login(cast.admin)
    page = client.post(
        url("member-end", cast.project, pk=held.pk),
        headers={"referer": f"http://testserver{url('member-list', cast.project)}"},
        follow=True,
    )
    assert "last administrator cannot be removed" in text_of(page)
    assert Membership.objects.filter(pk=held.pk).exists()


def test_member_end__without_the_permission_or_by_get__is_refused(client, cast):
    held = Membership.objects.get(user=cast.viewer)
    address = url("member-end", cast.project, pk=held.pk)
    client.force_login(cast.curator)
    assert client.post(address).status_code == 403
    assert client.get(address).status_code == 405
    client.force_login(cast.stranger)
    assert client.post(address).status_code == 404
    assert Membership.objects.filter(pk=held.pk).exists()


def test_act__refused_after_coming_from_elsewhere__never_leads_off_the_site(client, cast):
    held = Membership.objects.get(user=cast.admin, project=cast.project)
    client.force_login(cast.admin)
    address = url("member-end", cast.project, pk=held.pk)
    response = client.post(address, headers={"referer": "https://elsewhere.example/"})
    assert response.url == "/"
