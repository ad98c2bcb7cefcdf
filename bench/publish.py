"""From a provider's body to Kafka: offers a second through the bridge's own code, and through the usual way, on the same bodies."""

import hashlib
import time
from datetime import UTC, datetime

from confluent_kafka import Producer

from adapters.base import Adapter, Page, Request, Slice
from adapters.http import decode_json
from adapters.names import canonical_gpu
from adapters.rates import fixed_rates
from adapters.registry import discover
from bench.measure import Comparison
from bench.usual_publish import UsualPublisher
from bridge.kafka import LatestOffers
from bridge.publisher import Publisher
from bridge.reading import read_slice
from bridge.source import Source
from schemas.codec import register_schemas
from sim.history import exchange_of
from sim.simulated import Simulated

MOMENTS = 20
STEP_MS = 60_000
PAIRS = 5
SEED = 1

Poll = tuple[int, list[tuple[Slice, list[tuple[Request, bytes]]]]]
"""When, and what each slice answered."""


def compare(kafka: str, registry_url: str) -> Comparison:
    """Offers per second, body bytes in hand to records acknowledged. Both produce every offer to provider-prices and latest-offers."""
    adapter = discover()["vast"]
    polls = _polls(adapter)
    ids = register_schemas(registry_url)
    ours, usual = [], []
    for _ in range(PAIRS):
        ours.append(_ours(adapter, polls, _producer(kafka), ids))
        usual.append(_usual(polls, _producer(kafka), registry_url))
    return Comparison("offers from body to Kafka (Vast.ai, simulated)", "offers/s", ours, usual, higher_is_better=True)


def _ours(adapter: Adapter, polls: list[Poll], producer: Producer, ids: dict[str, int]) -> float:
    source = Source(adapter, None, "simulated")
    source.breaker.succeeded()
    publisher = Publisher(producer, "simulated", observe_every_ms=0)
    publisher.use_schemas(ids)
    publisher.go_live(LatestOffers({}))
    rates = fixed_rates()
    said = 0
    began = time.perf_counter()
    for at_ms, slices in polls:
        observed_at = datetime.fromtimestamp(at_ms / 1000, UTC)
        for part, answers in slices:
            pages = [Page(request=request, status=200, headers={}, body=decode_json(body)) for request, body in answers]
            digest = hashlib.sha256(b"".join(body for _, body in answers)).hexdigest()
            source.book.replace(part.name, read_slice(adapter, pages, observed_at, rates).states, digest, int(time.time() * 1000))
        said += publisher.publish(source)
        publisher.flush(60)
    return said / (time.perf_counter() - began)


def _usual(polls: list[Poll], producer: Producer, registry_url: str) -> float:
    names = {part.name for _, slices in polls for part, _ in slices}
    gpus = {name: gpu for name in names if (gpu := discover()["vast"].gpus.get(name) or canonical_gpu(name, None))}
    publisher = UsualPublisher(registry_url, producer, gpus)
    said = 0
    began = time.perf_counter()
    for at_ms, slices in polls:
        for _, answers in slices:
            bodies = [body for _, body in answers]
            said += publisher.publish(bodies, at_ms, hashlib.sha256(b"".join(bodies)).hexdigest())
        producer.flush(60)
    return said / (time.perf_counter() - began)


def _producer(kafka: str) -> Producer:
    return Producer(
        {
            "bootstrap.servers": kafka,
            "enable.idempotence": True,
            "linger.ms": 5,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 1_000_000,
        }
    )


def _polls(adapter: Adapter) -> list[Poll]:
    first_ms = int(time.time() * 1000) // STEP_MS * STEP_MS - MOMENTS * STEP_MS
    simulated = Simulated(SEED, first_ms, incidents=False)
    return [
        (at_ms, [(part, _answers(simulated, adapter, part, at_ms)) for part in adapter.slices()])
        for at_ms in range(first_ms, first_ms + MOMENTS * STEP_MS, STEP_MS)
    ]


def _answers(simulated: Simulated, adapter: Adapter, part: Slice, at_ms: int) -> list[tuple[Request, bytes]]:
    answers = []
    for first in part.requests:
        request: Request | None = first
        while request is not None:
            body = simulated.answer(exchange_of(adapter, request), at_ms).body
            answers.append((request, body))
            request = adapter.next_page(Page(request=request, status=200, headers={}, body=decode_json(body)))
    return answers
