"""From what CI posts to a signed step: over HTTP, with a real worker, and on record throughout."""

import http.cookiejar
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from benchmarks import actions as benchmark_actions
from benchmarks.models import ChallengeRun
from catalog.choices import Role
from catalog.models import Membership, RegisteredModel
from portal.accounts.actions import create_service_account, issue_token
from portal.accounts.models import User
from rollouts import actions
from rollouts.choices import DecisionKind, PlanStatus, RequestStatus, StageStatus
from rollouts.models import DecisionRecord, RolloutPlan
from tests import builders
from tests.benchmarks import small_world
from tests.benchmarks.small_world import SmallWorld
from tests.stack import running_worker, wait_until

pytestmark = pytest.mark.worker

POST = "/api/v1/challenge-runs/"
PASSWORD = "correct horse"
SECONDS = 120


@dataclass
class Answer:
    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Visitor:
    """Somebody at the other end of a socket, with cookies of their own."""

    def __init__(self, address: str) -> None:
        self.address = address
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(cookies)

    def ask(self, path: str, content: bytes | None = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = urllib.parse.urljoin(self.address, path)
        request = urllib.request.Request(url, content, named)
        try:
            response = self.opener.open(request, timeout=60)
        except urllib.error.HTTPError as refused:
            response = refused
        with response:
            return Answer(response.status, response.headers, response.read().decode())

    def sign_in(self, user: User) -> "Visitor":
        page = self.ask(reverse("login")).text
        self.send(reverse("login"), page, username=user.username, password=PASSWORD)
        return self

    def send(self, path: str, page: str, **fields: str) -> Answer:
        """Post a form with the secret that stands in the page it is on."""
        fields["csrfmiddlewaretoken"] = hidden(page, "csrfmiddlewaretoken")
        return self.ask(path, urllib.parse.urlencode(fields).encode())


@dataclass
class Machine:
    """The CI job: it has a token and no session."""

    visitor: Visitor
    secret: str

    def ask(self, path: str, body: Any = None, **headers: str) -> Answer:
        content = json.dumps(body).encode() if body is not None else None
        named = {"Content_Type": "application/json", **headers}
        return self.visitor.ask(path, content, Authorization=f"Bearer {self.secret}", **named)

    def post(self, body: Any, key: str) -> Answer:
        return self.ask(POST, body, Idempotency_Key=key)

    def verdict(self, location: str) -> Any:
        """Poll as a build would, until the exit code says that it is finished."""

        def finished() -> Any:
            told = self.ask(f"{location}verdict/").json
            return told if told["exit_code"] != 4 else None

        return wait_until(finished, seconds=SECONDS, what="the verdict over HTTP")


@pytest.fixture
def world(transactional_db: None) -> SmallWorld:
    project = builders.a_project()
    owner = builders.a_person(project, Role.CONTRIBUTOR, name="Ada")
    reviewer = builders.a_person(project, Role.DATA_SCIENCE, name="Sofia")
    return small_world.build(owner, reviewer, project, scenarios=2)


@pytest.fixture
def operator(world: SmallWorld) -> User:
    return builders.a_person(world.project, Role.OPERATOR, name="Otto")


@pytest.fixture
def machine(world: SmallWorld, live_server: Any) -> Machine:
    administrator = builders.a_person(world.project, Role.ADMINISTRATOR, name="Ines")
    account = create_service_account("ci", title="CI", by=administrator)
    Membership(user=account, project=world.project, role=Role.VIEWER).record(by=administrator)
    _token, secret = issue_token(
        account, project=world.project, name="build", scopes=["runs", "read"], by=administrator
    )
    return Machine(Visitor(live_server.url), secret)


@pytest.fixture
def worker(world: SmallWorld) -> Iterator[None]:
    with running_worker(processes=1):
        yield


def result(world: SmallWorld, version: str) -> dict[str, Any]:
    """What CI computed of every scenario: a score for each item, better the more it reads."""
    frame = world.frame
    logit = 2 * frame["x"] + (0.5 * frame["z"] if version == "v2" else 0.0)
    items = {"item": frame["item"].tolist(), "score": (1 / (1 + np.exp(-logit))).tolist()}
    return {
        "model": world.model.name,
        "version": version,
        "suite": world.suite.key,
        "scenarios": {f"scenario-{number}": {"items": items} for number in range(2)},
    }


def hidden(page: str, name: str) -> str:
    """The value of a hidden field, as the person's browser would send it back."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"The page has no field {name}."
    return found[1]


def approve_baseline(world: SmallWorld, pk: int) -> None:
    run = ChallengeRun.objects.get(pk=pk)
    row = benchmark_actions.propose_baseline(run, by=world.owner, reason="It serves today.")
    benchmark_actions.decide_baseline(row, by=world.reviewer, approve=True, reason="Read it.")


def started_plan(world: SmallWorld, operator: User) -> RolloutPlan:
    """A plan that runs with its gate still without data."""
    stage = builders.a_stage(builders.a_suite_gate(world.suite), exposure=10)
    last = builders.a_stage(builders.a_suite_gate(world.suite), exposure=50)
    plan = builders.a_plan(
        world.versions["v2"], world.versions["v1"], by=world.owner, stages=[stage, last]
    )
    request = actions.submit(plan, by=world.owner)
    digest = request.evidence_digest
    actions.answer(
        request,
        slot=Role.DATA_SCIENCE,
        answer="approved",
        evidence_digest=digest,
        by=world.reviewer,
    )
    return actions.start(plan, by=operator)


def stage_status(plan: RolloutPlan) -> str:
    return plan.stages.order_by("position").values_list("status", flat=True)[0]


def verified() -> int:
    with pytest.raises(SystemExit) as ended:
        call_command("audit_verify", stdout=StringIO(), stderr=StringIO())
    return int(ended.value.code or 0)


def test_posted_result__judged_by_a_worker__opens_the_gate_and_is_signed_and_on_record(
    world, operator, machine, worker, live_server
):
    served = machine.post(result(world, "v1"), key="build-0001")
    machine.verdict(served.headers["Location"])
    approve_baseline(world, served.json["id"])
    plan = started_plan(world, operator)
    assert stage_status(plan) == StageStatus.OBSERVING

    posted = post_three_times(machine, world)
    told = machine.verdict(posted.headers["Location"])
    assert (told["verdict"], told["exit_code"]) == ("pass", 0)
    wait_until(
        lambda: stage_status(plan) == StageStatus.SIGNING, seconds=SECONDS, what="the gate to open"
    )

    sign_on_the_page(Visitor(live_server.url).sign_in(world.reviewer), plan)
    advance_on_the_page(Visitor(live_server.url).sign_in(operator), plan)
    plan.refresh_from_db()
    assert (plan.status, plan.exposure) == (PlanStatus.RUNNING, 50)
    assert decisions(plan)[:8] == [
        DecisionKind.SUBMITTED,
        DecisionKind.ANSWERED,
        DecisionKind.PLAN_APPROVED,
        DecisionKind.STARTED,
        DecisionKind.SIGN_OFF_OPENED,
        DecisionKind.ANSWERED,
        DecisionKind.STAGE_APPROVED,
        DecisionKind.ADVANCED,
    ]

    assert verified() == 0
    tamper(world.model)
    assert verified() == 1


def post_three_times(machine: Machine, world: SmallWorld) -> Answer:
    """Once, once more as a retry would, and once with another content under the same key."""
    body = result(world, "v2")
    first, again = (machine.post(body, key="build-0002") for _ in range(2))
    other = machine.post({**body, "seed": 7}, key="build-0002")
    assert first.status == 202
    assert first.headers["Location"].endswith(f"{POST}{first.json['id']}/")
    assert again.json["id"] == first.json["id"]
    assert (other.status, other.json["errors"][0]["code"]) == (422, "idempotency_mismatch")
    assert ChallengeRun.objects.filter(model_version=world.versions["v2"]).count() == 1
    return first


def sign_on_the_page(reviewer: Visitor, plan: RolloutPlan) -> None:
    request = plan.requests.get(status=RequestStatus.OPEN)
    where = {"project": plan.model.project.slug, "pk": request.pk}
    page = reviewer.ask(reverse("request-detail", kwargs=where)).text
    fields = {name: hidden(page, name) for name in ("evidence_digest", "slot")}
    reviewer.send(reverse("request-answer", kwargs=where), page, answer="approved", **fields)
    request.refresh_from_db()
    assert request.status == RequestStatus.APPROVED


def advance_on_the_page(operator: Visitor, plan: RolloutPlan) -> None:
    where = {"project": plan.model.project.slug, "pk": plan.pk}
    page = operator.ask(reverse("rollout-detail", kwargs=where)).text
    seen = hidden(page, "expected_version")
    operator.send(reverse("rollout-advance", kwargs=where), page, expected_version=seen)


def decisions(plan: RolloutPlan) -> list[str]:
    rows = DecisionRecord.objects.filter(plan=plan).order_by("number")
    return list(rows.values_list("kind", flat=True))


def tamper(model: RegisteredModel) -> None:
    """Somebody with rights on the database changes what a model is meant for."""
    table = connection.ops.quote_name(RegisteredModel._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET intended_use = %s WHERE id = %s", ["Anything.", model.pk]
        )
