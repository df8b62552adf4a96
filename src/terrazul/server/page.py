"""What a browser gets at the addresses that the SDK prints: signing in, and how to see the thing from a shell.

The page holds nothing of the workspace, so it needs no token. Its script asks who is signed in.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path

from litestar import Response, get
from litestar.params import FromPath

from terrazul.server.http import PUBLIC

_STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:12vh auto;padding:0 1.5rem;color:#22303c;"
    "background:#fbfaf7}h1{color:#17527a;font-weight:600}pre{background:#efece4;padding:.9rem 1.1rem;border-radius:6px;"
    "overflow-x:auto}@media(prefers-color-scheme:dark){body{background:#161b20;color:#d9dfe4}h1{color:#7db6dc}"
    "pre{background:#222930}}form{display:grid;gap:.6rem;max-width:20rem}[hidden]{display:none}label{display:grid}"
    "input,button{font:inherit;padding:.45rem .6rem;border:1px solid #8a949c;border-radius:6px;background:transparent;"
    "color:inherit}button{cursor:pointer;background:#17527a;border-color:#17527a;color:#fff;justify-self:start}"
    ":focus-visible{outline:3px solid #4d9ad0;outline-offset:2px}#told{min-height:1.6em}"
)
_STYLE_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
_SCRIPT = Path(__file__).with_name("page.js").read_bytes()
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Terrazul</title><style>{style}</style><script src="/page.js" defer></script></head>
<body><main><h1>Terrazul is running</h1>
<p id="told" role="status"></p>
<form id="sign-in" hidden>
<label>Name <input name="name" autocomplete="username" autocapitalize="none" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button></form>
<button id="sign-out" hidden>Sign out</button>
<p>{text}</p><pre>{commands}</pre></main></body></html>
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


@get("/page.js", operation_id="get_page_script", opt=PUBLIC, include_in_schema=False)
async def get_page_script() -> Response[bytes]:
    """The script of the page."""
    return Response(_SCRIPT, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _page(text: str, commands: list[str]) -> Response[str]:
    page = _PAGE.format(style=_STYLE, text=text, commands=escape("\n".join(commands)))
    return Response(page, media_type="text/html", headers=_HEADERS)


handlers = [show_start, show_run, show_experiment, get_page_script]
