"""openapi.json against the routes, the types and the running parts of it."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from api import answers, examples, openapi
from api.params import RefreshBody
from api.routes import ROUTES, Route

DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(openapi.document("simulated")))
OPERATIONS = [(path, method, told) for path, methods in DOCUMENT["paths"].items() for method, told in methods.items()]


def walk(value: Any) -> Iterator[Any]:
    """Every value inside."""
    yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(part)


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert {"title", "version"} <= DOCUMENT["info"].keys()


def test_every_path_the_server_answers_is_described_and_the_reverse() -> None:
    told = set(DOCUMENT["paths"])
    assert {route.path for route in ROUTES} <= told
    assert told == {route.path for route in ROUTES} | set(openapi.STATUSES) | set(openapi.PAGES)
    assert {"/v1/offers", "/v1/cheapest", "/v1/providers", "/v1/rates", "/v1/windows", "/v1/anomalies", "/v1/refresh"} <= told


def test_operation_ids_are_unique() -> None:
    ids = [told["operationId"] for _, _, told in OPERATIONS]
    assert len(set(ids)) == len(ids)


def test_every_reference_leads_somewhere() -> None:
    names = [part["$ref"].removeprefix("#/components/schemas/") for part in walk(DOCUMENT) if isinstance(part, dict) and "$ref" in part]
    assert names
    assert set(names) <= set(DOCUMENT["components"]["schemas"])


def test_every_field_is_required_and_none_is_added_unannounced() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert set(schema["required"]) == set(schema["properties"]), name


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_parameters_are_those_that_are_read(route: Route) -> None:
    told = DOCUMENT["paths"][route.path][route.method.lower()]["parameters"]
    assert [one["name"] for one in told] == [field.encode_name for field in msgspec.structs.fields(route.parameters)]
    for one in told:
        assert one["in"] == "query"
        assert {"type", "enum"} & one["schema"].keys(), one["name"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_examples_are_of_their_types(route: Route) -> None:
    told = DOCUMENT["paths"][route.path][route.method.lower()]
    answer = told["responses"][str(route.status)]["content"]["application/json"]
    assert answer["schema"]["$ref"].endswith(f"/{route.answer.__name__}")
    example = msgspec.convert(answer["example"], route.answer)
    assert example == route.example
    assert _follows(answer["example"], answer["schema"])
    if route.body is not None:
        body = told["requestBody"]["content"]["application/json"]
        assert msgspec.convert(body["example"], RefreshBody) == examples.REFRESH_BODY
    for status in route.errors:
        error = told["responses"][str(status)]["content"]["application/json"]["example"]
        msgspec.convert(error, answers.ErrorTold)


def _follows(value: Any, schema: Any) -> bool:
    """A plain check of the schema words that msgspec writes: $ref, anyOf, type, enum, properties, items, pattern, minimum."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return any(_follows(value, one) for one in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kinds = {"string": str, "integer": int, "number": int | float, "boolean": bool, "null": type(None), "array": list, "object": dict}
    if not isinstance(value, kinds[schema["type"]]):
        return False
    if "pattern" in schema and not re.search(schema["pattern"], str(value)):
        return False
    if "minimum" in schema and value < schema["minimum"]:
        return False
    if isinstance(value, list):
        return all(_follows(one, schema["items"]) for one in value)
    if isinstance(value, dict):
        return all(name in value and _follows(value[name], one) for name, one in schema["properties"].items())
    return True


def test_the_plain_check_can_fail() -> None:
    offers = msgspec.to_builtins(examples.OFFERS)
    assert _follows(offers, {"$ref": "#/components/schemas/OffersTold"})
    offers["offers"][0]["usd_per_gpu_hour"] = "2.5"
    assert not _follows(offers, {"$ref": "#/components/schemas/OffersTold"})


@pytest.mark.parametrize(
    ("micros", "text"), [(2_490_000, "2.490000"), (0, "0.000000"), (1, "0.000001"), (-1_500_000, "-1.500000"), (2.5, "0.000002")]
)
def test_money_is_exact(micros: float, text: str) -> None:
    assert answers.usd(micros) == text
