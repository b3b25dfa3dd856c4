"""What machines post to the catalog: versions and failures, each counted once."""

import io
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone

from catalog import fingerprints
from catalog.actions import register_endpoint, register_version, require
from catalog.choices import ArtifactFormat
from catalog.digests import file_digest
from catalog.errors import Conflict
from catalog.failures import Observation, report_failure
from catalog.models import (
    DatasetVersion,
    FailureCase,
    FailureMode,
    ModelEndpoint,
    ModelVersion,
    Project,
    RegisteredModel,
)
from catalog.transactions import write_block

#: Clocks differ; what lies further ahead was not observed.
CLOCK_SKEW = timedelta(hours=1)


# -- names to rows ----------------------------------------------------------------------------


def project_for(by: Any, slug: str = "") -> Project:
    """The project of a post: the one it names, or the only one its sender belongs to."""
    projects = Project.objects.visible_to(by)
    if slug:
        return found(projects, "project", slug=slug)
    mine = list(projects[:2])
    if len(mine) != 1:
        raise ValidationError({"project": "Say which of your projects this belongs to."})
    return mine[0]


def found(rows: QuerySet[Any], field: str, **names: Any) -> Any:
    """The row of these names. A foreign one is answered exactly like a missing one."""
    row = rows.filter(**names).first()
    if row is None:
        said = " ".join(map(str, names.values()))
        raise ValidationError({field: f"There is no {field.replace('_', ' ')} “{said}”."})
    return row


def data_version(project: Project, reference: Mapping[str, str], field: str) -> DatasetVersion:
    rows = DatasetVersion.objects.in_project(project)
    names = {"dataset__name": reference["dataset"], "version": reference["version"]}
    row: DatasetVersion = found(rows, field, **names)
    return row


# -- versions ---------------------------------------------------------------------------------


def post_version(
    model: RegisteredModel, data: Mapping[str, Any], *, by: Any
) -> tuple[ModelVersion, bool]:
    """Register a posted version; the same one sent again is the same one. Returns it, and if new.

    Raises Conflict when the name is taken by other content.
    """
    require(by, "catalog.register_version", model, "Your roles or token register no versions.")
    fields = dict(data)
    artifact, named = fields.pop("artifact", b""), fields.pop("artifact_digest", "")
    endpoint = fields.pop("endpoint", None)
    if endpoint is not None:
        named = ModelEndpoint(**endpoint).digest
    artifact_digest = named or file_digest(io.BytesIO(artifact))
    with write_block():
        RegisteredModel.objects.select_for_update().get(pk=model.pk)
        earlier = model.versions.filter(version=fields["version"]).first()
        if earlier is not None:
            return _same(earlier, fields["format"], artifact_digest), False
        artifact_format = fields.pop("format")
        if reference := fields.pop("training_data", None):
            fields["training_data"] = data_version(model.project, reference, "training_data")
        if artifact_format == ArtifactFormat.STORED:
            return _by_digest(model, artifact_digest, by=by, **fields), True
        if endpoint is not None:
            return register_endpoint(model, endpoint=endpoint, by=by, **fields), True
        return register_version(
            model, artifact=artifact, artifact_format=artifact_format, by=by, **fields
        ), True


def _same(earlier: ModelVersion, artifact_format: str, artifact_digest: str) -> ModelVersion:
    if (earlier.artifact_format, earlier.artifact_digest) != (artifact_format, artifact_digest):
        raise Conflict(
            f"Version {earlier.version} is registered with another artefact. Choose a new name.",
            code="version_taken",
        )
    return earlier


def _by_digest(
    model: RegisteredModel, artifact_digest: str, *, by: Any, **fields: Any
) -> ModelVersion:
    """A version that stays where it is: only the digest of its artefact comes here."""
    row = ModelVersion(
        model=model,
        artifact_format=ArtifactFormat.STORED,
        artifact_digest=artifact_digest,
        **fields,
    )
    return row.record(by=by, reason="registered")


# -- failures ---------------------------------------------------------------------------------


def post_failure(data: Mapping[str, Any], *, by: Any) -> tuple[FailureCase, bool]:
    """Add observations to their case; those sent before count once. Returns it, and if new."""
    project = project_for(by, data.get("project", ""))
    require(by, "catalog.report_failure", project, "Your roles or token report no failures.")
    models = RegisteredModel.objects.in_project(project)
    model = found(models, "model", name=data["model"])
    version = found(model.versions.all(), "version", version=data["version"])
    if "mode" in data:
        found(FailureMode.objects.in_project(project), "mode", key=data["mode"])
    parts = fingerprints.parts(error=data["error"], place=data["place"], cause=data["cause"])
    optional = {"severity": "severity", "mode_key": "mode", "environment": "environment"}
    with write_block():
        # Two first reports of one case wait here for each other; the second then finds the case.
        RegisteredModel.objects.select_for_update().get(pk=model.pk)
        known = model.failures.filter(fingerprint=fingerprints.fingerprint(parts)).exists()
        case = report_failure(
            version,
            title=data["title"],
            parts=parts,
            observations=[_observation(row) for row in data["observations"]],
            source=data["source"],
            by=by,
            **{name: data[given] for name, given in optional.items() if given in data},
        )
    return case, not known


def _observation(row: Mapping[str, Any]) -> Observation:
    if row["observed_at"] > timezone.now() + CLOCK_SKEW:
        raise ValidationError({"observations": f"{row['reference']} lies in the future."})
    return Observation(**row)
