"""What a web service is given and how it is watched, as v1 names it: plain data."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Type, TypeVar

P = TypeVar("P", bound="_Payload")


class _Payload:
    """Attributes that travel under v1's camelCase keys."""

    _KEYS: Mapping[str, str] = {}

    def serialize(self) -> Dict[str, Any]:
        """The attributes under v1's keys."""
        return {key: getattr(self, name) for name, key in self._KEYS.items()}

    @classmethod
    def _read(cls: Type[P], payload_obj: Optional[Mapping[str, Any]]) -> Optional[P]:
        if payload_obj is None:
            return None
        return cls(*(payload_obj.get(key) for key in cls._KEYS.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._KEYS)})"


class ContainerResourceRequirements(_Payload):
    """Cores, gigabytes and devices."""

    _KEYS: Mapping[str, str] = {
        "cpu": "cpu",
        "memory_in_gb": "memoryInGB",
        "gpu": "gpu",
        "cpu_limit": "cpuLimit",
        "memory_in_gb_limit": "memoryInGBLimit",
    }

    def __init__(
        self,
        cpu: Optional[float],
        memory_in_gb: Optional[float],
        gpu: Optional[int] = None,
        cpu_limit: Optional[float] = None,
        memory_in_gb_limit: Optional[float] = None,
    ) -> None:
        self.cpu = cpu
        self.memory_in_gb = memory_in_gb
        self.gpu = gpu
        self.cpu_limit = cpu_limit
        self.memory_in_gb_limit = memory_in_gb_limit

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[ContainerResourceRequirements]:
        """Read what ``serialize`` wrote."""
        return ContainerResourceRequirements._read(payload_obj)


class AutoScaler(_Payload):
    """How the number of replicas follows the load."""

    _KEYS: Mapping[str, str] = {
        "autoscale_enabled": "autoscaleEnabled",
        "max_replicas": "maxReplicas",
        "min_replicas": "minReplicas",
        "refresh_period_seconds": "refreshPeriodInSeconds",
        "target_utilization": "targetUtilization",
    }

    def __init__(
        self,
        autoscale_enabled: Optional[bool],
        max_replicas: Optional[int],
        min_replicas: Optional[int],
        refresh_period_seconds: Optional[int],
        target_utilization: Optional[int],
    ) -> None:
        self.autoscale_enabled = autoscale_enabled
        self.max_replicas = max_replicas
        self.min_replicas = min_replicas
        self.refresh_period_seconds = refresh_period_seconds
        self.target_utilization = target_utilization

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[AutoScaler]:
        """Read what ``serialize`` wrote."""
        return AutoScaler._read(payload_obj)


class DataCollection(_Payload):
    """Where the data of requests is kept."""

    _KEYS: Mapping[str, str] = {"event_hub_enabled": "eventHubEnabled", "storage_enabled": "storageEnabled"}

    def __init__(self, event_hub_enabled: Optional[bool], storage_enabled: Optional[bool]) -> None:
        self.event_hub_enabled = event_hub_enabled
        self.storage_enabled = storage_enabled

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[DataCollection]:
        """Read what ``serialize`` wrote."""
        return DataCollection._read(payload_obj)


class LivenessProbeRequirements(_Payload):
    """How it is found out whether a replica lives."""

    _KEYS: Mapping[str, str] = {
        "period_seconds": "periodSeconds",
        "initial_delay_seconds": "initialDelaySeconds",
        "timeout_seconds": "timeoutSeconds",
        "success_threshold": "successThreshold",
        "failure_threshold": "failureThreshold",
    }

    def __init__(
        self,
        period_seconds: Optional[int],
        initial_delay_seconds: Optional[int],
        timeout_seconds: Optional[int],
        success_threshold: Optional[int],
        failure_threshold: Optional[int],
    ) -> None:
        self.period_seconds = period_seconds
        self.initial_delay_seconds = initial_delay_seconds
        self.timeout_seconds = timeout_seconds
        self.success_threshold = success_threshold
        self.failure_threshold = failure_threshold

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[LivenessProbeRequirements]:
        """Read what ``serialize`` wrote."""
        return LivenessProbeRequirements._read(payload_obj)


class WebServiceAccessToken(_Payload):
    """A token that opens a web service until it expires."""

    _KEYS: Mapping[str, str] = {
        "access_token": "accessToken",
        "token_type": "tokenType",
        "refresh_after": "refreshAfter",
        "expiry_on": "expiryOn",
    }

    def __init__(self, access_token: str, token_type: str, refresh_after: Any, expiry_on: Any) -> None:
        self.access_token = access_token
        self.token_type = token_type
        self.refresh_after = refresh_after
        self.expiry_on = expiry_on

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[WebServiceAccessToken]:
        """Read what ``serialize`` wrote."""
        return WebServiceAccessToken._read(payload_obj)


class EncryptionProperties(_Payload):
    """The customer's key by which Azure encrypts; kept, and without effect here."""

    _KEYS: Mapping[str, str] = {
        "cmk_vault_base_url": "vaultBaseUrl",
        "cmk_key_name": "keyName",
        "cmk_key_version": "keyVersion",
    }

    def __init__(
        self, cmk_vault_base_url: Optional[str], cmk_key_name: Optional[str], cmk_key_version: Optional[str]
    ) -> None:
        self.cmk_vault_base_url = cmk_vault_base_url
        self.cmk_key_name = cmk_key_name
        self.cmk_key_version = cmk_key_version

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[EncryptionProperties]:
        """Read what ``serialize`` wrote."""
        return EncryptionProperties._read(payload_obj)


class VnetConfiguration(_Payload):
    """Azure's network of a web service; kept, and without effect here."""

    _KEYS: Mapping[str, str] = {"vnet_name": "vnetName", "subnet_name": "subnetName"}

    def __init__(self, vnet_name: Optional[str], subnet_name: Optional[str]) -> None:
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[VnetConfiguration]:
        """Read what ``serialize`` wrote."""
        return VnetConfiguration._read(payload_obj)
