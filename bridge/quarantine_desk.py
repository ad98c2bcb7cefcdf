"""Quarantine in Redis: the holds for whoever asks, and an operator's orders to the bridge. `gputicker quarantine` is the other side."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from bridge import quarantine_keys
from bridge.quarantine import NothingHeld, Quarantine, Verb
from bridge.snapshot import REDIS_ERRORS
from bridge.source import Source

if TYPE_CHECKING:
    import redis.asyncio as redis

log = logging.getLogger(__name__)

LOOK_S = 1.0


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """What an operator wants of one source."""

    verb: Verb


class QuarantineDesk:
    """Looks for orders once a second, and keeps Redis's copy of the holds right. Redis's absences only delay it."""

    def __init__(self, client: "redis.Redis", quarantine: Quarantine, sources: Mapping[str, Source]) -> None:
        self._redis = client
        self._quarantine = quarantine
        self._sources = sources
        self._written: dict[str, bytes] | None = None

    async def run(self, accepted: Callable[[str], Awaitable[None]]) -> None:
        """Serve until cancelled; `accepted` is called with each source whose answer was accepted, so that it is asked again."""
        this = asyncio.current_task()
        # redis-py (7.4) tells a cancellation while it connects as a TimeoutError, so the task asks for itself whether it shall end.
        while this is None or not this.cancelling():
            try:
                for source in await self.serve():
                    await accepted(source)
            except REDIS_ERRORS:
                # Whoever writes the snapshots says that Redis is away; it may come back empty.
                self._written = None
            await asyncio.sleep(LOOK_S)

    async def serve(self) -> list[str]:
        """Carry out what is asked now and write the holds where they changed; the sources accepted. Raises Redis's errors."""
        accepted = []
        orders: dict[Any, Any] = await self._redis.hgetall(quarantine_keys.ORDERS)  # type: ignore[misc, unused-ignore]
        for name, body in orders.items():
            source = name.decode(errors="replace")
            said, done = self._carry_out(source, body)
            log.warning("quarantine: %s", said)
            if done == "accept":
                accepted.append(source)
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(quarantine_keys.ANSWERS, source, said)
                pipe.hdel(quarantine_keys.ORDERS, source)
                await pipe.execute()
        await self._write_holds()
        return accepted

    def _carry_out(self, source: str, body: bytes) -> tuple[str, Verb | None]:
        try:
            order = msgspec.json.decode(body, type=Order)
            slices = [part.name for part in self._sources[source].slices]
            return self._quarantine.order(source, order.verb, slices, time.time_ns() // 1_000_000), order.verb
        except msgspec.DecodeError as error:
            return f"{source}: no order: {error}", None
        except KeyError:
            return f"{source}: no such source in this bridge", None
        except NothingHeld as error:
            return str(error), None

    async def _write_holds(self) -> None:
        holds = {name: self._encoded(name) for name in self._quarantine.holds}
        if holds == self._written:
            return
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(quarantine_keys.HOLDS)
            for name, hold in holds.items():
                pipe.hset(quarantine_keys.HOLDS, name, hold)
            await pipe.execute()
        self._written = holds

    def _encoded(self, name: str) -> bytes:
        hold = self._quarantine.holds[name]
        folder = self._quarantine.folder_of(hold)
        told: dict[str, Any] = {**msgspec.structs.asdict(hold), "outstanding": sorted(hold.outstanding), "folder": folder and str(folder)}
        return msgspec.json.encode(told)
