"""The environment variables of a user's process: what it is given, around it what the machine has, and none of ours."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Mapping

_NOT_FOR_USERS = re.compile(r"(TERRAZUL|AZUREML|MLFLOW|PYTHON|VIRTUAL_ENV|__PYVENV)")


def of_process(inherited: Mapping[str, str], given: Mapping[str, str], python: Path, sdk: Path) -> dict[str, str]:
    """Everything that a process on the interpreter ``python`` finds around it.

    Its imports are looked for in ``sdk``, our copy for it, then where ``given`` says, then in what the interpreter has.
    """
    variables = {name: value for name, value in inherited.items() if not _NOT_FOR_USERS.match(name)}
    variables.update(given)
    variables["PATH"] = os.pathsep.join(filter(None, [str(python.parent), variables.get("PATH", os.defpath)]))
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(sdk), variables.get("PYTHONPATH", "")]))
    variables["PYTHONUNBUFFERED"] = "1"
    if (python.parent.parent / "pyvenv.cfg").exists():
        variables["VIRTUAL_ENV"] = str(python.parent.parent)
    return variables
