"""The bridge at work: every source on its own schedule, what each poll brings handed on, and an orderly end.

Polling and the Redis snapshot depend on nothing else; Kafka's part starts when schema registry, backfill and Kafka are there.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

import redis.asyncio as redis

from adapters.errors import PayloadChanged
from bridge import gap, snapshot
from bridge.archive import Archive
from bridge.book import Held
from bridge.kafka import newest_event_ms, read_latest_offers, until_done
from bridge.letters import DeadLetters, bad_body
from bridge.poller import Poller
from bridge.progress import ProgressStore
from bridge.publisher import Publisher
from bridge.quarantine_desk import QuarantineDesk
from bridge.rates import RateKeeper
from bridge.results import PollResult
from bridge.retry import LONGEST_PAUSE_AFTER_FAILURE_S
from bridge.settings import BridgeSettings
from bridge.snapshot import SnapshotWriter, listen_for_refresh
from bridge.source import Source
from schemas.codec import register_schemas

log = logging.getLogger(__name__)

DELIVERY_POLL_S = 0.02
TICK_S = 1.0
LEAST_REFRESH_GAP_S = 1.0
STOP_GRACE_S = 2.0
FLUSH_S = 8.0
ONCE_KAFKA_S = 20.0


class Bridge:
    """All parts of one bridge process. `run` polls until `stop`; `run_once` polls each source once."""

    def __init__(
        self,
        settings: BridgeSettings,
        sources: Mapping[str, Source],
        poller: Poller,
        publisher: Publisher,
        redis_client: "redis.Redis",
        archive: Archive,
        keeper: RateKeeper,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._sources = sources
        self._poller = poller
        self._publisher = publisher
        self._redis = redis_client
        self._archive = archive
        self._keeper = keeper
        self._clock = clock
        self._writer = SnapshotWriter(redis_client, sources)
        self._guard = poller.guard
        self._quarantine = poller.guard.quarantine
        self._desk = QuarantineDesk(redis_client, self._quarantine, sources)
        self._letters = DeadLetters()
        self._stopping = asyncio.Event()
        self._wake = {name: asyncio.Event() for name in sources}
        self._polled_at: dict[str, float] = {}
        self._polling: set[str] = set()

    def stop(self) -> None:
        """Begin the orderly end."""
        self._stopping.set()

    async def run(self) -> int:
        """Poll until stopped. The process's exit code: 0, or 1 where the producer can do no more."""
        writing, archiving = await self._start()
        loops = [self._keep_polling(source) for source in self._sources.values() if source.enabled]
        others = [
            self._publish_when_ready(),
            self._serve_deliveries(),
            self._tick(),
            listen_for_refresh(self._redis, self.refresh),
            self._keeper.run(),
            self._desk.run(self.refresh),
        ]
        polling = [asyncio.create_task(loop) for loop in loops]
        tasks = [*polling, *(asyncio.create_task(other) for other in others)]
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        broken = next((task for task in tasks if task.done() and not task.cancelled() and task.exception()), None)
        self._stopping.set()
        for event in self._wake.values():
            event.set()
        if polling:
            await asyncio.wait(polling, timeout=STOP_GRACE_S)
        for task in (*tasks, stopped):
            task.cancel()
        await asyncio.gather(*tasks, stopped, return_exceptions=True)
        await self._end(writing, archiving)
        if broken is not None:
            log.error("a part of the bridge failed", exc_info=broken.exception())
        return 1 if broken is not None or self._publisher.fatal else 0

    async def run_once(self) -> int:
        """Poll each source once, hand everything on. The exit code: 0 where at least one source brought offers."""
        writing, archiving = await self._start()
        kafka = asyncio.create_task(self._start_kafka(fill_gap=False))
        results = await self._poller.sweep(self._sources.values())
        for result in results:
            self._hand_on(self._sources[result.source], result)
        await asyncio.wait([kafka], timeout=ONCE_KAFKA_S)
        if kafka.done():
            self._publisher.tick()
            self._publisher.restate(self._sources.values())
            self._publisher.incidents(self._quarantine.unsaid, self._quarantine.said)
            for result in results:
                self._publisher.health(result.health)
        else:
            kafka.cancel()
            log.warning("kafka, the schema registry or the backfill was not ready within %.0f s: nothing published there", ONCE_KAFKA_S)
        await asyncio.gather(kafka, return_exceptions=True)
        await self._end(writing, archiving)
        return 0 if any(result.health.health != "down" for result in results) else 1

    async def refresh(self, name: str) -> None:
        """Poll this source now, unless that was just done or its provider has to be left alone."""
        source = self._sources.get(name)
        if source is None or not source.enabled or name in self._polling or source.rests_s > 0:
            return
        least_s = max(LEAST_REFRESH_GAP_S, source.least_gap_s)
        if self._clock() - self._polled_at.get(name, -least_s) >= least_s:
            self._wake[name].set()

    async def _start(self) -> "tuple[asyncio.Task[None], asyncio.Task[None]]":
        restored, _ = await asyncio.gather(snapshot.restore(self._redis, self._sources), self._keeper.start())
        if restored:
            log.info("restored %d offers from redis", restored)
        for source in self._sources.values():
            if not source.enabled:
                source.health = source.off_health(time.time_ns() // 1_000_000)
                self._writer.written_soon(source)
        return asyncio.create_task(self._writer.run()), asyncio.create_task(self._archive.run())

    async def _keep_polling(self, source: Source) -> None:
        wake = self._wake[source.name]
        pause_s = 0.0
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(max(pause_s, source.rests_s)):
                    await wake.wait()
            except TimeoutError:
                pass  # Nobody asked for it: its time has come.
            if self._stopping.is_set():
                return
            started = self._polled_at[source.name] = self._clock()
            self._polling.add(source.name)
            try:
                result = await self._poller.poll(source)
            finally:
                self._polling.discard(source.name)
                wake.clear()
            self._hand_on(source, result)
            pause_s = source.cadence_s
            if result.health.health == "down":
                pause_s = min(pause_s, LONGEST_PAUSE_AFTER_FAILURE_S)
            pause_s = max(pause_s - (self._clock() - started), 0.0)

    def _hand_on(self, source: Source, result: PollResult) -> None:
        source.review.take(result.rejected, source.polled_at_ms)
        self._writer.written_soon(source)
        self._publisher.publish(source)
        self._publisher.health(result.health)
        self._publisher.dead_letters(self._letters.of(result))
        self._publisher.incidents(self._quarantine.unsaid, self._quarantine.said)
        for work in self._guard.pending():
            self._archive.later(work)
        for part in result.slices:
            if part.withheld:
                continue
            if part.answer is not None:
                self._archive.add(part.observed_at_ms, source.name, part.answer)
            elif isinstance(part.error, PayloadChanged):
                self._archive.add_body(bad_body(part))

    async def _publish_when_ready(self) -> None:
        await self._start_kafka()
        await self._stopping.wait()

    async def _start_kafka(self, *, fill_gap: bool = True) -> None:
        url = self._settings.registry_url
        self._publisher.use_schemas(await until_done("schemas", lambda: register_schemas(url)))
        await self._backfill_done()
        if fill_gap:
            await self._fill_gap()
        latest = await until_done("latest offers", lambda: read_latest_offers(self._settings.kafka, url, self._settings.market))
        for name, offers in latest.by_source.items():
            source = self._sources.get(name)
            if source is not None:
                source.book.restore(
                    {key: Held(last.encoded, None, last.observed_at_ms, last.observed_at_ms, None) for key, last in offers.items()}
                )
        self._publisher.go_live(latest)
        self._publisher.restate(self._sources.values())
        log.info("publishing to kafka; %d offers stand there", sum(map(len, latest.by_source.values())))

    async def _backfill_done(self) -> None:
        """Wait until history is published: what comes before it in time must come before it in the topic."""
        if self._settings.history_hours <= 0:
            return
        store = ProgressStore(self._settings.data_dir, self._redis)
        said = False
        while True:
            progress = await store.read()
            if progress is not None and progress.state == "done":
                return
            if not said:
                log.info("kafka output waits for the backfill")
                said = True
            await asyncio.sleep(TICK_S / 2)

    async def _fill_gap(self) -> None:
        """What history knows of the time that nobody spoke in, also since the backfill. A source that is held is left out."""
        if self._settings.history_hours <= 0 or not self._settings.upstream_url:
            return
        kafka, url = self._settings.kafka, self._settings.registry_url
        step_ms, filled_ms = int(self._settings.window_s * 1000), 0
        while True:
            newest_ms = await until_done("newest event", lambda: newest_event_ms(kafka, url))
            now_ms = time.time_ns() // 1_000_000
            sources = [source.name for source in self._sources.values() if source.enabled and self._quarantine.of(source.name) is None]
            if not sources or newest_ms is None or newest_ms <= filled_ms or not gap.is_gap(newest_ms, now_ms, step_ms):
                return
            await gap.fill(sources, newest_ms)
            # A day may take so long to fill that there is another gap by then; one that nothing was found for stays.
            filled_ms = newest_ms

    async def _serve_deliveries(self) -> None:
        while not self._publisher.fatal:
            self._publisher.poll()
            await asyncio.sleep(DELIVERY_POLL_S)
        log.error("kafka producer failed for good, ending: %s", self._publisher.fatal)

    async def _tick(self) -> None:
        while True:
            self._publisher.tick()
            self._publisher.restate(self._sources.values())
            self._publisher.incidents(self._quarantine.unsaid, self._quarantine.said)
            # On the second, by the wall clock.
            await asyncio.sleep(TICK_S - time.time() % TICK_S)

    async def _end(self, writing: "asyncio.Task[None]", archiving: "asyncio.Task[None]") -> None:
        self._publisher.restate(self._sources.values())
        undelivered = self._publisher.flush(FLUSH_S)
        if undelivered:
            log.warning("%d records were not delivered to kafka; the next start says them again", undelivered)
        self._writer.stop()
        for work in self._guard.pending(ending=True):
            self._archive.later(work)
        await self._archive.stop()
        await asyncio.wait([writing, archiving], timeout=STOP_GRACE_S)
        for task in (writing, archiving):
            task.cancel()
        await asyncio.gather(writing, archiving, return_exceptions=True)
        for source in self._sources.values():
            if source.client is not None:
                await source.client.aclose()
        await self._keeper.aclose()
        await self._redis.aclose()
