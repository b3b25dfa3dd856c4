"""Which IP addresses may be called: the open internet, and what somebody allowed by name."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.networks import may_be_called

pytestmark = pytest.mark.pure

PRIVATE = "10.1.2.3"


def nat64_local(text: str) -> str:
    """RFC 6052, section 2.2: a /48 prefix, sixteen bits, eight zero bits, sixteen bits."""
    bits = int(IPv4Address(text))
    high, low = bits >> 16, bits & 0xFFFF
    return str(IPv6Address(0x64FF9B0001 << 80 | high << 64 | low << 40))


def teredo(server: str, client: str) -> str:
    bits = (
        0x20010000 << 96 | int(IPv4Address(server)) << 64 | int(IPv4Address(client)) ^ 0xFFFFFFFF
    )
    return str(IPv6Address(bits))


CLOSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200",  # noqa: S104
    "127.0.0.1", "127.255.255.254", "169.254.169.254", "169.254.170.2", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1",
    "192.88.99.1", "192.168.0.1", "192.168.255.255", "192.175.48.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254",
    "64:ff9b::168.63.129.16", nat64_local("127.0.0.1"), nat64_local("169.254.169.254"),
    nat64_local("8.8.8.8"), "100::1", "100:0:0:1::1", "2001::1",
    teredo("65.54.227.120", "127.0.0.1"), teredo("10.0.0.1", "8.8.8.8"), "2001:1::1",
    "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::",
    "2002:808:808::", "2620:4f:8000::1", "3fff::1", "5f00::1", "4000::1", "fc00::1", "fd00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1", "ff0e::1",
    "2606:4700::5efe:127.0.0.1", "2606:4700::200:5efe:10.0.0.1",
    "2606:4700::200:5efe:169.254.169.254",
]  # fmt: skip


@pytest.mark.parametrize("text", CLOSED)
def test_address__not_of_the_open_internet__is_closed(text):
    assert not may_be_called(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8",
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2606:4700::200:5efe:8.8.8.8",
    ],
)
def test_address__of_the_open_internet__may_be_called(text):
    assert may_be_called(ip_address(text))


@given(st.ip_addresses())
@example(ip_address("192.88.99.2"))
def test_address__that_python_calls_not_global__is_closed_here_too(address):
    if not address.is_global and getattr(address, "ipv4_mapped", None) is None:
        nat64 = address.version == 6 and address in ip_network("64:ff9b::/96")
        assert nat64 or not may_be_called(address)


@given(st.ip_addresses(v=4))
def test_address__closed_in_ipv4__is_closed_in_every_ipv6_dress(inner):
    if may_be_called(inner):
        return
    text = str(inner)
    high, low = int(inner) >> 16, int(inner) & 0xFFFF
    dresses = [
        f"::ffff:{text}",
        f"::{text}",
        f"64:ff9b::{text}",
        f"2002:{high:x}:{low:x}::1",
        f"2606:4700::5efe:{text}",
        f"2606:4700::200:5efe:{text}",
        nat64_local(text),
        teredo(text, "8.8.8.8"),
        teredo("8.8.8.8", text),
    ]
    assert not any(may_be_called(ip_address(dress)) for dress in dresses)


def test_network__that_was_allowed__opens_itself_and_nothing_beside_it():
    own = ip_network("10.1.0.0/16")
    assert may_be_called(ip_address(PRIVATE), own)
    assert may_be_called(ip_address(f"::ffff:{PRIVATE}"), own)
    assert not may_be_called(ip_address("10.2.0.1"), own)
    assert not may_be_called(ip_address("127.0.0.1"), own)


@pytest.mark.parametrize(
    "text",
    ["169.254.169.254", "168.63.129.16", "100.100.100.200", "fd00:ec2::254", "::ffff:169.254.1.1"],
)
@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_metadata__whatever_network_is_allowed__stays_closed(text, network):
    assert not may_be_called(ip_address(text), ip_network(network))


def test_network__that_holds_a_dress_of_metadata__does_not_open_it():
    own = ip_network("64:ff9b::/96")
    assert not may_be_called(ip_address("64:ff9b::169.254.169.254"), own)
