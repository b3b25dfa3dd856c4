"""What the tests of the rollout pages share: addresses, clients, and the words of a page."""

import re
from typing import Any

from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.choices import Role
from rollouts.models import RolloutPlan
from tests.rollouts.world import World


def url(name: str, world: World, **kwargs: Any) -> str:
    return reverse(name, kwargs={"project": world.project.slug, **kwargs})


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(world: World, plan: RolloutPlan, user: Any, query: str = "") -> str:
    response = signed_in(user).get(url("rollout-detail", world, pk=plan.pk) + query)
    assert response.status_code == 200
    return response.content.decode()


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def told(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def command(plan: RolloutPlan, **fields: Any) -> dict[str, Any]:
    plan.refresh_from_db()
    return {"expected_version": plan.lock_version, **fields}


def queries(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def answer(client: Client, world: World, request: Any, **fields: Any) -> Any:
    sent = {
        "slot": Role.DATA_SCIENCE.value,
        "answer": "approved",
        "evidence_digest": request.evidence_digest,
        "reason": "Read it.",
        **fields,
    }
    return client.post(url("request-answer", world, pk=request.pk), sent)
