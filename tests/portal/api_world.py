"""A project that a machine can post to, and a way to post as the machine would."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from benchmarks.models import MetricSpec, Scenario, Suite, SuiteScenario
from catalog.choices import Role
from catalog.models import DatasetVersion, ModelVersion, Project, RegisteredModel
from portal.accounts.models import ApiToken, User, new_secret
from tests import builders

API = "/api/v1"
KEY = "build-1234"
#: Suites cannot be told apart from another project's by their names.
SUITE = "release"


@dataclass
class ApiWorld:
    """One project with a version, its data and a suite of two scenarios."""

    project: Project
    author: User
    model: RegisteredModel
    version: ModelVersion
    data: DatasetVersion
    suite: Suite

    def client(self, *scopes: str, **fields: Any) -> Client:
        """A client that carries a token of a machine in this project."""
        return Client(headers={"Authorization": f"Bearer {self.secret(*scopes, **fields)}"})

    def secret(self, *scopes: str, account: User | None = None, **fields: Any) -> str:
        account = account or builders.a_service(self.project)
        secret, digest = new_secret()
        given = {"expires_at": timezone.now() + timedelta(days=1), **fields}
        ApiToken(
            user=account,
            project=self.project,
            name="a token",
            hint=secret[:9],
            secret_digest=digest,
            scopes=list(scopes),
            **given,
        ).save()
        return secret

    def run_body(self, **fields: Any) -> dict[str, Any]:
        scenarios = {
            "plain": {"items": {"item": ["a", "b"], "score": [0.1, 0.9]}},
            "fog": {"status": "skipped", "message": "No fog in the data."},
        }
        return {
            "model": self.model.name,
            "version": self.version.version,
            "suite": self.suite.key,
            "scenarios": scenarios,
            **fields,
        }

    def failure_body(self, **fields: Any) -> dict[str, Any]:
        seen = {"reference": "event-1", "observed_at": "2026-01-05T12:00:00Z", "output": "1"}
        return {
            "model": self.model.name,
            "version": self.version.version,
            "title": "Missed delays in fog",
            "error": "missed cases",
            "place": "fog",
            "source": "production",
            "observations": [seen],
            **fields,
        }

    def version_body(self, **fields: Any) -> dict[str, Any]:
        digest = builders.sha("new")
        return {"version": "v9", "format": "stored", "artifact_digest": digest, **fields}


def build_api_world() -> ApiWorld:
    project = builders.a_project()
    author = builders.a_person(project, Role.CONTRIBUTOR)
    model = builders.a_model(project, owner=author, name="late")
    version = builders.a_version(model, "v1", by=author)
    data = builders.a_dataset_version(project, by=author)
    MetricSpec(
        project=project,
        key="accuracy",
        label="Accuracy",
        kind="proportion",
        direction="higher",
        margin=0.01,
    ).record(by=author)
    suite = builders.a_suite(model, by=author, key=SUITE)
    for position, key in enumerate(("plain", "fog"), start=1):
        scenario = Scenario(
            project=project,
            key=key,
            title=key.title(),
            dataset=data.dataset,
            dataset_version=data,
        ).record(by=author)
        SuiteScenario(suite=suite, scenario=scenario, position=position).record(by=author)
    return ApiWorld(project, author, model, version, data, suite)


def post(client: Client, path: str, body: Any, **headers: str) -> Any:
    return client.post(f"{API}/{path}/", body, content_type="application/json", headers=headers)


def post_run(client: Client, body: Any, *, key: str = KEY) -> Any:
    return post(client, "challenge-runs", body, **{"Idempotency-Key": key})
