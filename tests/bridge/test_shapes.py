"""What answers look like: which keys are read, and when one that is gone or retyped is a drift."""

from decimal import Decimal
from typing import Any

from adapters.base import Page, Request
from adapters.registry import discover
from bridge.shapes import ANY, EACH, Shape, drift, new_keys, paths_read, shape_of, without_tables
from tests.bridge.fakes import START, Lumen

PATHS = frozenset(
    {("types", "rows"), ("types", "rows", EACH, "price"), ("types", "rows", EACH, "stock"), ("types", "rows", EACH, "specs", "ram")}
)


def page(body: Any) -> Page:
    return Page(request=Request(name="types", path="/types"), status=200, headers={}, body=body)


def shape(*rows: dict[str, Any]) -> Shape:
    return shape_of([page({"rows": list(rows)})], PATHS)


def before(**more: Any) -> Shape:
    row = {"price": Decimal("2.49"), "stock": 3, "specs": {"ram": 80}, **more}
    return shape(*[row] * 10)


def test_what_a_parse_reads_is_learned_from_the_parse() -> None:
    body = {"rows": [{"key": "a", "price": 16, "availability": "low", "colour": "red"}], "total": 1}
    assert {".".join(path) for path in paths_read(Lumen(), [page(body)], START)} == {
        "types.rows",
        "types.rows.[].price",
        "types.rows.[].key",
        "types.rows.[].availability",
    }


def test_an_object_looked_up_by_names_is_a_table() -> None:
    named = {("zone", "servers", f"GPU-{number}", "price") for number in range(8)}
    assert without_tables(named) == {("zone", "servers", ANY, "price")}
    few = {("zone", "price", "hourly"), ("zone", "price", "monthly")}
    assert without_tables(few) == few


def test_a_key_that_is_gone_retyped_or_null_everywhere_is_a_drift() -> None:
    gone = drift(before(), shape(*[{"price": Decimal(2), "specs": {"ram": 80}}] * 3))
    assert gone is not None and gone.path == "types.rows[].stock"
    assert gone.reason == "types.rows[].stock was there in 10 of 10 earlier places, and now in none of 3"
    text = drift(before(), shape(*[{"price": "2.49", "stock": 3, "specs": {"ram": 80}}] * 3))
    assert text is not None and text.reason == "types.rows[].price was a number in 10 of 10 earlier places, and is text in 3 of 3 now"
    null = drift(before(), shape(*[{"price": 2, "stock": None, "specs": {"ram": 80}}] * 3))
    assert null is not None and null.reason.endswith("and is null in all 3 now")
    nested = drift(before(), shape(*[{"price": 2, "stock": 3, "specs": {}}] * 3))
    assert nested is not None and nested.path == "types.rows[].specs.ram"


def test_what_rows_lack_now_and_then_is_none() -> None:
    same = {"price": 2, "stock": 3, "specs": {"ram": 80}}
    assert drift(before(), shape(same, {"price": 2, "specs": {"ram": 80}})) is None
    assert drift(before(), shape(same, same, {**same, "price": "ask"})) is None
    assert drift(before(), shape()) is None
    seldom = before()
    seldom.add(shape(*[{"price": 2, "specs": {"ram": 80}}] * 3))
    assert drift(seldom, shape(*[{"price": 2, "specs": {"ram": 80}}] * 3)) is None
    nullable = before()
    nullable.add(shape({"price": 2, "stock": None, "specs": {"ram": 80}}))
    assert drift(nullable, shape(*[{"price": 2, "stock": None, "specs": {"ram": 80}}] * 3)) is None


def test_a_few_rows_are_too_few_to_compare_with() -> None:
    assert drift(shape(*[{"price": 2, "stock": 3}] * 4), shape({"price": 2})) is None


def test_a_whole_number_and_a_fraction_are_one_type() -> None:
    assert drift(before(), shape(*[{"price": 2, "stock": Decimal("3.0"), "specs": {"ram": 80}}] * 3)) is None


def test_new_keys_are_told() -> None:
    assert new_keys(before(), before(colour="red")) == ["types.rows[].colour"]
    assert new_keys(Shape(), before()) == []


def test_rows_keyed_by_name_are_values_of_a_table() -> None:
    adapter = discover()["lambda"]
    specs = {"vcpus": 26, "memory_gib": 225, "storage_gib": 2816, "gpus": 1}
    kind = {"name": "x", "description": "1x H100 (80 GB SXM5)", "price_cents_per_hour": 329, "specs": specs}
    body = {"data": {"x": {"instance_type": kind, "regions_with_capacity_available": [{"name": "us-south-2"}]}}}
    request = adapter.slices()[0].requests[0]
    found = paths_read(adapter, [Page(request=request, status=200, headers={}, body=body)], START)
    assert (request.name, "data", ANY, "instance_type", "price_cents_per_hour") in found
    assert (request.name, "data", ANY, "regions_with_capacity_available", EACH, "name") in found
