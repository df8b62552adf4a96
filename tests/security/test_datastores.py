"""Datastores lead nowhere that their users could not go themselves, and tell nobody their credentials."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from terrazul.testing.routes import Route
from terrazul.testing.server import Refused, RunningServer

from .conftest import SECRET, Victim
from .test_paths import HOSTILE, SAFE_BECAUSE_IT_IS_A_NAME
from .test_roles import token_for
from .test_webhooks import INSIDE, NO_ADDRESSES

CREDENTIAL = "canary-of-a-datastore"
KEY = "Y2FuYXJ5LW9mLWEtZGF0YXN0b3Jl"
"""The same in base64."""


def described(url: str) -> dict[str, dict[str, Any]]:
    """A datastore of each kind that calls an address, which a URL stands for."""
    account = {"account_name": "account", "endpoint": url}
    s3 = {"access_key_id": "k", "secret_access_key": CREDENTIAL}
    return {
        "AzureBlob": {"settings": {**account, "container_name": "data"}, "credential": {"account_key": KEY}},
        "AzureDataLakeGen2": {
            "settings": {**account, "filesystem": "data"},
            "credential": {"sas_token": f"sv=1&sig={CREDENTIAL}"},
        },
        "AzureFile": {"settings": {**account, "file_share_name": "data"}, "credential": {"account_key": KEY}},
        "AmazonS3": {"settings": {"bucket": "data", "endpoint": url}, "credential": s3},
        "GoogleCloudStorage": {"settings": {"bucket": "data", "endpoint": url}, "credential": None},
        "Http": {"settings": {"url": url}, "credential": {"token": CREDENTIAL}},
    }


def databases(host: str, port: int) -> dict[str, dict[str, Any]]:
    own = {
        "settings": {"host": host, "port": port, "database": "d"},
        "credential": {"user": "u", "password": CREDENTIAL},
    }
    azures = {
        "settings": {"server_name": host, "port_number": port, "database_name": "d"},
        "credential": {"user_id": "u", "user_password": CREDENTIAL},
    }
    return {"PostgreSql": own, "MySql": own, "AzurePostgreSql": azures, "AzureMySql": azures}


ALIKE = {"SqlServer": "MySql", "AzureSqlDatabase": "AzureMySql"}
"""These have fields as the others, and are asked only where an administrator allowed them, or where Azure is."""


ADDRESSED = [*described("")]
DATABASES = [*databases("", 1)]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Nobody may connect to it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def assert_nobody_came(listener: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        listener.accept()


def refusal(server: RunningServer, path: str, body: object) -> dict[str, Any]:
    with pytest.raises(Refused) as refused:
        server.call("POST", path, body)
    assert refused.value.status == 400, refused.value
    return refused.value.body


@pytest.mark.parametrize("kind", ADDRESSED)
@pytest.mark.parametrize("url", [*INSIDE, *NO_ADDRESSES])
def test_address_inside_is_refused(platform: RunningServer, kind: str, url: str):
    new = {"name": "inside", "kind": kind, **described(url)[kind]}
    refused = refusal(platform, f"{platform.workspace()}/datastores", new)
    assert CREDENTIAL not in json.dumps(refused)
    if url in INSIDE:
        assert "step 'resolve' failed" in refused["message"], refused


def test_rows_of_a_datastore_inside_are_not_shown(platform: RunningServer, listener: socket.socket):
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    workspace = platform.workspace()
    new = {"name": "rows_inside", "kind": "AmazonS3", "skip_validation": True, **described(url)["AmazonS3"]}
    platform.call("POST", f"{workspace}/datastores", new)
    read = {"operation": "delimited_files", "arguments": {}}
    for location in ({"datastore": "rows_inside", "path": "a.csv"}, {"path": f"{url}/a.csv"}):
        definition = {"type": "Tabular", "locations": [location], "steps": [read]}
        dataset = platform.call("POST", f"{workspace}/datasets", {"definition": definition})
        with pytest.raises(Refused) as refused:
            platform.call("GET", f"{workspace}/datasets/{dataset['id']}/head")
        assert refused.value.status == 400
        assert CREDENTIAL not in json.dumps(refused.value.body)
    assert_nobody_came(listener)


@pytest.mark.parametrize("kind", DATABASES)
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1", "::", "127.1"]
)
def test_database_inside_is_refused(platform: RunningServer, listener: socket.socket, kind: str, host: str):
    new = {"name": "inside", "kind": kind, **databases(host, listener.getsockname()[1])[kind]}
    refused = refusal(platform, f"{platform.workspace()}/datastores", new)
    assert "step 'resolve' failed" in refused["message"], refused
    assert_nobody_came(listener)


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "sql.example.com", "x.database.windows.net.test"])
@pytest.mark.parametrize("kind", ALIKE)
def test_sql_server_that_could_send_its_clients_elsewhere_is_refused(
    platform: RunningServer, listener: socket.socket, kind: str, host: str
):
    about = databases(host, listener.getsockname()[1])[ALIKE[kind]]
    for skips in (False, True):
        new = {"name": "elsewhere", "kind": kind, "skip_validation": skips, **about}
        refused = refusal(platform, f"{platform.workspace()}/datastores", new)
        assert "is not called" in refused["message"], refused
        assert CREDENTIAL not in json.dumps(refused)
    assert_nobody_came(listener)


@pytest.mark.parametrize("host", ["/tmp", "a,b", "user@host", "", "a b", "a\0b", "x" * 5000])
def test_host_that_is_none_is_refused(platform: RunningServer, host: str):
    new = {"name": "none", "kind": "PostgreSql", **databases(host, 1)["PostgreSql"]}
    refusal(platform, f"{platform.workspace()}/datastores", new)


def test_what_was_not_looked_at_when_registered_is_refused_when_used(platform: RunningServer, listener: socket.socket):
    datastores = f"{platform.workspace()}/datastores"
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    for kind in ("AmazonS3", "Http", "AzureBlob"):
        new = {"name": f"late-{kind}", "kind": kind, "skip_validation": True, **described(url)[kind]}
        platform.call("POST", datastores, new)
        answer = platform.ask("GET", f"{datastores}/late-{kind}/file?path=x")
        assert answer.status == 400, answer
        assert CREDENTIAL.encode() not in answer.body
        platform.call("DELETE", f"{datastores}/late-{kind}")
    new = {"name": "late", "kind": "MySql", "skip_validation": True, **databases(*listener.getsockname())["MySql"]}
    platform.call("POST", datastores, new)
    refusal(platform, f"{datastores}/late/query", {"text": "SELECT 1"})
    platform.call("DELETE", f"{datastores}/late")
    assert_nobody_came(listener)


@pytest.fixture
def redirector(listener: socket.socket) -> Iterator[str]:
    """An allowed place that sends whoever comes on to one that is not."""
    location = f"http://127.0.0.1:{listener.getsockname()[1]}/latest/meta-data"

    class Handler(BaseHTTPRequestHandler):
        def redirect(self) -> None:
            self.send_response(307)
            self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_PUT = do_POST = redirect  # noqa: N815  # the names that the library looks for

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_redirection_leads_no_further(tmp_path: Path, redirector: str, listener: socket.socket):
    server = RunningServer(tmp_path / "home", "--allowed-destinations", redirector)
    server.start()
    try:
        datastores = f"{server.workspace()}/datastores"
        for kind in ADDRESSED:
            new = {"name": kind, "kind": kind, **described(f"http://{redirector}")[kind], "skip_validation": True}
            server.call("POST", datastores, new)
            answer = server.ask("GET", f"{datastores}/{kind}/file?path=x")
            assert answer.status in {400, 404}, (kind, answer)
            assert CREDENTIAL.encode() not in answer.body
        assert_nobody_came(listener)
    finally:
        server.stop()


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("parameter", ["folder", "pattern"])
def test_hostile_folder_or_pattern_shows_nothing(platform: RunningServer, parameter: str, name: str):
    route = {"folder": "folder", "pattern": "files"}[parameter]
    address = (
        f"{platform.workspace()}/datastores/workspacefilestore/{route}?{parameter}={quote(HOSTILE[name], safe='')}"
    )
    answer = platform.ask("GET", address)
    shows = name in SAFE_BECAUSE_IT_IS_A_NAME or name in {
        "empty",
        "slash at the end",
        "dot",
        "absolute",
    }  # below the top, as v1 writes it
    assert answer.status in ({200, 400} if shows else {400}), answer
    assert b"canary" not in answer.body or answer.status == 400


@pytest.mark.parametrize("name", sorted(set(HOSTILE) - SAFE_BECAUSE_IT_IS_A_NAME))
@pytest.mark.parametrize("writing", [False, True])
def test_hostile_path_gets_no_access(platform: RunningServer, writing: bool, name: str):
    refusal(
        platform,
        f"{platform.workspace()}/datastores/workspaceblobstore/access",
        {"paths": ["fine", HOSTILE[name]], "is_writing": writing},
    )


def test_links_lead_out_of_no_folder(platform: RunningServer, tmp_path: Path):
    data, outside = tmp_path / "data", tmp_path / "outside"
    for folder in (data, outside):
        folder.mkdir()
    (outside / "secret").write_text(SECRET)
    (data / "file").symlink_to(outside / "secret")
    (data / "folder").symlink_to(outside)
    (data / "home").symlink_to(platform.home.path)
    (data / "loop").symlink_to(data)
    (data / "fine").symlink_to("real")
    (data / "real").write_text("inside")
    os.mkfifo(data / "fifo")
    workspace = platform.workspace()
    new = {"name": "links", "kind": "LocalFolder", "settings": {"path": str(data)}}
    platform.call("POST", f"{workspace}/datastores", new)
    store = f"{workspace}/datastores/links"
    assert [each["path"] for each in platform.call("GET", f"{store}/files")["files"]] == ["fine", "real"]
    assert platform.call("GET", f"{store}/folder")["folders"] == []
    assert platform.call("GET", f"{store}/file?path=fine") == b"inside"
    for path in ("file", "folder/secret", "home/token", "home/master.key"):
        for method in ("GET", "PUT", "DELETE"):
            answer = platform.ask(method, f"{store}/file?path={path}", b"x" if method == "PUT" else None)
            if (method, path) == ("PUT", "file"):  # it replaces the link, and touches nothing behind it
                assert answer.status == 200
                (data / "file").unlink()
                (data / "file").symlink_to(outside / "secret")
                continue
            assert answer.status in {400, 404}, (method, path, answer)
            assert SECRET.encode() not in answer.body
        assert platform.ask("POST", f"{store}/access", json.dumps({"paths": [path]}).encode()).status in {400, 404}
    assert platform.ask("GET", f"{store}/file?path=fifo").status == 404
    assert (outside / "secret").read_text() == SECRET
    assert [each.name for each in outside.iterdir()] == ["secret"]
    platform.call("DELETE", store)


def test_home_of_the_server_is_in_no_datastore(platform: RunningServer):
    datastores = f"{platform.workspace()}/datastores"
    home = platform.home.path
    for path in (home, home / "blobs", home / "data", home / ".." / home.name):
        for kind in ("LocalFolder", "Sqlite", "DuckDb"):
            body = {"name": "own", "kind": kind, "settings": {"path": str(path)}}
            assert "home of the server" in refusal(platform, datastores, body)["message"]
    above = {"name": "above", "kind": "LocalFolder", "settings": {"path": str(home.parent)}}
    platform.call("POST", datastores, above)
    store = f"{datastores}/above"
    assert home.name not in platform.call("GET", f"{store}/folder")["folders"]
    assert not any(each["path"].startswith(f"{home.name}/") for each in platform.call("GET", f"{store}/files")["files"])
    for method in ("GET", "PUT", "DELETE"):
        assert platform.ask(method, f"{store}/file?path={home.name}/token", b"x").status in {400, 404}
    assert platform.ask("GET", f"{store}/file?path={home.name}/canary").status == 400
    platform.call("DELETE", store)


def test_shared_server_opens_the_roots_of_its_administrator_only(tmp_path: Path):
    root, beside = tmp_path / "root", tmp_path / "beside"
    for folder in (root / "within", beside):
        folder.mkdir(parents=True)
    (root / "out").symlink_to(beside)
    server = RunningServer(tmp_path / "home", "--shared", "--data-roots", str(root))
    server.start()
    try:
        new = {"subscription_id": "s", "resource_group": "g", "name": "shared"}
        workspace_id = server.call("POST", "/api/v1/workspaces", new)["workspace_id"]
        datastores = f"/api/v1/workspaces/{workspace_id}/datastores"
        for path in (beside, tmp_path, root / "out", Path("/")):
            body = {"name": "d", "kind": "LocalFolder", "settings": {"path": str(path)}, "skip_validation": True}
            assert "lies" in refusal(server, datastores, body)["message"]
        server.call("POST", datastores, {**body, "settings": {"path": str(root / "within")}})
    finally:
        server.stop()


def test_user_of_an_embedded_server_registers_no_folder_of_its_owner(platform: RunningServer, tmp_path: Path):
    workspace = platform.workspace()
    token = token_for(platform, "contributor")
    platform.call("POST", f"{workspace}/members", {"user": "contributor", "role": "Contributor"})
    body = {"name": "theirs", "kind": "LocalFolder", "settings": {"path": str(tmp_path)}}
    answer = platform.ask("POST", f"{workspace}/datastores", json.dumps(body).encode(), token=token)
    assert answer.status == 400
    assert b"--data-roots" in answer.body
    platform.call("DELETE", "/api/v1/users/contributor")


def test_reader_gets_no_access_for_writing(platform: RunningServer):
    workspace = platform.workspace()
    token = token_for(platform, "reader")
    platform.call("POST", f"{workspace}/members", {"user": "reader", "role": "Reader"})
    access = f"{workspace}/datastores/workspaceblobstore/access"
    for is_writing, status in ((False, 404), (True, 403)):
        body = json.dumps({"paths": ["nothing"], "is_writing": is_writing}).encode()
        assert platform.ask("POST", access, body, token=token).status == status
    platform.call("DELETE", "/api/v1/users/reader")


def test_credential_is_told_nowhere(tmp_path: Path):
    server = RunningServer(tmp_path / "home", "--allowed-destinations", "127.0.0.1:9")
    server.start()
    try:
        workspace = server.workspace()
        known = {**described("https://127.0.0.1:9"), **databases("127.0.0.1", 9)}
        for kind, about in {**known, **{kind: known[alike] for kind, alike in ALIKE.items()}}.items():
            new = {"name": kind, "kind": kind, **about}
            for skips in (False, True):
                answer = server.ask(
                    "POST", f"{workspace}/datastores", json.dumps({**new, "skip_validation": skips}).encode()
                )
                assert answer.status == (200 if skips else 400), answer
                assert_silent(answer.body)
            for method, path, body in (
                ("POST", "test", None),
                ("POST", "access", {"paths": ["x"]}),
                ("POST", "query", {"text": "SELECT 1"}),
                ("GET", "", None),
            ):
                data = None if body is None else json.dumps(body).encode()
                assert_silent(server.ask(method, f"{workspace}/datastores/{kind}/{path}".rstrip("/"), data).body)
        assert_silent(json.dumps(server.call("GET", f"{workspace}/datastores")).encode())
        assert_silent(json.dumps(server.call("GET", "/api/v1/activity?limit=1000")).encode())
    finally:
        server.stop()
    for file in (file for file in server.home.path.rglob("*") if file.is_file()):
        assert_silent(file.read_bytes())


def assert_silent(text: bytes) -> None:
    assert CREDENTIAL.encode() not in text
    assert KEY.encode() not in text


def test_datastores_of_a_victim_show_no_credential(platform: RunningServer, routes: list[Route], neighbour: Victim):
    for route in routes:
        if "datastore_name" in route.names and route.method == "GET":
            address = route.address({**neighbour.ids, "datastore_name": f"store-{neighbour.run_id}"})
            assert SECRET.encode() not in platform.ask("GET", address).body
    assert SECRET.encode() not in platform.ask("GET", f"{neighbour.workspace}/datastores").body
