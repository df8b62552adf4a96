"""Names and origins."""

import pytest

from terrazul.server.network.rules import is_foreign_origin, is_own_name, name_of

OWN = ["localhost", "LOCALHOST:80", "127.0.0.1:8642", "[::1]:8642", "10.0.0.7", "10.0.0.7:1", "ml.example.com:443"]
FOREIGN = [
    "",
    "evil.com",
    "localhost.evil.com",
    "evil.com:8642",
    "127.0.0.1.evil.com",
    "127.0.0.1@evil.com",
    "127.0.0.2",
    "localhost:x",
    "localhost:123456",
    "localhost/",
    "a b",
    "10.0.0.70",
    "sub.ml.example.com",
    "ml.example.com.",
    "[::1",
    "é.com",
    "localhost\r\nX: y",
    "localhost\n",
]


@pytest.mark.parametrize("host", OWN)
def test_own_names_are_taken(host: str):
    assert is_own_name(host, "10.0.0.7", {"ml.example.com"})


@pytest.mark.parametrize("host", FOREIGN)
def test_other_names_are_not(host: str):
    assert not is_own_name(host, "10.0.0.7", {"ml.example.com"})


def test_address_that_was_reached_is_a_name_for_ipv6_too():
    assert is_own_name("[fd00::7]:8642", "fd00::7", ())
    assert name_of("[fd00::7]:8642") == "[fd00::7]"


@pytest.mark.parametrize(
    ("origin", "site", "secure", "foreign"),
    [
        ("", "", False, False),
        ("http://a:1", "", False, False),
        ("http://a:1", "same-origin", False, False),
        ("https://a:1", "", False, False),
        ("https://a:1", "", True, False),
        ("http://a:1", "", True, True),
        ("", "none", False, False),
        ("", "cross-site", False, True),
        ("", "same-site", False, True),
        ("null", "", False, True),
        ("a:1", "", False, True),
        ("http://a", "", False, True),
        ("http://a:12", "", False, True),
        ("http://a:1/", "", False, True),
        ("http://b:1", "", False, True),
        ("ftp://a:1", "", False, True),
        ("http://a:1,http://b", "", False, True),
    ],
)
def test_origin_is_ours_or_foreign(origin: str, site: str, secure: bool, foreign: bool):
    assert is_foreign_origin(origin, site, "a:1", secure=secure) is foreign
