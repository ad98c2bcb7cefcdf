"""Answers that went wrong, one field at a time: a provider's parse raises nothing but PayloadChanged, and never gives a wrong price."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from adapters.base import Page
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from sim.wire.facts import FACTS, PAGES
from tests.adapters.support import ADAPTERS, NOW, decode, fixture_slices, folder, price, source_json

every_source = pytest.mark.parametrize("source", ADAPTERS)
LONG_LIST, ROWS_OF_LONG_LIST = 20, 3
"""Lists above that length (Vast.ai's full pages) hold rows of one shape: a few of them are mutated."""

PRICE_FIELDS = {
    "azure": "retailPrice",
    "lambda": "price_cents_per_hour",
    "runpod": "securePrice",
    "scaleway": "hourly_price",
    "vast": "dph_base",
    "verda": "price_per_hour",
} | {source: facts.prices.split()[0].split(".")[-1] for source, facts in FACTS.items()}

# Answers that a provider may well give: the same row without that override, or without its second price.
OTHER_ANSWERS = {
    "alibaba-spot": re.compile(r"(list SpotPrices\.SpotPriceType|dropped SpotPrices\.SpotPriceType\.\d+)"),
    "linode": re.compile(r"(list|dropped) data\.\d+\.region_prices(\.\d+)?"),
    "ovh": re.compile(r"(list addons\.\d+\.blobs\.tags|dropped addons\.\d+\.blobs\.tags\.\d+)"),
    "salad": re.compile(r"dropped items\.\d+\.prices\.\d+"),
    "oracle": re.compile(r"dropped items\.\d+\.currencyCodeLocalizations\.0\.prices\.\d"),
}
WHOLE = frozenset({"pages", "totalCount", "totalPages", "code"})
"""Numbers that tell of the answer as a whole, such as how many pages there are: one that cannot be read costs all of it."""

APART = {"runpod", "runpod-rest", "gcp", "hyperstack", "thunder", *PAGES}
"""Where 0 and null mean that something is not offered, or a price is no one field or has no row of its own: tests of their own."""

HTML = "<!doctype html><title>Just a moment...</title>"
ODD_BODIES: tuple[Any, ...] = (
    HTML,
    None,
    0,
    True,
    [],
    {},
    [None],
    [[]],
    {"data": None},
    {"offers": {}},
    {"servers": []},
    {"Items": {}},
    [HTML],
)


def mutations(value: Any) -> Iterator[tuple[str, Any]]:
    """Every version of `value` with one field dropped, renamed, null, text for a number, a list or an object, and where it was done.

    Of a page: with one text dropped, another, or without its digits' meaning, and with one innermost element or start tag dropped.
    """
    if isinstance(value, str):
        yield from _page_mutations(value)
        return
    for path in _paths(value):
        for name in ("dropped", "renamed", "null", "text", "list", "object"):
            mutated, parent = _copied_along(value, path)
            last = path[-1]
            old = parent[last]
            if name == "dropped":
                del parent[last]
            elif name == "renamed":
                if not isinstance(parent, dict):
                    continue
                parent[f"{last}X"] = parent.pop(last)
            else:
                replacements: dict[str, Any] = {"null": None, "text": str(old), "list": [], "object": {}}
                new = replacements[name]
                if new == old:
                    continue
                parent[last] = new
            yield f"{name} {'.'.join(map(str, path))}", mutated


def _page_mutations(page: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r">([^<>]+)<", page):
        if match[1].strip():
            for name, new in (("dropped", ""), ("renamed", "X"), ("unit", match[1].replace("$", "€"))):
                if new != match[1]:
                    yield f"{name} {match[1][:40]}", page[: match.start(1)] + new + page[match.end(1) :]
    for match in re.finditer(r"<(\w+)[^>]*>[^<>]*</\1>", page):
        yield f"element {match[0][:60]}", page[: match.start()] + page[match.end() :]
    for match in re.finditer(r"<\w+[^>]*>", page):
        yield f"tag {match[0][:60]}", page[: match.start()] + page[match.end() :]


def _copied_along(value: Any, path: tuple[str | int, ...]) -> tuple[Any, Any]:
    """`value` with everything on the way to the path's last step copied, and the copy that holds that step."""
    top = parent = copy.copy(value)
    for step in path[:-1]:
        parent[step] = copy.copy(parent[step])
        parent = parent[step]
    return top, parent


def _paths(value: Any, so_far: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*so_far, key)
            yield from _paths(inner, (*so_far, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value if len(value) < LONG_LIST else value[:ROWS_OF_LONG_LIST]):
            yield (*so_far, index)
            yield from _paths(inner, (*so_far, index))


def _read(source: str, pages: list[Page]) -> list[Offer | Rejected] | None:
    """What parse gives; None for PayloadChanged. Anything else that is raised fails the test."""
    adapter = ADAPTERS[source]
    try:
        for page in pages:
            adapter.next_page(page)
        return list(adapter.parse(pages, NOW))
    except PayloadChanged as error:
        assert str(error)
        return None


def _counted(rows: list[Offer | Rejected]) -> dict[str, tuple[str, int, str, int]]:
    return {
        row.offer_key: (row.gpu, row.gpu_count, row.price_type, price(row))
        for row in rows
        if isinstance(row, Offer) and row.in_market_stats
    }


@every_source
def test_one_wrong_field_never_makes_a_wrong_price(source: str) -> None:
    tried = refused = 0
    for pages in fixture_slices(source).values():
        whole = _read(source, pages)
        assert whole is not None
        everything = {row.offer_key: (row.gpu, row.gpu_count, row.price_type, price(row)) for row in whole if isinstance(row, Offer)}
        for number, page in enumerate(pages):
            for where, body in mutations(page.body):
                if source in OTHER_ANSWERS and OTHER_ANSWERS[source].fullmatch(where):
                    continue
                tried += 1
                mutated = [*pages]
                mutated[number] = msgspec.structs.replace(page, body=body)
                rows = _read(source, mutated)
                if rows is None:
                    refused += 1
                    continue
                refused += any(isinstance(row, Rejected) for row in rows)
                for key, stated in _counted(rows).items():
                    if key in everything:
                        assert stated == everything[key], f"{source}: {where}: {key}"
                    else:
                        assert stated in everything.values(), f"{source}: {where}: {key} is new"
    assert tried > 100
    assert refused


@every_source
@pytest.mark.parametrize("body", ODD_BODIES, ids=repr)
def test_an_answer_of_another_shape_is_a_changed_payload_or_empty(source: str, body: Any) -> None:
    for pages in fixture_slices(source).values():
        for number, page in enumerate(pages):
            mutated = [*pages]
            mutated[number] = msgspec.structs.replace(page, body=body)
            rows = _read(source, mutated)
            if page.request.aside:
                assert _counted(rows or []) == _counted(_read(source, pages) or [])
            elif body == HTML or body is None:
                assert rows is None
            for row in rows or []:
                assert isinstance(row, Offer | Rejected)


@every_source
@pytest.mark.parametrize("huge", [b"1" + b"0" * 400, b"-1e400", b"1e400", b"1e-400"])
def test_a_number_beyond_all_bounds_costs_its_row_only(source: str, huge: bytes) -> None:
    number = decode(huge)
    for pages in fixture_slices(source).values():
        for at, page in enumerate(pages):
            for path in _paths(page.body):
                body, parent = _copied_along(page.body, path)
                if path[-1] not in WHOLE and not isinstance(parent[path[-1]], bool | str | dict | list | None):
                    parent[path[-1]] = number
                    mutated = [*pages]
                    mutated[at] = msgspec.structs.replace(page, body=body)
                    assert _read(source, mutated) is not None


@every_source
def test_a_truncated_body_is_no_json(source: str) -> None:
    for entry in source_json(source).answers:
        body = (folder(source) / entry.file).read_bytes().strip()
        for part in (0.1, 0.5, 0.9):
            if source in PAGES:
                page = next(page for pages in fixture_slices(source).values() for page in pages)
                assert _read(source, [msgspec.structs.replace(page, body=body[: int(len(body) * part)].decode())]) is None
                continue
            with pytest.raises(msgspec.DecodeError):
                decode(body[: int(len(body) * part)])


@pytest.mark.parametrize("source", [source for source in ADAPTERS if source not in {"gcp", "thunder", *PAGES}])
@pytest.mark.parametrize("price_text", ["NaN", "Infinity", "-1", "0", "", "1e999999", "two", "0x10"])
def test_an_odd_price_is_refused_with_its_own_reason(source: str, price_text: str) -> None:
    pages = copy.deepcopy(next(iter(fixture_slices(source).values())))
    for page in pages:
        _set_everywhere(page.body, PRICE_FIELDS[source], price_text)
    rows = _read(source, pages)
    assert rows is not None
    touched = [row for row in rows if isinstance(row, Offer) and row.amount == price_text]
    if price_text == "1e999999":
        for offer in touched:
            with pytest.raises(ValueError, match="too many digits"):
                price(offer)
    else:
        assert touched == []
    reasons = [row.reason for row in rows if isinstance(row, Rejected) and row.field == PRICE_FIELDS[source]]
    if not touched and not (source == "runpod" and price_text == "0"):
        assert reasons
        assert all("price" in reason or "cents" in reason for reason in reasons)


@pytest.mark.parametrize("source", [source for source in ADAPTERS if source not in APART])
def test_missing_null_and_zero_are_three_reasons(source: str) -> None:
    """RunPod is apart: its 0 and null mean that a cloud does not offer the type."""
    reasons = set()
    for value in (..., None, 0):
        pages = copy.deepcopy(next(iter(fixture_slices(source).values())))
        for page in pages:
            _set_everywhere(page.body, PRICE_FIELDS[source], value)
        rows = _read(source, pages) or []
        found = {row.reason for row in rows if isinstance(row, Rejected) and row.field == PRICE_FIELDS[source]}
        assert len(found) == 1
        reasons |= found
    assert reasons == {f"{PRICE_FIELDS[source]}: price is {why}" for why in ("missing", "null", "zero")}


def _set_everywhere(value: Any, field: str, new: Any) -> None:
    if isinstance(value, dict):
        if field in value:
            if new is ...:
                del value[field]
            else:
                value[field] = new
        for inner in value.values():
            _set_everywhere(inner, field, new)
    elif isinstance(value, list):
        for inner in value:
            _set_everywhere(inner, field, new)
