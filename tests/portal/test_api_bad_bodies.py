"""No body, however wrong, makes a server error or writes a row, at any endpoint that writes."""

import gzip
import json

import pytest
from django.apps import apps
from django.db import transaction

from portal import parsers
from tests import builders
from tests.portal.api_world import API, KEY, build_api_world

pytestmark = pytest.mark.django_db

HUGE = 10**400
DEEP = 5_000

#: Bodies that are no JSON, or JSON that nothing could hold: sent to every endpoint as they are.
RAW = {
    "empty": b"",
    "nothing but space": b"   ",
    "not json": b"{model: late}",
    "half": b'{"model": "la',
    "trailing comma": b'{"model": "late",}',
    "two values": b"{} {}",
    "not utf-8": b'{"model": "\xff\xfe"}',
    "utf-16": '{"model": "late"}'.encode("utf-16"),
    "null": b"null",
    "number": b"7",
    "text": b'"late"',
    "true": b"true",
    "list for an object": b"[]",
    "list of objects": b'[{"model": "late"}]',
    "nan": b'{"seed": NaN, "exposure": NaN}',
    "infinity": b'{"seed": Infinity}',
    "minus infinity": b'{"seed": -Infinity}',
    "1e400": b'{"seed": 1e400}',
    "huge integer": b'{"seed": %d}' % HUGE,
    "65 bits": b'{"seed": %d}' % 2**64,
    "duplicate keys": b'{"model": "late", "model": "late"}',
    "duplicate keys inside": b'{"environment": {"a": 1, "a": 2}}',
    "raw nul": b'{"model": "la\x00te"}',
    "escaped nul": b'{"model": "la\\u0000te"}',
    "nul in a list": b'{"input_columns": ["a\\u0000"]}',
    "nul in a key": b'{"environment": {"a\\u0000": 1}}',
    "lone surrogate": b'{"model": "\\ud800"}',
    "surrogates reversed": b'{"model": "\\udc00\\ud800"}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep in a field": b'{"environment": ' + b"[" * 40 + b"]" * 40 + b"}",
    "never closed": b"[" * DEEP,
    "never opened": b"]" * DEEP,
    "wrong brackets": b"[}" * DEEP,
    "many unknown keys": json.dumps({f"key{i}": 1 for i in range(5_000)}).encode(),
    "long unknown key": json.dumps({"k" * 100_000: 1}).encode(),
    "empty key": b'{"": 1}',
}

#: What stands in for a field's right value, whatever the field.
WRONG = {
    "null": None,
    "true": True,
    "number": 7,
    "negative": -1,
    "fraction": 0.5,
    "63 bits": 2**63 - 1,
    "least": -(2**63),
    "largest float": 1.7e308,
    "empty text": "",
    "long text": "x" * 100_000,
    "bidirectional": "late\u202eetal",
    "zero width": "la\u200bte",
    "newline": "late\nversion",
    "path": "../../etc/passwd",
    "sql": "' OR 1=1 --",
    "nan in words": "nan",
    "number in words": "12",
    "empty list": [],
    "list": ["late"],
    "list of lists": [[]],
    "list of null": [None],
    "empty object": {},
    "object": {"id": 1},
    "lookup": {"name__startswith": ""},
}

ITEMS = {
    "mixed ids": {"item": ["a", 1], "score": [0.1, 0.2]},
    "boolean ids": {"item": [True, False], "score": [0.1, 0.2]},
    "null id": {"item": [None], "score": [0.1]},
    "fraction ids": {"item": [0.5], "score": [0.1]},
    "lists as ids": {"item": [["a"]], "score": [0.1]},
    "unequal": {"item": ["a", "b"], "score": [0.1]},
    "repeated": {"item": ["a", "a"], "score": [0.1, 0.2]},
    "long id": {"item": ["a" * 10_000], "score": [0.1]},
    "words for scores": {"item": ["a"], "score": ["0.1"]},
    "null score": {"item": ["a"], "score": [None]},
    "boolean score": {"item": ["a"], "score": [True]},
    "empty lists": {"item": [], "score": []},
    "texts for lists": {"item": "ab", "score": "12"},
    "objects for lists": {"item": {"0": "a"}, "score": {"0": 1}},
    "third list": {"item": ["a"], "score": [0.1], "label": [1]},
    "no scores": {"item": ["a"]},
}


@pytest.fixture
def world():
    world = build_api_world()
    candidate = builders.a_version(world.model, by=world.author)
    stages = [builders.a_stage()]
    world.plan = builders.a_plan(candidate, world.version, by=world.author, stages=stages)
    return world


def endpoints(world):
    """Every endpoint that writes: the scope it asks for, a right body, and its other fields."""
    return {
        "challenge-runs": (
            "runs",
            world.run_body(),
            ("project", "window", "baseline_run", "external_id", "seed", "environment"),
        ),
        f"models/{world.model.pk}/versions": (
            "catalog",
            world.version_body(),
            ("artifact", "training_data", "input_columns", "decision_threshold", "environment"),
        ),
        "failures": (
            "failures",
            world.failure_body(),
            ("project", "mode", "severity", "environment", "cause"),
        ),
        f"rollouts/{world.plan.pk}/exposure": ("exposure", {"exposure": 1}, ()),
    }


def everything():
    """The number of rows of every table."""
    return {model: model._base_manager.count() for model in apps.get_models()}


def send(client, path, body, content_type="application/json", **headers):
    headers = {"Idempotency-Key": KEY, **headers}
    return client.post(f"{API}/{path}/", body, content_type=content_type, headers=headers)


def assert_refused(answer, what):
    assert 400 <= answer.status_code < 500, f"{what}: {answer.status_code} {answer.content[:200]}"
    lines = answer.json()["errors"]
    assert lines, what
    assert all(set(line) == {"code", "detail", "attr"} and line["detail"] for line in lines), what


@pytest.fixture
def senders(world):
    return [
        (path, world.client(scope), body) for path, (scope, body, _) in endpoints(world).items()
    ]


def test_write__right_body__is_taken(world):
    # Without this the rest could pass because nothing is ever taken.
    taken = [
        send(world.client(scope), path, json.dumps(body)).status_code
        for path, (scope, body, _) in endpoints(world).items()
    ]
    assert taken == [202, 201, 201, 409]  # a draft has no exposure to report


@pytest.mark.parametrize("body", RAW.values(), ids=RAW.keys())
def test_write__body_that_nothing_could_hold__is_refused_everywhere(senders, body):
    before = everything()
    for path, client, _ in senders:
        assert_refused(send(client, path, body), path)
    assert everything() == before


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG.keys())
def test_write__wrong_value_in_any_field__never_breaks(world, value):
    for path, (scope, right, others) in endpoints(world).items():
        client = world.client(scope)
        for field in (*right, *others):
            # Some values are right for some fields: then the row is there, and taken back here.
            mark = transaction.savepoint()
            counts = everything()
            answer = send(client, path, json.dumps({**right, field: value}))
            if answer.status_code >= 300:
                assert_refused(answer, f"{path} {field}")
                assert everything() == counts, f"{path} {field}"
            transaction.savepoint_rollback(mark)


