"""Files in an S3-compatible store: the same journey, and the same refusals."""

import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from moto.server import ThreadedMotoServer

from benchmarks import frames, jobs, tasks
from benchmarks.actions import start_run
from benchmarks.choices import RunStatus
from catalog.actions import register_version
from catalog.choices import Role
from catalog.models import DatasetVersion
from portal import settings as site
from tests.benchmarks import small_world
from tests.builders import a_person, a_project
from tests.stack import free_port


@pytest.fixture(scope="module")
def store():
    port = free_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def bucket(store, monkeypatch, settings):
    environment = {
        "S3_BUCKET": "touchstone",
        "S3_PREFIX": "files",
        "S3_ENDPOINT_URL": store,
        "S3_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "a-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=store, region_name="eu-central-1")
    place = {"LocationConstraint": "eu-central-1"}
    client.create_bucket(Bucket="touchstone", CreateBucketConfiguration=place)
    settings.STORAGES = settings.STORAGES | {"default": site._file_storage()}
    yield client
    for row in client.list_objects_v2(Bucket="touchstone").get("Contents", []):
        client.delete_object(Bucket="touchstone", Key=row["Key"])
    client.delete_bucket(Bucket="touchstone")


@pytest.fixture
def world(db, bucket):
    project = a_project()
    owner = a_person(project, Role.CONTRIBUTOR, name="s3-owner")
    reviewer = a_person(project, Role.DATA_SCIENCE, name="s3-reviewer")
    return small_world.build(owner, reviewer, project)


def keys(bucket) -> set[str]:
    found = bucket.list_objects_v2(Bucket="touchstone")["Contents"]
    return {row["Key"].rsplit("/", 1)[0] for row in found}


def test_run__files_in_a_bucket__is_evaluated_from_them_and_leaves_its_answers_there(
    world, bucket, settings
):
    settings.BLOCK_ROWS = 1500
    run = start_run(world.versions["v1"], suite=world.suite, by=world.owner)
    while job := jobs.claimable().first():
        tasks.work(job.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.EVALUATED
    assert {"files/outputs", "files/blocks"} <= keys(bucket)
    part = run.parts.get(position=1)
    answers = frames.outputs(
        part.outputs_place, part.outputs_digest, world.frame.set_index("item")
    )
    assert len(answers) == small_world.ROWS


def test_data__changed_in_the_bucket__is_refused_when_it_is_read(world, bucket):
    version = DatasetVersion.objects.get(pk=world.data.pk)
    bucket.put_object(Bucket="touchstone", Key=f"files/{version.place}", Body=b"something else")
    with pytest.raises(frames.DamagedFile, match="is not what was registered"):
        frames.read_verified(version.place, version.digest)


def test_version__refused__leaves_no_file_in_the_bucket(world, bucket):
    before = keys(bucket), len(bucket.list_objects_v2(Bucket="touchstone")["Contents"])
    with pytest.raises(ValidationError):
        register_version(
            world.model,
            version="v1",
            artifact=small_world.artifact(["x"]),
            artifact_format="skops",
            input_columns=["x"],
            by=world.owner,
        )
    assert before == (keys(bucket), len(bucket.list_objects_v2(Bucket="touchstone")["Contents"]))


def test_settings__no_bucket__keep_files_in_a_folder(monkeypatch):
    monkeypatch.delenv("S3_BUCKET", raising=False)
    assert site._file_storage()["BACKEND"].endswith("FileSystemStorage")


def test_settings__bucket_without_its_client__say_what_to_install(monkeypatch):
    monkeypatch.setenv("S3_BUCKET", "touchstone")
    monkeypatch.setattr(site, "find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match="uv sync --extra s3"):
        site._file_storage()
