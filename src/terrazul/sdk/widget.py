"""The view of a run: live in a notebook, as text elsewhere."""

from __future__ import annotations

import importlib
import sys
import threading
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from terrazul.core.errors import TerrazulError, Unavailable, UserErrorException
from terrazul.core.version import __version__
from terrazul.sdk.client import Client, Request
from terrazul.sdk.console import say
from terrazul.sdk.log_stream import DRIVER_LOG
from terrazul.sdk.representation import escape
from terrazul.sdk.run_view import RunView, series_of
from terrazul.wire.artifact import LogFile
from terrazul.wire.run import Run as RunRecord
from terrazul.wire.run import RunState

if TYPE_CHECKING:
    from terrazul.sdk.run import Run

PLATFORM = "JUPYTER"

_LOG_TAIL = 8192
_REFRESH_SECONDS = 2


class RunDetails:
    """The view of a run, v1's ``RunDetails(run).show()``.

    Making one of something that is no run of a workspace (an offline run, for example) raises
    ``UserErrorException``.
    """

    def __init__(self, run_instance: Run) -> None:
        if not hasattr(run_instance, "get_details"):
            raise UserErrorException(
                f"{run_instance!r} is not a run of a workspace.",
                target="run_instance",
                hint="Pass what Experiment.submit or Experiment.start_logging gave.",
            )
        self._run = run_instance

    def show(self, render_lib: object = None, widget_settings: Optional[Dict[str, Any]] = None) -> None:
        """Show the run.

        In a notebook this returns at once, and the view keeps itself up to date until the run is over. Elsewhere the
        log of a submitted run is written as it grows, then a table of what the run measured and made; of a run that
        this process logs by itself there is only the table.
        """
        del render_lib, widget_settings
        display = _notebook_display()
        if display is None:
            self._show_as_text()
        else:
            self._show_in_notebook(display)

    def get_widget_data(self, widget_settings: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """What the view shows, under the keys of v1's widget."""
        view = self._view()
        return {
            "status": view.state.value,
            "workbench_run_details_uri": view.address,
            "run_id": view.run_id,
            "run_properties": {
                "run_id": view.run_id,
                "properties": view.details["properties"],
                "tags": self._run.get_tags(),
                "end_time_utc": view.details.get("endTimeUtc"),
                "status": view.state.value,
                "log_files": view.details["logFiles"],
                "run_duration": view.seconds(),
            },
            "child_runs": [{"run_id": child.id, "status": child.status} for child in self._run.get_children()],
            "children_metrics": {},
            "run_metrics": [_metric(view.run_id, name, value) for name, value in view.metrics.items()],
            "run_logs": view.log,
            "graph": {},
            "widget_settings": {**(widget_settings or {}), "send_telemetry": False, "sdk_version": __version__},
            "loading": False,
        }

    def _show_as_text(self) -> None:
        details = self._run.get_details()
        if details["runDefinition"] is not None:
            self._run.wait_for_completion(show_output=True, raise_on_error=False)
        say(self._view().as_text())

    def _show_in_notebook(self, display: Any) -> None:
        view = self._view()
        handle = display.display(display.HTML(view.as_html()), display_id=True)
        if not view.state.terminal:
            follower = threading.Thread(
                target=self._follow, args=(handle, display.HTML), name=f"terrazul-view-{view.run_id}", daemon=True
            )
            follower.start()

    def _follow(self, handle: Any, page: Any) -> None:
        """Keep a view up to date until the run is over, or cannot be read any more."""
        state = RunState.NOT_STARTED
        while not state.terminal:
            state = self._refresh(state, handle, page)

    def _refresh(self, state: RunState, handle: Any, page: Any) -> RunState:
        """Show the run when it has changed, at the latest after a moment; the state it is in then."""
        try:
            query = {"state": state.value, "seconds": _REFRESH_SECONDS}
            self._client().get(RunRecord, f"/runs/{self._run.id}/wait", query)
            view = self._view()
        except Unavailable:  # the view goes on when the server is back; the client was patient meanwhile
            return state
        except TerrazulError as error:
            handle.update(page(f"<pre>{escape(str(error))}</pre>"))
            return RunState.FAILED
        handle.update(page(view.as_html()))
        return view.state

    def _client(self) -> Client:
        client: Client = self._run.experiment.workspace.client
        return client

    def _view(self) -> RunView:
        run = self._run
        details = run.get_details()
        return RunView(
            run_id=run.id,
            experiment=run.experiment.name,
            state=RunState(details["status"]),
            address=run.get_portal_url(),
            details=details,
            metrics=run.get_metrics(),
            files=list(run.get_file_names()),
            log=_end_of_log(self._client(), run.id),
        )


def _end_of_log(client: Client, run_id: str) -> str:
    """The last lines of what the script wrote; of the newest log before it writes."""
    logs = {log.path: log for log in client.get(List[LogFile], f"/runs/{run_id}/logs") if log.size}
    if not logs:
        return ""
    log = logs.get(DRIVER_LOG) or logs[max(logs)]
    offset = max(log.size - _LOG_TAIL, 0)
    data = client.send(Request("GET", f"/runs/{run_id}/log", {"path": log.path, "offset": offset}))
    lines = data.decode("utf-8", "replace")
    return lines.partition("\n")[2] if offset else lines


def _metric(run_id: str, name: str, value: object) -> Dict[str, Any]:
    numbers: List[Any] = series_of(value) or [value]
    return {"name": name, "run_id": run_id, "categories": list(range(len(numbers))), "series": [{"data": numbers}]}


def _notebook_display() -> Any:
    """The module that shows things in a notebook; ``None`` where no kernel runs this process."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return importlib.import_module("IPython.display") if getattr(shell, "kernel", None) else None
