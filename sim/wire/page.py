"""A page answered from a written one: the prices in its rows follow the market model, everything else stays."""

import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from adapters.base import Adapter, Page
from sim.exchange import Exchange
from sim.market import LIST_PRICE, Habit, Listing, Market
from sim.wire.cells import Cell, Template
from sim.wire.table import BodiesWire, Compiled, Part, read
from sim.wire.templates import BODIES, written_slices


class PageFacts(msgspec.Struct, frozen=True):
    """How a page's rows and prices are found. `price` has one group, the digits; a row's equal prices are one price."""

    row: str
    price: str
    renamed: str
    """Words without which the page cannot be read: what the `renamed_field` incident takes away."""
    habit: Habit = LIST_PRICE


class PageWire(BodiesWire):
    """A provider whose prices stand on a page, by its `PageFacts`."""

    content: Mapping[str, str] = {"content-type": "text/html; charset=utf-8"}

    def __init__(self, adapter: Adapter, facts: PageFacts) -> None:
        self.facts = facts
        self.price_fields = (facts.renamed,)
        super().__init__(adapter)

    def renamed(self, body: bytes) -> bytes:
        return body.replace(self.facts.renamed.encode(), b"Rate")

    def nothing(self, exchange: Exchange) -> bytes:
        part = self._part(exchange)
        return part.empty if part else b""

    def compile(self) -> Compiled:
        compiled = Compiled()
        for name, pages in written_slices(self.adapter, BODIES / self.adapter.source).items():
            compiled.slices[name] = [self._part_of(page, compiled) for page in pages]
        return compiled

    def _part_of(self, page: Page, compiled: Compiled) -> Part:
        text: str = page.body
        pieces: list[bytes | Cell] = []
        end = 0
        for match in re.finditer(self.facts.row, text, re.DOTALL):
            pieces.append(text[end : match.start()].encode())
            end = match.end()
            pieces += self._row(page, match[0], compiled)
        pieces.append(text[end:].encode())
        return Part(page, Template(pieces), re.sub(self.facts.row, "", text, flags=re.DOTALL).encode())

    def _row(self, page: Page, row: str, compiled: Compiled) -> list[bytes | Cell]:
        """The row's bytes and prices; nothing of a row that is refused."""
        whole, refused = read(self.adapter, [page])
        _, refused_without = read(self.adapter, [_with(page, row, "")])
        if refused > refused_without:
            return []
        linked: dict[str, Listing] = {}
        for digits in dict.fromkeys(re.findall(self.facts.price, row)):
            doubled = re.sub(self.facts.price, lambda found, old=digits: _moved(found, old), row)  # type: ignore[misc]
            moved, _ = read(self.adapter, [_with(page, row, doubled)])
            touched = [offer for name, offer in whole.items() if name in moved and moved[name].amount != offer.amount]
            if touched:
                linked[digits] = compiled.follow(self.adapter, touched, self.facts.habit)
        pieces: list[bytes | Cell] = []
        end = 0
        for match in re.finditer(self.facts.price, row):
            listing = linked.get(match[1], next(iter(linked.values()), None))
            if listing is not None:
                pieces += [row[end : match.start(1)].encode(), DigitsCell(match[1], listing)]
                end = match.end(1)
        return [*pieces, row[end:].encode()]


class DigitsCell:
    """A price in a text, with as many decimals as the written one, and commas between thousands."""

    def __init__(self, written: str, listing: Listing) -> None:
        self._number = Decimal(written.replace(",", ""))
        self._decimals = len(written.partition(".")[2])
        self._listing = listing

    def render(self, market: Market, at_ms: int, priced: bool) -> bytes:
        moved = Decimal(market.micros(self._listing, at_ms)) / self._listing.micros if priced else Decimal(1)
        return f"{self._number * moved:,.{self._decimals}f}".encode()


def _with(page: Page, row: str, new: str) -> Page:
    return msgspec.structs.replace(page, body=page.body.replace(row, new, 1))


def _moved(found: "re.Match[str]", digits: str) -> str:
    if found[1] != digits:
        return found[0]
    return found[0].replace(digits, f"{Decimal(digits.replace(',', '')) * 2:,.2f}")
