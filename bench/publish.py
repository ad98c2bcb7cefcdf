"""From a provider's body to Kafka: offers a second through the bridge's own code, and through the usual way, on the same bodies.

The bodies are polls five seconds apart, as `make demo` asks; both ways say every offer of every poll, on both topics.
"""

import hashlib
import time
from datetime import UTC, datetime

from confluent_kafka import Producer

from adapters.base import Adapter, Page, Request, Slice
from adapters.bodies import decode_json
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

MOMENTS = 40
STEP_MS = 5_000
SOURCES = 8
PAIRS = 5
FLUSH_S = 20
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
        usual.append(_usual(adapter, polls, _producer(kafka), registry_url))
    return Comparison("offers from body to Kafka (Vast.ai, simulated)", "offers/s", ours, usual, higher_is_better=True)


def _ours(adapter: Adapter, polls: list[Poll], producer: Producer, ids: dict[str, int]) -> float:
    publisher = Publisher(producer, "simulated", observe_every_ms=0)
    publisher.use_schemas(ids)
    publisher.go_live(LatestOffers({}))
    rates = fixed_rates()
    # A source has one batch under way at a time, so the polls go round a few sources: what is measured is work, not waiting.
    sources = [
        Source(type(adapter.title, (type(adapter),), {"source": f"vast-{number}"})(), None, "simulated") for number in range(SOURCES)
    ]
    said = 0
    began = time.perf_counter()
    for number, (at_ms, slices) in enumerate(polls):
        source = sources[number % SOURCES]
        if number and number % SOURCES == 0:
            _flush(publisher)
        observed_at = datetime.fromtimestamp(at_ms / 1000, UTC)
        for part, answers in slices:
            pages = [Page(request=request, status=200, headers={}, body=decode_json(body)) for request, body in answers]
            digest = hashlib.sha256(b"".join(body for _, body in answers)).hexdigest()
            source.book.replace(part.name, read_slice(adapter, pages, observed_at, rates).states, digest, int(time.time() * 1000))
        said += publisher.publish(source)
        publisher.poll()
    _flush(publisher)
    return said / (time.perf_counter() - began)


def _usual(adapter: Adapter, polls: list[Poll], producer: Producer, registry_url: str) -> float:
    publisher = UsualPublisher(registry_url, producer, adapter)
    said = 0
    began = time.perf_counter()
    for at_ms, slices in polls:
        observed_at = datetime.fromtimestamp(at_ms / 1000, UTC)
        for _, answers in slices:
            said += publisher.publish(answers, observed_at, hashlib.sha256(b"".join(body for _, body in answers)).hexdigest())
    _flush(producer)
    return said / (time.perf_counter() - began)


def _flush(producer: Producer | Publisher) -> None:
    if producer.flush(FLUSH_S):
        raise RuntimeError("bench: Kafka did not acknowledge every record in time")


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
