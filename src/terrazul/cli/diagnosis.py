"""What `terrazul doctor` looks at: each examination gives findings, and changes nothing."""

from __future__ import annotations

import contextlib
import enum
import importlib.util
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional

from terrazul.cli import local_server
from terrazul.cli.local_server import RunningProcess
from terrazul.cli.server_status import other_server
from terrazul.cli.wording import size
from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InvalidInput, TerrazulError
from terrazul.core.home import HOME_VARIABLE, Home
from terrazul.core.settings import PREFIX, Settings, from_environment, variable_of
from terrazul.core.version import __version__
from terrazul.sdk.client import API, SERVER_VARIABLE, Client, connect
from terrazul.wire.server import ServerInfo

_SCARCE_BYTES = 5 << 30
_FULL_BYTES = 500 << 20
_PROGRAM_SECONDS = 10
_OTHERS_BITS = 0o077
_OLDEST_SERVER_PYTHON = (3, 10)
_INTERPRETER = re.compile(r"python3?(\.\d+)?\Z")
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*).*extra == ['\"]server['\"]")
_INSTALL = 'Install what the server needs: pip install "terrazul[server]".'
_RUN_VARIABLES = ("AZUREML_RUN_ID", "AZUREML_RUN_TOKEN", "AZUREML_SERVICE_ENDPOINT", "MLFLOW_RUN_ID")


