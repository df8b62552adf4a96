"""A workspace is shared from the command line, as a new team would."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from terrazul.core.home import Home

from .conftest import Shell

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def owner(shared_project: Shell) -> Shell:
    return shared_project


@pytest.fixture(scope="module")
def ana(owner: Shell) -> Iterator[Shell]:
    """Another user, who has a token and no role."""
    made = owner.json("user", "create", "Ana", "--display-name", "Ana P.")
    assert (made["name"], made["display_name"], made["is_admin"]) == ("ana", "Ana P.", False)
    other = Shell(owner.folder)
    server = Home(str(owner.home.path)).server_file.read_text()
    url = server.partition('"url":"')[2].partition('"')[0]
    other.environment = {**owner.environment, "TERRAZUL_SERVER": url, "TERRAZUL_TOKEN": made["token"]}
    yield other
    owner("user", "delete", "ana", "--yes")


def test_reader_sees_and_is_refused_politely_at_each_write(owner: Shell, ana: Shell):
    assert ana.json("whoami")["roles"] == {}
    assert ana.json("workspace", "list") == []
    unseen = ana("run", "list")
    assert (unseen.returncode, "research" in unseen.stderr) == (3, True)
    shared = owner("workspace", "share", "--user", "ana", "--role", "Reader")
    assert shared.returncode == 0, shared.stderr
    assert [each["name"] for each in ana.json("workspace", "list")] == ["research"]
    assert ana("run", "list").returncode == 0
    writes = [
        ["run", "submit-script", "-e", "x", "train.py"],
        ["model", "register", "-n", "m", "-p", "train.py"],
        ["workspace", "update", "--description", "x"],
        ["workspace", "share", "--user", "ana", "--role", "Owner"],
        ["workspace", "delete", "-w", "research", "--yes"],
    ]
    for line in writes:
        refused = ana(*line)
        assert refused.returncode == 1, (line, refused.stderr)
        assert "ana is Reader in this workspace, which does not allow" in refused.stderr, (line, refused)
    for line in (["user", "create", "eve"], ["group", "create", "g"], ["role", "create", "R", "--actions", "run/read"]):
        refused = ana(*line)
        assert (refused.returncode, "Only administrators may do" in refused.stderr) == (1, True), refused
    owner("workspace", "unshare", "--user", "ana", "--role", "Reader")
    assert ana.json("workspace", "list") == []


def test_group_gives_its_role_to_its_members(owner: Shell, ana: Shell):
    assert owner.json("group", "create", "vision", "ana")["members"] == ["ana"]
    owner("workspace", "share", "--group", "vision", "--role", "Data Scientist")
    assert list(ana.json("whoami")["roles"].values()) == [["Data Scientist"]]
    assert ana("run", "submit-script", "-e", "by-ana", "train.py").returncode == 0
    assert owner.json("group", "update", "vision", "--remove", "ana")["members"] == []
    assert ana.json("whoami")["roles"] == {}
    assert owner("group", "delete", "vision", "--yes").returncode == 0
    assert "There are no groups" in owner("group", "list").stderr


def test_token_is_made_listed_and_deleted(ana: Shell):
    made = ana.json("token", "create", "--label", "mine", "--days", "2")
    listed = ana.json("token", "list")
    assert made["about"] in listed
    assert ana("whoami", TERRAZUL_TOKEN=made["token"]).returncode == 0
    assert ana("token", "delete", made["about"]["token_id"]).returncode == 0
    refused = ana("whoami", TERRAZUL_TOKEN=made["token"])
    assert (refused.returncode, "The token is not valid" in refused.stderr) == (1, True)
    for line in (["--days", "0"], ["--actions", "nothing"], ["--user", "root-of-all"]):
        assert ana("token", "create", *line).returncode in {1, 2}, line


def test_own_role_is_made_shown_and_deleted(owner: Shell):
    made = owner.json("role", "create", "Looks", "--actions", "*/read", "--description", "Looks only.")
    assert "run/read" in made["actions"]
    assert "endpoint/keys/read" not in made["actions"]
    assert owner.json("role", "show", "looks") == made
    assert [each["name"] for each in owner.json("role", "list")][-1] == "Looks"
    assert owner("role", "delete", "Looks").returncode == 0
    missing = owner("role", "show", "Reeder")
    assert (missing.returncode, "Did you mean `Reader`?" in missing.stderr) == (3, True)


def test_user_is_listed_changed_and_kept_out(owner: Shell, ana: Shell):
    assert owner.json("user", "update", "ana", "--display-name", "A. P.")["display_name"] == "A. P."
    assert owner("user", "update", "ana").returncode == 2
    assert "ana" in owner("user", "list").stdout
    owner("user", "update", "ana", "--active", "false")
    assert ana("whoami").returncode == 1
    owner("user", "update", "ana", "--active", "true")
    assert ana("whoami").returncode == 0
    assert owner("user", "show", "nobody").returncode == 3
    assert "There is a user 'ana' already" in owner("user", "create", "ANA").stderr


def test_activity_is_listed_exported_and_verified(owner: Shell, ana: Shell, tmp_path: Path):
    owner("workspace", "share", "--user", "ana", "--role", "Reader")
    assert ana("activity", "list").returncode == 1
    assert ana("workspace", "update", "--description", "x").returncode == 1
    owner("workspace", "unshare", "--user", "ana", "--role", "Reader")
    refused = owner.json("activity", "list", "--result", "refused", "--user", "ana", "--since", "1h")
    assert {each["operation"] for each in refused} >= {"list_workspace_activity", "change_workspace"}
    assert owner("activity", "list", "--all", "--limit", "1").stdout.count("\n") == 2
    file = tmp_path / "log.jsonl"
    assert owner("activity", "export", "--all", "--file", str(file)).returncode == 0
    for line in (["activity", "verify"], ["activity", "verify", "--file", str(file)]):
        verified = owner(*line)
        assert (verified.returncode, "are as they were written" in verified.stderr) == (0, True), verified
    last = owner.json("activity", "verify", "--file", str(file))
    noted = f"{last['last']}:{last['last_hash']}"
    assert owner("activity", "verify", "--known", noted).returncode == 0
    file.write_text(file.read_text().replace('"user":"ana"', '"user":"ben"', 1))
    broken = owner("activity", "verify", "--file", str(file))
    assert (broken.returncode, "is broken at line" in broken.stderr) == (1, True), broken
    file.write_text("nonsense\n")
    assert owner("activity", "verify", "--file", str(file)).returncode == 2
    assert owner("activity", "verify", "--file", str(tmp_path / "none")).returncode in {2, 3}
    assert owner("activity", "list", "--since", "yesterday").returncode == 2
    assert owner("activity", "list", "--all", "-w", "research").returncode == 2


@pytest.fixture
def elsewhere(owner: Shell, tmp_path: Path) -> Shell:
    """The shell of somebody on another machine, with a home without a server."""
    other = Shell(tmp_path)
    kept = {name: value for name, value in owner.environment.items() if not name.startswith("TERRAZUL_")}
    other.environment = {**kept, "TERRAZUL_HOME": str(other.home.path), "COLUMNS": "200"}
    return other


def address_of(shell: Shell) -> str:
    return str(json.loads(shell.home.server_file.read_text())["url"])


def test_login_makes_a_token_that_sdk_and_command_line_use(owner: Shell, ana: Shell, elsewhere: Shell):
    url = address_of(owner)
    weak = owner("user", "set-password", "ana", given="ana\n")
    assert (weak.returncode, "fewer than 12" in weak.stderr) == (2, True)
    assert owner("user", "set-password", "ana", given="").returncode == 2
    assert owner("user", "set-password", "ana", given="four green lamps\n").returncode == 0
    assert ana("user", "set-password", "ana", given="seven red boats\n").returncode == 1
    both = "four green lamps\nseven red boats\n"
    assert ana("user", "set-password", "ana", given=both).returncode == 0
    wrong = elsewhere("login", "--server", url, "--name", "ana", given="four green lamps\n")
    assert (wrong.returncode, "The name or the password is not right" in wrong.stderr) == (1, True)
    assert elsewhere("login", "--server", url, given="x\n").returncode == 2
    assert elsewhere("login", "--server", "nowhere", "--name", "ana", given="x\n").returncode == 2
    assert not elsewhere.home.login_file.exists()
    signed_in = elsewhere("login", "--server", f"{url}/", "--name", "Ana", given="seven red boats\n")
    assert (signed_in.returncode, f"You are ana at {url}" in signed_in.stderr) == (0, True), signed_in
    assert elsewhere.home.login_file.stat().st_mode & 0o777 == 0o600
    assert elsewhere.json("whoami")["name"] == "ana"
    script = "from azureml.core.authentication import InteractiveLoginAuthentication as I; "
    script += "print(I().get_authentication_header()['Authorization'])"
    line = [sys.executable, "-c", script]
    header = subprocess.run(line, capture_output=True, text=True, env=elsewhere.environment, check=True).stdout.strip()
    token = json.loads(elsewhere.home.login_file.read_text())["token"]
    assert header == f"Bearer {token}"
    assert elsewhere("whoami", TERRAZUL_SERVER=url).returncode == 0
    assert "terrazul login on" in ana("token", "list").stdout
    again = elsewhere("login", "--server", url, "--name", "ana", given="seven red boats\n")
    assert again.returncode == 0, again.stderr
    assert ana("whoami", TERRAZUL_TOKEN=token).returncode == 1
    assert elsewhere("logout").returncode == 0
    assert not elsewhere.home.login_file.exists()
    assert "terrazul login on" not in ana("token", "list").stdout
    assert elsewhere("whoami").returncode == 3
    assert elsewhere("logout").returncode == 0


def test_login_takes_a_token_too(owner: Shell, ana: Shell, elsewhere: Shell):
    token, url = ana.environment["TERRAZUL_TOKEN"], address_of(owner)
    assert elsewhere("login", "--server", url, "--with-token", given="wrong\n").returncode == 1
    assert elsewhere("login", "--server", url, "--with-token", given="\n").returncode == 1
    assert elsewhere("login", "--server", url, "--with-token", given=f"{token}\n").returncode == 0
    assert elsewhere.json("whoami")["name"] == "ana"
    elsewhere.home.login_file.write_text("{")
    assert elsewhere("whoami").returncode == 2
    assert elsewhere("login", "--server", url, "--with-token", given=f"{token}\n").returncode == 0
    assert "as it was" in elsewhere("logout").stderr
    assert ana("whoami").returncode == 0


def test_login_takes_a_code_of_the_page_too(owner: Shell, ana: Shell, elsewhere: Shell):
    url = address_of(owner)
    code = ana.json("open")["url"].partition("#code=")[2]
    signed_in = elsewhere("login", "--server", url, "--with-code", "--days", "2", given=f" {code} \n")
    assert (signed_in.returncode, f"You are ana at {url}" in signed_in.stderr) == (0, True), signed_in
    assert elsewhere.json("whoami")["name"] == "ana"
    again = elsewhere("login", "--server", url, "--with-code", given=f"{code}\n")
    assert (again.returncode, "it signs in once" in again.stderr) == (1, True), again
    assert elsewhere("login", "--server", url, "--with-code", given="\n").returncode == 1
    assert elsewhere("login", "--server", url, "--with-code", "--with-token", given="x\n").returncode == 2
    assert elsewhere("logout").returncode == 0


def test_group_follows_the_sign_in_where_it_is_told_to(owner: Shell):
    made = owner.json("group", "create", "speech", "--follows-sign-in")
    assert made["follows_sign_in"]
    refused = owner("group", "update", "speech", "--add", "ana")
    assert (refused.returncode, "what the provider says" in refused.stderr) == (1, True)
    assert owner("user", "update", "ana", "--subject", "17").returncode == 1
    assert owner("group", "delete", "speech", "--yes").returncode == 0


def test_printed_address_signs_in_once(owner: Shell):
    for line in (("open",), ("up",)):
        answer = owner.json(*line)
        address, _, code = answer["sign_in" if line == ("up",) else "url"].partition("/#code=")
        assert address == address_of(owner)
        for status in (200, 401):
            request = urllib.request.Request(f"{address}/api/v1/sessions", json.dumps({"code": code}).encode())
            try:
                told = urllib.request.urlopen(request, timeout=60).status
            except urllib.error.HTTPError as refused:
                told = refused.code
            assert told == status
        assert code not in owner.home.log_file.read_text()


def test_quota_is_shown_and_set(owner: Shell, ana: Shell):
    owner("workspace", "share", "--user", "ana", "--role", "Reader")
    assert "without limit" in ana("workspace", "quota", "show").stdout
    refused = ana("workspace", "quota", "set", "--storage", "1GiB")
    assert (refused.returncode, "does not allow quota/write" in refused.stderr) == (1, True)
    changed = owner.json("workspace", "quota", "set", "--storage", "1GiB", "--concurrent-runs", "3")
    assert changed["own"]["storage_bytes"] == 1 << 30
    shown = ana("workspace", "quota", "show").stdout
    assert "of 1.0 GiB" in shown
    assert "0 of 3" in shown
    changed = owner.json("workspace", "quota", "set", "--storage", "default", "--waiting-per-user", "0")
    assert [changed["own"][name] for name in ("storage_bytes", "concurrent_runs", "waiting_per_user")] == [None, 3, 0]
    for wrong in (["--storage", "much"], ["--concurrent-runs", "-1"], ["--running-per-user", "1.5"], []):
        assert owner("workspace", "quota", "set", *wrong).returncode == 2, wrong
    owner("workspace", "quota", "set", "--concurrent-runs", "default")
    owner("workspace", "unshare", "--user", "ana", "--role", "Reader")
