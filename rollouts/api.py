"""Rollouts over HTTP: delivery systems read where one stands and report what they have set."""

from django_filters import rest_framework as filters
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api import ProjectViewSet
from rollouts import actions
from rollouts import serializers as shapes
from rollouts.choices import PlanStatus
from rollouts.models import RolloutPlan


class PlanFilters(filters.FilterSet):
    project = filters.CharFilter(field_name="model__project__slug")
    model = filters.CharFilter(field_name="model__name")
    candidate = filters.CharFilter(field_name="candidate__version")
    status = filters.ChoiceFilter(choices=PlanStatus.choices)


class PlanViewSet(ListModelMixin, RetrieveModelMixin, ProjectViewSet):
    """Rollout plans; decisions about them are taken by people on their pages, never here."""

    rows = RolloutPlan.objects.select_related(
        "model__project", "candidate", "fallback"
    ).prefetch_related("stages__gates")
    serializer_class = shapes.PlanSerializer
    detail_serializer_class = shapes.PlanDetailSerializer
    filterset_class = PlanFilters
    write_scope = "exposure"

    @action(detail=True, methods=["post"])
    def exposure(self, request: Request, pk: str) -> Response:
        reported = self.shaped(shapes.ExposurePost)["exposure"]
        plan = self.get_object()
        actions.report_exposure(plan, exposure=reported, by=request.user)
        return Response(shapes.PlanDetailSerializer(self.get_object()).data)
