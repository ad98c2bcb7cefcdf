"""Keeps the store equal to Redis: by the bridge's messages, and by a full check every few seconds, so that a missed message heals.

Asks for refreshes, too. Requests never wait for anything here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from api.store import Store

log = logging.getLogger(__name__)

SOURCES_KEY = "gputicker:sources"
RATES_KEY = "gputicker:rates"
REVIEW_KEY = "gputicker:review"
SNAPSHOTS_CHANNEL = "gputicker:snapshots"
REFRESH_CHANNEL = "gputicker:refresh"
ASKED_ONCE_MS = 10_000
"""A refresh of one source is asked for at most once in so long, by all API processes together."""
CHECK_EVERY_S = 3.0
TIMEOUT_S = 2.0
PAUSE_S = 0.5
REDIS_ERRORS = (RedisError, OSError, TimeoutError)


class Feed:
    """The only part that talks to Redis. `down_since_ms` is None while Redis answers."""

    def __init__(self, redis_url: str, store: Store, clock_ms: Callable[[], int]) -> None:
        self._store = store
        self._clock_ms = clock_ms
        self._redis = Redis.from_url(
            redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0), protocol=2
        )
        self.down_since_ms: int | None = clock_ms()
        self.tried_at_ms = clock_ms()
        self.refreshes_asked: dict[str, int] = {}
        self._asked_until_ms: dict[str, int] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._check_now = asyncio.Event()

    async def run(self) -> None:
        """Follow Redis until cancelled, through its absences."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._check_often())
                tasks.create_task(self._listen())
        finally:
            for task in self._asking:
                task.cancel()
            with suppress(*REDIS_ERRORS):
                await self._redis.aclose()

    def ask_soon(self, sources: Iterable[str]) -> None:
        """Have these sources refreshed, unless that was asked for just now. Returns at once; a Redis that is away is left alone."""
        now_ms = self._clock_ms()
        asked = [source for source in sources if self._asked_until_ms.get(source, 0) <= now_ms]
        if not asked or self.down_since_ms is not None:
            return
        self._asked_until_ms.update(dict.fromkeys(asked, now_ms + ASKED_ONCE_MS))
        task = asyncio.get_running_loop().create_task(self._ask_all(asked))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def ask(self, source: str) -> bool:
        """Ask the bridge to poll a source now; False where somebody did within the last ten seconds. Raises REDIS_ERRORS."""
        taken = await self._redis.set(f"gputicker:refresh:{source}", "1", nx=True, px=ASKED_ONCE_MS)
        if not taken:
            return False
        await self._redis.publish(REFRESH_CHANNEL, source)
        self.refreshes_asked[source] = self.refreshes_asked.get(source, 0) + 1
        return True

    async def review(self) -> dict[str, bytes]:
        """The review list of each source, as the bridge wrote it. Raises REDIS_ERRORS."""
        held = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(REVIEW_KEY))
        return {source.decode(): body for source, body in held.items()}

    async def check(self) -> None:
        """Read all that Redis holds into the store. Raises REDIS_ERRORS."""
        members = cast(set[bytes], await self._redis.smembers(SOURCES_KEY))
        names = sorted(name.decode() for name in members)
        if names:
            # An empty set is a Redis that was emptied: the copies stay and age until the bridge writes again.
            self._store.keep_only(names)
            await self._load(names)
        rates = cast(bytes | None, await self._redis.get(RATES_KEY))
        if rates is not None:
            self._store.take_rates(rates)

    async def _check_often(self) -> None:
        while True:
            try:
                async with asyncio.timeout(TIMEOUT_S * 2):
                    await self.check()
            except REDIS_ERRORS as error:
                self._gone(error)
            else:
                self._back()
            self.tried_at_ms = self._clock_ms()
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_EVERY_S if self.down_since_ms is None else PAUSE_S):
                    await self._check_now.wait()
            self._check_now.clear()

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe(SNAPSHOTS_CHANNEL)
                    # What was written before this moment told nobody here.
                    self._check_now.set()
                    while True:
                        message = await pubsub.get_message(timeout=1.0)
                        names = set()
                        while message is not None:
                            names.add(message["data"].decode(errors="replace"))
                            message = await pubsub.get_message(timeout=0.0)
                        if names:
                            await self._load(sorted(names))
            except REDIS_ERRORS as error:
                self._gone(error)
                await asyncio.sleep(PAUSE_S)

    async def _load(self, names: Sequence[str]) -> None:
        keys = [f"gputicker:{what}:{name}" for name in names for what in ("snapshot", "health")]
        values = cast(list[bytes | None], await self._redis.mget(keys))
        for name, snapshot, health in zip(names, values[::2], values[1::2], strict=True):
            if snapshot is not None or health is not None:
                self._store.take(name, snapshot, health)

    async def _ask_all(self, sources: Sequence[str]) -> None:
        try:
            for source in sources:
                await self.ask(source)
        except REDIS_ERRORS as error:
            self._gone(error)

    def _gone(self, error: BaseException) -> None:
        if self.down_since_ms is None:
            self.down_since_ms = self._clock_ms()
            log.warning("redis is away, serving the copy: %s: %s", type(error).__name__, error)

    def _back(self) -> None:
        if self.down_since_ms is not None:
            log.info("redis answers, %d sources", len(self._store.copies))
        self.down_since_ms = None
