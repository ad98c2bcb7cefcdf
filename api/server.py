"""HTTP over the service: dispatch, errors, status pages, static files, and a cache of answers that lasts at most a second."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from api import metrics, openapi
from api.answers import StatusTold
from api.errors import ApiError, TooLarge
from api.http import HEADERS, Answer, error_answer, json_answer
from api.pages import Page, load_pages
from api.params import read_body, read_query
from api.routes import ROUTES, Route
from api.service import Service, encode

log = logging.getLogger(__name__)

MAX_BODY = 4096
MAX_CACHED = 512
UNMATCHED = "unmatched"
KNOWN_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class Server:
    """The RSGI application.

    An answer of a cached route is sent again for the same path and query until the second ends, a snapshot changes, or some offer
    stops being fresh or served, whichever comes first: so a label is never wrong and an age never by more than a second.
    """

    def __init__(self, service: Service, counted: metrics.Metrics) -> None:
        self._service = service
        self._metrics = counted
        self._routes: dict[str, dict[str, Route]] = {}
        for route in ROUTES:
            self._routes.setdefault(route.path, {})[route.method] = route
        self._pages: dict[str, Page] = load_pages(service.store.market)
        self._openapi = encode(openapi.document(service.store.market))
        self._plain: dict[str, Callable[[], Answer]] = {
            "/healthz": lambda: self._status_page(self._service.alive()),
            "/readyz": lambda: self._status_page(self._service.ready()),
            "/metrics": self._metrics_page,
            "/openapi.json": lambda: json_answer(200, self._openapi),
        }
        self._cached: dict[tuple[str, str], tuple[Route, Answer]] = {}
        self._cached_until_ms = 0
        self._cached_version = -1
        self._due: list[str] = []

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        began = time.perf_counter()
        method, path, query = scope.method, scope.path, scope.query_string
        now_ms = self._service.clock_ms()
        if now_ms > self._cached_until_ms or self._service.store.version != self._cached_version:
            self._begin_moment(now_ms)
        cached = self._cached.get((path, query)) if method == "GET" else None
        if cached is not None:
            route, answer = cached
            name = route.path
            if self._due and route.asks_for_refresh:
                self._ask_for_refresh()
        else:
            name, answer = await self._answer(scope, protocol, method, path, query)
        protocol.response_bytes(answer.status, answer.headers, answer.body)
        self._metrics.count(name, method if method in KNOWN_METHODS else "other", answer.status, time.perf_counter() - began)

    async def _answer(self, scope: Any, protocol: Any, method: str, path: str, query: str) -> tuple[str, Answer]:
        """The route's name for metrics, and the answer."""
        name = path if path in self._routes or path in self._plain or path in self._pages else UNMATCHED
        try:
            return name, await self._dispatch(scope, protocol, method, path, query)
        except ApiError as error:
            headers = [] if error.retry_after_s is None else [("retry-after", str(error.retry_after_s))]
            return name, error_answer(error.status, error.message, error.parameter, *headers)
        except Exception:
            log.exception("%s %s failed", method, name)
            return name, error_answer(500, "something went wrong here; it is in the log")

    async def _dispatch(self, scope: Any, protocol: Any, method: str, path: str, query: str) -> Answer:
        routes = self._routes.get(path)
        if routes is None and path not in self._plain and path not in self._pages:
            return error_answer(404, "no such path; /docs lists what there is")
        methods = {"GET"} if routes is None else set(routes)
        allowed = sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))
        if method == "OPTIONS":
            return Answer(204, [*HEADERS, ("allow", ", ".join(allowed))], b"")
        if method not in allowed:
            told = ", ".join(allowed)
            return error_answer(405, f"{method} is not allowed here; {told} are", None, ("allow", told))
        if routes is not None:
            return await self._call(routes[method if method != "HEAD" else "GET"], protocol, query, method == "GET")
        page = self._pages.get(path)
        return self._plain[path]() if page is None else page.answer(scope.headers.get("if-none-match"))

    async def _call(self, route: Route, protocol: Any, query: str, may_cache: bool) -> Answer:
        parameters = read_query(query, route.parameters)
        if route.body is not None:
            told = route.handler(self._service, read_body(await _body(protocol), route.body))
        else:
            told = route.handler(self._service, parameters)
        if route.asks_for_refresh:
            self._ask_for_refresh()
        answer = json_answer(route.status, await told if isinstance(told, Awaitable) else told)
        if route.cached and may_cache:
            if len(self._cached) >= MAX_CACHED:
                self._cached.clear()
            self._cached[route.path, query] = (route, answer)
        return answer

    def _begin_moment(self, now_ms: int) -> None:
        store = self._service.store
        self._cached.clear()
        self._cached_version = store.version
        end_of_second_ms = now_ms // 1000 * 1000 + 999
        unchanged_ms = store.unchanged_until_ms(now_ms)
        self._cached_until_ms = end_of_second_ms if unchanged_ms is None else min(end_of_second_ms, unchanged_ms)
        self._due = store.due(now_ms)

    def _ask_for_refresh(self) -> None:
        if self._due:
            self._service.feed.ask_soon(self._due)
            self._due = []

    def _status_page(self, told: StatusTold) -> Answer:
        return json_answer(200 if told.status in ("ok", "ready") else 503, encode(told))

    def _metrics_page(self) -> Answer:
        service = self._service
        body = metrics.render(self._metrics, service.store, service.feed, service.history, service.clock_ms())
        return Answer(200, [("content-type", metrics.CONTENT_TYPE), *HEADERS], body)


async def _body(protocol: Any) -> bytes:
    body = b""
    async for chunk in protocol:
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLarge(f"longer than {MAX_BODY} bytes", "body")
    return body