class Level(str, enum.Enum):
    """How grave a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    subject: str
    found: str
    advice: str = ""


def examine(home: Home) -> List[Finding]:
    """Everything that is looked at, in the order in which it matters."""
    running = local_server.find(home)
    return [
        *_python(),
        *_home(home),
        *_token(home),
        *_disk(home),
        *_server(home, running),
        *_port(running),
        *_variables(os.environ),
        *_git(),
        *_interpreters(),
        *_azureml(),
    ]


def _python() -> Iterator[Finding]:
    version = sys.version.split()[0]
    if sys.platform == "win32":
        advice = "Start the server inside WSL; SDK and command line work here."
        yield Finding(Level.WARNING, "server", "does not run on Windows", advice)
    elif sys.version_info < _OLDEST_SERVER_PYTHON:
        advice = "SDK and command line work; the server needs Python 3.10 or newer."
        yield Finding(Level.WARNING, "server's Python", version, advice)
    else:
        yield Finding(Level.OK, "server's Python", f"{version} ({sys.executable})")
        yield _server_packages()
        yield _uv()


def _server_packages() -> Finding:
    from importlib import metadata  # noqa: PLC0415  # it costs more than all other imports here, and only this needs it

    try:
        requirements = metadata.requires("terrazul") or []
    except metadata.PackageNotFoundError:
        return Finding(Level.WARNING, "server's packages", "terrazul is used without being installed", _INSTALL)
    needed = [match["name"] for match in map(_REQUIREMENT.match, requirements) if match]
    missing = [name for name in needed if not any(metadata.Distribution.discover(name=name))]
    if missing:
        return Finding(Level.ERROR, "server's packages", f"missing: {', '.join(missing)}", _INSTALL)
    return Finding(Level.OK, "server's packages", "all there")


def _uv() -> Finding:
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if uv is None:
        return Finding(Level.ERROR, "uv", "not found", f"Environments cannot be built. {_INSTALL}")
    return Finding(Level.OK, "uv", _version_of([uv, "--version"]) or uv)


def _home(home: Home) -> Iterator[Finding]:
    if not home.path.exists():
        yield Finding(Level.OK, "home", f"{home.path} is not there yet", "`terrazul up` makes it.")
        return
    mode = stat.S_IMODE(home.path.stat().st_mode)
    if not home.path.is_dir():
        yield Finding(Level.ERROR, "home", f"{home.path} is not a folder", "Give another one with --home.")
    elif not os.access(home.path, os.R_OK | os.W_OK | os.X_OK):
        advice = f"Make it yours: chown, then chmod 700 {home.path}."
        yield Finding(Level.ERROR, "home", f"{home.path} cannot be read and written", advice)
    elif mode & _OTHERS_BITS:
        advice = f"Close it to others: chmod 700 {home.path}"
        yield Finding(Level.WARNING, "home", f"{home.path} is open to other users", advice)
    else:
        yield Finding(Level.OK, "home", str(home.path))


def _token(home: Home) -> Iterator[Finding]:
    try:
        mode = stat.S_IMODE(home.token_file.stat().st_mode)
        empty = not home.token_file.read_text().strip()
    except FileNotFoundError:
        return
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        yield Finding(Level.ERROR, "token", reason, f"Make it yours: chown, then chmod 600 {home.token_file}")
        return
    if empty:
        advice = "Run `terrazul down`, remove the file, run `terrazul up`."
        yield Finding(Level.ERROR, "token", f"{home.token_file} is empty", advice)
    elif mode & _OTHERS_BITS:
        advice = f"Close it: chmod 600 {home.token_file}. If others use this machine, replace it."
        yield Finding(Level.ERROR, "token", "other users of this machine can read it", advice)
    else:
        yield Finding(Level.OK, "token", "readable by you alone")


def _disk(home: Home) -> Iterator[Finding]:
    place = next(each for each in (home.path, *home.path.parents) if each.exists())
    free = shutil.disk_usage(place).free
    found = f"{size(free)} free for {home.path}"
    if free < _FULL_BYTES:
        yield Finding(Level.ERROR, "disk", found, "Free some space: runs and environments will not fit.")
    elif free < _SCARCE_BYTES:
        yield Finding(Level.WARNING, "disk", found, "Large environments need some gigabytes.")
    else:
        yield Finding(Level.OK, "disk", found)


def _server(home: Home, running: Optional[RunningProcess]) -> Iterator[Finding]:
    if running is None:
        if home.server_file.exists():
            found = "not running; server.json was left behind by one that was killed"
            yield Finding(Level.WARNING, "server", found, "`terrazul up` puts it right; nothing acknowledged is lost.")
        else:
            yield Finding(Level.OK, "server", "not running", "`terrazul up` starts it.")
    elif not running.url:
        found = f"process {running.pid} runs, and server.json is missing or damaged"
        yield Finding(Level.ERROR, "server", found, "Run `terrazul down`, then `terrazul up`.")
    elif not running.answers():
        found = f"process {running.pid} does not answer at {running.url}"
        yield Finding(
            Level.ERROR, "server", found, f"Look into {home.log_file}; then `terrazul down` and `terrazul up`."
        )
    else:
        yield Finding(Level.OK, "server", f"answers at {running.url}")
        yield _skew(running.about.version if running.about else "", "server's version")


def _skew(version: str, subject: str) -> Finding:
    if version == __version__:
        return Finding(Level.OK, subject, version)
    advice = "Install the same version on both sides; restart the server after an upgrade."
    return Finding(Level.WARNING, subject, f"{version}, and this client is {__version__}", advice)


def _port(running: Optional[RunningProcess]) -> Iterator[Finding]:
    with contextlib.suppress(InvalidInput):  # told with the variables
        settings = from_environment(os.environ)
        if running is not None or settings.port == 0:
            return
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((settings.host, settings.port))
            except OSError as error:
                found = f"{settings.port} of {settings.host} cannot be used: {error.strerror}"
                yield Finding(Level.ERROR, "port", found, "Take another one: terrazul up --port NUMBER.")
            else:
                yield Finding(Level.OK, "port", f"{settings.port} is free")


def _variables(environment: Mapping[str, str]) -> Iterator[Finding]:
    try:
        from_environment(environment)
    except InvalidInput as error:
        yield Finding(Level.ERROR, str(error.target), error.message, str(error.hint))
    for name in map(variable_of, Settings.__dataclass_fields__):
        if name in environment:
            yield Finding(Level.OK, name, f"is set to {environment[name]}")
    if environment.get(HOME_VARIABLE):
        yield Finding(Level.OK, HOME_VARIABLE, f"is set to {environment[HOME_VARIABLE]}")
    if environment.get(SERVER_VARIABLE):
        yield from _other_server()
    tracking = environment.get("MLFLOW_TRACKING_URI")
    if tracking:
        found = f"is set to {tracking}"
        yield Finding(
            Level.WARNING, "MLFLOW_TRACKING_URI", found, "MLflow's client goes there; unset it if that is not meant."
        )
    for name in _RUN_VARIABLES:
        if name in environment:
            advice = "It is meant for inside of a run: Run.get_context() believes that it is in one. Unset it."
            yield Finding(Level.WARNING, name, "is set", advice)


def _other_server() -> Iterator[Finding]:
    address = other_server()
    try:
        client: Client = connect()
        info = client.within(API, patience=0).get(ServerInfo, "/server")
    except TerrazulError as error:
        yield Finding(
            Level.ERROR, SERVER_VARIABLE, error.message, f"Correct {SERVER_VARIABLE} and {PREFIX}TOKEN, or unset both."
        )
    else:
        found = f"SDK and command line speak to {address}, as {info.user}"
        yield Finding(Level.OK, SERVER_VARIABLE, found)
        yield _skew(info.version, "that server's version")


def _git() -> Iterator[Finding]:
    git = shutil.which("git")
    if git:
        yield Finding(Level.OK, "git", _version_of([git, "--version"]) or git)
    else:
        yield Finding(Level.WARNING, "git", "not found", "Runs will not know their commit; install git.")


def _interpreters() -> Iterator[Finding]:
    found: Dict[str, str] = {}
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for program in sorted(_programs_in(folder)):
            version = _version_of([str(program), "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"])
            if version and version.startswith("3."):
                found.setdefault(version, str(program))
    if found:
        listed = ", ".join(f"{version} ({path})" for version, path in found.items())
        yield Finding(Level.OK, "Pythons on PATH", listed)
    else:
        advice = "Environments that ask for a Python will have it fetched; with interpreter_path give a full path."
        yield Finding(Level.WARNING, "Pythons on PATH", "none on PATH", advice)


def _programs_in(folder: str) -> List[Path]:
    try:
        return [program for program in Path(folder or ".").iterdir() if _INTERPRETER.match(program.name)]
    except OSError:
        return []


def _azureml() -> Iterator[Finding]:
    if importlib.util.find_spec("azureml") is None:
        advice = "For v1's import names: pip install terrazul-azureml."
        yield Finding(Level.WARNING, "azureml", "the names of v1 are not installed here", advice)
    elif importlib.util.find_spec("azureml.core") is None:
        advice = "Repair it: pip install --force-reinstall terrazul-azureml."
        yield Finding(Level.WARNING, "azureml", "there is an azureml without azureml.core", advice)


def _version_of(command: List[str]) -> str:
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_PROGRAM_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.strip().partition("\n")[0] if ended.returncode == 0 else ""
