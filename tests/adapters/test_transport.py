"""The real transport against sockets that behave in every way that sockets behave. Certificates and HTTP/2: tests/sim/test_server.py."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from adapters.base import Outgoing
from adapters.errors import PayloadChanged, Transient
from adapters.fetch.transport import MAX_BODY_BYTES, MAX_CONNECTIONS, PooledTransport, Unanswered

MEGABYTE = b" " * (1024 * 1024)

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(converse: Conversation) -> AsyncIterator[str]:
    """A server on a free port; its address. Connections end with the conversation."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # The client has heard enough.
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def answering(*parts: bytes) -> Conversation:
    """Reads one request, and says these bytes."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()

    return converse


def whole(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 " + status + b"\r\n" + lines + b"content-length: %d\r\n\r\n" % len(body) + body


def asking(url: str, method: str = "GET", body: bytes = b"") -> Outgoing:
    return Outgoing(method=method, url=url, query={}, headers={"x-own": "1"}, body=body)


@pytest.fixture
async def transport() -> AsyncIterator[PooledTransport]:
    transport = PooledTransport("http://127.0.0.1")
    yield transport
    await transport.aclose()


async def test_an_answer_comes_whole_and_decompressed(transport: PooledTransport) -> None:
    body = b'{"offers": []}' * 1000
    says = whole(gzip.compress(body), b"Content-Encoding: gzip", b"X-Twice: a", b"x-twice: b", status=b"503 Busy")
    async with listening(answering(says)) as url:
        received = await transport.send(asking(url))
    assert (received.status, received.body, received.headers["x-twice"]) == (503, body, "a, b")


async def test_a_request_goes_out_as_it_was_described(transport: PooledTransport) -> None:
    heard: list[bytes] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(4))
        writer.write(whole(b"{}"))

    async with listening(converse) as url:
        await transport.send(asking(f"{url}/a%2Fb?c=d%20e", "POST", b"body"))
    lines = heard[0].lower().split(b"\r\n")
    assert lines[0] == b"post /a%2fb?c=d%20e http/1.1"
    assert {b"x-own: 1", b"user-agent: gputicker/0.1 (price feed)", b"content-length: 4"} <= set(lines)
    assert any(line.startswith(b"accept-encoding: ") and b"gzip" in line for line in lines)
    assert lines[-1] == b"body"


async def test_a_redirect_is_handed_on(transport: PooledTransport) -> None:
    async with listening(answering(whole(b"", b"Location: http://127.0.0.1:1/", status=b"302 Found"))) as url:
        received = await transport.send(asking(url))
    assert (received.status, received.headers["location"]) == (302, "http://127.0.0.1:1/")


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_body_over_16_mb_is_refused_while_it_streams(transport: PooledTransport, compressed: bool) -> None:
    sent = 0

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        if compressed:
            writer.write(whole(gzip.compress(b" " * (MAX_BODY_BYTES + 1)), b"content-encoding: gzip"))
        else:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (200 * len(MEGABYTE)))
            for _ in range(200):
                writer.write(MEGABYTE)
                await writer.drain()
                sent += 1
        await writer.drain()

    async with listening(converse) as url:
        with pytest.raises(Unanswered, match="16 MB") as caught:
            await transport.send(asking(url))
    assert caught.value.reaction is PayloadChanged
    assert len(caught.value.body) > MAX_BODY_BYTES
    assert sent < 100


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (b"", "connection failed"),
        (b"garbage\r\n\r\n", "breaks off"),
        (whole(b"{}")[:-1], "breaks off"),
        (whole(b"no gzip", b"content-encoding: gzip"), "decompressed"),
        (whole(gzip.compress(b"{}", mtime=0)[:-4], b"content-encoding: gzip"), "connection lost"),
    ],
)
async def test_what_breaks_is_transient_and_quotes_nothing(transport: PooledTransport, says: bytes, words: str) -> None:
    async with listening(answering(says)) as url:
        with pytest.raises(Unanswered, match=words) as caught:
            await transport.send(asking(f"{url}/?key=secret-in-query"))
    assert caught.value.reaction is Transient
    assert "secret-in-query" not in str(caught.value)


async def test_nobody_listens(transport: PooledTransport) -> None:
    async with listening(answering(b"")) as url:
        pass
    with pytest.raises(Unanswered, match="connection failed") as caught:
        await transport.send(asking(url))
    assert caught.value.reaction is Transient


async def test_an_address_that_is_none(transport: PooledTransport) -> None:
    with pytest.raises(Unanswered, match="address") as caught:
        await transport.send(asking("https://"))
    assert caught.value.reaction is PayloadChanged


async def test_connections_are_kept_and_bounded(transport: PooledTransport) -> None:
    connections = at_once = most = 0
    everybody_here = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections, at_once, most
        connections += 1
        while await reader.readuntil(b"\r\n\r\n"):
            at_once += 1
            most = max(most, at_once)
            if at_once == MAX_CONNECTIONS:
                everybody_here.set()
            await everybody_here.wait()
            at_once -= 1
            writer.write(whole(b"{}"))

    async with listening(converse) as url:
        await asyncio.gather(*(transport.send(asking(url)) for _ in range(3 * MAX_CONNECTIONS)))
        assert most == MAX_CONNECTIONS
        before = connections
        await transport.send(asking(url))
        assert connections == before
