"""ClickHouse's HTTP interface: GET and POST on /, /ping, /replicas_status."""

import asyncio
import json
import logging
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import IO

from aiohttp import web

from clickhouse.server.call import Body, Budget, Call, authenticate, read_call
from clickhouse.server.encoding import Compressor, compressor
from clickhouse.server.engine import Engine, Result, Stream
from clickhouse.server.errors import ClickHouseError, front_error
from clickhouse.server.native import header_block
from clickhouse.server.queries import Queries, Running
from clickhouse.server.settings import ServerSettings
from clickhouse.server.statement import CONTENT_TYPES, STREAMABLE

log = logging.getLogger(__name__)

_SPOOL_BYTES = 8 << 20
"""wait_end_of_query: a result stays in memory up to this size, then goes to a temporary file."""
_COPY_BYTES = 1 << 20
_THREAD_BYTES = 64 << 10


class Front:
    """The handlers over one engine."""

    def __init__(self, engine: Engine, settings: ServerSettings) -> None:
        self._engine = engine
        self._user = settings.clickhouse_user
        self._password = settings.clickhouse_password.get_secret_value()
        self._spool_dir = settings.data_dir
        body_bytes = settings.clickhouse_max_body_mb << 20
        self._budget = Budget(body_bytes, 4 * body_bytes)
        self._queries = Queries(engine, settings.clickhouse_max_queries)
        self._sweeper: asyncio.Task[None] | None = None

    def application(self) -> web.Application:
        """The aiohttp application; run it with `handler_cancellation=True, auto_decompress=False`."""
        app = web.Application()
        app.router.add_get("/ping", self._ok)
        app.router.add_get("/replicas_status", self._ok)
        app.router.add_route("*", "/", self._query)
        app.on_startup.append(self._start)
        app.on_shutdown.append(self._shutdown)
        app.on_cleanup.append(self._cleanup)
        return app

    async def _start(self, _app: web.Application) -> None:
        self._sweeper = asyncio.create_task(self._queries.sweep())

    async def _shutdown(self, _app: web.Application) -> None:
        """Running queries would hold up the end for as long as they last (75 s and more were seen)."""
        await self._queries.kill_all()

    async def _cleanup(self, _app: web.Application) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        self._queries.close()

    async def _ok(self, _request: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _query(self, request: web.Request) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD", "POST"):
            return self._failure(front_error(48, "NOT_IMPLEMENTED", f"method {request.method} is not supported"), request)
        if request.method != "POST" and "query" not in request.query:
            return await self._ok(request)
        body = Body(self._budget)
        try:
            authenticate(request, self._user, self._password)
            call = await read_call(request, body)
            return await self._answer(request, call)
        except ClickHouseError as error:
            return self._failure(error, request)
        finally:
            body.release()

    async def _answer(self, request: web.Request, call: Call) -> web.StreamResponse:
        started = time.monotonic()
        async with self._queries.running(call) as running:
            statement = call.statement
            if statement.kind == "select" and call.output_format in STREAMABLE:
                return await self._answer_select(request, call, running, started)
            result = await running.call(lambda: self._run(call, running))
            if statement.kind == "other":
                running.handle.forget_database()
            response = self._head(call, result, time.monotonic() - started)
            return await _send_whole(request, call, response, result.body)

    def _run(self, call: Call, running: Running) -> Result:
        if call.statement.insert_format:
            return running.handle.insert(call.statement, call.parameters)
        return running.handle.run(call.statement.sql, call.output_format, call.parameters)

    async def _answer_select(self, request: web.Request, call: Call, running: Running, started: float) -> web.StreamResponse:
        handle, statement = running.handle, call.statement
        stream = await running.call(lambda: handle.stream(statement.sql, call.output_format, call.parameters))
        try:
            first = await running.call(stream.fetch)  # before the headers, so that an error has a status
            if not first and call.output_format == "Native":
                stream.close()
                first = await running.call(lambda: header_block(handle, statement.without_format, call.parameters))
                response = self._head(call, stream, time.monotonic() - started)
                return await _send_whole(request, call, response, first)
            pieces = _pieces(first, stream, running)
            if call.wait_end:
                return await self._send_spooled(request, call, stream, pieces, started)
            return await self._send_streamed(request, call, stream, pieces, started)
        finally:
            stream.close()

    async def _send_spooled(
        self, request: web.Request, call: Call, stream: Stream, pieces: AsyncIterator[bytes], started: float
    ) -> web.StreamResponse:
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES, dir=str(self._spool_dir)) as spool:
            async for piece in pieces:
                spool.write(piece)
            spool.seek(0)
            response = self._head(call, stream, time.monotonic() - started)
            return await _send(request, call, response, _read_back(spool))

    async def _send_streamed(
        self, request: web.Request, call: Call, stream: Stream, pieces: AsyncIterator[bytes], started: float
    ) -> web.StreamResponse:
        response = self._head(call, stream, time.monotonic() - started)
        tag = secrets.token_hex(8)
        response.headers["X-ClickHouse-Exception-Tag"] = tag
        return await _send(request, call, response, pieces, tag=tag, version=self._engine.version)

    def _head(self, call: Call, counts: Result | Stream, elapsed_s: float) -> web.StreamResponse:
        summary = {
            "read_rows": counts.read_rows,
            "read_bytes": counts.read_bytes,
            "written_rows": counts.written_rows if isinstance(counts, Result) else 0,
            "written_bytes": counts.written_bytes if isinstance(counts, Result) else 0,
            "total_rows_to_read": 0,
            "result_rows": counts.result_rows if call.statement.answers else 0,
            "result_bytes": 0,
            "elapsed_ns": round(elapsed_s * 1e9),
        }
        headers = {
            "X-ClickHouse-Summary": json.dumps({name: str(value) for name, value in summary.items()}),
            "X-ClickHouse-Query-Id": call.query_id,
            "X-ClickHouse-Server-Display-Name": "gputicker",
            "X-ClickHouse-Timezone": self._engine.timezone,
            "Content-Type": CONTENT_TYPES.get(call.output_format, "text/plain; charset=UTF-8"),
        }
        if call.statement.answers:
            headers["X-ClickHouse-Format"] = call.output_format
        return web.StreamResponse(headers=headers)

    def _failure(self, error: ClickHouseError, request: web.Request) -> web.Response:
        log.info("%s answered %s, code %s", request.method, error.status, error.code)
        headers = {"X-ClickHouse-Exception-Code": str(error.code), "X-ClickHouse-Server-Display-Name": "gputicker"}
        # The rest of an unread body would be taken for the next request.
        if not request.content.at_eof():
            headers["Connection"] = "close"
        if error.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        return web.Response(status=error.status, text=_text(error, self._engine.version), headers=headers)


