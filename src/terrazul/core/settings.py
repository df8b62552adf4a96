"""What an administrator can set: each an option of `terrazul up`, a variable, a line in docs/reference/settings.md."""

from __future__ import annotations

import argparse
import os
import re
from dataclasses import field, fields
from pathlib import Path
from typing import Any, Dict, List, Mapping

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InvalidInput

PREFIX = "TERRAZUL_"
DEFAULT_PORT = 8642
_HIGHEST_PORT = 65535
_LOOPBACK = re.compile(r"(localhost|::1|127(\.\d{1,3}){3})\Z")
_MOST_DAYS = 36600
_PLACE = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+):([0-9]{1,5})\Z")
_ISSUER = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?(/[\w.~%/:@!$&'()*+,;=-]*)?\Z", re.ASCII
)
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\Z")
_STORAGE = re.compile(r"(s3|az|gs)://(?P<bucket>[A-Za-z0-9$][A-Za-z0-9._-]{1,221})(/[A-Za-z0-9._-]+)*/?\Z", re.ASCII)
_ENDPOINT = re.compile(r"https?://(\[[0-9a-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(/[A-Za-z0-9._-]+)*/?\Z", re.ASCII)
_WITH_ISSUER = ("oidc_client_id", "oidc_client_secret_file", "oidc_domains", "oidc_groups_claim")


@dataclass(frozen=True)
class Settings:
    """The server's settings; the variable of ``snapshot_limit`` is ``TERRAZUL_SNAPSHOT_LIMIT``, and so on."""

    host: str = field(default="127.0.0.1", metadata={"help": "Address to listen on."})
    port: int = field(
        default=DEFAULT_PORT, metadata={"help": "Port to listen on; 0 takes a free one.", "most": _HIGHEST_PORT}
    )
    tls: bool = field(
        default=False,
        metadata={"help": "Speak HTTPS, with a certificate that is made in the home directory unless one is named."},
    )
    certificate: str = field(
        default="",
        metadata={"help": "File with the certificate to speak HTTPS with, in PEM and with its chain.", "file": True},
    )
    certificate_key: str = field(
        default="", metadata={"help": "File with the key of that certificate, in PEM.", "file": True}
    )
    plain_http: bool = field(
        default=False,
        metadata={"help": "Speak HTTP on a network all the same: a proxy in front speaks HTTPS, or nobody listens in."},
    )
    allowed_hosts: str = field(
        default="",
        metadata={"help": "Further names by which it may be addressed, between commas."},
    )
    allowed_destinations: str = field(
        default="",
        metadata={
            "help": "Places outside of the public internet that the server may call for its users, in webhooks and as "
            "datastores: host:port, between commas. They may speak plain HTTP."
        },
    )
    data_roots: str = field(
        default="",
        metadata={
            "help": "Folders of the server's machine, between commas, below which its users may register local folders "
            "and database files as datastores. The owner of a server that is not shared may register any other too."
        },
    )
    request_seconds: int = field(
        default=30,
        metadata={
            "help": "How long a request may take for its headers, and for each next kilobyte of its body.",
            "least": 1,
        },
    )
    session_idle_minutes: int = field(
        default=720,
        metadata={
            "help": "Minutes after which a browser's session ends where it is not used.",
            "least": 1,
            "most": 525600,
        },
    )
    session_days: int = field(
        default=7, metadata={"help": "Days after which it ends in any case.", "least": 1, "most": 365}
    )
    oidc_issuer: str = field(
        default="",
        metadata={
            "help": "Address of an OpenID Connect provider by which people sign in, as it writes it itself: "
            "https://login.example.com/realms/team."
        },
    )
    oidc_client_id: str = field(default="", metadata={"help": "By which name that provider knows this server."})
    oidc_client_secret_file: str = field(
        default="",
        metadata={
            "help": "File with the secret that it gave this server, which only its owner may read. "
            "Without one the server is a public client.",
            "file": True,
        },
    )
    oidc_domains: str = field(
        default="",
        metadata={
            "help": "Domains of e-mail addresses, between commas, whose people become users at their first sign-in. "
            "Without any, only who is a user already signs in by the provider."
        },
    )
    oidc_name_claim: str = field(
        default="email",
        metadata={"help": "What the provider tells of somebody that is their name here, when they first sign in."},
    )
    oidc_groups_claim: str = field(
        default="",
        metadata={"help": "What the provider tells of somebody that names their groups; empty for nothing."},
    )
    shared: bool = field(
        default=False,
        metadata={"help": "Serve a team: a workspace that is not known is an error instead of being made."},
    )
    snapshot_limit: int = field(
        default=0, metadata={"help": "Largest snapshot in bytes; 0 for no limit. Told before anything is sent."}
    )
    data_cache_bytes: int = field(
        default=0,
        metadata={"help": "Bytes of data of datastores that a node keeps for its runs; 0 for a fifth of its disk."},
    )
    data_mount_bytes: int = field(
        default=256 << 20,
        metadata={
            "help": "Bytes of an input of a run from which on it is mounted by FUSE, where the node has it; what is "
            "smaller is brought before the script starts."
        },
    )
    environment_build_seconds: int = field(
        default=3600, metadata={"help": "Seconds that the building of one environment may take.", "least": 1}
    )
    environment_build_bytes: int = field(
        default=32 << 30,
        metadata={"help": "Bytes that the building of one environment may write to disk.", "least": 1},
    )
    environments_bytes: int = field(
        default=0,
        metadata={
            "help": "Bytes that all environments of a node may take together; the least used go first, never one that "
            "is in use. 0 for a fifth of its disk."
        },
    )
    concurrent_runs: int = field(
        default=0, metadata={"help": "Runs that this machine executes at once; 0 for its number of cores, at least 2."}
    )
    quota_storage_bytes: int = field(
        default=0,
        metadata={
            "help": "Bytes of files that a workspace may keep, unless it has a quota of its own; 0 for no limit."
        },
    )
    quota_concurrent_runs: int = field(
        default=0, metadata={"help": "Submitted runs of a workspace that are executed at once; 0 for no limit."}
    )
    quota_running_per_user: int = field(
        default=0,
        metadata={"help": "Submitted runs of one user in a workspace that are executed at once; 0 for no limit."},
    )
    quota_waiting_per_user: int = field(
        default=0,
        metadata={"help": "Runs of one user that may wait in the queue of a workspace; 0 for no limit."},
    )
    quota_compute_nodes: int = field(
        default=0,
        metadata={"help": "Nodes that the clusters of a workspace may have together; 0 for no limit."},
    )
    scoring_host: str = field(
        default="127.0.0.1", metadata={"help": "Address at which web services listen; 0.0.0.0 for every network."}
    )
    scoring_port: int = field(
        default=18700,
        metadata={"help": "First port for web services that name none of their own.", "most": _HIGHEST_PORT},
    )
    master_key_kind: str = field(
        default="auto",
        metadata={
            "help": "Where the key vault's master key is kept: file (master.key in the home) or environment "
            "(TERRAZUL_MASTER_KEY); auto takes the environment where that is set."
        },
    )
    database: str = field(
        default="",
        metadata={
            "help": "PostgreSQL for a team: postgresql://user:password@host/name. Default: a file in the home.",
            "secret": True,
        },
    )
    storage: str = field(
        default="",
        metadata={
            "help": "Where the bytes of files are kept: s3://bucket/prefix, az://container/prefix, gs://bucket/prefix "
            "or a folder. Default: blobs in the home. The cloud's own variables let the server in."
        },
    )
    storage_endpoint: str = field(
        default="",
        metadata={"help": "Address of that service where it is not the cloud's own: https://minio.example:9000."},
    )
    storage_direct: bool = field(
        default=False,
        metadata={
            "help": "Clients reach that service too: they fetch large files from it, by addresses that it signs for 15 "
            "minutes."
        },
    )
    storage_moved: bool = field(
        default=False,
        metadata={"help": "All that the storage of before held has been copied to this one."},
    )
    processes: int = field(
        default=1,
        metadata={"help": "Processes that answer on one port; several need PostgreSQL.", "least": 1},
    )
    purge_after_days: int = field(
        default=0,
        metadata={
            "help": "Days after which what was deleted in MLflow's way goes for good; 0 for never.",
            "most": _MOST_DAYS,
        },
    )
    body_limit: int = field(default=64 << 20, metadata={"help": "Largest JSON request body in bytes."})
    log_limit: int = field(
        default=5 << 30, metadata={"help": "Largest log file of a run in bytes; what comes after is not kept."}
    )

    @property
    def concurrency(self) -> int:
        """How many runs this machine executes at once."""
        return self.concurrent_runs or max(2, os.cpu_count() or 1)

    @property
    def speaks_tls(self) -> bool:
        """Whether it speaks HTTPS."""
        return self.tls or bool(self.certificate)

    @property
    def names(self) -> List[str]:
        """The further names by which it may be addressed."""
        return _parts(self.allowed_hosts)

    @property
    def destinations(self) -> List[str]:
        """The places outside of the public internet that it may call for its users."""
        return _parts(self.allowed_destinations)

    @property
    def domains(self) -> List[str]:
        """The domains of e-mail addresses whose people become users by themselves."""
        return _parts(self.oidc_domains)

    @property
    def data_folders(self) -> List[str]:
        """The folders below which its users may register local ones as datastores."""
        return [part.strip() for part in self.data_roots.split(",") if part.strip()]


def _parts(text: str) -> List[str]:
    return [part.strip().lower() for part in text.split(",") if part.strip()]


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def option_of(name: str) -> str:
    """The command line's option of a setting."""
    return "--" + name.replace("_", "-")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser an option for each setting; one that is not given is ``None``, so that its variable counts."""
    group = parser.add_argument_group("settings", f"Each is also read from a variable: {PREFIX}PORT for --port.")
    for each in fields(Settings):
        option, text = option_of(each.name), each.metadata["help"]
        if isinstance(each.default, bool):
            group.add_argument(option, action="store_true", default=None, help=text)
        else:
            value = "NUMBER" if isinstance(each.default, int) else "FILE" if "file" in each.metadata else "TEXT"
            kind = os.path.abspath if "file" in each.metadata else type(each.default)
            default = "" if each.default == "" else f" Default: {each.default}."
            group.add_argument(option, type=kind, metavar=value, help=text + default)


def to_variables(given: Mapping[str, Any]) -> Dict[str, str]:
    """The variables that say the same as those of these values that no list of processes must show."""
    secret = (each.name for each in fields(Settings) if each.metadata.get("secret"))
    return {variable_of(name): str(given[name]) for name in secret if given.get(name) is not None}


def to_arguments(given: Mapping[str, Any]) -> List[str]:
    """The command line that says the same as the other values, where ``None`` says nothing."""
    line: List[str] = []
    for each in fields(Settings):
        value = None if each.metadata.get("secret") else given.get(each.name)
        if value is not None and value is not False:
            line += [option_of(each.name)] if value is True else [option_of(each.name), str(value)]
    return line


def from_environment(environment: Mapping[str, str], **given: Any) -> Settings:
    """Settings from variables; what is given (and not None) wins.

    Raises ``InvalidInput`` for a wrong value, and where values together would let strangers read what is sent.
    """
    values: Dict[str, Any] = {}
    for each in fields(Settings):
        text = environment.get(variable_of(each.name))
        if given.get(each.name) is not None:
            values[each.name] = _check(option_of(each.name), given[each.name], each.metadata)
        elif text is not None:
            value = _parse(variable_of(each.name), type(each.default), text)
            values[each.name] = _check(variable_of(each.name), value, each.metadata)
    settings = Settings(**values)
    _check_network(settings)
    _check_destinations(settings)
    _check_provider(settings)
    _check_data_folders(settings)
    _check_storage(settings)
    return settings


def _parse(source: str, kind: type, text: str) -> Any:
    if kind is bool and text.lower() in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        return text.lower() in {"1", "true", "yes", "on"}
    if kind is str:
        return text
    if kind is int and text.strip().lstrip("-").isdigit():
        return int(text)
    message = f"{source} is {text!r}, which is not a value of type {kind.__name__}."
    raise InvalidInput(message, target=source, hint="Correct the variable or remove it.")


def _check(source: str, value: Any, metadata: Mapping[str, Any]) -> Any:
    least, most = metadata.get("least", 0), metadata.get("most")
    if isinstance(value, int) and (value < least or (most is not None and value > most)):
        bounds = f"{least} or more" if most is None else f"between {least} and {most}"
        message = f"{source} is {value}, and must be {bounds}."
        raise InvalidInput(message, target=source, hint="Correct the value, or leave it out for the default.")
    return value


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address to listen on."""
    return _LOOPBACK.match(host) is not None


def _check_network(settings: Settings) -> None:
    if bool(settings.certificate) != bool(settings.certificate_key):
        given, missing = (
            ("certificate", "certificate_key") if settings.certificate else ("certificate_key", "certificate")
        )
        message = f"{option_of(given)} is given, and {option_of(missing)} is not."
        raise InvalidInput(message, target=missing, hint="They belong together; --tls alone makes both.")
    if settings.speaks_tls and settings.plain_http:
        message = "Both HTTPS and plain HTTP are asked for."
        raise InvalidInput(message, target="plain_http", hint="Leave out --plain-http.")
    if not (settings.speaks_tls or settings.plain_http or is_loopback(settings.host)):
        message = (
            f"At {settings.host or 'every address'}, others on the network could read all that is sent, tokens too."
        )
        hint = "Add --tls, or --plain-http where a proxy in front speaks HTTPS or nobody can listen in."
        raise InvalidInput(message, target="host", hint=hint)


def _check_destinations(settings: Settings) -> None:
    for place in settings.destinations:
        if not _PLACE.match(place):
            message = f"{place[:80]!r} in {option_of('allowed_destinations')} is not of the form host:port."
            raise InvalidInput(message, target="allowed_destinations", hint="Write hooks.example:443, or [::1]:8080.")


def _check_provider(settings: Settings) -> None:
    if not settings.oidc_issuer:
        given = [name for name in _WITH_ISSUER if getattr(settings, name)]
        if given:
            message = f"{option_of(given[0])} is given, and {option_of('oidc_issuer')} is not."
            raise InvalidInput(message, target="oidc_issuer", hint="Name the provider, or leave both out.")
        return
    match = _ISSUER.match(settings.oidc_issuer)
    if match is None or (match["scheme"] == "http" and not is_loopback(match["host"].strip("[]"))):
        message = f"{settings.oidc_issuer[:200]!r} is not the address of a provider to sign in by."
        hint = "Write https://name/path, without a question mark; http:// is for one on this machine."
        raise InvalidInput(message, target="oidc_issuer", hint=hint)
    for name in ("oidc_client_id", "oidc_name_claim"):
        if not getattr(settings, name):
            message = f"{option_of('oidc_issuer')} is given, and {option_of(name)} is not."
            raise InvalidInput(message, target=name, hint="The provider shows it where this server is registered.")
    for domain in settings.domains:
        if not _DOMAIN.match(domain):
            message = f"{domain[:80]!r} in {option_of('oidc_domains')} is no domain of e-mail addresses."
            raise InvalidInput(message, target="oidc_domains", hint="Write example.com, without @.")


def _check_data_folders(settings: Settings) -> None:
    for folder in settings.data_folders:
        if not Path(folder).is_absolute():
            message = f"{folder[:80]!r} in {option_of('data_roots')} is not an absolute path."
            raise InvalidInput(message, target="data_roots", hint="Write /srv/data,/mnt/archive.")


def _check_storage(settings: Settings) -> None:
    if not settings.storage:
        if settings.storage_endpoint:
            message = f"{option_of('storage_endpoint')} is given, and {option_of('storage')} is not."
            raise InvalidInput(message, target="storage_endpoint", hint="Name the storage, or leave both out.")
        return
    if "://" in settings.storage:
        if not _STORAGE.match(settings.storage):
            message = f"{settings.storage[:200]!r} names no storage."
            hint = "Write s3://bucket/prefix, az://container/prefix, gs://bucket/prefix or an absolute path."
            raise InvalidInput(message, target="storage", hint=hint)
    elif not Path(settings.storage).is_absolute():
        message = f"{settings.storage[:200]!r} in {option_of('storage')} is not an absolute path."
        raise InvalidInput(message, target="storage", hint="Write /srv/terrazul/files, or s3://bucket/prefix.")
    if settings.storage_endpoint and not _ENDPOINT.match(settings.storage_endpoint):
        message = f"{settings.storage_endpoint[:200]!r} is no address of a service."
        raise InvalidInput(message, target="storage_endpoint", hint="Write https://minio.example:9000.")
