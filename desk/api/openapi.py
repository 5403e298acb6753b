"""Describe the API in OpenAPI, from the table of routes."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from desk.api.models import NAME, Probe, Problem, Shape
from desk.api.route import Route
from desk.api.routes import ROUTES
from desk.api.tokens import SESSION_COOKIE

REF = "#/components/schemas/{model}"
ERRORS = {"400": "The request is not well formed", "401": "No valid token", "403": "The token's role does not allow it",
          "404": "No such agent or contact", "409": "Not possible in the present state", "413": "The body is too large",
          "415": "The body is not JSON", "421": "The node stands by; `detail` names the leader",
          "429": "Too many wrong tokens", "503": "The node does not take it now"}


@cache
def render_api(version: str) -> bytes:
    """Return the document as JSON. It never changes, and takes 0.1 s of CPU to make."""
    return json.dumps(describe_api(version), ensure_ascii=False).encode()


def describe_api(version: str) -> dict[str, Any]:
    """Return the document that `/openapi.json` serves."""
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    # 1. The routes of the table.
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _describe_operation(route, schemas)
    # 2. Probes and metrics, which need no token and are not in the table.
    for path, summary in (
            ("/health/live", "The node is alive"), ("/health/ready", "The node can serve a call"),
            ("/health/leader", "The node leads")):
        paths[path] = {"get": {"summary": summary, "security": [], "operationId": path.strip("/").replace("/", "_"),
                               "responses": {code: _describe_answer(Probe, text, schemas)
                                             for code, text in (("200", "Yes"), ("503", "No"))}}}
    paths["/metrics"] = {"get": {
        "summary": "Prometheus metrics; from this machine only", "security": [], "operationId": "metrics",
        "responses": {"200": {"description": "Text format",
                              "content": {"text/plain": {"schema": {"type": "string"}}}}}}}
    return {
        "openapi": "3.1.0", "info": {"title": "Santral", "version": version}, "paths": paths,
        # Either of the two. The session of a person is for our own pages.
        "security": [{"bearer": []}, {"session": []}],
        "components": {"schemas": schemas, "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE}}}}


def _describe_operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    roles = ", ".join(sorted(role.value for role in route.roles))
    operation: dict[str, Any] = {
        "summary": route.summary, "operationId": route.handler.__name__,
        **({"security": [{"session": []}]} if route.session_only else {}),
        "description": f"Roles: {roles}." + (" An agent's token: only for its own id." if route.own else "")
        + (f" {route.detail}" if route.detail else ""),
        "responses": {"200": _describe_success(route, schemas),
                      **{code: _describe_answer(Problem, text, schemas) for code, text in ERRORS.items()}}}
    if "{id}" in route.path:
        operation["parameters"] = [{"name": "id", "in": "path", "required": True, "description": "Id",
                                    "schema": {"type": "string", "pattern": NAME}}]
    if route.of_contact:
        operation.setdefault("parameters", []).append({
            "name": "contact", "in": "query", "required": False, "schema": {"type": "string", "pattern": NAME},
            "description": "The contact at hand to act on, as the events name it. 404 `unknown_contact`: it is not at "
                           "hand any more. Without it: the talk, else the offer that rings, else the wrap-up."})
    if route.request is not None:
        required = any(field.is_required() for field in route.request.model_fields.values())
        operation["requestBody"] = {"required": required, "content": _json_content(route.request, schemas)}
    return operation


def _describe_success(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    if route.response is None:
        return _describe_sound()
    if not route.events:
        return _describe_answer(route.response, "Done", schemas)
    # OpenAPI has no word for the data of events, so the schemas of both are named in the text.
    name, other = route.change
    for model in (route.response, other):
        _json_content(model, schemas)
    return {"description": f"Server-sent events: `state` carries {route.response.__name__}, `{name}` carries "
                           f"{other.__name__}",
            "content": {"text/event-stream": {"schema": {"type": "string"}}}}


def _describe_sound() -> dict[str, Any]:
    return {"description": "A WAV", "content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}}


def _describe_answer(model: type[Shape], text: str, schemas: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": _json_content(model, schemas)}


def _json_content(model: type[Shape], schemas: dict[str, Any]) -> dict[str, Any]:
    # Models inside a model come as `$defs`; OpenAPI wants all of them at one place.
    if model.__name__ not in schemas:
        schema = model.model_json_schema(ref_template=REF)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    return {"application/json": {"schema": {"$ref": REF.format(model=model.__name__)}}}
