"""How deployments are configured, checked before anything is sent."""

from pathlib import Path
from typing import Any

import pytest

from terrazul.core.errors import WebserviceException
from terrazul.sdk.webservice.aci import AciWebservice
from terrazul.sdk.webservice.local import LocalWebservice
from terrazul.wire.endpoint import ComputeType, ServiceSettings


def test_aci_has_the_defaults_of_v1():
    request = AciWebservice.deploy_configuration().request()
    assert request.compute_type is ComputeType.ACI
    assert request.settings == ServiceSettings()
    assert (request.settings.cpu_cores, request.settings.memory_gb, request.keys) == (0.1, 0.5, None)


def test_local_has_no_limits():
    request = LocalWebservice.deploy_configuration(port=8890, worker_count=2).request()
    assert (request.compute_type, request.port) == (ComputeType.LOCAL, 8890)
    assert (request.settings.cpu_cores, request.settings.memory_gb) == (None, None)
    assert request.settings.worker_count == 2


def test_certificate_is_read_from_its_files(tmp_path: Path):
    (tmp_path / "c.pem").write_text("certificate")
    (tmp_path / "k.pem").write_text("key")
    settings = (
        AciWebservice.deploy_configuration(
            ssl_enabled=True, ssl_cert_pem_file=str(tmp_path / "c.pem"), ssl_key_pem_file=str(tmp_path / "k.pem"),
            ssl_cname="here",
        )
        .request()
        .settings
    )  # fmt: skip
    assert (settings.ssl_certificate, settings.ssl_key, settings.ssl_cname) == ("certificate", "key", "here")


def test_missing_certificate_is_told():
    configuration = AciWebservice.deploy_configuration(
        ssl_enabled=True, ssl_cert_pem_file="no.pem", ssl_key_pem_file="no.pem", ssl_cname="x"
    )
    with pytest.raises(WebserviceException, match=r"'no\.pem' cannot be read"):
        configuration.request()


def test_names_of_azure_are_kept_with_a_notice(caplog: pytest.LogCaptureFixture):
    AciWebservice.deploy_configuration(vnet_name="net", subnet_name="sub", location="westeurope").request()
    assert "vnet_name, subnet_name" in caplog.text


def test_no_key_is_shown(capsys: pytest.CaptureFixture[str]):
    configuration = AciWebservice.deploy_configuration(auth_enabled=True, primary_key="sesame-open", tags={"a": "b"})
    configuration.print_deploy_configuration()
    shown = capsys.readouterr()
    assert "sesame" not in shown.out + shown.err
    keys = configuration.request().keys
    assert keys is not None
    assert (keys.primary, keys.secondary) == ("sesame-open", "")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"cpu_cores": 0}, "cpu_cores"),
        ({"memory_gb": -1}, "memory_gb"),
        ({"ssl_enabled": True}, "not both"),
        ({"primary_key": "a\nb"}, "primary_key cannot be used"),
        ({"secondary_key": ""}, "secondary_key cannot be used"),
    ],
)
def test_value_that_cannot_be_is_told(options: Any, told: str):
    with pytest.raises(WebserviceException, match=told):
        AciWebservice.deploy_configuration(**options)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_port_that_is_none_is_told(port: int):
    with pytest.raises(WebserviceException, match="is not a port"):
        LocalWebservice.deploy_configuration(port=port)
