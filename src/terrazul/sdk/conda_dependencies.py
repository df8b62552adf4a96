"""Conda dependencies: the packages of an environment, as a conda file names them."""

from __future__ import annotations

import copy
import re
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from terrazul.core.errors import InvalidInput, UserErrorException
from terrazul.sdk import text_file, yaml_text

BASE_PROJECT_MODULE = "azureml._project"
BASE_PROJECT_FILE_RELATIVE_PATH = "base_project_files/conda_dependencies.yml"
CONDA_FILE_NAME = "auto_conda_dependencies.yml"
CHANNELS = "channels"
PACKAGES = "dependencies"
PIP = "pip"
PYTHON_PREFIX = "python"
PYTHON_DEFAULT_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
"""That of the interpreter that submits; v1 had one version for all, which today few machines can provide."""
CNTK_DEFAULT_VERSION = "2.7"
LINUX_PLATFORM = "linux"
WINDOWS_PLATFORM = "win32"
TENSORFLOW_DEFAULT_VERSION = "2.2.0"
PYTORCH_DEFAULT_VERSION = "1.6.0"
TORCHVISION_DEFAULT_VERSION = "0.7.0"
HOROVOD_DEFAULT_VERSION = "0.19.5"
DEFAULT_CHAINER_VERSION = "7.7.0"
CUPY_DEFAULT_VERSION = "cupy-cuda102"
CPU = "cpu"
GPU = "gpu"
CNTK_PACKAGE_PREFIX = "cntk"
TENSORFLOW_PACKAGE_PREFIX = "tensorflow"
PYTORCH_PACKAGE_PREFIX = "torch"
TORCHVISION_PACKAGE_PREFIX = "torchvision"
CHAINER_PACKAGE_PREFIX = "chainer"

_DEFAULT_PIP_PACKAGES = ("azureml-defaults",)
_DEFAULT_CHANNELS = ("anaconda", "conda-forge")
_ORIGIN_URL = "https://pypi.org/simple"
_CONFIGURATION_FOLDER = ".azureml"
_INDEX_OPTION = "--index-url"
_NAMED_FILE = re.compile(r"(?:-r|--requirement)[\s=]*(\S.*)")
_DEEPEST_FILE = 10
_NAME = re.compile(r"[^\s=<>!~\[;@]+")
_HEADING = "# Conda environment specification: the packages that runs with userManagedDependencies=False get.\n\n"


