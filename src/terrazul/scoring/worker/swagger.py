"""The documents that describe a service, in Swagger 2 and OpenAPI 3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional

from terrazul.scoring.worker.entry_script import Program

_ANY = {"type": "object", "example": {}}
_ERROR = {"type": "object", "properties": {"message": {"type": "string"}}}
_FAILED = "The service failed to execute due to an error."
_BEARER = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "description": "For example: Bearer abc123",
}

Document = Dict[str, Any]
Build = Callable[[str, Any, Any, Mapping[str, str]], Document]


def documents(program: Program, app_root: Path, variables: Mapping[str, str]) -> Dict[str, Document]:
    """The documents by every name of their version; a version that the schema cannot be told in is missing.

    Files of the user's (``swagger.json``, ``swagger2.json``, ``swagger3.json``, ``swagger3.1.json``) stand in for them.
    """
    found: Dict[str, Document] = {}
    second = _own(app_root, "swagger.json") or _own(app_root, "swagger2.json")
    for names, own, build in (
        (("2", "2.0"), second, _second),
        (("3", "3.0"), _own(app_root, "swagger3.json"), _third),
        (("3.1",), _own(app_root, "swagger3.1.json"), _third_one),
    ):
        document = own or _made(program, names, build, variables)
        if document is not None:
            found.update(dict.fromkeys(names, document))
    return found


def _own(app_root: Path, name: str) -> Optional[Document]:
    try:
        document: Document = json.loads((app_root / name).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return document


def _made(
    program: Program,
    names: Any,
    build: Callable[[str, Any, Any, Mapping[str, str]], Document],
    variables: Mapping[str, str],
) -> Optional[Document]:
    if program.schema is None:
        return build(_prefix(variables), _ANY, _ANY, variables)
    if all(name not in program.schema.get_supported_versions(program.run) for name in names):
        return None
    takes, gives = program.schema.get_input_schema(program.run), program.schema.get_output_schema(program.run)
    return build(_prefix(variables), takes, gives, variables)


def _prefix(variables: Mapping[str, str]) -> str:
    prefix = variables.get("SERVICE_PATH_PREFIX", "").strip("/")
    return f"/{prefix}" if prefix else ""


def _information(variables: Mapping[str, str]) -> Dict[str, str]:
    name = variables.get("SERVICE_NAME") or "ML service"
    return {
        "title": name,
        "description": f"API specification for the Azure Machine Learning service {name}",
        "version": variables.get("SERVICE_VERSION") or "1.0",
    }


def _second(prefix: str, takes: Any, gives: Any, variables: Mapping[str, str]) -> Document:
    default = {"description": _FAILED, "schema": {"$ref": "#/definitions/ErrorResponse"}}
    text = {"type": "string"}
    return {
        "swagger": "2.0",
        "info": _information(variables),
        "schemes": ["https", "http"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {"Bearer": _BEARER},
        "paths": {
            f"{prefix}/": {
                "get": {
                    "operationId": "ServiceHealthCheck",
                    "description": "Tells whether the service is up.",
                    "responses": {
                        "200": {
                            "description": "The service is up.",
                            "schema": text,
                            "examples": {"application/json": "Healthy"},
                        },
                        "default": default,
                    },
                }
            },
            f"{prefix}/score": {
                "post": {
                    "operationId": "RunMLService",
                    "description": "Gives the prediction for an input.",
                    "security": [{"Bearer": []}],
                    "parameters": [
                        {
                            "name": "serviceInputPayload",
                            "in": "body",
                            "description": "The input of the service.",
                            "schema": {"$ref": "#/definitions/ServiceInput"},
                        }
                    ],
                    "responses": {
                        "200": {
                            "description": "What the service makes of the input.",
                            "schema": {"$ref": "#/definitions/ServiceOutput"},
                        },
                        "default": default,
                    },
                }
            },
            f"{prefix}/swagger.json": {
                "get": {
                    "operationId": "GetSwaggerSpec",
                    "description": "Gives this document.",
                    "parameters": [
                        {"name": "version", "in": "query", "required": False, "type": "integer", "enum": [2, 3]}
                    ],
                    "responses": {"200": {"description": "The document.", "schema": text}, "default": default},
                }
            },
        },
        "definitions": {"ServiceInput": takes, "ServiceOutput": gives, "ErrorResponse": _ERROR},
    }


def _third(prefix: str, takes: Any, gives: Any, variables: Mapping[str, str]) -> Document:
    default = {"description": _FAILED, "content": _json({"$ref": "#/components/schemas/ErrorResponse"})}
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "openapi": "3.0.3",
        "info": _information(variables),
        "security": [{"Bearer": []}],
        "paths": {
            f"{prefix}/": {
                "get": {
                    "operationId": "ServiceHealthCheck",
                    "description": "Tells whether the service is up.",
                    "responses": {
                        "200": {
                            "description": "The service is up.",
                            "content": {"text/plain": {"schema": {"type": "string", "example": "Healthy"}}},
                        },
                        "default": default,
                    },
                }
            },
            f"{prefix}/score": {
                "post": {
                    "operationId": "RunMLService",
                    "description": "Gives the prediction for an input.",
                    "security": [{"Bearer": []}],
                    "requestBody": {
                        "description": "The input of the service.",
                        "content": _json({"$ref": "#/components/schemas/ServiceInput"}),
                    },
                    "responses": {
                        "200": {
                            "description": "What the service makes of the input.",
                            "content": _json({"$ref": "#/components/schemas/ServiceOutput"}),
                        },
                        "default": default,
                    },
                }
            },
            f"{prefix}/swagger.json": {
                "get": {
                    "operationId": "GetSwaggerSpec",
                    "description": "Gives this document.",
                    "parameters": [
                        {
                            "name": "version",
                            "in": "query",
                            "required": False,
                            "schema": {"type": "integer", "enum": [2, 3]},
                        }
                    ],
                    "responses": {"200": {"description": "The document.", "content": text}, "default": default},
                }
            },
        },
        "components": {
            "schemas": {"ServiceInput": takes, "ServiceOutput": gives, "ErrorResponse": _ERROR},
            "securitySchemes": {"Bearer": _BEARER},
        },
    }


def _third_one(prefix: str, takes: Any, gives: Any, variables: Mapping[str, str]) -> Document:
    return {**_third(prefix, takes, gives, variables), "openapi": "3.1.0"}


def _json(schema: Any) -> Document:
    return {"application/json": {"schema": schema}}
