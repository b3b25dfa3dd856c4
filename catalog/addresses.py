"""Web addresses read once and strictly, and the list of hosts that this portal may call.

What was read is what is called: no second parser looks at the text, so none can read it otherwise.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

LONGEST = 500
LONGEST_HOST = 253
PORTS = {"https": 443, "http": 80}
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
#: Resolvers read such a last label as part of a number: 127.1, 0x7f000001, 2130706433.
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>(?:/[A-Za-z0-9._~:@!$&'()*+,;=-]+)*)/?\Z"
)
SHAPE = (
    "Write the address as https://host, with a port and a path where needed: in lower case, a name"
    " beyond ASCII in its xn-- form, without user, query, fragment, escapes or a trailing dot."
)

IP = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class BadAddress(ValueError):
    """An address that is not called, in words for whoever wrote it."""


@dataclass(frozen=True)
class WebAddress:
    """An address in its parts; `literal` is the host where that is a number."""

    scheme: str
    host: str
    port: int
    path: str
    literal: IP | None = None

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


@dataclass(frozen=True)
class AllowedHost:
    """One line of the allow-list; `network` is where a name may lie beside the open internet."""

    address: WebAddress
    network: Network | None = None


def parsed(text: str) -> WebAddress:
    """The address in its parts. Raises BadAddress for anything that two readers could read twice.

    A host in brackets keeps them, as it is written in an address.
    """
    match = _ADDRESS.match(text) if len(text) <= LONGEST else None
    if match is None:
        raise BadAddress(SHAPE)
    scheme, host, path = match["scheme"], match["host"], match["path"]
    port = int(match["port"] or PORTS[scheme])
    if port > 65535 or {".", ".."} & set(path.split("/")):
        raise BadAddress(SHAPE)
    return WebAddress(scheme, host, port, path, _literal(host))


def _literal(host: str) -> IP | None:
    if host.startswith("["):
        return _number(host[1:-1])
    if _NUMBER.match(host.rpartition(".")[2]):
        return _number(host)
    if len(host) > LONGEST_HOST or not _NAME.match(host) or not _is_international(host):
        raise BadAddress(SHAPE)
    return None


def _number(text: str) -> IP:
    try:
        return ip_address(text)
    except ValueError:
        raise BadAddress("The host is a number that is not plainly an IP address.") from None


def _is_international(host: str) -> bool:
    """Whether each xn-- label stands for a name, and is the one way to write that name."""
    try:
        return host.encode().decode("idna").encode("idna").decode() == host
    except UnicodeError:
        return False


def allowed_host(entry: str) -> AllowedHost:
    """One entry of OUTBOUND_HOSTS. Raises BadAddress with what is wrong with it.

    `models.example.com` is https on its port; `http://` and another port have to be written out;
    `=10.0.0.0/8` at the end says where in one's own network the name may lie.
    """
    text, _, network = entry.partition("=")
    address = parsed(text if "://" in text else f"https://{text}")
    if address.path:
        raise BadAddress(f"{entry}: name a host, not a path.")
    if address.literal is not None and network:
        raise BadAddress(f"{entry}: an IP address lies where it lies; leave the network out.")
    try:
        return AllowedHost(address, ip_network(network) if network else None)
    except ValueError:
        raise BadAddress(f"{entry}: “{network}” is not a network, such as 10.0.0.0/8.") from None


def permission_for(address: WebAddress, entries: Iterable[str]) -> AllowedHost:
    """The entry that allows exactly this scheme, host and port. Raises BadAddress without one."""
    for entry in entries:
        allowed = allowed_host(entry)
        if allowed.address.origin == address.origin:
            return allowed
    raise BadAddress(
        f"{address.origin} is not among the hosts that this portal may call. Whoever runs it can"
        " add it to OUTBOUND_HOSTS."
    )
