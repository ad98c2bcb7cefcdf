"""HTTP for adapters: performs the requests an adapter describes, and translates what goes wrong into adapters.errors, once.

Adapters know only real addresses. Everything below works on those too; only `ProviderClient._send` rewrites them to an upstream
(the simulated market), so that redirects and next links are judged, and errors named, by the provider's own host.
"""

import asyncio
import hashlib
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import h2.connection  # noqa: F401 - httpcore would load it within the first exchange, at 30 ms
import httpx
import msgspec

from adapters.base import Adapter, Outgoing, Page, Request, Slice
from adapters.bodies import decode_json, decode_text
from adapters.earlier import EarlierAnswers
from adapters.errors import AuthFailed, PayloadChanged, ProviderError, Transient
from adapters.limits import Bucket, asked_rest_s

MAX_BODY_BYTES = 16 * 1024 * 1024
EXCERPT_BYTES = 64 * 1024
MAX_PAGES = 200
MAX_REDIRECTS = 3
LONGEST_WAIT_S = 1.0
"""A rest that is over within this time is waited for."""
TOKEN_MARGIN_S = 30.0
LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=5, keepalive_expiry=30.0)
TIMEOUT = httpx.Timeout(connect=5.0, read=12.0, write=10.0, pool=12.0)
HEADERS = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": "gputicker/0.1 (price feed)"}

# What the caller does next, by status code. 401 and 403 depend on whether a credential was sent; every other 4xx is PayloadChanged.
TRANSIENT_STATUS = frozenset({408, 423, 425, 429})
AUTH_STATUS = frozenset({401, 403})

