"""History: for every source and moment exactly the slices and pages that a poll at that moment would have got, as NDJSON."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit

import msgspec

from adapters.base import Adapter, Page, Request
from adapters.fetch.client import MAX_PAGES
from sim.exchange import Answer, Exchange, dumps
from sim.simulated import Simulated
from sim.wire.templates import decode

LONGEST_MS = 31 * 86_400_000
SHORTEST_STEP_MS = 1_000
CREDENTIAL = "sim-key"


class BadRange(ValueError):
    """The asked range of history cannot be. The message names the parameter."""


class PageLine(msgspec.Struct):
    name: str
    page: int
    status: int
    headers: Mapping[str, str]
    body: msgspec.Raw


class SliceLine(msgspec.Struct):
    name: str
    pages: list[PageLine]


class Line(msgspec.Struct):
    at_ms: int
    source: str
    slices: list[SliceLine]


def asked_range(query: Mapping[str, str]) -> range:
    """The moments that from_ms (inclusive), to_ms (exclusive) and step_ms name. Raises BadRange."""
    numbers = []
    for name in ("from_ms", "to_ms", "step_ms"):
        if not query.get(name, "").isdecimal():
            raise BadRange(f"{name}: must be a whole number of milliseconds")
        numbers.append(int(query[name]))
    start, end, step = numbers
    if not 0 < end - start <= LONGEST_MS:
        raise BadRange("to_ms: must be after from_ms, by at most 31 days")
    if step < SHORTEST_STEP_MS:
        raise BadRange("step_ms: must be at least 1000")
    return range(start, end, step)


def lines(simulated: Simulated, adapters: Sequence[Adapter], moments: range) -> Iterator[bytes]:
    """One line per moment and source, in time order, each with its newline."""
    known = [adapter for adapter in adapters if adapter.source in simulated.wires]
    plans = [
        (adapter, [(part.name, [(r, exchange_of(adapter, r)) for r in part.requests]) for part in adapter.slices()]) for adapter in known
    ]
    for at_ms in moments:
        for adapter, slices in plans:
            answered = [
                SliceLine(name, [line for request, exchange in requests for line in _chain(simulated, adapter, request, exchange, at_ms)])
                for name, requests in slices
            ]
            yield dumps(Line(at_ms, adapter.source, answered)) + b"\n"


def exchange_of(adapter: Adapter, request: Request) -> Exchange:
    """The request as the provider would see it, authenticated: also for an absolute link that an answer carried."""
    base_url = f"https://{request.host}" if request.host else adapter.base_url
    parts = urlsplit(request.path if request.path.startswith("https://") else base_url + request.path)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **request.query}
    headers = {name.lower(): value for name, value in request.headers.items()}
    path = parts.path
    for name in adapter.credential:
        path = path.replace(f"{{{name}}}", CREDENTIAL)
    match adapter.auth:
        case "query":
            query |= dict.fromkeys(adapter.auth_names, CREDENTIAL)
        case "header":
            headers |= {name.lower(): adapter.auth_prefix + CREDENTIAL for name in adapter.auth_names}
        case "none":
            pass
        case _:
            headers["authorization"] = f"Bearer {CREDENTIAL}"
    body = b"" if request.json is None else msgspec.json.encode(request.json)
    return Exchange(request.method, parts.netloc, path, query, headers, body)


def _chain(simulated: Simulated, adapter: Adapter, first: Request, exchange: Exchange, at_ms: int) -> Iterator[PageLine]:
    follows = type(adapter).next_page is not Adapter.next_page
    request: Request | None = first
    for _ in range(MAX_PAGES):
        if request is None:
            return
        answer = simulated.answer(exchange, at_ms)
        text = answer.body if request.answer == "json" else msgspec.json.encode(answer.body.decode())
        yield PageLine(request.name, request.page, answer.status, answer.headers, msgspec.Raw(text))
        request = adapter.next_page(_page(request, answer)) if follows else None
        if request is not None:
            exchange = exchange_of(adapter, request)


def _page(request: Request, answer: Answer) -> Page:
    return Page(request=request, status=answer.status, headers=answer.headers, body=decode(answer.body, request))
