"""One poll of 200 hosts with 100 offers each, fetched, parsed and priced: the bridge's, and what people write with httpx.

Every host is an HTTPS server with an address of its own, all of them in one other process. The usual ways fetch with one httpx client for
all hosts, or one for each, and read with the same adapter. aiohttp's figure is the transport alone, with nothing read.
"""

import asyncio
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import httpx
import trustme
import uvloop

from adapters.base import Adapter, Page, Request, Slice
from adapters.bodies import decode_json
from adapters.fetch.client import ProviderClient
from adapters.fetch.transport import PooledTransport
from adapters.models import Offer, Rejected
from adapters.rates import fixed_rates
from adapters.rows import Row, amount, count, each, known_gpu, listing, optional_float, text
from bench.hosts import ADDRESSES, HOSTS, OFFERS
from bench.measure import Comparison
from bridge.poller import Poller
from bridge.reading import read_slice
from bridge.source import Source

ROUNDS, WARM_UP = 7, 6
"""Rounds that count, and those before them: connections are opened, and the bridge's guard learns what the answers look like."""
PORT = 29_443
RATES = fixed_rates()

Round = Callable[[], Awaitable[int]]
"""Asks every host once; how many offers came."""


class Host(Adapter):
    """A plain REST cloud with one endpoint, as most are."""

    title = "Host"
    cadence = timedelta(seconds=60)
    unit = "hour"
    basis = "per_instance"
    docs_url = "https://127.0.1.1/docs"
    terms = "made for the bench"

    def __init__(self, address: str, path: str) -> None:
        self.source = self.provider = f"host-{address}"  # type: ignore[misc]
        self.base_url = f"https://{address}:{PORT}"  # type: ignore[misc]
        self.request = Request(name="offers", path=path)

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(self.request,))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body, "offers"), "offers", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        return [
            Offer(
                offer_key=text(row, "id"),
                gpu=known_gpu(self.gpus, "gpu", text(row, "gpu"), None),
                gpu_count=count(row, "gpus"),
                price_type="on_demand",
                amount=amount(row, "price"),
                currency="USD",
                unit="hour",
                basis="per_instance",
                region=text(row, "region"),
                availability="available",
                vcpus=optional_float(row, "vcpus"),
                memory_gib=optional_float(row, "memory_gib"),
            )
        ]


def compare() -> list[Comparison]:
    """Seconds that a round takes."""
    with _hosts() as ca_file:
        return uvloop.run(_compare(ca_file))


async def _compare(ca_file: Path) -> list[Comparison]:
    comparisons = []
    for path, answers in (("/offers/new", "every answer changed"), ("/offers/same", "no answer changed")):
        async with AsyncExitStack() as stack:
            ways = [await stack.enter_async_context(way(ca_file, path)) for way in (_ours, _shared, _one_each, _transport)]
            ours, shared, one_each, transport = await _seconds(ways)
        what = f"{HOSTS} hosts, {OFFERS} offers each, {answers}"
        comparisons += [
            Comparison(f"{what}; usual: one shared httpx client", "s", ours, shared, higher_is_better=False),
            Comparison(f"{what}; usual: one httpx client per host", "s", ours, one_each, higher_is_better=False),
            Comparison(f"{what}; usual: aiohttp + uvloop, nothing read", "s", ours, transport, higher_is_better=False),
        ]
    return comparisons


async def _seconds(ways: Sequence[Round]) -> list[list[float]]:
    """Each way's seconds, round by round, in turns."""
    took: list[list[float]] = [[] for _ in ways]
    for number in range(WARM_UP + ROUNDS):
        for way, seconds in zip(ways, took, strict=True):
            began = time.perf_counter()
            offers = await way()
            if number >= WARM_UP:
                seconds.append(time.perf_counter() - began)
            if offers != HOSTS * OFFERS:
                raise RuntimeError(f"bench: a round brought {offers} offers")
    return took


@asynccontextmanager
async def _ours(ca_file: Path, path: str) -> AsyncIterator[Round]:
    adapters = [Host(address, path) for address in ADDRESSES]
    clients = [ProviderClient(adapter, PooledTransport(adapter.base_url, ca_file)) for adapter in adapters]
    sources = [Source(adapter, client, "simulated") for adapter, client in zip(adapters, clients, strict=True)]
    poller = Poller(RATES)

    async def round_() -> int:
        return sum(result.health.offers for result in await poller.sweep(sources))

    yield round_
    await asyncio.gather(*(client.aclose() for client in clients))


@asynccontextmanager
async def _shared(ca_file: Path, path: str) -> AsyncIterator[Round]:
    async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=ca_file), timeout=60) as client:
        yield lambda: _usual([client] * HOSTS, path)


@asynccontextmanager
async def _one_each(ca_file: Path, path: str) -> AsyncIterator[Round]:
    tls = ssl.create_default_context(cafile=ca_file)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(httpx.AsyncClient(verify=tls, timeout=60)) for _ in ADDRESSES]
        yield lambda: _usual(clients, path)


async def _usual(clients: Sequence[httpx.AsyncClient], path: str) -> int:
    observed_at = datetime.now(UTC)

    async def ask(client: httpx.AsyncClient, address: str) -> int:
        adapter = Host(address, path)
        body = (await client.get(f"{adapter.base_url}{path}")).raise_for_status().content
        page = Page(request=adapter.request, status=200, headers={}, body=decode_json(body))
        return len(read_slice(adapter, [page], observed_at, RATES).states)

    return sum(await asyncio.gather(*map(ask, clients, ADDRESSES)))


@asynccontextmanager
async def _transport(ca_file: Path, path: str) -> AsyncIterator[Round]:
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=ca_file), limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask(address: str) -> int:
            async with session.get(f"https://{address}:{PORT}{path}") as response:
                return OFFERS if await response.read() else 0

        async def round_() -> int:
            return sum(await asyncio.gather(*map(ask, ADDRESSES)))

        yield round_


@contextmanager
def _hosts() -> Iterator[Path]:
    """The hosts, as long as the context lasts; the file of the authority that vouches for them."""
    with tempfile.TemporaryDirectory(prefix="gputicker-bench-") as name:
        folder = Path(name)
        authority = trustme.CA()
        server = authority.issue_cert(*ADDRESSES)
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        server.private_key_pem.write_to_path(str(folder / "server-key.pem"))
        (folder / "server.pem").write_bytes(b"".join(part.bytes() for part in server.cert_chain_pems))
        process = subprocess.Popen([sys.executable, "-m", "bench.hosts", name, str(PORT)], stdout=subprocess.PIPE)
        try:
            if process.stdout is None or process.stdout.readline() != b"listening\n":
                raise RuntimeError("bench: the hosts did not start")
            yield folder / "ca.pem"
        finally:
            process.kill()
            process.communicate()
