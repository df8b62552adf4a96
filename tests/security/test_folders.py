"""A role on a folder of experiments opens what lies in it, as far as the role allows, and hides all else."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from terrazul.server.identity.roles import BUILT_IN, on_a_folder
from terrazul.server.mlflow.methods import METHODS
from terrazul.testing.routes import Route, routes_of
from terrazul.testing.server import Answer, Refused, RunningServer
from terrazul.testing.submission import wait_for
from terrazul.wire import pack

pytestmark = pytest.mark.each_database
CANARY = "canary-4f2a"
"""Stands in everything that is hidden."""
FOLDER = "team/a"
MLFLOW = "/mlflow/api/2.0/mlflow"
THINGS = {"run_id", "experiment_id", "snapshot_id"}
IN_FOLDERS = {each.value for each in on_a_folder(BUILT_IN["Owner"].actions)}
CLOSED_LISTS = {"POST /contents/fetch", "GET /deletions"}
"""What names no run, experiment or snapshot, and heeds no folder: closed to who has a role on folders alone."""
BY_NAME = {"experiments/create", "experiments/search", "experiments/get-by-name", "runs/search"}


@dataclass
class Things:
    """What there is of an experiment: a run with everything, and a logged model of it."""

    experiment: str
    run_id: str
    experiment_id: str = ""
    number: str = ""
    snapshot_id: str = ""
    model_id: str = ""
    digest: str = ""

    @property
    def ids(self) -> dict[str, str]:
        """The values for the parameters of addresses."""
        return {
            "run_id": self.run_id,
            "experiment_id": self.experiment_id,
            "snapshot_id": self.snapshot_id,
            "model_id": self.model_id,
            "digest": self.digest,
            "file_path": f"{self.number}/{self.run_id}/artifacts/outputs",
            "path": f"outputs/{self.run_id}.txt",
            "name": "none",
        }

    @property
    def traces(self) -> list[str]:
        """By which it would be found in an answer."""
        return [self.experiment, self.run_id, self.experiment_id, self.snapshot_id, self.model_id, self.digest]


@dataclass
class World:
    """A workspace with experiments in folders, and how to call on it."""

    server: RunningServer
    workspace: str

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """Make a request below the workspace."""
        return self.server.call(method, self.workspace + path, body, token=token)

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> Answer:
        """As ``call``, where any status is an answer."""
        data = None if body is None else json.dumps(body).encode()
        return self.server.ask(method, self.workspace + path, data, token=token)

    def user(self, name: str, role: str = "Contributor", folder: str = FOLDER) -> str:
        """The token of a user with a role on a folder."""
        if self.server.ask("GET", f"/api/v1/users/{name}").status == 404:
            self.server.call("POST", "/api/v1/users", {"name": name})
        self.call("POST", "/members", {"user": name, "role": role, "folder": folder})
        return str(self.server.call("POST", "/api/v1/tokens", {"user": name})["token"])

    def write(self, token: str | None = None, **lists: Any) -> list[dict[str, Any]]:
        """Send a batch of a new writer; returns what was refused of it."""
        batch = {"writer": hashlib.sha256(json.dumps(lists).encode()).hexdigest(), "sequence": 1, **lists}
        return list(self.call("POST", "/writes", batch, token)["refusals"])

    def send(self, data: bytes, token: str | None = None) -> str:
        """Send a content; returns its digest."""
        digest = hashlib.sha256(data).hexdigest()
        self.call("POST", "/contents", pack.encode_header(digest, len(data)) + data, token)
        return digest

    def make(self, experiment: str, run_id: str, token: str | None = None) -> Things:
        """An experiment with a run that has everything."""
        data = f"the file of {experiment} {run_id}".encode()
        digest = self.send(data, token)
        manifest = {"files": [{"path": f"{run_id}.py", "digest": digest, "size": len(data)}]}
        snapshot = self.call("POST", "/snapshots", manifest, token)["snapshot_id"]
        new = {"run_id": run_id, "experiment_name": experiment, "time": 1, "tags": {f"tag {run_id}": run_id}}
        new |= {"snapshot_id": snapshot, "properties": {f"property {run_id}": run_id}, "display_name": run_id}
        file = {"run_id": run_id, "path": f"outputs/{run_id}.txt", "digest": digest, "size": len(data), "time": 1}
        metric = {"run_id": run_id, "name": f"metric {run_id}", "value": 1, "time": 1}
        assert self.write(token, runs=[new], artifacts=[file], metrics=[metric]) == []
        self.call("POST", f"/runs/{run_id}/log?path=logs/{run_id}.txt&offset=0&close=true", data)
        made = Things(experiment, run_id, self.call("GET", f"/runs/{run_id}")["experiment_id"], "", snapshot)
        found = self.call("GET", f"{MLFLOW}/experiments/get-by-name?experiment_name={experiment.replace('/', '%2F')}")
        made.number, made.digest = found["experiment"]["experiment_id"], digest
        model = {"experiment_id": made.number, "name": f"model {run_id}", "source_run_id": run_id}
        model["tags"] = [{"key": f"tag {run_id}", "value": run_id}]
        made.model_id = self.call("POST", f"{MLFLOW}/logged-models", model, token)["model"]["info"]["model_id"]
        point = {"run_id": run_id, "key": f"metric {run_id}", "value": 2, "timestamp": 2, "model_id": made.model_id}
        self.call("POST", f"{MLFLOW}/runs/log-metric", point, token)
        dataset = {"name": run_id, "digest": run_id[:36], "source_type": run_id, "source": run_id}
        self.call("POST", f"{MLFLOW}/runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": dataset}]}, token)
        return made


@pytest.fixture(scope="module")
def world(shared_server: RunningServer) -> World:
    return World(shared_server, shared_server.workspace("folders"))


@pytest.fixture(scope="module")
def routes(world: World) -> list[Route]:
    return [each for each in routes_of(world.server) if "workspace_id" in each.names]


@pytest.fixture(scope="module")
def hidden(world: World) -> Things:
    return world.make(f"{CANARY}/secret", f"{CANARY}-run")


@pytest.fixture(scope="module")
def below(world: World) -> Things:
    return world.make(f"{FOLDER}/open", "open-run")


@pytest.fixture(scope="module")
def ben(world: World) -> str:
    """The token of a user with a role on the folder alone."""
    return world.user("ben")


@pytest.fixture
def bound(world: World) -> Iterator[Callable[..., str]]:
    """Makes users with roles on folders, who go with the test."""
    names = []

    def make(name: str, role: str = "Contributor", folder: str = FOLDER) -> str:
        names.append(name)
        return world.user(name, role, folder)

    yield make
    for name in dict.fromkeys(names):
        world.server.call("DELETE", f"/api/v1/users/{name}")


def path_of(world: World, route: Route, ids: dict[str, str]) -> str:
    """The address of a route below the workspace."""
    return route.address({"workspace_id": world.workspace.rpartition("/")[2], **ids}).removeprefix(world.workspace)


def short(route: Route) -> str:
    return str(route).replace("/api/v1/workspaces/{workspace_id}", "")


@pytest.mark.parametrize("role", BUILT_IN)
def test_role_opens_in_its_folder_what_it_allows_and_beside_it_nothing_is_found(
    world: World, routes: list[Route], hidden: Things, role: str, bound: Callable[..., str]
):
    """Every route with the id of a run, an experiment or a snapshot; those without are open as far as they heed it."""
    word = role.replace(" ", "-").lower()
    own = world.make(f"{FOLDER}/{word}", f"run-of-{word}")
    token = bound(word, role)
    allowed = {each.value for each in on_a_folder(BUILT_IN[role].actions)}
    for route in sorted(routes, key=lambda each: each.method == "DELETE"):
        if THINGS & set(route.names):
            beside = world.ask(route.method, path_of(world, route, hidden.ids), {}, token)
            assert beside.status == 404, (str(route), beside)
            within = world.ask(route.method, path_of(world, route, own.ids), {}, token)
            assert within.status < 500, (str(route), within)
            assert (within.status != 403) == (route.action in allowed), (role, str(route), within)
        else:
            answer = world.ask(route.method, path_of(world, route, {}), {}, token)
            opens = route.action == "workspace/read" or (route.action in allowed and short(route) not in CLOSED_LISTS)
            expected = answer.status not in {401, 403}
            assert expected == opens, (role, str(route), answer)


@pytest.mark.parametrize("role", ["Contributor", "Reader"])
def test_methods_of_mlflow_find_what_lies_in_the_folder(
    world: World, routes: list[Route], hidden: Things, role: str, bound: Callable[..., str]
):
    word = f"mlflow-{role.lower()}"
    own = world.make(f"{FOLDER}/{word}", f"run-of-{word}")
    token = bound(word, role)
    allowed = {each.value for each in on_a_folder(BUILT_IN[role].actions)}
    tried = set()
    for route in sorted(routes, key=lambda each: "delete" in each.template):
        name = route.template.partition(f"{MLFLOW}/")[2]
        if name not in {each.name for each in METHODS} - BY_NAME or route.action not in IN_FOLDERS:
            continue
        for things, found in ((hidden, False), (own, True)):
            answer = ask_mlflow(world, route, things, token)
            if route.action not in allowed:
                assert answer.status == 403, (str(route), answer)
            elif not found:
                assert answer.status == 404, (str(route), answer)
            elif "delete" not in name and "restore" not in name:
                assert answer.status == 200, (str(route), answer)
            tried.add(name)
    assert len(tried) > 20, tried


def ask_mlflow(world: World, route: Route, things: Things, token: str) -> Answer:
    """Call a method about a run or an experiment with all that any of them needs."""
    said: dict[str, Any] = {"run_id": things.run_id, "experiment_id": things.number, "key": "k", "value": "1"}
    said |= {"timestamp": 1, "step": 0, "metric_key": f"metric {things.run_id}"}
    if "experiments/" in route.template:
        said |= {"new_name": f"{things.experiment} renamed" if "update" in route.template else None}
    if "create" in route.template:
        del said["run_id"]
    if "bulk" in route.template:
        said["run_ids"] = [things.run_id]
    if "log-model" in route.template:
        said["model_json"] = json.dumps({"artifact_path": "m", "flavors": {}, "utc_time_created": "", "run_id": "r"})
    path = path_of(world, route, {})
    if route.method == "GET":
        query = f"run_id={things.run_id}&run_ids={things.run_id}&experiment_id={things.number}"
        return world.ask("GET", f"{path}?{query}&metric_key=k", token=token)
    return world.ask(route.method, path, {name: value for name, value in said.items() if value is not None}, token)


def entangle(world: World, hidden: Things, below: Things) -> None:
    """Let what is hidden and what is seen point at each other, as somebody who sees all may."""
    child = {"experiment_name": hidden.experiment, "time": 1, "parent_run_id": below.run_id}
    of_hidden = {"experiment_name": below.experiment, "time": 1, "parent_run_id": hidden.run_id}
    deep = {"experiment_name": below.experiment, "time": 1, "parent_run_id": f"{CANARY}-child"}
    metric = {"run_id": f"{CANARY}-child", "name": f"metric {CANARY}", "value": 1, "time": 1}
    runs = [
        {**child, "run_id": f"{CANARY}-child"},
        {**of_hidden, "run_id": f"{CANARY}-of-hidden"},
        {**deep, "run_id": f"{CANARY}-deep"},
    ]
    world.write(runs=runs, metrics=[metric])
    point = {"run_id": hidden.run_id, "key": f"metric {CANARY}", "value": 9, "timestamp": 2}
    world.call("POST", f"{MLFLOW}/runs/log-metric", {**point, "model_id": below.model_id})
    model = {"experiment_id": below.number, "name": f"model-{CANARY}", "source_run_id": hidden.run_id}
    world.call("POST", f"{MLFLOW}/logged-models", model)


def test_no_list_and_no_search_shows_a_trace_of_what_is_hidden(
    world: World, routes: list[Route], hidden: Things, below: Things, ben: str
):
    entangle(world, hidden, below)
    numbers = [hidden.number, below.number, "0"]
    queries = ["", "view=all&include_children=true&include=total&include=metrics", "view=deleted", f"folder={CANARY}"]
    queries += [f"experiment_name={CANARY}%2Fsecret", f"parent_run_id={below.run_id}", f"root_run_id={below.run_id}"]
    queries += ["recursive=true", "order_by=metric.%22metric%20" + CANARY + "%22%20DESC&include_children=true"]
    queries += ["filter=name%20LIKE%20%27%25%27", f"run_id={below.run_id}&metric_key=m&path=", "limit=1", "page_size=1"]
    queries += ["filter=" + each for each in ("parent_run_id%20LIKE%20%27%25%27", "experiment%20LIKE%20%27%25%27")]
    bodies: list[dict[str, Any]] = [
        {"experiment_ids": numbers, "max_results": 1000, "view_type": "ALL", "run_view_type": "ALL"},
        {"experiment_ids": numbers, "order_by": [f"metrics.`metric {CANARY}` DESC", "attributes.run_name"]},
        {"experiment_ids": numbers, "order_by": [{"field_name": f"metrics.metric {CANARY}"}]},
        {"experiment_ids": numbers, "filter": f"tags.`tag {CANARY}-run` LIKE '%'"},
        {"filter": "", "include": ["metrics", "total"], "view": "all"},
        {"filter": f'metric."metric {CANARY}-run" > 0', "include_children": True},
        {"filter": "parent_run_id LIKE '%'", "order_by": ["parent_run_id"], "limit": 1},
        {"experiment_names": [hidden.experiment, below.experiment], "include": ["total"]},
        {"run_ids": [below.run_id]},
        {"experiment_ids": [below.experiment_id]},
        {"digests": [hidden.digest]},
    ]
    shown = shown_to_the_owner = 0
    for route in routes:
        for address in (path_of(world, route, below.ids), path_of(world, route, {})):
            asked = [(f"{address}{'&' if '?' in address else '?'}{each}", None) for each in queries]
            if route.method == "POST" and route.action.endswith("/read"):
                asked = [(address, body) for body in bodies]
            elif route.method != "GET":
                continue
            for path, body in asked:
                answer = world.ask(route.method, path, body, ben)
                assert answer.status < 500, (path, body, answer)
                if answer.status < 400:
                    shown += below.run_id.encode() in answer.body
                    told = [each for each in [CANARY, *hidden.traces] if each.encode() in answer.body]
                    assert not told, (str(route), path, body, told)
                    shown_to_the_owner += CANARY.encode() in world.ask(route.method, path, body).body
    # the check of the check: what lies in the folder is there, and who sees all sees what is hidden
    assert min(shown, shown_to_the_owner) > 30, (shown, shown_to_the_owner)


def test_counts_tell_of_what_lies_in_the_folder_alone(world: World, hidden: Things, below: Things, ben: str):
    for name in ("parent_run_id", "root_run_id"):
        assert world.ask("GET", f"/runs?{name}={hidden.run_id}", token=ben).status == 404
    wanted = {"filter": "", "include": ["total"], "view": "all", "limit": 1000}
    page = world.call("POST", "/runs/search", wanted, ben)
    assert page["total"] == len(page["runs"])
    assert {each["experiment_name"].startswith(f"{FOLDER}/") for each in page["runs"]} == {True}
    assert below.run_id in {each["run_id"] for each in page["runs"]}
    found = world.call("GET", "/experiment-folders", token=ben)
    assert [each["path"] for each in found] == ["team"]
    assert found[0]["experiment_count"] == len(world.call("GET", "/experiments", token=ben))
    page = world.call("POST", "/runs/search", {**wanted, "limit": 1}, ben)
    seen = []
    while True:
        seen += [each["run_id"] for each in page["runs"]]
        if not page["next_page"]:
            break
        page = world.call("POST", "/runs/search", {**wanted, "limit": 1, "page": page["next_page"]}, ben)
    assert len(seen) == len(set(seen)) == page["total"]


def test_name_that_merely_begins_like_the_folder_is_hidden(world: World, ben: str):
    for name in ("team/ab", "team", "team/A/x", "xteam/a/x", "other/team/a"):
        run_id = f"beside-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        assert world.write(runs=[{"run_id": run_id, "experiment_name": name, "time": 1}]) == []
        assert world.ask("GET", f"/runs/{run_id}", token=ben).status == 404, name
        assert world.ask("POST", "/experiments", {"name": name}, ben).status == 403, name
    assert world.write(runs=[{"run_id": "in-the-folder-itself", "experiment_name": FOLDER, "time": 1}]) == []
    assert world.ask("GET", "/runs/in-the-folder-itself", token=ben).status == 200


def test_experiments_are_made_in_the_folder_and_nowhere_else(world: World, hidden: Things, ben: str):
    assert world.call("POST", "/experiments", {"name": f"{FOLDER}/made"}, ben)["name"] == f"{FOLDER}/made"
    assert world.call("POST", f"{MLFLOW}/experiments/create", {"name": f"{FOLDER}/mlflow"}, ben)
    there, not_there = hidden.experiment, hidden.experiment.replace("secret", "not-there")
    for path in ("/experiments", f"{MLFLOW}/experiments/create"):
        told = [world.ask("POST", path, {"name": name}, ben) for name in (there, not_there)]
        assert [each.status for each in told] == [403, 403]
        assert all(b"lies outside of where ben may do this" in each.body for each in told)
    definition = {"command": ["true"], "environment": {"user_managed": True}}
    for name in (there, not_there):
        submission = {"run_id": "planted", "experiment_name": name, "definition": definition}
        refused = world.ask("POST", "/runs", submission, ben)
        assert (refused.status, b"lies outside of where ben may do this" in refused.body) == (403, True)
        new = {"run_id": "planted", "experiment_name": name, "time": 1}
        assert [each["code"] for each in world.write(ben, runs=[new])] == ["forbidden"]
    assert world.ask("GET", "/runs/planted").status == 404


def test_batch_about_a_hidden_run_finds_nothing(world: World, hidden: Things, below: Things, ben: str):
    before = [world.call("GET", f"/runs/{hidden.run_id}{part}") for part in ("", "/metrics", "/artifacts", "/events")]
    run_id, name = hidden.run_id, f"{FOLDER}/open"
    refused = world.write(
        ben,
        runs=[{"run_id": "planted", "experiment_name": name, "time": 1, "parent_run_id": run_id}],
        changes=[{"run_id": run_id, "set_tags": {"planted": "x"}}],
        metrics=[{"run_id": run_id, "name": "planted", "value": 1, "time": 1}],
        artifacts=[{"run_id": run_id, "path": "planted", "digest": "0" * 64, "size": 0, "time": 1}],
        phases=[{"run_id": run_id, "phase": "planted", "seconds": 1, "time": 1}],
        states=[{"run_id": run_id, "state": "Failed", "time": 1}],
    )
    assert {each["code"] for each in refused} == {"not_found"}
    assert len(refused) == 6
    model = {"run_id": below.run_id, "key": "k", "value": 1, "timestamp": 1, "model_id": hidden.model_id}
    assert world.ask("POST", f"{MLFLOW}/runs/log-metric", model, ben).status == 404
    again = [world.call("GET", f"/runs/{hidden.run_id}{part}") for part in ("", "/metrics", "/artifacts", "/events")]
    assert again == before


def test_parent_that_is_hidden_is_for_mlflow_one_that_is_not_here(
    world: World, hidden: Things, below: Things, ben: str
):
    for parent in (hidden.run_id, "not-there"):
        new = {"experiment_id": below.number, "tags": [{"key": "mlflow.parentRunId", "value": parent}]}
        run = world.call("POST", f"{MLFLOW}/runs/create", new, ben)["run"]["info"]["run_id"]
        assert world.call("GET", f"/runs/{run}", token=ben)["parent_run_id"] is None


def test_bytes_are_named_by_who_has_sent_them_alone(world: World, below: Things, ben: str):
    hidden = world.make(f"{CANARY}/bytes", f"{CANARY}-bytes")
    data = f"the file of {hidden.experiment} {hidden.run_id}".encode()
    named = {"path": "x.py", "digest": hidden.digest, "size": len(data)}
    artifact = {"run_id": below.run_id, "path": "stolen", "digest": hidden.digest, "size": 1, "time": 1}
    assert world.call("POST", "/contents/missing", {"digests": [hidden.digest]}, ben) == {"digests": [hidden.digest]}
    assert [each["code"] for each in world.write(ben, artifacts=[artifact])] == ["not_found"]
    assert world.ask("POST", "/snapshots", {"files": [named]}, ben).status == 400
    whole = {"digest": hidden.digest, "parts": [hidden.digest]}
    assert world.ask("POST", "/contents/join", whole, ben).status == 404
    complete = f"/mlflow/api/2.0/mlflow-artifacts/mpu/complete/{below.number}/{below.run_id}/artifacts"
    parts = {"path": "x", "upload_id": "u", "parts": [{"part_number": 1, "etag": hidden.digest}]}
    assert world.ask("POST", complete, parts, ben).status == 404
    change = {"run_id": below.run_id, "snapshot_id": hidden.snapshot_id}
    assert [each["code"] for each in world.write(ben, changes=[change])] == ["not_found"]
    new = {"run_id": "planted", "experiment_name": below.experiment, "time": 1, "snapshot_id": hidden.snapshot_id}
    assert [each["code"] for each in world.write(ben, runs=[new])] == ["not_found"]
    definition = {"command": ["true"], "environment": {"user_managed": True}}
    submission = {**new, "definition": definition}
    del submission["time"]
    assert world.ask("POST", "/runs", submission, ben).status == 404
    delta = {"base_snapshot_id": hidden.snapshot_id, "snapshot_id": below.snapshot_id, "changed": [], "removed": []}
    assert world.ask("POST", "/snapshots/delta", delta, ben).status == 404

    world.send(data, ben)  # who has the bytes may use them
    assert world.call("POST", "/contents/missing", {"digests": [hidden.digest]}, ben) == {"digests": []}
    assert world.write(ben, artifacts=[{**artifact, "path": "own"}]) == []
    assert world.call("POST", "/snapshots", {"files": [named]}, ben)["snapshot_id"]
    part = world.send(b"a part", ben)
    joined = hashlib.sha256(b"a parta part").hexdigest()
    assert world.call("POST", "/contents/join", {"digest": joined, "parts": [part, part]}, ben)
    assert world.write(ben, artifacts=[{**artifact, "path": "joined", "digest": joined}]) == []


def test_rename_needs_the_right_at_both_places_and_moves_at_once(world: World, ben: str, bound: Callable[..., str]):
    eve = bound("eve", "Reader", "team/b")
    things = world.make(f"{FOLDER}/moving", "moving-run")
    address = f"/experiments/{things.experiment_id}"

    def sees(token: str) -> tuple[bool, ...]:
        paths = (address, f"/runs/{things.run_id}", f"{MLFLOW}/runs/get?run_id={things.run_id}")
        return tuple(world.ask("GET", path, token=token).status == 200 for path in paths)

    assert (set(sees(ben)), set(sees(eve))) == ({True}, {False})
    for name in ("team/b/moved", f"{CANARY}/secret", "moved"):
        assert world.ask("PATCH", address, {"name": name}, ben).status == 403
        update = {"experiment_id": things.number, "new_name": name}
        assert world.ask("POST", f"{MLFLOW}/experiments/update", update, ben).status == 403
    assert world.ask("PATCH", address, {"name": "team/b/x"}, eve).status == 404
    world.call("PATCH", address, {"name": "team/b/moved"})
    assert (set(sees(ben)), set(sees(eve))) == ({False}, {True})
    assert world.ask("PATCH", address, {"name": "team/b/x"}, eve).status == 403
    assert world.ask("PATCH", address, {"name": f"{FOLDER}/back"}, ben).status == 404
    bound("eve", "Contributor", "team/b")
    assert world.ask("PATCH", address, {"name": f"{FOLDER}/x"}, eve).status == 403
    bound("eve", "Contributor", FOLDER)
    assert world.call("PATCH", address, {"name": f"{FOLDER}/back"}, eve)["name"] == f"{FOLDER}/back"
    assert set(sees(ben)) == {True}


def test_deletion_takes_what_lies_in_the_folder_and_nothing_else(world: World, hidden: Things, ben: str):
    own = world.make(f"{FOLDER}/going", "going-run")
    child = {"run_id": "child-elsewhere", "experiment_name": "elsewhere", "time": 1, "parent_run_id": own.run_id}
    ended = [{"run_id": each, "state": "Completed", "time": 2} for each in ("child-elsewhere", own.run_id)]
    assert world.write(runs=[child], states=ended) == []
    for selection in ({"run_ids": [own.run_id]}, {"experiment_ids": [own.experiment_id]}):
        refused = [
            world.ask("POST", "/deletions/preview", selection, ben),
            world.ask("POST", "/deletions", {"deletion_id": "with-a-child", "selection": selection}, ben),
        ]
        assert [each.status for each in refused] == [403, 403]
        assert not any(b"child-elsewhere" in each.body for each in refused)
    assert world.ask("DELETE", f"/runs/{own.run_id}", token=ben).status == 403
    for selection in ({"run_ids": [hidden.run_id]}, {"experiment_ids": [hidden.experiment_id]}):
        for path, body in (
            ("/deletions/preview", selection),
            ("/deletions", {"deletion_id": "hidden", "selection": selection}),
        ):
            assert world.ask("POST", path, body, ben).status == 404
    for selection in ({"deleted_for_seconds": 0}, {"model_ids": ["m:1"]}):
        assert world.ask("POST", "/deletions/preview", selection, ben).status == 403
        assert world.ask("POST", "/deletions", {"deletion_id": "all", "selection": selection}, ben).status == 403
    world.call("DELETE", "/runs/child-elsewhere")
    order = {"deletion_id": "bens", "selection": {"experiment_ids": [own.experiment_id]}}
    assert world.call("POST", "/deletions/preview", order["selection"], ben)["runs"] == 1
    assert world.call("POST", "/deletions", order, ben)["runs"] == 1
    wait_for(lambda: world.call("GET", "/deletions/bens?wait=5", token=ben)["state"] == "Done")
    assert world.ask("GET", f"/runs/{own.run_id}").status == 404
    world.write(
        runs=[{"run_id": "owners", "experiment_name": "elsewhere", "time": 1}],
        states=[{"run_id": "owners", "state": "Completed", "time": 2}],
    )
    order = {"deletion_id": "owners", "selection": {"run_ids": ["owners"]}}
    world.call("POST", "/deletions", order)
    assert world.ask("GET", "/deletions/owners", token=ben).status == 404


def test_role_on_a_folder_comes_on_top_of_one_in_the_workspace(
    world: World, hidden: Things, below: Things, bound: Callable[..., str]
):
    token = bound("ines")
    world.call("POST", "/members", {"user": "ines", "role": "Reader"})
    assert world.call("GET", f"/runs/{hidden.run_id}", token=token)["run_id"] == hidden.run_id
    assert world.ask("GET", "/models", token=token).status == 200
    tags = {"set_tags": {"by": "ines"}}
    assert world.write(token, changes=[{"run_id": below.run_id, **tags}]) == []
    refused = world.write(token, changes=[{"run_id": hidden.run_id, **tags}])
    assert [each["code"] for each in refused] == ["forbidden"]
    told = world.ask("PATCH", f"/experiments/{hidden.experiment_id}", {"description": "x"}, token)
    assert (told.status, b"Reader in this workspace and Contributor in the folder" in told.body) == (403, True)
    artifact = {"run_id": below.run_id, "path": "known", "digest": hidden.digest, "size": 1, "time": 1}
    assert world.write(token, artifacts=[artifact]) == []  # these bytes may be read anyhow
    assert world.ask("POST", f"{MLFLOW}/runs/delete", {"run_id": hidden.run_id}, token).status == 403
    me = world.server.call("GET", "/api/v1/me", token=token)
    key = world.workspace.rpartition("/")[2]
    assert (me["roles"], me["folders"]) == ({key: ["Reader"]}, {key: {FOLDER: ["Contributor"]}})


def test_what_is_taken_away_is_gone_at_once(world: World, below: Things, bound: Callable[..., str]):
    token = bound("lea", "Reader")
    address = f"/runs/{below.run_id}"
    assert world.ask("GET", address, token=token).status == 200
    world.call("POST", "/members/remove", {"user": "lea", "role": "Reader", "folder": FOLDER})
    assert world.ask("GET", address, token=token).status == 403
    assert world.server.call("GET", "/api/v1/workspaces", token=token) == []
    world.server.call("POST", "/api/v1/groups", {"name": "guests", "members": ["lea"]})
    world.call("POST", "/members", {"group": "guests", "role": "Reader", "folder": FOLDER})
    assert world.ask("GET", address, token=token).status == 200
    world.server.call("PATCH", "/api/v1/groups/guests", {"remove": ["lea"]})
    assert world.ask("GET", address, token=token).status == 403
    world.server.call("DELETE", "/api/v1/groups/guests")


def test_member_of_a_folder_is_shown_with_it_and_is_no_owner(world: World, ben: str, bound: Callable[..., str]):
    olga = bound("olga", "Owner")
    found = [each for each in world.call("GET", "/members") if each["user"] == "olga"]
    assert [(each["role"], each["folder"]) for each in found] == [("Owner", FOLDER)]
    assert world.ask("GET", "/members", token=ben).status == 403
    assert world.ask("POST", "/members", {"user": "olga", "role": "Owner"}, olga).status == 403
    listed = world.server.call("GET", "/api/v1/workspaces", token=ben)
    assert [each["workspace_id"] for each in listed] == [world.workspace.rpartition("/")[2]]
    assert world.ask("POST", "/members/remove", {"user": "olga", "role": "Owner"}).status == 404
    for wrong in ("/a", "a//b", "../a", "a/../b", " "):
        assert world.ask("POST", "/members", {"user": "olga", "role": "Reader", "folder": wrong}).status == 400, wrong
    world.server.call("POST", "/api/v1/roles", {"name": "Models", "actions": ["model/*"]})
    refused = world.ask("POST", "/members", {"user": "olga", "role": "Models", "folder": FOLDER})
    assert (refused.status, b"gives nothing on a folder" in refused.body) == (400, True)
    world.server.call("DELETE", "/api/v1/roles/Models")


def test_token_that_is_restricted_is_bounded_by_the_folder_too(world: World, hidden: Things, below: Things, ben: str):
    key = world.workspace.rpartition("/")[2]
    made = world.server.call("POST", "/api/v1/tokens", {"actions": ["run/read"], "workspace_id": key}, token=ben)
    token = made["token"]
    assert world.ask("GET", f"/runs/{below.run_id}", token=token).status == 200
    assert world.ask("GET", f"/runs/{hidden.run_id}", token=token).status == 404
    assert world.ask("GET", "/experiments", token=token).status == 403


SCRIPT = """
import json, os, sys, time
print(open('own.txt').read(), flush=True)
print('on', flush=True)
time.sleep(600)
"""


def test_run_that_a_member_of_a_folder_submits_opens_no_more_than_they_may(
    world: World, hidden: Things, below: Things, ben: str
):
    sources = {"train.py": SCRIPT.encode(), "own.txt": b"bens own"}
    files = [{"path": path, "digest": world.send(data, ben), "size": len(data)} for path, data in sources.items()]
    snapshot = world.call("POST", "/snapshots", {"files": files}, ben)["snapshot_id"]
    definition = {"script": "train.py", "environment": {"user_managed": True}}
    new = {"run_id": "bens-run", "experiment_name": f"{FOLDER}/submitted", "definition": definition}
    world.call("POST", "/runs", {**new, "snapshot_id": snapshot}, ben)
    job = world.server.home.runs_folder / world.workspace.rpartition("/")[2] / "bens-run" / "1" / "job.json"
    try:
        wait_for(lambda: b"on\n" in log_of(world, "bens-run"))
        token = json.loads(job.read_text())["token"]
        assert b"bens own" in log_of(world, "bens-run")  # its snapshot has come
        assert world.ask("GET", "/runs/bens-run", token=token).status == 200
        for path in ("/models", "/models/none", "/environments", "/environments/none"):
            assert world.ask("GET", path, token=token).status == 403, path
        assert world.ask("GET", f"/runs/{hidden.run_id}", token=token).status in {403, 404}
        assert world.ask("POST", "/contents/fetch", {"digests": [hidden.digest]}, token).status == 404
        assert world.ask("POST", "/contents/fetch", {"digests": [files[0]["digest"]]}, token).status == 200
        assert world.call("POST", "/contents/missing", {"digests": [hidden.digest]}, token)["digests"]
        artifact = {"run_id": "bens-run", "path": "stolen", "digest": hidden.digest, "size": 1, "time": 1}
        assert world.call("POST", "/contents/missing", {"digests": [below.digest]}, ben)["digests"]
        child = {"time": 1, "parent_run_id": "bens-run"}
        runs = [
            {**child, "run_id": "bens-child", "experiment_name": f"{FOLDER}/submitted"},
            {**child, "run_id": "bens-stray", "experiment_name": hidden.experiment},
        ]
        refused = world.write(token, runs=runs, artifacts=[{**artifact, "digest": below.digest}])
        assert [(each["kind"], each["code"]) for each in refused] == [("runs", "forbidden"), ("artifacts", "not_found")]
        assert world.server.call("GET", "/api/v1/me", token=token)["roles"] == {}
        submission = {**new, "run_id": "bens-second", "experiment_name": hidden.experiment}
        assert world.ask("POST", "/runs", {**submission, "snapshot_id": snapshot}, token).status == 403
        world.call("POST", "/members", {"user": "ben", "role": "Reader"})
        assert world.ask("GET", "/models", token=token).status == 200
        world.call("POST", "/members/remove", {"user": "ben", "role": "Reader"})
        assert world.ask("GET", "/models", token=token).status == 403
    finally:
        world.call("POST", "/runs/bens-run/cancel")
        wait_for(lambda: world.call("GET", "/runs/bens-run")["state"] in {"Canceled", "Failed", "Completed"})


def log_of(world: World, run_id: str) -> bytes:
    """What a script has printed so far."""
    try:
        found = world.call("GET", f"/runs/{run_id}/log?path=azureml-logs/70_driver_log.txt")
    except Refused:
        return b""
    return found if isinstance(found, bytes) else str(found).encode()
