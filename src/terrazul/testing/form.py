"""Bodies of a form that the OpenAPI document describes."""

from __future__ import annotations

from typing import Any

from terrazul.testing.routes import Route, Schema


def filled(form: Schema, text: str) -> Any:
    """A value of a form with every field there is, where each text, and each name that is free, is this one."""
    for choices in ("oneOf", "anyOf", "allOf"):
        if choices in form:
            chosen = next((each for each in form[choices] if each.get("type") != "null"), form[choices][0])
            return filled(chosen, text)
    if "enum" in form:
        return form["enum"][0]
    kind = form.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), kind[0])
    if kind == "object":
        named = {name: filled(part, text) for name, part in form.get("properties", {}).items()}
        others = form.get("additionalProperties")
        return {**named, **({text: filled(others, text)} if isinstance(others, dict) else {})}
    if kind == "array":
        return [filled(form.get("items", {}), text)]
    return {"integer": 1, "number": 1.0, "boolean": True, "null": None}.get(str(kind), text)


def bodies_with(route: Route, text: str) -> list[Any]:
    """Bodies of a route that hold a text: in every field at once, and in one field after another beside what is needed.

    A body that is refused for one of its texts does not hide the others then.
    """
    form = route.body
    if form is None:
        return []
    fields = form.get("properties", {})
    needed = {name: filled(fields[name], "x") for name in form.get("required", [])}
    return [filled(form, text), *({**needed, name: filled(part, text)} for name, part in fields.items())]
