"""Which IP addresses are nobody's business to call: a list of our own, and what hides in IPv6.

Sources: IANA's special-purpose address registries, RFC 6052 (NAT64), 3056 (6to4), 4380 (Teredo),
5214 (ISATAP), 4291 (compatible and mapped), and what cloud providers use for metadata.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network

from catalog.addresses import IP, Network

_CLOSED_4 = [
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
#: Handed out to no machine of one's own: never called, whatever network an entry allows.
_METADATA = [
    ip_network(text)
    for text in (
        "169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
        "fd00:ec2::/32", "fe80::/10",
    )
]  # fmt: skip

_OPEN_6 = ip_network("2000::/3")
_CLOSED_6 = [
    ip_network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]
_MAPPED, _COMPATIBLE = ip_network("::ffff:0:0/96"), ip_network("::/96")
_NAT64, _NAT64_LOCAL = ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48")
_6TO4, _TEREDO = ip_network("2002::/16"), ip_network("2001::/32")
#: Universal or not, multicast or not: four ways to begin the same interface identifier.
_ISATAP = {0x00005EFE, 0x02005EFE, 0x01005EFE, 0x03005EFE}


def may_be_called(address: IP, own: Network | None = None) -> bool:
    """Whether the open internet, or the network that somebody allowed, has this address.

    An IPv6 address that carries an IPv4 address goes where both of them may go.
    """
    address = _unwrapped(address)
    inside = [address, *_carried(address)]
    if any(_lies_in(each, _METADATA) for each in inside):
        return False
    if own is not None and _lies_in(address, [own]):
        return True
    return all(_is_open(each) for each in inside)


def _unwrapped(address: IP) -> IP:
    """A mapped address is an IPv4 address to the system that connects to it."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_open(address: IP) -> bool:
    if isinstance(address, IPv4Address):
        return not _lies_in(address, _CLOSED_4) and not _lies_in(address, _METADATA)
    if address in _NAT64:
        return True
    return address in _OPEN_6 and not _lies_in(address, _CLOSED_6)


def _lies_in(address: IP, networks: list[Network]) -> bool:
    return any(address in network for network in networks)


def _carried(address: IP) -> Iterator[IPv4Address]:
    """Every IPv4 address that some gateway might take out of this one."""
    if isinstance(address, IPv4Address):
        return
    bits = int(address)
    if address in _MAPPED or address in _COMPATIBLE or address in _NAT64:
        yield IPv4Address(bits & 0xFFFFFFFF)
    if address in _NAT64_LOCAL:  # RFC 6052 keeps bits 64 to 71 free, so the address is in two
        yield IPv4Address((bits >> 64 & 0xFFFF) << 16 | bits >> 40 & 0xFFFF)
    if address in _6TO4:
        yield IPv4Address(bits >> 80 & 0xFFFFFFFF)
    if address in _TEREDO:
        yield IPv4Address(bits >> 64 & 0xFFFFFFFF)
        yield IPv4Address(~bits & 0xFFFFFFFF)
    if bits >> 32 & 0xFFFFFFFF in _ISATAP:
        yield IPv4Address(bits & 0xFFFFFFFF)
