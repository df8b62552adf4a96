"""The view of a run: live in a notebook, as text elsewhere."""

from __future__ import annotations

import html
import sys
import threading
from typing import Any, Dict, List, Optional

from terrazul.core.errors import TerrazulError
from terrazul.sdk.console import say
from terrazul.sdk.log_stream import DRIVER_LOG
from terrazul.sdk.representation import as_html
from terrazul.sdk.run import Run
from terrazul.wire.run import RunState

PLATFORM = "JUPYTER"

_REFRESH_SECONDS = 2.0
_SHOWN_LINES = 20
_TERMINAL = frozenset(state.value for state in RunState if state.terminal)


class RunDetails:
    """Shows a run: ``RunDetails(run).show()``."""

    def __init__(self, run_instance: Run) -> None:
        self._run = run_instance

    def show(self, render_lib: Any = None, widget_settings: Optional[Dict[str, Any]] = None) -> None:
        """Show the run: in a notebook a table that is kept up to date, elsewhere its log and, at its end, its metrics.

        An interactive run is shown as it is at the moment, outside of a notebook.
        """
        del render_lib, widget_settings
        display = _notebook_display()
        if display is not None:
            self._show_live(display)
            return
        if self._run.type is not None:
            self._run.wait_for_completion(show_output=True, raise_on_error=False)
        say(_as_text(self.get_widget_data()))

    def get_widget_data(self, widget_settings: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """What is shown: the facts of the run, its metrics, and the last lines of its log."""
        del widget_settings
        return {
            "run_id": self._run.id,
            "experiment": self._run.experiment.name,
            "status": self._run.get_status(),
            "page": self._run.get_portal_url(),
            "metrics": self._run.get_metrics(),
            "log": self._last_lines(),
        }

    def _last_lines(self) -> List[str]:
        if DRIVER_LOG not in self._run.get_file_names():
            return []
        return self._run.read_file(DRIVER_LOG).decode("utf-8", "replace").splitlines()[-_SHOWN_LINES:]

    def _show_live(self, display: Any) -> None:
        data = self.get_widget_data()
        handle = display.display(display.HTML(_as_html(data)), display_id=True)
        if data["status"] not in _TERMINAL:
            threading.Thread(target=self._refresh, args=(display, handle), daemon=True).start()

    def _refresh(self, display: Any, handle: Any) -> None:
        pause = threading.Event()
        status = ""
        while status not in _TERMINAL:
            pause.wait(_REFRESH_SECONDS)
            try:
                data = self.get_widget_data()
            except TerrazulError:  # the server is away; the view goes on when it is back
                continue
            status = data["status"]
            handle.update(display.HTML(_as_html(data)))


def _notebook_display() -> Any:
    """IPython's display module, where this process is a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if ipython is None or getattr(shell, "kernel", None) is None:
        return None
    return ipython.display


def _as_html(data: Dict[str, Any]) -> str:
    facts = {"Experiment": data["experiment"], "Run": data["run_id"], "Status": data["status"], "Page": data["page"]}
    log = html.escape("\n".join(data["log"]))
    return as_html(facts) + as_html(_last_values(data["metrics"])) + (f"<pre>{log}</pre>" if log else "")


def _as_text(data: Dict[str, Any]) -> str:
    rows = {"Run": data["run_id"], "Status": data["status"], **_last_values(data["metrics"])}
    width = max(map(len, rows))
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in rows.items())


def _last_values(metrics: Dict[str, Any]) -> Dict[str, Any]:
    """Of a curve the last value; of the rest what it is."""
    return {name: value[-1] if isinstance(value, list) and value else value for name, value in metrics.items()}
