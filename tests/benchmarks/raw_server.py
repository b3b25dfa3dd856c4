"""A server that says whatever bytes a test gives it, and remembers who came."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Script = Callable[[socket.socket], None]


@dataclass
class RawServer:
    port: int
    connections: int = 0
    heard: list[bytes] = field(default_factory=list)


@contextmanager
def raw_server(
    script: Script | bytes, *, tls: ssl.SSLContext | None = None
) -> Iterator[RawServer]:
    """Runs the script for each connection; bytes are sent once a whole request was heard."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = RawServer(listening.getsockname()[1])
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            server.connections += 1
            threading.Thread(target=_talk, args=(connection,), daemon=True).start()

    def _talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            with connection:
                server.heard.append(request_from(connection))
                if isinstance(script, bytes):
                    connection.sendall(script)
                else:
                    script(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stopped.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(timeout=5)


def request_from(connection: socket.socket) -> bytes:
    """The head of a request and as much body as it announces."""
    heard = b""
    while b"\r\n\r\n" not in heard and (more := connection.recv(65536)):
        heard += more
    head, _, body = heard.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            wanted = int(line.partition(b":")[2])
            while len(body) < wanted and (more := connection.recv(65536)):
                body += more
    return head + b"\r\n\r\n" + body


def reply(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body
