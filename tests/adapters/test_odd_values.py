"""Odd values in written bodies, straight through a provider's parse: numbers beyond all bounds, and prices that are none."""

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from adapters.base import Page
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from sim.wire.facts import FACTS, PAGES
from tests.adapters.support import ADAPTERS, NOW, decode, fixture_slices, price

every_source = pytest.mark.parametrize("source", ADAPTERS)
LONG_LIST, ROWS_OF_LONG_LIST = 20, 3
"""Lists above that length (Vast.ai's full pages) hold rows of one shape: a few of them are altered."""

PRICE_FIELDS = {
    "azure": "retailPrice",
    "lambda": "price_cents_per_hour",
    "runpod": "securePrice",
    "scaleway": "hourly_price",
    "vast": "dph_base",
    "verda": "price_per_hour",
} | {source: facts.prices.split()[0].split(".")[-1] for source, facts in FACTS.items()}

WHOLE = frozenset({"pages", "totalCount", "totalPages", "code", "NextOffset"})
"""Numbers that tell of the answer as a whole, such as how many pages there are: one that cannot be read costs all of it."""

APART = {
    "runpod": "0 and null mean that a cloud does not offer the type",
    "runpod-rest": "0 and null mean that a cloud does not offer the type",
    "runpod-serverless": "a missing price means a pool that the account may not use",
    "gcp": "a price is the sum of several rows",
    "hyperstack": "a price stands in another answer than its row",
    "thunder": "prices have no rows of their own",
} | dict.fromkeys(PAGES, "a page has no fields")
"""Whose prices can't be told apart as missing, null and zero, and why: tests of their own."""

NO_FIELD = {"gcp": "units and nanos are two fields", "thunder": "prices have no rows of their own"} | dict.fromkeys(
    PAGES, "a page has no fields"
)
"""Whose prices are no one field."""


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


@pytest.mark.parametrize("source", [source for source in ADAPTERS if source not in NO_FIELD])
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
