"""Every address × method × principal × object is answered as the policy table says."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import RequestFactory
from django.test.client import ClientHandler
from django.urls import reverse
from django.utils.http import urlencode

from portal.routes import Route, routes
from tests.portal import policy
from tests.portal.api_world import KEY
from tests.portal.policy import METHODS, POLICY, SAFE, Line, expected
from tests.portal.policy_world import CANARY, PolicyWorld, build_policy_world, row_of

NOWHERE = 999_999_999
WRITE = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?', re.IGNORECASE)
#: Where reading may leave a trace: the session itself, and when a token was last used.
TRACES = {"django_session", "accounts_apitoken"}
LEDGER = {"audit_auditevent", "audit_auditopening", "audit_audithead"}
#: The admin's pages are the slowest and have one wall for everybody who is not on staff.
ADMIN_PRINCIPALS = ("anonymous", "administrator", "token read", *sorted(policy.ON_STAFF))
#: Roles are looked up in one table: on a second database only what its SQL answers can differ.
OF_EACH_KIND = (*ADMIN_PRINCIPALS, "contributor", "reviewer_risk", "outsider", "token runs")


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[PolicyWorld]:
    """Built once for all routes and rolled back at the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build_policy_world()
        transaction.set_rollback(True)


def test_route__of_the_site__has_exactly_one_line():
    names = {route.name for route in routes() if not _is_redirect(route)}
    lacking = sorted(names - set(POLICY))
    assert not lacking, f"Say in tests/portal/policy.py whom these serve: {', '.join(lacking)}"


def test_line__of_the_policy__has_a_route():
    names = {route.name for route in routes()}
    unused = sorted(set(POLICY) - names)
    assert not unused, f"No route is called {', '.join(unused)}"


def test_world__other_project__has_a_row_behind_every_line(world, db):
    # Without a foreign row the test below could not fail for one.
    labels = {line.row for line in POLICY.values() if line.row and line.row != "accounts.User"}
    assert all(row_of(world.own, label) and row_of(world.other, label) for label in labels)


def test_world__planted_text__is_seen_by_those_it_belongs_to(world, db):
    for name in ("model-detail", "failure-detail", "run-list", "api-rollouts-list"):
        addresses = _addresses(world, POLICY[name])
        path = addresses.get("foreign", addresses["own"])
        assert CANARY.encode() in _answer(world, POLICY[name], path, "outsider", "GET")[2], name


def _is_redirect(route: Route) -> bool:
    """The admin's own short form of an object's address, which only leads to the long one."""
    return route.name == "admin:" and route.pattern.endswith("<path:object_id>/")


@pytest.mark.parametrize("name", sorted(POLICY))
def test_route__asked_by_everybody__answers_as_the_policy_says(world, db, name):
    line = POLICY[name]
    wrong = list(_walk(world, line))
    assert not wrong, "\n".join([f"{len(wrong)} wrong:", *wrong[:40]])


def _walk(world: PolicyWorld, line: Line) -> Iterator[str]:
    for state, path in _addresses(world, line).items():
        for principal in _principals(world, line):
            if (principal, state) == ("outsider", "foreign"):
                continue  # its own project
            for method in _methods(line, principal, state):
                yield from _ask(world, line, state, path, principal, method)


def _methods(line: Line, principal: str, state: str) -> tuple[str, ...]:
    """All seven for one's own objects; a reading and a writing for those that are not.

    The admin answers most methods like GET: there two principals ask with all of them.
    """
    everything = line.rule != "admin" or principal in {"anonymous", "curating staff"}
    return METHODS if everything and state == "own" else ("GET", "POST")


def _principals(world: PolicyWorld, line: Line) -> Any:
    if line.rule in {"admin", "frame"}:
        return ADMIN_PRINCIPALS
    return world.principals if connection.vendor == "sqlite" else OF_EACH_KIND


def _addresses(world: PolicyWorld, line: Line) -> dict[str, str]:
    """The route's address for each state of its object that can be told apart."""
    states = {"own": (world.own, world.own), "foreign": (world.other, world.other)}
    if line.row:
        states |= {"crossed": (world.own, world.other), "missing": (world.own, None)}
    found = {
        _address(line, project.project.slug, rows): state
        for state, (project, rows) in reversed(states.items())
    }
    if not line.row:
        found.setdefault(_address(line, "nowhere", None), "missing")
    return {state: path for path, state in found.items()}


