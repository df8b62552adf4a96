"""Packaging: models with their entry script as a folder with a Dockerfile, which builds and runs elsewhere."""

from __future__ import annotations

import json
import shutil
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Optional, Tuple
from urllib.parse import quote

import terrazul
from terrazul.core.errors import CapabilityNotAvailable, InvalidInput, WebserviceException
from terrazul.core.requirement import conda, pip
from terrazul.core.version import __version__
from terrazul.sdk.client import Request
from terrazul.sdk.console import say
from terrazul.sdk.content import fetch_file
from terrazul.sdk.inference_config import InferenceConfig, ids_of
from terrazul.sdk.unsupported import not_yet
from terrazul.wire.model import Model

if TYPE_CHECKING:
    from terrazul.sdk.environment import Environment
    from terrazul.sdk.workspace import Workspace

_PORT = 5001
_MODELS = "azureml-models"
_OWN_PACKAGES = ("core", "wire", "sdk", "compatibility", "scoring")
_FACES = ("azureml", "azureml_inference_server_http")
_SERVING = ("httptools", "orjson", "uvloop; sys_platform != 'win32'")
"""What the front needs besides the entry script's own packages."""
_SUCCEEDED = "Succeeded"
_DOCKERFILE = """\
# {what}, packaged by Terrazul {version}.
# Build and run:  docker build -t scoring .  &&  docker run --rm -p {port}:{port} scoring
FROM python:{python}-slim
WORKDIR /service
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
ENV {variables}
EXPOSE {port}
CMD ["python", "-m", "terrazul.scoring.serve", {arguments}]
"""


class _Install(NamedTuple):
    """What is to be installed into the image."""

    python: str
    lines: List[str]
    notes: List[str]


class ModelPackage:
    """Models with everything to serve them; ``save`` writes it into a folder."""

    def __init__(self, workspace: Workspace, operation_id: Optional[str], environment: Optional[Environment]) -> None:
        self.workspace = workspace
        self.environment = environment
        self.generate_dockerfile = True
        self.state = _SUCCEEDED
        self.error: Optional[Dict[str, Any]] = None
        self.location: Optional[str] = None
        """The folder, once it was saved."""
        self.package_build_log_uri: Optional[str] = None
        self._operation_id = operation_id
        self._models: List[Model] = []
        self._configuration: Optional[InferenceConfig] = None
        self._lines: List[str] = []

    def wait_for_creation(self, show_output: bool = False) -> None:
        """Wait until it is made, which it is."""
        if show_output:
            say(f"Package creation {_SUCCEEDED}")

    def update_creation_state(self) -> None:
        """Look again at how it is; it does not change."""

    def save(self, output_directory: str) -> None:
        """Write the package into a folder that is new or empty, every model file checked against its digest.

        Raises ``InvalidInput`` for a folder that holds something.
        """
        folder = Path(output_directory)
        if folder.exists() and any(folder.iterdir()):
            message = f"The folder {folder} is not empty."
            raise InvalidInput(message, target=str(folder), hint="Name a new folder.")
        folder.mkdir(parents=True, exist_ok=True)
        self._write(folder)
        self.location = str(folder.absolute())

    def get_logs(self, decode: bool = True, offset: int = 0) -> str:
        """What was noted while it was written."""
        del decode
        return "\n".join(self._lines)[offset:]

    def pull(self) -> None:
        """Raise ``CapabilityNotAvailable``: no image is built here."""
        _tell_no_image()

    get_container_registry: Any = not_yet("ModelPackage.get_container_registry", "container images")

    def serialize(self) -> Dict[str, Any]:
        """The package as plain data."""
        return {
            "state": self.state,
            "location": self.location,
            "modelIds": [model.id for model in self._models],
            "generateDockerfile": self.generate_dockerfile,
        }

    def _write(self, folder: Path) -> None:
        if self._configuration is None:
            message = "This package holds nothing."
            raise WebserviceException(message, hint="Make it with Model.package.")
        install = _install_of(self._configuration.used_environment())
        self._lines = [*install.notes, f"{len(self._models)} models, Python {install.python}"]
        (folder / "requirements.txt").write_text("\n".join([*install.lines, *_SERVING]) + "\n", encoding="utf-8")
        script = self._write_source(folder / "app")
        places = [self._write_model(folder / "app" / _MODELS, model) for model in self._models]
        _write_runtime(folder)
        (folder / "Dockerfile").write_text(self._dockerfile(install, script, places), encoding="utf-8")

    def _write_source(self, target: Path) -> str:
        configuration = self._configuration
        if configuration is None:
            return ""
        source = configuration.source()
        if source.folder is None:
            target.mkdir()
            shutil.copy2(source.script, target / source.script.name)
            return source.script.name
        from terrazul.sdk.source_tree import walk  # noqa: PLC0415  # a lone script needs no ignore rules

        for file in walk(str(source.folder)).files:
            place = target / source.name / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file.location, place)
        return (source.name / source.script).as_posix()

    def _write_model(self, root: Path, model: Model) -> str:
        path = f"/models/{quote(model.id, safe='')}/file"
        for file in model.files:
            target = root / model.name / str(model.version) / file.path
            request = Request("GET", path, {"path": file.path})
            fetch_file(self.workspace.client, request, target, file.digest, file.size)
        return f"app/{_MODELS}/{model.name}/{model.version}"

    def _dockerfile(self, install: _Install, script: str, places: List[str]) -> str:
        configuration = self._configuration
        definition = configuration.used_environment() if configuration is not None else None
        source = configuration.source().name if configuration is not None else ""
        model_dir = places[0] if len(places) == 1 else f"app/{_MODELS}"
        variables = {
            **(dict(definition.environment_variables) if definition is not None else {}),
            "AML_APP_ROOT": "/service/app",
            "AZUREML_SOURCE_DIRECTORY": f"/service/app/{source}".rstrip("/"),
            "AZUREML_MODEL_DIR": f"/service/{model_dir}",
            "PYTHONPATH": "/service",
            "PYTHONUNBUFFERED": "1",
        }
        variables.pop("EXAMPLE_ENV_VAR", None)
        arguments = ["--entry-script", f"/service/app/{script}", "--host", "0.0.0.0", "--port", str(_PORT)]  # noqa: S104  # inside a container
        return _DOCKERFILE.format(
            what=", ".join(model.id for model in self._models) or script,
            version=__version__,
            port=_PORT,
            python=install.python,
            variables=" \\\n    ".join(f"{name}={json.dumps(str(value))}" for name, value in variables.items()),
            arguments=", ".join(json.dumps(each) for each in arguments),
        )


