"""Running statements off the event loop: threads, sessions, limits, cancellation."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from clickhouse.server.call import Call
from clickhouse.server.engine import Engine, Handle
from clickhouse.server.errors import ClickHouseError, front_error

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_SESSIONS = 256
_QUEUE_S = 10.0
"""Longest wait for a free slot."""
_SESSION_WAIT_S = 2.0
"""Longest wait for a session that another query holds: a query that is being cancelled lets go within that."""
_KILL_EVERY_S = 0.1


@dataclass(slots=True)
class _Session:
    handle: Handle
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    expires_at: float = 0.0


class Running:
    """One statement's handle while it runs. Every engine call goes through `call`."""

    def __init__(self, queries: "Queries", handle: Handle, tag: str) -> None:
        self._queries = queries
        self.handle = handle
        self._tag = tag

    async def call(self, function: Callable[[], T]) -> T:
        """Run in a thread. Cancelled: the statement is killed, and the thread waited for, so that the handle is free again."""
        future = self._queries.submit(function)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await self._queries.kill_until(self._tag, future)
            raise


class Queries:
    """All statements of the server. Lives on one event loop."""

    def __init__(self, engine: Engine, max_queries: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(max_queries, thread_name_prefix="query")
        self._killers = ThreadPoolExecutor(2, thread_name_prefix="kill")
        self._slots = asyncio.Semaphore(max_queries)
        self._sessions: dict[str, _Session] = {}

    @asynccontextmanager
    async def running(self, call: Call) -> AsyncIterator[Running]:
        """A prepared handle for this call: its session's, or a fresh one.

        Raises ClickHouseError: no slot in time, the session is locked or unknown, a setting is not one.
        """
        try:
            await asyncio.wait_for(self._slots.acquire(), _QUEUE_S)
        except TimeoutError:
            raise front_error(202, "TOO_MANY_SIMULTANEOUS_QUERIES", "Too many simultaneous queries; try again") from None
        try:
            if call.session_id:
                async with self._in_session(call) as running:
                    yield running
            else:
                async with self._fresh(call) as running:
                    yield running
        finally:
            self._slots.release()

    def submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def kill_until(self, tag: str, future: "asyncio.Future[T]") -> None:
        """Kill the tagged statement until its thread has come back; it may not have reached the engine yet."""
        loop = asyncio.get_running_loop()
        while not future.done():
            try:
                await loop.run_in_executor(self._killers, self._engine.kill, tag)
            except ClickHouseError as error:
                log.warning("a query could not be cancelled: %s", error.text)
            await asyncio.wait({future}, timeout=_KILL_EVERY_S)
        if not future.cancelled():
            future.exception()

    async def kill_all(self) -> None:
        """End every statement; for shutting down."""
        await asyncio.get_running_loop().run_in_executor(self._killers, self._engine.kill_all)

    async def sweep(self, every_s: float = 5.0) -> None:
        """Close sessions that have been idle for longer than they asked; for as long as the server lives."""
        while True:
            await asyncio.sleep(every_s)
            self._drop_idle(time.monotonic())

    def close(self) -> None:
        for session in self._sessions.values():
            session.handle.close()
        self._sessions.clear()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._killers.shutdown(wait=True, cancel_futures=True)

    @asynccontextmanager
    async def _fresh(self, call: Call) -> AsyncIterator[Running]:
        tag = uuid.uuid4().hex
        handle = self._engine.open()
        try:
            running = Running(self, handle, tag)
            await running.call(lambda: handle.prepare(call.settings, call.database or self._engine.database, tag))
            yield running
        finally:
            handle.close()

    @asynccontextmanager
    async def _in_session(self, call: Call) -> AsyncIterator[Running]:
        session = self._session(call)
        try:
            await asyncio.wait_for(session.lock.acquire(), _SESSION_WAIT_S)
        except TimeoutError:
            raise front_error(373, "SESSION_IS_LOCKED", f"Session {call.session_id} is locked by a concurrent client") from None
        try:
            tag = uuid.uuid4().hex
            running = Running(self, session.handle, tag)
            if session.handle.read_only and call.settings.get("readonly") != "1":
                # readonly cannot be taken back on a handle; its temporary tables are lost with it.
                session.handle.close()
                session.handle = running.handle = self._new_session_handle()
            handle = session.handle
            await running.call(lambda: handle.prepare(call.settings, call.database, tag))
            yield running
        finally:
            session.expires_at = time.monotonic() + call.session_timeout_s
            session.lock.release()

    def _session(self, call: Call) -> _Session:
        session = self._sessions.get(call.session_id)
        if session is not None:
            return session
        if call.session_must_exist:
            raise front_error(372, "SESSION_NOT_FOUND", f"Session {call.session_id} not found")
        if len(self._sessions) >= MAX_SESSIONS:
            self._drop_oldest()
        session = self._sessions[call.session_id] = _Session(
            self._new_session_handle(), expires_at=time.monotonic() + call.session_timeout_s
        )
        return session

    def _new_session_handle(self) -> Handle:
        handle = self._engine.open()
        handle.run(f"USE {self._engine.database}")
        return handle

    def _drop_idle(self, now: float) -> None:
        for name, session in list(self._sessions.items()):
            if session.expires_at < now and not session.lock.locked():
                del self._sessions[name]
                session.handle.close()

    def _drop_oldest(self) -> None:
        idle = [(session.expires_at, name) for name, session in self._sessions.items() if not session.lock.locked()]
        if not idle:
            raise front_error(202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"all {MAX_SESSIONS} sessions are busy; try again")
        _, name = min(idle)
        self._sessions.pop(name).handle.close()
