"""Calls to other machines against real servers that lie, drip, redirect and swell."""

import gzip
import socket
import threading
import time

import pytest

from benchmarks.outbound import Outbound, Refused, Unreachable
from tests.benchmarks.raw_server import raw_server, reply

pytestmark = pytest.mark.pure

NAME = "models.example.com"
HERE = ["127.0.0.1"]
BOMB = gzip.compress(b"0" * (16 << 20))


def local(server, **options) -> Outbound:
    """A call to the server's own number, allowed as exactly that."""
    origin = f"http://127.0.0.1:{server.port}"
    return Outbound(options.pop("address", origin), allowed=[origin], **options)


def named(server, answers, *, network="=127.0.0.0/8", **options) -> Outbound:
    """A call to a name that the given resolver places."""
    origin = f"http://{NAME}:{server.port}"
    resolve = answers if callable(answers) else lambda host, port: answers
    return Outbound(origin, allowed=[f"{origin}{network}"], resolve=resolve, **options)


# -- what arrives -----------------------------------------------------------------------------


def test_send__post__arrives_whole_under_the_hosts_own_name():
    with raw_server(reply(b'{"ok": 1}')) as server, named(server, HERE) as out:
        answer = out.send("POST", "/infer", b'{"rows": []}')
    assert (answer.status, answer.body) == (200, b'{"ok": 1}')
    head, _, body = server.heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /infer HTTP/1.1\r\n")
    assert f"Host: {NAME}:{server.port}".encode() in head
    assert b"Accept-Encoding: identity" in head
    assert body == b'{"rows": []}'


def test_send__address_with_a_path__asks_below_it():
    with raw_server(reply(b"{}")) as server:
        address = f"http://127.0.0.1:{server.port}/team/delays"
        with local(server, address=address) as out:
            out.send("GET", "/v2")
    assert server.heard[0].startswith(b"GET /team/delays/v2 HTTP/1.1")


def test_send__several_requests__share_one_connection():
    def keep_talking(connection):
        connection.sendall(reply(b"1"))
        connection.recv(65536)
        connection.sendall(reply(b"2"))

    with raw_server(keep_talking) as server, local(server) as out:
        bodies = [out.send("GET", "/").body, out.send("GET", "/").body]
    assert bodies == [b"1", b"2"]
    assert server.connections == 1


def test_send__proxy_and_cookies_of_the_surroundings__are_not_used(monkeypatch):
    with raw_server(reply(b"{}", headers="Set-Cookie: a=b\r\nConnection: close\r\n")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with local(server) as out:
            out.send("GET", "/")
            out.send("GET", "/")
    assert not any(b"ookie" in heard for heard in server.heard)


def test_send__failed_status__comes_without_a_body():
    secret = reply(b"inner page", status="500 Oops")
    with raw_server(secret) as server, local(server) as out:
        answer = out.send("GET", "/")
    assert (answer.status, answer.body) == (500, b"")


@pytest.mark.parametrize(
    ("said", "waits"), [("7", 7.0), ("Fri, 31 Dec 1999 23:59:59 GMT", None), ("-1", None)]
)
def test_send__busy_server__says_how_long_to_wait(said, waits):
    busy = reply(b"", status="429 Busy", headers=f"Retry-After: {said}\r\n")
    with raw_server(busy) as server, local(server) as out:
        assert out.send("GET", "/").retry_after == waits


# -- where it must not go ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["fe80::1%1"],
        ["0.0.0.0"],  # noqa: S104
    ],
)
def test_open__any_closed_address_among_the_answers__connects_to_none(answers, monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("It connected.")

    monkeypatch.setattr(socket, "create_connection", forbidden)
    with raw_server(reply(b"{}")) as server, pytest.raises(Refused, match="closed to this portal"):
        named(server, answers, network="")
    assert server.connections == 0


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{}",
        "http://localhost:{}",
        "http://0:{}",
        "http://2130706433:{}",
        "http://0x7f000001:{}",
        "http://127.1:{}",
        "http://[::ffff:127.0.0.1]:{}",
        f"http://{NAME}@127.0.0.1:{{}}",
        f"http://{NAME}:{{}}#@127.0.0.1",
    ],
)
def test_open__address_that_is_not_on_the_list__connects_to_none(address):
    with raw_server(reply(b"{}")) as server, pytest.raises(Refused):
        Outbound(address.format(server.port), allowed=[NAME, f"http://{NAME}:{server.port}"])
    assert server.connections == 0


def test_open__metadata_address__is_refused_even_when_it_is_on_the_list():
    origin = "http://169.254.169.254"
    with pytest.raises(Refused, match="closed to this portal"):
        Outbound(origin, allowed=[origin])


def test_open__name_without_an_address__is_unreachable():
    with raw_server(reply(b"{}")) as server, pytest.raises(Unreachable, match="no address"):
        named(server, [])


