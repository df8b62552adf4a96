"""Every error of Terrazul, in one tree.

Each error has a stable ``code`` and an HTTP ``status``; its message says what happened, to which thing (``target``) and
what to do next (``hint``). The classes whose names end in ``Exception`` are the ones that v1 code catches.
"""

from __future__ import annotations

from typing import ClassVar, Dict, Optional, Type

_SERVER_FAULT = 500


class TerrazulError(Exception):
    """The root of the tree; on its own, a fault of Terrazul itself. v1 knows it as ``AzureMLException``."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(
        self,
        message: str = "",
        *,
        target: Optional[str] = None,
        hint: Optional[str] = None,
        correlation_id: Optional[str] = None,
        inner_exception: Optional[BaseException] = None,
        **v1_details: object,
    ) -> None:
        message = message or str(v1_details.pop("exception_message", ""))
        super().__init__(message)
        self.message = message
        self.target = target
        self.hint = hint
        self.correlation_id = correlation_id
        self.inner_exception = inner_exception
        self.v1_details = v1_details

    def __str__(self) -> str:
        """The message, with the next step and the correlation id where there are any."""
        text = self.message
        if self.hint:
            text += f"\n{self.hint}"
        if self.correlation_id and self.status >= _SERVER_FAULT:
            text += f"\n(correlation id {self.correlation_id})"
        return text

    @property
    def status_code(self) -> int:
        """The HTTP status, under the name that v1's ``ServiceException`` gives it."""
        return self.status

    @property
    def details(self) -> object:
        """What v1's ``details`` keyword was given, if anything."""
        return self.v1_details.get("details")

    def print_stacktrace(self) -> None:
        """Print where this error was raised, as v1's exceptions do."""
        import traceback  # noqa: PLC0415  # seldom needed, and a script's first line must come soon

        traceback.print_exception(type(self), self, self.__traceback__)


class Unavailable(TerrazulError):
    """The server cannot be reached, or cannot answer at this moment."""

    code = "unavailable"
    status = 503


class UserErrorException(TerrazulError):
    """Something the caller can mend."""

    code = "user_error"
    status = 400


class InvalidInput(UserErrorException):
    """A value that was passed does not hold what it must."""

    code = "invalid_input"


class DestinationRefused(InvalidInput):
    """An address that the server does not call for its users, unless an administrator allows it."""

    code = "destination_refused"


class DestinationUnreachable(InvalidInput):
    """An address that the server was to call for a user, and that gives no answer."""

    code = "destination_unreachable"


class DatastoreUnreachable(InvalidInput):
    """A datastore that gives no answer, or not the one that it must give."""

    code = "datastore_unreachable"


class DatastoreRefused(InvalidInput):
    """A datastore that refuses the credential it was registered with, or what was to be done with it."""

    code = "datastore_refused"


class AuthenticationException(UserErrorException):
    """No token, or one that is not valid (any more)."""

    code = "unauthenticated"
    status = 401


class TooManyAttempts(UserErrorException):
    """Wrong passwords came too often; ``retry_after`` seconds later the next one is looked at."""

    code = "too_many_attempts"
    status = 429

    def __init__(self, message: str = "", *, retry_after: int = 1, **details: object) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]  # the same keywords as the root
        self.retry_after = retry_after


class Forbidden(UserErrorException):
    """The caller is known, and may not do this."""

    code = "forbidden"
    status = 403


class CredentialHidden(Forbidden, AttributeError):
    """A credential that was given to the platform, which uses it and shows it to nobody."""

    code = "credential_hidden"


class NotFound(UserErrorException):
    """The thing that was named does not exist."""

    code = "not_found"
    status = 404


class RunFolderElsewhere(UserErrorException):
    """The folder of a run that is held lies on another machine, or is another user's."""

    code = "run_folder_elsewhere"
    status = 409


class MissingFile(InvalidInput, FileNotFoundError):
    """A file that was named is not there; v1 code expects ``FileNotFoundError``."""

    code = "missing_file"


