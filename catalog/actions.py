"""Writes to the inventory: projects, members, models, versions, data, slices, assumptions."""

import io
import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any, BinaryIO

import pandas as pd
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import File
from django.core.files.storage import default_storage

from catalog import profiles, taxonomy
from catalog.addresses import BadAddress, parsed, permission_for
from catalog.choices import ArtifactFormat, Role
from catalog.digests import file_digest
from catalog.models import (
    Assumption,
    Dataset,
    DatasetVersion,
    FailureMode,
    Membership,
    ModelEndpoint,
    ModelVersion,
    Project,
    RegisteredModel,
    Slice,
)
from catalog.transactions import write_block


def require(by: Any, permission: str, row: Any, sentence: str) -> None:
    """Raise PermissionDenied with `sentence` unless `by` may do this where `row` belongs."""
    if not by.has_perm(permission, row):
        raise PermissionDenied(sentence)


# -- projects and members ---------------------------------------------------------------------


def create_project(*, name: str, slug: str, by: Any, description: str = "") -> Project:
    """A project with the seeded failure modes; its creator becomes its first administrator."""
    with write_block():
        project = Project(name=name, slug=slug, description=description)
        project.record(by=by, reason="created")
        Membership(user=by, project=project, role=Role.ADMINISTRATOR).record(
            by=by, reason="creator"
        )
        modes: dict[str, FailureMode] = {}
        for key, title, sentence, parent in taxonomy.SEED:
            mode = FailureMode(project=project, key=key, name=title, description=sentence)
            mode.parent = modes.get(parent)
            modes[key] = mode.record(by=by, reason="seeded")
    return project


def give_role(user: Any, *, project: Project, role: str, by: Any) -> Membership:
    """Give somebody a role. Nobody gives a role to themselves but the creator's first one."""
    require(
        by, "catalog.manage_members", project, "Only an administrator of the project gives roles."
    )
    if user == by:
        raise ValidationError("Ask another administrator to change your own roles.")
    if not user.is_person and role != Role.VIEWER:
        raise ValidationError(
            "A service account acts by its token's scopes and holds no role but viewer."
        )
    return Membership(user=user, project=project, role=role).record(by=by, reason="role given")


def end_role(membership: Membership, *, by: Any) -> None:
    """End one role. The project's last administrator stays."""
    require(
        by,
        "catalog.manage_members",
        membership,
        "Only an administrator of the project ends roles.",
    )
    with write_block():
        # Without an order: the default one would join and lock the project and its people too.
        administrators = (
            Membership.objects.select_for_update()
            .order_by()
            .filter(project=membership.project, role=Role.ADMINISTRATOR)
        )
        if membership.role == Role.ADMINISTRATOR and len(administrators) == 1:
            raise ValidationError("The project's last administrator cannot be removed.")
        membership._history_user = by
        membership._change_reason = "role ended"
        membership.delete()


# -- models -----------------------------------------------------------------------------------


def register_model(project: Project, *, name: str, by: Any, **fields: Any) -> RegisteredModel:
    """Add a line to the inventory; `fields`: title, owner, intended_use, limits, risk_tier."""
    require(by, "catalog.add_registeredmodel", project, "Only contributors register models.")
    return RegisteredModel(project=project, name=name, **fields).record(by=by, reason="registered")


def register_version(
    model: RegisteredModel,
    *,
    version: str,
    artifact: bytes,
    artifact_format: str,
    input_columns: list[str],
    by: Any,
    training_data: DatasetVersion | None = None,
    **fields: Any,
) -> ModelVersion:
    """Store an artefact under a random name and register it by the digest of its bytes."""
    require(by, "catalog.register_version", model, "Only contributors register versions.")
    _refuse_foreign(model, training_data)
    content = io.BytesIO(artifact)
    row = ModelVersion(
        model=model,
        version=version,
        artifact_format=artifact_format,
        artifact_digest=file_digest(content),
        artifact_size=len(artifact),
        input_columns=input_columns,
        training_data=training_data,
        **fields,
    )
    row.artifact_place = store("models", content, f".{artifact_format}") if artifact else ""
    return _record_with_file(row, row.artifact_place, by=by)


def register_endpoint(
    model: RegisteredModel,
    *,
    version: str,
    endpoint: Mapping[str, Any],
    input_columns: list[str],
    by: Any,
    training_data: DatasetVersion | None = None,
    **fields: Any,
) -> ModelVersion:
    """A version that answers over HTTP, known by the digest of where and as what it is asked.

    Raises ValidationError for a host that this portal may not call.
    """
    require(by, "catalog.register_version", model, "Only contributors register versions.")
    _refuse_foreign(model, training_data)
    if not input_columns or len(set(input_columns)) != len(input_columns):
        raise ValidationError(
            {"input_columns": "Name the columns that are sent to the endpoint, each once."}
        )
    row = ModelEndpoint(**endpoint)
    row.clean_fields(exclude=["version"])
    try:
        permission_for(parsed(row.address), settings.OUTBOUND_HOSTS)
    except BadAddress as error:
        raise ValidationError({"address": str(error)}) from error
    with write_block():
        row.version = ModelVersion(
            model=model,
            version=version,
            artifact_format=ArtifactFormat.ENDPOINT,
            artifact_digest=row.digest,
            input_columns=input_columns,
            training_data=training_data,
            **fields,
        ).record(by=by, reason="registered")
        row.record(by=by, reason="registered")
    return row.version


