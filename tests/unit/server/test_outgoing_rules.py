"""Which addresses name a destination, and which of them are of the public internet."""

import pytest

from terrazul.core.errors import InvalidInput
from terrazul.server.network.rules import is_public, read_destination


@pytest.mark.parametrize(
    ("url", "place", "target"),
    [
        ("https://Hooks.Example/a/b?c=d", "hooks.example:443", "/a/b?c=d"),
        ("http://hooks.example:8080", "hooks.example:8080", "/"),
        ("https://[2606:4700::1]:8443/x", "[2606:4700::1]:8443", "/x"),
        ("https://2130706433/", "2130706433:443", "/"),
    ],
)
def test_address_names_host_port_and_path(url: str, place: str, target: str):
    found = read_destination(url)
    assert (found.place, found.target) == (place, target)


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.example", "//hooks.example", "ftp://hooks.example", "file:///etc/passwd", "https://", "https:///x",
        "https://user:password@hooks.example/", "https://good.example@127.0.0.1/", "https://good.example\\@127.0.0.1/",
        "https://hooks.example:0/", "https://hooks.example:70000/", "https://hooks.example:/", "https://a b/",
        "https://hooks.example/\r\nX: y", "https://hooks.example/\t", "https://h\u00f6ks.example/", "https://[::1%eth0]/",
        "https://[::1", "https://%31%32%37.0.0.1/", "https://hooks.example/" + "x" * 2100,
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_refused(url: str):
    with pytest.raises(InvalidInput, match="not an address to call"):
        read_destination(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fd00::1",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
        "2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::1", "fec0::1", "2001:db8::1", "no address", "fe80::1%eth0",
    ],
)  # fmt: skip
def test_address_outside_of_the_public_internet(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_address_of_the_public_internet(address: str):
    assert is_public(address)
