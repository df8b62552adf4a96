"""A workspace is shared from Python, and signed in to with a token of one's own."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from azureml.core import Experiment, Workspace
from azureml.core.authentication import ServicePrincipalAuthentication, TokenAuthentication
from azureml.exceptions import UserErrorException
from terrazul.core.errors import Forbidden, NotFound, QuotaExceeded
from terrazul.testing.server import RunningServer

pytestmark = pytest.mark.functional


@pytest.fixture
def program(shared_server: RunningServer) -> Iterator[str]:
    """The token of a service principal."""
    new = {"name": "nightly", "kind": "service_principal"}
    shared_server.call("POST", "/api/v1/users", new)
    yield shared_server.call("POST", "/api/v1/tokens", {"user": "nightly"})["token"]
    shared_server.call("DELETE", "/api/v1/users/nightly")


def as_program(workspace: Workspace, token: str) -> Workspace:
    auth = ServicePrincipalAuthentication("tenant", "nightly", token)
    return Workspace(workspace.subscription_id, workspace.resource_group, workspace.name, auth=auth)


def test_service_principal_does_what_its_role_allows(workspace: Workspace, program: str):
    with pytest.raises(UserErrorException, match="There is no workspace"):
        as_program(workspace, program)
    members = workspace.share("nightly", "Reader")
    assert ("nightly", "Reader") in [(each.user, each.role) for each in members]
    seen = as_program(workspace, program)
    assert seen.workspace_id == workspace.workspace_id
    with pytest.raises(Forbidden, match="nightly is Reader in this workspace, which does not allow"):
        Experiment(seen, "by-a-program").start_logging(snapshot_directory=None)
    with pytest.raises(Forbidden, match="member/write"):
        seen.share("nightly", "Owner")
    workspace.share("nightly", "Contributor")
    run = Experiment(seen, "by-a-program").start_logging(snapshot_directory=None)
    run.log("loss", 1)
    run.complete()
    assert run.get_details()["runId"] == run.id
    acts = workspace.activity(user="nightly", since=datetime.now(timezone.utc) - timedelta(hours=1))
    assert ("run", run.id, "created") in [(each.object_type, each.object_id, each.change) for each in acts]
    refused = seen.activity(user="nightly", result="refused", max_results=1)
    assert [(each.action, each.status) for each in refused] == [("member/write", 403)]
    workspace.unshare("nightly", "Contributor")
    workspace.unshare("nightly", "Reader")
    assert "nightly" not in [each.user for each in workspace.members]


def test_token_of_a_function_is_used_where_it_is_one_of_this_platform(workspace: Workspace, program: str):
    workspace.share("nightly")
    scope = (workspace.subscription_id, workspace.resource_group, workspace.name)
    assert Workspace(*scope, auth=TokenAuthentication(lambda _audience: program)).workspace_id
    foreign = TokenAuthentication(lambda _audience: "eyJ-of-a-cloud")
    assert Workspace(*scope, auth=foreign).workspace_id == workspace.workspace_id
    assert Workspace.get(workspace.name, auth=ServicePrincipalAuthentication("t", "nightly", program)).name
    assert list(Workspace.list(scope[0], ServicePrincipalAuthentication("t", "nightly", program))) == [workspace.name]


def test_unknown_user_and_role_are_told(workspace: Workspace):
    with pytest.raises(NotFound, match="There is no user 'nobody'"):
        workspace.share("nobody")
    with pytest.raises(NotFound, match="There is no role 'Boss'"):
        workspace.share(workspace.members[0].user, "Boss")
    with pytest.raises(UserErrorException, match="a user or to a group"):
        workspace.share()


def test_quota_is_set_and_refuses_what_has_no_room(workspace: Workspace, program: str, tmp_path: Path):
    workspace.share("nightly")
    used = workspace.quota().storage_bytes
    assert workspace.set_quota(storage_bytes=used + 10, waiting_per_user=5).limits.waiting_per_user == 5
    try:
        large = tmp_path / "large.bin"
        large.write_bytes(b"quota" * 100)
        run = Experiment(workspace, "quota").start_logging(snapshot_directory=None)
        with pytest.raises(QuotaExceeded, match="no room for 500 more"):
            run.upload_file("outputs/large.bin", str(large))
        run.log("loss", 1)
        run.complete()
        seen = as_program(workspace, program)
        assert seen.quota().own.storage_bytes == used + 10
        with pytest.raises(Forbidden, match="quota/write"):
            seen.set_quota(storage_bytes=0)
        with pytest.raises(UserErrorException, match="which is no limit"):
            workspace.set_quota(concurrent_runs="three")
    finally:
        workspace.set_quota("default", waiting_per_user="default")
    assert workspace.quota().own.waiting_per_user is None
    workspace.unshare("nightly")
