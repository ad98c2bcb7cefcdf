"""Asking a market in a test: one exchange, or all that an adapter asks."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import msgspec

from adapters.base import Adapter, Page
from adapters.fetch.client import ProviderClient
from adapters.models import Offer, Rejected
from adapters.registry import discover
from bridge.settings import SIMULATED_CREDENTIALS
from sim.app import App
from sim.exchange import Exchange
from sim.simulated import Simulated
from tests.transport import Served

UPSTREAM = "https://127.0.0.1:22443"
BEARER = {"authorization": "Bearer sim-key"}
CREDENTIALS = {
    name: value for adapter in discover().values() for name, value in zip(adapter.credential, SIMULATED_CREDENTIALS, strict=False)
}
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)


def get(host: str, path: str, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Exchange:
    return Exchange("GET", host, path, query or {}, BEARER if headers is None else headers)


def post(host: str, path: str, body: Any) -> Exchange:
    return Exchange("POST", host, path, {}, {}, msgspec.json.encode(body))


def body_of(market: Simulated, exchange: Exchange, at_ms: int, status: int = 200) -> Any:
    answer = market.answer(exchange, at_ms)
    assert answer.status == status, answer.body[:300]
    return _decoder.decode(answer.body)


def decoded(body: bytes) -> Any:
    return _decoder.decode(body)


def http_client(app: App) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=UPSTREAM)


async def polled(app: App, adapter: Adapter, credentials: Mapping[str, str] = CREDENTIALS) -> list[Offer | Rejected]:
    """What a poll through the real client gives, without sockets."""
    at = datetime.fromtimestamp(app.clock_ms() / 1000, UTC)
    return [row for pages in await pages_of(app, adapter, credentials) for row in adapter.parse(pages, at)]


async def pages_of(app: App, adapter: Adapter, credentials: Mapping[str, str] = CREDENTIALS) -> list[list[Page]]:
    """What such a poll parses, slice by slice."""
    own = {name: credentials[name] for name in adapter.credential if name in credentials}
    transport = Served(app)
    async with ProviderClient(adapter, transport, credentials=own, upstream_url=UPSTREAM) as client:
        answers = await asyncio.gather(*(client.fetch_slice(part) for part in adapter.slices()))
    return [answer.pages for answer in answers]


async def offers(app: App, adapter: Adapter) -> dict[str, Offer]:
    return {row.offer_key: row for row in await polled(app, adapter) if isinstance(row, Offer)}


def per_gpu(offer: Offer) -> Decimal:
    return Decimal(offer.amount) / (offer.gpu_count if offer.basis == "per_instance" else 1)