@pytest.mark.parametrize("items", ITEMS.values(), ids=ITEMS.keys())
def test_run__wrong_items__is_refused(world, items):
    client = world.client("runs")
    before = everything()
    body = world.run_body(scenarios={"plain": {"items": items}})
    assert_refused(send(client, "challenge-runs", json.dumps(body)), items)
    assert everything() == before


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"status": "errored"},
        {"status": "received", "message": "x"},
        {"message": "x"},
        {"status": "skipped", "message": ""},
        {"items": ITEMS["repeated"], "status": "skipped", "message": "x"},
        {"items": None},
        {"scores": []},
    ],
)
def test_run__wrong_scenario_entry__is_refused(world, entry):
    client = world.client("runs")
    before = everything()
    body = json.dumps(world.run_body(scenarios={"plain": entry}))
    assert_refused(send(client, "challenge-runs", body), entry)
    assert everything() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"reference": "x" * 121},
        {"observed_at": "yesterday"},
        {"observed_at": "9999-12-31T23:59:59-14:00"},
        {"observed_at": "0001-01-01T00:00:00+14:00"},
        {"observed_at": 1e300},
        {"confidence": 2},
        {"confidence": "nan"},
        {"count": 0},
        {"count": 2**40},
        {"inputs": []},
        {"inputs": {"text": "x" * 70_000}},
        {"sensitivity": "secret"},
        {"id": 1},
    ],
)
def test_failure__wrong_observation__is_refused(world, changes):
    client = world.client("failures")
    before = everything()
    seen = {"reference": "e1", "observed_at": "2026-01-05T12:00:00Z", **changes}
    body = json.dumps(world.failure_body(observations=[seen]))
    assert_refused(send(client, "failures", body), changes)
    assert everything() == before


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        ("text/plain", {}),
        ("application/xml", {}),
        ("application/x-www-form-urlencoded", {}),
        ("multipart/form-data; boundary=x", {}),
        ("", {}),
        ("application/json", {"Content-Encoding": "gzip"}),
        ("application/json", {"Content-Encoding": "br, gzip"}),
    ],
)
def test_write__other_kind_of_body__is_415(senders, content_type, headers):
    before = everything()
    for path, client, right in senders:
        answer = send(client, path, json.dumps(right), content_type, **headers)
        assert answer.status_code == 415, path
    assert everything() == before


