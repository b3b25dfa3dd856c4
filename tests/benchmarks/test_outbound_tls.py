"""Calls over TLS: certificates are checked by the host's name although a number is called."""

import ssl

import pytest
import trustme

from benchmarks.outbound import Outbound, Unreachable
from tests.benchmarks.raw_server import raw_server, reply

pytestmark = pytest.mark.pure

NAME = "models.example.com"
HERE = ["127.0.0.1"]


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def serving(authority, name) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting(authority) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def secured(server, tls) -> Outbound:
    origin = f"https://{NAME}:{server.port}"
    allowed = [f"{origin}=127.0.0.0/8"]
    return Outbound(origin, allowed=allowed, resolve=lambda host, port: HERE, tls=tls)


def test_tls__certificate_of_the_name__is_checked_by_the_name_although_a_number_is_called(
    authority,
):
    asked = []
    context = serving(authority, NAME)
    context.sni_callback = lambda sock, name, ctx: asked.append(name)
    with (
        raw_server(reply(b"{}"), tls=context) as server,
        secured(server, trusting(authority)) as out,
    ):
        assert out.send("GET", "/").status == 200
    assert asked == [NAME]


@pytest.mark.parametrize("name", ["other.example.com", "127.0.0.1", "example.com"])
def test_tls__certificate_of_another_name__is_not_talked_to(authority, name):
    with (
        raw_server(reply(b"{}"), tls=serving(authority, name)) as server,
        secured(server, trusting(authority)) as out,
        pytest.raises(Unreachable, match="certificate"),
    ):
        out.send("POST", "/", b"rows")
    assert server.heard == []


def test_tls__certificate_of_an_unknown_authority__is_not_talked_to(authority):
    with (
        raw_server(reply(b"{}"), tls=serving(authority, NAME)) as server,
        secured(server, None) as out,
        pytest.raises(Unreachable, match="certificate"),
    ):
        out.send("POST", "/", b"rows")
    assert server.heard == []


def test_tls__plain_server_behind_an_https_address__is_unreachable(authority):
    with (
        raw_server(reply(b"{}")) as server,
        secured(server, trusting(authority)) as out,
        pytest.raises(Unreachable),
    ):
        out.send("GET", "/", seconds=5)
