"""Every route says what it does, and the one function decides."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from terrazul.core.clock import now
from terrazul.core.home import Home
from terrazul.core.settings import Settings
from terrazul.server.app import application_of
from terrazul.server.identity.roles import BUILT_IN, OF_WORKSPACES
from terrazul.server.identity.rules import (
    OF_FOLDERS,
    RUN_ACTIONS,
    Action,
    FolderGrant,
    Grant,
    ObjectType,
    Principal,
    Reach,
    Target,
    authorise,
    bounded,
    lies_in,
    refusal_of,
)
from terrazul.server.mlflow.methods import METHODS
from terrazul.server.observation import Figures
from terrazul.server.services import Services
from terrazul.server.sql.kinds.sqlite import SqliteDatabase

PUBLIC_ROUTES = {
    ("GET", "/health"),
    ("GET", "/"),
    ("GET", "/page.js"),
    ("POST", "/api/v1/sessions"),
    ("GET", "/sign-in"),
    ("GET", "/sign-in/callback"),
    ("GET", "/runs/{run_id:str}"),
    ("GET", "/experiments/{experiment_id:str}"),
}
OWNER = Principal("owner", is_admin=True)
RUN = Principal("run", "w1", "r1")


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Litestar]:
    home = Home(str(tmp_path_factory.mktemp("home")))
    home.path.mkdir(exist_ok=True)
    services = Services(home, Settings(), now, SqliteDatabase(home.database_file))
    yield application_of(services, Figures(services.database))
    services.database.close()


def test_every_route_declares_who_may_use_it(application: Litestar):
    undeclared = set()
    for route in application.routes:
        for handler in getattr(route, "route_handlers", []):
            for method in handler.http_methods - {"OPTIONS"}:
                declared = isinstance(handler.opt.get("action"), Action) and handler.opt.get("object_type")
                if not declared:
                    undeclared.add((method, route.path))
    assert undeclared == PUBLIC_ROUTES


def test_every_method_of_mlflow_declares_who_may_use_it():
    assert {type(each.action) for each in METHODS} == {Action}
    called = [(verb, each.name) for each in METHODS for verb in each.verbs]
    assert len(set(called)) == len(called)


def test_route_about_a_run_is_decided_for_that_run(application: Litestar):
    for route in application.routes:
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/") and "{run_id:str}" in route.path:
            for handler in route.route_handlers:
                if "GET" in handler.http_methods or "POST" in handler.http_methods:
                    assert handler.opt["object_type"] is ObjectType.RUN, route.path


@pytest.mark.parametrize("action", Action)
def test_owner_may_do_everything(action: Action):
    assert authorise(OWNER, action, Target(ObjectType.WORKSPACE, "w1")) == ""


@pytest.mark.parametrize("action", Action)
def test_run_token_may_do_what_a_run_does(action: Action):
    allowed = authorise(RUN, action, Target(ObjectType.RUN, "w1", "r1", within_own_run=True)) == ""
    assert allowed == (action in RUN_ACTIONS)


@pytest.mark.parametrize("action", Action)
def test_run_token_opens_no_other_run_and_no_other_workspace(action: Action):
    assert authorise(RUN, action, Target(ObjectType.RUN, "w1", "r2"))
    assert authorise(RUN, action, Target(ObjectType.RUN, "w2", "r1", within_own_run=True))
    assert authorise(RUN, action, Target(ObjectType.WORKSPACE, "w2"))


def test_run_token_makes_and_changes_no_workspace():
    for action in (Action.WORKSPACE_CREATE, Action.WORKSPACE_CHANGE, Action.WORKSPACE_DELETE):
        assert authorise(RUN, action, Target(ObjectType.SERVER))


READER, WRITER = BUILT_IN["Reader"].actions, BUILT_IN["Contributor"].actions
FOLDERS = {
    "team/a": FolderGrant(("Contributor",), WRITER & OF_FOLDERS),
    "team/b": FolderGrant(("Reader",), READER & OF_FOLDERS),
}
GUEST = Principal("ben", grants={"w1": Grant((), frozenset({Action.WORKSPACE_READ}), FOLDERS)}, user=7)


@pytest.mark.parametrize("action", sorted(OF_WORKSPACES))
def test_role_on_a_folder_opens_what_lies_there_and_no_more(action: Action):
    within = authorise(GUEST, action, Target(ObjectType.RUN, "w1", "r1", within_reach=True))
    assert (within == "") == (action in OF_FOLDERS or action is Action.WORKSPACE_READ)
    beside = authorise(GUEST, action, Target(ObjectType.RUN, "w1", "r1"))
    assert (beside == "") == (action is Action.WORKSPACE_READ)
    assert authorise(GUEST, action, Target(ObjectType.RUN, "w2", "r1", within_reach=True))


def test_call_reaches_as_far_as_the_folders_whose_roles_allow_it():
    read, write = (bounded(GUEST, action, "w1").reach for action in (Action.RUN_READ, Action.RUN_WRITE))
    assert read == Reach(("team/a", "team/b"), ("team/a", "team/b"), 7, frozenset({Action.WORKSPACE_READ}))
    assert (write and write.folders, write and write.seen) == (("team/a",), ("team/a", "team/b"))
    assert bounded(GUEST, Action.RUN_READ, "w2").reach is None
    assert bounded(GUEST, Action.RUN_READ, None).reach is None


def test_role_in_the_workspace_lets_all_be_seen():
    member = Principal("ana", grants={"w1": Grant(("Reader",), READER, FOLDERS)}, user=7)
    assert bounded(member, Action.RUN_READ, "w1").reach is None
    write = bounded(member, Action.RUN_WRITE, "w1").reach
    assert write == Reach(("team/a",), None, 7, READER)
    assert (write and write.sender) is None


def test_nobody_without_a_role_on_a_folder_is_bounded():
    member = Principal("ana", grants={"w1": Grant(("Reader",), READER)})
    assert bounded(member, Action.RUN_WRITE, "w1") is member
    assert bounded(OWNER, Action.RUN_WRITE, "w1") is OWNER
    assert bounded(RUN, Action.RUN_WRITE, "w1") is RUN


def test_token_for_another_workspace_is_refused_before_it_is_bounded():
    elsewhere = Principal("ben", "w2", grants=GUEST.grants)
    assert bounded(elsewhere, Action.RUN_READ, "w1") is elsewhere
    assert authorise(elsewhere, Action.RUN_READ, Target(ObjectType.RUN, "w1", "r1", within_reach=True))


def test_run_of_somebody_who_has_lost_all_roles_reaches_nothing_beside_itself():
    run = Principal("run", "w1", "r1", grants={"w1": Grant((), frozenset())}, actions=frozenset({Action.RUN_WRITE}))
    assert bounded(run, Action.RUN_WRITE, "w1").reach == Reach((), (), 0, frozenset())
    own = Target(ObjectType.RUN, "w1", "r1", within_own_run=True)
    assert authorise(run, Action.RUN_WRITE, own) == ""
    assert "since whoever submitted it may not" in authorise(run, Action.MODEL_READ, Target(ObjectType.WORKSPACE, "w1"))


@pytest.mark.parametrize(
    ("name", "lies"),
    [
        ("team/a", True),
        ("team/a/x/y", True),
        ("team/ab", False),
        ("team", False),
        ("Team/a/x", False),
        ("x/team/a", False),
        ("team/a.", False),
    ],
)
def test_experiment_lies_in_a_folder_by_whole_parts_of_its_name(name: str, lies: bool):
    assert lies_in(name, ("team/a", "team/c")) == lies
    refused = refusal_of(bounded(GUEST, Action.RUN_WRITE, "w1"), name)
    assert (refused == "") == lies
    assert refusal_of(OWNER, name) == ""
