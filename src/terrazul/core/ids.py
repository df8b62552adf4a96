"""Ids and names, and the rules they obey."""

from __future__ import annotations

import os
import re
from typing import NewType

from terrazul.core.errors import InvalidInput, WebserviceException

WorkspaceId = NewType("WorkspaceId", str)
ExperimentName = NewType("ExperimentName", str)
RunId = NewType("RunId", str)
SnapshotId = NewType("SnapshotId", str)
Digest = NewType("Digest", str)
ModelName = NewType("ModelName", str)
WebserviceName = NewType("WebserviceName", str)

_RUN_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,255}\Z", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_WORKSPACE_NAME = re.compile(r"[A-Za-z0-9][\w-]{2,32}\Z", re.ASCII)
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z", re.ASCII)
_WEBSERVICE_NAME = re.compile(r"[a-z](?:[a-z0-9-]{1,30})[a-z0-9]\Z", re.ASCII)
_DATA_NAME = re.compile(r"\w{1,255}\Z", re.ASCII)
_NOT_FOR_DATA = re.compile(r"(PATH|HOME|USER|SHELL|TMPDIR|LD_.*|PYTHON.*|AZUREML_.*|MLFLOW_.*|TERRAZUL_.*)\Z")
_V1_EXPERIMENT_NAME = re.compile(r"[A-Za-z0-9][\w-]{0,254}\Z", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
EXPERIMENT_NAME_LIMIT = 500
TOKEN_PREFIX = "tz_"  # noqa: S105  # so that who finds a user's token knows what it is

_TOKEN = re.compile(TOKEN_PREFIX + r"[\w-]{16,}", re.ASCII)


def without_tokens(text: str) -> str:
    """The text with the tokens of users cut short, for what is kept and read by others."""
    return _TOKEN.sub(f"{TOKEN_PREFIX}...", text)


def new_guid() -> str:
    """A random GUID in its usual writing."""
    random = bytearray(os.urandom(16))
    random[6] = random[6] & 0x0F | 0x40
    random[8] = random[8] & 0x3F | 0x80
    return _as_guid(random.hex())


def new_script_run_id(experiment: str, epoch_seconds: int) -> RunId:
    """v1's shape of a submitted run's id: ``<experiment>_<epoch seconds>_<8 hex>``."""
    readable = re.sub(r"[^\w-]", "_", experiment, flags=re.ASCII)[:200]
    return RunId(f"{readable}_{epoch_seconds}_{os.urandom(4).hex()}")


def is_guid(text: str) -> bool:
    """Whether a text is a GUID in its usual writing."""
    return bool(_GUID.match(text))


def guid_of_digest(digest: str) -> str:
    """The first 128 bits of a digest, written as a GUID: the id of a content-addressed thing that v1 names by GUID."""
    return _as_guid(digest[:32])


def _as_guid(digits: str) -> str:
    """32 hexadecimal digits with the dashes of a GUID; the module ``uuid`` costs more than all the rest here."""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def check_run_id(text: str) -> RunId:
    """The text as a run id. Raises ``InvalidInput``."""
    if not _RUN_ID.match(text):
        message = f"The run id {text[:80]!r} is not valid."
        raise InvalidInput(
            message, target=text[:80], hint="Use up to 256 letters, digits, '_', '-', '.', the first a letter or digit."
        )
    return RunId(text)


def check_data_name(text: str) -> str:
    """The text as the name of an input or output of a run, which becomes a variable. Raises ``InvalidInput``."""
    if not _DATA_NAME.match(text) or _NOT_FOR_DATA.match(text):
        message = f"{text[:80]!r} cannot be the name of an input or output: the script finds it as a variable."
        raise InvalidInput(
            message,
            target=text[:80],
            hint="Use letters, digits and '_', and no name that the system uses, such as PATH.",
        )
    return text


def check_digest(text: str) -> Digest:
    """The text as a SHA-256 digest in lower-case hex. Raises ``InvalidInput``."""
    if not _DIGEST.match(text):
        message = f"{text[:80]!r} is not a SHA-256 digest in lower-case hex."
        raise InvalidInput(message, target=text[:80])
    return Digest(text)


def check_snapshot_id(text: str) -> SnapshotId:
    """The text as a snapshot's id, which is a GUID. Raises ``InvalidInput``."""
    if not is_guid(text):
        message = f"{text[:80]!r} is not the id of a snapshot."
        raise InvalidInput(message, target=text[:80], hint="run.get_snapshot_id() tells it.")
    return SnapshotId(text)


def check_workspace_name(text: str) -> str:
    """The text as a workspace name, by v1's rule. Raises ``InvalidInput``."""
    if not _WORKSPACE_NAME.match(text):
        message = f"The workspace name {text[:80]!r} is not valid."
        raise InvalidInput(
            message,
            target=text[:80],
            hint="Use 3 to 33 letters, digits, '_' and '-', the first a letter or digit.",
        )
    return text


def check_model_name(text: str) -> ModelName:
    """The text as the name of a model (or an image), by v1's rule. Raises ``InvalidInput``."""
    if not _MODEL_NAME.match(text):
        message = f"The model name {text[:80]!r} is not valid."
        raise InvalidInput(
            message,
            target=text[:80],
            hint="Use 1 to 255 letters, digits, '-', '.' and '_', the first a letter or digit.",
        )
    return ModelName(text)


def check_webservice_name(text: str) -> WebserviceName:
    """The text as the name of a web service, by v1's rule. Raises ``WebserviceException``."""
    if not _WEBSERVICE_NAME.match(text):
        message = f"The service name {text[:80]!r} is not valid."
        raise WebserviceException(
            message,
            target=text[:80],
            hint="Use 3 to 32 lower-case letters, digits and '-', the first a letter, the last a letter or digit.",
        )
    return WebserviceName(text)


def check_experiment_name(text: str) -> ExperimentName:
    """The text as an experiment name; ``/`` makes folders, and what v1's rule allows is allowed.

    Raises ``InvalidInput``.
    """
    parts = text.split("/")
    if (
        not text
        or len(text) > EXPERIMENT_NAME_LIMIT
        or _CONTROL.search(text)
        or any(not part.strip() or part in {".", ".."} for part in parts)
    ):
        message = f"The experiment name {text[:80]!r} is not valid."
        raise InvalidInput(
            message,
            target=text[:80],
            hint=f"Use 1 to {EXPERIMENT_NAME_LIMIT} printable characters; '/' separates folders, none of them empty.",
        )
    return ExperimentName(text)


def check_v1_experiment_name(text: str) -> ExperimentName:
    """The text as an experiment name, by v1's rule. Raises ``InvalidInput``."""
    if not _V1_EXPERIMENT_NAME.match(text):
        message = f"The experiment name {text[:80]!r} is not valid in v1."
        raise InvalidInput(
            message,
            target=text[:80],
            hint="Use 1 to 255 letters, digits, '_' and '-', the first a letter or digit; or import Experiment from "
            "terrazul, where '/' makes folders.",
        )
    return ExperimentName(text)
