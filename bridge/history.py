"""History as lines of answers: reads them from the simulated market, a file, an address or the body archive, and parses each moment."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import msgspec
import zstandard

from adapters.base import Adapter, Page, Request
from adapters.errors import PayloadChanged, ProviderError
from adapters.http import tls_context
from adapters.rates import Rates
from bridge.archive import replay
from bridge.reading import Reading, read_slice

READ_TIMEOUT_S = 60.0

_body_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)


class PageLine(msgspec.Struct):
    """One page of history; `body` as JSON text."""

    name: str
    page: int
    status: int
    headers: dict[str, str]
    body: msgspec.Raw


class SliceLine(msgspec.Struct):
    """One slice's pages."""

    name: str
    pages: list[PageLine]


class Line(msgspec.Struct):
    """What one source answered at one moment."""

    at_ms: int
    source: str
    slices: list[SliceLine]


class NoHistory(Exception):
    """The place asked has no history, such as a recorded market."""


_line_decoder = msgspec.json.Decoder(Line)


def decode_line(text: bytes) -> Line:
    """One line. Raises msgspec.DecodeError."""
    return _line_decoder.decode(text)


async def lines_from(place: str, *, ca_file: Path | None, from_ms: int, to_ms: int, step_ms: int) -> AsyncIterator[bytes]:
    """The lines of history in `place`: an http(s) address (range and step are sent to it), a file, or an archive's folder.

    Raises NoHistory, OSError, or httpx.HTTPError.
    """
    if place.startswith(("https://", "http://")):
        query = {"from_ms": str(from_ms), "to_ms": str(to_ms), "step_ms": str(step_ms)}
        async for line in _lines_over_http(place, ca_file, query):
            yield line
    else:
        for line in _lines_of_path(Path(place), from_ms, to_ms):
            yield line


def read_line(adapter: Adapter, line: Line, rates: Rates) -> Iterator[tuple[str, str, Reading | ProviderError]]:
    """Slice name, body digest and reading (or why there is none) of each slice of a line."""
    requests = {part.name: {request.name: request for request in part.requests} for part in adapter.slices()}
    observed_at = datetime.fromtimestamp(line.at_ms / 1000, UTC)
    for part in line.slices:
        digest = sha256()
        for page in part.pages:
            digest.update(bytes(page.body))
        try:
            if part.name not in requests:
                raise PayloadChanged(f"{adapter.source}: no slice named {part.name!r}", field="slices")
            yield part.name, digest.hexdigest(), read_slice(adapter, _pages(part.pages, requests[part.name]), observed_at, rates)
        except ProviderError as error:
            yield part.name, digest.hexdigest(), error


def _pages(lines: Sequence[PageLine], requests: Mapping[str, Request]) -> list[Page]:
    pages = []
    for line in lines:
        first = requests.get(line.name)
        if first is None:
            raise PayloadChanged(f"no request named {line.name!r}", field="pages")
        request = first if line.page == 1 else msgspec.structs.replace(first, page=line.page)
        pages.append(Page(request=request, status=line.status, headers=line.headers, body=_decoded(line.body)))
    return pages


def _decoded(body: msgspec.Raw) -> Any:
    try:
        return _body_decoder.decode(body)
    except (msgspec.DecodeError, ArithmeticError) as error:
        raise PayloadChanged(f"a page of history is not JSON ({error})", field="body") from error


async def _lines_over_http(url: str, ca_file: Path | None, query: Mapping[str, str]) -> AsyncIterator[bytes]:
    timeout = httpx.Timeout(10.0, read=READ_TIMEOUT_S)
    async with (
        httpx.AsyncClient(http2=True, verify=tls_context(ca_file), timeout=timeout, trust_env=ca_file is None) as client,
        client.stream("GET", url, params=query) as response,
    ):
        if response.status_code == httpx.codes.NOT_FOUND:
            raise NoHistory(f"{httpx.URL(url).host} has no history")
        response.raise_for_status()
        rest = b""
        async for chunk in response.aiter_bytes():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line
        if rest:
            yield rest


def _lines_of_path(path: Path, from_ms: int, to_ms: int) -> Iterator[bytes]:
    if path.is_dir():
        yield from replay(path, from_ms, to_ms)
        return
    with path.open("rb") as file:
        if path.suffix != ".zst":
            yield from (line.rstrip(b"\n") for line in file)
            return
        rest = b""
        for chunk in zstandard.ZstdDecompressor().read_to_iter(file):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
        if rest:
            yield rest