def _text(error: ClickHouseError, version: str) -> str:
    return f"{error.text} (version {version})\n"


async def _pieces(first: bytes, stream: Stream, running: Running) -> AsyncIterator[bytes]:
    piece = first
    while piece:
        yield piece
        piece = await running.call(stream.fetch)


async def _read_back(spool: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := spool.read(_COPY_BYTES):
        yield piece


async def _send_whole(request: web.Request, call: Call, response: web.StreamResponse, body: bytes) -> web.StreamResponse:
    async def one() -> AsyncIterator[bytes]:
        if body:
            yield body

    if call.encoding is None or not body:
        response.content_length = len(body)
    return await _send(request, call, response, one())


async def _send(
    request: web.Request, call: Call, response: web.StreamResponse, pieces: AsyncIterator[bytes], *, tag: str = "", version: str = ""
) -> web.StreamResponse:
    """Headers, then the pieces. A failure after the headers goes out as ClickHouse's exception block, and the connection is cut."""
    squeeze: Compressor | None = None
    if call.encoding is not None and response.content_length is None:
        squeeze = compressor(call.encoding)
        response.headers["Content-Encoding"] = call.encoding
    await response.prepare(request)
    try:
        async for piece in pieces:
            out = piece if squeeze is None else await _compressed(squeeze, piece)
            if out:
                await response.write(out)
        tail = b"" if squeeze is None else squeeze.flush()
    except ClickHouseError as error:
        block = _exception_block(_text(error, version), tag)
        await response.write(block if squeeze is None else squeeze.compress(block) + squeeze.flush())
        if request.transport is not None:
            request.transport.close()
        return response
    if tail:
        await response.write(tail)
    await response.write_eof()
    return response


async def _compressed(squeeze: Compressor, piece: bytes) -> bytes:
    """Large pieces in a thread: the event loop has others to serve."""
    if len(piece) < _THREAD_BYTES:
        return squeeze.compress(piece)
    return await asyncio.to_thread(squeeze.compress, piece)


def _exception_block(text: str, tag: str) -> bytes:
    """As servers since 25.11 write it: the marker and the tag on both ends, the message's length before the last tag."""
    message = text.encode()
    return b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (tag.encode(), message, len(message), tag.encode())
