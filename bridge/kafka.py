"""Kafka and the schema registry, as the bridge meets them: the producer's settings, and the state that latest-offers keeps."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.schema_registry.error import SchemaRegistryError

from bridge.changes import Acknowledged
from bridge.state import EncodedState, OfferState
from schemas.codec import Decoder, RegistryAway, UndecodableRecord
from schemas.topics import LATEST_OFFERS, PARTITIONS, PROVIDER_PRICES
from schemas.vocabulary import Market

log = logging.getLogger(__name__)
librdkafka_log = logging.getLogger("bridge.librdkafka")

T = TypeVar("T")
READ_BATCH = 1000
READ_S = 0.1
IDLE_S = 10.0
LAST_RECORDS = 100
"""Of a partition's end: every second brings a tick, and not all of these can be unreadable."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0


class LatestOffers(msgspec.Struct):
    """What Kafka holds: by source and offer key, and the greatest `seq` so far."""

    by_source: dict[str, dict[str, Acknowledged]]
    seq: int = 0


def make_producer(kafka: str, *, report_only_errors: bool = False) -> Producer:
    """An idempotent producer that never gives a record up: one batch per source waits through an outage, newer polls are coalesced."""
    return Producer(
        {
            "bootstrap.servers": kafka,
            "client.id": "gputicker-bridge",
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 5,
            "compression.type": "lz4",
            "message.timeout.ms": 0,
            "queue.buffering.max.messages": 200_000,
            "queue.buffering.max.kbytes": 131_072,
            "reconnect.backoff.max.ms": 2_000,
            "topic.metadata.refresh.interval.ms": 30_000,
            "delivery.report.only.error": report_only_errors,
            "log_level": 2,
        },
        logger=librdkafka_log,
    )


def read_latest_offers(kafka: str, registry_url: str, market: Market) -> LatestOffers:
    """The compacted topic from its beginning to its end. Blocks; raises KafkaException or RegistryAway. Reads this market only."""
    consumer = _consumer(kafka)
    try:
        parts = [TopicPartition(LATEST_OFFERS.name, partition, 0) for partition in range(PARTITIONS)]
        consumer.assign(parts)
        return _latest(_messages_to_end(consumer, parts), Decoder.from_registry(registry_url), market)
    finally:
        consumer.close()


def newest_event_ms(kafka: str, registry_url: str) -> int | None:
    """The greatest event time in provider-prices, ticks included; None where nothing stands there. Blocks; raises KafkaException or
    RegistryAway.
    """
    consumer = _consumer(kafka)
    try:
        ends = []
        for partition in range(PARTITIONS):
            first, end = consumer.get_watermark_offsets(TopicPartition(PROVIDER_PRICES.name, partition), timeout=IDLE_S)
            if end > first:
                ends.append(TopicPartition(PROVIDER_PRICES.name, partition, max(first, end - LAST_RECORDS)))
        if not ends:
            return None
        consumer.assign(ends)
        return _newest(_messages_to_end(consumer, ends), Decoder.from_registry(registry_url))
    finally:
        consumer.close()


async def until_done(what: str, work: Callable[[], T]) -> T:
    """The work's result, tried in a thread again and again with growing pauses while Kafka or the registry is away."""
    pause_s = FIRST_PAUSE_S
    away = False
    while True:
        try:
            result = await asyncio.to_thread(work)
        except (KafkaException, RegistryAway, SchemaRegistryError, OSError) as error:
            if not away:
                log.warning("%s: not yet, trying on: %s", what, _brief(error))
            away = True
        else:
            if away:
                log.info("%s: done", what)
            return result
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def _consumer(kafka: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": "gputicker-bridge-restore",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "log_level": 2,
        },
        logger=librdkafka_log,
    )


def _messages_to_end(consumer: Any, assigned: Iterable[TopicPartition]) -> Iterator[Any]:
    unfinished = {(part.topic, part.partition) for part in assigned}
    last_news = time.monotonic()
    while unfinished:
        # Returns early only with a full batch, so the wait is short and the patience longer.
        messages = consumer.consume(READ_BATCH, timeout=READ_S)
        if messages:
            last_news = time.monotonic()
        elif time.monotonic() - last_news > IDLE_S:
            topics = ", ".join({topic for topic, _ in unfinished})
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{topics}: nothing read for {IDLE_S:.0f} s"))
        for message in messages:
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                unfinished.discard((message.topic(), message.partition()))
            else:
                raise KafkaException(error)


def _newest(messages: Iterable[Any], decode: Decoder) -> int | None:
    newest: int | None = None
    for message in messages:
        try:
            event_time_ms = decode(message.value())["event_time_ms"]
        except UndecodableRecord as error:
            log.warning("%s: a record cannot be read, skipped: %s", PROVIDER_PRICES.name, error)
            continue
        newest = event_time_ms if newest is None else max(newest, event_time_ms)
    return newest


def _latest(messages: Iterable[Any], decode: Decoder, market: Market) -> LatestOffers:
    latest = {message.key(): message.value() for message in messages}
    found = LatestOffers({})
    for value in filter(None, latest.values()):
        try:
            record = decode(value)
        except UndecodableRecord as error:
            log.warning("%s: a record cannot be read, skipped: %s", LATEST_OFFERS.name, error)
            continue
        if record["market"] != market:
            continue
        state = EncodedState(msgspec.convert(record, OfferState))
        offers = found.by_source.setdefault(record["source"], {})
        offers[record["offer_key"]] = Acknowledged(state, record["observed_at_ms"], record["event_time_ms"])
        found.seq = max(found.seq, record["seq"])
    return found


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\n", " ")[:200]
