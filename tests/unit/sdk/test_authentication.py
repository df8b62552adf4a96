"""Signing in as v1 code does it."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from terrazul.core.errors import Unavailable
from terrazul.sdk import authentication as module
from terrazul.sdk.authentication import (
    AbstractAuthentication,
    ArmTokenAuthentication,
    Audience,
    AzureCliAuthentication,
    AzureMLTokenAuthentication,
    InteractiveLoginAuthentication,
    MsiAuthentication,
    ServicePrincipalAuthentication,
    TokenAuthentication,
)

HEADER = {"Authorization": "Bearer of-the-server"}


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZUREML_SERVICE_ENDPOINT", "AZUREML_RUN_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERRAZUL_SERVER", "http://127.0.0.1:1")
    monkeypatch.setenv("TERRAZUL_TOKEN", "of-the-server")


@pytest.mark.parametrize(
    "authentication",
    [
        AzureCliAuthentication(),
        InteractiveLoginAuthentication(force=True, tenant_id="tenant"),
        MsiAuthentication(identity_config={"client_id": "x"}),
        ServicePrincipalAuthentication("tenant", "principal", "hunter2", "AzureChinaCloud"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_where_v1_would_sign_in_the_servers_token_is_used(authentication: AbstractAuthentication):
    assert authentication.get_authentication_header() == HEADER
    token = authentication.get_token("https://management.azure.com/.default")
    assert token.token == "of-the-server"
    assert token.expires_on > time.time()
    assert "hunter2" not in repr(vars(authentication))


def test_tokens_that_code_hands_over_are_used():
    arm = ArmTokenAuthentication("mine")
    assert arm.get_authentication_header() == {"Authorization": "Bearer mine"}
    arm.update_arm_access_token("newer")
    assert arm.get_token().token == "newer"
    for_audience = TokenAuthentication(lambda audience: f"for-{audience.value}")
    assert for_audience.get_token() == "for-ARM"
    assert for_audience.get_token(Audience.AZUREML) == "for-AZUREML"
    assert for_audience.get_authentication_header() == {"Authorization": "Bearer for-AZUREML"}
    run = AzureMLTokenAuthentication.create("run", 5, "host", "s", "g", "w", "e", "r")
    assert (run.token, run.expiry_time) == ("run", 5)
    run.set_token("renewed", 6)
    assert run.get_authentication_header() == {"Authorization": "Bearer renewed"}


def test_header_without_a_server_tells_how_to_start_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("TERRAZUL_SERVER")
    monkeypatch.setenv("TERRAZUL_HOME", str(tmp_path))
    with pytest.raises(Unavailable, match="terrazul up"):
        InteractiveLoginAuthentication().get_authentication_header()


def test_session_sends_the_header_with_each_request():
    session = SimpleNamespace(headers={})
    assert InteractiveLoginAuthentication().signed_session(session) is session
    assert session.headers == HEADER


def test_session_without_the_package_tells_what_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(module.UserErrorException, match="requests"):
        InteractiveLoginAuthentication().signed_session()
