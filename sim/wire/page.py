"""A page answered from a written one: the prices in its rows follow the market model, everything else stays."""

import re
from collections.abc import Callable
from decimal import Decimal

import msgspec

from adapters.base import Adapter, Page
from adapters.models import Offer
from sim.exchange import Exchange
from sim.market import LIST_PRICE, Habit, Listing, Market
from sim.wire.cells import Cell, Template
from sim.wire.table import BodiesWire, Compiled, Part, read
from sim.wire.templates import BODIES, market_slices, regional


class PageFacts(msgspec.Struct, frozen=True):
    """How a page's rows and prices are found. `price` has one group, the digits; a row's equal prices are one price."""

    row: str
    price: str
    renamed: str
    """Words without which the page cannot be read: what the `renamed_field` incident takes away."""
    restated: tuple[str, int] | None = None
    """Where the price before it is stated once more, in one group, as a multiple: per hour what it is per second."""
    habit: Habit = LIST_PRICE
    thousands: str = ","
    """What stands between thousands."""
    content_type: str = "text/html; charset=utf-8"
    like: Callable[[str], str] | None = None
    """Slices without a page of their own: the name of the one that each answers like."""


class PageWire(BodiesWire):
    """A provider whose prices stand on a page, by its `PageFacts`."""

    def __init__(self, adapter: Adapter, facts: PageFacts) -> None:
        self.facts = facts
        self.content = {"content-type": facts.content_type}
        self.price_fields = (facts.renamed,)
        super().__init__(adapter)

    def renamed(self, body: bytes) -> bytes:
        return body.replace(self.facts.renamed.encode(), b"Rate")

    def nothing(self, exchange: Exchange) -> bytes:
        part = self._part(exchange)
        return part.empty if part else b""

    def compile(self) -> Compiled:
        compiled = Compiled()
        slices, modelled = market_slices(self.adapter, BODIES / self.adapter.source, self.facts.like)
        for name, pages in slices.items():
            if name in modelled:
                pages = [msgspec.structs.replace(page, body=self._times(page.body, regional(name))) for page in pages]
            compiled.slices[name] = [self._part_of(page, compiled) for page in pages]
        return compiled

    def _times(self, text: str, factor: Decimal) -> str:
        def dearer(found: "re.Match[str]") -> str:
            return found[0].replace(found[1], _text(_number(found[1]) * factor, found[1], None, self.facts.thousands))

        return re.sub(self.facts.price, dearer, text)

    def _part_of(self, page: Page, compiled: Compiled) -> Part:
        text: str = page.body
        rows = list(re.finditer(self.facts.row, text, re.DOTALL))
        ends = [0, *(row.end() for row in rows)]
        gaps = [text[end:start] for end, start in zip(ends, [*(row.start() for row in rows), len(text)], strict=True)]
        pieces: list[bytes | Cell] = []
        for number, row in enumerate(rows):
            pieces.append(gaps[number].encode())
            pieces += self._row(page, "".join(gaps[: number + 1]), row[0], "".join(gaps[number + 1 :]), compiled)
        pieces.append(gaps[-1].encode())
        return Part(page, Template(pieces), "".join(gaps).encode())

    def _row(self, page: Page, before: str, row: str, after: str, compiled: Compiled) -> list[bytes | Cell]:
        """The row's bytes and prices; nothing of a row that is refused. It is read with the page around it, without the other rows."""

        def alone(text: str) -> tuple[dict[str, Offer], int]:
            return read(self.adapter, [msgspec.structs.replace(page, body=before + text + after)])

        whole, refused = alone(row)
        if refused > alone("")[1]:
            return []
        linked: dict[str, Listing] = {}
        for digits in dict.fromkeys(re.findall(self.facts.price, row)):
            moved, _ = alone(self._doubled(row, digits))
            touched = [offer for name, offer in whole.items() if name in moved and moved[name].amount != offer.amount]
            if touched:
                linked[digits] = compiled.follow(self.adapter, touched, self.facts.habit)
        pieces: list[bytes | Cell] = []
        end = 0
        for start, stop, digits, multiple in self._statements(row):
            listing = linked.get(digits, next(iter(linked.values()), None))
            if listing is not None:
                pieces += [row[end:start].encode(), DigitsCell(digits, listing, multiple, self.facts.thousands)]
                end = stop
        return [*pieces, row[end:].encode()]

    def _statements(self, row: str) -> list[tuple[int, int, str, int | None]]:
        """Where each price of a row stands, its digits, and the multiple of them that is stated there, if it is one."""
        found: list[tuple[int, int, str, int | None]] = [(*match.span(1), match[1], None) for match in re.finditer(self.facts.price, row)]
        pattern, multiple = self.facts.restated or ("(?!)", 1)
        for match in re.finditer(pattern, row):
            digits = max(price for price in found if price[0] < match.start(1))[2]
            found.append((*match.span(1), digits, multiple))
        return sorted(found, key=lambda price: price[0])

    def _doubled(self, row: str, digits: str) -> str:
        for start, stop, stated, multiple in reversed(self._statements(row)):
            if stated == digits:
                row = row[:start] + _text(2 * _number(digits), digits, multiple, self.facts.thousands) + row[stop:]
        return row


class DigitsCell:
    """A price in a text, or its multiple."""

    def __init__(self, written: str, listing: Listing, multiple: int | None, thousands: str) -> None:
        self._written, self._listing, self._multiple, self._thousands = written, listing, multiple, thousands

    def render(self, market: Market, at_ms: int, priced: bool) -> bytes:
        moved = Decimal(market.micros(self._listing, at_ms)) / self._listing.micros if priced else Decimal(1)
        return _text(_number(self._written) * moved, self._written, self._multiple, self._thousands).encode()


def _number(written: str) -> Decimal:
    return Decimal(written.replace(",", ""))


def _text(price: Decimal, written: str, multiple: int | None, thousands: str) -> str:
    """A price with as many decimals as the written one; of its multiple, no zeros at the end."""
    stated = f"{price:,.{len(written.partition('.')[2])}f}"
    if multiple is not None:
        stated = f"{(_number(stated) * multiple).normalize():,f}"
    return stated.replace(",", thousands)