class CondaDependencies:
    """The packages of an environment: conda's, pip's, and the Python version.

    Made anew it asks for the Python of this interpreter and for ``azureml-defaults``; with a path, for what a conda
    file says, and what the requirement files say that it names. Raises ``UserErrorException`` for a file that is not
    one, ``FileNotFoundError`` where there is none.
    """

    DEFAULT_NUMBER_OF_CONDA_PACKAGES = 0
    DEFAULT_NUMBER_OF_PIP_PACKAGES = 0

    def __init__(
        self,
        conda_dependencies_file_path: Optional[str] = None,
        _underlying_structure: Optional[Dict[str, Any]] = None,
    ) -> None:
        if conda_dependencies_file_path:
            self._content = _read(Path(conda_dependencies_file_path))
        elif _underlying_structure is not None:
            self._content = _checked(copy.deepcopy(_underlying_structure), "The conda dependencies")
        else:
            self._content = _default()

    @staticmethod
    def create(
        pip_indexurl: Optional[str] = None,
        pip_packages: Optional[List[str]] = None,
        conda_packages: Optional[List[str]] = None,
        python_version: str = PYTHON_DEFAULT_VERSION,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """Dependencies from lists of packages; without ``pip_packages`` these are ``azureml-defaults``.

        ``pin_sdk_version`` is accepted: v1's own packages are answered by Terrazul, whatever version is named.
        """
        del pin_sdk_version
        made = CondaDependencies()
        made.set_python_version(python_version)
        if pip_packages is not None:
            made._set_pip([])  # our own
        for package in pip_packages or []:
            made.add_pip_package(package)
        for package in conda_packages or []:
            made.add_conda_package(package)
        if pip_indexurl:
            made.set_pip_index_url(f"{_INDEX_OPTION} {pip_indexurl}")
        return made

    @staticmethod
    def merge_requirements(requirements: List[str]) -> List[str]:
        """Requirements with those of one package joined: ``["a==1", "a>0"]`` becomes ``["a==1,>0"]``."""
        merged: Dict[str, List[str]] = {}
        for requirement in requirements:
            name = _name_of(requirement)
            merged.setdefault(name, []).append(requirement.strip()[len(name) :].strip())
        return [name + ",".join(filter(None, conditions)) for name, conditions in merged.items()]

    @staticmethod
    def sdk_origin_url() -> str:
        """The address of the package index from which v1's SDK came."""
        return _ORIGIN_URL

    @property
    def conda_channels(self) -> Iterator[str]:
        """The conda channels."""
        return iter(list(self._content.get(CHANNELS) or []))

    @property
    def conda_packages(self) -> Iterator[str]:
        """The conda packages, Python among them."""
        return iter([package for package in self._packages if isinstance(package, str)])

    @property
    def pip_packages(self) -> Iterator[str]:
        """The pip packages, without pip's options."""
        return iter([line for line in self._pip if not line.startswith("-")])

    @property
    def pip_options(self) -> Iterator[str]:
        """The options that are given to pip."""
        return iter([line for line in self._pip if line.startswith("-")])

    def get_default_number_of_packages(self) -> Tuple[int, int]:
        """How many conda and pip packages the default asks for."""
        default = CondaDependencies()
        return len(list(default.conda_packages)), len(list(default.pip_packages))

    def get_python_version(self) -> Optional[str]:
        """The Python version that is asked for, if any."""
        for package in self.conda_packages:
            if _name_of(package) == PYTHON_PREFIX:
                return package[len(PYTHON_PREFIX) :].lstrip("= ") or None
        return None

    def set_python_version(self, version: str) -> None:
        """Ask for a Python version. Raises ``InvalidInput`` for one that is no text: the number 3.10 is 3.1."""
        if not isinstance(version, str):
            message = f"The Python version {version!r} is not a text."
            raise InvalidInput(message, target="python_version", hint="Write it in quotes, as '3.11'.")
        self.add_conda_package(f"{PYTHON_PREFIX}={version}")

    def add_channel(self, channel: str) -> None:
        """Add a conda channel."""
        if channel not in self.conda_channels:
            self._content[CHANNELS] = [*self.conda_channels, channel]

    def remove_channel(self, channel: str) -> None:
        """Remove a conda channel, if it is there."""
        if channel in self.conda_channels:
            self._content[CHANNELS].remove(channel)

    def add_conda_package(self, conda_package: str) -> None:
        """Add a conda package; another version of it is replaced."""
        _replace(self._packages, conda_package)

    def remove_conda_package(self, conda_package: str) -> None:
        """Remove a conda package, whatever its version, if it is there."""
        _remove(self._packages, conda_package)

    def add_pip_package(self, pip_package: str) -> None:
        """Add a pip package; another version of it is replaced."""
        _replace(self._pip, pip_package)

    def remove_pip_package(self, pip_package: str) -> None:
        """Remove a pip package, whatever its version, if it is there."""
        _remove(self._pip, pip_package)

    def set_pip_requirements(self, pip_requirements: List[str]) -> None:
        """Set pip's packages and options anew."""
        self._set_pip([])
        for requirement in pip_requirements:
            self.add_pip_package(requirement)

    def set_pip_index_url(self, index_url: str) -> None:
        """Set an option that names an index, such as ``--index-url https://…``."""
        self.set_pip_option(index_url)

    def set_pip_option(self, pip_option: str) -> None:
        """Give an option to pip; another value of it is replaced. Raises ``UserErrorException`` for what is none."""
        if not pip_option.startswith("-"):
            message = f"{pip_option!r} is not an option of pip."
            raise UserErrorException(message, target=pip_option, hint="Options begin with '-', as '--index-url URL'.")
        self.remove_pip_option(pip_option.split(maxsplit=1)[0])
        self._pip.insert(0, pip_option)

    def remove_pip_option(self, pip_option: str) -> None:
        """Remove an option, with its value or without, if it is there."""
        self._set_pip([line for line in self._pip if line != pip_option and line.split()[0] != pip_option])

    def add_cntk_package(self, core_type: str = CPU) -> None:
        """Add the CNTK package for processors or graphics cards."""
        self.add_pip_package(_of_core(CNTK_PACKAGE_PREFIX, core_type) + f"=={CNTK_DEFAULT_VERSION}")

    def add_tensorflow_pip_package(self, core_type: str = CPU, version: Optional[str] = None) -> None:
        """Add TensorFlow for processors or graphics cards, from pip."""
        package = _of_core(TENSORFLOW_PACKAGE_PREFIX, core_type)
        self.add_pip_package(f"{package}=={version or TENSORFLOW_DEFAULT_VERSION}")

    def add_tensorflow_conda_package(self, core_type: str = CPU, version: Optional[str] = None) -> None:
        """Add TensorFlow for processors or graphics cards, from conda."""
        package = _of_core(TENSORFLOW_PACKAGE_PREFIX, core_type)
        self.add_conda_package(f"{package}={version or TENSORFLOW_DEFAULT_VERSION}")

    def save_to_file(self, base_directory: str, conda_file_path: Optional[str] = None) -> str:
        """Write the conda file below a directory; its path relative to that."""
        relative = conda_file_path or f"{_CONFIGURATION_FOLDER}/{CONDA_FILE_NAME}"
        self.save(str(Path(base_directory, relative)))
        return relative

    def save(self, path: Optional[str] = None) -> str:
        """Write the conda file, ``conda_dependencies.yml`` here without a path; its path.

        Raises ``UserErrorException`` where the path is a folder.
        """
        file = Path(path or "conda_dependencies.yml")
        if file.is_dir():
            message = f"'{file}' is a folder."
            raise UserErrorException(message, target=str(file), hint="Name the file too.")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.serialize_to_string(), encoding="utf-8")
        return str(file)

    def serialize_to_string(self) -> str:
        """The text of the conda file."""
        return _HEADING + yaml_text.dump(self.as_dict())

    def as_dict(self) -> Dict[str, Any]:
        """The content of the conda file."""
        return copy.deepcopy(self._content)

    @property
    def _packages(self) -> List[Any]:
        packages: List[Any] = self._content.setdefault(PACKAGES, [])
        return packages

    @property
    def _pip(self) -> List[str]:
        """Pip's lines; the list itself, which is made where there is none."""
        for entry in self._packages:
            if isinstance(entry, dict):
                lines: List[str] = entry[PIP]
                return lines
        self._packages.append({PIP: []})
        return self._pip

    def _set_pip(self, lines: List[str]) -> None:
        self._pip[:] = lines

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CondaDependencies) and self._content == other._content

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"CondaDependencies({self.as_dict()!r})"


