"""`python -m bridge.backfill`: publish history before live, once.

Reads what every source would have answered at each step of the past, parses it through the same adapters, prices it at the exchange rates
known then, and publishes one statement per offer and step, in global time order, with ticks in every partition. Progress stands in Redis
(gputicker:backfill) and in DATA_DIR/backfill.json; after a break it goes on from the last checkpoint. The live bridge holds its Kafka
output until it is done.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import uvloop
from confluent_kafka import KafkaException, Producer

from adapters.base import Adapter
from adapters.errors import ProviderError
from adapters.rates import PastRates
from adapters.registry import discover
from bridge import snapshot
from bridge.book import Book
from bridge.changes import Acknowledged, detect
from bridge.encoding import EventEncoder
from bridge.history import Line, LineReader, NoHistory, decode_line, lines_from
from bridge.kafka import make_producer, read_latest_offers, until_done
from bridge.logs import configure_logging
from bridge.progress import Progress, ProgressStore
from bridge.publisher import KafkaProducer, tick_id
from bridge.rates import past_rates
from bridge.settings import BridgeSettings
from schemas.codec import register_schemas
from schemas.topics import LATEST_OFFERS, PARTITIONS, PROVIDER_PRICES
from schemas.vocabulary import Market

log = logging.getLogger("bridge.backfill")

CHECKPOINT_STEPS = 48
FLUSH_S = 60.0
ATTEMPTS = 5
PAUSE_S = 2.0


class Undelivered(Exception):
    """Kafka did not take everything in time: start again, from the last checkpoint."""


class Publication:
    """Statements about history to Kafka. At a checkpoint all of it is delivered, and latest-offers holds the newest state."""

    def __init__(self, producer: KafkaProducer, encode: EventEncoder, adapters: Mapping[str, Adapter], seq: int = 0) -> None:
        self.books = {name: Book(part.name for part in adapter.slices()) for name, adapter in adapters.items()}
        self.stated: dict[str, dict[str, Acknowledged]] = {name: {} for name in adapters}
        self.events = 0
        self._producer = producer
        self._encode = encode
        self._adapters = adapters
        self._identities: dict[str, tuple[bytes, bytes]] = {}
        self._newest: dict[bytes, bytes | None] = {}
        self._seq = seq
        self._failed = ""

    def state(self, source: str, at_ms: int) -> None:
        """One statement per offer of this source, as of this moment."""
        provider = self._adapters[source].provider
        stated = self.stated[source]
        for one in detect(self.books[source], stated, provider=provider, now_ms=at_ms, observe_every_ms=0, expired_ms=0):
            identity, key = self._identity(source, provider, one.offer_key)
            self._seq += 1
            value = self._encode(one, identity, self._seq)
            self._produce(PROVIDER_PRICES.name, value, key)
            self.events += 1
            if one.kind == "gone":
                self._newest[key] = None
                del stated[one.offer_key]
                self.books[source].forget(one.offer_key)
            else:
                self._newest[key] = value
                stated[one.offer_key] = Acknowledged(one.encoded, one.observed_at_ms, one.event_time_ms)

    def tick(self, at_ms: int) -> None:
        """Move event time on in every partition."""
        self._producer.poll(0)
        for partition in range(PARTITIONS):
            self._seq += 1
            self._produce(
                PROVIDER_PRICES.name, self._encode.tick(tick_id(partition, at_ms), at_ms, self._seq), b"tick", partition=partition
            )

    def checkpoint(self) -> None:
        """Deliver everything. Blocks; raises Undelivered."""
        self._flush()
        newest, self._newest = self._newest, {}
        for key, value in newest.items():
            self._produce(LATEST_OFFERS.name, value, key)
        self._flush()

    def _flush(self) -> None:
        left = self._producer.flush(FLUSH_S)
        if left or self._failed:
            raise Undelivered(self._failed or f"{left} records after {FLUSH_S:.0f} s")

    def _produce(self, topic: str, value: bytes | None, key: bytes, **more: Any) -> None:
        while True:
            try:
                self._producer.produce(topic, value=value, key=key, on_delivery=self._delivered, **more)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _delivered(self, error: Any, _: Any) -> None:
        if error is not None:
            self._failed = error.str()

    def _identity(self, source: str, provider: str, offer_key: str) -> tuple[bytes, bytes]:
        name = f"{source}\n{offer_key}"
        found = self._identities.get(name)
        if found is None:
            found = self._identities[name] = self._encode.identity(source, provider, offer_key), f"{provider}/{offer_key}".encode()
        return found


async def publish_history(
    lines: AsyncIterator[bytes],
    publication: Publication,
    adapters: Mapping[str, Adapter],
    rates: PastRates,
    store: ProgressStore,
    *,
    to_ms: int,
) -> int:
    """Publish all lines, which come in time order; how many moments there were. Raises Undelivered."""
    moment_ms: int | None = None
    moments = 0
    spoken: dict[str, None] = {}
    unread: Counter[str] = Counter()
    readers = {name: LineReader(adapter, rates) for name, adapter in adapters.items()}
    async for text in lines:
        if not text.strip():
            continue
        line = decode_line(text)
        if line.source not in adapters:
            continue
        if moment_ms is not None and line.at_ms != moment_ms:
            if line.at_ms < moment_ms:
                raise ValueError(f"history is not in time order: {line.at_ms} after {moment_ms}")
            _close(publication, spoken, moment_ms)
            moments += 1
            if moments % CHECKPOINT_STEPS == 0:
                await _checkpoint(publication, store, moment_ms + 1)
        if line.at_ms >= to_ms:
            break
        moment_ms = line.at_ms
        _take(adapters[line.source], publication.books[line.source], line, readers[line.source], unread)
        spoken[line.source] = None
    if spoken and moment_ms is not None:
        _close(publication, spoken, moment_ms)
        moments += 1
        await _checkpoint(publication, store, moment_ms + 1)
    if unread:
        log.warning("answers that could not be read: %s", ", ".join(f"{source} {number}" for source, number in sorted(unread.items())))
    return moments


def _take(adapter: Adapter, book: Book, line: Line, reader: LineReader, unread: Counter[str]) -> None:
    for name, digest, reading in reader.read(line):
        if isinstance(reading, ProviderError):
            unread[line.source] += 1
            log.debug("history at %d: %s", line.at_ms, reading)
        elif reading.states or not book.held_in(name) or adapter.slices_per_poll is not None:
            book.replace(name, reading.states, digest, line.at_ms)


def _close(publication: Publication, spoken: dict[str, None], moment_ms: int) -> None:
    for source in spoken:
        publication.state(source, moment_ms)
    spoken.clear()
    publication.tick(moment_ms)


async def _checkpoint(publication: Publication, store: ProgressStore, to_ms: int) -> None:
    await asyncio.to_thread(publication.checkpoint)
    await store.write(Progress("running", to_ms, time.time_ns() // 1_000_000))


async def backfill(settings: BridgeSettings, place: str) -> int:
    """Publish the history of `place`. The exit code: 0 when it stands in Kafka, or there is none."""
    client = snapshot.connect(settings.redis_url)
    store = ProgressStore(settings.data_dir, client)
    try:
        progress = await store.read() or Progress()
        if progress.state == "done" or settings.history_hours <= 0 or not place:
            log.info("nothing to backfill: %s", "done before" if progress.state == "done" else "no history asked for")
            await store.write(msgspec.structs.replace(progress, state="done"))
            return 0
        for attempt in range(ATTEMPTS):
            try:
                done_ms = await _publish(settings, place, store, await store.read() or Progress())
            except NoHistory as error:
                log.info("%s", error)
                done_ms = progress.published_to_ms or 0
            except (httpx.HTTPError, OSError, Undelivered, KafkaException) as error:
                log.warning("attempt %d of %d broke off: %s: %s", attempt + 1, ATTEMPTS, type(error).__name__, str(error)[:200])
                await asyncio.sleep(PAUSE_S)
                continue
            await store.write(Progress("done", done_ms, time.time_ns() // 1_000_000))
            return 0
        return 1
    finally:
        await client.aclose()


async def _publish(settings: BridgeSettings, place: str, store: ProgressStore, progress: Progress) -> int:
    started = time.monotonic()
    adapters = discover()
    step_ms = int(settings.window_s * 1000)
    now_ms = time.time_ns() // 1_000_000
    from_ms, to_ms = asked_range(now_ms, settings.history_hours, step_ms, progress.published_to_ms)
    ids = await until_done("schemas", lambda: register_schemas(settings.registry_url))
    encode = EventEncoder(ids[PROVIDER_PRICES.name], settings.market)
    producer: Producer = make_producer(settings.kafka, report_only_errors=True)
    publication = Publication(producer, encode, adapters)
    if progress.published_to_ms is not None:
        market: Market = settings.market
        latest = await until_done("latest offers", lambda: read_latest_offers(settings.kafka, settings.registry_url, market))
        publication = Publication(producer, encode, adapters, latest.seq)
        publication.stated.update(latest.by_source)
    await store.write(Progress("running", progress.published_to_ms, now_ms))
    lines = lines_from(place, ca_file=settings.upstream_ca, from_ms=from_ms, to_ms=to_ms, step_ms=step_ms)
    rates = await past_rates(settings, datetime.fromtimestamp(now_ms / 1000, UTC))
    moments = await publish_history(lines, publication, adapters, rates, store, to_ms=to_ms)
    log.info("%d events of %d moments published in %.1f s", publication.events, moments, time.monotonic() - started)
    return to_ms


def asked_range(now_ms: int, hours: float, step_ms: int, published_to_ms: int | None) -> tuple[int, int]:
    """The range to publish, [from, to): whole steps, `hours` back from now, nothing that is published already or still to come."""
    from_ms = now_ms - int(hours * 3_600_000)
    if published_to_ms is not None:
        from_ms = max(from_ms, published_to_ms)
    return -(-from_ms // step_ms) * step_ms, now_ms + 1


def main(argv: list[str] | None = None) -> int:
    """Publish history and end."""
    parser = argparse.ArgumentParser(prog="python -m bridge.backfill", description="Publish history before live, once.")
    parser.add_argument("--from", dest="place", metavar="FILE|URL", help="in place of the upstream's /sim/history: NDJSON, or an archive")
    arguments = parser.parse_args(argv)
    settings = BridgeSettings()
    configure_logging(settings.log_level)
    place = arguments.place or (f"{settings.upstream_url.rstrip('/')}/sim/history" if settings.upstream_url else "")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(backfill(settings, place))


if __name__ == "__main__":
    sys.exit(main())