class DataNotFound(NotFound, FileNotFoundError):
    """A file or folder of a datastore that is not there; v1 code expects ``FileNotFoundError``."""

    code = "data_not_found"


class AlreadyExists(UserErrorException):
    """The name is taken by a thing that differs."""

    code = "already_exists"
    status = 409


class Conflict(UserErrorException):
    """The thing is in a state in which this cannot be done."""

    code = "conflict"
    status = 409


class QuotaExceeded(Conflict):
    """The quota of a workspace allows no more of this."""

    code = "quota_exceeded"


class TooLarge(UserErrorException):
    """More bytes, entries or levels than an administrator's limit allows."""

    code = "too_large"
    status = 413


class AddressTooLong(TooLarge):
    """A longer address than a request may have."""

    code = "address_too_long"
    status = 414


class HeaderTooLarge(TooLarge):
    """More or longer headers than a request may have."""

    code = "header_too_large"
    status = 431


class CapabilityNotAvailable(UserErrorException, NotImplementedError):
    """A v1 name whose capability Terrazul does not have yet."""

    code = "capability_not_available"
    status = 501


class InsufficientStorage(TerrazulError):
    """The disk of the server is full; reads go on."""

    code = "insufficient_storage"
    status = 507


class VaultClosed(TerrazulError):
    """The master key of the key vault is missing or wrong, so no secret can be sealed or opened; all else goes on."""

    code = "vault_closed"


class DamagedContent(TerrazulError):
    """Stored bytes are no longer those that were sent; they are not handed out."""

    code = "damaged_content"


class MissingLibrary(UserErrorException, ImportError):
    """A library that this needs is not installed; v1 code expects ``ImportError``."""

    code = "missing_library"


class WorkspaceException(UserErrorException):
    """A workspace could not be found, made or changed."""

    code = "workspace"

    @property
    def found_multiple(self) -> bool:
        """Whether several workspaces answered to one name, as v1 tells it."""
        return bool(self.v1_details.get("found_multiple", False))


class ProjectSystemException(WorkspaceException):
    """v1's older name for a workspace that cannot be found."""

    code = "project_system"


class WorkspaceNotFound(ProjectSystemException, NotFound):
    """No workspace of that name: the kinds of error that v1 code expects here, in one."""

    code = "workspace_not_found"
    status = 404


class ExperimentExecutionException(TerrazulError):
    """A run could not be submitted, or following it was interrupted."""

    code = "experiment_execution"
    status = 400


class ActivityFailedException(ExperimentExecutionException):
    """A run that was waited for failed; ``error_details`` tells why."""

    code = "activity_failed"

    def __init__(self, message: str = "", *, error_details: object = None, **details: object) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]  # the same keywords as the root
        self.error_details = error_details


class RunEnvironmentException(UserErrorException):
    """The process is not part of a submitted run, and a run was required."""

    code = "run_environment"


class RunConfigurationException(UserErrorException):
    """A run configuration that cannot be used as it is."""

    code = "run_configuration"


class SnapshotException(UserErrorException):
    """A source directory that cannot be taken as a snapshot."""

    code = "snapshot"


class TrainingException(UserErrorException):
    """A training configuration that cannot be used as it is."""

    code = "training"


class ComputeTargetException(UserErrorException):
    """A compute target that does not exist or cannot do this; v1 code uses it as control flow."""

    code = "compute_target"


class ComputeTargetNotFound(ComputeTargetException, NotFound):
    """No compute target of that name; v1 tells it as a ``ComputeTargetException``."""

    code = "compute_target_not_found"
    status = 404


class ComputeTargetConflict(ComputeTargetException, Conflict):
    """The compute target is in a state, or of a kind, in which this cannot be done."""

    code = "compute_target_conflict"
    status = 409


class WebserviceException(UserErrorException):
    """A web service that does not exist, or cannot be deployed or reached."""

    code = "webservice"


class WebserviceNotFound(WebserviceException, NotFound):
    """No web service of that name; v1 tells it as a ``WebserviceException``."""

    code = "webservice_not_found"
    status = 404


