"""A provider answered from a table of paths into written bodies, without a generator of its own.

The rows of the bodies in sim/bodies/<source>/ are templates: everything in them stays, but prices and stock follow the market model. Which
offers a price makes is asked of the adapter: those whose amount moves when that price is moved. Rows that the adapter refuses (the traps
of the tests) are left out of the market; rows that it passes over (servers without GPU) stay as they are.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from adapters.base import Adapter, Page
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from schemas.vocabulary import RENTABLE
from sim.exchange import JSON, Answer, Exchange, Wire, dumps, json_answer
from sim.market import LIST_PRICE, Habit, Listing, Market
from sim.wire.cells import Cell, Members, PriceCell, Rows, Stock, StockCell, Template, Word, factored, listing_of
from sim.wire.copies import Copies
from sim.wire.paths import Path, at, items, places, replaced, steps
from sim.wire.templates import BODIES, answers_to, decode, is_authorised, market_slices, regional

READ_AT = datetime(2026, 11, 21, tzinfo=UTC)
MINUTE_MS = 60_000
MOST_STRANGE = 3
ROWS_PER_STRANGE = 40
"""Fewer of them than make a source degraded, where it has rows enough."""
RENTED_OUT = frozenset({*RENTABLE, "unknown"})


class Facts(msgspec.Struct, frozen=True):
    """Where things stand in a source's answers. Paths are dotted keys; `[]` is every item of a list, `*` every value of an object."""

    rows: Mapping[str, str]
    """Request name -> where its rows stand, a list or an object (empty: the answer itself)."""
    prices: str
    """Where a row's prices stand, one path or more with spaces between them; `.` is the row itself. Those that no offer is made of move
    with the row's first."""
    stock: tuple[Stock, ...] = ()
    """How stock is told."""
    vanish: bool = False
    """Whether a row that cannot be rented is not in the answer at all."""
    together: bool = False
    """Whether an offer is made of several rows, so that no row can be read alone."""
    habit: Habit = LIST_PRICE
    like: Callable[[str], str] | None = None
    """Slices without a body of their own: the name of the one that each answers like. None: they are answered with no row."""
    copies: Copies | None = None
    strange: tuple[str, str] | None = None
    """Path of what names a row's card, and a made-up name in that form."""


class Part(msgspec.Struct):
    """One page of the market: the written one, how it is rendered, and its bytes without any row."""

    page: Page
    template: Template
    empty: bytes
    crowd: bool = False
    """Whether all of it joins when the market goes live; before that it is answered without any row."""

    def render(self, market: Market, at_ms: int, priced: bool = True) -> bytes:
        """The page's body at a moment."""
        return self.empty if self.crowd and at_ms < market.crowd_from_ms else self.template.render(market, at_ms, priced)


class Compiled:
    """A source's bodies, ready to be rendered. `offers`: listing key -> keys of the offers that it prices."""

    def __init__(self) -> None:
        self.slices: dict[str, list[Part]] = {}
        self.listings: dict[str, Listing] = {}
        self.offers: dict[str, set[str]] = {}

    def follow(self, adapter: Adapter, offers: Sequence[Offer], habit: Habit) -> Listing:
        """The listing that these offers' common price follows; it is named after the first of them."""
        first = offers[0]
        listing = self.listings.setdefault(first.offer_key, listing_of(adapter, first, habit))
        self.offers.setdefault(listing.key, set()).update(offer.offer_key for offer in offers)
        return listing


