"""The only module that opens connections to other machines, and to no other than it was told.

httpcore speaks HTTP and nothing above it: it follows no redirect, reads no proxy from the
environment, keeps no cookie and unpacks no body. What it connects to is decided here.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from types import TracebackType
from typing import Any, Self

import httpcore

from benchmarks.networks import may_be_called
from catalog.addresses import IP, AllowedHost, BadAddress, WebAddress, parsed, permission_for

LARGEST_BODY = 1 << 20
#: A slow reader gets no more than this between two looks at the clock.
WRITE_CHUNK = 1 << 16
AGENT = "touchstone"

Resolver = Callable[[str, int], Sequence[str]]


class Refused(Exception):
    """What this portal does not call or read, however often it is asked."""


class Unreachable(Exception):
    """A machine that did not answer this time."""


@dataclass(frozen=True)
class Reply:
    """A status; its body only where it is 200, because nothing else is anybody's to read."""

    status: int
    body: bytes = b""
    retry_after: float | None = None


def system_resolver(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(answer[4][0]) for answer in found]


class Outbound:
    """One allowed host, resolved once and pinned: every request goes to the address it had then.

    Raises Refused where the host or one of its addresses may not be called.
    """

    def __init__(
        self,
        address: str,
        *,
        allowed: Iterable[str],
        seconds: float = 10.0,
        largest: int = LARGEST_BODY,
        resolve: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        try:
            self.address: WebAddress = parsed(address)
            permission = permission_for(self.address, allowed)
        except BadAddress as error:
            raise Refused(str(error)) from error
        self.largest = largest
        self._clock = _Clock()
        self._clock.start(seconds)
        backend = _Pinned(_addresses(permission, resolve, self._clock), self._clock)
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls or ssl.create_default_context(),
            max_connections=1,
            network_backend=backend,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._pool.close()

    def send(
        self, method: str, path: str, body: bytes | None = None, seconds: float = 10.0
    ) -> Reply:
        """One request below the address, whole within `seconds`, whatever the other side does."""
        self._clock.start(seconds)
        url = httpcore.URL(
            scheme=self.address.scheme,
            host=self.address.host.strip("[]"),
            port=self.address.port,
            target=f"{self.address.path}{path}",
        )
        headers = [("Host", self._host()), ("User-Agent", AGENT), ("Accept-Encoding", "identity")]
        if body is not None:
            headers.append(("Content-Type", "application/json"))
        try:
            with self._pool.stream(method, url, headers=headers, content=body) as response:
                return self._reply(response)
        except httpcore.TimeoutException as error:
            raise Unreachable(f"It gave no whole answer within {seconds:g} seconds.") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise Unreachable(_cause(error)) from error

    def _host(self) -> str:
        """As the other side expects it: with a port only where it is not the usual one."""
        usual = {"https": 443, "http": 80}[self.address.scheme] == self.address.port
        return self.address.host if usual else f"{self.address.host}:{self.address.port}"

    def _reply(self, response: httpcore.Response) -> Reply:
        headers = {name.lower(): value for name, value in response.headers}
        if response.status != 200:
            return Reply(response.status, retry_after=_seconds(headers.get(b"retry-after")))
        if headers.get(b"content-encoding", b"identity").strip().lower() not in {b"", b"identity"}:
            raise Refused("It packed its answer although it was asked not to.")
        content = bytearray()
        for chunk in response.iter_stream():
            content += chunk
            if len(content) > self.largest:
                raise Refused(f"Its answer is larger than {self.largest >> 10} kB.")
        return Reply(response.status, bytes(content))


def _addresses(permission: AllowedHost, resolve: Resolver, clock: "_Clock") -> list[IP]:
    """The host's addresses, of which not one may be closed: a mixed answer is no mistake."""
    host, literal = permission.address.host, permission.address.literal
    own = permission.network
    if literal is not None:
        found, own = [literal], ip_network(literal)
    else:
        answers = _resolved(resolve, host, permission.address.port, clock)
        found = [ip_address(answer) for answer in answers]
    if not found:
        raise Unreachable(f"There is no address for {host}.")
    if not all(may_be_called(each, own) for each in found):
        raise Refused(
            f"{host} lies at an address that is closed to this portal, such as one of a private"
            " network or of the machine itself."
        )
    return found


def _resolved(resolve: Resolver, host: str, port: int, clock: "_Clock") -> Sequence[str]:
    """The system's resolver knows no deadline, so it is asked in a thread that may be left."""
    answers: list[Sequence[str]] = []

    def ask() -> None:
        try:
            answers.append(resolve(host, port))
        except (OSError, UnicodeError):
            answers.append([])

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(clock.left)
    if not answers:
        raise Unreachable(f"Nobody said in time where {host} lies.")
    return answers[0]


def _seconds(header: bytes | None) -> float | None:
    """A Retry-After in seconds; one that names a date is left unread."""
    return float(header) if header is not None and header[:6].isdigit() else None


def _cause(error: Exception) -> str:
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, ssl.SSLCertVerificationError):
            return "Its certificate does not prove that it is this host."
        inner = inner.__cause__ or inner.__context__
    if isinstance(error, httpcore.ConnectError):
        return "It cannot be connected to."
    if isinstance(error, httpcore.ProtocolError):
        return "It broke off, or does not speak HTTP/1.1."
    return "The connection broke."


# -- the wire ---------------------------------------------------------------------------------


@dataclass
class _Clock:
    """The one deadline that every step of a request is measured against."""

    until: float = field(default=0.0)

    def start(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return max(0.0, self.until - time.monotonic())

    def allowance(self, late: type[httpcore.TimeoutException]) -> float:
        if not (left := self.left):
            raise late()
        return left


class _Pinned(httpcore.NetworkBackend):
    """Connects to the addresses that were checked; the host's name is for TLS and headers only."""

    def __init__(self, addresses: Sequence[IP], clock: _Clock) -> None:
        self._addresses, self._clock = addresses, clock
        self._system = httpcore.SyncBackend()

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> "_Timed":
        for address in self._addresses[:-1]:
            try:
                return self._connected(address, port)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connected(self._addresses[-1], port)

    def _connected(self, address: IP, port: int) -> "_Timed":
        left = self._clock.allowance(httpcore.ConnectTimeout)
        stream = self._system.connect_tcp(str(address), port, timeout=left)
        if _peer(stream) != address:
            stream.close()
            raise Refused("The connection led to another machine than was asked for.")
        return _Timed(stream, self._clock)


def _peer(stream: httpcore.NetworkStream) -> IP:
    try:
        reached = str(stream.get_extra_info("server_addr")[0])
    except OSError as error:  # it was reset before anybody could ask
        raise httpcore.ConnectError from error
    return ip_address(reached)


class _Timed(httpcore.NetworkStream):
    """A stream whose every step ends at the deadline, so that dripping does not stretch it."""

    def __init__(self, stream: httpcore.NetworkStream, clock: _Clock) -> None:
        self._stream, self._clock = stream, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._clock.allowance(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), WRITE_CHUNK):
            left = self._clock.allowance(httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + WRITE_CHUNK], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> "_Timed":
        left = self._clock.allowance(httpcore.ConnectTimeout)
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
