"""Suites and challenge runs over HTTP: CI posts a run, polls it and reads its verdict."""

from typing import Any

from django.urls import reverse
from django_filters import rest_framework as filters
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks import intake
from benchmarks import serializers as shapes
from benchmarks.choices import RunSource, RunStatus, VerdictChoice
from benchmarks.models import ChallengeRun, Suite
from benchmarks.panels import summaries
from catalog.api import ProjectViewSet
from catalog.errors import Conflict

#: What a CI job should exit with; 4 asks it to come back later.
EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 2}
ERRORED, NOT_FINISHED = 3, 4


class MismatchedRepeat(APIException):
    status_code = 422
    default_code = intake.MISMATCH


class SuiteFilters(filters.FilterSet):
    project = filters.CharFilter(field_name="project__slug")
    model = filters.CharFilter(field_name="model__name")
    key = filters.CharFilter()


class SuiteViewSet(ListModelMixin, RetrieveModelMixin, ProjectViewSet):
    """Suites with their scenarios."""

    rows = Suite.objects.select_related("project", "model").prefetch_related(
        "places__scenario__dataset"
    )
    serializer_class = shapes.SuiteSerializer
    filterset_class = SuiteFilters


class RunFilters(filters.FilterSet):
    project = filters.CharFilter(field_name="suite__project__slug")
    model = filters.CharFilter(field_name="model_version__model__name")
    version = filters.CharFilter(field_name="model_version__version")
    suite = filters.CharFilter(field_name="suite__key")
    external_id = filters.CharFilter()
    status = filters.ChoiceFilter(choices=RunStatus.choices)
    verdict = filters.ChoiceFilter(choices=VerdictChoice.choices)
    source = filters.ChoiceFilter(choices=RunSource.choices)


class RunViewSet(ListModelMixin, RetrieveModelMixin, ProjectViewSet):
    """Challenge runs: post one, poll it, read its verdict."""

    rows = ChallengeRun.objects.with_progress().select_related(
        "suite__project", "model_version__model", "comparison"
    )
    serializer_class = shapes.RunSerializer
    detail_serializer_class = shapes.RunDetailSerializer
    filterset_class = RunFilters
    write_scope = "runs"

    def create(self, request: Request) -> Response:
        data = self.shaped(shapes.RunPost)
        key = request.headers.get("Idempotency-Key", "")
        try:
            received = intake.receive(data, key=key, by=request.user)
        except Conflict as conflict:
            if conflict.code == intake.MISMATCH:
                raise MismatchedRepeat(str(conflict)) from conflict
            raise
        headers = {"Location": self.reverse_action("detail", args=[received.run.pk])}
        if received.is_repeat:
            headers["Idempotent-Replay"] = "true"
        status = 200 if received.is_repeat and received.run.is_finished else 202
        return Response(self.receipt(received.run), status=status, headers=headers)

    def receipt(self, run: ChallengeRun) -> dict[str, Any]:
        return {
            "id": run.pk,
            "status": run.status,
            "verdict": run.verdict or None,
            "url": self.reverse_action("detail", args=[run.pk]),
            "page": self.page(run),
        }

    def page(self, run: ChallengeRun) -> str:
        address = reverse("run-detail", args=[run.suite.project.slug, run.pk])
        return self.request.build_absolute_uri(address)

    @action(detail=True)
    def verdict(self, request: Request, pk: str) -> Response:
        run = self.get_object()
        return Response(
            {
                "id": run.pk,
                "status": run.status,
                "verdict": run.verdict or None,
                "exit_code": exit_code(run),
                "reasons": _reasons(run),
            }
        )

    @action(detail=True)
    def comment(self, request: Request, pk: str) -> Response:
        """The verdict in Markdown, for a pull request; `marker` finds the comment to replace."""
        run = self.get_object()
        return Response(
            {
                "marker": summaries.marker(run),
                "markdown": summaries.markdown(run, self.page(run)),
                "exit_code": exit_code(run),
            }
        )


def exit_code(run: ChallengeRun) -> int:
    """0 pass, 1 fail, 2 inconclusive, 3 errored, 4 not finished. Only a passed run gives 0."""
    if not run.is_finished:
        return NOT_FINISHED
    return EXIT_CODES.get(run.verdict, ERRORED)


def _reasons(run: Any) -> list[dict[str, Any]]:
    if hasattr(run, "comparison"):
        return list(run.comparison.reasons)
    if run.is_finished:
        return [{"code": "errored", "sentence": run.error}]
    return [{"code": "not_finished", "sentence": "The run is still being worked on."}]
