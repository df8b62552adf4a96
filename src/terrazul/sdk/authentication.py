"""v1's ways to sign in. On Terrazul one is signed in by the token of the server that ``connect`` finds.

Whichever class code makes, its header is valid there. Where code hands over a token of its own, that one is used; also
as the password of a service principal.
"""

from __future__ import annotations

import enum
import importlib
import time
from typing import Any, Callable, ClassVar, Dict, NamedTuple, Optional, Union

from terrazul.core.errors import UserErrorException
from terrazul.core.ids import TOKEN_PREFIX
from terrazul.sdk.client import connect

_LIFETIME_SECONDS = 3600
_NO_CLOUD = "None"
_PUBLIC_CLOUD = "AzureCloud"

Time = Union[int, float, None]


class Audience(enum.Enum):
    """For whom a token is meant; on Terrazul there is one."""

    ARM = "ARM"
    AZUREML = "AZUREML"


class AccessToken(NamedTuple):
    """A token, and the second since 1970 until which it is to be used before it is asked for anew."""

    token: str
    expires_on: int


class AbstractAuthentication:
    """What all of them can do. Making one neither opens a browser nor asks a server."""

    def __init__(self, cloud: Optional[str] = None) -> None:
        self._cloud = cloud

    def get_authentication_header(self) -> Dict[str, str]:
        """The header that requests to the server's REST interface need.

        Raises ``Unavailable`` where no server is known, and ``AuthenticationException`` where its token is not.
        """
        return {"Authorization": f"Bearer {self._bearer_token()}"}

    def get_token(self, *scopes: str, **kwargs: object) -> AccessToken:
        """The token, as the credential interface of Azure's libraries has it; raises as the header does."""
        del scopes, kwargs
        return AccessToken(self._bearer_token(), int(time.time()) + _LIFETIME_SECONDS)

    def signed_session(self, session: Any = None) -> Any:
        """The session of the package ``requests`` (or a new one), that sends the header with each request.

        Raises ``UserErrorException`` where a new one is needed and the package is not installed.
        """
        session = _new_session() if session is None else session
        session.headers.update(self.get_authentication_header())
        return session

    def _bearer_token(self) -> str:
        return connect().address.token


class InteractiveLoginAuthentication(AbstractAuthentication):
    """v1 opens a browser here; this opens none."""

    def __init__(self, force: bool = False, tenant_id: Optional[str] = None, cloud: Optional[str] = None) -> None:
        super().__init__(cloud)
        del force, tenant_id


class AzureCliAuthentication(AbstractAuthentication):
    """v1 asks the command line of Azure here; this does not."""


class MsiAuthentication(AbstractAuthentication):
    """v1 asks the machine for its managed identity here; this does not."""

    def __init__(self, cloud: Optional[str] = None, **kwargs: object) -> None:
        super().__init__(cloud)
        del kwargs


class ServicePrincipalAuthentication(AbstractAuthentication):
    """Signs in as a service principal: its password is the token that ``terrazul token create`` made.

    A password of another kind, which belongs to Azure, is neither kept nor sent.
    """

    def __init__(
        self,
        tenant_id: str,
        service_principal_id: str,
        service_principal_password: str,
        cloud: str = _PUBLIC_CLOUD,
        _enable_caching: bool = True,
    ) -> None:
        super().__init__(cloud)
        del tenant_id, service_principal_id, _enable_caching
        self._token = service_principal_password if service_principal_password.startswith(TOKEN_PREFIX) else None

    def _bearer_token(self) -> str:
        return self._token or super()._bearer_token()


class ArmTokenAuthentication(AbstractAuthentication):
    """Signs in with a token that the caller has."""

    def __init__(self, arm_access_token: str, cloud: str = _NO_CLOUD) -> None:
        super().__init__(cloud)
        self._token = arm_access_token

    def update_arm_access_token(self, new_arm_access_token: str) -> None:
        """Use another token from now on."""
        self._token = new_arm_access_token

    def _bearer_token(self) -> str:
        return self._token


class TokenAuthentication(AbstractAuthentication):
    """Signs in with what a function of the caller's gives for an audience."""

    def __init__(self, get_token_for_audience: Callable[[Audience], str], cloud: Optional[str] = None) -> None:
        super().__init__(cloud)
        self._get_token_for_audience = get_token_for_audience

    def get_token(self, audience: Audience = Audience.ARM) -> str:  # type: ignore[override]  # as v1 has it
        """What the function gives for an audience."""
        return self._get_token_for_audience(audience)

    def _bearer_token(self) -> str:
        return self._get_token_for_audience(Audience.AZUREML)


class AzureMLTokenAuthentication(AbstractAuthentication):
    """Signs in with the token of a run. The token of a submitted run is valid as long as the run is."""

    EXPIRATION_THRESHOLD_IN_SECONDS: ClassVar[int] = 95
    REFRESH_INTERVAL_IN_SECONDS: ClassVar[int] = 30

    def __init__(
        self,
        azureml_access_token: str,
        expiry_time: Time = None,
        host: Optional[str] = None,
        subscription_id: Optional[str] = None,
        resource_group_name: Optional[str] = None,
        workspace_name: Optional[str] = None,
        experiment_name: Optional[str] = None,
        run_id: Optional[str] = None,
        user_email: Optional[str] = None,
        experiment_id: Optional[str] = None,
        cloud: str = _PUBLIC_CLOUD,
    ) -> None:
        super().__init__(cloud)
        del host, subscription_id, resource_group_name, workspace_name, experiment_name
        del run_id, user_email, experiment_id
        self._token, self._expiry_time = azureml_access_token, expiry_time

    @classmethod
    def create(
        cls,
        azureml_access_token: str,
        expiry_time: Time,
        host: str,
        subscription_id: str,
        resource_group_name: str,
        workspace_name: str,
        experiment_name: str,
        run_id: str,
        user_email: Optional[str] = None,
        experiment_id: Optional[str] = None,
    ) -> AzureMLTokenAuthentication:
        """The authentication of a run."""
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
    def expiry_time(self) -> Time:
        """Until when the token was said to be valid."""
        return self._expiry_time

    def set_token(self, token: str, expiry_time: Time) -> None:
        """Use another token from now on."""
        self._token, self._expiry_time = token, expiry_time

    def _bearer_token(self) -> str:
        return self._token


def token_of(auth: Any) -> Optional[str]:
    """The token of this platform that an authentication carries; None where it carries none, or one of a cloud."""
    carries = isinstance(
        auth,
        (ServicePrincipalAuthentication, ArmTokenAuthentication, TokenAuthentication, AzureMLTokenAuthentication),
    )
    token = auth._bearer_token() if carries else ""  # noqa: SLF001  # of this module
    return token if token.startswith(TOKEN_PREFIX) else None


def _new_session() -> Any:
    try:
        return importlib.import_module("requests").Session()
    except ImportError:
        raise UserErrorException(
            "A session needs the package requests, which is not installed.",
            target="requests",
            hint="Install it, or send get_authentication_header() with another client.",
        ) from None
