"""The simulated market over ASGI: /{real-host}/{real-path} as the provider answers, /sim/... to look behind it."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qsl

import msgspec
import zstandard

from adapters.base import Adapter
from sim.exchange import Answer, Exchange, conditional, json_answer
from sim.front_page import recorded_page, simulated_page
from sim.history import BadRange, asked_range, lines
from sim.incidents import BadIncident, Wanted
from sim.recorded import Recorded
from sim.simulated import Simulated

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MOST_BODY_BYTES = 1024 * 1024
CHUNK_BYTES = 256 * 1024
HTML = {"content-type": "text/html; charset=utf-8"}
# A line of history looks like the one of the same source a moment before: the window must hold one moment.
ZSTD = zstandard.ZstdCompressionParameters.from_level(1, window_log=23)


class Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


# A day of history is 400 MB of JSON, which a client's HTTP/2 in Python takes longer to read than this to compress.
COMPRESSORS: dict[str, Callable[[], Compressor]] = {
    "zstd": lambda: zstandard.ZstdCompressor(compression_params=ZSTD).compressobj(),
    "gzip": lambda: zlib.compressobj(1, wbits=31),
}


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class App:
    """An ASGI application over a simulated or a recorded market. `adapters` are those whose requests /sim/history makes."""

    def __init__(self, market: Simulated | Recorded, adapters: Sequence[Adapter], clock_ms: Callable[[], int] = wall_clock_ms) -> None:
        self.market = market
        self.adapters = adapters
        self.clock_ms = clock_ms
        self.label = b"simulated" if isinstance(market, Simulated) else b"recorded"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        body = await _read(receive)
        if body is None:
            return await self._send(send, json_answer({"message": "body over 1 MB"}, 413))
        if path == "/sim/history" and method == "GET":
            return await self._history(send, query, headers)
        if path in ("/", "/healthz") or path.startswith("/sim/"):
            return await self._send(send, self._own(method, path, body))
        host, _, rest = path[1:].partition("/")
        exchange = Exchange(method, host, f"/{rest}", query, headers, body)
        if isinstance(self.market, Recorded):
            return await self._send(send, conditional(self.market.answer(exchange), exchange))
        reply = self.market.reply(exchange, self.clock_ms())
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        return await self._send(send, conditional(reply.answer, exchange))

    def _own(self, method: str, path: str, body: bytes) -> Answer:
        if path == "/healthz":
            return json_answer({"status": "ok", "market": self.label.decode()})
        if path == "/" and method == "GET":
            now_ms = self.clock_ms()
            text = recorded_page(self.market) if isinstance(self.market, Recorded) else simulated_page(self.market, now_ms)
            return Answer(200, HTML, text.encode())
        if path == "/sim/incidents" and isinstance(self.market, Simulated):
            return self._incidents(self.market, method, body)
        return json_answer({"message": f"nothing here in a {self.label.decode()} market"}, 404)

    def _incidents(self, market: Simulated, method: str, body: bytes) -> Answer:
        if method == "DELETE":
            ended = market.incidents.clear()
            market.forget()
            return json_answer({"ended": ended})
        if method != "POST":
            return json_answer({"message": "POST or DELETE"}, 405, {"allow": "POST, DELETE"})
        now_ms = self.clock_ms()
        try:
            wanted = msgspec.json.decode(body, type=Wanted)
            incident = market.incidents.add(wanted, now_ms)
        except (msgspec.DecodeError, BadIncident) as error:
            return json_answer({"error": {"message": str(error)}}, 422)
        market.forget()
        return json_answer(incident, 201)

    async def _history(self, send: Send, query: Mapping[str, str], headers: Mapping[str, str]) -> None:
        if isinstance(self.market, Recorded):
            return await self._send(send, json_answer({"message": "a recorded market has no history"}, 404))
        try:
            moments = asked_range(query)
        except BadRange as error:
            return await self._send(send, json_answer({"error": {"message": str(error)}}, 422))
        accepted = headers.get("accept-encoding", "")
        encoding = next((name for name in COMPRESSORS if name in accepted), "identity")
        extra = {"content-type": "application/x-ndjson"} | ({} if encoding == "identity" else {"content-encoding": encoding})
        await send({"type": "http.response.start", "status": 200, "headers": self._headers(extra)})
        rows = lines(self.market, self.adapters, moments)
        async for chunk in _chunks(rows if encoding == "identity" else _compressed(rows, COMPRESSORS[encoding]())):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        return await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send, answer: Answer) -> None:
        await send({"type": "http.response.start", "status": answer.status, "headers": self._headers(answer.headers)})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    def _headers(self, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()] + [(b"x-gputicker-market", self.label)]


async def _read(receive: Receive) -> bytes | None:
    """The request's body, or None where it is too long."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MOST_BODY_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _compressed(rows: Iterator[bytes], compressor: Compressor) -> Iterator[bytes]:
    for row in rows:
        yield compressor.compress(row)
    yield compressor.flush()


async def _chunks(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The parts in pieces worth sending; polls are answered between two of them."""
    waiting: list[bytes] = []
    size = 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= CHUNK_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
        await asyncio.sleep(0)
    if size:
        yield b"".join(waiting)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
