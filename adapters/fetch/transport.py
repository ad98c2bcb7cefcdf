"""One HTTP exchange: the connections, and what can go wrong with them, translated once.

HTTP/2 where the other side speaks it, over pooled connections, in Rust (reqwest, through pyreqwest): an exchange takes a tenth of the event
loop's time that httpx takes (`python -m bench rounds`). Certificates are verified against the operating system's authorities.
"""

import atexit
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    ConnectError,
    ConnectTimeoutError,
    DecodeError,
    PoolTimeoutError,
    PyreqwestError,
    RequestTimeoutError,
    TransportError,
)

from adapters.base import Outgoing
from adapters.errors import PayloadChanged, ProviderError, Transient

MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_CONNECTIONS = 20
KEPT_ALIVE = 5
KEPT_ALIVE_FOR = timedelta(seconds=30)
CONNECT_TIMEOUT = timedelta(seconds=5)
READ_TIMEOUT = timedelta(seconds=12)
USER_AGENT = "gputicker/0.1 (price feed)"
LAST_BREATH_S = 0.1

# pyreqwest 0.15.1: an interpreter that ends within milliseconds of its last exchange aborts in 5 of 12 runs ("PyGILState_Release: thread
# state must be current"), closed clients or not: Rust's thread is still letting go of it. After 5 ms in 2 of 25, after 20 ms in none.
atexit.register(time.sleep, LAST_BREATH_S)

# First match wins. Their own texts may hold headers or addresses, so only these words are passed on.
REACTIONS: tuple[tuple[type[Exception], type[ProviderError], str], ...] = (
    (ConnectTimeoutError, Transient, "timed out while connecting"),
    (PoolTimeoutError, Transient, "timed out waiting for a free connection"),
    (RequestTimeoutError, Transient, "timed out waiting for the answer"),
    (ConnectError, Transient, "connection failed"),
    (DecodeError, Transient, "the answer breaks off or cannot be decompressed"),
    (TransportError, Transient, "connection lost"),
    (ValueError, PayloadChanged, "address is not valid"),
    (PyreqwestError, Transient, "exchange failed"),
)


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, decompressed. Header names in lower case; one that came several times has its values joined by commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Unanswered(Exception):
    """No whole answer: `reaction` is the error that says what to do about it. The message names neither source nor address."""

    def __init__(self, reaction: type[ProviderError], words: str, body: bytes = b"") -> None:
        super().__init__(words)
        self.reaction = reaction
        self.body = body
        """What had come of an answer that is too long."""


class Transport(Protocol):
    """Performs exchanges with one provider."""

    async def send(self, outgoing: Outgoing) -> Received:
        """One exchange, of whatever status; redirects are not followed. Raises Unanswered."""

    async def aclose(self) -> None:
        """Close every connection."""


class PooledTransport:
    """At most MAX_CONNECTIONS exchanges at a time, KEPT_ALIVE idle connections.

    `upstream_url`, where it is not empty, is who is really asked: directly, never through a proxy, and `upstream_ca` is trusted besides the
    system's authorities.
    """

    def __init__(self, upstream_url: str = "", upstream_ca: Path | None = None) -> None:
        builder = (
            ClientBuilder()
            .http2(True)
            .http2_adaptive_window(True)
            .follow_redirects(False)
            .referer(False)
            .max_connections(MAX_CONNECTIONS)
            .pool_max_idle_per_host(KEPT_ALIVE)
            .pool_idle_timeout(KEPT_ALIVE_FOR)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent(USER_AGENT)
        )
        if upstream_url:
            builder = builder.no_proxy()
            if upstream_ca is not None:
                builder = builder.add_root_certificate_pem(upstream_ca.read_bytes())
        self._client: Client = builder.build()

    async def send(self, outgoing: Outgoing) -> Received:
        try:
            request = self._client.request(outgoing.method, outgoing.url).headers(dict(outgoing.headers))
            async with (request.body_bytes(outgoing.body) if outgoing.body else request).build_streamed() as response:
                body = bytearray()
                while (chunk := await response.body_reader.read_chunk()) is not None:
                    body += chunk
                    if len(body) > MAX_BODY_BYTES:
                        raise Unanswered(PayloadChanged, f"body over {MAX_BODY_BYTES // 2**20} MB refused", bytes(body))
                headers: dict[str, str] = {}
                for name, value in response.headers.items():
                    headers[name] = f"{headers[name]}, {value}" if name in headers else value
                return Received(status=response.status, headers=headers, body=bytes(body))
        except (PyreqwestError, ValueError) as error:
            raise next(Unanswered(reaction, words) for kind, reaction, words in REACTIONS if isinstance(error, kind)) from error

    async def aclose(self) -> None:
        await self._client.close()
