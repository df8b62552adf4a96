"""Every route of a running server, as its OpenAPI document tells: a test over them holds for those that come later."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from terrazul.core.dataclass import dataclass
from terrazul.testing.server import RunningServer

Schema = dict[str, Any]
_METHODS = ("get", "put", "post", "patch", "delete")


@dataclass(frozen=True)
class Route:
    """One method of one address."""

    method: str
    template: str
    names: tuple[str, ...]
    """The parameters in the address."""
    query: Mapping[str, Schema]
    """The query's parameters, with the form of each."""
    required: tuple[str, ...]
    """Those of the query that must be there."""
    action: str
    """What the caller must be allowed; empty for a public route."""
    body: Schema | None
    """The form of the JSON body, every reference in it resolved; None where there is no such body."""

    def __str__(self) -> str:
        """As a person writes it."""
        return f"{self.method} {self.template}"

    def address(self, values: Mapping[str, str], query: Mapping[str, str] | None = None) -> str:
        """Its path and query, where the values stand written out as they are to be sent."""
        path = self.template
        for name in self.names:
            path = path.replace("{" + name + "}", values.get(name, "none"))
        parts = {**dict.fromkeys(self.required, "1"), **(query or {})}
        return path + ("?" + "&".join(f"{quote(name)}={value}" for name, value in parts.items()) if parts else "")

    def fields(self) -> set[str]:
        """The names of all fields of its body, at any depth, as `files[].path`."""
        return set() if self.body is None else set(_fields(self.body, ""))


def routes_of(server: RunningServer) -> list[Route]:
    """All routes, but those that serve the document itself."""
    document = json.loads(server.call("GET", "/api/v1/openapi.json"))
    return [
        _route(document, method, template, about[method])
        for template, about in document["paths"].items()
        for method in _METHODS
        if method in about
    ]


def _route(document: Schema, method: str, template: str, about: Schema) -> Route:
    parameters = about.get("parameters", [])
    body = about.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    queried = [each for each in parameters if each["in"] == "query"]
    return Route(
        method.upper(),
        template,
        tuple(each["name"] for each in parameters if each["in"] == "path"),
        {each["name"]: each.get("schema", {}) for each in queried},
        tuple(each["name"] for each in queried if each.get("required")),
        about.get("x-action", ""),
        None if body is None else _resolved(document, body),
    )


def _resolved(document: Schema, part: Any) -> Any:
    if isinstance(part, list):
        return [_resolved(document, each) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _resolved(document, document["components"]["schemas"][part["$ref"].rpartition("/")[2]])
    return {name: _resolved(document, each) for name, each in part.items()}


def _fields(schema: Schema, place: str) -> Iterator[str]:
    for name, form in schema.get("properties", {}).items():
        yield place + name
        yield from _fields(form, f"{place}{name}.")
    if isinstance(schema.get("items"), dict):
        yield from _fields(schema["items"], place.rstrip(".") + "[].")
    for choice in [*schema.get("oneOf", []), *schema.get("anyOf", [])]:
        yield from _fields(choice, place)
