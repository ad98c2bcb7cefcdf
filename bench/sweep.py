"""Twenty providers that each take two seconds: the bridge's sweep, and one after the other with httpx, as a first script does it."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import httpx
from aiohttp import web

from adapters.base import Adapter, Page, Request, Slice
from adapters.fetch.client import ProviderClient
from adapters.fetch.transport import PooledTransport
from adapters.models import Offer, Rejected
from adapters.rates import fixed_rates
from bench.measure import Comparison
from bridge.poller import Poller
from bridge.source import Source

PROVIDERS = 20
ANSWER_S = 2.0
OFFERS = 100


class SlowProvider(Adapter):
    """A plain REST cloud with one endpoint."""

    source = "slow"
    provider = "slow"
    title = "Slow"
    base_url = "https://slow.example"
    cadence = timedelta(seconds=60)
    unit = "hour"
    basis = "per_gpu"
    docs_url = "https://slow.example/docs"
    terms = "made for the bench"

    def __init__(self, number: int) -> None:
        self.number = number

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="offers", path=f"/offers/{self.number}"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for row in pages[0].body["offers"]:
            yield Offer(
                offer_key=row["key"],
                gpu="H100-SXM-80",
                gpu_count=1,
                price_type="on_demand",
                amount=str(row["price"]),
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region="here",
            )


def compare() -> Comparison:
    """Seconds for one sweep over all of them."""
    with _slow_server() as upstream:
        ours = asyncio.run(_ours(upstream))
        began = time.perf_counter()
        with httpx.Client(timeout=30) as client:
            for number in range(PROVIDERS):
                client.get(f"{upstream}/slow.example/offers/{number}").raise_for_status().json()
        usual = time.perf_counter() - began
    return Comparison(f"sweep of {PROVIDERS} providers of {ANSWER_S:.0f} s each", "s", [ours], [usual], higher_is_better=False)


async def _ours(upstream: str) -> float:
    adapters = [SlowProvider(number) for number in range(PROVIDERS)]
    sources = [
        Source(adapter, ProviderClient(adapter, PooledTransport(upstream), upstream_url=upstream), "simulated") for adapter in adapters
    ]
    began = time.perf_counter()
    results = await Poller(fixed_rates()).sweep(sources)
    took = time.perf_counter() - began
    for source in sources:
        if source.client is not None:
            await source.client.aclose()
    if sum(result.health.offers for result in results) != PROVIDERS * OFFERS:
        raise RuntimeError("bench: the sweep did not bring every offer")
    return took


@contextmanager
def _slow_server() -> Iterator[str]:
    """A server whose every answer takes ANSWER_S; its address."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    address: list[str] = []

    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(ANSWER_S)
        return web.json_response({"offers": [{"key": f"offer-{i}", "price": f"{2 + i / 100:.2f}"} for i in range(OFFERS)]})

    async def serve() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        address.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        ready.set()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
