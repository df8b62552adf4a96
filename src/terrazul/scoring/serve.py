"""Serving an entry script with nothing else running: ``python -m terrazul.scoring.serve --entry-script score.py``.

Understands the environment variables and options of v1's inference server, and ends with its exit codes: 3 where the
script cannot serve, 1 where the line or a variable cannot be understood, 0 where a signal ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import ssl
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, NoReturn, Optional, Sequence

from terrazul.core.version import __version__
from terrazul.scoring.plan import INIT_TIMEOUT_SECONDS, RevisionFailed, ServingOptions, WorkerPlan

DEFAULT_PORT = 5001
_MISUSED, _BROKEN = 1, 3
_PACKAGES = ("terrazul", "azureml", "azureml_inference_server_http")
_HIDDEN = ("TERRAZUL_TOKEN", "TERRAZUL_SERVER")
_VERSION_VARIABLE = "SERVER_VERSION_LOG_RESPONSE_ENABLED"


class _Entrance(NamedTuple):
    """How clients come in."""

    tls: Optional[ssl.SSLContext]
    keys: Optional[List[str]]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(_MISUSED, f"{message[:1].upper()}{message[1:]}.\n")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Serve until a signal ends it; returns the exit code."""
    options = _parser().parse_args(arguments)
    _read_configuration(options.config_file, options.entry_script)
    script = options.entry_script or os.environ.get("AZUREML_ENTRY_SCRIPT", "")
    if not script and not options.driver:
        sys.stderr.write("Nothing is named to serve. Pass --entry-script score.py, or set AZUREML_ENTRY_SCRIPT.\n")
        return _MISUSED
    try:
        serving = _options_of(options)
        entrance = _Entrance(_tls_of(options), _keys_of(options.key_file, options.key or []))
        listener = _listen(options.host, options.port)
    except ValueError as problem:
        sys.stderr.write(f"{problem}\n")
        return _MISUSED
    with _our_packages() as packages, listener:
        plan = _plan_of(options, script, packages)
        with _keyboard_told():
            return _run(_serve(plan, serving, listener, entrance, options))
    return 0


async def _serve(
    plan: WorkerPlan,
    serving: ServingOptions,
    listener: socket.socket,
    entrance: _Entrance,
    options: argparse.Namespace,
) -> int:
    from terrazul.scoring.service import Service  # noqa: PLC0415  # needs httptools, whose lack is told in _run

    name = os.environ.get("SERVICE_NAME") or Path(plan.entry_script).stem or "model"
    service = Service(listener, Path(options.log) if options.log else None, tls=entrance.tls, name=name)
    ending = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    service.set_keys(entrance.keys)
    await service.open()
    taking = asyncio.ensure_future(service.take(plan, serving))
    waiting = asyncio.ensure_future(ending.wait())
    await asyncio.wait({taking, waiting}, return_when=asyncio.FIRST_COMPLETED)
    code = 0
    if taking.done():
        try:
            taking.result()
        except RevisionFailed as problem:
            _tell(problem)
            code = _BROKEN
        else:
            _welcome(listener, entrance.tls is not None, serving)
            await waiting
    else:
        taking.cancel()
        with contextlib.suppress(asyncio.CancelledError, RevisionFailed):
            await taking
    await service.close(options.drain_seconds)
    waiting.cancel()
    return code


