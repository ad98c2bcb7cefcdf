"""History as lines of answers: reads them from the simulated market, a file, an address or the body archive, and parses each moment."""

import ssl
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
from adapters.rates import PastRates
from bridge.archive import replay
from bridge.reading import Reading, Readings, read_slice

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


class LineReader:
    """Parses lines of one adapter. What a page says seldom changes from one step to the next, so the last one of each is kept decoded, and
    the last reading of a slice where the adapter's parse does not look at the clock.
    """

    def __init__(self, adapter: Adapter, rates: PastRates) -> None:
        self._adapter = adapter
        self._rates = rates
        self._requests = {part.name: {request.name: request for request in part.requests} for part in adapter.slices()}
        self._decoded: dict[tuple[str, str, int], tuple[bytes, Any]] = {}
        self._readings = Readings(adapter)

    def read(self, line: Line) -> Iterator[tuple[str, str, Reading | ProviderError]]:
        """Slice name, body digest and reading (or why there is none) of each slice of a line."""
        observed_at = datetime.fromtimestamp(line.at_ms / 1000, UTC)
        for part in line.slices:
            digest = sha256()
            for page in part.pages:
                digest.update(memoryview(page.body))
            try:
                yield part.name, digest.hexdigest(), self._reading(part, digest.hexdigest(), observed_at)
            except ProviderError as error:
                yield part.name, digest.hexdigest(), error

    def _reading(self, part: SliceLine, digest: str, observed_at: datetime) -> Reading:
        rates = self._rates.at(observed_at)
        reading = self._readings.of(part.name, digest, rates)
        if reading is None:
            reading = read_slice(self._adapter, self._pages(part), observed_at, rates)
            self._readings.keep(part.name, digest, rates, reading)
        return reading

    def _pages(self, part: SliceLine) -> list[Page]:
        requests = self._requests.get(part.name)
        if requests is None:
            raise PayloadChanged(f"{self._adapter.source}: no slice named {part.name!r}", field="slices")
        pages: list[Page] = []
        for line in part.pages:
            request = requests.get(line.name)
            if request is None:
                request = self._asked_for_by(pages)
            if request is None or request.name != line.name:
                raise PayloadChanged(f"{self._adapter.source}: no request named {line.name!r}", field="pages")
            if request.page != line.page:
                request = msgspec.structs.replace(request, page=line.page)
            pages.append(Page(request=request, status=line.status, headers=line.headers, body=self._body(part.name, line)))
        return pages

    def _asked_for_by(self, pages: Sequence[Page]) -> Request | None:
        """What the last page asked for: a price, where a zone has the type."""
        try:
            return self._adapter.next_page(pages[-1])
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
            return None

    def _body(self, slice_name: str, line: PageLine) -> Any:
        place = (slice_name, line.name, line.page)
        text = bytes(line.body)
        known = self._decoded.get(place)
        if known is not None and known[0] == text:
            return known[1]
        try:
            body = _body_decoder.decode(text)
        except (msgspec.DecodeError, ArithmeticError) as error:
            raise PayloadChanged(f"{self._adapter.source}: a page of history is not JSON ({error})", field="body") from error
        self._decoded[place] = text, body
        return body


async def _lines_over_http(url: str, ca_file: Path | None, query: Mapping[str, str]) -> AsyncIterator[bytes]:
    timeout = httpx.Timeout(10.0, read=READ_TIMEOUT_S)
    verify = ssl.create_default_context(cafile=ca_file)
    async with (
        httpx.AsyncClient(http2=True, verify=verify, timeout=timeout, trust_env=ca_file is None) as client,
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
