"""v1's ``azureml.automl.core.shared.exceptions``: what goes wrong in automated machine learning."""

from terrazul.core.errors import TerrazulError
from terrazul.sdk.unsupported import not_yet, not_yet_property


class AutoMLException(TerrazulError):
    """The root of these errors. How v1 kept personal data out of their texts waits for automated ML."""

    create_without_pii = not_yet("AutoMLException.create_without_pii", "automated ML")
    error_code = not_yet_property("AutoMLException.error_code", "automated ML")
    error_type = not_yet_property("AutoMLException.error_type", "automated ML")
    from_exception = not_yet("AutoMLException.from_exception", "automated ML")
    get_pii_free_exception_msg_format = not_yet("AutoMLException.get_pii_free_exception_msg_format", "automated ML")
    has_pii = not_yet_property("AutoMLException.has_pii", "automated ML")
    message_format = not_yet_property("AutoMLException.message_format", "automated ML")
    pii_free_msg = not_yet("AutoMLException.pii_free_msg", "automated ML")
    with_generic_msg = not_yet("AutoMLException.with_generic_msg", "automated ML")


class ClientException(AutoMLException):
    """The client could not do its part."""


class ServiceException(ClientException):
    """The server could not do its part."""


class JasmineServiceException(ServiceException):
    """The part of the server that runs automated machine learning could not do its part."""


class UserException(AutoMLException):
    """Something the caller can mend."""


class DataException(UserException):
    """The data cannot be used as it is."""

    MISSING_DATA = "MissingData"


class ValidationException(AutoMLException):
    """A check before training failed."""


class BadArgumentException(ValidationException):
    """An argument does not hold what it must."""


class ConfigException(ValidationException):
    """The settings cannot be used as they are."""


class ScenarioNotSupportedException(ConfigException):
    """The settings exclude each other."""


class MalformedValueException(ValidationException):
    """A value has not the form it must have."""


class MissingValueException(ValidationException):
    """A value that is required is not there."""