class WebserviceExists(WebserviceException, AlreadyExists):
    """The name of a web service is taken; v1 tells it as a ``WebserviceException``."""

    code = "webservice_exists"
    status = 409


class WebserviceConflict(WebserviceException, Conflict):
    """The web service is in a state, or of a kind, in which this cannot be done."""

    code = "webservice_conflict"
    status = 409


class ModelNotFoundException(UserErrorException):
    """No model of that name or version."""

    code = "model_not_found"
    status = 404


class ModelNotFound(ModelNotFoundException, WebserviceException, NotFound):
    """No such model: the kinds of error that v1 code expects here, in one."""

    code = "no_such_model"
    status = 404


class ModelPathNotFoundException(UserErrorException):
    """The file or folder of a model is not there."""

    code = "model_path_not_found"
    status = 404


class ModelPathNotFound(ModelPathNotFoundException, WebserviceException, NotFound):
    """No file or folder to make a model of: the kinds of error that v1 code expects here, in one."""

    code = "no_such_model_path"
    status = 404


class ModelInUse(Conflict, WebserviceException):
    """A model that something uses cannot be deleted; v1 tells it as a ``WebserviceException``."""

    code = "model_in_use"
    status = 409


class _DatasetError(UserErrorException):
    """What v1's errors of datasets have in common: the error that caused them comes as the second argument."""

    def __init__(self, message: str = "", exception: Optional[BaseException] = None, **details: object) -> None:
        details.setdefault("inner_exception", exception)
        super().__init__(message, **details)  # type: ignore[arg-type]  # the same keywords as the root

    @property
    def error_code(self) -> str:
        """The class of the error in a word, as v1 tells it."""
        return type(self).__name__

    @property
    def compliant_message(self) -> str:
        """The message; v1 keeps one without the user's data beside it."""
        return self.message

    @property
    def validation_error_code(self) -> str:
        """What was wrong, in a word."""
        return self.code


class DatasetValidationError(_DatasetError):
    """A dataset that cannot be made as it was asked for, since its data is not there or cannot be read so."""

    code = "dataset_validation"


class DatasetExecutionError(_DatasetError):
    """The data of a dataset could not be brought or read."""

    code = "dataset_execution"


class DatasetWithoutData(DatasetValidationError, DatasetExecutionError):
    """There is nothing where a dataset's data should lie; v1 tells it by either class, depending on when it looks."""

    code = "dataset_without_data"


class NotATable(_DatasetError):
    """Something that only tables have, such as columns and a profile, was asked of a dataset of files."""

    code = "not_a_table"


class DatasetTimestampMissingError(UserErrorException):
    """A dataset without timestamp columns was asked for a span of time."""

    code = "dataset_timestamp_missing"


class ParallelRunException(UserErrorException):
    """A parallel step cannot be made or has failed."""

    code = "parallel_run"

    @property
    def delay_seconds(self) -> object:
        """How long v1 code asked to wait before the next attempt."""
        return self.v1_details.get("delay_seconds", 0)


class DiscoveryUrlNotFoundException(UserErrorException):
    """The address of the platform is not known."""

    code = "discovery_url_not_found"


class WorkspacePrivateEndpointException(UserErrorException):
    """Private endpoints are a feature of the cloud; kept so that code which catches it imports."""

    code = "workspace_private_endpoint"

    @property
    def found_multiple(self) -> bool:
        """As in ``WorkspaceException``."""
        return bool(self.v1_details.get("found_multiple", False))


class AggregatedException(TerrazulError):
    """Several errors of one call, as v1's ``AzureMLAggregatedException``."""

    code = "aggregated"


def _tree(root: Type[TerrazulError]) -> Dict[str, Type[TerrazulError]]:
    classes = {root.code: root} if "code" in vars(root) else {}  # a user's own subclass has none
    for child in root.__subclasses__():
        classes.update(_tree(child))
    return classes


def from_code(code: str) -> Type[TerrazulError]:
    """The class of a code as it travelled over the wire; the root for a code this version does not know."""
    return _tree(TerrazulError).get(code, TerrazulError)