def _refuse_foreign(model: RegisteredModel, training_data: DatasetVersion | None) -> None:
    if training_data and training_data.owning_project_id != model.project_id:
        raise ValidationError({"training_data": "There is no such dataset version."})


def set_production(
    model: RegisteredModel, version: ModelVersion, *, by: Any, reason: str
) -> RegisteredModel:
    """Say which version serves. The rollout that carried it there, or an import, is the reason."""
    if not reason.strip():
        raise ValidationError({"reason": "Say why this version serves now."})
    model.production_version = version
    return model.record(by=by, reason=reason)


def adopt_production(
    model: RegisteredModel, version: ModelVersion, *, by: Any, reason: str
) -> RegisteredModel:
    """Record the version that already serves when a model comes under governance.

    Only once: afterwards production changes by rollouts alone.
    """
    require(by, "catalog.change_registeredmodel", model, "Only contributors edit the inventory.")
    if model.production_version_id is not None:
        raise ValidationError("A version already serves. Change it by a rollout.")
    return set_production(model, version, by=by, reason=reason)


# -- data -------------------------------------------------------------------------------------


def register_dataset(project: Project, *, name: str, by: Any, **fields: Any) -> Dataset:
    require(by, "catalog.add_datasetversion", project, "Only contributors register data.")
    return Dataset(project=project, name=name, **fields).record(by=by, reason="registered")


def register_dataset_version(
    dataset: Dataset,
    *,
    version: str,
    file: BinaryIO,
    id_column: str,
    label_column: str,
    by: Any,
    time_column: str = "",
    sensitivity: dict[str, str] | None = None,
    notes: str = "",
) -> DatasetVersion:
    """Freeze a Parquet file as a version: profile its columns, store it, keep its digest.

    Raises ValidationError when the file is not Parquet, lacks a named column, or when item ids
    are missing or repeat.
    """
    require(by, "catalog.add_datasetversion", dataset, "Only contributors register data.")
    try:
        frame = profiles.read(file)
    except profiles.UnreadableFile as error:
        raise ValidationError({"file": str(error)}) from error
    check_columns(frame, id_column=id_column, label_column=label_column, time_column=time_column)
    row = DatasetVersion(
        dataset=dataset,
        version=version,
        digest=file_digest(file),
        rows=len(frame),
        columns=profiles.column_profiles(frame, sensitivity or {}),
        id_column=id_column,
        label_column=label_column,
        time_column=time_column,
        notes=notes,
        **_window(frame, time_column),
    )
    row.size = file.seek(0, io.SEEK_END)
    row.place = store("datasets", file, ".parquet")
    return _record_with_file(row, row.place, by=by)


def check_columns(
    frame: pd.DataFrame, *, id_column: str, label_column: str, time_column: str
) -> None:
    names = {"id_column": id_column, "label_column": label_column, "time_column": time_column}
    for field, name in names.items():
        if name and name not in frame.columns:
            raise ValidationError({field: f"The file has no column “{name}”."})
    if frame.empty:
        raise ValidationError({"file": "The file has no rows."})
    ids = frame[id_column]
    if ids.isna().any() or ids.duplicated().any():
        raise ValidationError(
            {"id_column": "Item ids must be present and different in every row."}
        )
    if time_column and profiles.kind_of(frame[time_column]) != "datetime":
        raise ValidationError({"time_column": f"“{time_column}” does not hold times."})


def _window(frame: pd.DataFrame, time_column: str) -> dict[str, Any]:
    """First and last time of the data; times without a zone are read as UTC."""
    if not time_column:
        return {}
    times = pd.to_datetime(frame[time_column], utc=True).dropna()
    if times.empty:
        return {}
    return {"starts_at": times.min().to_pydatetime(), "ends_at": times.max().to_pydatetime()}


def declare_slice(
    dataset: Dataset,
    *,
    key: str,
    title: str,
    condition: dict[str, Any],
    by: Any,
    critical: bool = False,
) -> Slice:
    require(by, "catalog.change_slice", dataset, "Only contributors declare slices.")
    row = Slice(dataset=dataset, key=key, title=title, condition=condition, critical=critical)
    return row.record(by=by, reason="declared")


def state_assumption(
    model: RegisteredModel,
    *,
    statement: str,
    category: str,
    how_checked: str,
    owner: Any,
    review_date: date,
    by: Any,
) -> Assumption:
    require(by, "catalog.change_assumption", model, "Only contributors state assumptions.")
    row = Assumption(
        model=model,
        statement=statement,
        category=category,
        how_checked=how_checked,
        owner=owner,
        review_date=review_date,
    )
    return row.record(by=by, reason="stated")


# -- files ------------------------------------------------------------------------------------


def store(folder: str, content: BinaryIO, suffix: str) -> str:
    """Keep a file under a name nobody chose, so that none can lead astray; returns its place."""
    content.seek(0)
    return default_storage.save(f"{folder}/{secrets.token_hex(16)}{suffix}", File(content))


def _record_with_file(row: Any, place: str, *, by: Any) -> Any:
    """Record the row, or take its file away again when it is refused."""
    try:
        return row.record(by=by, reason="registered")
    except BaseException:
        if place:
            default_storage.delete(place)
        raise
