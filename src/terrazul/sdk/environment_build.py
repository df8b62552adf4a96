"""Building an environment ahead of the runs that need it: a run that does nothing else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Optional
from urllib.parse import quote

from terrazul.core.errors import NotFound
from terrazul.core.ids import new_script_run_id
from terrazul.sdk.client import Client, Request
from terrazul.sdk.console import say
from terrazul.wire.environment import EnvironmentDefinition
from terrazul.wire.run import Run, RunState
from terrazul.wire.run_configuration import RunDefinition
from terrazul.wire.submission import RunSubmission

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

EXPERIMENT = "prepare_image"
"""Where v1 shows such runs, too."""
LOG = "azureml-logs/20_image_build_log.txt"
_COMMAND = ["python", "--version"]
_LOCAL = "local"


def submit(
    workspace: Workspace, definition: EnvironmentDefinition, target: Optional[str] = None, *, again: bool = False
) -> Run:
    """Have an environment built on a compute target, that of runs without one by default; the run that does it.

    ``again`` builds it although it failed a short while ago.
    """
    submission = RunSubmission(
        run_id=new_script_run_id(EXPERIMENT, int(time.time())),
        experiment_name=EXPERIMENT,
        definition=RunDefinition(command=_COMMAND, target=target or _LOCAL, environment=definition, build_again=again),
        display_name=f"build {definition.name}",
    )
    return workspace.client.post(Run, "/runs", submission)


class ImageBuildDetails:
    """The building of an environment; v1's name for it, since v1 built an image."""

    def __init__(self, environment_client: Any, location: Any) -> None:
        """``environment_client`` is the client of the workspace, ``location`` the id of the run that builds."""
        self.environment_client: Client = environment_client
        self._run_id = str(location)
        self.log_url = f"{self.environment_client.address.url}{self.environment_client.prefix}{self._path(LOG)}"

    @property
    def status(self) -> str:
        """``Queued``, ``Running``, ``Succeeded``, ``Failed`` or ``Canceled``."""
        return _STATUS.get(self._run().state, "Running")

    def get_log(self) -> str:
        """What uv and the builder have said; empty where the environment was there already."""
        try:
            return self.environment_client.send(Request("GET", self._path(LOG))).decode("utf-8", "replace")
        except NotFound:
            return ""

    def wait_for_completion(self, show_output: bool = True) -> ImageBuildDetails:
        """Wait until the environment is built, or failed, which ``status`` tells."""
        from terrazul.sdk import log_stream  # noqa: PLC0415  # most environments are built by the runs that need them

        if show_output:
            run = log_stream.show_logs(self.environment_client, self._run_id)
            say(f"Image Build Status: {_STATUS.get(run.state, 'Running')}")
            if run.error is not None:
                say(" ".join(filter(None, [run.error.message, run.error.hint])))
        else:
            log_stream.wait_for_end(self.environment_client, self._run_id)
        return self

    def _run(self) -> Run:
        return self.environment_client.get(Run, f"/runs/{quote(self._run_id, safe='')}")

    def _path(self, file: str) -> str:
        return f"/runs/{quote(self._run_id, safe='')}/artifact?path={quote(file, safe='')}"


_STATUS = {
    RunState.NOT_STARTED: "Queued",
    RunState.QUEUED: "Queued",
    RunState.COMPLETED: "Succeeded",
    RunState.FAILED: "Failed",
    RunState.CANCELED: "Canceled",
}
