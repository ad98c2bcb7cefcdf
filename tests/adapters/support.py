"""Fixtures as an adapter meets them: its own requests, answered from files as their source.json says, page by page."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from adapters.base import Page, Request
from adapters.models import Offer, Rejected
from adapters.rates import fixed_rates
from adapters.registry import discover
from adapters.units import usd_per_gpu_hour_micros
from sim.wire.templates import BODIES, Found, Written, market_slices, walk, written

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
RECORDINGS = ROOT.parent / "shared" / "real-data"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RATES = fixed_rates("1.1000", "2026-11-20")
"""A round rate, so that prices in EUR can be worked out by hand."""

ADAPTERS = discover()
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)


def decode(body: bytes) -> Any:
    """JSON as the bridge decodes it."""
    return _decoder.decode(body)


def folder(source: str) -> Path:
    """Where the source's answers stand: with the simulated market where that is made of them, with the tests where it is not."""
    return BODIES / source if (BODIES / source).is_dir() else FIXTURES / source


def source_json(source: str) -> Written:
    return written(folder(source))


def fixture_slices(source: str) -> dict[str, list[Page]]:
    """Pages by slice, of the slices that the fixture answers."""
    slices, _ = market_slices(ADAPTERS[source], folder(source), like=None)
    return slices


def recorded_slices(source: str) -> dict[str, list[Page]]:
    """Pages by slice, of the slices that the recordings answer. Their index says which file is for which request."""
    adapter = ADAPTERS[source]
    index = msgspec.json.decode((RECORDINGS / "index.json").read_bytes())["answers"]

    def answer(slice_name: str, request: Request) -> Found | None:
        if source == "vast" and slice_name != "B300":
            return {"offers": []}, {}
        if source == "seeweb" and request.name == "availables":
            return {"plans": []}, {}
        for entry in index:
            asked = f"https://{entry['host']}{entry['path']}", entry["method"]
            if request.page > 1 and "page" not in entry.get("query", {}):
                continue
            if asked == (adapter.base_url + request.path, request.method) and entry.get("query", {}).items() <= request.query.items():
                body = decode((RECORDINGS / entry["file"]).read_bytes())
                wrap = entry.get("wrap")
                return ({key: body if value == "$BODY" else value for key, value in wrap.items()} if wrap else body), entry.get(
                    "headers", {}
                )
        return None

    return walk(adapter, answer, partial=True)


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
