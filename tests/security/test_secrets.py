"""Secrets stay where they are: in no log, no answer, no file that others may read."""

import json
import sqlite3
import stat
from urllib.parse import quote

import pytest

from terrazul.testing.routes import Route
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import Submitter

from .conftest import Victim, token_of

SECRET = "s3cr3t-7f3a"


def test_secret_in_a_request_that_fails_is_kept_nowhere(
    platform: RunningServer, routes: list[Route], neighbour: Victim
):
    """In the header, the query, a cookie, and in bodies that cannot be read."""
    headers = {"Authorization": f"Bearer {SECRET}", "Cookie": f"token={SECRET}", "X-Secret": SECRET}
    for route in routes:
        address = route.address(neighbour.ids)
        separator = "&" if "?" in address else "?"
        for body in (f'{{"password": "{SECRET}"', f'["{SECRET}"]', f'{{"name": {{"{SECRET}": 1}}}}'):
            refused = platform.ask(route.method, address, body.encode(), token="", headers=headers)
            assert SECRET.encode() not in refused.body
        if route.method in {"GET", "POST"} and not route.template.endswith(("/cancel", "/log", "/contents")):
            query = f"{address}{separator}token={SECRET}"
            platform.ask(route.method, query, f'{{"password": "{SECRET}"'.encode())
    assert SECRET not in platform.home.log_file.read_text()


def test_fault_of_the_database_tells_no_value(server: RunningServer):
    """What a statement was given does not go to the log with the error."""
    workspace = server.workspace()
    batch = {"writer": "w", "sequence": 1, "runs": [{"run_id": "r", "experiment_name": "e", "time": 1}]}
    server.call("POST", f"{workspace}/writes", batch)
    with sqlite3.connect(server.home.database_file) as database:
        database.execute("ALTER TABLE run_tag RENAME TO run_tag_away")
    database.close()
    change = {"run_id": "r", "set_tags": {"password": SECRET}}
    answer = server.ask(
        "POST", f"{workspace}/writes", json.dumps({"writer": "w", "sequence": 2, "changes": [change]}).encode()
    )
    assert answer.status == 500
    assert SECRET.encode() not in answer.body
    assert b"run_tag" not in answer.body
    log = server.home.log_file.read_text()
    assert "run_tag" in log
    assert SECRET not in log


def test_server_tells_no_token(platform: RunningServer, submit: Submitter):
    run = submit("print('on')")
    run.wait()
    text = platform.home.log_file.read_text() + (run.folder / "runner.log").read_text()
    for secret in (platform.token, token_of(run)):
        assert secret not in text
        for path in ("/metrics", "/api/v1/server", "/api/v1/server/status", "/api/v1/openapi.json", "/"):
            assert secret.encode() not in platform.ask("GET", path).body


def test_nothing_of_the_home_is_open_to_others(platform: RunningServer, submit: Submitter):
    run = submit("open('outputs/x', 'w').write('x'); print('on')")
    run.wait()
    ours = [platform.home.path, *platform.home.path.iterdir(), *(platform.home.path / "blobs").rglob("*")]
    ours += [run.folder, *run.folder.iterdir(), run.folder.parent, run.folder.parent.parent]
    made_by_the_test = {"canary", platform.home.log_file.name}
    for path in ours:
        if path.name not in made_by_the_test:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    for secret in (platform.home.token_file, run.folder / "job.json", run.folder / "journal"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600, secret


def test_token_file_that_was_opened_is_closed_at_the_next_start(server: RunningServer):
    token = server.token
    server.stop()
    server.home.token_file.chmod(0o644)
    server.start()
    assert stat.S_IMODE(server.home.token_file.stat().st_mode) == 0o600
    assert server.token == token


@pytest.mark.parametrize("path", ["outputs/page.html", "outputs/x.svg", "logs/x.html", 'outputs/a"b;c=d é.html'])
def test_bytes_of_users_are_files_to_keep_and_not_to_show(platform: RunningServer, neighbour: Victim, path: str):
    html = b"<script>alert(1)</script>"
    run = f"{neighbour.workspace}/runs/{neighbour.run_id}"
    name = quote(path)
    platform.call("POST", f"{run}/log?path={name}&offset=0", html)
    for close in ("", "&close=true"):
        platform.call("POST", f"{run}/log?path={name}&offset=0{close}", html)
        for route in ("artifact", "log"):
            answer = platform.ask("GET", f"{run}/{route}?path={name}")
            assert answer.body == html
            check_headers_of_a_download(answer.headers)
    archive = platform.ask("GET", f"{neighbour.workspace}/snapshots/{neighbour.snapshot_id}/zip")
    check_headers_of_a_download(archive.headers)


def check_headers_of_a_download(headers: dict[str, str]) -> None:
    assert headers["content-type"] in {"application/octet-stream", "application/zip"}
    assert headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert headers["content-disposition"].isascii()
    assert headers["content-security-policy"] == "sandbox"
    assert headers["x-content-type-options"] == "nosniff"


def test_no_answer_of_the_api_is_a_page(platform: RunningServer, routes: list[Route], neighbour: Victim):
    """Whatever a name holds, a browser is given data."""
    for route in routes:
        if route.method == "GET":
            answer = platform.ask("GET", route.address(neighbour.ids))
            assert answer.headers["x-content-type-options"] == "nosniff", str(route)
            assert answer.status == 404 or "html" not in answer.headers["content-type"], str(route)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x>', "x' onclick='alert(1)"])
def test_public_page_shows_an_address_as_text(platform: RunningServer, text: str):
    page = platform.ask("GET", f"/runs/{quote(text, safe='')}", token="").body.decode()
    assert text not in page
