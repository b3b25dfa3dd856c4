"""Runs and suites in JSON: a post is checked for form only; what it means is the intake's."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from rest_framework import serializers

from benchmarks.choices import PartStatus
from benchmarks.models import ChallengeRun, Suite
from benchmarks.panels.corrections import of_plan
from catalog.shapes import INT32, DataReference, Name, Shape, SmallObject, Text, WholeNumber

MAX_ITEMS = 2_000_000
MAX_SCENARIOS = 500
MAX_ITEM_LENGTH = 200


class Items(serializers.Field):
    """Two lists of equal length: item ids, all texts or all integers, and finite scores.

    Checked as whole lists: a field object for each of two million items would take minutes.
    """

    def to_internal_value(self, data: Any) -> dict[str, list[Any]]:
        if not isinstance(data, dict) or set(data) != {"item", "score"}:
            raise serializers.ValidationError("Give an object of exactly “item” and “score”.")
        items, scores = data["item"], data["score"]
        for sentence in filter(None, (_wrong_lists(items, scores), _wrong_items(items, scores))):
            raise serializers.ValidationError(sentence)
        return {"item": items, "score": [float(score) for score in scores]}

    def to_representation(self, value: Any) -> Any:
        return value


def _wrong_lists(items: Any, scores: Any) -> str:
    if not isinstance(items, list) or not isinstance(scores, list):
        return "“item” and “score” are lists."
    if len(items) != len(scores):
        return f"There are {len(items)} items and {len(scores)} scores."
    if not items:
        return "The lists are empty. Say “skipped” or “errored” when there is no result."
    if len(items) > MAX_ITEMS:
        return f"There are more than {MAX_ITEMS:,} items."
    return ""


def _wrong_items(items: Any, scores: Any) -> str:
    if not isinstance(items, list) or not isinstance(scores, list):
        return ""
    kinds = set(map(type, items))
    if kinds not in ({str}, {int}):
        return "Item ids are all texts or all whole numbers."
    if kinds == {str} and max(map(len, items)) > MAX_ITEM_LENGTH:
        return f"An item id is longer than {MAX_ITEM_LENGTH} characters."
    if len(set(items)) < len(items):
        return "An item id occurs twice."
    if not set(map(type, scores)) <= {int, float}:
        return "Scores are numbers."
    return ""


class ScenarioResultPost(Shape):
    """What came of one scenario: answers, or why there are none."""

    items = Items(required=False)
    status = serializers.ChoiceField(
        choices=[PartStatus.ERRORED, PartStatus.SKIPPED], required=False
    )
    message = Text(max_length=2000, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("items" in attrs) == ("status" in attrs):
            raise serializers.ValidationError("Give either “items” or “status”.")
        if ("status" in attrs) != ("message" in attrs):
            raise serializers.ValidationError("“status” needs “message”, which says why.")
        return attrs


class ScenarioResults(serializers.DictField):
    """Scenario key → result, limited in number and in items over all."""

    child = ScenarioResultPost()

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and len(data) > MAX_SCENARIOS:
            raise serializers.ValidationError(f"There are more than {MAX_SCENARIOS} scenarios.")
        results = super().to_internal_value(data)
        total = sum(len(entry["items"]["item"]) for entry in results.values() if "items" in entry)
        if total > MAX_ITEMS:
            raise serializers.ValidationError(f"There are more than {MAX_ITEMS:,} items over all.")
        return results


class RunPost(Shape):
    """A run to start: names of what is to be judged, and the results where CI computed them."""

    project = Text(max_length=60, required=False)
    model = Name()
    version = Name()
    suite = Name()
    window = DataReference(required=False)
    baseline_run = WholeNumber(min_value=1, required=False)
    external_id = Text(max_length=120, required=False, allow_blank=True)
    seed = WholeNumber(min_value=0, max_value=INT32, required=False)
    code_revision = Text(max_length=64, required=False, allow_blank=True)
    environment = SmallObject(required=False)
    scenarios = ScenarioResults(required=False, allow_empty=False)


class SuiteSerializer(serializers.ModelSerializer):
    """A suite with the scenarios that a post may name."""

    project = serializers.CharField(source="project.slug")
    model = serializers.CharField(source="model.name")
    scenarios = serializers.SerializerMethodField()

    class Meta:
        model = Suite
        fields = [
            "id",
            "project",
            "model",
            "key",
            "title",
            "goal",
            "kind",
            "metrics",
            "protected_column",
            "scenarios",
        ]

    def get_scenarios(self, row: Suite) -> list[dict[str, Any]]:
        return [
            {
                "key": place.scenario.key,
                "title": place.scenario.title,
                "level": place.scenario.level,
                "dataset": place.scenario.dataset.name,
                "dataset_version": place.scenario.dataset_version_id,
                "repeats": place.scenario.repeats,
            }
            for place in row.places.all()
        ]


class RunSerializer(serializers.ModelSerializer):
    """A run in a list: its process, its progress and its verdict, which is empty until judged."""

    project = serializers.CharField(source="suite.project.slug")
    model = serializers.CharField(source="model_version.model.name")
    version = serializers.CharField(source="model_version.version")
    suite = serializers.CharField(source="suite.key")
    verdict = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()

    class Meta:
        model = ChallengeRun
        fields = [
            "id",
            "project",
            "model",
            "version",
            "suite",
            "source",
            "status",
            "verdict",
            "progress",
            "external_id",
            "code_revision",
            "created_at",
            "finished_at",
        ]

    def get_verdict(self, row: ChallengeRun) -> str | None:
        return row.verdict or None

    def get_progress(self, row: Any) -> dict[str, int]:
        return {"total": row.parts_total, "done": row.parts_done, "errored": row.parts_errored}


COUNTS = ("expected", "received", "errored", "skipped", "missing")


class RunDetailSerializer(RunSerializer):
    """A run with its reasons and counts, which are null until it is judged."""

    reasons = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()
    scenarios = serializers.SerializerMethodField()
    corrections = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()
    comparison = serializers.SerializerMethodField()

    class Meta(RunSerializer.Meta):
        fields = [
            *RunSerializer.Meta.fields,
            "baseline_run",
            "seed",
            "plan_digest",
            "result_digest",
            "error",
            "counts",
            "reasons",
            "scenarios",
            "corrections",
            "page",
            "comparison",
        ]

    def get_page(self, row: ChallengeRun) -> str:
        return self._address("run-detail", row, row.pk)

    def get_comparison(self, row: Any) -> str | None:
        if not hasattr(row, "comparison"):
            return None
        return self._address("comparison-detail", row, row.comparison.pk)

    def _address(self, name: str, row: ChallengeRun, pk: int) -> str:
        path = reverse(name, args=[row.suite.project.slug, pk])
        return str(self.context["request"].build_absolute_uri(path))

    def get_reasons(self, row: Any) -> Any:
        return row.comparison.reasons if hasattr(row, "comparison") else None

    def get_counts(self, row: Any) -> dict[str, int] | None:
        if not hasattr(row, "comparison"):
            return None
        return {name: getattr(row.comparison, name) for name in COUNTS}

    def get_corrections(self, row: ChallengeRun) -> list[dict[str, Any]]:
        return [
            {
                "data": each.data,
                "items_set_aside": each.left_out,
                "labels_corrected": each.relabelled,
                "reasons": [correction.reason for correction in each.rows],
            }
            for each in of_plan(row.plan, row.suite.project)
        ]

    def get_scenarios(self, row: ChallengeRun) -> list[dict[str, Any]]:
        return [
            {
                "key": part.key,
                "status": part.status,
                "not_used": part.not_used,
                "message": part.message,
                "served_by": part.served_by or None,
            }
            for part in row.parts.all()
        ]