def _run(work: object) -> int:
    try:
        with contextlib.suppress(ImportError):
            import uvloop  # noqa: PLC0415  # it makes serving cheaper where it is there

            uvloop.install()
        return asyncio.run(work)  # type: ignore[arg-type]  # a coroutine, made before the loop
    except ModuleNotFoundError as problem:
        if problem.name != "httptools":
            raise
        sys.stderr.write('Serving needs the package httptools. Install it: pip install "terrazul[scoring]".\n')
        return _MISUSED


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="terrazul service serve", description="Serve an entry script.")
    add = parser.add_argument
    add("--entry-script", "--entry_script", metavar="FILE", default="", help="The script with init() and run().")
    add("--driver", choices=("sklearn", "mlflow"), help="Serve a model without an entry script.")
    add("--model-dir", "--model_dir", metavar="FOLDER", help="Where the model lies: AZUREML_MODEL_DIR.")
    add("--port", type=int, default=DEFAULT_PORT, help=f"Default: {DEFAULT_PORT}; 0 takes a free one.")
    add("--host", default="127.0.0.1", help="Address to listen on. Default: this machine only.")
    add("--worker-count", "--worker_count", "--workers", type=int, metavar="N", help="Default: WORKER_COUNT, or 1.")
    add("--python", metavar="FILE", default=sys.executable, help="The interpreter of the script.")
    add("--max-batch-size", type=int, default=1, metavar="N", help="Requests that run_batch() is given at once.")
    add("--queue-limit", type=int, default=256, metavar="N", help="Requests that may wait.")
    add("--memory-gb", type=float, metavar="GB", help="Memory of all workers together. Default: no limit.")
    add("--key-file", metavar="FILE", help="Ask for a key: one of those in this file, one a line.")
    add("--key", action="append", metavar="KEY", help="Ask for this key. Others see it in the list of processes.")
    add("--certificate", metavar="FILE", help="Serve HTTPS with this certificate (PEM).")
    add("--certificate-key", metavar="FILE", help="Its private key, where it is a file of its own.")
    add(
        "--access-control-allow-origins", "--access_control_allow_origins", metavar="ORIGINS",
        help="Web pages that may score, with commas between them: AML_CORS_ORIGINS.",
    )  # fmt: skip
    add("--config-file", "--config_file", metavar="FILE", help="JSON with the variables of v1's inference server.")
    add("--log", metavar="FILE", help="Where to log. Default: standard error.")
    for name in ("--health_port", "--appinsights_instrumentation_key"):
        add(name, help=argparse.SUPPRESS)  # v1 lines go on to work: health has no need of a port of its own
    add("--drain-seconds", type=float, default=10.0, help=argparse.SUPPRESS)
    return parser


def _read_configuration(named: Optional[str], script: str) -> None:
    """Take variables from ``config.json``; those of the environment go before."""
    named = named or os.environ.get("AZUREML_CONFIG_FILE")
    folders = [os.environ.get("AML_APP_ROOT") or ".", str(Path(script).parent) if script else "."]
    files = [Path(named)] if named else [Path(folder, "config.json") for folder in folders]
    for file in files:
        if not file.is_file():
            continue
        try:
            content = json.loads(file.read_text("utf-8"))
        except ValueError as problem:
            sys.stderr.write(f"{file} cannot be read: {problem}\n")
            sys.exit(_BROKEN)
        for name, value in content.items() if isinstance(content, dict) else ():
            os.environ.setdefault(str(name), str(value))
        return


def _options_of(options: argparse.Namespace) -> ServingOptions:
    """Raises ``ValueError`` for a variable that is no number."""
    origins = options.access_control_allow_origins or os.environ.get("AML_CORS_ORIGINS", "")
    shown = os.environ.get(_VERSION_VARIABLE, "true").lower() == "true"
    return ServingOptions(
        worker_count=_positive(
            "--worker-count", _number("WORKER_COUNT", 1) if options.worker_count is None else options.worker_count
        ),
        scoring_timeout_ms=_positive("SCORING_TIMEOUT_MS", _number("SCORING_TIMEOUT_MS", 3_600_000)),
        queue_limit=options.queue_limit,
        max_batch_size=_positive("--max-batch-size", options.max_batch_size),
        cors_origins=[origin.strip() for origin in origins.split(",") if origin.strip()],
        memory_bytes=None if options.memory_gb is None else int(options.memory_gb * 1e9),
        init_timeout_seconds=float(_number("WORKER_TIMEOUT", int(INIT_TIMEOUT_SECONDS))),
        server_version=f"terrazul/{__version__}" if shown else "",
    )


