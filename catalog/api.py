"""The catalog over HTTP: models and versions, data, failures."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from catalog import serializers as shapes
from catalog.choices import FailureSeverity, FailureStatus, RiskTier
from catalog.intake import post_failure, post_version
from catalog.models import Dataset, DatasetVersion, FailureCase, RegisteredModel
from catalog.querysets import ProjectQuerySet


class ProjectViewSet(GenericViewSet):
    """Rows of the projects that the caller may see.

    Whom it serves is said by the API root, which registers it; unregistered it serves nobody.
    """

    lookup_value_regex = "[0-9]{1,18}"
    rows: ProjectQuerySet
    detail_serializer_class: type[BaseSerializer] | None = None
    #: The token scope that this endpoint's writes need.
    write_scope = ""

    def get_queryset(self) -> QuerySet[Any]:
        # Pages need an order, and one that counts something has lost its model's own.
        return self.rows.visible_to(self.request.user).order_by("-pk")

    def get_serializer_class(self) -> type[BaseSerializer]:
        detail = self.detail_serializer_class if self.detail else None
        return detail or super().get_serializer_class()

    def shaped(self, shape: type[shapes.Shape]) -> Any:
        """The request's body in this shape. Raises ValidationError, field by field."""
        incoming = shape(data=self.request.data)
        incoming.is_valid(raise_exception=True)
        return incoming.validated_data


class ModelFilters(filters.FilterSet):
    project = filters.CharFilter(field_name="project__slug")
    name = filters.CharFilter()
    risk_tier = filters.ChoiceFilter(choices=RiskTier.choices)


class ModelViewSet(ListModelMixin, RetrieveModelMixin, ProjectViewSet):
    """The model inventory."""

    rows = RegisteredModel.objects.select_related(
        "project", "owner", "production_version"
    ).prefetch_related("versions__endpoint")
    serializer_class = shapes.ModelSerializer
    detail_serializer_class = shapes.ModelDetailSerializer
    filterset_class = ModelFilters
    write_scope = "catalog"

    @action(detail=True, methods=["post"])
    def versions(self, request: Request, pk: str) -> Response:
        data = self.shaped(shapes.VersionPost)
        version, is_new = post_version(self.get_object(), data, by=request.user)
        return Response(shapes.VersionSerializer(version).data, status=201 if is_new else 200)


class DatasetFilters(filters.FilterSet):
    project = filters.CharFilter(field_name="project__slug")
    name = filters.CharFilter()


class DatasetViewSet(ListModelMixin, ProjectViewSet):
    """Datasets and their versions."""

    rows = Dataset.objects.select_related("project").prefetch_related("versions")
    serializer_class = shapes.DatasetSerializer
    filterset_class = DatasetFilters


class DatasetVersionViewSet(RetrieveModelMixin, ProjectViewSet):
    """One frozen content with its columns."""

    rows = DatasetVersion.objects.select_related("dataset")
    serializer_class = shapes.DatasetVersionDetailSerializer


class FailureFilters(filters.FilterSet):
    project = filters.CharFilter(field_name="model__project__slug")
    model = filters.CharFilter(field_name="model__name")
    status = filters.ChoiceFilter(choices=FailureStatus.choices)
    severity = filters.ChoiceFilter(choices=FailureSeverity.choices)
    mode = filters.CharFilter(field_name="mode__key")


class FailureViewSet(ListModelMixin, RetrieveModelMixin, ProjectViewSet):
    """The failure catalog; a machine's report joins the case it belongs to."""

    rows = FailureCase.objects.with_counts().select_related("model__project", "mode")
    serializer_class = shapes.FailureSerializer
    detail_serializer_class = shapes.FailureDetailSerializer
    filterset_class = FailureFilters
    write_scope = "failures"

    def create(self, request: Request) -> Response:
        case, is_new = post_failure(self.shaped(shapes.FailurePost), by=request.user)
        row = self.get_queryset().get(pk=case.pk)
        shown = shapes.FailureDetailSerializer(row).data
        location = {"Location": self.reverse_action("detail", args=[case.pk])}
        return Response(shown, status=201 if is_new else 200, headers=location)
