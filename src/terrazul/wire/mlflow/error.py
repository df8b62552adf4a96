"""The errors of MLflow's protocol: our tree in the codes that its clients branch on."""

from __future__ import annotations

from typing import Dict, Tuple

from terrazul.core.errors import (
    AlreadyExists,
    AuthenticationException,
    CapabilityNotAvailable,
    Conflict,
    Forbidden,
    InsufficientStorage,
    InvalidInput,
    NotFound,
    TerrazulError,
    TooLarge,
    Unavailable,
    UserErrorException,
)

INVALID = "INVALID_PARAMETER_VALUE"


class WrongMethod(UserErrorException):
    """An address of the protocol, with a method that it does not have."""

    status = 405


class InvalidParameter(InvalidInput):
    """A value that the protocol does not allow; its message is told as it is."""


class EndpointNotFound(NotFound):
    """An address that this server does not answer: a part of MLflow that is not provided."""


_SERVER_FAULT = 500
_CODES: Dict[type, Tuple[int, str]] = {
    AlreadyExists: (400, "RESOURCE_ALREADY_EXISTS"),
    AuthenticationException: (401, "UNAUTHENTICATED"),
    CapabilityNotAvailable: (501, "NOT_IMPLEMENTED"),
    Conflict: (400, "INVALID_STATE"),
    Forbidden: (403, "PERMISSION_DENIED"),
    InsufficientStorage: (507, "RESOURCE_EXHAUSTED"),
    InvalidInput: (400, INVALID),
    NotFound: (404, "RESOURCE_DOES_NOT_EXIST"),
    TerrazulError: (500, "INTERNAL_ERROR"),
    TooLarge: (413, INVALID),
    Unavailable: (503, "TEMPORARILY_UNAVAILABLE"),
    EndpointNotFound: (404, "ENDPOINT_NOT_FOUND"),
    UserErrorException: (400, "BAD_REQUEST"),
    WrongMethod: (405, "ENDPOINT_NOT_FOUND"),
}


def missing(name: str) -> InvalidParameter:
    """The error for a value that must be there."""
    return InvalidParameter(
        f"Missing value for required parameter '{name}'. See the API docs for more information about request "
        "parameters.",
        target=name,
    )


def code_of(error: TerrazulError) -> Tuple[int, str]:
    """The HTTP status and the code of an error; that of the nearest class which the protocol knows."""
    for kind in type(error).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return _SERVER_FAULT, "INTERNAL_ERROR"


def body_of(error: TerrazulError) -> Dict[str, str]:
    """The answer's body."""
    text = f"{error.message} {error.hint}" if error.hint else error.message
    return {"error_code": code_of(error)[1], "message": text}