def test_write__compressed_body_without_saying_so__is_refused(senders):
    for path, client, right in senders:
        assert_refused(send(client, path, gzip.compress(json.dumps(right).encode())), path)


def test_write__body_over_the_limit__is_413(senders, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1024
    before = everything()
    for path, client, right in senders:
        answer = send(client, path, json.dumps(right) + " " * 1024)
        assert answer.status_code == 413, path
    assert everything() == before


def test_write__fields_that_are_not_the_senders__are_refused(senders):
    before = everything()
    for path, client, right in senders:
        for field in ("id", "project_id", "created_by", "status", "verdict", "created_at", "by"):
            answer = send(client, path, json.dumps({**right, field: 1}))
            assert_refused(answer, f"{path} {field}")
    assert everything() == before


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=x",
        "page=%00",
        "page=99999999999999999999",
        "page_size=-1",
        "page_size=99999999999",
        "model=%00",
        "model=%ff",
        "project=%ed%a0%80",
        "status=nothing",
        "name__startswith=a&model__project__name=b",
    ],
)
def test_list__odd_query__never_breaks(world, query):
    client = world.client("read")
    for path in ("models", "datasets", "suites", "challenge-runs", "failures", "rollouts"):
        assert client.get(f"{API}/{path}/?{query}").status_code in {200, 400, 404}


@pytest.mark.parametrize("pk", ["0", "999999999999999999", "9" * 30, "-1", "x", "%00"])
def test_detail__odd_number__is_404(world, pk):
    client = world.client("read")
    for path in ("models", "dataset-versions", "suites", "challenge-runs", "failures", "rollouts"):
        assert client.get(f"{API}/{path}/{pk}/").status_code == 404


def test_parser__hostile_nesting_and_quoting__takes_one_pass():
    # Twenty megabytes of each; a second look at any place would take hours.
    for text in ('"' + '\\"' * 10_000_000, "[" * 20_000_000, "[}" * 10_000_000):
        with pytest.raises(parsers.ParseError):
            parsers.strict_json(text)


def test_parser__brackets_in_texts__are_not_nesting():
    text = json.dumps({"note": "[" * 100 + '"\\' + "{" * 100})
    assert parsers.strict_json(text) == json.loads(text)


@pytest.mark.parametrize(("depth", "is_accepted"), [(32, True), (33, False)])
def test_parser__depth__has_one_limit_for_lists_and_objects(depth, is_accepted):
    text = "1"
    for level in range(depth):
        text = f"[{text}]" if level % 2 else f'{{"a": {text}}}'
    if is_accepted:
        assert parsers.strict_json(text)
        return
    with pytest.raises(parsers.ParseError):
        parsers.strict_json(text)
