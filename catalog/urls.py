"""The addresses of the catalog's pages, all within a project."""

from django.urls import include, path

from catalog.views import assumptions, data, failures, members, models, stewardship

_pages = [
    path("models/", models.ModelList.as_view(), name="model-list"),
    path("models/new/", models.ModelCreate.as_view(), name="model-create"),
    path("models/<int:pk>/", models.ModelDetail.as_view(), name="model-detail"),
    path("models/<int:pk>/edit/", models.ModelEdit.as_view(), name="model-edit"),
    path(
        "models/<int:pk>/endpoints/new/", models.EndpointCreate.as_view(), name="endpoint-create"
    ),
    path("versions/<int:pk>/", models.VersionDetail.as_view(), name="version-detail"),
    path("data/", data.DatasetList.as_view(), name="dataset-list"),
    path("data/<int:pk>/", data.DatasetDetail.as_view(), name="dataset-detail"),
    path("data/<int:pk>/edit/", stewardship.DatasetEdit.as_view(), name="dataset-edit"),
    path(
        "data/<int:pk>/reviews/new/",
        stewardship.BiasReviewCreate.as_view(),
        name="bias-review-create",
    ),
    path("data/<int:pk>/slices/new/", data.SliceCreate.as_view(), name="slice-create"),
    path("data-versions/<int:pk>/", data.DatasetVersionDetail.as_view(), name="dataset-version"),
    path("assumptions/", assumptions.AssumptionList.as_view(), name="assumption-list"),
    path("assumptions/new/", assumptions.AssumptionCreate.as_view(), name="assumption-create"),
    path(
        "assumptions/<int:pk>/", assumptions.AssumptionDetail.as_view(), name="assumption-detail"
    ),
    path(
        "assumptions/<int:pk>/edit/", assumptions.AssumptionEdit.as_view(), name="assumption-edit"
    ),
    path("failures/", failures.FailureList.as_view(), name="failure-list"),
    path("failures/new/", failures.FailureCreate.as_view(), name="failure-create"),
    path("failures/<int:pk>/", failures.FailureDetail.as_view(), name="failure-detail"),
    path("failures/<int:pk>/move/", failures.FailureMove.as_view(), name="failure-move"),
    path(
        "failures/<int:pk>/annotate/", failures.FailureAnnotate.as_view(), name="failure-annotate"
    ),
    path(
        "failures/<int:pk>/occurrences/<int:occurrence>/reveal/",
        failures.OccurrenceReveal.as_view(),
        name="occurrence-reveal",
    ),
    path("members/", members.MemberList.as_view(), name="member-list"),
    path("members/new/", members.MemberGive.as_view(), name="member-give"),
    path("members/<int:pk>/end/", members.end_membership, name="member-end"),
]

urlpatterns = [path("p/<slug:project>/", include(_pages))]
