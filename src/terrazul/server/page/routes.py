"""What a browser gets at the addresses that the SDK prints."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from litestar import Response, get
from litestar.params import FromPath

from terrazul.server.http import PUBLIC, InjectedServices
from terrazul.server.page.document import HEADERS, SCRIPT, START, START_TEXT, document
from terrazul.server.services import Services


@get("/", operation_id="show_start", opt=PUBLIC, include_in_schema=False)
async def show_start(services: InjectedServices) -> Response[str]:
    """What one can do from here."""
    return _page(services, "/", START_TEXT, START)


@get("/runs/{run_id:str}", operation_id="show_run", opt=PUBLIC, include_in_schema=False)
async def show_run(services: InjectedServices, run_id: FromPath[str]) -> Response[str]:
    """How to see this run."""
    commands = [f"terrazul run {verb} {run_id}" for verb in ("show", "metrics", "monitor-logs", "download-logs")]
    return _page(services, f"/runs/{quote(run_id, safe='')}", "See this run from the command line:", commands)


@get("/experiments/{experiment_id:str}", operation_id="show_experiment", opt=PUBLIC, include_in_schema=False)
async def show_experiment(services: InjectedServices, experiment_id: FromPath[str]) -> Response[str]:
    """How to see this experiment's runs."""
    commands = ["terrazul experiment list", "terrazul run list -e NAME"]
    return _page(
        services, f"/experiments/{quote(experiment_id, safe='')}", "See its runs from the command line:", commands
    )


@get("/page.js", operation_id="get_page_script", opt=PUBLIC, include_in_schema=False)
async def get_page_script() -> Response[bytes]:
    """The script of the page."""
    return Response(SCRIPT, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _page(services: Services, path: str, text: str, commands: Sequence[str]) -> Response[str]:
    page = document(services.single_sign_on.provider_name, path, text, commands)
    return Response(page, media_type="text/html", headers=HEADERS)


handlers = [show_start, show_run, show_experiment, get_page_script]
