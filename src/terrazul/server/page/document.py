"""The one page that the server shows: who is signed in, signing in, and how to see a thing from a shell.

It holds nothing of the workspace, so it needs no token. Its script asks who is signed in.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from urllib.parse import quote

_STYLE = (
    ":root{color-scheme:light dark;--text:#22303c;--ground:#fbfaf7;--raised:#efece4;--accent:#17527a;--line:#6b7780;"
    "--problem:#9c2b1f;--on-accent:#fff}@media(prefers-color-scheme:dark){:root{--text:#d9dfe4;--ground:#161b20;"
    "--raised:#222930;--accent:#7db6dc;--line:#8a949c;--problem:#f0a196;--on-accent:#10202c}}"
    "body{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:12vh auto;padding:0 1.5rem;color:var(--text);"
    "background:var(--ground)}h1{color:var(--accent);font-weight:600;line-height:1.25}[hidden]{display:none!important}"
    "pre{background:var(--raised);padding:.9rem 1.1rem;border-radius:6px;overflow-x:auto}"
    "#code pre{white-space:pre-wrap;overflow-wrap:anywhere}form{display:grid;gap:.8rem;"
    "margin:1.2rem 0 2rem}form,.wide{max-width:20rem}"
    "label{display:grid;gap:.2rem}input,button,.button{font:inherit;padding:.5rem .8rem;border:1px solid var(--line);"
    "border-radius:6px;background:transparent;color:inherit;box-sizing:border-box}input{width:100%}"
    "button,.button{cursor:pointer;text-align:center;text-decoration:none}.first{background:var(--accent);"
    "border-color:var(--accent);color:var(--on-accent)}.wide{display:block;overflow-wrap:anywhere}"
    ".beside{display:flex;flex-wrap:wrap;gap:.6rem}.or{max-width:20rem;text-align:center;margin:.8rem 0 0}"
    ":focus-visible{outline:3px solid var(--accent);outline-offset:2px}#told{min-height:1.6em}"
    ".problem{color:var(--problem);border-left:4px solid var(--problem);padding-left:.8rem;overflow-wrap:anywhere}"
)
_STYLE_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
SCRIPT = Path(__file__).with_name("page.js").read_bytes()
START_TEXT = "It is used from Python and from the command line:"
START = ("terrazul status", "terrazul experiment list", "terrazul run list")
"""What one can do without naming a thing."""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Terrazul</title><style>{style}</style><script src="/page.js" defer></script></head>
<body><main><h1>Terrazul is running</h1>
<p id="told" role="status"{problem}>{told}</p>
<section id="sign-in" hidden>{provider}
<form id="by-password">
<label>Name <input name="name" autocomplete="username" autocapitalize="none" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button{rank}>Sign in</button></form></section>
<section id="signed-in" hidden>
<p class="beside"><button id="show-code">Show a code for a terminal</button><button id="sign-out">Sign out</button></p>
<div id="code" hidden><p>For <code>terrazul login --with-code</code>, once and within a minute:</p><pre></pre></div>
</section>
<p>{text}</p><pre>{commands}</pre></main></body></html>
"""


def document(provider: str, path: str, text: str, commands: Sequence[str] = START, told: str = "") -> str:
    """The page at a path of ours.

    ``provider`` is by what people can sign in besides their password, and ``told`` what there is to say at once.
    """
    link = escape(f"/sign-in?next={quote(path, safe='/')}")
    way = f'<a class="button first wide" href="{link}">Sign in with {escape(provider)}</a><p class="or">or</p>'
    first = ' class="first"'
    return _PAGE.format(
        style=_STYLE,
        told=escape(told),
        problem=' class="problem"' if told else "",
        provider=way if provider else "",
        rank="" if provider else first,
        text=text,
        commands=escape("\n".join(commands)),
    )
