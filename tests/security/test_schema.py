"""No request that schemathesis makes of the OpenAPI document, fitting or not, meets a fault of the server."""

import json
from collections.abc import Iterator

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode, openapi
from schemathesis.schemas import APIOperation

from terrazul.testing.server import RunningServer

from .conftest import WEBHOOKS_GO_NOWHERE, Victim, end_services, make_victim

EXAMPLES = 3
"""Of each sort to each route: the suite is run often, and the requests are other ones where a route changes."""
FIRST_FAULT = 500


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of its own: what fits is taken, deletions too."""
    running = RunningServer(tmp_path_factory.mktemp("schema") / "home", *WEBHOOKS_GO_NOWHERE)
    running.start()
    yield running
    end_services(running)
    running.stop()


def operations(server: RunningServer) -> list[APIOperation]:
    """Every operation of the document; what deletes comes last, so that the others find something."""
    schema = openapi.from_dict(json.loads(server.call("GET", "/api/v1/openapi.json")))
    schema.config.update(base_url=server.url)
    found: list[APIOperation] = [each.ok() for each in schema.get_all_operations()]
    return sorted(found, key=lambda operation: operation.method.lower() == "delete")


def sorts_of(operation: APIOperation) -> list[GenerationMode]:
    """Requests that fit; those that do not as well, where a query or a body can be wrong."""
    with_unfitting = len(operation.query) or len(operation.body)
    return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if with_unfitting else [GenerationMode.POSITIVE]


def at(target: Victim, case: Case, *, whole: bool) -> Case:
    """The request at the target's workspace; ``whole`` puts its other ids into the address as well."""
    given_parts = case.path_parameters or {}
    known = {name: value for name, value in target.ids.items() if whole or name == "workspace_id"}
    case.path_parameters = {**given_parts, **{name: known[name] for name in given_parts.keys() & known.keys()}}
    return case


def attack(session: requests.Session, operation: APIOperation, sort: GenerationMode, target: Victim) -> list[int]:
    """The status of each answer to some requests of one sort."""
    seen: list[int] = []

    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=sort))
    def meets_no_fault(case: Case) -> None:
        answer = at(target, case, whole=sort is GenerationMode.POSITIVE).call(session=session, timeout=60)
        assert answer.status_code < FIRST_FAULT, (case.as_curl_command()[:2000], answer.text[:500])
        seen.append(answer.status_code)

    meets_no_fault()
    return seen


@pytest.mark.timeout(600)
def test_no_request_of_the_document_meets_a_fault(server: RunningServer):
    target = make_victim(server, server.workspace("schema"), "target")
    seen: list[int] = []
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {server.token}"
        for operation in operations(server):
            for sort in sorts_of(operation):
                seen += attack(session, operation, sort, target)
    assert len(seen) > 400
    assert {200, 400, 404} <= set(seen)
    assert [line for line in server.home.log_file.read_text().splitlines() if '"level": "error"' in line] == []
