"""What moves in a written body: prices that follow a listing, and the ways in which providers tell stock. The rest is bytes."""

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, Protocol

import msgspec

from adapters.base import Adapter
from adapters.models import ExchangeRate, Offer
from adapters.units import MINOR_UNITS, usd_per_gpu_hour_micros
from sim.exchange import dumps
from sim.market import Habit, Listing, Market
from sim.wire.paths import Path, replaced

LEAST_DECIMALS = 4
"""A written price may have two decimals; one that moved is stated to a hundredth of a cent."""
PLENTY = 3
NANOS = 1_000_000_000
_MARK = re.compile('"\ue000(\\d+)\ue001"'.encode())


class Cell(Protocol):
    """A part of a body that moves. `priced` False: with the written price, so that no incident is looked up."""

    def render(self, market: Market, at_ms: int, priced: bool) -> bytes: ...


class Stock(msgspec.Struct, frozen=True):
    """A place in a row that tells stock."""

    path: str


class Members(Stock, frozen=True):
    """A list of the places that have stock, such as regions."""


class Flag(Stock, frozen=True):
    """A boolean; `says` is its value where there is stock. A row written with the other value never has any."""

    says: bool = True


class Count(Stock, frozen=True):
    """How many are free, as number or text; the written one is the most."""


class Word(Stock, frozen=True):
    """A word for nothing, little, some and plenty."""

    words: tuple[str, str, str, str] = ("none", "low", "medium", "high")


class StockCell:
    """Stock of one row, by a name of its own in the market model."""

    def __init__(self, kind: Stock, written: Any, name: str, scarcity: float) -> None:
        self._kind, self._written, self._name, self._scarcity = kind, written, name, scarcity

    def render(self, market: Market, at_ms: int, priced: bool) -> bytes:
        return dumps(self._value(market, at_ms))

    def _value(self, market: Market, at_ms: int) -> Any:
        match self._kind:
            case Members():
                return [place for place in self._written if market.level(f"{self._name}/{place}", self._scarcity, at_ms)]
            case Flag(says=says):
                return says if self._written is says and market.level(self._name, self._scarcity, at_ms) else not says
            case Count():
                level = market.level(self._name, self._scarcity, at_ms)
                free = -(-int(self._written) * level // PLENTY)
                return str(free) if isinstance(self._written, str) else free
            case Word(words=words):
                return words[market.level(self._name, self._scarcity, at_ms)]
        raise TypeError(f"no such way of telling stock: {self._kind}")


class PriceCell:
    """A price in its provider's own form: the written one times what its listing has moved by."""

    def __init__(self, written: Any, listing: Listing, whole: bool) -> None:
        self.listing = listing
        self._written, self._whole = written, whole

    def render(self, market: Market, at_ms: int, priced: bool) -> bytes:
        moved = Decimal(market.micros(self.listing, at_ms)) / self.listing.micros if priced else Decimal(1)
        return dumps(self._written if moved == 1 else factored(self._written, moved, whole=self._whole))


def factored(written: Any, factor: Decimal, *, whole: bool) -> Any:
    """A price times a factor, in the form of the written one: text ("$" and all), number or Google's money, and whole where all are.

    None: no price.
    """
    if isinstance(written, str) and written.startswith("$"):
        moved_text = factored(written[1:], factor, whole=whole)
        return None if moved_text is None else f"${moved_text}"
    if isinstance(written, dict) and {"units", "nanos"} <= written.keys():
        nanos = int((int(written["units"]) * NANOS + written["nanos"]) * factor) if str(written["units"]).isdigit() else 0
        return {**written, "units": str(nanos // NANOS), "nanos": nanos % NANOS} if nanos > 0 else None
    if isinstance(written, bool) or not isinstance(written, int | Decimal | str):
        return None
    try:
        number = Decimal(written)
    except InvalidOperation:
        return None
    if not number.is_finite() or number <= 0:
        return None
    moved = number * factor
    if whole:
        cents = max(1, int(moved.quantize(Decimal(1), ROUND_HALF_EVEN)))
        return str(cents) if isinstance(written, str) else cents
    decimals = max(0, -int(number.as_tuple().exponent))
    moved = moved.quantize(Decimal(1).scaleb(-max(decimals, LEAST_DECIMALS)), ROUND_HALF_EVEN)
    shortest = moved.normalize()
    if -int(shortest.as_tuple().exponent) < decimals:
        shortest = moved.quantize(Decimal(1).scaleb(-decimals))
    return f"{shortest:f}" if isinstance(written, str) else Decimal(f"{shortest:f}")


def listing_of(adapter: Adapter, offer: Offer, habit: Habit) -> Listing:
    """The listing that an offer's price follows: its written price is the base."""
    currency = MINOR_UNITS.get(offer.currency, (offer.currency, 1))[0]
    offer = msgspec.structs.replace(offer, rate=None)
    micros = usd_per_gpu_hour_micros(offer, {currency: ExchangeRate(currency=currency, usd=Decimal(1), date="1970-01-01")})
    per_gpu = offer.basis == "per_gpu"
    return Listing(
        adapter.source, offer.offer_key, offer.gpu, offer.gpu_count, offer.region, offer.price_type, micros, habit, per_gpu=per_gpu
    )


class Template:
    """Bytes with cells between them."""

    def __init__(self, parts: Sequence[bytes | Cell]) -> None:
        self._parts = parts

    @classmethod
    def of(cls, value: Any, cells: Mapping[Path, Cell]) -> "Template":
        """JSON of `value` with cells in these places."""
        for number, path in enumerate(cells):
            value = replaced(value, path, f"\ue000{number}\ue001")
        pieces = _MARK.split(dumps(value))
        known = list(cells.values())
        return cls([known[int(piece)] if number % 2 else piece for number, piece in enumerate(pieces)])

    def render(self, market: Market, at_ms: int, priced: bool = True) -> bytes:
        return b"".join([part if isinstance(part, bytes) else part.render(market, at_ms, priced) for part in self._parts])


class Rows:
    """A list or object of rows. With a name for their presence, a row that has no stock is left out. The crowd's rows join a list later."""

    def __init__(
        self, rows: Sequence[tuple[Any, Template]], keyed: bool, presence: str, scarcity: float, crowd: Sequence[Template]
    ) -> None:
        self._rows = [(f"{presence}/{key}", (dumps(key) + b":") if keyed else b"", template) for key, template in rows]
        self._crowd = crowd
        self._keyed, self._presence, self._scarcity = keyed, presence, scarcity

    def render(self, market: Market, at_ms: int, priced: bool) -> bytes:
        rendered = [
            key + template.render(market, at_ms, priced)
            for name, key, template in self._rows
            if not self._presence or market.level(name, self._scarcity, at_ms)
        ]
        if at_ms >= market.crowd_from_ms:
            rendered += [template.render(market, at_ms, priced) for template in self._crowd]
        start, end = (b"{", b"}") if self._keyed else (b"[", b"]")
        return start + b",".join(rendered) + end
