"""openapi.json (OpenAPI 3.1), made from the routes and the types that read parameters and build answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from api import examples
from api.answers import ErrorTold, StatusTold
from api.params import Parameters
from api.routes import BASE_ERRORS, ROUTES, Route
from schemas.vocabulary import Market

VERSION = "1.0.0"
REF = "#/components/schemas/{name}"
ERROR_WORDS = {
    404: "No such path.",
    405: "Another method is needed; `Allow` names it.",
    413: "The body is too long.",
    422: "A parameter is unknown or does not fit: `error.parameter` names it.",
    500: "A fault of ours.",
    503: "Nothing to answer from now; `Retry-After` says when to come back.",
}
# What is not JSON, or is answered by the server itself: path -> (summary, content type).
PAGES = {
    "/metrics": ("Prometheus metrics", "text/plain"),
    "/openapi.json": ("This description", "application/json"),
    "/docs": ("This description as a page", "text/html"),
    "/": ("Dashboard", "text/html"),
}
STATUSES = {
    "/healthz": "The process is alive; 503 where only a restart helps",
    "/readyz": "Offers can be served; 503 where none can",
}


def document(market: Market) -> dict[str, Any]:
    """The whole description, as JSON can hold it."""
    types = [kind for route in ROUTES for kind in (route.answer, route.body) if kind is not None]
    _, components = msgspec.json.schema_components([*types, ErrorTold, StatusTold], ref_template=REF)
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    for path, summary in STATUSES.items():
        paths[path] = {"get": _status_operation(path, summary)}
    for path, (summary, content_type) in PAGES.items():
        paths[path] = {"get": _page_operation(path, summary, content_type)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gputicker read API",
            "version": VERSION,
            "summary": "The latest price of rented GPUs, from every provider, with its age.",
            "description": f"This server tells of the {market} market. Money is decimal text in USD per GPU and hour; times are RFC 3339 "
            "in UTC; ages are seconds, and right to a second. Answers are not to be stored (`Cache-Control: no-store`).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "prices", "description": "From this process's own copy: no other server is asked."},
            {"name": "history", "description": "From ClickHouse."},
            {"name": "operations", "description": "Health, metrics, pages."},
        ],
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.path.removeprefix("/v1/").replace("/", "_"),
        "tags": [route.tag],
        "summary": route.summary,
        "description": route.about,
        "parameters": _parameters(route.parameters),
        "responses": {
            str(route.status): _json_response("The answer.", route.answer, route.example),
            **_errors((*BASE_ERRORS, *route.errors)),
        },
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _json_content(route.body, route.body_example)}
    return operation


def _status_operation(path: str, summary: str) -> dict[str, Any]:
    return {
        "operationId": path.strip("/"),
        "tags": ["operations"],
        "summary": summary,
        "responses": {
            "200": _json_response("It is so.", StatusTold, examples.STATUS),
            "503": _json_response("It is not; `message` says why.", StatusTold, examples.NOT_READY),
        },
    }


def _page_operation(path: str, summary: str, content_type: str) -> dict[str, Any]:
    return {
        "operationId": path.strip("/").replace(".", "_") or "dashboard",
        "tags": ["operations"],
        "summary": summary,
        "responses": {"200": {"description": "The page.", "content": {content_type: {}}}},
    }


def _parameters(kind: type[Parameters]) -> list[dict[str, Any]]:
    schema = msgspec.json.schema_components([kind], ref_template=REF)[1][kind.__name__]
    return [_parameter(name, one) for name, one in schema["properties"].items()]


def _parameter(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(schema)
    about = told.pop("description", "")
    variants = told.get("anyOf")
    if variants is not None:
        # A parameter is left out, never null.
        told = {key: value for key, value in told.items() if key not in ("anyOf", "default")}
        told.update(next(variant for variant in variants if variant != {"type": "null"}))
        about = about or told.pop("description", "")
    if told.get("default") == ():
        del told["default"]
    return {"name": name, "in": "query", "required": False, "description": about, "schema": told}


def _json_response(words: str, kind: type[msgspec.Struct], example: msgspec.Struct) -> dict[str, Any]:
    return {"description": words, "content": _json_content(kind, example)}


def _json_content(kind: type[msgspec.Struct], example: msgspec.Struct | None) -> dict[str, Any]:
    content = {"schema": {"$ref": REF.format(name=kind.__name__)}}
    return {"application/json": content if example is None else {**content, "example": msgspec.to_builtins(example)}}


def _errors(statuses: Sequence[int]) -> dict[str, Any]:
    return {str(status): _json_response(ERROR_WORDS[status], ErrorTold, examples.ERRORS[status]) for status in sorted(statuses)}
