"""Submitting, finding, following and canceling runs; what runs write."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from terrazul.server.changes import LONGEST_WAIT
from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does, key_and_value
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.server.run.service.search import Wanted
from terrazul.wire.heartbeat import Heartbeat, HeartbeatAnswer
from terrazul.wire.metric import RunMetrics
from terrazul.wire.run import Run, RunEvent, RunInclusion, RunPage, RunSearch, RunSelection
from terrazul.wire.run_configuration import RunDefinition
from terrazul.wire.submission import RunSubmission
from terrazul.wire.write import WriteAnswer, WriteBatch

Texts = FromQuery[list[str] | None]


@post("/writes", operation_id="write", opt=does(Action.RUN_WRITE, within_reach=True), status_code=200)
async def write(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[WriteBatch]
) -> WriteAnswer:
    """Apply one batch of a writer; the answer means that it is on disk."""
    return await services.writing.apply(workspace.key, data, principal)


@post("/runs", operation_id="submit_run", opt=does(Action.RUN_SUBMIT, within_reach=True), status_code=200)
async def submit_run(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    data: JSONBody[RunSubmission],
) -> Run:
    """Take a run into the queue; sent twice, it counts once."""
    return await services.runs.submit(workspace.key, data, principal)


@get("/runs", operation_id="list_runs", opt=does(Action.RUN_READ, within_reach=True))
async def list_runs(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    experiment_name: FromQuery[str | None] = None,
    parent_run_id: FromQuery[str | None] = None,
    root_run_id: FromQuery[str | None] = None,
    run_type: Annotated[str | None, QueryParameter(name="type")] = None,
    run_state: Annotated[list[str] | None, QueryParameter(name="state")] = None,
    tag: Texts = None,
    property_: Annotated[list[str] | None, QueryParameter(name="property")] = None,
    target: FromQuery[str | None] = None,
    include_children: FromQuery[bool] = False,
    filter_: Annotated[str, QueryParameter(name="filter")] = "",
    order_by: Texts = None,
    include: FromQuery[list[RunInclusion] | None] = None,
    limit: FromQuery[int] = 100,
    page: FromQuery[str | None] = None,
    view: FromQuery[RunSelection] = RunSelection.ACTIVE,
) -> RunPage:
    """Runs, newest first; top-level ones unless a parent or a root is named or `include_children` is set.

    `tag` and `property` are `key` or `key=value` and may stand several times, as may `state`, `order_by` and
    `include`. `view` is active, archived, all (both), or deleted for those that can be restored.
    """
    search = RunSearch(
        filter_,
        order_by or [],
        [experiment_name] if experiment_name is not None else None,
        parent_run_id,
        root_run_id,
        include_children,
        include or [],
        limit,
        page,
        view,
    )
    wanted = Wanted(
        run_type,
        target,
        run_state or [],
        list(map(key_and_value, tag or [])),
        list(map(key_and_value, property_ or [])),
    )
    return await services.run_searching.search(workspace.key, search, principal, wanted)


@post("/runs/search", operation_id="search_runs", opt=does(Action.RUN_READ, within_reach=True), status_code=200)
async def search_runs(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    data: JSONBody[RunSearch],
) -> RunPage:
    """Runs of all levels that meet a filter, in the order wanted; as the list, for queries of any length."""
    return await services.run_searching.search(workspace.key, data, principal)


@get("/runs/{run_id:str}", operation_id="get_run", opt=does(Action.RUN_READ, ObjectType.RUN))
async def get_run(services: InjectedServices, workspace: InjectedWorkspace, run_id: FromPath[str]) -> Run:
    """One run."""
    return await services.runs.get(workspace.key, run_id)


@get("/runs/{run_id:str}/wait", operation_id="wait_for_run", opt=does(Action.RUN_READ, ObjectType.RUN))
async def wait_for_run(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    run_id: FromPath[str],
    run_state: Annotated[str, QueryParameter(name="state")],
    seconds: FromQuery[float] = LONGEST_WAIT,
) -> Run:
    """The run, as soon as it is in another state than this one, or after the seconds (at most 30)."""
    return await services.runs.wait(workspace.key, run_id, run_state, seconds)


@get("/runs/{run_id:str}/definition", operation_id="get_run_definition", opt=does(Action.RUN_READ, ObjectType.RUN))
async def get_run_definition(
    services: InjectedServices, workspace: InjectedWorkspace, run_id: FromPath[str]
) -> RunDefinition:
    """What a submitted run was told to execute."""
    return await services.runs.definition(workspace.key, run_id)


@get("/runs/{run_id:str}/events", operation_id="list_run_events", opt=does(Action.RUN_READ, ObjectType.RUN))
async def list_run_events(
    services: InjectedServices, workspace: InjectedWorkspace, run_id: FromPath[str]
) -> list[RunEvent]:
    """The steps of a run's life with their times, in order."""
    return await services.runs.events(workspace.key, run_id)


@get("/runs/{run_id:str}/metrics", operation_id="get_run_metrics", opt=does(Action.RUN_READ, ObjectType.RUN))
async def get_run_metrics(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    run_id: FromPath[str],
    name: FromQuery[str | None] = None,
    recursive: FromQuery[bool] = False,
    points: FromQuery[int | None] = None,
) -> list[RunMetrics]:
    """All points of a run's metrics, and of the runs below it where `recursive`.

    With `points`, a scalar's series that is longer is thinned to at most so many (4 to 100,000), in which its extremes
    stay.
    """
    return await services.runs.metrics(workspace.key, run_id, name, recursive, points, principal)


@post(
    "/runs/{run_id:str}/cancel",
    operation_id="cancel_run",
    opt=does(Action.RUN_CANCEL, ObjectType.RUN),
    status_code=200,
)
async def cancel_run(services: InjectedServices, workspace: InjectedWorkspace, run_id: FromPath[str]) -> Run:
    """Ask a run, and all below it, to end."""
    return await services.runs.cancel(workspace.key, run_id)


@post(
    "/runs/{run_id:str}/heartbeat",
    operation_id="beat",
    opt=does(Action.RUN_EXECUTE, ObjectType.RUN),
    status_code=200,
)
async def beat(
    services: InjectedServices, workspace: InjectedWorkspace, run_id: FromPath[str], data: JSONBody[Heartbeat]
) -> HeartbeatAnswer:
    """A runner is alive."""
    return await services.runs.heartbeat(workspace.key, run_id, data)


router = Router(
    "/",
    route_handlers=[
        write,
        submit_run,
        list_runs,
        search_runs,
        get_run,
        wait_for_run,
        get_run_definition,
        list_run_events,
        get_run_metrics,
        cancel_run,
        beat,
    ],
)
