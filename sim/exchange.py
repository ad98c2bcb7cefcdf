"""A request to the simulated market and its answer, free of any server."""

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from sim import faults
from sim.market import Listing, Market

JSON = {"content-type": "application/json"}
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Exchange(msgspec.Struct, frozen=True):
    """One request, as the provider would see it: `path` without the host, header names in lower case."""

    method: str
    host: str
    path: str
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Answer(msgspec.Struct, frozen=True):
    """What goes back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """One provider: its listings, and its answers in its own wire format. Answers are pure functions of (market, exchange, moment)."""

    provider: str
    host: str
    price_fields: tuple[str, ...]
    """The JSON keys (of a page: the headings) that the `renamed_field` incident takes away."""
    optional_field: str = ""
    """A JSON key that the adapter reads where it is there."""
    strange: tuple[str, str] | None = None
    """Where a row names its card, and a made-up name in that form: what the `unknown_gpu` incident lists. None: it can't be begun here."""

    def __init__(self) -> None:
        self.listings: tuple[Listing, ...] = self.catalogue()

    @property
    def hosts(self) -> Sequence[str]:
        """All hosts it answers at: regions may have their own."""
        return (self.host,)

    def knows(self, exchange: Exchange) -> bool:
        """Whether the request is one of this source's, where another has the same host."""
        return True

    def catalogue(self) -> tuple[Listing, ...]:
        raise NotImplementedError

    def answer(self, market: Market, exchange: Exchange, at_ms: int) -> Answer:
        raise NotImplementedError

    def nothing(self, exchange: Exchange) -> bytes:
        """This provider's valid answer that holds no row."""
        raise NotImplementedError

    def rentable(self, market: Market, listing: Listing, at_ms: int) -> bool:
        """Whether the listing is offered at that moment and can be rented."""
        return market.stock(listing, at_ms) > 0

    def authorised(self, exchange: Exchange) -> bool:
        """Whether a credential came along."""
        return bool(exchange.headers.get("authorization"))

    def told_apart(self, exchange: Exchange) -> Hashable:
        """What of the headers an answer depends on."""
        return self.authorised(exchange)

    def renamed(self, body: bytes) -> bytes:
        """A body without its price fields' names."""
        for field in self.price_fields:
            body = body.replace(f'"{field}":'.encode(), f'"{field}V2":'.encode())
        return body

    def forget(self) -> None:
        """Drop what is kept of this second's prices: an incident began or ended."""

    def without(self, body: bytes) -> bytes:
        """A body that lacks what an adapter can do without: the `missing_field` incident."""
        return faults.without(body, frozenset({self.optional_field or self.price_fields[0]}))

    def retyped(self, body: bytes) -> bytes:
        """A body whose prices are text where they were numbers, or the reverse."""
        return faults.retyped(body, frozenset({*self.price_fields, "nanos"}))

    def with_strange(self, exchange: Exchange, body: bytes) -> bytes:
        """A body with a few more rows, of a card that nobody knows."""
        return body

    def shrunk(self, body: bytes) -> bytes:
        """A body with a quarter of its rows."""
        return faults.shrunk(body)

    def guarded(self, exchange: Exchange) -> bool:
        """Whether incidents on answers spare this request: a token is still given out."""
        return False


def dumps(value: Any) -> bytes:
    """JSON, with Decimals as numbers in their own digits."""
    return _ENCODER.encode(value)


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, {**JSON, **(headers or {})}, dumps(value))


def money(micros: int, digits: int) -> Decimal:
    """Micros as an amount with at most `digits` decimals and no trailing zeros, as a JSON serialiser writes a float."""
    amount = (Decimal(micros) / 1_000_000).quantize(Decimal(1).scaleb(-digits)).normalize()
    return amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount


def conditional(answer: Answer, exchange: Exchange) -> Answer:
    """The answer with an ETag, from its bytes; 304 without a body where the request already knows it (RFC 9110, section 13.1.2)."""
    if answer.status != 200 or exchange.method != "GET":
        return answer
    etag = f'"{hashlib.blake2b(answer.body, digest_size=12).hexdigest()}"'
    known = {tag.strip().removeprefix("W/") for tag in exchange.headers.get("if-none-match", "").split(",")}
    if etag in known or "*" in known:
        return Answer(304, {"etag": etag}, b"")
    return Answer(answer.status, {**answer.headers, "etag": etag}, answer.body)


def query_int(exchange: Exchange, name: str, default: int) -> int:
    """A whole number from the query; the default where it is missing or no number."""
    text = exchange.query.get(name, "")
    return int(text) if text.isdecimal() else default
