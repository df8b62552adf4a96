"""How models are served: the entry script with its source directory, in which environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Sequence, Union

from terrazul.core.errors import WebserviceException
from terrazul.sdk.console import warn
from terrazul.sdk.container_registry import ContainerRegistry
from terrazul.sdk.content import send_files, source_file
from terrazul.sdk.environment import Environment
from terrazul.sdk.snapshot import take_snapshot
from terrazul.sdk.unsupported import not_yet
from terrazul.wire.endpoint import Deployment
from terrazul.wire.snapshot import Snapshot, SnapshotFile, SnapshotManifest

if TYPE_CHECKING:
    from terrazul.sdk.client import Client
    from terrazul.sdk.workspace import Workspace

_RUNTIMES = ("python", "python-slim", "spark-py")
_IMAGE_STEPS = "extra_docker_file_steps"
_ENVIRONMENT_NAME = "inference"
_CHECK = """\
import importlib.util
specification = importlib.util.spec_from_file_location("entry_module", {entry_script!r})
module = importlib.util.module_from_spec(specification)
specification.loader.exec_module(module)
for name in ("init", "run"):
    assert callable(getattr(module, name, None)), "The entry script has no function " + name + "()."
"""


class Source(NamedTuple):
    """Where the entry script lies on this machine."""

    folder: Optional[Path]
    """The source directory; None for a script by itself."""
    script: Path
    """Relative to the folder; else where it is."""

    @property
    def name(self) -> str:
        """The folder's own name, under which it lies in the app root; empty for a script by itself."""
        return "" if self.folder is None else self.folder.resolve().name


