"""The newest offers in Redis: the fresh path. Written after each poll, restored at start; waits for nothing but Redis itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from bridge.book import Held
from bridge.review import UnknownGpu
from bridge.source import Source
from bridge.state import EncodedState, OfferState

log = logging.getLogger(__name__)

SOURCES_KEY = "gputicker:sources"
SNAPSHOTS_CHANNEL = "gputicker:snapshots"
REFRESH_CHANNEL = "gputicker:refresh"
BACKFILL_KEY = "gputicker:backfill"
REVIEW_KEY = "gputicker:review"
REDIS_ERRORS = (RedisError, OSError, TimeoutError)
SOCKET_TIMEOUT_S = 2.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
RESTATE_S = 60.0

_encoder = msgspec.json.Encoder()


def connect(url: str) -> "redis.Redis":
    """A client that gives up quickly and leaves trying again to its caller; it connects when first used."""
    return redis.Redis.from_url(
        url, socket_timeout=SOCKET_TIMEOUT_S, socket_connect_timeout=SOCKET_TIMEOUT_S, retry=Retry(NoBackoff(), retries=0)
    )


def snapshot_key(source: str) -> str:
    """Where a source's snapshot stands."""
    return f"gputicker:snapshot:{source}"


def health_key(source: str) -> str:
    """Where a source's health stands."""
    return f"gputicker:health:{source}"


def encode_snapshot(source: Source) -> bytes:
    """The snapshot of a source as JSON, as docs/architecture.md says."""
    offers = [
        {
            **msgspec.structs.asdict(held.encoded.state),
            "body_digest": held.digest,
            "offer_key": key,
            "source": source.name,
            "provider": source.adapter.provider,
            "observed_at_ms": held.observed_at_ms,
            "first_seen_ms": held.first_seen_ms,
        }
        for key, held in source.book.offers.items()
    ]
    return _encoder.encode(
        {
            "source": source.name,
            "provider": source.adapter.provider,
            "title": source.adapter.title,
            "market": source.market,
            "cadence_s": source.cadence_s,
            "fresh_s": source.fresh_s,
            "stale_s": source.stale_s,
            "polled_at_ms": source.polled_at_ms,
            "offers": offers,
        }
    )


def encode_review(source: Source) -> bytes:
    """A source's unknown GPU names as JSON, as docs/architecture.md says."""
    return _encoder.encode({"provider": source.adapter.provider, "market": source.market, "names": source.review.names})


def decode_offers(body: bytes | str) -> dict[str, Held]:
    """A snapshot's offers by key; their slices are not known. Raises msgspec.DecodeError."""
    offers: dict[str, Held] = {}
    for offer in msgspec.json.decode(body, type=_Snapshot).offers:
        state = msgspec.convert(offer, OfferState)
        meta = msgspec.convert(offer, _Seen)
        offers[meta.offer_key] = Held(EncodedState(state), None, meta.observed_at_ms, meta.first_seen_ms, meta.body_digest)
    return offers


class _Snapshot(msgspec.Struct):
    market: str
    offers: list[dict[str, Any]]


class _Review(msgspec.Struct):
    market: str
    names: list[UnknownGpu]


class _Seen(msgspec.Struct):
    offer_key: str
    observed_at_ms: int
    first_seen_ms: int
    body_digest: str | None = None


class SnapshotWriter:
    """Writes the newest snapshot and health of each source. While Redis is away only the newest is kept, and one line is logged."""

    def __init__(self, client: "redis.Redis", sources: Mapping[str, Source]) -> None:
        self._redis = client
        self._sources = sources
        self._waiting: dict[str, Source] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._away = False

    def written_soon(self, source: Source) -> None:
        """Have this source's snapshot and health written; returns at once."""
        self._waiting[source.name] = source
        self._wake.set()

    async def run(self) -> None:
        """Write whatever is waiting until `stop`, and then what is left, if Redis takes it."""
        pause_s = FIRST_PAUSE_S
        while True:
            if not self._waiting:
                if self._stopping:
                    return
                await self._wait()
                continue
            if await self._write_waiting():
                pause_s = FIRST_PAUSE_S
            elif self._stopping:
                return
            else:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def stop(self) -> None:
        """Let `run` end once everything is written."""
        self._stopping = True
        self._wake.set()

    async def _wait(self) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(RESTATE_S):
                await self._wake.wait()
        except TimeoutError:
            # A Redis that was emptied meanwhile learns again of the sources that are polled seldom or not at all.
            self._waiting.update(self._sources)

    async def _write_waiting(self) -> bool:
        batch, self._waiting = self._waiting, {}
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.sadd(SOURCES_KEY, *self._sources)
                for source in batch.values():
                    if source.polled_at_ms:
                        pipe.set(snapshot_key(source.name), encode_snapshot(source))
                    if source.health is not None:
                        health = {**msgspec.structs.asdict(source.health), **source.facts()}
                        pipe.set(health_key(source.name), _encoder.encode(health))
                    if source.review.names:
                        pipe.hset(REVIEW_KEY, source.name, encode_review(source))
                    pipe.publish(SNAPSHOTS_CHANNEL, source.name)
                await pipe.execute()
        except REDIS_ERRORS as error:
            self._waiting = {**batch, **self._waiting}
            if not self._away:
                log.warning("redis is away, snapshots wait: %s", type(error).__name__)
            self._away = True
            return False
        if self._away:
            log.info("redis is back")
            self._away = False
            # It may have come back empty.
            self._waiting = {**self._sources, **self._waiting}
        return True


async def restore(client: "redis.Redis", sources: Mapping[str, Source]) -> int:
    """Give each source's book what an earlier bridge wrote of the same market. Returns how many offers; 0 where Redis is away."""
    restored = 0
    for source in sources.values():
        try:
            body = await client.get(snapshot_key(source.name))
            review = await cast("Awaitable[bytes | None]", client.hget(REVIEW_KEY, source.name))
        except REDIS_ERRORS as error:
            log.warning("redis is away, no snapshot restored: %s", type(error).__name__)
            return restored
        if review is not None:
            _restore_review(source, review)
        if body is None:
            continue
        try:
            if msgspec.json.decode(body, type=_Snapshot).market != source.market:
                continue
            offers = decode_offers(body)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            log.warning("%s: snapshot in redis cannot be read, starting without it: %s", source.name, error)
            continue
        source.book.restore(offers)
        restored += len(offers)
    return restored


def _restore_review(source: Source, body: bytes) -> None:
    try:
        review = msgspec.json.decode(body, type=_Review)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        log.warning("%s: review list in redis cannot be read, starting without it: %s", source.name, error)
        return
    if review.market == source.market:
        source.review.restore(review.names)


async def listen_for_refresh(client: "redis.Redis", asked: Callable[[str], Awaitable[None]]) -> None:
    """Call `asked` with each source name published on the refresh channel. Runs until cancelled, through Redis's absences."""
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            async with client.pubsub() as pubsub:
                await pubsub.subscribe(REFRESH_CHANNEL)
                while True:
                    message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1.0)
                    pause_s = FIRST_PAUSE_S
                    if message is not None:
                        await asked(message["data"].decode(errors="replace"))
        except REDIS_ERRORS:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
