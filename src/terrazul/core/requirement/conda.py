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

_TOOLS = {
    "anaconda", "anaconda-client", "anaconda-navigator", "conda", "conda-build", "conda-pack", "libmambapy", "mamba",
    "nb-conda", "nb-conda-kernels", "nomkl", "pip",
}  # fmt: skip
_BROUGHT_BY_PYTHON = {
    "bzip2", "ca-certificates", "ld-impl-linux-64", "libexpat", "libffi", "liblzma", "libnsl", "libsqlite", "libuuid",
    "libxcrypt", "libzlib", "ncurses", "openssl", "python-abi", "readline", "sqlite", "tcl", "tk", "xz", "zlib",
}  # fmt: skip
_BROUGHT_BY_WHEELS = {
    "arrow-cpp", "blas", "cpuonly", "cuda", "cuda-cudart", "cuda-cupti", "cuda-libraries", "cuda-nvrtc", "cuda-nvtx",
    "cuda-runtime", "cuda-toolkit", "cuda-version", "cudatoolkit", "cudnn", "cupti", "freetype", "geos", "giflib",
    "hdf5", "intel-openmp", "jpeg", "lcms2", "lerc", "libarrow", "libblas", "libcblas", "libdeflate", "libgcc",
    "libgcc-ng", "libgfortran", "libgfortran-ng", "libgfortran5", "libgomp", "libhwloc", "libjpeg-turbo", "liblapack",
    "libnetcdf", "libopenblas", "libopencv", "libpng", "libprotobuf", "libspatialindex", "libstdcxx", "libstdcxx-ng",
    "libtiff", "libwebp", "libwebp-base", "libxgboost", "llvm-openmp", "lz4-c", "mkl", "mkl-fft", "mkl-include",
    "mkl-random", "mkl-service", "nccl", "openblas", "openjpeg", "proj", "pytorch-cuda", "pytorch-mutex", "tbb", "yaml",
    "zeromq", "zstd",
}  # fmt: skip
_OF_WINDOWS = {
    "icc-rt", "msys2-conda-epoch", "pywin32", "pywinpty", "ucrt", "vc", "vc14-runtime", "vs2015-runtime",
    "wincertstore", "winpty",
}  # fmt: skip
_RENAMED = {
    "dask-core": "dask",
    "faiss": "faiss-cpu",
    "keras-gpu": "keras",
    "lightgbm-gpu": "lightgbm",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python-headless",
    "psycopg2": "psycopg2-binary",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "pyqt": "pyqt5",
    "pytables": "tables",
    "python-annoy": "annoy",
    "python-blosc": "blosc",
    "python-flatbuffers": "flatbuffers",
    "python-graphviz": "graphviz",
    "python-kaleido": "kaleido",
    "python-xxhash": "xxhash",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "quantlib-python": "quantlib",
    "ray-core": "ray",
    "ray-default": "ray[default]",
    "ray-tune": "ray[tune]",
    "redis-py": "redis",
    "seaborn-base": "seaborn",
    "tensorflow-base": "tensorflow",
    "tensorflow-eigen": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-mkl": "tensorflow",
}
"""Conda's name to the index's, where they differ; every other name is the same in both."""
_INSTALL = "install it on the compute"
_COMPILER = "install a compiler on the compute"
_SYSTEM = {
    **dict.fromkeys(
        ["chromedriver", "curl", "firefox", "geckodriver", "git", "git-lfs", "htop", "imagemagick", "jq", "maven",
         "mongodb", "mysql", "nodejs", "p7zip", "poppler", "postgresql", "tesseract", "tmux", "unixodbc", "unzip",
         "vim", "wget", "wkhtmltopdf", "zip"],
        _INSTALL,
    ),
    **dict.fromkeys(["c-compiler", "compilers", "cxx-compiler", "gcc", "gxx", "make"], _COMPILER),
    **dict.fromkeys(["impi-rt", "mpi", "mpich", "openmpi"], "install MPI on the compute"),
    **dict.fromkeys(["java-jdk", "openjdk"], "install Java on the compute"),
    "cuda-compiler": "install CUDA's compiler on the compute",
    "cuda-nvcc": "install CUDA's compiler on the compute",
    "cudatoolkit-dev": "install CUDA's compiler on the compute",
    "eccodes": "use eccodeslib, which brings it",
    "ffmpeg": "use imageio-ffmpeg, or install it on the compute",
    "gdal": "use rasterio or pyogrio, which bring it",
    "graphviz": "install the program on the compute; its Python package is python-graphviz here",
    "mro-base": "install R on the compute, and call Rscript",
    "pandoc": "use pypandoc-binary, which brings it",
}  # fmt: skip
_SYSTEM_PREFIXES = {
    "r-": "R packages are not in the Python package index; install R on the compute, and call Rscript",
    "spacy-model-": "name the https address of the model's wheel in the pip section",
    "gcc-": _COMPILER,
    "gxx-": _COMPILER,
    "lib": "it is a system library; use the Python package that brings it, or install it on the compute",
}
_PYTHON_LIBRARIES = {"libclang", "libcst", "librosa", "libsvm", "libtmux"}
_LEFT_OUT = {
    **dict.fromkeys(_TOOLS, "it is a tool of conda's"),
    **dict.fromkeys(_BROUGHT_BY_PYTHON, "Python brings it along"),
    **dict.fromkeys(_BROUGHT_BY_WHEELS, "the packages that need it bring it along"),
    **dict.fromkeys(_OF_WINDOWS, "it is for Windows"),
}
_MARK = "-"
"""With what a normalised name begins that conda wrote with an underscore: ``_libgcc_mutex`` holds nothing."""
_OURS = re.compile(r"(?:[\w./-]+::)?(?P<line>azureml[\w.-]*\s*(?:\[[\w\s.,-]*\])?.*)\Z", re.ASCII)


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
    ours = _OURS.match(text.strip())
    if ours is not None:  # no channel has v1's packages, but files name them so
        conda.pip_lines.append(re.sub(r"(?<![=<>!~])=(?!=)", "==", ours["line"]))
        return
    match = _SPECIFICATION.match(text.strip())
    if match is None:
        raise _unreadable(text)
    name, version = normalised(match["name"]), (match["version"] or "").strip()
    why = "it holds nothing" if name.startswith(_MARK) else _LEFT_OUT.get(name)
    if name == "python":
        conda.python_text, conda.python = version.lstrip("=") or "", _minor_of(version)
    elif why:
        conda.notes.append(f"{name.lstrip(_MARK)} is left out: {why}")
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
