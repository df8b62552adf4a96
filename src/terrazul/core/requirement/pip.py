"""The lines of a pip section: what is taken, and by which policy."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Sequence

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import UserErrorException

_INDEX_OPTIONS = {
    "--index-url": "--index-url",
    "-i": "--index-url",
    "--extra-index-url": "--extra-index-url",
    "--find-links": "--find-links",
    "-f": "--find-links",
}
"""Where packages come from is the environment's to say; what uv calls it."""
_FLAGS = {"--pre": "--prerelease=allow", "--prefer-binary": "", "--no-cache-dir": ""}
_REFUSED = {
    "-r": "files beside the definition are not part of it; list their packages instead",
    "--requirement": "files beside the definition are not part of it; list their packages instead",
    "-c": "files beside the definition are not part of it; pin the packages instead",
    "--constraint": "files beside the definition are not part of it; pin the packages instead",
    "-e": "an environment is built once for all runs; put the package into the source directory instead",
    "--editable": "an environment is built once for all runs; put the package into the source directory instead",
    "git+": "an environment holds built packages only; name a version or the https address of an archive",
    "hg+": "an environment holds built packages only; name a version or the https address of an archive",
    "svn+": "an environment holds built packages only; name a version or the https address of an archive",
    "bzr+": "an environment holds built packages only; name a version or the https address of an archive",
    "file:": "files of one machine are not part of the definition; use an index or an https address",
    "http:": "packages are fetched over https only",
}

_OPTION = re.compile(r"(--[a-z][a-z-]*|-[a-zA-Z])(?:\s*=\s*|\s+|(?<=-[a-zA-Z])|\Z)(.*)\Z")
_CLAUSE = r"(?:===?|[<>!~]=|[<>])\s*[\w.*+!-]+"
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[(?P<extras>[\w\s.,-]*)\])?\s*"
    rf"(?P<version>\(?{_CLAUSE}(?:\s*,\s*{_CLAUSE})*\s*\)?)?\s*(?:;\s*(?P<marker>[\w\s.'\"<>=!~()-]+))?\Z",
    re.ASCII,
)
_ADDRESS = re.compile(r"https?://[^\s'\"]+\Z")
_ARCHIVE = re.compile(
    r"(?:[A-Za-z0-9][\w.-]*\s*(?:\[[\w\s.,-]*\])?\s*@\s*)?(?P<address>https://[^\s'\";]+\.(?:whl|zip|tar\.gz)(?:#\S*)?)\Z",
    re.ASCII,
)
_NOT_ONE_LINE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
_COMMENT = re.compile(r"(^|\s)#.*\Z")
_V1_PACKAGE = re.compile(r"azureml(-|\Z)")
_READING_DATA = ("pandas", "polars", "pyarrow")
_IMPLIED_BY_V1 = {
    "azureml-mlflow": ("mlflow-skinny",),
    "azureml-dataprep": _READING_DATA,
    "azureml-dataset-runtime": _READING_DATA,
}
_IMPLIED_WHEN_SERVING = {
    "azureml-defaults": ("flask", "inference-schema"),
    "azureml-inference-server-http": ("flask", "inference-schema"),
    "azureml-contrib-services": ("flask",),
}
"""What entry scripts import that came with these."""
_EXTRAS_OF_V1 = {"pandas": "pandas"}


@dataclass
class Requirements:
    """What is to be installed, from where, and what is to be told about it."""

    packages: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    """Options of ``uv pip install``."""
    notes: list[str] = field(default_factory=list)


def read(lines: Sequence[object], *, serving: bool = False) -> Requirements:
    """The lines of a pip section; ``serving`` adds what v1's packages brought for entry scripts.

    Raises ``UserErrorException`` for a line that the policy refuses.
    """
    requirements = Requirements()
    for line in lines:
        text = _COMMENT.sub("", str(line)).strip()
        if not text:
            continue
        if _NOT_ONE_LINE.search(text):
            raise _refusal(text, "it is more than one line")
        if text.startswith("-"):
            requirements.options += _option(text)
        else:
            _add(requirements, text, serving=serving)
    return requirements


def normalised(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _option(text: str) -> list[str]:
    match = _OPTION.match(text)
    name, value = (match[1], match[2].strip()) if match else (text, "")
    if name in _FLAGS and not value:
        return [_FLAGS[name]] if _FLAGS[name] else []
    if name not in _INDEX_OPTIONS:
        raise _refusal(text, _REFUSED.get(name, "this option is not known to be harmless"))
    if not _ADDRESS.match(value):
        raise _refusal(text, "an index is named by its http or https address")
    return [_INDEX_OPTIONS[name], value]


def _add(requirements: Requirements, text: str, *, serving: bool) -> None:
    if _ARCHIVE.match(text):
        requirements.packages.append(text)
        return
    match = _REQUIREMENT.match(text)
    if match is None:
        reasons = (reason for sign, reason in _REFUSED.items() if sign.endswith((":", "+")) and sign in text)
        raise _refusal(text, next(reasons, "it is not a package with an optional version"))
    if _V1_PACKAGE.match(normalised(match["name"])):
        _answer_v1_package(requirements, normalised(match["name"]), match["extras"] or "", serving=serving)
        return
    requirements.packages.append(text)


def _answer_v1_package(requirements: Requirements, name: str, extras: str, *, serving: bool) -> None:
    kept = [*_IMPLIED_BY_V1.get(name, ()), *(_IMPLIED_WHEN_SERVING.get(name, ()) if serving else ())]
    kept += [_EXTRAS_OF_V1[extra.strip()] for extra in extras.split(",") if extra.strip() in _EXTRAS_OF_V1]
    requirements.packages += kept
    also = f" (with {', '.join(kept)})" if kept else ""
    requirements.notes.append(f"{name} is answered by Terrazul's own SDK{also}")


def _refusal(text: str, reason: str) -> UserErrorException:
    return UserErrorException(
        f"The environment's pip line {text[:200]!r} is refused: {reason}.",
        target=text[:200],
        hint="Allowed are packages with versions, https addresses of archives, and the options of indexes and --pre.",
    )