def package(
    workspace: Workspace,
    models: Any,
    inference_config: Optional[InferenceConfig] = None,
    generate_dockerfile: bool = False,
    image_name: Optional[str] = None,
    image_label: Optional[str] = None,
) -> ModelPackage:
    """Package models with an entry script.

    Raises ``CapabilityNotAvailable`` where an image is asked for instead of a folder with a Dockerfile, and
    ``WebserviceException`` without an inference configuration.
    """
    del image_name, image_label
    if not generate_dockerfile:
        _tell_no_image()
    if inference_config is None:
        message = "A package needs an inference configuration, which says how the models are served."
        raise WebserviceException(message, target="inference_config", hint="Pass an InferenceConfig.")
    inference_config.validate_configuration()
    made = ModelPackage(workspace, None, inference_config.environment)
    made._configuration = inference_config  # noqa: SLF001  # it is being made
    made._models = [  # noqa: SLF001  # as above
        workspace.client.get(Model, f"/models/{quote(each, safe='')}") for each in ids_of(models)
    ]
    return made


def _tell_no_image() -> None:
    message = "Model.package builds no image: that needs container images, which Terrazul does not have yet."
    hint = "Pass generate_dockerfile=True, save the package, and build its Dockerfile with the tool of your choice."
    raise CapabilityNotAvailable(message, target="generate_dockerfile", hint=hint)


def _install_of(environment: Environment) -> _Install:
    definition = environment.definition()
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if definition.user_managed:
        note = "the environment is managed by its user: add its packages to requirements.txt"
        return _Install(own, [f"# {note}"], [note])
    file = conda.read(definition.conda_dependencies or {})
    listed = pip.read(file.pip_lines, serving=True)
    python = ".".join(str(each) for each in file.python) if file.python else own
    options = [_option(each) for each in _pairs(listed.options)]
    return _Install(python, [*options, *sorted({*file.packages, *listed.packages})], [*file.notes, *listed.notes])


def _pairs(options: List[str]) -> Iterator[Tuple[str, ...]]:
    """The options of the index, each with its value; those without one alone."""
    rest = list(options)
    while rest:
        name = rest.pop(0)
        yield (name,) if "=" in name or not rest else (name, rest.pop(0))


def _option(parts: Tuple[str, ...]) -> str:
    return "--pre" if parts[0].startswith("--prerelease") else " ".join(parts)


def _write_runtime(folder: Path) -> None:
    """Our own pure Python packages, for an image that can reach none of ours."""
    root = Path(terrazul.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    (folder / "terrazul").mkdir()
    shutil.copy2(root / "__init__.py", folder / "terrazul" / "__init__.py")
    for name in _OWN_PACKAGES:
        shutil.copytree(root / name, folder / "terrazul" / name, ignore=ignored)
    for name in _FACES:
        found = PathFinder.find_spec(name)
        for location in (found.submodule_search_locations or [])[:1] if found else []:
            shutil.copytree(location, folder / name, ignore=ignored)
