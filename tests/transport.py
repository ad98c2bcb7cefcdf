"""A transport whose other side is a function or an ASGI application: no sockets."""

import httpx

from adapters.base import Outgoing
from adapters.errors import Transient
from adapters.transport import USER_AGENT, Received, Unanswered


class InProcess:
    """adapters.transport.Transport over httpx.MockTransport or httpx.ASGITransport. What httpx raises is what a connection may come to."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def send(self, outgoing: Outgoing) -> Received:
        headers = {"user-agent": USER_AGENT, **outgoing.headers}
        request = httpx.Request(outgoing.method, outgoing.url, headers=headers, content=outgoing.body or None)
        try:
            response = await self._inner.handle_async_request(request)
            body = await response.aread()
        except httpx.TimeoutException as error:
            raise Unanswered(Transient, "timed out waiting for the answer") from error
        except (httpx.TransportError, OSError) as error:
            raise Unanswered(Transient, "could not connect") from error
        return Received(status=response.status_code, headers=dict(response.headers), body=body)

    async def aclose(self) -> None:
        await self._inner.aclose()
