"""The catalog in JSON: what comes in is checked for form only, what goes out is listed."""

from typing import Any

from rest_framework import serializers

from catalog.choices import (
    ArtifactFormat,
    EndpointProtocol,
    FailureSeverity,
    OccurrenceSource,
    Sensitivity,
)
from catalog.models import (
    Dataset,
    DatasetVersion,
    FailureCase,
    FailureOccurrence,
    ModelEndpoint,
    ModelVersion,
    RegisteredModel,
)
from catalog.shapes import (
    Base64,
    DataReference,
    Name,
    Number,
    Shape,
    SmallObject,
    Text,
    WholeNumber,
)
from catalog.validators import sha256

MAX_OBSERVATIONS = 1000


# -- coming in --------------------------------------------------------------------------------


class EndpointPost(Shape):
    """Where a version answers over HTTP, and how it is asked."""

    protocol = serializers.ChoiceField(choices=EndpointProtocol.choices)
    address = Text(max_length=500)
    model = Name(source="served_model", required=False)
    version = Name(source="served_version", required=False)
    output = Text(max_length=120, required=False)
    batch_size = WholeNumber(min_value=1, max_value=10_000, required=False)
    deadline = Number(min_value=0.1, max_value=300, required=False)


#: What each format of an artefact is posted with.
ARTIFACT_FIELDS = {
    ArtifactFormat.SKOPS: "artifact",
    ArtifactFormat.ONNX: "artifact",
    ArtifactFormat.STORED: "artifact_digest",
    ArtifactFormat.ENDPOINT: "endpoint",
}


