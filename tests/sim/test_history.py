"""History: what a poll at that moment would have got, page for page."""

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
import zstandard

from adapters.base import Adapter
from adapters.fetch.client import ProviderClient
from sim.app import App
from sim.incidents import UNIT_KINDS
from sim.simulated import Simulated
from tests.sim.asking import CREDENTIALS, UPSTREAM, decoded, http_client
from tests.sim.conftest import NOW_MS
from tests.transport import Served

STEP_MS = 300_000
RANGE = {"from_ms": str(NOW_MS - 2 * STEP_MS), "to_ms": str(NOW_MS), "step_ms": str(STEP_MS)}


async def history(app: App, **query: str) -> list[Any]:
    async with http_client(app) as client:
        response = await client.get("/sim/history", params={**RANGE, **query}, headers={"accept-encoding": "identity"})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    return [decoded(line) for line in response.content.splitlines()]


async def test_one_line_per_moment_and_source_in_time_order(app: App, adapters: dict[str, Adapter]) -> None:
    lines = await history(app)
    assert [(line["at_ms"], line["source"]) for line in lines] == [
        (at_ms, source) for at_ms in (NOW_MS - 2 * STEP_MS, NOW_MS - STEP_MS) for source in adapters
    ]
    for line in lines:
        assert [part["name"] for part in line["slices"]] == [part.name for part in adapters[line["source"]].slices()]


async def test_bodies_are_those_that_a_poll_gets(app: App, adapters: dict[str, Adapter]) -> None:
    """Also in the middle of an incident on prices, and whatever else was asked in between."""
    app.market = Simulated(1, NOW_MS - 10 * STEP_MS)
    found = app.market.incidents.between(NOW_MS - STEP_MS, NOW_MS)
    at_ms = next(i for i in found if i.kind not in UNIT_KINDS).from_ms // 1000 * 1000
    lines = await history(app, from_ms=str(at_ms), to_ms=str(at_ms + 1))
    app.clock_ms = lambda: at_ms
    for line in lines:
        adapter = adapters[line["source"]]
        own = {name: CREDENTIALS[name] for name in adapter.credential}
        transport = Served(app)
        async with ProviderClient(adapter, transport, credentials=own, upstream_url=UPSTREAM) as client:
            for part, told in zip(adapter.slices(), line["slices"], strict=True):
                pages = (await client.fetch_slice(part)).pages
                assert [(p["name"], p["page"], p["status"], p["body"]) for p in told["pages"]] == [
                    (page.request.name, page.request.page, page.status, page.body) for page in pages
                ]
                for page, polled in zip(told["pages"], pages, strict=True):
                    assert _items(page["headers"]) <= _items(polled.headers)


async def test_crowded_and_paged_slices_are_followed_to_the_end(app: App) -> None:
    lines = {line["source"]: line for line in await history(app, from_ms=str(NOW_MS - STEP_MS))}
    assert max(len(part["pages"]) for part in lines["vast"]["slices"]) == 2
    assert any(page["page"] == 2 for part in lines["scaleway"]["slices"] for page in part["pages"])


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_compressed_where_the_client_can_read_it(app: App, encoding: str) -> None:
    plain = await history(app)
    async with http_client(app) as client, client.stream("GET", "/sim/history", params=RANGE, headers={"accept-encoding": encoding}) as got:
        raw = b"".join([chunk async for chunk in got.aiter_raw()])
        assert got.headers["content-encoding"] == encoding
    data = zlib.decompress(raw, wbits=31) if encoding == "gzip" else zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    assert [decoded(line) for line in data.splitlines()] == plain


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from_ms": "x"}, "from_ms"),
        ({"to_ms": RANGE["from_ms"]}, "to_ms"),
        ({"from_ms": "0"}, "to_ms"),
        ({"step_ms": "10"}, "step_ms"),
        ({"step_ms": ""}, "step_ms"),
    ],
)
async def test_a_wrong_range_is_refused_by_its_parameter(app: App, query: Mapping[str, str], field: str) -> None:
    async with http_client(app) as client:
        response = await client.get("/sim/history", params={**RANGE, **query})
    assert response.status_code == 422
    assert field in msgspec.json.decode(response.content)["error"]["message"]


def _items(headers: Mapping[str, str]) -> set[tuple[str, str]]:
    return set(headers.items())