# First match wins. Their own texts may hold headers or addresses, so only these words are passed on.
TRANSPORT_ERRORS: tuple[tuple[type[Exception], type[ProviderError], str], ...] = (
    (httpx.ConnectTimeout, Transient, "timed out while connecting"),
    (httpx.PoolTimeout, Transient, "timed out waiting for a free connection"),
    (httpx.TimeoutException, Transient, "timed out waiting for the answer"),
    (httpx.ConnectError, Transient, "could not connect"),
    (httpx.TransportError, Transient, "connection lost"),
    (httpx.DecodingError, PayloadChanged, "body cannot be decompressed"),
    (httpx.InvalidURL, PayloadChanged, "address is not valid"),
    (httpx.HTTPError, Transient, "exchange failed"),
    (OSError, Transient, "connection lost"),
)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One page and the bytes it was decoded from."""

    page: Page
    raw: bytes


class SliceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All pages of one slice, in the order of its requests. `digest` is the SHA-256 (hex) of their bodies, one after the other."""

    slice: Slice
    answers: tuple[Answer, ...]
    digest: str

    @property
    def pages(self) -> list[Page]:
        """What `Adapter.parse` takes."""
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


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Verifies against `ca_file` (the simulated market's) or the usual authorities. Costs 20 ms: make one, share it among clients."""
    return httpx.create_ssl_context() if ca_file is None else ssl.create_default_context(cafile=str(ca_file))


class ProviderClient:
    """One pooled HTTP/2 client for one source.

    `credentials` holds the values of `adapter.credential` by name; empty means that nothing is authenticated (recorded bodies).
    `bucket` holds the provider's limits and may be shared by clients that ask the same host; without one only the rests that the
    provider asks for are kept. Use as an async context manager, or call `aclose`.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        credentials: Mapping[str, str] | None = None,
        upstream_url: str = "",
        tls: ssl.SSLContext | None = None,
        bucket: Bucket | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.counters = Counters()
        self._adapter = adapter
        self._host = urlsplit(adapter.base_url).netloc
        self._hosts = {self._host, *(request.host for part in adapter.slices() for request in part.requests if request.host)}
        self._credentials = dict(credentials or {})
        self._upstream = upstream_url.rstrip("/")
        self._bucket = bucket or Bucket(())
        self._earlier = EarlierAnswers()
        self._clock, self._now, self._sleep = clock, now, sleep
        self._token = ""
        self._token_until = 0.0
        self._token_lock = asyncio.Lock()
        self._room = asyncio.Semaphore(LIMITS.max_connections or 1)
        self._http = httpx.AsyncClient(
            http2=True,
            limits=LIMITS,
            timeout=TIMEOUT,
            headers=HEADERS,
            follow_redirects=False,
            trust_env=not self._upstream,
            verify=tls or True,
            transport=transport,
        )

    async def __aenter__(self) -> "ProviderClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    @property
    def rests_s(self) -> float:
        """Seconds that the provider asked still to be left alone; 0 where it did not."""
        return self._bucket.rests_s(self._clock())

    def forget(self) -> None:
        """The last answers were not believed: ask for them in full the next time."""
        self._earlier.forget()

    async def fetch(self, request: Request) -> Answer:
        """Perform one request. Raises Transient, AuthFailed or PayloadChanged, naming source and request."""
        async with self._room:
            headers, raw = await self._authenticated(request)
        try:
            body = decode_json(raw) if request.answer == "json" else decode_text(raw)
        except PayloadChanged as error:
            self.forget()
            raise PayloadChanged(f"{self._name(request)}: {error}", field=error.field, body=raw) from error
        page = Page(request=request, status=httpx.codes.OK, headers=headers, body=body)
        return Answer(page=page, raw=raw)

    async def fetch_slice(self, part: Slice) -> SliceAnswer:
        """Perform all requests of a slice at once, and follow each to its last page. Raises as `fetch`; the first failure counts."""
        chains = await asyncio.gather(*(self._chain(request) for request in part.requests), return_exceptions=True)
        answers: list[Answer] = []
        for chain in chains:
            if isinstance(chain, BaseException):
                raise chain
            answers += chain
        digest = hashlib.sha256()
        for answer in answers:
            digest.update(answer.raw)
        return SliceAnswer(slice=part, answers=tuple(answers), digest=digest.hexdigest())

    async def _chain(self, first: Request) -> list[Answer]:
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
        try:
            return self._adapter.next_page(answer.page)
        except PayloadChanged as error:
            raise PayloadChanged(f"{self._name(answer.page.request)}: {error}", field=error.field, body=answer.raw) from error
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            message = f"{self._name(answer.page.request)}: next page cannot be read ({type(error).__name__})"
            raise PayloadChanged(message, field="next page", body=answer.raw) from error

    async def _authenticated(self, request: Request) -> tuple[Mapping[str, str], bytes]:
        url, query = self._address(request)
        if self._adapter.auth != "oauth2_client" or not self._credentials_for(request):
            return await self._redirected(request, url, query, self._bearer(request))
        token = await self._oauth2_token(refused="")
        try:
            return await self._redirected(request, url, query, token)
        except AuthFailed:
            if self.counters.last_status != httpx.codes.UNAUTHORIZED:
                raise
        # The token may have been withdrawn before its time: one new one, once.
        return await self._redirected(request, url, query, await self._oauth2_token(refused=token))

    async def _redirected(self, request: Request, url: str, query: Mapping[str, str], token: str) -> tuple[Mapping[str, str], bytes]:
        for _ in range(MAX_REDIRECTS + 1):
            address = str(httpx.URL(url).copy_merge_params(dict(query)))
            asked_again = self._adapter.conditional and request.method == "GET"
            earlier = self._earlier.of(address) if asked_again else None
            if earlier is not None:
                request = msgspec.structs.replace(request, headers={**request.headers, **earlier.conditions})
            response, raw = await self._send(request, url, query, token)
            if earlier is not None and response.status_code == httpx.codes.NOT_MODIFIED:
                self.counters.unchanged += 1
                self.counters.bytes_saved += len(earlier.raw)
                return earlier.headers, earlier.raw
            if not response.has_redirect_location:
                self._check_status(request.name, response, raw, authenticated=bool(self._credentials_for(request)))
                headers = dict(response.headers)
                if asked_again:
                    self._earlier.keep(address, headers, raw)
                return headers, raw
            url, query = self._redirect_target(request, url, response), {}
        raise PayloadChanged(f"{self._name(request)}: more than {MAX_REDIRECTS} redirects", field="location")

    def _redirect_target(self, request: Request, url: str, response: httpx.Response) -> str:
        target = urljoin(url, response.headers["location"])
        parts = urlsplit(target)
        if parts.scheme != "https" or parts.netloc != urlsplit(url).netloc:
            raise PayloadChanged(f"{self._name(request)}: redirect to another host, {parts.hostname}, refused", field="location")
        if request.method != "GET" and response.status_code not in (307, 308):
            raise PayloadChanged(f"{self._name(request)}: a {request.method} was redirected with {response.status_code}", field="location")
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

    async def _send(self, request: Request, url: str, query: Mapping[str, str], token: str) -> tuple[httpx.Response, bytes]:
        name = request.name
        await self._wait_for_turn(name)
        self.counters.requests += 1
        self.counters.last_status = None
        try:
            outgoing = self._outgoing(request, url, query, token)
            target = httpx.URL(self._rewritten(outgoing.url))
            if outgoing.query:
                target = target.copy_merge_params(dict(outgoing.query))
            async with self._http.stream(
                outgoing.method, target, content=outgoing.body or None, headers=dict(outgoing.headers)
            ) as response:
                self.counters.last_status = response.status_code
                rest_s = asked_rest_s(response.status_code, response.headers, self._now())
                if rest_s is not None:
                    self._bucket.rest(self._clock() + rest_s)
                return response, await self._read(name, response)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            for kind, translated, words in TRANSPORT_ERRORS:
                if isinstance(error, kind):
                    raise translated(f"{self._adapter.source}: {name}: {words}") from error
            raise

    def _outgoing(self, request: Request, url: str, query: Mapping[str, str], token: str) -> Outgoing:
        """The request as it goes out: with the adapter's own headers and, where there are credentials, authenticated."""
        adapter = self._adapter
        headers = {**adapter.headers, **request.headers}
        query = dict(query)
        if request.answer == "text":
            headers["accept"] = "text/html,application/xhtml+xml,application/xml"
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

    async def _read(self, name: str, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                message = f"{self._adapter.source}: {name}: body over {MAX_BODY_BYTES // 2**20} MB refused"
                self.counters.bytes += len(body)
                raise PayloadChanged(message, field="body", body=bytes(body[:EXCERPT_BYTES]))
        self.counters.bytes += len(body)
        return bytes(body)

    def _check_status(self, name: str, response: httpx.Response, raw: bytes, *, authenticated: bool) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            return
        message = f"{self._adapter.source}: {name}: HTTP {status}"
        if status in AUTH_STATUS and authenticated:
            raise AuthFailed(message)
        if status in TRANSIENT_STATUS or status in AUTH_STATUS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise Transient(message, retry_after_s=asked_rest_s(status, response.headers, self._now()), http_status=status)
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
            response, raw = await self._send(Request(name="token", path="", method="POST", json=grant), url, {}, token="")
            if response.status_code in (400, *AUTH_STATUS):
                raise AuthFailed(f"{self._adapter.source}: token: HTTP {response.status_code}")
            self._check_status("token", response, b"", authenticated=True)
            try:
                answer = msgspec.json.decode(raw, type=_Token)
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