def _address(line: Line, slug: str, rows: Any) -> str:
    def number(label: str) -> Any:
        return NOWHERE if rows is None else row_of(rows, label)

    values: dict[str, Any] = {"project": slug}
    values |= {k: number(v) if "." in v else v for k, v in line.kwargs.items()}
    if line.row:
        pk = number(line.row) if line.row != "accounts.User" else NOWHERE
        values |= {"pk": pk, "object_id": pk, "id": pk}
    query = f"?{urlencode(line.query)}" if line.query else ""
    return _reversed(line.route, values) + query


def _reversed(name: str, values: dict[str, Any]) -> str:
    if name == "admin:":
        return "/admin/nothing/of/this/name/"
    if name == "admin:app_list":
        return "/admin/catalog/"
    if name == "admin:view_on_site":
        return "/admin/r/1/1/"
    if name == "admin:auth_user_password_change":
        return f"/admin/accounts/user/{NOWHERE}/password/"
    if name.endswith("simple_history"):
        return reverse(name, args=[values["object_id"], 1])
    pattern = next(route.pattern for route in routes() if route.name == name)
    taken = {k: v for k, v in values.items() if f":{k}>" in pattern or f"<{k}>" in pattern}
    return reverse(name, kwargs=taken)


def _ask(
    world: PolicyWorld, line: Line, state: str, path: str, principal: str, method: str
) -> Iterator[str]:
    allowed = expected(line, principal, method, state)
    mark = transaction.savepoint()
    status, location, body, written = _answer(world, line, path, principal, method)
    transaction.savepoint_rollback(mark)
    said = f"{principal}: {method} {path} ({state})"
    if (got := _class_of(status, location)) not in allowed:
        yield f"{said} answered {got} ({status}), not {' or '.join(sorted(allowed))}"
    may_write = method not in SAFE and allowed & {policy.OK, policy.INVALID}
    stray = set() if may_write else written - TRACES - (LEDGER if line.is_noted else set())
    if stray:
        yield f"{said} wrote to {', '.join(sorted(stray))}"
    # Accounts stand above projects: whoever administers the site sees all their names.
    sees_all = principal == "outsider" or line.may == {"superuser"}
    if not sees_all and CANARY.encode() in body:
        yield f"{said} showed the other project's text"


def _answer(
    world: PolicyWorld, line: Line, path: str, principal: str, method: str
) -> tuple[int, str, bytes, set[str]]:
    kind, content = _content(world, line, method)
    request = RequestFactory().generic(
        method, path, content, kind, **world.principals[principal], HTTP_IDEMPOTENCY_KEY=KEY
    )
    statements: Counter[str] = Counter()

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if match := WRITE.match(sql):
            statements[match[1]] += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        response = HANDLER(request.environ)
        body = response.getvalue()
    return response.status_code, response.headers.get("Location", ""), body, set(statements)


HANDLER = ClientHandler(enforce_csrf_checks=False)
BODIES = {
    "api-challenge-runs-list": lambda world: world.own.run_body(),
    "api-models-versions": lambda world: world.own.version_body(),
    "api-failures-list": lambda world: world.own.failure_body(),
    "api-rollouts-exposure": lambda world: {"exposure": 0},
}


def _content(world: PolicyWorld, line: Line, method: str) -> tuple[str, str]:
    if method in SAFE:
        return "", ""
    if line.rule != "api":
        sent = {k: row_of(world.own, v) if "." in v[:-1] else v for k, v in line.body.items()}
        return "application/x-www-form-urlencoded", urlencode(sent)
    body = BODIES[line.route](world) if line.route in BODIES else {}
    return "application/json", json.dumps(body)


def _class_of(status: int, location: str) -> str:
    if status in {301, 302}:
        login = {reverse("login"), reverse("admin:login"), settings.LOGIN_URL}
        return policy.LOGIN if location.split("?")[0] in login else policy.OK
    if status < 300:
        return policy.OK
    if status in {400, 409, 415, 422}:
        return policy.INVALID
    return str(status)
