"""Runs that look at all rows of a table, on a compute."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Optional

from terrazul.core.errors import InvalidInput, NotATable
from terrazul.sdk.client import class_of, concept
from terrazul.sdk.conda_dependencies import CondaDependencies
from terrazul.sdk.console import say
from terrazul.sdk.environment import Environment
from terrazul.sdk.run import Run, ScriptRun
from terrazul.sdk.script_run_config import ScriptRunConfig
from terrazul.wire.dataset import TABULAR

if TYPE_CHECKING:
    from terrazul.sdk.dataset.dataset_profile import DatasetProfile
    from terrazul.sdk.experiment import Experiment
    from terrazul.sdk.workspace import Workspace

PROFILE_OF = "profile_of"
"""The tag of a run that makes a profile; its value is the id of the dataset."""
_INPUT = "profiled"
_ENVIRONMENT = "terrazul-profile"
_PACKAGES = ["duckdb", "polars", "pyarrow"]
_SCRIPT = "make_profile.py"
_PROGRAM = """# Looks at all rows of the dataset that it is given, and has the workspace keep what it found.
from terrazul.sdk.dataset.profile_run import carry_out

carry_out()
"""


@concept("dataset.profile_run_config")
class DatasetProfileRunConfig:
    """Have a run make the profile of a table: ``experiment.submit(DatasetProfileRunConfig(dataset, compute))``.

    ``environment`` can be set: it needs polars, pyarrow and duckdb. Raises ``NotATable`` for a dataset of files.
    """

    def __init__(self, dataset: Any, compute_target: Any = "local", datastore_name: Optional[str] = None) -> None:
        definition = getattr(dataset, "definition", None)
        if definition is None or definition.type != TABULAR:
            message = f"{type(dataset).__name__} has no columns, so no profile can be made of it."
            hint = "Pass a table: Dataset.Tabular.from_delimited_files((datastore, 'a/path')), for example."
            raise NotATable(message, target="dataset", hint=hint)
        self.dataset = dataset
        self.compute_target = compute_target
        self.datastore_name = datastore_name
        """v1's cache; the cache of each node does its work here."""
        self.environment = Environment(_ENVIRONMENT)
        self.environment.python.conda_dependencies = CondaDependencies.create(pip_packages=_PACKAGES)

    def submit_to(
        self, experiment: Experiment, tags: Optional[Mapping[str, Any]] = None, **kwargs: Any
    ) -> DatasetProfileRun:
        """Submit it; what ``Experiment.submit`` calls. Terrazul's own."""
        dataset_id = self.dataset.save(experiment.workspace)
        with tempfile.TemporaryDirectory(prefix="terrazul-") as folder:
            (Path(folder) / _SCRIPT).write_text(_PROGRAM, encoding="utf-8")
            config = ScriptRunConfig(
                folder,
                _SCRIPT,
                [self.dataset.as_named_input(_INPUT)],
                compute_target=self.compute_target,
                environment=self.environment,
            )
            told = {**(tags or {}), PROFILE_OF: dataset_id}
            name = kwargs.pop("display_name", None) or f"profile of {self.dataset.name or dataset_id}"
            run = experiment.submit(config, told, display_name=name, **kwargs)
        return DatasetProfileRun(experiment.workspace, self.dataset, run)


@concept("dataset.profile_run")
class DatasetProfileRun(ScriptRun):
    """A run that makes the profile of a table; made by ``TabularDataset.submit_profile_run``."""

    def __init__(self, workspace: Workspace, dataset: Any, run: Run) -> None:
        super().__init__(run.experiment, run.id)
        self.workspace = workspace
        self.dataset = dataset
        self.run = run

    @staticmethod
    def list_of(dataset: Any, workspace: Optional[Workspace]) -> Iterator[DatasetProfileRun]:
        """The runs that were submitted to make a profile of a dataset, the newest first; Terrazul's own."""
        chosen = workspace or dataset.workspace
        if chosen is None:
            message = "The dataset belongs to no workspace, so no run has made a profile of it."
            raise InvalidInput(message, target="workspace", hint="Pass the workspace.")
        wanted = f"tags.{PROFILE_OF} = '{dataset.save(chosen)}'"
        return (DatasetProfileRun(chosen, dataset, run) for run in Run.search(chosen, wanted))

    def get_profile(self) -> DatasetProfile:
        """What the run has found; it waits for its end. Raises ``ActivityFailedException`` where the run failed."""
        self.wait_for_completion()
        dataset_id = self.dataset.save(self.workspace)
        found: DatasetProfile = class_of("dataset.dataset_profile").of_id(self.workspace, dataset_id)
        return found


def carry_out() -> None:
    """What the run does; Terrazul's own."""
    run: Run = class_of("submitted_run").of_environment()
    profile = run.input_datasets[_INPUT].make_profile(progress=lambda done, total: say(f"{done} of {total} columns"))
    run.log("rows", profile.row_count)
    run.log("columns", len(profile.columns))
