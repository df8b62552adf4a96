"""The request that a raw ``run`` gets, and the response that it may give: Flask's, which the environment must hold."""

from __future__ import annotations

import json
from typing import Mapping, Optional, Union

from flask import Request, Response

_NO_HEADERS: Mapping[str, str] = {}


class AMLRequest(Request):
    """A request as Flask shows it: ``method``, ``headers``, ``args``, ``form``, ``files``, ``get_data()``."""

    def __init__(self) -> None:
        super().__init__({})


class AMLResponse(Response):
    """What ``run`` answers with, where it decides on status and headers itself.

    Args:
        message: the body; ``None`` is an empty JSON object.
        status_code: the HTTP status.
        response_headers: headers; a comma in a value makes several headers of that name.
        json_str: write ``message`` as JSON.
        run_function_failed: tell the client that ``run`` failed, in the header ``x-ms-run-function-failed``.
    """

    def __init__(
        self,
        message: Optional[Union[str, bytes, object]],
        status_code: int,
        response_headers: Mapping[str, str] = _NO_HEADERS,
        json_str: bool = False,
        run_function_failed: bool = False,
    ) -> None:
        if message is None or json_str:
            text = json.dumps({} if message is None else message)
            super().__init__(text, status=status_code, mimetype="application/json")
        else:
            super().__init__(message, status=status_code)  # type: ignore[arg-type]  # Flask checks what it is given
            if "Content-Type" in response_headers:
                self.headers.remove("Content-Type")
        self.headers["x-ms-run-function-failed"] = str(run_function_failed)
        for name, value in response_headers.items():
            for part in value.split(","):
                self.headers.add(name, part.strip())
