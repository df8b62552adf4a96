"""Calling a web service."""

from __future__ import annotations

import http.client
import json
from typing import Any, Callable, NamedTuple, Union
from urllib.parse import urlsplit

from terrazul.core.errors import WebserviceException
from terrazul.sdk.client import tls_context

_TIMEOUT_SECONDS = 3600.0
_OK, _UNAUTHORIZED = 200, 401
_SHOWN = 2000


class _Reply(NamedTuple):
    status: int
    headers: str
    body: bytes


def run(address: str, input_data: Union[str, bytes], key: Callable[[], str], *, authenticated: bool) -> Any:
    """Post a body to a scoring address; the JSON of the answer.

    The key is asked for where the service needs one. Raises ``WebserviceException`` for whatever is not an answer.
    """
    body = input_data.encode("utf-8") if isinstance(input_data, str) else bytes(input_data)
    reply = _post(address, body, key() if authenticated else "")
    if reply.status == _UNAUTHORIZED and not authenticated:
        reply = _post(address, body, key())
    if reply.status != _OK:
        text = reply.body[:_SHOWN].decode("utf-8", "replace")
        message = (
            "Received bad response from service. More information can be found by calling `.get_logs()` on the "
            f"webservice object.\nResponse Code: {reply.status}\nHeaders: {reply.headers}\nContent: {text}"
        )
        raise WebserviceException(message, target=address)
    try:
        return json.loads(reply.body.decode("utf-8"))
    except ValueError:
        return reply.body.decode("utf-8", "replace")


def _post(address: str, body: bytes, key: str) -> _Reply:
    url = urlsplit(address)
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    connection = _connect(url.scheme, url.hostname or "", url.port)
    try:
        connection.request("POST", url.path or "/", body, headers)
        answer = connection.getresponse()
        return _Reply(answer.status, str(dict(answer.getheaders())), answer.read())
    except (OSError, http.client.HTTPException) as error:
        message = f"The service at {address} does not answer: {str(error) or type(error).__name__}."
        raise WebserviceException(message, target=address, hint="See service.state and service.get_logs().") from error
    finally:
        connection.close()


def _connect(scheme: str, host: str, port: Any) -> http.client.HTTPConnection:
    if scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
    return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_SECONDS, context=tls_context())
