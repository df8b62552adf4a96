"""TLS at a service's own address: from the first revision, switched on and off, and renewed."""

import contextlib
import http.client
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from terrazul.testing.certificate import make_pair
from terrazul.testing.deployment import DeployedService, Deployer, echo
from terrazul.testing.server import Refused
from terrazul.testing.submission import wait_for


def settings_with_tls(folder: Path, name: str) -> dict[str, object]:
    pair = make_pair(folder, name)
    return {"ssl_enabled": True, "ssl_certificate": pair.certificate.read_text(), "ssl_key": pair.key.read_text()}


def trusting(pair: dict[str, object]) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=str(pair["ssl_certificate"]))


@contextlib.contextmanager
def noted(kind: type[OSError], found: list[OSError]) -> Iterator[None]:
    """Go on after any error of a connection; those of a kind are kept."""
    try:
        yield
    except kind as problem:
        found.append(problem)
    except OSError:
        return


def speaks_tls(service: DeployedService, context: ssl.SSLContext) -> bool:
    try:
        return service.ask(tls=context).status == 200
    except (OSError, ssl.SSLError):
        return False


def test_service_speaks_tls_and_keeps_its_key_to_itself(deploy_shared: Deployer, tmp_path: Path):
    pair = settings_with_tls(tmp_path, "first")
    service = deploy_shared(echo("private"), settings={**pair, "ssl_cname": "models.example.org"})
    told = service.get()
    assert service.score(tls=trusting(pair))["says"] == "private"
    assert told["scoring_uri"] == f"https://models.example.org:{service.port}/score"
    assert told["settings"]["ssl_certificate"] == pair["ssl_certificate"]
    assert told["settings"]["ssl_key"] == ""
    for path in service.folder.rglob("*"):
        if path.is_file():
            assert "PRIVATE KEY" not in path.read_text(errors="replace"), path


def test_certificate_is_renewed(deploy_shared: Deployer, tmp_path: Path):
    old, new = settings_with_tls(tmp_path, "old"), settings_with_tls(tmp_path, "new")
    service = deploy_shared(settings=old)
    with pytest.raises(Refused, match="belong to each other"):
        service.update(settings={"ssl_certificate": new["ssl_certificate"]})
    service.update(settings=new)
    service.wait()
    assert speaks_tls(service, trusting(new))
    assert not speaks_tls(service, trusting(old))


def test_tls_is_switched_on_and_off_without_a_lost_connection(deploy_shared: Deployer, tmp_path: Path):
    pair = settings_with_tls(tmp_path, "pair")
    context = trusting(pair)
    service = deploy_shared(echo("open"))
    ended = threading.Event()
    refused: list[OSError] = []

    def load() -> None:
        while not ended.is_set():
            with contextlib.suppress(http.client.HTTPException), noted(ConnectionRefusedError, refused):
                service.ask()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(load)
        service.update(settings=pair)
        service.wait()
        assert speaks_tls(service, context)
        service.update(settings={"ssl_enabled": False})
        service.wait()
        wait_for(lambda: not speaks_tls(service, context))
        ended.set()
    assert service.score()["says"] == "open"
    assert refused == []
    assert service.get()["scoring_uri"].startswith("http://")


def test_revision_that_fails_leaves_tls_as_it_is(deploy_shared: Deployer, tmp_path: Path):
    pair = settings_with_tls(tmp_path, "pair")
    service = deploy_shared(echo("private"), settings=pair)
    service.update("def init(): raise ValueError\ndef run(d): return 1\n", settings={"ssl_enabled": False})
    assert service.wait()["serving_revision"] == 1
    assert service.score(tls=trusting(pair))["says"] == "private"
    service.kill_supervisor()
    wait_for(lambda: speaks_tls(service, trusting(pair)))
