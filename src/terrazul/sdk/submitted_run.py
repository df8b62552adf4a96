"""The run of a submitted script, as the script itself sees it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Dict, List, Mapping, Optional

from terrazul.sdk import run_datasets
from terrazul.sdk.client import class_of, concept
from terrazul.sdk.console import say, warn
from terrazul.sdk.run import Run, patient
from terrazul.sdk.run_files import RunFiles, files_below
from terrazul.wire.lineage import DatasetUse
from terrazul.wire.model import ModelFile

if TYPE_CHECKING:
    from terrazul.sdk.experiment import Experiment

OUTPUTS = "outputs"
"""The folder whose files belong to the run; the runner collects them when the script is over."""


@concept("submitted_run")
class _SubmittedRun(Run):
    """What ``Run.get_context()`` gives inside of a submitted run; one object for each process.

    The end of the process decides how the run ends: ``complete`` and ``fail`` only see to it that all is sent.
    """

    _runs: ClassVar[Dict[str, _SubmittedRun]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()
    _has_finder = False

    @classmethod
    def of_environment(cls) -> _SubmittedRun:
        """The run that the variables of this process name. Nothing is asked of the server."""
        run_id = os.environ["AZUREML_RUN_ID"]
        with cls._lock:
            if run_id not in cls._runs:
                cls._runs[run_id] = cls(_experiment(), run_id, _ask=False)
            return cls._runs[run_id]

    @property
    def input_datasets(self) -> Mapping[str, Any]:
        """What the script was given to read: paths of what was mounted or downloaded, else datasets."""
        return run_datasets.InputDatasets(self._experiment.workspace)

    @property
    def output_datasets(self) -> Mapping[str, Any]:
        """The folders that the script writes its outputs to."""
        return run_datasets.OutputDatasets(self._experiment.workspace)

    def reads(self, dataset_id: str) -> None:
        """Note that the script reads a dataset, and have what that takes found by its imports; Terrazul's own.

        A dataset among the inputs is noted as such already.
        """
        from terrazul.data.execution import libraries  # noqa: PLC0415  # scripts without datasets need none of it
        from terrazul.sdk.run_libraries import add_to_path  # noqa: PLC0415  # as above

        if not self._has_finder:
            libraries.finders.append(lambda: add_to_path(self._client))
            self._has_finder = True
        told = run_datasets.names_of_inputs()
        if dataset_id not in {os.environ.get(name) for name in told}:
            self._client.post(DatasetUse, self._path + "/datasets", DatasetUse(dataset_id))

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

    def _files_on_disk(self, path: str) -> List[ModelFile]:
        """What of ``outputs/`` lies on the disk and is not among the run's files yet: it arrives there at the end only.

        What was uploaded under a name is taken before what lies on the disk under it.
        """
        root = Path(path)
        if root.parts[:1] != (OUTPUTS,) or not root.exists():
            return []
        from terrazul.sdk import model_files  # noqa: PLC0415  # seldom needed, and a script's first line must come soon

        files = RunFiles(patient(self._client), self._writer, self._id)
        kept = {artifact.path: artifact for artifact in files.list(path)}
        above = path[: len(path) - len(root.name)]
        found = [root] if root.is_file() else files_below(root)
        on_disk = {each.as_posix()[len(above) :]: str(each) for each in found if each.as_posix() not in kept}
        if not on_disk:
            return []
        uploaded = [
            ModelFile(each.path[len(above) :], each.digest, each.size)
            for each in kept.values()
            if each.path == path or each.path.startswith(path + "/")
        ]
        return uploaded + model_files.send(self._client, on_disk)


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