def _default() -> Dict[str, Any]:
    return {
        "name": "project_environment",
        PACKAGES: [f"{PYTHON_PREFIX}={PYTHON_DEFAULT_VERSION}", {PIP: list(_DEFAULT_PIP_PACKAGES)}],
        CHANNELS: list(_DEFAULT_CHANNELS),
    }


def _read(file: Path) -> Dict[str, Any]:
    content = _checked(yaml_text.load(text_file.read(file), str(file)), str(file))
    for entry in content[PACKAGES]:
        if isinstance(entry, dict):
            entry[PIP] = [line for each in entry[PIP] for line in _with_named_files(each, file.parent, 0)]
    return content


def _checked(content: Any, source: str) -> Dict[str, Any]:
    """The content of a conda file, if it is of that form."""
    if not isinstance(content, dict):
        message = f"{source} is not a conda file: it holds no 'dependencies'."
        raise UserErrorException(message, target=source)
    packages = content.get(PACKAGES) or []
    wrong = [entry for entry in packages if not isinstance(entry, str) and not _is_pip(entry)]
    if not isinstance(packages, list) or wrong:
        message = f"{source} has dependencies that are neither text nor a list under 'pip': {wrong}."
        raise UserErrorException(message, target=source, hint="Write '- numpy=1.26' or '- pip: [numpy==1.26]'.")
    content[PACKAGES] = _with_one_pip(packages)
    return content


def _with_one_pip(packages: List[Any]) -> List[Any]:
    """The packages with all that pip gets in one place: the first."""
    pip: List[str] = []
    joined: List[Any] = []
    for entry in packages:
        if isinstance(entry, str):
            joined.append(entry)
        else:
            joined += [] if pip else [{PIP: pip}]
            pip += [str(line) for line in entry[PIP] or []]
    return joined


def _is_pip(entry: object) -> bool:
    return isinstance(entry, dict) and set(entry) == {PIP} and isinstance(entry[PIP], (list, type(None)))


def _name_of(requirement: str) -> str:
    match = _NAME.match(requirement.strip())
    return match.group() if match else requirement


def _is_same(one: str, other: str) -> bool:
    """True for two lines that name one package: ``-``, ``_`` and ``.`` are alike there, and so are capitals."""
    return re.sub(r"[-_.]+", "-", _name_of(one)).lower() == re.sub(r"[-_.]+", "-", _name_of(other)).lower()


def _replace(lines: List[Any], line: str) -> None:
    """Put a line where another version of its package stands, else at the end."""
    if line.startswith("-"):
        lines.append(line)
        return
    for index, there in enumerate(lines):
        if isinstance(there, str) and _is_same(there, line):
            lines[index] = line
            return
    lines.append(line)


def _remove(lines: List[Any], package: str) -> None:
    kept = [line for line in lines if not (isinstance(line, str) and _is_same(line, package))]
    lines[:] = kept


def _of_core(package: str, core_type: str) -> str:
    return f"{package}-gpu" if core_type == GPU else package


def requirements_of(file: Path) -> List[str]:
    """The requirements and options of a pip requirements file, and of those that it names with ``-r``.

    Comments are left out and continued lines joined. Raises ``MissingFile``, and ``UserErrorException`` where
    files name each other in a circle.
    """
    return list(_lines_of(file, 0))


def _lines_of(file: Path, depth: int) -> Iterator[str]:
    if depth > _DEEPEST_FILE:
        message = f"The requirement files around '{file}' name each other in a circle."
        raise UserErrorException(message, target=str(file), hint="Take out one of the lines that begin with -r.")
    text = text_file.read(file).replace("\\\n", " ")
    for line in (re.sub(r"(^|\s)#.*", "", each).strip() for each in text.splitlines()):
        if line:
            yield from _with_named_files(line, file.parent, depth)


def _with_named_files(line: str, folder: Path, depth: int) -> Iterator[str]:
    """A line itself, or the lines of the requirements file that it names: files are not sent along."""
    match = _NAMED_FILE.match(line)
    if match:
        yield from _lines_of(folder / match[1], depth + 1)
    else:
        yield line
