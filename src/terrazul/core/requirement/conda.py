"""A conda file as requirements for the Python package index."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any, Mapping

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import UserErrorException
from terrazul.core.requirement.pip import normalised

_SPECIFICATION = re.compile(
    r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9_][\w.-]*)\s*(?P<version>[=<>!~\d][\w.,*+!<>=~ |-]*)?\Z", re.ASCII
)
_FUZZY = re.compile(r"=?\s*(?P<version>\d[\w.+!]*?)(?P<star>\.?\*)?(?:\s*=\s*[\w*]+|\s+[\w*]*_\w+)?\Z")
_EXACT = re.compile(r"==\s*(?P<version>\d[\w.+!*]*)(?:\s*=\s*[\w*]+)?\Z")
_COMPARISONS = re.compile(r"(?:\s*(?:[<>]=?|[!~=]=)\s*\d[\w.+!*]*\s*,?)+\Z")
_MINOR = re.compile(r"(\d+)(?:\.(\d+))?")

_TOOLS = {"anaconda", "conda", "conda-build", "mamba", "nomkl", "pip"}
_BROUGHT_BY_WHEELS = {
    "blas", "cpuonly", "cuda", "cuda-toolkit", "cudatoolkit", "cudnn", "cupti", "intel-openmp", "libblas", "libgcc",
    "libgcc-ng", "libgfortran", "liblapack", "libstdcxx-ng", "mkl", "mkl-fft", "mkl-random", "mkl-service", "nccl",
    "openblas", "pytorch-cuda", "pytorch-mutex",
}  # fmt: skip
_RENAMED = {
    "dask-core": "dask",
    "faiss": "faiss-cpu",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python-headless",
    "psycopg2": "psycopg2-binary",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "tensorflow-base": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-mkl": "tensorflow",
}
"""Conda's name to the index's, where they differ; every other name is the same in both."""
_SYSTEM = {
    "arrow-cpp": "use pyarrow, which brings it",
    "ffmpeg": "use imageio-ffmpeg, or install it on the compute",
    "gcc": "install a compiler on the compute",
    "gdal": "use rasterio or pyogrio, which bring it",
    "git": "install it on the compute",
    "graphviz": "install the program on the compute; its Python package is python-graphviz here",
    "gxx": "install a compiler on the compute",
    "hdf5": "use h5py or tables, which bring it",
    "mpich": "install MPI on the compute",
    "openjdk": "install Java on the compute",
    "openmpi": "install MPI on the compute",
    "openssl": "Python brings it",
    "sqlite": "Python brings it",
}
_SYSTEM_PREFIXES = {
    "r-": "R packages cannot be had from the Python package index",
    "gcc-": "install a compiler on the compute",
    "gxx-": "install a compiler on the compute",
    "lib": "it is a system library; use the Python package that brings it, or install it on the compute",
}
_PYTHON_LIBRARIES = {"libclang", "libcst", "librosa", "libsvm", "libtmux"}


@dataclass
class CondaFile:
    """What a conda file asks for."""

    python: tuple[int, int] | None = None
    python_text: str = ""
    packages: list[str] = field(default_factory=list)
    pip_lines: list[object] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(content: Mapping[str, Any]) -> CondaFile:
    """The parsed content of a conda file. Raises ``UserErrorException`` for what cannot be had here."""
    conda = CondaFile()
    if content.get("channels"):
        conda.notes.append("channels are not used: packages come from the Python package index")
    dependencies = content.get("dependencies") or []
    if not isinstance(dependencies, list):
        raise UserErrorException("The conda file's 'dependencies' is not a list.", hint="Write one package a line.")
    for dependency in dependencies:
        if isinstance(dependency, str):
            _add(conda, dependency)
        else:
            conda.pip_lines += _pip_section(dependency)
    return conda


def _pip_section(dependency: object) -> list[object]:
    lines = dependency.get("pip") if isinstance(dependency, dict) and set(dependency) == {"pip"} else None
    if not isinstance(lines, list):
        raise UserErrorException(
            f"The conda file's entry {str(dependency)[:100]!r} is neither a package nor a pip section.",
            hint="Write '- name=version', or '- pip:' with a list below it.",
        )
    return lines


def _add(conda: CondaFile, text: str) -> None:
    match = _SPECIFICATION.match(text.strip())
    if match is None:
        raise _unreadable(text)
    name, version = normalised(match["name"]), (match["version"] or "").strip()
    if name == "python":
        conda.python_text, conda.python = version.lstrip("=") or "", _minor_of(version)
    elif name in _TOOLS:
        conda.notes.append(f"{name} is a tool of conda's and is left out")
    elif name in _BROUGHT_BY_WHEELS:
        conda.notes.append(f"{name} is left out: the packages that need it bring it along")
    else:
        conda.packages.append(_index_name(name) + _index_version(text, version))


def _index_name(name: str) -> str:
    reason = _SYSTEM.get(name) or next(
        (why for prefix, why in _SYSTEM_PREFIXES.items() if name.startswith(prefix) and name not in _PYTHON_LIBRARIES),
        "",
    )
    if reason:
        raise UserErrorException(
            f"The conda package {name!r} is not a Python package, and environments hold only those.",
            target=name,
            hint=f"Take it out: {reason}.",
        )
    return _RENAMED.get(name, name)


def _index_version(text: str, version: str) -> str:
    """A conda version as one of the index; conda's ``=1.2`` means any 1.2."""
    if not version or version == "*":
        return ""
    if match := _EXACT.match(version):
        return f"=={match['version']}"
    if _COMPARISONS.match(version):
        return re.sub(r"\s+", "", version).rstrip(",")
    if match := _FUZZY.match(version):
        return f"=={match['version']}.*"
    raise _unreadable(text)


def _minor_of(version: str) -> tuple[int, int] | None:
    match = _MINOR.search(version)
    return (int(match[1]), int(match[2] or 0)) if match else None


def _unreadable(text: str) -> UserErrorException:
    return UserErrorException(
        f"The conda file's entry {text[:200]!r} cannot be read.",
        target=text[:200],
        hint="Write 'name', 'name=version' or 'name>=version,<version'.",
    )
