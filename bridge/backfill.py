"""`python -m bridge.backfill`: publish history before live, once.

Reads what every source would have answered at each step of the past, parses it through the same adapters, prices it at the exchange rates
known then, and publishes one statement per offer and step, in global time order, with ticks in every partition. Progress stands in Redis
(gputicker:backfill) and in DATA_DIR/backfill.json; after a break it goes on from the last checkpoint. The live bridge holds its Kafka
output until it is done.

`--gap`, which the live bridge starts by itself after an absence, does the same for the time since Kafka's newest event, and needs no other
memory of how far it got. It ends when the process that started it does.
"""

import argparse
import asyncio
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
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
from bridge.build import BadSettings, chosen
from bridge.changes import Acknowledged, detect
from bridge.encoding import EventEncoder
from bridge.history import Line, LineReader, NoHistory, decode_line, lines_from
from bridge.kafka import make_producer, newest_event_ms, read_latest_offers, until_done
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
NICE = 10
"""As the backfill service: the fresh path comes first."""


class Undelivered(Exception):
    """Kafka did not take everything in time: start again, from the last checkpoint."""


class Orphaned(Exception):
    """The bridge that waits for this has ended, and another one may already publish."""


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
        for one in detect(self.books[source], stated, provider=provider, now_ms=at_ms, observe_every_ms=1, expired_ms=0):
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
    store: ProgressStore | None,
    *,
    to_ms: int,
) -> int:
    """Publish all lines, which come in time order; how many moments there were. Raises Undelivered.

    Without a store every moment is a checkpoint: what was published is then asked of Kafka.
    """
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
            if store is None or moments % CHECKPOINT_STEPS == 0:
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


async def _checkpoint(publication: Publication, store: ProgressStore | None, to_ms: int) -> None:
    await asyncio.to_thread(publication.checkpoint)
    if store is not None:
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

        async def attempt() -> None:
            before = await store.read() or Progress()
            await store.write(msgspec.structs.replace(before, state="running", updated_at_ms=time.time_ns() // 1_000_000))
            try:
                done_ms = await _publish(settings, place, discover(), before.published_to_ms, store)
            except NoHistory as error:
                log.info("%s", error)
                done_ms = before.published_to_ms or 0
            await store.write(Progress("done", done_ms, time.time_ns() // 1_000_000))

        return await _persistently(attempt)
    finally:
        await client.aclose()


async def fill_gap(settings: BridgeSettings, place: str, adapters: Mapping[str, Adapter], parent: int) -> int:
    """Publish what `place` knows since Kafka's newest event, up to now. The exit code: 0 when it stands in Kafka, or there is none.

    Raises Orphaned when the process `parent` has ended.
    """

    async def attempt() -> None:
        newest_ms = await until_done("newest event", lambda: newest_event_ms(settings.kafka, settings.registry_url))
        try:
            # A break may have come within a moment: that one is said again, under the same ids.
            await _publish(settings, place, adapters, newest_ms, None, parent)
        except NoHistory as error:
            log.info("%s", error)

    return await _persistently(attempt)


async def _persistently(work: Callable[[], Awaitable[None]]) -> int:
    for attempt in range(ATTEMPTS):
        try:
            await work()
        except (httpx.HTTPError, OSError, Undelivered, KafkaException) as error:
            log.warning("attempt %d of %d broke off: %s: %s", attempt + 1, ATTEMPTS, type(error).__name__, str(error)[:200])
            await asyncio.sleep(PAUSE_S)
        else:
            return 0
    return 1


async def _publish(
    settings: BridgeSettings,
    place: str,
    adapters: Mapping[str, Adapter],
    published_to_ms: int | None,
    store: ProgressStore | None,
    parent: int | None = None,
) -> int:
    started = time.monotonic()
    step_ms = int(settings.window_s * 1000)
    now_ms = time.time_ns() // 1_000_000
    from_ms, to_ms = asked_range(now_ms, settings.history_hours, step_ms, published_to_ms)
    ids = await until_done("schemas", lambda: register_schemas(settings.registry_url))
    encode = EventEncoder(ids[PROVIDER_PRICES.name], settings.market)
    producer: Producer = make_producer(settings.kafka, report_only_errors=True)
    publication = Publication(producer, encode, adapters)
    if published_to_ms is not None:
        market: Market = settings.market
        latest = await until_done("latest offers", lambda: read_latest_offers(settings.kafka, settings.registry_url, market))
        publication = Publication(producer, encode, adapters, latest.seq)
        publication.stated.update(latest.by_source)
    lines = lines_from(place, ca_file=settings.upstream_ca, from_ms=from_ms, to_ms=to_ms, step_ms=step_ms)
    if parent is not None:
        lines = _while_lives(parent, lines)
    rates = await past_rates(settings, datetime.fromtimestamp(now_ms / 1000, UTC))
    moments = await publish_history(lines, publication, adapters, rates, store, to_ms=to_ms)
    log.info("%d events of %d moments published in %.1f s", publication.events, moments, time.monotonic() - started)
    return to_ms


async def _while_lives(parent: int, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for line in lines:
        if os.getppid() != parent:
            raise Orphaned(f"process {parent} has ended")
        yield line


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
    parser.add_argument("--gap", action="store_true", help="the time since Kafka's newest event: the bridge starts it so")
    parser.add_argument("--sources", type=lambda text: text.split(","), default=[], metavar="A,B", help="with --gap: only these")
    arguments = parser.parse_args(argv)
    settings = BridgeSettings()
    configure_logging(settings.log_level)
    place = arguments.place or (f"{settings.upstream_url.rstrip('/')}/sim/history" if settings.upstream_url else "")
    try:
        adapters = chosen(discover(), arguments.sources)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            if not arguments.gap:
                return runner.run(backfill(settings, place))
            os.nice(NICE)
            return runner.run(fill_gap(settings, place, adapters, os.getppid()))
    except (BadSettings, Orphaned) as error:
        log.error("%s", error)
        return 2


if __name__ == "__main__":
    sys.exit(main())
