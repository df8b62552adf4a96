"""Settings from options and variables."""

import argparse
from dataclasses import fields
from pathlib import Path

import pytest

from terrazul.core.errors import InvalidInput
from terrazul.core.settings import Settings, add_options, from_environment, to_arguments, to_variables, variable_of


def test_variables_count_and_options_win():
    settings = from_environment(
        {"TERRAZUL_PORT": "1", "TERRAZUL_SHARED": "yes", "TERRAZUL_HOST": "::1"}, port=2, host=None
    )
    assert (settings.port, settings.shared, settings.host) == (2, True, "::1")


def test_what_a_line_says_can_be_said_again():
    parser = argparse.ArgumentParser()
    add_options(parser)
    line = ["--port", "9", "--shared", "--host", "::1"]
    assert sorted(to_arguments(vars(parser.parse_args(line)))) == sorted(line)
    assert to_arguments(vars(parser.parse_args([]))) == []


def test_secret_is_said_by_a_variable_and_never_in_a_line():
    parser = argparse.ArgumentParser()
    add_options(parser)
    given = vars(parser.parse_args(["--database", "postgresql://me:secret@host/x", "--processes", "2"]))
    assert to_arguments(given) == ["--processes", "2"]
    assert to_variables(given) == {"TERRAZUL_DATABASE": "postgresql://me:secret@host/x"}
    assert from_environment(to_variables(given)).database == given["database"]
    assert to_variables(vars(parser.parse_args([]))) == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [("port", "x"), ("port", "65536"), ("port", "-1"), ("shared", "maybe"), ("log_limit", "1e9"), ("processes", "0")],
)
def test_wrong_value_names_its_variable(name: str, text: str):
    with pytest.raises(InvalidInput, match=variable_of(name)):
        from_environment({variable_of(name): text})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.1.2.3", "127.0.0.1.evil.com", "localhost.evil.com"])  # noqa: S104  # that is what is refused
def test_network_is_refused_without_tls_unless_told(host: str):
    with pytest.raises(InvalidInput, match="--tls, or --plain-http"):
        from_environment({"TERRAZUL_HOST": host})
    for told in ("TERRAZUL_TLS", "TERRAZUL_PLAIN_HTTP"):
        assert from_environment({"TERRAZUL_HOST": host, told: "yes"}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_tls(host: str):
    assert not from_environment({"TERRAZUL_HOST": host}).speaks_tls


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"certificate": "c.pem"}, "--certificate-key is not"),
        ({"certificate_key": "k.pem"}, "--certificate is not"),
        ({"tls": True, "plain_http": True}, "plain HTTP"),
        ({"request_seconds": 0}, "1 or more"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(values: "dict[str, object]", said: str):
    with pytest.raises(InvalidInput, match=said):
        from_environment({}, **values)


PROVIDER = {"oidc_issuer": "https://login.example.com/realms/team", "oidc_client_id": "terrazul"}


@pytest.mark.parametrize(
    "issuer",
    [
        "https://accounts.google.com",
        "https://x.example/",
        "https://[::1]:8/a",
        "http://127.0.0.1:9",
        "http://localhost/x",
    ],
)
def test_provider_is_named_by_its_address(issuer: str):
    settings = from_environment({}, **{**PROVIDER, "oidc_issuer": issuer}, oidc_domains=" Example.com, b ")
    assert (settings.oidc_issuer, settings.domains) == (issuer, ["example.com", "b"])


@pytest.mark.parametrize(
    "values",
    [
        {"oidc_issuer": ""},
        {"oidc_client_id": ""},
        {"oidc_name_claim": ""},
        {"oidc_domains": "@example.com"},
        *(
            {"oidc_issuer": issuer}
            for issuer in (
                "http://login.example.com", "login.example.com", "https://", "https://x/?a=b", "https://x/#a", "ftp://x",
                "https://a@x", "https://x y", "http://127.0.0.1.evil.com", "https://x\n",
            )
        ),
    ],
)  # fmt: skip
def test_provider_that_cannot_be_meant_is_refused(values: "dict[str, str]"):
    with pytest.raises(InvalidInput):
        from_environment({}, **{**PROVIDER, **values})


def test_file_is_found_from_any_folder():
    parser = argparse.ArgumentParser()
    add_options(parser)
    assert vars(parser.parse_args(["--certificate", "c.pem"]))["certificate"] == str(Path("c.pem").absolute())


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda each: each.name)
def test_every_setting_is_described(setting: "argparse.Namespace"):
    assert setting.metadata["help"].endswith(".")
