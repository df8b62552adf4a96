"""MLflow's protocol over raw HTTP, so that what a client would smooth over is seen."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from terrazul.testing.server import Refused, RunningServer

API = "/api/2.0/mlflow/"


@dataclass(frozen=True)
class Protocol:
    """One workspace's MLflow server."""

    server: RunningServer
    workspace: str
    token: str | None = None

    @property
    def root(self) -> str:
        """Where the protocol's addresses begin."""
        return f"{self.workspace}/mlflow"

    def get(self, path: str, /, **query: Any) -> Any:
        """Ask for something."""
        return self.server.call("GET", f"{self.root}{API}{path}?{urlencode(query, doseq=True)}", token=self.token)

    def post(self, path: str, /, **body: Any) -> Any:
        """Send a message."""
        return self.server.call("POST", f"{self.root}{API}{path}", body, token=self.token)

    def refused(self, path: str, /, **body: Any) -> tuple[int, str, str]:
        """Send a message that is refused: the status, the code and the text of the error."""
        with pytest.raises(Refused) as caught:
            self.post(path, **body)
        return caught.value.status, caught.value.body["error_code"], caught.value.body["message"]

    def start(self, **message: Any) -> str:
        """Begin a run; returns its id."""
        return str(
            self.post("runs/create", **{"experiment_id": "0", "start_time": 1_000, **message})["run"]["info"]["run_id"]
        )

    def data(self, run_id: str) -> Any:
        """A run as it is shown."""
        return self.get("runs/get", run_id=run_id)["run"]

    def tags(self, run_id: str) -> dict[str, str]:
        """The tags of a run."""
        return {each["key"]: each["value"] for each in self.data(run_id)["data"]["tags"]}

    def raw(self, path: str, body: str) -> tuple[int, Any]:
        """Send a body as it is written."""
        answer = self.server.ask("POST", f"{self.root}{API}{path}", body.encode(), token=self.token)
        return answer.status, json.loads(answer.body)


@pytest.fixture
def protocol(shared_server: RunningServer, request: pytest.FixtureRequest) -> Protocol:
    """A fresh workspace, which is an empty MLflow server."""
    name = request.node.name.replace("test_", "", 1)[:24].strip("_[]-")
    return Protocol(shared_server, shared_server.workspace("".join(each if each.isalnum() else "-" for each in name)))
