"""A small adapter, provider, clock and producer for the bridge's tests."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx
import msgspec

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.fetch.client import ProviderClient
from adapters.models import Offer, Rejected
from adapters.rates import fixed_rates
from bridge.poller import Poller
from bridge.retry import CircuitBreaker, RetryPolicy
from bridge.source import Source
from tests.transport import InProcess

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)

Handler = Callable[[httpx.Request], httpx.Response]


class Lumen(Adapter):
    """Rows {"key", "price", ...} under "rows", one slice per zone."""

    source = "lumen"
    provider = "lumen"
    title = "Lumen"
    base_url = "https://api.lumen.example"
    cadence = timedelta(seconds=60)
    unit = "hour"
    basis = "per_instance"
    docs_url = "https://lumen.example/docs"
    terms = "none"
    zones: ClassVar[Sequence[str]] = ("",)

    def slices(self) -> Sequence[Slice]:
        return [Slice(name=zone, requests=(Request(name="types", path=f"/types/{zone}", query={"key": "secret"}),)) for zone in self.zones]

    def next_page(self, page: Page) -> Request | None:
        link = page.body.get("next") if isinstance(page.body, dict) else None
        return None if link is None else Request(name="types", path="".join(link), page=page.request.page + 1)

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            if "rows" not in page.body:
                raise PayloadChanged("no rows", field="rows")
            for row in page.body["rows"]:
                if "price" not in row:
                    yield Rejected(reason="price is missing", field="price", raw=msgspec.json.encode(row).decode())
                else:
                    yield offer(row["key"], str(row["price"]), row.get("availability", "available"))


def offer(key: str, amount: str, availability: Any = "available") -> Offer:
    """One eight-GPU offer."""
    return Offer(
        offer_key=key,
        gpu="H100-SXM-80",
        gpu_count=8,
        price_type="on_demand",
        amount=amount,
        currency="USD",
        unit="hour",
        basis="per_instance",
        region="eu",
        country="FI",
        availability=availability,
        vcpus=176.0,
    )


def rows(*keys: str, price: str = "16.00") -> dict[str, Any]:
    """An answer with one row per key."""
    return {"rows": [{"key": key, "price": float(price)} for key in keys]}


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def __call__(self) -> float:
        return self.passed_s

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed_s)

    def now_ms(self) -> int:
        return START_MS + int(self.passed_s * 1000)

    async def sleep(self, seconds: float) -> None:
        self.passed_s += max(seconds, 0.0)


def client(handler: Handler, adapter: Adapter | None = None, clock: Clock | None = None, **options: Any) -> ProviderClient:
    """A client whose provider is a function."""
    clock = clock or Clock()
    transport = InProcess(httpx.MockTransport(handler))
    return ProviderClient(adapter or Lumen(), transport, clock=clock, now=clock.now, sleep=clock.sleep, **options)


def source(handler: Handler, clock: Clock, adapter: Adapter | None = None, **options: Any) -> Source:
    """A polled source whose provider is a function."""
    adapter = adapter or Lumen()
    return Source(adapter, client(handler, adapter, clock), "simulated", breaker=CircuitBreaker(clock=clock), **options)


def poller(clock: Clock, **options: Any) -> Poller:
    """A poller on this clock."""
    retry = RetryPolicy(clock=clock, sleep=clock.sleep, random=lambda: 1.0)
    return Poller(fixed_rates(), retry=retry, now=clock.now, clock=clock, **options)


class Delivered:
    """A delivery report's message."""

    def __init__(self, topic: str, key: bytes, value: bytes | None, partition: int, headers: list[tuple[str, bytes]] | None) -> None:
        self._fields = topic, key, value, partition
        self.headers = headers

    def topic(self) -> str:
        return self._fields[0]

    def key(self) -> bytes:
        return self._fields[1]

    def value(self) -> bytes | None:
        return self._fields[2]

    def partition(self) -> int:
        return self._fields[3]


class KafkaFailure:
    """A delivery report's error."""

    def __init__(self, fatal: bool = False) -> None:
        self._fatal = fatal

    def fatal(self) -> bool:
        return self._fatal

    def name(self) -> str:
        return "REFUSED"

    def __str__(self) -> str:
        return "Broker: refused"

    str = __str__


class FakeProducer:
    """Kafka in memory: `poll` delivers what was produced while it is `up`. As the real one, it calls back from `poll` and `flush` only."""

    def __init__(self, room: int = 1000) -> None:
        self.up = True
        self.room = room
        self.error: KafkaFailure | None = None
        self.queue: list[tuple[Delivered, Callable[[Any, Any], None]]] = []
        self.delivered: list[Delivered] = []

    def produce(self, topic: str, *, value: bytes | None, key: bytes, on_delivery: Any, partition: int = -1, headers: Any = None) -> None:
        if len(self.queue) >= self.room:
            raise BufferError("Local: Queue full")
        self.queue.append((Delivered(topic, key, value, partition, headers), on_delivery))

    def poll(self, timeout: float) -> int:
        served = 0
        while self.up and self.queue:
            message, callback = self.queue.pop(0)
            if self.error is None:
                self.delivered.append(message)
            callback(self.error, message)
            served += 1
        return served

    def flush(self, timeout: float) -> int:
        self.poll(timeout)
        return len(self.queue)

    def on(self, topic: str) -> list[Delivered]:
        """What was delivered to a topic."""
        return [message for message in self.delivered if message.topic() == topic]
