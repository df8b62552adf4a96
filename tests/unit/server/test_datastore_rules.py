"""What must hold of datastores."""

import pytest

from terrazul.core.errors import Conflict, InvalidInput
from terrazul.server.datastore import rules
from terrazul.server.datastore.kind import Field
from terrazul.server.datastore.service.opening import all_kinds, kind_of
from terrazul.wire.datastore import NewDatastore, Query

SETTINGS = {"path": Field("A path.", is_required=True), "port": Field("A port.", int), "tls": Field("TLS.", bool)}
CREDENTIAL = {"key": Field("A key."), "file": Field("A file.", has_lines=True)}


def test_names_are_compared_without_case():
    assert rules.key_of("My_Data-1") == "my_data-1"
    for wrong in ("", "a b", "a/b", "ü", "x" * 256, "a\n", "."):
        with pytest.raises(InvalidInput):
            rules.key_of(wrong)


def test_built_in_ones_are_neither_replaced_nor_unregistered():
    with pytest.raises(Conflict):
        rules.check_not_built_in("workspaceblobstore", "unregistered")
    rules.check_not_built_in("other", "unregistered")


@pytest.mark.parametrize(
    ("settings", "credential", "told"),
    [
        ({}, {}, "needs the setting 'path'"),
        ({"path": ""}, {}, "needs the setting 'path'"),
        ({"path": "x", "nix": 1}, {}, "has no setting 'nix'"),
        ({"path": 1}, {}, "must be of type str"),
        ({"path": "x", "port": "1"}, {}, "must be of type int"),
        ({"path": "x", "port": True}, {}, "must be of type int"),
        ({"path": "x\n"}, {}, "control character"),
        ({"path": "x" * 5000}, {}, "more than 4096"),
        ({"path": "x"}, {"nix": "canary"}, "has no credential field 'nix'"),
        ({"path": "x"}, {"key": "canary\r\nX: y"}, "control character"),
        ({"path": "x"}, {"file": "canary\0"}, "control character"),
        ({"path": "x"}, {"file": "canary" * 10_000}, "at most 25600 bytes"),
    ],
)
def test_wrong_fields_are_told_without_the_credential(settings: dict, credential: dict, told: str):
    with pytest.raises(InvalidInput, match=told) as refused:
        rules.check_new(NewDatastore("n", "Kind", settings, credential), SETTINGS, CREDENTIAL)
    assert "canary" not in str(refused.value)


def test_sound_fields_pass():
    given = NewDatastore("n", "Kind", {"path": "x", "port": 1, "tls": False}, {"file": "a\nb"})
    rules.check_new(given, SETTINGS, CREDENTIAL)


@pytest.mark.parametrize(
    ("header", "size", "span"),
    [
        (None, 10, (0, 10)),
        ("", 0, (0, 0)),
        ("bytes=0-0", 10, (0, 1)),
        ("bytes=2-5", 10, (2, 4)),
        ("bytes=8-", 10, (8, 2)),
        ("bytes=-3", 10, (7, 3)),
        ("bytes=-30", 10, (0, 10)),
        ("bytes=5-100", 10, (5, 5)),
        ("bytes=0-1,4-5", 10, (0, 10)),
        ("lines=1-2", 10, (0, 10)),
    ],
)
def test_range_is_read(header: str | None, size: int, span: tuple[int, int]):
    assert rules.span_of(*rules.read_range(header), size) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=5-2", "bytes=-0", "bytes=100-200"])
def test_range_outside_is_refused(header: str):
    with pytest.raises(InvalidInput, match="10 bytes"):
        rules.span_of(*rules.read_range(header), 10)


@pytest.mark.parametrize(
    "query", [Query(""), Query(" "), Query("x" * 100_001), Query("a\0"), Query("a", 0), Query("a", 3601)]
)
def test_query_that_cannot_be_sent_is_refused(query: Query):
    with pytest.raises(InvalidInput):
        rules.check_query(query)


def test_every_kind_says_what_it_takes():
    for kind in all_kinds().values():
        assert kind_of(kind.name) is kind
        for field in (*kind.settings.values(), *kind.credential.values()):
            assert field.about.endswith(".")
    with pytest.raises(InvalidInput, match="no kind 'Nix'"):
        kind_of("Nix")
    with pytest.raises(InvalidInput) as refused:
        kind_of("AzureDataLake")
    assert "Gen2" in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "settings", "credential", "told"),
    [
        ("AzureBlob", {"account_name": "Account"}, {}, "no name of a storage account"),
        ("AzureBlob", {"container_name": "a"}, {}, "no name of a container"),
        ("AzureBlob", {"protocol": "ftp"}, {}, "https or http"),
        ("AzureBlob", {}, {"account_key": "a", "sas_token": "b"}, "One credential is enough"),
        ("AzureBlob", {}, {"client_secret": "a"}, "service principal"),
        ("AzureBlob", {}, {"account_key": "no base64!"}, "text in base64"),
        ("AmazonS3", {"bucket": "a/b"}, {}, "no name of a bucket"),
        ("AmazonS3", {"region": "EU WEST"}, {}, "no name of a region"),
        ("AmazonS3", {}, {"access_key_id": "a"}, "an id and a secret"),
        ("GoogleCloudStorage", {"bucket": "A"}, {}, "no name of a bucket"),
        ("GoogleCloudStorage", {}, {"service_account_key": "{}"}, "not the JSON that Google hands out"),
        ("Http", {"url": "ftp://x"}, {}, "not an address to call"),
        ("Http", {"url": "https://x/?a=b"}, {}, "no query"),
        ("Http", {}, {"token": "a", "username": "b"}, "both are given"),
        ("LocalFolder", {"path": "relative"}, {}, "not an absolute path"),
        ("PostgreSql", {"host": "a b"}, {}, "not an address"),
        ("PostgreSql", {"tls": "perhaps"}, {}, "no mode of TLS"),
    ],
)
def test_what_does_not_go_together_is_refused(kind: str, settings: dict, credential: dict, told: str):
    sound = {
        "AzureBlob": {"account_name": "account", "container_name": "data"},
        "AmazonS3": {"bucket": "bucket"},
        "GoogleCloudStorage": {"bucket": "bucket"},
        "Http": {"url": "https://example.com/"},
        "LocalFolder": {"path": "/srv"},
        "PostgreSql": {"host": "db", "database": "d"},
    }
    kind_of(kind).check(sound[kind], {"user": "u"} if kind == "PostgreSql" else {})
    with pytest.raises(InvalidInput, match=told):
        kind_of(kind).check({**sound[kind], **settings}, credential)
