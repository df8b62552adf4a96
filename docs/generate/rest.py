"""The page of the HTTP interface, from the server's OpenAPI document and the docstrings of the wire's shapes."""

import ast
import importlib
import inspect
import pkgutil
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

from described import NotDescribed, table, words_of

from terrazul import wire
from terrazul.core.clock import now
from terrazul.core.home import Home
from terrazul.core.settings import Settings
from terrazul.server.app import application_of, document_of
from terrazul.server.observation import Figures
from terrazul.server.services import Services
from terrazul.server.sql.kinds.sqlite import SqliteDatabase
from terrazul.wire.mlflow import message

_HEAD = """\
# HTTP interface

Generated from the code by `make docs`. The running server gives the same as an OpenAPI document at
`GET /api/v1/openapi.json`.

Every route but `GET /health` and `POST /api/v1/sessions` needs `Authorization: Bearer <token>`; the owner's token is
the file `token` of the server's home directory. A browser comes by the cookie of a session instead, and sends the
header `Terrazul-Csrf-Token` with what changes something. What a caller may do is decided by the action that a route
needs, and by the caller's [roles](roles.md). Bodies and answers are JSON unless "bytes" is said. An answer with a
status of 400 or more is an [`ErrorBody`](#errorbody); every answer carries the header `Terrazul-Correlation-Id`, which
the server's log repeats. `terrazul.sdk` and `terrazul` (the command line) use nothing but this interface.
"""
_WORKSPACE = "/api/v1/workspaces/{workspace_id}"
_NAMES_OF_THE_DOCUMENT = ("ApiV1",)
_ERROR = "ErrorBody"


class Route(NamedTuple):
    """One method of one address."""

    method: str
    path: str
    operation: dict[str, Any]

    @property
    def concept(self) -> str:
        """The word under which the route stands."""
        rest = self.path[len(_WORKSPACE) :] if self.path.startswith(_WORKSPACE) else ""
        return rest.strip("/").partition("/")[0] or ("workspaces" if "workspaces" in self.path else "server")


def page() -> str:
    """The whole page."""
    document = _document()
    routes = list(_routes(document))
    lines = [_HEAD]
    for concept in dict.fromkeys(route.concept for route in routes):
        lines += [f"## {concept.capitalize()}", ""]
        for route in routes:
            if route.concept == concept:
                lines += _section(route)
    lines += ["## Shapes", ""]
    shapes = _shapes()
    for name in sorted({*document["components"]["schemas"], _ERROR}):
        lines += _shape(name, shapes[name], document["components"]["schemas"].get(name, {}))
    return "\n".join(lines).rstrip() + "\n"


def _document() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(folder)
        services = Services(home, Settings(), now, SqliteDatabase(home.database_file))
        try:
            return document_of(application_of(services, Figures(services.database)))
        finally:
            services.database.close()


def _routes(document: dict[str, Any]) -> Iterator[Route]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if not operation["operationId"].startswith(_NAMES_OF_THE_DOCUMENT):
                yield Route(method.upper(), path, operation)


def _section(route: Route) -> list[str]:
    name = f"{route.method} {route.path}"
    operation = route.operation
    lines = [f"### `{name}`", "", words_of(name, operation.get("description", "")), ""]
    if operation.get("x-action"):
        lines += [f"Needs the action `{operation['x-action']}`.", ""]
    rows = [
        [f"`{each['name']}`", each["in"], _type(each["schema"]), _default(each["schema"], required=each["required"])]
        for each in operation.get("parameters", [])
    ]
    lines += table(["parameter", "in", "type", "default"], rows)
    body = operation.get("requestBody")
    if body:
        lines += [f"Takes {_content(body)}.", ""]
    status, answer = next((status, answer) for status, answer in operation["responses"].items() if status < "300")
    return [*lines, f"Answers {status}{' with ' + _content(answer) if answer.get('content') else ''}.", ""]


def _content(part: dict[str, Any]) -> str:
    kind, content = next(iter(part["content"].items()))
    schema = content["schema"]
    if schema.get("type") == "string":
        return "text" if kind.startswith("text/") else "bytes"
    return _type(schema)


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[`{name}`](#{name.lower()})"
    options = [each for each in schema.get("oneOf", schema.get("anyOf", [])) if each.get("type") != "null"]
    if options:
        return " or ".join(map(_type, options))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("type") == "object":
        return f"object of {_type(schema['additionalProperties'])}" if schema.get("additionalProperties") else "object"
    return str(schema.get("type", "any"))


def _default(schema: dict[str, Any], *, required: bool) -> str:
    if required:
        return "required"
    return f"`{schema['default']}`" if schema.get("default") not in (None, "") else ""


def _shapes() -> dict[str, type]:
    modules = [importlib.import_module(each.name) for each in pkgutil.iter_modules(wire.__path__, f"{wire.__name__}.")]
    ours = {name: value for module in modules for name, value in inspect.getmembers(module, inspect.isclass)}
    return {**ours, **{f"Mlflow{name}": value for name, value in inspect.getmembers(message, inspect.isclass)}}


def _shape(name: str, shape: type, schema: dict[str, Any]) -> list[str]:
    lines = [f"### {name}", "", words_of(name, inspect.getdoc(shape) or ""), ""]
    if "enum" in schema:
        return [*lines, "One of " + ", ".join(f"`{value}`" for value in schema["enum"]) + ".", ""]
    remarks, required = _remarks(shape), schema.get("required", [])
    rows = [
        [f"`{name}`", _type(each), _default(each, required=name in required), remarks.get(name, "")]
        for name, each in schema.get("properties", _properties(shape)).items()
    ]
    return lines + table(["field", "type", "default", ""], rows)


def _properties(shape: type) -> dict[str, Any]:
    return {name: {"type": "string"} for name in inspect.get_annotations(shape)}


def _remarks(shape: type) -> dict[str, str]:
    """The text that stands below a field in the source."""
    definition = ast.parse(inspect.getsource(shape)).body[0]
    if not isinstance(definition, ast.ClassDef):
        message = f"{shape.__name__} is not a class"
        raise NotDescribed(message)
    remarks = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            remarks[field.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return remarks