def test_open__resolver_that_hangs__is_left_at_the_deadline():
    released = threading.Event()
    with (
        raw_server(reply(b"{}")) as server,
        pytest.raises(Unreachable, match="Nobody said in time"),
    ):
        named(server, lambda host, port: released.wait(20), seconds=0.2)
    released.set()


def test_send__name_that_moves_after_it_was_checked__is_still_asked_where_it_was():
    places = iter([HERE, ["10.0.0.1"], ["169.254.169.254"]])
    one_each = reply(b"{}", headers="Connection: close\r\n")
    with raw_server(one_each) as server, named(server, lambda host, port: next(places)) as out:
        statuses = [out.send("GET", "/").status for _ in range(3)]
    assert statuses == [200, 200, 200]
    assert server.connections == 3


def test_send__first_address_down__asks_the_next_that_was_checked():
    with raw_server(reply(b"{}")) as server, named(server, ["127.0.0.9", "127.0.0.1"]) as out:
        assert out.send("GET", "/").status == 200


def test_send__peer_that_is_another_than_was_pinned__hears_nothing(monkeypatch):
    connect = socket.create_connection
    with raw_server(reply(b"{}")) as server:
        elsewhere = ("127.0.0.1", server.port)
        monkeypatch.setattr(
            socket, "create_connection", lambda to, *rest, **more: connect(elsewhere)
        )
        with named(server, ["127.0.0.2"]) as out, pytest.raises(Refused, match="another machine"):
            out.send("POST", "/", b"rows")
    assert b"rows" not in b"".join(server.heard)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 T", "308 P"])
def test_send__redirect__is_reported_and_never_followed(status):
    with raw_server(reply(b"inside")) as inside:
        there = f"Location: http://127.0.0.1:{inside.port}/\r\n"
        with raw_server(reply(b"", status=status, headers=there)) as server, local(server) as out:
            answer = out.send("GET", "/")
    assert answer.status == int(status[:3])
    assert answer.body == b""
    assert inside.connections == 0


# -- what it must not swallow -----------------------------------------------------------------


def test_send__body_beyond_the_limit__is_not_read_to_its_end():
    sent = []

    def swell(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        for _ in range(100_000):
            sent.append(connection.send(b"a" * 65536))

    with (
        raw_server(swell) as server,
        local(server) as out,
        pytest.raises(Refused, match="larger than 1024 kB"),
    ):
        out.send("GET", "/")
    assert sum(sent) < 50 << 20


def test_send__body_of_exactly_the_limit__is_taken():
    with raw_server(reply(b"a" * 1000)) as server, local(server, largest=1000) as out:
        assert len(out.send("GET", "/").body) == 1000


def test_send__endless_chunks__end_at_the_limit():
    def chunks(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"1000\r\n" + b"a" * 4096 + b"\r\n")

    with raw_server(chunks) as server, local(server) as out, pytest.raises(Refused):
        out.send("GET", "/")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x"])
def test_send__packed_body__is_refused_and_never_unpacked(encoding):
    packed = reply(BOMB, headers=f"Content-Encoding: {encoding}\r\n")
    with (
        raw_server(packed) as server,
        local(server) as out,
        pytest.raises(Refused, match="packed its answer"),
    ):
        out.send("GET", "/")


def test_send__packed_in_transfer__is_not_unpacked_either():
    packed = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
    with (
        raw_server(packed) as server,
        local(server) as out,
        pytest.raises(Unreachable, match="does not speak HTTP"),
    ):
        out.send("GET", "/")


def drip_head(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(60):
        connection.sendall(b"a")
        time.sleep(0.05)


def drip_body(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(60):
        connection.sendall(b"a")
        time.sleep(0.05)


def drip_continues(connection):
    for _ in range(60):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


def say_nothing(connection):
    time.sleep(3)


@pytest.mark.parametrize("script", [drip_head, drip_body, drip_continues, say_nothing])
def test_send__server_that_never_comes_to_an_end__is_left_at_the_deadline(script):
    with (
        raw_server(script) as server,
        local(server) as out,
        pytest.raises(Unreachable, match="no whole answer within 0"),
    ):
        out.send("GET", "/", seconds=0.4)


def test_send__server_that_reads_nothing__is_left_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0), backlog=1) as deaf:
        origin = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with Outbound(origin, allowed=[origin]) as out, pytest.raises(Unreachable):
            out.send("POST", "/", b"a" * (64 << 20), seconds=0.4)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"\x00" * 100,
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 200_000,
    ],
)
def test_send__server_that_speaks_no_http__is_unreachable(said):
    with (
        raw_server(said) as server,
        local(server) as out,
        pytest.raises(Unreachable, match=r"HTTP|broke"),
    ):
        out.send("GET", "/", seconds=5)


def test_send__nobody_listens__is_unreachable():
    with raw_server(b"") as server:
        pass
    with local(server) as out, pytest.raises(Unreachable, match="cannot be connected"):
        out.send("GET", "/")
