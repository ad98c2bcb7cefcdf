"""Publishing to Kafka: offer events and their newest state, ticks, health and dead letters.

Nothing here waits. One batch of each source is under way at most; what later polls bring is compared with what was acknowledged
when that batch is through, so an hour without Kafka costs no memory. All calls and callbacks run on the event loop's thread.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Protocol

import msgspec

from bridge.changes import Acknowledged, Statement, detect
from bridge.encoding import EventEncoder
from bridge.kafka import LatestOffers
from bridge.letters import DeadLetter
from bridge.source import HealthRecord, Source
from schemas.codec import Encoder
from schemas.topics import DEAD_LETTERS, LATEST_OFFERS, PARTITIONS, PRICE_ANOMALIES, PROVIDER_HEALTH, PROVIDER_PRICES
from schemas.vocabulary import Market

log = logging.getLogger(__name__)

MAX_LETTERS_UNDER_WAY = 1000


class KafkaProducer(Protocol):
    """What is used of confluent_kafka.Producer."""

    def produce(self, topic: str, *args: Any, **kwargs: Any) -> None: ...

    def poll(self, timeout: float) -> int: ...

    def flush(self, timeout: float) -> int: ...


class Publisher:
    """Says on Kafka what a source's book says, once output is enabled, and remembers what was acknowledged."""

    def __init__(
        self,
        producer: KafkaProducer,
        market: Market,
        *,
        observe_every_ms: int,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.fatal: str | None = None
        """Why the producer can do no more: the process has to start again."""
        self._producer = producer
        self._market = market
        self._observe_every_ms = observe_every_ms
        self._wall_ms = now_ms
        self._last_ms = 0
        self._seq = 0
        self._encode_event: EventEncoder | None = None
        self._encode_health: Encoder | None = None
        self._encode_incident: Encoder | None = None
        self._acknowledged: dict[str, dict[str, Acknowledged]] | None = None
        self._under_way: dict[str, _Batch] = {}
        self._behind: dict[str, Source] = {}
        self._ticking: set[int] = set()
        self._health_under_way: set[str] = set()
        self._incidents_under_way: set[str] = set()
        self._letters_under_way = 0
        self._complained: set[str] = set()
        self._identities: dict[tuple[str, str], tuple[bytes, bytes]] = {}

    @property
    def live(self) -> bool:
        """Whether offers and ticks are published."""
        return self._encode_event is not None and self._acknowledged is not None

    def use_schemas(self, ids: dict[str, int]) -> None:
        """The registry's ids, by topic: from now on health can be published."""
        self._encode_event = EventEncoder(ids[PROVIDER_PRICES.name], self._market)
        self._encode_health = Encoder(PROVIDER_HEALTH, ids[PROVIDER_HEALTH.name])
        self._encode_incident = Encoder(PRICE_ANOMALIES, ids[PRICE_ANOMALIES.name])

    def go_live(self, latest: LatestOffers) -> None:
        """From now on offers are published, as changes from this state."""
        self._acknowledged = latest.by_source
        self._seq = latest.seq

    def publish(self, source: Source) -> int:
        """Say what has to be said of this source; how many events were handed to the producer. While the batch before is under way: 0."""
        if self._encode_event is None or self._acknowledged is None:
            return 0
        if source.name in self._under_way:
            self._behind[source.name] = source
            return 0
        acknowledged = self._acknowledged.setdefault(source.name, {})
        provider = source.adapter.provider
        # Stamped and produced without a pause between, so that in each partition no later tick overtakes an event.
        statements = detect(
            source.book,
            acknowledged,
            provider=provider,
            now_ms=self._event_time_ms(),
            observe_every_ms=self._observe_every_ms,
            expired_ms=int(source.stale_s * 1000),
        )
        return self._produce(source, acknowledged, statements, self._encode_event) if statements else 0

    def restate(self, sources: Iterable[Source]) -> None:
        """Say again what has not been said for a while, and what had to wait."""
        for source in sources:
            if source.enabled and source.name not in self._under_way:
                self.publish(source)

    def tick(self) -> None:
        """Move event time on in every partition. A partition whose last tick is not through gets none: they would pile up."""
        if self._encode_event is None or not self.live:
            return
        now_ms = self._event_time_ms()
        for partition in range(PARTITIONS):
            if partition in self._ticking:
                continue
            value = self._encode_event.tick(tick_id(partition, now_ms), now_ms, self._next_seq())
            if self._hand_over(PROVIDER_PRICES.name, value, b"tick", self._ticked, partition=partition):
                self._ticking.add(partition)

    def health(self, record: HealthRecord) -> None:
        """Publish one poll's health; while the one before is under way it is left out."""
        if self._encode_health is None or record.source in self._health_under_way:
            return
        value = self._encode_health(msgspec.structs.asdict(record))
        if self._hand_over(PROVIDER_HEALTH.name, value, record.source.encode(), self._health_delivered):
            self._health_under_way.add(record.source)

    def incidents(self, unsaid: Mapping[str, Mapping[str, Any]], said: Callable[[str], None]) -> None:
        """Publish these records of price-anomalies, by name, in order; `said` is called with each name that is acknowledged."""
        for name, record in unsaid.items():
            if self._encode_incident is None or name in self._incidents_under_way:
                continue

            def delivered(error: Any, _: Any, name: str = name) -> None:
                self._incidents_under_way.discard(name)
                if self._judge(error):
                    said(name)

            if self._hand_over(PRICE_ANOMALIES.name, self._encode_incident(record), str(record["anomaly_id"]).encode(), delivered):
                self._incidents_under_way.add(name)

    def dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        """Publish dead letters; beyond MAX_LETTERS_UNDER_WAY they are dropped (the bodies are in the archive)."""
        for letter in letters:
            if self._letters_under_way >= MAX_LETTERS_UNDER_WAY:
                self._complain("dead letters", "too many under way, dropped")
                return
            if self._hand_over(DEAD_LETTERS.name, letter.value, letter.source.encode(), self._letter_delivered, headers=letter.headers):
                self._letters_under_way += 1

    def poll(self) -> None:
        """Serve delivery reports, then publish for sources whose batch got through meanwhile. Call it on a timer; does not block."""
        self._producer.poll(0)
        for name in [name for name in self._behind if name not in self._under_way]:
            self.publish(self._behind.pop(name))

    def flush(self, timeout_s: float) -> int:
        """Wait until everything is delivered, also what had to wait for it; how many records were not. Blocks."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = self._producer.flush(max(deadline - time.monotonic(), 0.0))
            self.poll()
            if left or not self._under_way or time.monotonic() >= deadline:
                return left

    def _produce(self, source: Source, acknowledged: dict[str, Acknowledged], statements: list[Statement], encode: EventEncoder) -> int:
        batch = _Batch(self, source, acknowledged)
        self._under_way[source.name] = batch
        for statement in statements:
            identity, key = self._identity(encode, source, statement.offer_key)
            value = encode(statement, identity, self._next_seq())
            batch.waiting[key] = (statement, value)
            if not self._hand_over(PROVIDER_PRICES.name, value, key, batch.event_delivered):
                del batch.waiting[key]
                self._behind[source.name] = source
                break
        batch.close_if_done()
        return len(batch.waiting)

    def _hand_over(self, topic: str, value: bytes | None, key: bytes, delivered: Callable[[Any, Any], None], **more: Any) -> bool:
        try:
            self._producer.produce(topic, value=value, key=key, on_delivery=delivered, **more)
        except BufferError:
            self._complain("queue", "the producer's queue is full")
            return False
        return True

    def _identity(self, encode: EventEncoder, source: Source, offer_key: str) -> tuple[bytes, bytes]:
        found = self._identities.get((source.name, offer_key))
        if found is None:
            provider = source.adapter.provider
            found = encode.identity(source.name, provider, offer_key), f"{provider}/{offer_key}".encode()
            self._identities[source.name, offer_key] = found
        return found

    def _event_time_ms(self) -> int:
        self._last_ms = max(self._last_ms, self._wall_ms())
        return self._last_ms

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def _ticked(self, error: Any, message: Any) -> None:
        self._ticking.discard(message.partition())
        self._judge(error)

    def _health_delivered(self, error: Any, message: Any) -> None:
        self._health_under_way.discard(message.key().decode())
        self._judge(error)

    def _letter_delivered(self, error: Any, message: Any) -> None:
        self._letters_under_way -= 1
        self._judge(error)

    def _judge(self, error: Any) -> bool:
        """Whether it was delivered; says once per kind of error that it was not."""
        if error is None:
            self._complained.clear()
            return True
        if error.fatal():
            self.fatal = error.str()
        self._complain(error.name(), error.str())
        return False

    def _complain(self, kind: str, message: str) -> None:
        if kind not in self._complained:
            self._complained.add(kind)
            log.warning("kafka: %s", message)


class _Batch:
    """One source's events under way: first the event, and when that stands, the offer's newest state; then it is acknowledged."""

    def __init__(self, publisher: Publisher, source: Source, acknowledged: dict[str, Acknowledged]) -> None:
        self.waiting: dict[bytes, tuple[Statement, bytes]] = {}
        self._publisher = publisher
        self._source = source
        self._acknowledged = acknowledged

    def event_delivered(self, error: Any, message: Any) -> None:
        """provider-prices has it, or not."""
        key = message.key()
        statement, value = self.waiting[key]
        newest = None if statement.kind == "gone" else value
        if not self._publisher._judge(error) or not self._publisher._hand_over(LATEST_OFFERS.name, newest, key, self.state_delivered):
            # Not acknowledged: it is said again, with the next poll at the latest.
            self._finished(key)

    def state_delivered(self, error: Any, message: Any) -> None:
        """latest-offers has it, or not."""
        key = message.key()
        if self._publisher._judge(error):
            self._acknowledge(self.waiting[key][0])
        self._finished(key)

    def close_if_done(self) -> None:
        """Make way for the next batch."""
        if not self.waiting:
            self._publisher._under_way.pop(self._source.name, None)

    def _acknowledge(self, statement: Statement) -> None:
        if statement.kind == "gone":
            del self._acknowledged[statement.offer_key]
            self._source.book.forget(statement.offer_key)
            self._publisher._identities.pop((self._source.name, statement.offer_key), None)
            return
        self._acknowledged[statement.offer_key] = Acknowledged(statement.encoded, statement.observed_at_ms, statement.event_time_ms)

    def _finished(self, key: bytes) -> None:
        del self.waiting[key]
        self.close_if_done()


def tick_id(partition: int, at_ms: int) -> str:
    """The tick's event id."""
    return blake2b(f"tick\n{partition}\n{at_ms}".encode(), digest_size=16).hexdigest()
