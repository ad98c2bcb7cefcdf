"""The publisher against a real Kafka and schema registry, with a source of its own that nobody else polls."""

import time
import uuid
from collections.abc import Callable

import httpx
import pytest

from bridge.kafka import make_producer, read_latest_offers
from bridge.publisher import Publisher
from bridge.source import Source
from bridge.state import OfferState, state_of
from schemas.codec import register_schemas
from tests.bridge.fakes import Lumen, client, offer
from tests.e2e.conftest import Stack

WITHIN_S = 30.0

pytestmark = pytest.mark.stack


def state(price: int) -> OfferState:
    return state_of(offer("a", str(price)), price * 125_000, None, None)


class Life:
    """One bridge's life, as far as Kafka sees it: starts from latest-offers, says what its book holds, ends."""

    def __init__(self, stack: Stack, name: str) -> None:
        class Own(Lumen):
            source = name
            provider = name

        self.source = Source(Own(), client(lambda _: httpx.Response(200)), "simulated")
        self.producer = make_producer(stack.urls["kafka"])
        self.publisher = Publisher(self.producer, "simulated", observe_every_ms=3_600_000)
        self.publisher.use_schemas(register_schemas(stack.urls["registry"]))
        self.latest = read_latest_offers(stack.urls["kafka"], stack.urls["registry"], "simulated")
        self.publisher.go_live(self.latest)

    def says(self, **prices: int) -> int:
        now_ms = time.time_ns() // 1_000_000
        self.source.book.replace("", {key: state(price) for key, price in prices.items()}, "d", now_ms)
        said = self.publisher.publish(self.source)
        self.until(lambda: self.source.name not in self.publisher._under_way)
        return said

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, "kafka did not acknowledge in time"
            self.producer.poll(0.05)


def test_a_second_life_goes_on_where_the_first_was_acknowledged(stack: Stack) -> None:
    name = f"test-{uuid.uuid4().hex[:12]}"
    first = Life(stack, name)
    assert name not in first.latest.by_source
    assert first.says(a=16, b=16, c=16) == 3
    assert first.says(a=15, b=16) == 2
    assert first.publisher.flush(WITHIN_S) == 0

    second = Life(stack, name)
    known = second.latest.by_source[name]
    assert {key: one.encoded.state.usd_per_gpu_hour_micros for key, one in known.items()} == {"a": 15 * 125_000, "b": 16 * 125_000}
    assert second.latest.seq > 0
    assert second.says(a=15, b=16) == 0
    assert second.says() == 2
    assert second.publisher.flush(WITHIN_S) == 0
    assert name not in read_latest_offers(stack.urls["kafka"], stack.urls["registry"], "simulated").by_source
