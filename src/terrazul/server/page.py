"""What a browser gets at the addresses that the SDK prints: how to see the thing from the command line.

The page holds nothing of the workspace, so it needs no token.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape

from litestar import Response, get
from litestar.params import FromPath

from terrazul.server.http import PUBLIC

_STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:12vh auto;padding:0 1.5rem;color:#22303c;"
    "background:#fbfaf7}h1{color:#17527a;font-weight:600}pre{background:#efece4;padding:.9rem 1.1rem;border-radius:6px;"
    "overflow-x:auto}@media(prefers-color-scheme:dark){body{background:#161b20;color:#d9dfe4}h1{color:#7db6dc}"
    "pre{background:#222930}}"
)
_STYLE_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; frame-ancestors 'none'",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Terrazul</title><style>{style}</style></head>
<body><main><h1>Terrazul is running</h1><p>{text}</p><pre>{commands}</pre></main></body></html>
"""


@get("/", operation_id="show_start", opt=PUBLIC, include_in_schema=False)
async def show_start() -> Response[str]:
    """What one can do from here."""
    commands = ["terrazul status", "terrazul experiment list", "terrazul run list"]
    return _page("It is used from Python and from the command line:", commands)


@get("/runs/{run_id:str}", operation_id="show_run", opt=PUBLIC, include_in_schema=False)
async def show_run(run_id: FromPath[str]) -> Response[str]:
    """How to see this run."""
    commands = [f"terrazul run {verb} {run_id}" for verb in ("show", "metrics", "monitor-logs", "download-logs")]
    return _page("See this run from the command line:", commands)


@get("/experiments/{experiment_id:str}", operation_id="show_experiment", opt=PUBLIC, include_in_schema=False)
async def show_experiment(experiment_id: FromPath[str]) -> Response[str]:  # noqa: ARG001  # the address has it
    """How to see this experiment's runs."""
    return _page("See its runs from the command line:", ["terrazul experiment list", "terrazul run list -e NAME"])


def _page(text: str, commands: list[str]) -> Response[str]:
    page = _PAGE.format(style=_STYLE, text=text, commands=escape("\n".join(commands)))
    return Response(page, media_type="text/html", headers=_HEADERS)


handlers = [show_start, show_run, show_experiment]
