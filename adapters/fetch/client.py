"""HTTP for adapters: performs the requests an adapter describes, and translates what goes wrong into adapters.errors, once.

Adapters know only real addresses. Everything below works on those too; only `ProviderClient._send` rewrites them to an upstream
(the simulated market), so that redirects and next links are judged, and errors named, by the provider's own host.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

import msgspec

from adapters.base import Adapter, Outgoing, Page, Request, Slice
from adapters.bodies import decode_json, decode_text
from adapters.errors import AuthFailed, PayloadChanged, Transient
from adapters.fetch.asides import Asides
from adapters.fetch.earlier import EarlierAnswers
from adapters.fetch.transport import MAX_CONNECTIONS, Received, Transport, Unanswered
from adapters.limits import Bucket, asked_rest_s

EXCERPT_BYTES = 64 * 1024
MAX_PAGES = 200
MAX_REDIRECTS = 3
LONGEST_WAIT_S = 1.0
"""A rest that is over within this time is waited for."""
TOKEN_MARGIN_S = 30.0
ACCEPT = {"json": "application/json", "text": "text/html,application/xhtml+xml,application/xml"}
REDIRECTS = frozenset({301, 302, 303, 307, 308})

# What the caller does next, by status code. 401 and 403 depend on whether a credential was sent; every other 4xx is PayloadChanged.
TRANSIENT_STATUS = frozenset({408, 423, 425, 429})
AUTH_STATUS = frozenset({401, 403})


class Answer(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One page's bytes, and the page, decoded when it is first asked for: the same bytes as before need not be."""

    request: Request
    headers: Mapping[str, str]
    raw: bytes
    name: str
    """Source and request, for errors."""

    @cached_property
    def page(self) -> Page:
        """What `Adapter.parse` and `next_page` read. Raises PayloadChanged (field `body`) where the body is not what was asked for."""
        try:
            body = decode_json(self.raw) if self.request.answer == "json" else decode_text(self.raw)
        except PayloadChanged as error:
            raise PayloadChanged(f"{self.name}: {error}", field=error.field, body=self.raw) from error
        return Page(request=self.request, status=HTTPStatus.OK, headers=self.headers, body=body)


class SliceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All pages of one slice, in the order of its requests. `digest` is the SHA-256 (hex) of their bodies, one after the other."""

    slice: Slice
    answers: tuple[Answer, ...]
    digest: str
    trouble: str | None = None
    """What could not be had, or not newly, of the requests that are `aside`."""

    @property
    def size(self) -> int:
        """Bytes of all bodies."""
        return sum(len(answer.raw) for answer in self.answers)

    @property
    def pages(self) -> list[Page]:
        """What `Adapter.parse` takes. Raises as `Answer.page`."""
        return [answer.page for answer in self.answers]


class Counters(msgspec.Struct):
    """What went over the wire since the client was made, and what did not: answers that stood unchanged (304), and their bytes."""

    requests: int = 0
    bytes: int = 0
    unchanged: int = 0
    bytes_saved: int = 0
    last_status: int | None = None

    def since(self, earlier: "Counters") -> "Counters":
        """What was added to an earlier copy of these."""
        return Counters(
            requests=self.requests - earlier.requests,
            bytes=self.bytes - earlier.bytes,
            unchanged=self.unchanged - earlier.unchanged,
            bytes_saved=self.bytes_saved - earlier.bytes_saved,
            last_status=self.last_status,
        )


def with_query(url: str, query: Mapping[str, str]) -> str:
    """The address with these parameters, in place of its own of the same names."""
    if not query:
        return url
    parts = urlsplit(url)
    merged = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **query}
    return urlunsplit(parts._replace(query=urlencode(merged, quote_via=quote)))


class ProviderClient:
    """One source's exchanges, over a transport of its own.

    `credentials` holds the values of `adapter.credential` by name; empty means that nothing is authenticated (recorded bodies).
    `bucket` holds the provider's limits and may be shared by clients that ask the same host; without one only the rests that the
    provider asks for are kept. Use as an async context manager, or call `aclose`.
    """

    def __init__(
        self,
        adapter: Adapter,
        transport: Transport,
        *,
        credentials: Mapping[str, str] | None = None,
        upstream_url: str = "",
        bucket: Bucket | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.counters = Counters()
        self._adapter = adapter
        self._host = urlsplit(adapter.base_url).netloc
        self._hosts = {self._host, *(request.host for part in adapter.slices() for request in part.requests if request.host)}
        self._pages = type(adapter).next_page is not Adapter.next_page
        self._credentials = dict(credentials or {})
        self._upstream = upstream_url.rstrip("/")
        self._bucket = bucket or Bucket(())
        self._earlier = EarlierAnswers()
        self._asides = Asides(self._readable, clock)
        self._clock, self._now, self._sleep = clock, now, sleep
        self._token = ""
        self._token_until = 0.0
        self._token_lock = asyncio.Lock()
        self._room = asyncio.Semaphore(MAX_CONNECTIONS)
        self._transport = transport

    async def __aenter__(self) -> "ProviderClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    @property
    def rests_s(self) -> float:
        """Seconds that the provider asked still to be left alone; 0 where it did not."""
        return self._bucket.rests_s(self._clock())

    def forget(self) -> None:
        """The last answers were not believed: ask for them in full the next time."""
        self._earlier.forget()

    async def fetch(self, request: Request) -> Answer:
        """Perform one request. Raises Transient, AuthFailed or PayloadChanged, naming source and request; what it holds is read later."""
        async with self._room:
            headers, raw = await self._authenticated(request)
        return Answer(request=request, headers=headers, raw=raw, name=self._name(request))

    async def fetch_slice(self, part: Slice) -> SliceAnswer:
        """Perform all requests of a slice at once, and follow each to its last page. Raises as `fetch`; the first failure counts."""
        troubles: list[str] = []
        asked = (self._aside(request, troubles) if request.aside else self._chain(request) for request in part.requests)
        chains = await asyncio.gather(*asked, return_exceptions=True)
        answers: list[Answer] = []
        for chain in chains:
            if isinstance(chain, BaseException):
                raise chain
            answers += chain
        digest = hashlib.sha256()
        for answer in answers:
            digest.update(answer.raw)
        return SliceAnswer(slice=part, answers=tuple(answers), digest=digest.hexdigest(), trouble="; ".join(troubles) or None)

    async def _aside(self, request: Request, troubles: list[str]) -> list[Answer]:
        answer, trouble = await self._asides.of(request)
        if trouble:
            troubles.append(trouble)
        return [] if answer is None else [answer]

    async def _readable(self, request: Request) -> Answer:
        """The answer to a request that is aside, decoded: in a thread, because it may be long."""
        answer = await self.fetch(request)
        await asyncio.to_thread(lambda: answer.page)
        return answer

    async def _chain(self, first: Request) -> list[Answer]:
        if not self._pages:
            return [await self.fetch(first)]
        answers: list[Answer] = []
        request: Request | None = first
        seen_bodies: set[bytes] = set()
        while request is not None:
            if len(answers) == MAX_PAGES:
                raise PayloadChanged(f"{self._name(first)}: more than {MAX_PAGES} pages", field="next page")
            answer = await self.fetch(request)
            digest = hashlib.sha256(answer.raw).digest()
            if digest in seen_bodies:
                raise PayloadChanged(f"{self._name(first)}: the same page came twice", field="next page", body=answer.raw)
            seen_bodies.add(digest)
            answers.append(answer)
            request = self._next(answer)
        return answers

    def _next(self, answer: Answer) -> Request | None:
        page = answer.page
        try:
            return self._adapter.next_page(page)
        except PayloadChanged as error:
            raise PayloadChanged(f"{answer.name}: {error}", field=error.field, body=answer.raw) from error
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            message = f"{answer.name}: next page cannot be read ({type(error).__name__})"
            raise PayloadChanged(message, field="next page", body=answer.raw) from error

    async def _authenticated(self, request: Request) -> tuple[Mapping[str, str], bytes]:
        url, query = self._address(request)
        if self._adapter.auth != "oauth2_client" or not self._credentials_for(request):
            return await self._redirected(request, url, query, self._bearer(request))
        token = await self._oauth2_token(refused="")
        try:
            return await self._redirected(request, url, query, token)
        except AuthFailed:
            if self.counters.last_status != HTTPStatus.UNAUTHORIZED:
                raise
        # The token may have been withdrawn before its time: one new one, once.
        return await self._redirected(request, url, query, await self._oauth2_token(refused=token))

    async def _redirected(self, request: Request, url: str, query: Mapping[str, str], token: str) -> tuple[Mapping[str, str], bytes]:
        for _ in range(MAX_REDIRECTS + 1):
            address = with_query(url, query)
            asked_again = (self._adapter.conditional or request.aside) and request.method == "GET"
            earlier = self._earlier.of(address) if asked_again else None
            conditions = earlier.conditions if earlier else {}
            received = await self._send(msgspec.structs.replace(request, headers={**request.headers, **conditions}), url, query, token)
            if earlier is not None and received.status == HTTPStatus.NOT_MODIFIED:
                self.counters.unchanged += 1
                self.counters.bytes_saved += len(earlier.raw)
                return earlier.headers, earlier.raw
            if received.status not in REDIRECTS or "location" not in received.headers:
                self._check_status(request.name, received, received.body, authenticated=bool(self._credentials_for(request)))
                if asked_again:
                    self._earlier.keep(address, received.headers, received.body)
                return received.headers, received.body
            url, query = self._redirect_target(request, url, received), {}
        raise PayloadChanged(f"{self._name(request)}: more than {MAX_REDIRECTS} redirects", field="location")

    def _redirect_target(self, request: Request, url: str, received: Received) -> str:
        target = urljoin(url, received.headers["location"])
        parts = urlsplit(target)
        if parts.scheme != "https" or parts.netloc != urlsplit(url).netloc:
            raise PayloadChanged(f"{self._name(request)}: redirect to another host, {parts.hostname}, refused", field="location")
        if request.method != "GET" and received.status not in (307, 308):
            raise PayloadChanged(f"{self._name(request)}: a {request.method} was redirected with {received.status}", field="location")
        return target

    def _address(self, request: Request) -> tuple[str, Mapping[str, str]]:
        host = request.host or self._host
        if host not in self._hosts:
            raise PayloadChanged(f"{self._name(request)}: another host, {host}, refused", field="next page")
        # A path without its slash would lengthen the host's name.
        if request.path.startswith("/"):
            path = request.path
            for name, value in self._credentials_for(request).items():
                path = path.replace(f"{{{name}}}", quote(value, safe=""))
            return f"https://{host}{path}", request.query
        parts = urlsplit(request.path)
        if parts.scheme != "https" or parts.netloc != host:
            raise PayloadChanged(f"{self._name(request)}: link to another host, {parts.hostname}, refused", field="next page")
        return request.path, request.query

    async def _send(self, request: Request, url: str, query: Mapping[str, str], token: str) -> Received:
        await self._wait_for_turn(request.name)
        self.counters.requests += 1
        self.counters.last_status = None
        outgoing = self._outgoing(request, url, query, token)
        target = with_query(self._rewritten(outgoing.url), outgoing.query)
        try:
            received = await self._transport.send(msgspec.structs.replace(outgoing, url=target, query={}))
        except Unanswered as error:
            self.counters.bytes += len(error.body)
            message = f"{self._adapter.source}: {request.name}: {error}"
            if error.reaction is PayloadChanged:
                raise PayloadChanged(message, field="body", body=error.body[:EXCERPT_BYTES]) from error
            raise error.reaction(message) from error
        self.counters.last_status = received.status
        self.counters.bytes += len(received.body)
        rest_s = asked_rest_s(received.status, received.headers, self._now())
        # What is aside has a host and a rest of its own (adapters/fetch/asides.py).
        if rest_s is not None and not request.aside:
            self._bucket.rest(self._clock() + rest_s)
        return received

    def _outgoing(self, request: Request, url: str, query: Mapping[str, str], token: str) -> Outgoing:
        """The request as it goes out: with the adapter's own headers and, where there are credentials, authenticated."""
        adapter = self._adapter
        headers = {"accept": ACCEPT[request.answer], **adapter.headers, **request.headers}
        query = dict(query)
        if token:
            headers["authorization"] = f"Bearer {token}"
        credentials = self._credentials_for(request)
        values = [credentials[name] for name in adapter.credential if name in credentials]
        if adapter.auth == "header":
            headers |= {name.lower(): adapter.auth_prefix + value for name, value in zip(adapter.auth_names, values, strict=False)}
        elif adapter.auth == "query":
            query |= dict(zip(adapter.auth_names, values, strict=False))
        body = b""
        if request.json is not None:
            body = msgspec.json.encode(request.json)
            headers["content-type"] = "application/json"
        outgoing = Outgoing(method=request.method, url=url, query=query, headers=headers, body=body)
        if adapter.auth == "signed" and credentials:
            return adapter.sign(outgoing, credentials, self._now())
        return outgoing

    def _check_status(self, name: str, received: Received, raw: bytes, *, authenticated: bool) -> None:
        status = received.status
        if status == HTTPStatus.OK:
            return
        message = f"{self._adapter.source}: {name}: HTTP {status}"
        meant = self._adapter.meaning(status, raw)
        if meant is AuthFailed or (meant is None and status in AUTH_STATUS and authenticated):
            raise AuthFailed(message)
        if meant is Transient or status in TRANSIENT_STATUS or status in AUTH_STATUS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Transient(message, retry_after_s=asked_rest_s(status, received.headers, self._now()), http_status=status)
        raise PayloadChanged(message, field="status", body=raw or f"HTTP {status}".encode())

    def _rewritten(self, url: str) -> str:
        if not self._upstream:
            return url
        return f"{self._upstream}/{url.removeprefix('https://')}"

    async def _wait_for_turn(self, name: str) -> None:
        rests_s = self.rests_s
        if rests_s > LONGEST_WAIT_S:
            # Asked for by an earlier answer: nothing goes out before that.
            raise Transient(f"{self._adapter.source}: {name}: the provider wants to be left alone", retry_after_s=rests_s)
        start_s = self._bucket.take(self._clock() + rests_s)
        await self._sleep(start_s - self._clock())

    def _credentials_for(self, request: Request) -> Mapping[str, str]:
        return {} if request.public else self._credentials

    def _bearer(self, request: Request) -> str:
        credentials = self._credentials_for(request)
        return credentials[self._adapter.credential[0]] if self._adapter.auth == "bearer" and credentials else ""

    async def _oauth2_token(self, refused: str) -> str:
        """The cached token, or a new one where there is none, it has run out, or it is the one just refused."""
        async with self._token_lock:
            if self._token and self._token != refused and self._clock() < self._token_until:
                return self._token
            client_id, client_secret = (self._credentials[name] for name in self._adapter.credential[:2])
            # A JSON body, as Verda's own SDK sends it (verda-cloud/sdk-python, verda/authentication, 2026).
            grant = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
            url = f"{self._adapter.base_url}{self._adapter.token_path}"
            received = await self._send(Request(name="token", path="", method="POST", json=grant), url, {}, token="")
            if received.status in (400, *AUTH_STATUS):
                raise AuthFailed(f"{self._adapter.source}: token: HTTP {received.status}")
            self._check_status("token", received, b"", authenticated=True)
            try:
                answer = msgspec.json.decode(received.body, type=_Token)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                # Never the body: it may hold a token.
                raise PayloadChanged(f"{self._adapter.source}: token: no access_token in the answer", field="access_token") from error
            self._token = answer.access_token
            self._token_until = self._clock() + max(answer.expires_in - TOKEN_MARGIN_S, 0.0)
            return self._token

    def _name(self, request: Request) -> str:
        page = f" page {request.page}" if request.page > 1 else ""
        return f"{self._adapter.source}: {request.name}{page}"


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = 3600.0