class BodiesWire(Wire):
    """One provider, answered from written bodies. How they are compiled is the subclass's."""

    content: Mapping[str, str] = JSON

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.provider = adapter.source
        self.host = adapter.base_url.removeprefix("https://")
        self._parts: dict[str, list[Part]] = {}
        found = _COMPILED.get(type(adapter))
        if found is None:
            found = _COMPILED[type(adapter)] = self.compile()
        self.compiled = found
        if not found.listings:
            raise ValueError(f"{adapter.source}: no price of its bodies makes an offer")
        for parts in found.slices.values():
            for part in parts:
                self._parts.setdefault(part.page.request.host or self.host, []).append(part)
        self._named = sorted({name.lower() for parts in self._parts.values() for part in parts for name in part.page.request.headers})
        self._rentable: tuple[int, Market | None, frozenset[str]] = (-1, None, frozenset())
        super().__init__()

    def compile(self) -> Compiled:
        raise NotImplementedError

    @property
    def hosts(self) -> Sequence[str]:
        return tuple(self._parts)

    def knows(self, exchange: Exchange) -> bool:
        return self._part(exchange) is not None

    def catalogue(self) -> tuple[Listing, ...]:
        return tuple(self.compiled.listings.values())

    def authorised(self, exchange: Exchange) -> bool:
        return is_authorised(self.adapter, exchange)

    def told_apart(self, exchange: Exchange) -> Hashable:
        return self.authorised(exchange), *((name, exchange.headers.get(name)) for name in self._named)

    def answer(self, market: Market, exchange: Exchange, at_ms: int) -> Answer:
        part = self._part(exchange)
        if part is None:
            return json_answer({"message": "Not Found"}, 404)
        if not part.page.request.public and not self.authorised(exchange):
            return json_answer({"message": "Unauthorized"}, 401)
        headers = {name.lower(): value for name, value in part.page.headers.items()}
        content = JSON if part.page.request.answer == "json" else self.content
        return Answer(200, {**content, **headers}, part.render(market, at_ms))

    def nothing(self, exchange: Exchange) -> bytes:
        part = self._part(exchange)
        return part.empty if part else b"{}"

    def rentable(self, market: Market, listing: Listing, at_ms: int) -> bool:
        minute = at_ms - at_ms % MINUTE_MS
        if self._rentable[:2] != (minute, market):
            self._rentable = minute, market, self._rented_out(market, minute)
        return not self._rentable[2].isdisjoint(self.compiled.offers[listing.key])

    def _rented_out(self, market: Market, at_ms: int) -> frozenset[str]:
        """Keys of the offers that can be rented, or of whose stock nothing is told. Without prices, so without looking for incidents."""
        keys: set[str] = set()
        for parts in self.compiled.slices.values():
            pages = [
                msgspec.structs.replace(part.page, body=decode(part.render(market, at_ms, priced=False), part.page.request))
                for part in parts
            ]
            keys |= {key for key, offer in read(self.adapter, pages)[0].items() if offer.availability in RENTED_OUT}
        return frozenset(keys)

    def _part(self, exchange: Exchange) -> Part | None:
        found = [part for part in self._parts.get(exchange.host, ()) if answers_to(part.page.request, exchange)]
        return max(found, key=lambda part: len(part.page.request.query), default=None)


