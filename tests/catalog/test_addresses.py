"""Addresses: what is read, what is refused, and which hosts the list lets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.addresses import BadAddress, allowed_host, parsed, permission_for

pytestmark = pytest.mark.pure


def test_address__in_full__is_read_into_its_parts():
    address = parsed("https://models.example.com:8443/team/delays/")
    assert (address.scheme, address.host, address.port) == ("https", "models.example.com", 8443)
    assert address.path == "/team/delays"
    assert address.literal is None


@pytest.mark.parametrize(
    ("text", "port"), [("https://example.com", 443), ("http://example.com", 80)]
)
def test_address__without_a_port__has_its_schemes(text, port):
    assert parsed(text).port == port


@pytest.mark.parametrize("text", ["http://127.0.0.1:8080", "https://[2001:db8::1]/v"])
def test_address__plain_ip__is_known_as_one(text):
    assert parsed(text).literal is not None


def test_address__international_name__is_read_in_its_ascii_form_alone():
    assert parsed("https://xn--bcher-kva.example").host == "xn--bcher-kva.example"


HOSTILE = [
    "",
    "models.example.com",
    "//models.example.com",
    "ftp://models.example.com",
    "file:///etc/passwd",
    "gopher://models.example.com",
    "HTTPS://models.example.com",
    "https://MODELS.example.com",
    "https://user@models.example.com",
    "https://user:secret@models.example.com",
    "https://models.example.com@127.0.0.1",
    "https://models.example.com:443@127.0.0.1/",
    "https://models.example.com%40127.0.0.1",
    "https://models.example.com\\@127.0.0.1",
    "https:\\\\models.example.com",
    "https:/models.example.com",
    "https:///models.example.com",
    "https://models.example.com.",
    "https://.models.example.com",
    "https://models..example.com",
    "https://-models.example.com",
    "https://models-.example.com",
    "https://models_example.com",
    "https://" + "a" * 64 + ".example.com",
    "https://" + "a." * 130 + "com",
    "https://example.com/" + "a" * 600,
    "https://models.example.com:",
    "https://models.example.com:0",
    "https://models.example.com:65536",
    "https://models.example.com:080",
    "https://models.example.com:+80",
    "https://models.example.com:80:80",
    "https://models.example.com?next=http://127.0.0.1",
    "https://models.example.com/?q",
    "https://models.example.com#@127.0.0.1",
    "https://models.example.com/a#b",
    "https://models.example.com/../admin",
    "https://models.example.com/a/../../b",
    "https://models.example.com/./a",
    "https://models.example.com//a",
    "https://models.example.com/%2e%2e/a",
    "https://models.example.com/a b",
    "https://models.example.com/a\r\nHost: other",
    "https://models.example.com\n",
    " https://models.example.com",
    "https://models.example.com\t",
    "https://models.example.com\x00.evil.example",
    "https://bücher.example",
    "https://models。example.com",
    "https://ｍodels.example.com",
    "https://mоdels.example.com",
    "https://xn--.example",
    "https://xn--a.example",
    "https://xn--models-.example",
    "https://127.1",
    "https://127.0.1",
    "https://2130706433",
    "https://0x7f000001",
    "https://0x7f.0.0.1",
    "https://0177.0.0.1",
    "https://127.0.0.01",
    "https://127.0.0.256",
    "https://127.0.0.1.",
    "https://1.2.3.4.5",
    "https://example.0x",
    "https://[::1",
    "https://::1",
    "https://[::1]extra",
    "https://[::1%25eth0]",
    "https://[::ffff:127.0.0.1.2]",
    "https://[v1.x]",
    "https://[127.0.0.1]:80@[::1]",
    "https://①②⑦.0.0.1",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_address__that_could_be_read_twice__is_refused(text):
    with pytest.raises(BadAddress):
        parsed(text)


@given(st.text())
def test_address__any_text__is_read_or_refused_and_a_read_one_is_written_back(text):
    try:
        address = parsed(f"https://{text}")
    except BadAddress:
        return
    assert parsed(f"{address.origin}{address.path}") == address


@pytest.mark.parametrize(
    ("entry", "origin"),
    [
        ("models.example.com", "https://models.example.com:443"),
        ("models.example.com:8443", "https://models.example.com:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("models.internal=10.0.0.0/8", "https://models.internal:443"),
    ],
)
def test_allow_list__entry__names_one_scheme_host_and_port(entry, origin):
    assert allowed_host(entry).address.origin == origin


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "*.example.com",
        ".example.com",
        "https://models.example.com/path",
        "models.internal=10.0.0.1/8",
        "models.internal=everything",
        "http://10.0.0.1=10.0.0.0/8",
        "user@models.example.com",
        "",
    ],
)
def test_allow_list__entry_that_names_no_one_host__is_refused(entry):
    with pytest.raises(BadAddress):
        allowed_host(entry)


@pytest.mark.parametrize(
    "text",
    [
        "http://models.example.com",
        "https://models.example.com:8443",
        "https://other.models.example.com",
        "https://models.example.com.evil.example",
        "https://example.com",
        "http://127.0.0.1:8081",
        "https://127.0.0.1:8080",
        "http://127.0.0.2:8080",
        "http://[::ffff:127.0.0.1]:8080",
    ],
)
def test_permission__for_another_scheme_host_or_port__is_not_given(text):
    with pytest.raises(BadAddress, match="OUTBOUND_HOSTS"):
        permission_for(parsed(text), ["models.example.com", "http://127.0.0.1:8080"])


def test_permission__empty_list__is_never_given():
    with pytest.raises(BadAddress, match="OUTBOUND_HOSTS"):
        permission_for(parsed("https://models.example.com"), [])
