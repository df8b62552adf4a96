"""``AciWebservice``: a web service on the server's machine, under v1's name for a container instance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence

from terrazul.core.errors import WebserviceException
from terrazul.sdk.client import concept
from terrazul.sdk.console import warn
from terrazul.sdk.inference_config import InferenceConfig, ids_of
from terrazul.sdk.webservice.configuration import Request, WebserviceDeploymentConfiguration
from terrazul.sdk.webservice.resources import ContainerResourceRequirements, EncryptionProperties, VnetConfiguration
from terrazul.sdk.webservice.webservice import Webservice
from terrazul.wire.endpoint import ComputeType, ServiceSettings, WebserviceChange

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

_CPU_CORES, _MEMORY_GB = 0.1, 0.5


@concept("webservice.aci")
class AciWebservice(Webservice):
    """A web service of processes on the server's machine, with their share of cores and memory."""

    _COMPUTE_TYPE = ComputeType.ACI

    def __init__(self, workspace: Workspace, name: str) -> None:
        super().__init__(workspace, name)

    @staticmethod
    def deploy_configuration(
        cpu_cores: Optional[float] = None,
        memory_gb: Optional[float] = None,
        tags: Optional[Mapping[str, str]] = None,
        properties: Optional[Mapping[str, str]] = None,
        description: Optional[str] = None,
        location: Optional[str] = None,
        auth_enabled: Optional[bool] = None,
        ssl_enabled: Optional[bool] = None,
        enable_app_insights: Optional[bool] = None,
        ssl_cert_pem_file: Optional[str] = None,
        ssl_key_pem_file: Optional[str] = None,
        ssl_cname: Optional[str] = None,
        dns_name_label: Optional[str] = None,
        primary_key: Optional[str] = None,
        secondary_key: Optional[str] = None,
        collect_model_data: Optional[bool] = None,
        cmk_vault_base_url: Optional[str] = None,
        cmk_key_name: Optional[str] = None,
        cmk_key_version: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
        worker_count: Optional[int] = None,
    ) -> AciServiceDeploymentConfiguration:
        """How to deploy: cores (0.1 unless told), gigabytes (0.5), key (none unless ``auth_enabled``), TLS, and so on.

        ``worker_count``, Terrazul's own, is the number of processes that score (1). The names of Azure's networks and
        keys are kept, without effect. Raises ``WebserviceException`` for a value that cannot be.
        """
        return AciServiceDeploymentConfiguration(
            cpu_cores, memory_gb, tags, properties, description, location, auth_enabled, ssl_enabled,
            enable_app_insights, ssl_cert_pem_file, ssl_key_pem_file, ssl_cname, dns_name_label, primary_key,
            secondary_key, collect_model_data, cmk_vault_base_url, cmk_key_name, cmk_key_version, vnet_name,
            subnet_name, worker_count,
        )  # fmt: skip

    def update(
        self,
        image: Any = None,
        tags: Optional[Mapping[str, str]] = None,
        properties: Optional[Mapping[str, str]] = None,
        description: Optional[str] = None,
        auth_enabled: Optional[bool] = None,
        ssl_enabled: Optional[bool] = None,
        ssl_cert_pem_file: Optional[str] = None,
        ssl_key_pem_file: Optional[str] = None,
        ssl_cname: Optional[str] = None,
        enable_app_insights: Optional[bool] = None,
        models: Optional[Sequence[Any]] = None,
        inference_config: Optional[InferenceConfig] = None,
    ) -> None:
        """Change what is given. Models, inference configuration, image and settings make a new revision.

        The revision before goes on serving until the new one is healthy, and for good where it never is. Raises
        ``WebserviceException`` where nothing, or an image and a model at once, is given.
        """
        if image is not None and (models is not None or inference_config is not None):
            message = "An image and models or an inference configuration are given; they exclude each other."
            raise WebserviceException(message, target=self.name, hint="Give the image, or the models.")
        settings = _given(
            auth_enabled=auth_enabled,
            ssl_enabled=ssl_enabled,
            ssl_certificate=_pem(ssl_cert_pem_file, "ssl_cert_pem_file"),
            ssl_key=_pem(ssl_key_pem_file, "ssl_key_pem_file"),
            ssl_cname=ssl_cname,
            enable_app_insights=enable_app_insights,
        )
        wanted = None if models is None else ids_of(models)
        deployment = None
        if inference_config is not None:
            deployment = inference_config.deployment(self._client, wanted or self._known.deployment.models)
        change = WebserviceChange(
            deployment=deployment,
            image_id="" if image is None else str(image.id),
            models=None if deployment is not None else wanted,
            settings=settings or None,
            description=description,
            tags=None if tags is None else {str(key): str(value) for key, value in tags.items()},
            add_properties={str(key): str(value) for key, value in (properties or {}).items()},
        )
        if change == WebserviceChange():
            message = f"Nothing is given to change of the service {self.name}."
            raise WebserviceException(
                message, target=self.name, hint="Pass models, inference_config, tags, or the like."
            )
        self._change(change)

    def run(self, input_data: Any) -> Any:
        """Have the service score; the answer's JSON, decoded once."""
        return super().run(input_data)

    @property
    def enable_app_insights(self) -> bool:
        """Whether requests are to be monitored."""
        return self._known.settings.enable_app_insights

    @property
    def cname(self) -> Optional[str]:
        """The name that its certificate is for."""
        return self._known.settings.ssl_cname or None

    @property
    def container_resource_requirements(self) -> ContainerResourceRequirements:
        """Its share of cores and memory."""
        settings = self._known.settings
        return ContainerResourceRequirements(settings.cpu_cores, settings.memory_gb)

    @property
    def encryption_properties(self) -> Optional[EncryptionProperties]:
        """Azure's encryption; none here."""
        return None

    @property
    def vnet_configuration(self) -> Optional[VnetConfiguration]:
        """Azure's network; none here."""
        return None

    @property
    def location(self) -> str:
        """Where it is."""
        return self._known.settings.location or self.workspace.location

    @property
    def public_ip(self) -> Optional[str]:
        """The address of its host."""
        return self._known.scoring_uri.split("//", 1)[-1].partition("/")[0].rpartition(":")[0] or None

    @property
    def public_fqdn(self) -> Optional[str]:
        """The name of its host."""
        return self.public_ip

    @property
    def ssl_enabled(self) -> bool:
        """Whether it is reached by HTTPS."""
        return self._known.settings.ssl_enabled

    @property
    def ssl_certificate(self) -> Optional[str]:
        """Its certificate, as PEM."""
        return self._known.settings.ssl_certificate or None

    @property
    def ssl_key(self) -> Optional[str]:
        """The private key never comes back."""
        return None

    def serialize(self) -> Dict[str, Any]:
        """The service under v1's keys."""
        return {
            **super().serialize(),
            "appInsightsEnabled": self.enable_app_insights,
            "cname": self.cname,
            "containerResourceRequirements": self.container_resource_requirements.serialize(),
            "location": self.location,
            "publicIp": self.public_ip,
            "sslEnabled": self.ssl_enabled,
        }


class AciServiceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """What ``AciWebservice.deploy_configuration`` gives."""

    def __init__(
        self,
        cpu_cores: Optional[float] = None,
        memory_gb: Optional[float] = None,
        tags: Optional[Mapping[str, str]] = None,
        properties: Optional[Mapping[str, str]] = None,
        description: Optional[str] = None,
        location: Optional[str] = None,
        auth_enabled: Optional[bool] = None,
        ssl_enabled: Optional[bool] = None,
        enable_app_insights: Optional[bool] = None,
        ssl_cert_pem_file: Optional[str] = None,
        ssl_key_pem_file: Optional[str] = None,
        ssl_cname: Optional[str] = None,
        dns_name_label: Optional[str] = None,
        primary_key: Optional[str] = None,
        secondary_key: Optional[str] = None,
        collect_model_data: Optional[bool] = None,
        cmk_vault_base_url: Optional[str] = None,
        cmk_key_name: Optional[str] = None,
        cmk_key_version: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
        worker_count: Optional[int] = None,
    ) -> None:
        super().__init__(AciWebservice, description, tags, properties, primary_key, secondary_key, location)
        self.cpu_cores = cpu_cores
        self.memory_gb = memory_gb
        self.auth_enabled = auth_enabled
        self.ssl_enabled = ssl_enabled
        self.enable_app_insights = enable_app_insights
        self.ssl_cert_pem_file = ssl_cert_pem_file
        self.ssl_key_pem_file = ssl_key_pem_file
        self.ssl_cname = ssl_cname
        self.dns_name_label = dns_name_label
        self.collect_model_data = collect_model_data
        self.cmk_vault_base_url = cmk_vault_base_url
        self.cmk_key_name = cmk_key_name
        self.cmk_key_version = cmk_key_version
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name
        self.worker_count = worker_count
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Raise ``WebserviceException`` for a value that cannot be."""
        super().validate_configuration()
        for name in ("cpu_cores", "memory_gb", "worker_count"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                message = f"{name} is {value!r}, and must be above 0."
                raise WebserviceException(message, target=name, hint=f"Leave {name} out for the default.")
        if self.ssl_enabled and not (self.ssl_cert_pem_file and self.ssl_key_pem_file):
            message = "ssl_enabled asks for a certificate and its key, and not both are given."
            raise WebserviceException(
                message, target="ssl_enabled", hint="Pass ssl_cert_pem_file and ssl_key_pem_file."
            )

    def shown(self) -> Dict[str, Any]:
        """What there is to show: no key."""
        return {
            "CPU cores": self.cpu_cores or _CPU_CORES,
            "memory in GB": self.memory_gb or _MEMORY_GB,
            "workers": self.worker_count or 1,
            "key needed": bool(self.auth_enabled),
            "TLS": bool(self.ssl_enabled),
            **super().shown(),
        }

    def request(self) -> Request:
        """The configuration as the server takes it."""
        without_effect = [
            name for name in ("cmk_vault_base_url", "cmk_key_name", "vnet_name", "subnet_name") if getattr(self, name)
        ]
        if without_effect:
            warn(f"{', '.join(without_effect)}: part of Azure's network and encryption, without effect here.")
        settings = replace(
            ServiceSettings(),
            **_given(
                worker_count=self.worker_count,
                cpu_cores=self.cpu_cores,
                memory_gb=self.memory_gb,
                auth_enabled=self.auth_enabled,
                ssl_enabled=self.ssl_enabled,
                ssl_certificate=_pem(self.ssl_cert_pem_file, "ssl_cert_pem_file"),
                ssl_key=_pem(self.ssl_key_pem_file, "ssl_key_pem_file"),
                ssl_cname=self.ssl_cname,
                dns_name_label=self.dns_name_label,
                location=self.location,
                enable_app_insights=self.enable_app_insights,
                collect_model_data=self.collect_model_data,
            ),
        )
        return Request(ComputeType.ACI, settings, self.keys())


def _given(**values: Any) -> Dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _pem(path: Optional[str], name: str) -> Optional[str]:
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        message = f"The {name} {path!r} cannot be read: {error}."
        raise WebserviceException(message, target=name, hint="Name a file in PEM form.") from error
