"""What to start: the script with its interpreter, or the command."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from terrazul.core.errors import InvalidInput, UserErrorException
from terrazul.core.paths import check_relative_path
from terrazul.wire.run_configuration import RunDefinition

_NAMES_TOLD = 10


def of(definition: RunDefinition, python: Path, work: Path) -> list[str]:
    """The program and its arguments. Raises ``UserErrorException`` where there is nothing to start."""
    if definition.command:
        return _command(definition)
    if not definition.script:
        raise UserErrorException(
            "The run has neither a script nor a command.", hint="Give ScriptRunConfig a script or a command."
        )
    return [str(python), _script(definition.script, work), *definition.arguments]


def _command(definition: RunDefinition) -> list[str]:
    if definition.script:
        raise UserErrorException("The run has both a script and a command.", hint="Give one of the two.")
    if definition.command_is_shell:
        shell = shutil.which("bash") or "/bin/sh"
        return [shell, "-c", " ".join([*definition.command, *definition.arguments])]
    return [*definition.command, *definition.arguments]


def _script(script: str, work: Path) -> str:
    """The script's path for an interpreter, to which it must not look like an option."""
    try:
        name = check_relative_path(os.path.normpath(script)) if script.startswith("./") else check_relative_path(script)
    except InvalidInput as problem:
        raise UserErrorException(
            f"The script {script[:120]!r} cannot be run: {problem.message}",
            target=script[:120],
            hint="Name it relative to the source directory.",
        ) from None
    if not (work / name).is_file():
        raise UserErrorException(
            f"The script {name!r} is not in the snapshot.", target=name, hint=_there_is(work, name)
        )
    return f"./{name}" if name.startswith("-") else name


def _there_is(work: Path, name: str) -> str:
    found = sorted(file.relative_to(work).as_posix() for file in work.rglob("*.py"))
    same = [path for path in found if Path(path).name == Path(name).name]
    if same:
        return f"There is {', '.join(same[:_NAMES_TOLD])}."
    if found:
        more = f" and {len(found) - _NAMES_TOLD} more" if len(found) > _NAMES_TOLD else ""
        return f"The snapshot has {', '.join(found[:_NAMES_TOLD])}{more}; check the name and the ignore file."
    return "The snapshot has no Python file; check the source directory and the ignore file."
