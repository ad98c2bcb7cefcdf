"""A page answered from a written one: the prices in its rows follow the market model, everything else stays."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from adapters.base import Adapter, Page
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from sim.market import LIST_PRICE, Habit, Listing, Market
from sim.wire.cells import Cell, Template
from sim.wire.table import READ_AT, Compiled, Facts, Part, TableWire, read


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


class PageWire(TableWire):
    """A provider whose prices stand on a page, by its `PageFacts`; what it answers besides in JSON, such as stock, by `Facts`."""

    def __init__(self, adapter: Adapter, page: PageFacts, beside: Facts | None = None) -> None:
        self.page = page
        self.content = {"content-type": page.content_type}
        super().__init__(adapter, beside or Facts({}, "", habit=page.habit, like=page.like))
        self.price_fields = (page.renamed,)

    def renamed(self, body: bytes) -> bytes:
        return body.replace(self.page.renamed.encode(), b"Rate")

    def _dearer(self, page: Page, factor: Decimal) -> Page:
        if page.request.answer == "json":
            return super()._dearer(page, factor)
        return msgspec.structs.replace(page, body=self._times(page.body, factor))

    def without(self, body: bytes) -> bytes:
        return self.renamed(body)

    def retyped(self, body: bytes) -> bytes:
        """Every price as words."""
        return re.sub(self.page.price, "on request", body.decode()).encode()

    def shrunk(self, body: bytes) -> bytes:
        text = body.decode()
        rows = [row[0] for row in re.finditer(self.page.row, text, re.DOTALL)]
        for row in rows[-(-len(rows) // 4) :]:
            text = text.replace(row, "", 1)
        return text.encode()

    def _times(self, text: str, factor: Decimal) -> str:
        def dearer(found: "re.Match[str]") -> str:
            return found[0].replace(found[1], _text(_number(found[1]) * factor, found[1], None, self.page.thousands))

        return re.sub(self.page.price, dearer, text)

    def _part_of(self, slice_name: str, pages: Sequence[Page], number: int, compiled: Compiled) -> Part:
        page = pages[number]
        if page.request.answer == "json":
            return super()._part_of(slice_name, pages, number, compiled)
        beside = [other for other in pages if other.request.answer == "json"]
        text: str = page.body
        rows = list(re.finditer(self.page.row, text, re.DOTALL))
        ends = [0, *(row.end() for row in rows)]
        gaps = [text[end:start] for end, start in zip(ends, [*(row.start() for row in rows), len(text)], strict=True)]
        pieces: list[bytes | Cell] = []
        for at, row in enumerate(rows):
            pieces.append(gaps[at].encode())
            around = "".join(gaps[: at + 1]), "".join(gaps[at + 1 :])
            pieces += self._row([*beside, page], around, row[0], compiled)
        pieces.append(gaps[-1].encode())
        return Part(page, Template(pieces), "".join(gaps).encode())

    def _row(self, pages: Sequence[Page], around: tuple[str, str], row: str, compiled: Compiled) -> list[bytes | Cell]:
        """The row's bytes and prices; nothing of a row that is refused. It is read with the last page around it, without the other rows."""

        def alone(text: str) -> tuple[dict[str, Offer], int]:
            return read(self.adapter, [*pages[:-1], msgspec.structs.replace(pages[-1], body=text.join(around))])

        whole, refused = alone(row)
        if refused > self._refused_around([*pages[:-1], msgspec.structs.replace(pages[-1], body="".join(around))]):
            return []
        linked: dict[str, Listing] = {}
        for digits in dict.fromkeys(re.findall(self.page.price, row)):
            moved, _ = alone(self._doubled(row, digits))
            touched = [offer for name, offer in whole.items() if name in moved and moved[name].amount != offer.amount]
            if touched:
                linked[digits] = compiled.follow(self.adapter, touched, self.page.habit)
        pieces: list[bytes | Cell] = []
        end = 0
        for start, stop, digits, multiple in self._statements(row):
            listing = linked.get(digits, next(iter(linked.values()), None))
            if listing is not None:
                pieces += [row[end:start].encode(), DigitsCell(digits, listing, multiple, self.page.thousands)]
                end = stop
        return [*pieces, row[end:].encode()]

    def _refused_around(self, pages: Sequence[Page]) -> int:
        """How many rows are refused where the page has none of its own; 0 of a page that must have some."""
        try:
            return sum(isinstance(row, Rejected) for row in self.adapter.parse(pages, READ_AT))
        except PayloadChanged:
            return 0

    def _statements(self, row: str) -> list[tuple[int, int, str, int | None]]:
        """Where each price of a row stands, its digits, and the multiple of them that is stated there, if it is one."""
        found: list[tuple[int, int, str, int | None]] = [(*match.span(1), match[1], None) for match in re.finditer(self.page.price, row)]
        pattern, multiple = self.page.restated or ("(?!)", 1)
        for match in re.finditer(pattern, row):
            digits = max(price for price in found if price[0] < match.start(1))[2]
            found.append((*match.span(1), digits, multiple))
        return sorted(found, key=lambda price: price[0])

    def _doubled(self, row: str, digits: str) -> str:
        for start, stop, stated, multiple in reversed(self._statements(row)):
            if stated == digits:
                row = row[:start] + _text(2 * _number(digits), digits, multiple, self.page.thousands) + row[stop:]
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
