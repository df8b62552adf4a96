"""The run of a submitted script, as the script itself sees it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Dict, Optional

from terrazul.sdk.client import class_of, concept
from terrazul.sdk.console import say, warn
from terrazul.sdk.run import Run

if TYPE_CHECKING:
    from terrazul.sdk.experiment import Experiment


@concept("submitted_run")
class _SubmittedRun(Run):
    """What ``Run.get_context()`` gives inside of a submitted run; one object for each process.

    The end of the process decides how the run ends: ``complete`` and ``fail`` only see to it that all is sent.
    """

    _runs: ClassVar[Dict[str, _SubmittedRun]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def of_environment(cls) -> _SubmittedRun:
        """The run that the variables of this process name. Nothing is asked of the server."""
        run_id = os.environ["AZUREML_RUN_ID"]
        with cls._lock:
            if run_id not in cls._runs:
                cls._runs[run_id] = cls(_experiment(), run_id, _ask=False)
            return cls._runs[run_id]

    def complete(self, _set_status: bool = True) -> None:
        """See to it that everything recorded is sent; the end of the script completes the run."""
        self.flush()

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        """Print the error and see to it that all is sent; an exit code other than 0 fails the run."""
        if error_details:
            say(f"{error_code or 'Error'}: {error_details}")
        self.flush()

    def cancel(self) -> None:
        """Only warn: a script does not cancel itself, it ends."""
        warn("run.cancel() has no effect inside of the run; end the script instead.")


def _experiment() -> Experiment:
    """The experiment of this process, by what its variables tell."""
    variables = os.environ
    workspace = class_of("workspace")(
        variables["AZUREML_ARM_SUBSCRIPTION"],
        variables["AZUREML_ARM_RESOURCEGROUP"],
        variables["AZUREML_ARM_WORKSPACE_NAME"],
        _workspace_id=variables.get("AZUREML_WORKSPACE_ID"),
    )
    experiment: Experiment = class_of("experiment")(
        workspace,
        variables["AZUREML_ARM_PROJECT_NAME"],
        _id=variables.get("AZUREML_EXPERIMENT_ID"),
        _create_in_cloud=False,
    )
    return experiment
