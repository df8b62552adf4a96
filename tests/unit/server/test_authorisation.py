"""Every route says what it does, and the one function decides."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from terrazul.core.clock import now
from terrazul.core.home import Home
from terrazul.core.settings import Settings
from terrazul.server.app import application_of
from terrazul.server.identity.rules import RUN_ACTIONS, Action, ObjectType, Principal, Target, authorise
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