class InferenceConfig:
    """An entry script, and what it needs.

    In the new style with an ``environment``; in the old one with ``runtime`` and ``conda_file``. Paths are relative to
    ``source_directory`` where one is given. Nothing is read before ``validate_configuration`` or the deployment.
    """

    def __init__(
        self,
        entry_script: str,
        runtime: Optional[str] = None,
        conda_file: Optional[str] = None,
        extra_docker_file_steps: Optional[str] = None,
        source_directory: Optional[str] = None,
        enable_gpu: Optional[bool] = None,
        description: Optional[str] = None,
        base_image: Optional[str] = None,
        base_image_registry: Optional[ContainerRegistry] = None,
        cuda_version: Optional[str] = None,
        environment: Optional[Environment] = None,
    ) -> None:
        self.entry_script = entry_script
        self.runtime = runtime
        self.conda_file = conda_file
        self.extra_docker_file_steps = extra_docker_file_steps
        self.source_directory = source_directory
        self.enable_gpu = enable_gpu
        self.description = description
        self.base_image = base_image
        self.base_image_registry = base_image_registry or ContainerRegistry()
        self.cuda_version = cuda_version
        self.environment = environment

    def validate_configuration(self) -> None:
        """Raise ``WebserviceException`` where a file is missing, or what is given does not go together."""
        self.source()
        if self.environment is not None:
            old = [name for name in ("runtime", "conda_file", _IMAGE_STEPS) if getattr(self, name)]
            if old:
                message = f"An environment is given, and {', '.join(old)} too; they exclude each other."
                raise WebserviceException(message, target=old[0], hint="Keep the environment, and leave out the rest.")
            return
        if self.runtime is not None and self.runtime.lower() not in _RUNTIMES:
            message = f"The runtime {self.runtime!r} is not known; it is one of {', '.join(_RUNTIMES)}."
            raise WebserviceException(message, target="runtime", hint="Use runtime='python', or an environment.")
        if self.conda_file is not None:
            self._existing(self.conda_file, "conda_file")

    def source(self) -> Source:
        """Where the entry script lies. Raises ``WebserviceException`` where it does not."""
        if not self.entry_script:
            message = "No entry script is named."
            raise WebserviceException(message, target="entry_script", hint="Pass entry_script='score.py'.")
        if self.source_directory is None:
            return Source(None, self._existing(self.entry_script, "entry_script"))
        folder = Path(self.source_directory)
        if not folder.is_dir():
            message = f"The source directory {self.source_directory!r} is not a folder."
            raise WebserviceException(message, target="source_directory", hint="Name the folder of the entry script.")
        script = self._existing(self.entry_script, "entry_script")
        try:
            return Source(folder, script.resolve().relative_to(folder.resolve()))
        except ValueError:
            message = f"The entry script {self.entry_script!r} lies outside of the source directory {folder}."
            raise WebserviceException(message, target="entry_script", hint="Name it relative to that folder.") from None

    def used_environment(self) -> Environment:
        """The environment: the one that was given, or what runtime and conda file say."""
        if self.environment is not None:
            return self.environment
        environment = Environment(_ENVIRONMENT_NAME)
        if self.conda_file is not None:
            file = self._existing(self.conda_file, "conda_file")
            environment = Environment.from_conda_specification(_ENVIRONMENT_NAME, str(file))
        if self.base_image is not None:
            environment.docker.base_image = self.base_image
            environment.docker.base_image_registry = self.base_image_registry
        if self.extra_docker_file_steps:
            warn(f"{_IMAGE_STEPS} is not carried out: the service runs as processes, not in an image.")
        return environment

    def deployment(self, client: Client, models: Sequence[str]) -> Deployment:
        """Send the source, and name everything. Raises ``WebserviceException``."""
        self.validate_configuration()
        source = self.source()
        if source.folder is not None:
            snapshot_id = str(take_snapshot(client, str(source.folder)))
        else:
            snapshot_id = _take_file(client, source.script)
        script = source.script.as_posix() if source.folder is not None else source.script.name
        return Deployment(
            list(models),
            script,
            snapshot_id,
            self.used_environment().definition(),
            description=self.description or "",
            source_folder=source.name,
        )

    def validation_script_content(self) -> str:
        """A Python program that checks the entry script in its environment."""
        return _CHECK.format(entry_script=self.entry_script)

    def build_create_payload(self, workspace: Workspace, name: str, model_ids: Sequence[str]) -> Dict[str, Any]:
        """What would be deployed, as plain data."""
        self.validate_configuration()
        del workspace
        return {
            "name": name,
            "modelIds": list(model_ids),
            "entryScript": self.entry_script,
            "sourceDirectory": self.source_directory,
            "description": self.description,
            "environment": self.used_environment().to_plain(),
        }

    build_profile_payload = not_yet("InferenceConfig.build_profile_payload", "model profiling")

    def _existing(self, name: str, what: str) -> Path:
        root = Path(self.source_directory) if self.source_directory is not None else Path()
        for path in (root / name, Path(name)):
            if path.is_file():
                return path
        message = f"The {what} {name!r} is not a file" + (f" in {root}." if self.source_directory else ".")
        raise WebserviceException(message, target=what, hint=_there_is(root, Path(name).suffix))


def ids_of(models: Union[Any, Sequence[Any], None]) -> List[str]:
    """The ids of models that are given as objects or ids, alone or in a list."""
    if models is None:
        return []
    given = models if isinstance(models, (list, tuple)) else [models]
    found = [each if isinstance(each, str) else getattr(each, "id", None) for each in given]
    for each, original in zip(found, given):
        if not isinstance(each, str):
            message = f"{original!r} is not a model."
            raise WebserviceException(message, target="models", hint="Pass Model objects or ids such as 'name:1'.")
    return [str(each) for each in found]


def _take_file(client: Client, script: Path) -> str:
    """A snapshot of one file."""
    file = source_file(script.name, str(script))
    sent = send_files(client, [file])
    for problem in sent.problems.values():
        message = f"The entry script {str(script)!r} {problem}."
        raise WebserviceException(message, target="entry_script")
    size = sent.files[script.name].size
    manifest = SnapshotManifest([SnapshotFile(script.name, sent.digests[script.name], size)])
    return client.post(Snapshot, "/snapshots", manifest).snapshot_id


def _there_is(folder: Path, suffix: str) -> str:
    found = sorted(path.name for path in folder.glob(f"*{suffix}")) if folder.is_dir() else []
    return f"There is {', '.join(found[:10])}." if found else "Check the path; it is relative to the source directory."
