"""Fixtures as an adapter meets them: its own requests, answered from tests/fixtures/<source>/ as source.json says, page by page."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from adapters.base import Adapter, Page, Request
from adapters.models import Offer, Rejected
from adapters.rates import fixed_rates
from adapters.registry import discover
from adapters.units import usd_per_gpu_hour_micros

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
RECORDINGS = ROOT.parent / "shared" / "real-data"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RATES = fixed_rates("1.1000", "2026-11-20")
"""A round rate, so that prices in EUR can be worked out by hand."""

ADAPTERS = discover()
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)

Answer = tuple[Any, Mapping[str, str]]
"""A decoded body and the headers."""


def decode(body: bytes) -> Any:
    """JSON as the bridge decodes it."""
    return _decoder.decode(body)


def source_json(source: str) -> dict[str, Any]:
    return msgspec.json.decode((FIXTURES / source / "source.json").read_bytes(), type=dict[str, Any])


def fixture_slices(source: str) -> dict[str, list[Page]]:
    """Pages by slice, of the slices that the fixture answers."""
    answers = {(entry["slice"], entry["request"], entry["page"]): entry for entry in source_json(source)["answers"]}

    def answer(slice_name: str, request: Request) -> Answer | None:
        entry = answers.get((slice_name, request.name, request.page))
        return entry and (decode((FIXTURES / source / entry["file"]).read_bytes()), entry.get("headers", {}))

    return walk(ADAPTERS[source], answer)


def recorded_slices(source: str) -> dict[str, list[Page]]:
    """Pages by slice, of the slices that the recordings answer. Their index says which file is for which request."""
    adapter = ADAPTERS[source]
    index = msgspec.json.decode((RECORDINGS / "index.json").read_bytes())["answers"]

    def answer(slice_name: str, request: Request) -> Answer | None:
        if source == "vast" and slice_name != "B300":
            return {"offers": []}, {}
        for entry in index:
            asked = f"https://{entry['host']}{entry['path']}", entry["method"]
            if asked == (adapter.base_url + request.path, request.method) and entry.get("query", {}).items() <= request.query.items():
                body = decode((RECORDINGS / entry["file"]).read_bytes())
                wrap = entry.get("wrap")
                return ({key: body if value == "$BODY" else value for key, value in wrap.items()} if wrap else body), entry.get(
                    "headers", {}
                )
        return None

    return walk(adapter, answer)


def walk(adapter: Adapter, answer: Callable[[str, Request], Answer | None]) -> dict[str, list[Page]]:
    """Every slice's pages, following next_page; a slice with an unanswered first request is left out."""
    slices: dict[str, list[Page]] = {}
    for part in adapter.slices():
        pages: list[Page] = []
        for first in part.requests:
            request: Request | None = first
            while request is not None:
                found = answer(part.name, request)
                if found is None:
                    assert request.page == 1, f"{adapter.source}: no answer for page {request.page} of {request.name}"
                    break
                pages.append(Page(request=request, status=200, headers=found[1], body=found[0]))
                request = adapter.next_page(pages[-1])
        if {page.request.name for page in pages} == {request.name for request in part.requests}:
            slices[part.name] = pages
    return slices


def parsed(source: str, slices: Mapping[str, Sequence[Page]]) -> tuple[dict[str, Offer], list[Rejected]]:
    """Offers by key, over all slices, and what was rejected. Fails where a key comes twice."""
    offers: dict[str, Offer] = {}
    bad: list[Rejected] = []
    for pages in slices.values():
        for row in ADAPTERS[source].parse(pages, NOW):
            if isinstance(row, Rejected):
                bad.append(row)
            else:
                assert row.offer_key not in offers, f"{source}: {row.offer_key} came twice"
                offers[row.offer_key] = row
    return offers, bad


def price(offer: Offer) -> int:
    return usd_per_gpu_hour_micros(offer, RATES)
