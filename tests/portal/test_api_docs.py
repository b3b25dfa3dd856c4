"""The document knows every endpoint, method, filter, field, scope and exit code, and no other."""

import re
from pathlib import Path

from benchmarks import api as benchmarks_api
from benchmarks.serializers import RunPost
from catalog.serializers import EndpointPost, FailurePost, ObservationPost, VersionPost
from portal.accounts.models import Scope
from portal.api import ENDPOINTS
from portal.routes import routes
from rollouts.serializers import ExposurePost

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
PREFIX = "api/v1/"


def served():
    """Method and address of every endpoint, as the document writes them."""
    for route in routes():
        if not route.name.startswith("api-"):
            continue
        path = re.sub(r"\(\?P<pk>[^)]*\)", "<id>", route.pattern).replace("^", "").replace("$", "")
        for method in getattr(route.view, "actions", {}):
            if method in {"get", "post"}:
                yield f"{method.upper()} /{path[path.index(PREFIX) :]}"


def test_document__names_every_endpoint_and_no_other():
    named = set(re.findall(r"`((?:GET|POST) /api/v1/[^`?]*)`", DOCUMENT))
    assert named == set(served())
    assert len(named) >= len(ENDPOINTS)


def test_document__explains_every_scope_and_no_other():
    table = DOCUMENT.split("## Tokens")[1].split("##")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(Scope.values)


def test_document__names_every_field_of_every_post():
    for shape in (RunPost, VersionPost, EndpointPost, FailurePost, ObservationPost, ExposurePost):
        for name in shape().fields:
            assert re.search(rf"[`\"]{name}[`\"]", DOCUMENT), f"{shape.__name__}.{name}"


def test_document__names_every_filter():
    for prefix, viewset in ENDPOINTS.items():
        filters = getattr(viewset, "filterset_class", None)
        if filters is None:
            continue
        section = DOCUMENT.split(f"`GET /{PREFIX}{prefix}/`")[1].split("\n#")[0]
        said = section.split("Filters:")[1].split("\n")[0]
        assert set(re.findall(r"`(\w+)`", said)) == set(filters.base_filters), prefix


def test_document__knows_every_exit_code():
    table = DOCUMENT.split("| exit code |")[1].split("```")[0]
    written = dict(re.findall(r"^\| (\d) \| (\w+)", table, re.MULTILINE))
    codes = {word: str(code) for word, code in benchmarks_api.EXIT_CODES.items()}
    codes |= {
        "errored": str(benchmarks_api.ERRORED),
        "not": str(benchmarks_api.NOT_FINISHED),
    }
    assert {word: code for code, word in written.items()} == codes
