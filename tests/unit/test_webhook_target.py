"""Where webhooks may lead: what an administrator types can never reach what stands beside the server."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.webhooks.addresses import Address, is_public
from backend.webhooks.resolver import SystemResolver
from backend.webhooks.target import TargetRefusedError, parse, vetted

NAT64 = ip_network("64:ff9b::/96")


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.170",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2002:c0a8:101::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_beside_the_server_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "93.184.215.14",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "223.255.255.1",
        "2606:4700::1111",
        "2a00:1450:4001::1",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
        "2002:101:101::1",
        "2001:200::1",
    ],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.ip_addresses())
def test_nothing_that_the_language_calls_private_counts_as_public(address: Address) -> None:
    """A second opinion: the standard library may know less, but what it refuses we refuse too."""
    if address.version == 6 and (address.ipv4_mapped or address.sixtofour or address in NAT64):
        return
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hooks.example.com/x", "must begin with https"),
        ("ftp://hooks.example.com/x", "must begin with https"),
        ("file:///etc/passwd", "must begin with https"),
        ("hooks.example.com/x", "must begin with https"),
        ("https://user:secret@hooks.example.com/", "user name"),
        ("https://good.example@127.0.0.1/", "user name"),
        ("https://@hooks.example.com/", "user name"),
        ("https://hooks.example.com:22/", "Port 22"),
        ("https://hooks.example.com:25/", "Port 25"),
        ("https://hooks.example.com:0/", "Port 0"),
        ("https://hooks.example.com:99999/", "cannot be understood"),
        ("https://hooks.example.com:x/", "cannot be understood"),
        ("https://[::1/", "cannot be understood"),
        ("https://[fe80::1%25eth0]/", "no host"),
        ("https:///path", "no host"),
        ("https://./", "no host"),
        ("https://-.example.com/", "no host"),
        ("https://hooks.example.com/#part", "# part"),
        ("https://hooks.example.com\\@127.0.0.1/", "plain ASCII"),
        ("https://hooks.example.com/\r\nHost: x", "plain ASCII"),
        ("https://hooks.example.com/a b", "plain ASCII"),
        ("https://ⓔxample.com/", "plain ASCII"),
        ("https://hooks.example.com/" + "x" * 2000, "2000 are allowed"),
    ],
)
def test_an_address_that_could_be_read_in_two_ways_is_refused(url: str, words: str) -> None:
    with pytest.raises(TargetRefusedError, match=words):
        parse(url, allow_private=False)


def test_an_address_is_taken_apart_once() -> None:
    target = parse("https://Hooks.Example.com.:8443/a/b?c=d", allow_private=False)
    assert (target.scheme, target.host, target.port, target.path) == ("https", "hooks.example.com", 8443, "/a/b?c=d")
    assert target.host_header == "hooks.example.com:8443"
    assert parse("https://[2606:4700::1111]", allow_private=False).host_header == "[2606:4700::1111]"
    assert parse("http://localhost:8080/x", allow_private=True).path == "/x"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "0",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "169.254.169.254",
    ],
)
async def test_no_spelling_of_a_private_address_gets_through(host: str) -> None:
    """With the machine's own resolver, which reads decimal, octal and hexadecimal forms as addresses."""
    target = parse(f"https://{host}/", allow_private=False)
    with pytest.raises((TargetRefusedError, OSError)):
        await vetted(target, SystemResolver(), allow_private=False)


async def test_one_private_address_among_public_ones_refuses_them_all() -> None:
    async def mixed(_host: str, _port: int) -> list[Address]:
        return [ip_address("93.184.215.14"), ip_address("10.0.0.1")]

    with pytest.raises(TargetRefusedError, match="not on the public internet"):
        await vetted(parse("https://hooks.example.com/", allow_private=False), mixed, allow_private=False)
