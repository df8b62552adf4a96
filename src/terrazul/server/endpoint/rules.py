"""What must hold of web services: their states, the keeper's next step, names, settings and ports. Pure."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from terrazul.core.errors import Conflict, InvalidInput, WebserviceException
from terrazul.core.ids import check_webservice_name
from terrazul.core.paths import check_relative_path
from terrazul.wire.endpoint import (
    Deployment,
    Driver,
    NewWebservice,
    ServiceReport,
    ServiceSettings,
    WebserviceKeys,
    WebserviceState,
)

STOP_PATIENCE = 15_000_000
"""Microseconds after which a supervisor that was told to end, and has not, is ended by force."""
SILENCE_LIMIT = 120
"""Looks without a report after which a supervisor that is alive is ended by force, to be started anew."""
SHORTEST_PAUSE = 1_000_000
LONGEST_PAUSE = 60_000_000
"""Microseconds between two launches of a supervisor that ends without a report."""
HOPELESS_LAUNCHES = 3
"""Launches without a report after which the web service is told to be in trouble."""
MOST_WORKERS = 256
_HIGHEST_PORT = 65535
_KEY_LIMIT = 512
_KEY = re.compile(r"[\x21-\x7e]+\Z")
_NAMES_TOLD = 10
_FIRST_PORT = 1


class Wanted(NamedTuple):
    """What the server knows of how a web service is to be, as far as its state depends on it."""

    revision: int
    since_order: int
    """The order with which the revision was wanted."""
    ever_healthy: bool


def state_of(report: ServiceReport, wanted: Wanted) -> WebserviceState:
    """The state of a web service after a report of its supervisor."""
    serves_wanted = report.serving_revision == wanted.revision
    failed = report.error is not None and not report.phase and report.known_order >= wanted.since_order
    if not serves_wanted and not failed:
        return WebserviceState.TRANSITIONING
    if report.serving_revision and report.workers:
        return WebserviceState.HEALTHY
    ever_healthy = wanted.ever_healthy or report.serving_revision
    return WebserviceState.UNHEALTHY if ever_healthy else WebserviceState.FAILED


class Care(str, enum.Enum):
    """What the keeper does next for a web service."""

    NOTHING = "nothing"
    LAUNCH = "launch"
    STOP = "stop"
    KILL = "kill"
    REMOVE = "remove"


class Watch(NamedTuple):
    """What is known of a web service; the times are None where the thing has not happened."""

    alive: bool
    deleting: bool
    stop_told_at: int | None
    silent_looks: int
    """How often in a row the keeper has looked without a report having come in between."""
    launches: int
    """Launches since the last report."""
    launched_at: int | None
    now: int


def care_for(watch: Watch) -> Care:
    """The next thing to do."""
    if watch.deleting:
        if not watch.alive:
            return Care.REMOVE
        if watch.stop_told_at is None:
            return Care.STOP
        return Care.KILL if watch.now - watch.stop_told_at > STOP_PATIENCE else Care.NOTHING
    if watch.alive:
        return Care.KILL if watch.silent_looks > SILENCE_LIMIT else Care.NOTHING
    if watch.launched_at is None:
        return Care.LAUNCH
    return Care.LAUNCH if watch.now - watch.launched_at >= _pause(watch.launches) else Care.NOTHING


def _pause(launches: int) -> int:
    return 0 if not launches else int(min(SHORTEST_PAUSE * 2 ** min(launches - 1, 10), LONGEST_PAUSE))


class Content(NamedTuple):
    """What makes a revision: change it, and there is a new one."""

    deployment: Deployment
    settings: ServiceSettings
    image_id: str


def makes_revision(current: Content, changed: Content, *, failed: bool) -> bool:
    """Whether a change asks for a new revision. The same content is tried again where it failed."""
    return failed or changed != current


def choose_port(wanted: int | None, first: int, taken: Collection[int], is_free: Callable[[int], bool]) -> int:
    """The port for a web service: the one that is wanted, else the first that is free.

    ``taken`` are those of other web services, whether they listen at this moment or not. Raises ``Conflict``.
    """
    if wanted is not None:
        if not _FIRST_PORT <= wanted <= _HIGHEST_PORT:
            raise InvalidInput(f"{wanted} is not a port.", target=str(wanted)[:20], hint="Give 1 to 65535, or none.")
        if wanted in taken or not is_free(wanted):
            whose = "another web service" if wanted in taken else "another program"
            raise Conflict(
                f"Port {wanted} is taken by {whose}.",
                target=str(wanted),
                hint="Give another port, or none to have a free one chosen.",
            )
        return wanted
    for port in range(first, _HIGHEST_PORT + 1):
        if port not in taken and is_free(port):
            return port
    raise Conflict(
        f"No port from {first} on is free.", target=str(first), hint="Begin lower with the setting scoring_port."
    )


def check_new(new: NewWebservice) -> None:
    """Raise ``WebserviceException`` or ``InvalidInput`` for a deployment that can be told to be wrong by itself."""
    check_webservice_name(new.name)
    if (new.deployment is None) == (not new.image_id):
        both = "both a deployment and an image" if new.image_id else "neither a deployment nor an image"
        raise WebserviceException(f"The web service {new.name!r} names {both}.", target=new.name, hint="Give one.")
    check_id(new.deployment_id, "deployment")
    check_settings(new.settings)
    if new.keys is not None:
        check_keys(new.keys)


def check_id(text: str, what: str) -> None:
    """Raise ``InvalidInput`` for a text that cannot be the id that a caller makes."""
    if not 1 <= len(text) <= 64 or not text.isascii() or not text.isprintable():  # noqa: PLR2004  # the column's width
        raise InvalidInput(
            f"{text[:80]!r} cannot be the id of a {what}.", target=text[:80], hint="Use 1 to 64 printable characters."
        )


def check_keys(keys: WebserviceKeys) -> None:
    """Raise ``InvalidInput`` for a key that no HTTP header can carry; an empty one is made by the server."""
    for key in filter(None, (keys.primary, keys.secondary)):
        if len(key) > _KEY_LIMIT or not _KEY.match(key):
            raise InvalidInput(
                "A key holds what no HTTP header can carry, or is too long.",
                target="keys",
                hint=f"Use 1 to {_KEY_LIMIT} visible ASCII characters, without blanks.",
            )


def check_source(deployment: Deployment, paths: Collection[str]) -> None:
    """Raise ``WebserviceException`` for a source or an environment that no process can serve.

    ``paths`` are those of the files in the source directory.
    """
    if deployment.driver is Driver.ENTRY_SCRIPT:
        _check_entry_script(deployment.entry_script, paths)
    if deployment.source_folder:
        _check_source_folder(deployment.source_folder)
    variables = deployment.environment.environment_variables
    for text in [deployment.environment.interpreter_path, *variables, *variables.values()]:
        if "\0" in text:
            raise WebserviceException(f"{text[:80]!r} holds the character NUL.", target=text[:80])
    for name in variables:
        if not name or "=" in name:
            raise WebserviceException(
                f"{name[:80]!r} cannot be the name of an environment variable.",
                target=name[:80],
                hint="Use letters, digits and '_'.",
            )


class ModelFacts(NamedTuple):
    """What a deployment depends on of a model."""

    id: str
    is_mlflow: bool
    file_count: int


def check_models(driver: Driver, models: Sequence[ModelFacts]) -> None:
    """Raise ``WebserviceException`` for models that the driver cannot serve."""
    if len({model.id for model in models}) < len(models):
        raise WebserviceException("The deployment names a model twice.", target="models", hint="Name each once.")
    if driver is Driver.ENTRY_SCRIPT:
        return
    if len(models) != 1:
        raise WebserviceException(
            f"Without an entry script exactly one model is deployed, not {len(models)}.",
            target="models",
            hint="Give one model, or an entry script that knows what to do with several.",
        )
    fits = models[0].is_mlflow if driver is Driver.MLFLOW else models[0].file_count == 1
    if not fits:
        needed = "a folder with an MLmodel file" if driver is Driver.MLFLOW else "a single file"
        raise WebserviceException(
            f"The model {models[0].id} is not {needed}, so it needs an entry script.",
            target=models[0].id,
            hint="Give InferenceConfig an entry_script.",
        )


def _check_source_folder(name: str) -> None:
    check_relative_path(name)
    if "/" in name:
        raise WebserviceException(
            f"The source folder {name[:80]!r} is more than a name.",
            target="source_folder",
            hint="Give the name of the source directory alone, or leave it empty.",
        )


def _check_entry_script(script: str, paths: Collection[str]) -> None:
    if not script:
        raise WebserviceException(
            "The deployment has no entry script.",
            target="entry_script",
            hint="Give InferenceConfig an entry_script; a model in MLflow's format needs none.",
        )
    check_relative_path(script)
    if script not in paths:
        found = sorted(path for path in paths if path.endswith(".py"))
        same = [path for path in found if path.rpartition("/")[2] == script.rpartition("/")[2]]
        there = ", ".join((same or found)[:_NAMES_TOLD]) or "no Python file"
        raise WebserviceException(
            f"The entry script {script!r} is not in the source directory.",
            target=script,
            hint=f"Name it relative to the source directory, in which there is {there}.",
        )


def check_settings(settings: ServiceSettings) -> None:
    """Raise ``InvalidInput`` for settings that nothing can be served with."""
    _check_range("worker_count", settings.worker_count, 1, MOST_WORKERS)
    if settings.cpu_cores is not None:
        _check_range("cpu_cores", settings.cpu_cores, 0.01, 4096)
    if settings.memory_gb is not None:
        _check_range("memory_gb", settings.memory_gb, 0.01, 1 << 20)
    _check_range("scoring_timeout_ms", settings.scoring_timeout_ms, 1, 1 << 31)
    _check_range("queue_limit", settings.queue_limit, 0, 1 << 20)
    _check_range("max_batch_size", settings.max_batch_size, 1, 1 << 16)
    if settings.max_request_wait_ms is not None:
        _check_range("max_request_wait_ms", settings.max_request_wait_ms, 1, 1 << 31)
    for origin in settings.cors_origins:
        if not _KEY.match(origin):
            raise InvalidInput(
                f"{origin[:80]!r} is no origin.", target="cors_origins", hint="Write it as https://host, or *."
            )
    if settings.ssl_enabled and not (settings.ssl_certificate and settings.ssl_key):
        raise WebserviceException(
            "TLS is asked for without a certificate and its key.",
            target="ssl_enabled",
            hint="Give the files with ssl_cert_pem_file and ssl_key_pem_file.",
        )


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        raise InvalidInput(f"{name} cannot be {value}.", target=name, hint=f"Give {least} to {most}.")


def models_in_use(deployments: Iterable[Deployment]) -> list[str]:
    """The ids of the models that any of these uses, each once, in order."""
    return list(dict.fromkeys(model for deployment in deployments for model in deployment.models))