def _tls_of(options: argparse.Namespace) -> Optional[ssl.SSLContext]:
    """Raises ``ValueError`` where there is no certificate in the files."""
    if not options.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(options.certificate, options.certificate_key)
    except OSError as problem:
        files = " and ".join(filter(None, [options.certificate, options.certificate_key]))
        message = f"No certificate with its key can be read from {files}: {problem.strerror or problem}."
        raise ValueError(message) from None
    return context


def _keys_of(file: Optional[str], keys: List[str]) -> Optional[List[str]]:
    """The keys there are, None where none is asked for. Raises ``ValueError`` where the file holds none."""
    if not file:
        return keys or None
    try:
        found = Path(file).read_text("utf-8").split()
    except OSError as problem:
        message = f"The keys in {file} cannot be read: {problem.strerror}."
        raise ValueError(message) from None
    if not found:
        message = f"There is no key in {file}: write one a line."
        raise ValueError(message)
    return [*keys, *found]


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.strip().isdigit():
        message = f"{name} is {text!r}, which is not a whole number."
        raise ValueError(message)
    return int(text)


def _positive(name: str, value: int) -> int:
    if value < 1:
        message = f"{name} is {value}, and must be at least 1."
        raise ValueError(message)
    return value


def _listen(host: str, port: int) -> socket.socket:
    """Raises ``ValueError`` where the port cannot be had."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as problem:
        listener.close()
        message = f"Port {port} of {host} cannot be used: {problem}. Take another one with --port."
        raise ValueError(message) from None
    return listener


@contextlib.contextmanager
def _our_packages() -> Iterator[str]:
    """A folder with links to our packages alone, for an interpreter that has none of them."""
    with tempfile.TemporaryDirectory(prefix="terrazul-serve-") as folder:
        for name in _PACKAGES:
            found = find_spec(name)
            for location in (found.submodule_search_locations or [])[:1] if found else []:
                Path(folder, name).symlink_to(Path(location).absolute(), target_is_directory=True)
        yield folder


def _plan_of(options: argparse.Namespace, script: str, packages: str) -> WorkerPlan:
    variables: Dict[str, str] = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    paths: List[str] = [packages, *filter(None, [variables.get("PYTHONPATH")])]
    variables["PYTHONPATH"] = os.pathsep.join(paths)
    variables["PYTHONUNBUFFERED"] = "1"
    root = variables.setdefault("AML_APP_ROOT", os.getcwd())  # noqa: PTH109  # a text for the environment
    if options.model_dir:
        variables["AZUREML_MODEL_DIR"] = str(Path(options.model_dir).absolute())
    elif "AZUREML_MODEL_DIR" not in variables:
        sys.stderr.write("AZUREML_MODEL_DIR is not set; --model-dir sets it.\n")
    location = ""
    if script:
        place = Path(script)
        if not options.entry_script and not place.is_absolute():
            place = Path(root, variables.get("AZUREML_SOURCE_DIRECTORY", ""), script)
        location = str(place.absolute())
        variables["AZUREML_ENTRY_SCRIPT"] = location
    driver = options.driver or "entry_script"
    return WorkerPlan(options.python, location, driver, str(Path(root).absolute()), variables)


def _tell(problem: RevisionFailed) -> None:
    trouble = problem.trouble
    lines = [trouble.details.rstrip(), trouble.message, trouble.hint]
    sys.stderr.write("\n".join(line for line in lines if line) + "\n")


def _welcome(listener: socket.socket, secure: bool, serving: ServingOptions) -> None:
    host, port = listener.getsockname()[:2]
    scheme = "https" if secure else "http"
    address = f"{scheme}://{'[' + host + ']' if ':' in host else host}:{port}"
    workers = "1 worker" if serving.worker_count == 1 else f"{serving.worker_count} workers"
    print(f"Ready: {workers}.", f"  health   GET  {address}/", f"  score    POST {address}/score", sep="\n")  # noqa: T201
    print(f"  schema   GET  {address}/swagger.json", "Ctrl-C ends it.", sep="\n", flush=True)  # noqa: T201  # a program


@contextlib.contextmanager
def _keyboard_told() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")


if __name__ == "__main__":
    sys.exit(main())