class VersionPost(Shape):
    """A version to register: with its artefact in base64, by digest alone, or with its address."""

    version = Name()
    format = serializers.ChoiceField(choices=ArtifactFormat.choices)
    artifact = Base64(required=False)
    artifact_digest = Text(required=False, max_length=64, validators=[sha256])
    endpoint = EndpointPost(required=False)
    input_columns = serializers.ListField(
        child=Text(max_length=120), max_length=2000, required=False, default=list
    )
    decision_threshold = Number(required=False)
    code_revision = Text(max_length=64, required=False, allow_blank=True)
    training_data = DataReference(required=False)
    environment = SmallObject(required=False)
    notes = Text(max_length=10_000, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        wanted = ARTIFACT_FIELDS[attrs["format"]]
        if wanted not in attrs:
            raise serializers.ValidationError({wanted: "This format needs it."})
        for unwanted in set(ARTIFACT_FIELDS.values()) - {wanted}:
            if unwanted in attrs:
                raise serializers.ValidationError({unwanted: f"This format takes {wanted} alone."})
        if wanted == "artifact" and not attrs["artifact"]:
            raise serializers.ValidationError({"artifact": "The artefact is empty."})
        return attrs


class ObservationPost(Shape):
    """One thing seen to go wrong."""

    reference = Text(max_length=120)
    observed_at = serializers.DateTimeField()
    expected = Text(max_length=120, required=False, allow_blank=True)
    output = Text(max_length=120, required=False, allow_blank=True)
    confidence = Number(min_value=0, max_value=1, required=False, allow_null=True)
    inputs = SmallObject(required=False)
    sensitivity = serializers.ChoiceField(choices=Sensitivity.choices, required=False)
    count = WholeNumber(min_value=1, max_value=1_000_000, required=False)


class FailurePost(Shape):
    """A failure seen by a machine: what it is one case of, and each time it was seen."""

    project = Text(max_length=60, required=False)
    model = Name()
    version = Name()
    title = Text(max_length=200)
    error = Text(max_length=200)
    place = Text(max_length=200)
    cause = Text(max_length=200, required=False, allow_blank=True, default="")
    source = serializers.ChoiceField(  # type: ignore[assignment]  # the field hides the attribute
        choices=[OccurrenceSource.PRODUCTION, OccurrenceSource.CI]
    )
    severity = serializers.ChoiceField(choices=FailureSeverity.choices, required=False)
    mode = Name(required=False)
    environment = Text(max_length=60, required=False, allow_blank=True)
    observations = serializers.ListField(
        child=ObservationPost(), min_length=1, max_length=MAX_OBSERVATIONS
    )

    def validate_observations(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({row["reference"] for row in rows}) < len(rows):
            raise serializers.ValidationError("Each observation needs a reference of its own.")
        return rows


# -- going out --------------------------------------------------------------------------------


class EndpointSerializer(serializers.ModelSerializer):
    """Where a version answers over HTTP, in the words in which it is posted."""

    model = serializers.CharField(source="served_model")
    version = serializers.CharField(source="served_version")

    class Meta:
        model = ModelEndpoint
        fields = [
            "protocol",
            "address",
            "model",
            "version",
            "output",
            "batch_size",
            "deadline",
        ]


class VersionSerializer(serializers.ModelSerializer):
    """A registered version; its place in storage stays inside."""

    model = serializers.CharField(source="model.name")
    endpoint = EndpointSerializer(default=None, allow_null=True)

    class Meta:
        model = ModelVersion
        fields = [
            "id",
            "model",
            "version",
            "artifact_format",
            "artifact_digest",
            "artifact_size",
            "endpoint",
            "input_columns",
            "decision_threshold",
            "code_revision",
            "training_data",
            "environment",
            "notes",
            "created_at",
        ]


class ModelSerializer(serializers.ModelSerializer):
    """One line of the model inventory."""

    project = serializers.CharField(source="project.slug")
    owner = serializers.CharField(source="owner.username")
    production_version = serializers.CharField(
        source="production_version.version", default=None, allow_null=True
    )

    class Meta:
        model = RegisteredModel
        fields = [
            "id",
            "project",
            "name",
            "title",
            "owner",
            "task",
            "intended_use",
            "limits",
            "risk_tier",
            "production_version",
        ]


class ModelDetailSerializer(ModelSerializer):
    """A model with its versions, newest first."""

    versions = VersionSerializer(many=True)

    class Meta(ModelSerializer.Meta):
        fields = [*ModelSerializer.Meta.fields, "versions"]


class DatasetVersionSerializer(serializers.ModelSerializer):
    """One frozen content, without the profile of its columns."""

    class Meta:
        model = DatasetVersion
        fields = ["id", "version", "digest", "size", "rows", "starts_at", "ends_at", "created_at"]


class DatasetVersionDetailSerializer(serializers.ModelSerializer):
    """One frozen content with its columns; of a sensitive column only the counts are shown."""

    dataset = serializers.CharField(source="dataset.name")
    columns = serializers.SerializerMethodField()

    class Meta:
        model = DatasetVersion
        fields = [
            "id",
            "dataset",
            "version",
            "digest",
            "size",
            "rows",
            "columns",
            "id_column",
            "label_column",
            "time_column",
            "starts_at",
            "ends_at",
            "notes",
            "created_at",
        ]

    def get_columns(self, row: DatasetVersion) -> list[dict[str, Any]]:
        sensitive = row.sensitive_columns()
        return [_guarded(c) if c["name"] in sensitive else c for c in row.columns]


def _guarded(column: dict[str, Any]) -> dict[str, Any]:
    counts = {k: v for k, v in column["profile"].items() if k in {"missing", "distinct"}}
    return {**column, "profile": counts}


class DatasetSerializer(serializers.ModelSerializer):
    """Named data with its versions, newest first."""

    project = serializers.CharField(source="project.slug")
    versions = DatasetVersionSerializer(many=True)

    class Meta:
        model = Dataset
        fields = [
            "id",
            "project",
            "name",
            "title",
            "description",
            "source",
            "licence",
            "versions",
        ]


class OccurrenceSerializer(serializers.ModelSerializer):
    """One observation; its raw inputs are revealed on its page alone, against a reason."""

    version = serializers.CharField(source="model_version.version")

    class Meta:
        model = FailureOccurrence
        fields = [
            "reference",
            "source",
            "version",
            "observed_at",
            "environment",
            "expected",
            "output",
            "confidence",
            "count",
        ]


class FailureSerializer(serializers.ModelSerializer):
    """One case of the failure catalog; `seen` counts its observations."""

    project = serializers.CharField(source="model.project.slug")
    model = serializers.CharField(source="model.name")
    mode = serializers.CharField(source="mode.key", default=None, allow_null=True)
    seen = serializers.IntegerField()

    class Meta:
        model = FailureCase
        fields = [
            "id",
            "project",
            "model",
            "title",
            "mode",
            "severity",
            "status",
            "fingerprint",
            "fingerprint_parts",
            "first_seen",
            "last_seen",
            "seen",
        ]


class FailureDetailSerializer(FailureSerializer):
    """A case with what people wrote about it and its latest observations."""

    occurrences = serializers.SerializerMethodField()

    class Meta(FailureSerializer.Meta):
        fields = [
            *FailureSerializer.Meta.fields,
            "severity_reason",
            "explanation",
            "remediation",
            "occurrences",
        ]

    def get_occurrences(self, row: FailureCase) -> Any:
        latest = row.occurrences.select_related("model_version")[:100]
        return OccurrenceSerializer(latest, many=True).data
