"""v1's ways to sign in: each constructs without a browser and stands for the token of the server that is used."""

from __future__ import annotations

import importlib
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, NamedTuple, Optional

from terrazul.core.clock import now
from terrazul.sdk.client import connect

_DAY_SECONDS = 24 * 3600


class AccessToken(NamedTuple):
    """A token and the second (since 1970) until which it may be kept before it is asked for again."""

    token: str
    expires_on: int


class Audience:
    """For whom a token is meant; Terrazul has one token for all."""

    ARM = "ARM"
    AZUREML = "AZUREML"


class AbstractAuthentication:
    """What all ways to sign in offer. Raises ``Unavailable`` on use where no server is known."""

    def __init__(self, cloud: Optional[str] = None) -> None:
        self._cloud = cloud

    def get_authentication_header(self) -> Dict[str, str]:
        """The HTTP header with the token."""
        return {"Authorization": f"Bearer {connect().address.token}"}

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        """The token, with a time until which it may be kept."""
        del scopes, kwargs
        return AccessToken(connect().address.token, now() // 1_000_000 + _DAY_SECONDS)

    def signed_session(self, session: Any = None) -> Any:
        """A session of ``requests`` (a new one unless given) that sends the token with each request."""
        signed = importlib.import_module("requests").Session() if session is None else session
        signed.headers.update(self.get_authentication_header())
        return signed


class InteractiveLoginAuthentication(AbstractAuthentication):
    """v1's login by browser."""

    def __init__(self, force: bool = False, tenant_id: Optional[str] = None, cloud: Optional[str] = None) -> None:
        super().__init__(cloud)
        self._force = force
        self._tenant_id = tenant_id


class AzureCliAuthentication(AbstractAuthentication):
    """v1's login of the command line."""


class MsiAuthentication(AbstractAuthentication):
    """v1's managed identity."""

    def __init__(self, cloud: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(cloud)
        self._settings = kwargs


class ServicePrincipalAuthentication(AbstractAuthentication):
    """v1's service principal; its password is neither kept nor sent."""

    def __init__(
        self,
        tenant_id: str,
        service_principal_id: str,
        service_principal_password: str,
        cloud: str = "AzureCloud",
        _enable_caching: bool = True,
    ) -> None:
        super().__init__(cloud)
        del service_principal_password, _enable_caching
        self._tenant_id = tenant_id
        self._service_principal_id = service_principal_id


class ArmTokenAuthentication(AbstractAuthentication):
    """v1's token of the cloud; it is neither kept nor sent."""

    def __init__(self, arm_access_token: str, cloud: str = "None") -> None:
        super().__init__(cloud)
        del arm_access_token

    def update_arm_access_token(self, new_arm_access_token: str) -> None:
        """Accept another token; it is not needed."""


class TokenAuthentication(AbstractAuthentication):
    """v1's tokens by a function of the caller."""

    def __init__(self, get_token_for_audience: Callable[[str], str], cloud: Optional[str] = None) -> None:
        super().__init__(cloud)
        self._get_token_for_audience = get_token_for_audience

    def get_token(self, audience: str = Audience.ARM) -> str:  # type: ignore[override]  # v1's signature
        """What the caller's function gives."""
        return self._get_token_for_audience(audience)


class AzureMLTokenAuthentication(AbstractAuthentication):
    """The token of a run, as v1 passes it around."""

    EXPIRATION_THRESHOLD_IN_SECONDS = 95
    REFRESH_INTERVAL_IN_SECONDS = 30

    def __init__(
        self,
        azureml_access_token: str,
        expiry_time: Optional[datetime] = None,
        host: Optional[str] = None,
        subscription_id: Optional[str] = None,
        resource_group_name: Optional[str] = None,
        workspace_name: Optional[str] = None,
        experiment_name: Optional[str] = None,
        run_id: Optional[str] = None,
        user_email: Optional[str] = None,
        experiment_id: Optional[str] = None,
        cloud: str = "AzureCloud",
    ) -> None:
        super().__init__(cloud)
        del host, subscription_id, resource_group_name, workspace_name, experiment_name, run_id, user_email
        del experiment_id
        self.set_token(azureml_access_token, expiry_time)

    @classmethod
    def create(
        cls,
        azureml_access_token: str,
        expiry_time: Optional[datetime],
        host: Optional[str],
        subscription_id: Optional[str],
        resource_group_name: Optional[str],
        workspace_name: Optional[str],
        experiment_name: Optional[str],
        run_id: Optional[str],
        user_email: Optional[str] = None,
        experiment_id: Optional[str] = None,
    ) -> AzureMLTokenAuthentication:
        """Make one, as the constructor does."""
        return cls(
            azureml_access_token,
            expiry_time,
            host,
            subscription_id,
            resource_group_name,
            workspace_name,
            experiment_name,
            run_id,
            user_email,
            experiment_id,
        )

    @property
    def token(self) -> str:
        """The token."""
        return self._token

    @property
    def expiry_time(self) -> datetime:
        """Until when it may be used."""
        return self._expiry_time

    def set_token(self, token: str, expiry_time: Optional[datetime]) -> None:
        """Use another token from now on."""
        self._token = token
        self._expiry_time = expiry_time or datetime.now() + timedelta(days=1)  # noqa: DTZ005  # v1 gives local times

    def get_authentication_header(self) -> Dict[str, str]:
        """The HTTP header with this token."""
        return {"Authorization": f"Bearer {self._token}"}
