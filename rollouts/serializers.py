"""Rollouts in JSON: where a version is on its way, and what each gate last found."""

from typing import Any

from rest_framework import serializers

from catalog.shapes import Shape, WholeNumber
from rollouts.models import Gate, GateCheck, RolloutPlan, Stage


class ExposurePost(Shape):
    """The share of users, in percent, that the delivery system has really set."""

    exposure = WholeNumber(min_value=0, max_value=100)


class GateCheckSerializer(serializers.ModelSerializer):
    """One look at a gate."""

    class Meta:
        model = GateCheck
        fields = [
            "verdict",
            "outcome",
            "reason",
            "value",
            "low",
            "high",
            "threshold",
            "n",
            "evidence_digest",
            "observed_until",
            "checked_at",
        ]


class GateSerializer(serializers.ModelSerializer):
    """A gate with its latest check; null when nobody has looked yet."""

    latest_check = serializers.SerializerMethodField()

    class Meta:
        model = Gate
        fields = ["id", "position", "kind", "name", "stop_loss", "latest_check"]

    def get_latest_check(self, row: Gate) -> Any:
        latest = row.checks.first()
        return GateCheckSerializer(latest).data if latest else None


class StageSerializer(serializers.ModelSerializer):
    """A stage of the plan with its gates."""

    gates = GateSerializer(many=True)

    class Meta:
        model = Stage
        fields = ["position", "name", "status", "exposure", "cohort", "started_at", "gates"]


class PlanSerializer(serializers.ModelSerializer):
    """A rollout in a list."""

    project = serializers.CharField(source="model.project.slug")
    model = serializers.CharField(source="model.name")
    candidate = serializers.CharField(source="candidate.version")
    fallback = serializers.CharField(source="fallback.version")
    stage = serializers.SerializerMethodField()

    class Meta:
        model = RolloutPlan
        fields = [
            "id",
            "project",
            "model",
            "candidate",
            "fallback",
            "title",
            "status",
            "exposure",
            "stage",
            "revision",
            "definition_digest",
        ]

    def get_stage(self, row: RolloutPlan) -> int | None:
        return row.current_stage.position if row.current_stage else None


class PlanDetailSerializer(PlanSerializer):
    """A rollout with its stages, their gates and what was last found at each."""

    stages = StageSerializer(many=True)

    class Meta(PlanSerializer.Meta):
        fields = [*PlanSerializer.Meta.fields, "hypothesis", "risk_tier", "stages"]