class TableWire(BodiesWire):
    """A provider that answers JSON, by its `Facts`."""

    def __init__(self, adapter: Adapter, facts: Facts) -> None:
        self.facts = facts
        names = [_last_key(path) for path in facts.prices.split() if path != "."]
        self.price_fields = tuple(dict.fromkeys(names or [_last_key(rows) for rows in facts.rows.values() if rows]))
        self.optional_field = _last_key(facts.stock[0].path) if facts.stock else ""
        self.strange = facts.strange
        super().__init__(adapter)

    def with_strange(self, exchange: Exchange, body: bytes) -> bytes:
        part = self._part(exchange)
        if self.strange is None or part is None or part.page.request.name not in self.facts.rows:
            return body
        answered = decode(body, part.page.request)
        where, (path, name) = self._where(part.page), self.strange
        rows = at(answered, where)
        few = max(1, min(MOST_STRANGE, len(rows) // ROWS_PER_STRANGE))
        return dumps(replaced(answered, where, [*rows, *[replaced(rows[0], steps(path), name)] * few]))

    def compile(self) -> Compiled:
        compiled = Compiled()
        slices, modelled = market_slices(self.adapter, BODIES / self.adapter.source, self.facts.like)
        for name, pages in slices.items():
            if name in modelled:
                pages = [self._dearer(page, regional(name)) for page in pages]
            parts = [self._part_of(name, pages, number, compiled) for number in range(len(pages))]
            compiled.slices[name] = [msgspec.structs.replace(part, crowd=name in modelled) for part in parts]
        self._answer_other_slices(compiled)
        return compiled

    def _answer_other_slices(self, compiled: Compiled) -> None:
        """Slices without a body of their own, such as regions, are answered with no row."""
        written = {part.page.request.name: part for parts in compiled.slices.values() for part in reversed(parts)}
        for part in self.adapter.slices():
            if part.name not in compiled.slices:
                compiled.slices[part.name] = [
                    Part(Page(request=request, status=200, headers={}, body=None), Template([written[request.name].empty]), empty)
                    for request in part.requests
                    for empty in (written[request.name].empty,)
                ]

    def _dearer(self, page: Page, factor: Decimal) -> Page:
        """The page with every price times a factor."""
        if page.request.name not in self.facts.rows:
            return page
        where, body = self._where(page), page.body
        for key, row in items(at(body, where)):
            for path in [path for price in self.facts.prices.split() for path in places(row, price)]:
                dearer = factored(at(row, path), factor, whole=False)
                if dearer is not None:
                    body = replaced(body, (*where, key, *path), dearer)
        return msgspec.structs.replace(page, body=body)

    def _where(self, page: Page) -> Path:
        """Where the page's rows stand."""
        return next(iter(places(page.body, self.facts.rows[page.request.name])))

    def _part_of(self, slice_name: str, pages: Sequence[Page], number: int, compiled: Compiled) -> Part:
        page, facts = pages[number], self.facts
        if page.request.name not in facts.rows:
            return Part(page, Template.of(page.body, {}), dumps(page.body))
        where = self._where(page)
        rows = at(page.body, where)
        seen = _Rows(self.adapter, pages, number, where, together=facts.together)
        # Rows that are refused are traps, some of them for their form of price.
        read = [(key, row, own) for key, row in items(rows) for own, refused in (seen.of(key, row),) if not refused]
        whole = all(
            type(at(row, path)) is int or str(at(row, path)).isdigit()
            for _, row, _ in read
            for price in facts.prices.split()
            for path in places(row, price)
        )
        name = f"{self.adapter.source}/{slice_name}/{page.request.name}/{page.request.page}"

        def rendered(key: Any, row: Any, own: Mapping[str, Offer], name: str) -> Template:
            return Template.of(row, {**self._stock_cells(row, name), **self._price_cells(seen, key, row, own, whole, compiled)})

        kept = [(key, rendered(key, row, own, f"{name}/{key}")) for key, row, own in read]
        crowd = [
            rendered(key, copy, seen.of(key, copy)[0], f"{name}/{key}+{number}")
            for key, row, _ in read
            for number, copy in enumerate(facts.copies.of(row, facts.prices.split(), whole=whole) if facts.copies else (), 1)
        ]
        keyed = isinstance(rows, dict)
        presence = f"{self.adapter.source}/{slice_name}/{page.request.name}" if facts.vanish else ""
        cell = Rows(kept, keyed, presence, facts.habit.scarcity, crowd)
        template = Template.of(page.body, {where: cell}) if where else Template([cell])
        return Part(page, template, dumps(replaced(page.body, where, {} if keyed else [])))

    def _stock_cells(self, row: Any, name: str) -> dict[Path, Cell]:
        cells: dict[Path, Cell] = {}
        for kind in self.facts.stock:
            for path in places(row, kind.path):
                if isinstance(kind, Word) and not isinstance(at(row, path), str):
                    continue
                # What one row says of its stock in several fields must agree; the items of a list have stock of their own.
                own = name if isinstance(kind, Members) else "/".join([name, *(str(step) for step in path if isinstance(step, int))])
                cells[path] = StockCell(kind, at(row, path), own, self.facts.habit.scarcity)
        return cells

    def _price_cells(
        self, seen: "_Rows", key: Any, row: Any, own: Mapping[str, Offer], whole: bool, compiled: Compiled
    ) -> dict[Path, Cell]:
        """The row's prices, each with the listing that it follows."""
        found = [path for price in self.facts.prices.split() for path in places(row, price)]
        paths = [path for path in found if factored(at(row, path), Decimal(1), whole=whole) is not None]
        linked: dict[Path, Listing] = {}
        for path in paths:
            moved, _ = seen.of(key, replaced(row, path, factored(at(row, path), Decimal(2), whole=whole)))
            touched = [offer for name, offer in own.items() if name in moved and moved[name].amount != offer.amount]
            if touched:
                linked[path] = compiled.follow(self.adapter, touched, self.facts.habit)
        first = next(iter(linked.values()), None)
        return {path: PriceCell(at(row, path), linked.get(path, first), whole) for path in paths} if first is not None else {}


class _Rows:
    """Reads a row of a page with the adapter: alone, with the other requests' pages beside it, or together with all other rows."""

    def __init__(self, adapter: Adapter, pages: Sequence[Page], number: int, where: Path, *, together: bool) -> None:
        self._adapter, self._where = adapter, where
        self._page = pages[number]
        self._others = [page for page in pages if page is not self._page and (together or page.request.name != self._page.request.name)]
        self._rows = at(self._page.body, where)
        self._together = together
        if not together:
            self._without, self._refused_without = self._read(type(self._rows)())

    def of(self, key: Any, row: Any) -> tuple[dict[str, Offer], bool]:
        """The offers that this row makes, and whether it is refused."""
        if self._together:
            others = [other for number, other in enumerate(self._rows) if number != key]
            _, refused_without = self._read(others)
            offers, refused = self._read([*others[:key], row, *others[key:]])
            return offers, refused > refused_without
        offers, refused = self._read({key: row} if isinstance(self._rows, dict) else [row])
        return {name: offer for name, offer in offers.items() if name not in self._without}, refused > self._refused_without

    def _read(self, rows: Any) -> tuple[dict[str, Offer], int]:
        page = msgspec.structs.replace(self._page, body=replaced(self._page.body, self._where, rows))
        return read(self._adapter, [*self._others, page])


def read(adapter: Adapter, pages: Sequence[Page]) -> tuple[dict[str, Offer], int]:
    """Offers by key, and how many rows are refused; an answer of another shape counts as one."""
    offers: dict[str, Offer] = {}
    refused = 0
    try:
        for row in adapter.parse(pages, READ_AT):
            if isinstance(row, Rejected):
                refused += 1
            else:
                offers[row.offer_key] = row
    except PayloadChanged:
        refused += 1
    return offers, refused


_COMPILED: dict[type[Adapter], Compiled] = {}
"""Bodies do not change while a process runs, and compiling asks the adapters some thousand times."""


def _last_key(path: str) -> str:
    return [step.removesuffix("[]") for step in path.split(".") if step != "*"][-1]
