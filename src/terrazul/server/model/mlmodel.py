"""The ``MLmodel`` file of a model in MLflow's format: what the registry keeps of it."""

from __future__ import annotations

import yaml

from terrazul.core.errors import InvalidInput
from terrazul.wire.model import ModelFile

FILE_NAME = "MLmodel"
SIZE_LIMIT = 1 << 20
_NODE_LIMIT = 10_000
_SIGNATURE = ("inputs", "outputs", "params")


class _Loader(yaml.SafeLoader):
    """The safe loader that is written in Python: deep nesting ends the process in libyaml. Long files are given up."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._nodes += 1
        if self._nodes > _NODE_LIMIT:
            raise yaml.YAMLError(f"it has more than {_NODE_LIMIT} values")
        return super().compose_node(parent, index)


def find(files: list[ModelFile]) -> ModelFile | None:
    """The ``MLmodel`` file directly in the folder that a model is, if there is one.

    Raises ``InvalidInput`` for one that is too large to be one.
    """
    for file in files:
        folder, _, name = file.path.partition("/")
        if name == FILE_NAME:
            if file.size > SIZE_LIMIT:
                raise _broken(folder, f"it has {file.size} bytes, and the limit is {SIZE_LIMIT}")
            return file
    return None


def read(file: ModelFile, text: bytes) -> dict[str, object]:
    """``flavors`` (names), ``signature`` (texts of JSON by ``inputs``, ``outputs``, ``params``) and ``folder``.

    The file is read as plain YAML, so nothing in it is executed. Raises ``InvalidInput`` where it is not of that form.
    """
    folder = file.path.partition("/")[0]
    try:
        content = yaml.load(text, _Loader)  # noqa: S506  # it is a safe one
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise _broken(folder, f"it is not YAML ({reason})") from None
    flavors = content.get("flavors") if isinstance(content, dict) else None
    if not isinstance(flavors, dict) or not flavors:
        raise _broken(folder, "it names no flavors")
    return {
        "flavors": sorted(str(name) for name in flavors),
        "signature": _signature(folder, content.get("signature")),
        "folder": folder,
    }


def _signature(folder: str, value: object) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _broken(folder, "its signature is no mapping")
    kept = {name: value[name] for name in _SIGNATURE if value.get(name) is not None}
    for name, part in kept.items():
        if not isinstance(part, str):
            raise _broken(folder, f"the {name} of its signature are no text")
    return kept


def _broken(folder: str, problem: str) -> InvalidInput:
    return InvalidInput(
        f"The file {folder}/{FILE_NAME} cannot be used: {problem}.",
        target=f"{folder}/{FILE_NAME}",
        hint="Save the model again with MLflow, or leave that file out where this is no model of MLflow's.",
    )
