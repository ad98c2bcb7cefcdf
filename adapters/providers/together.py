"""Together AI: GPU clusters and dedicated inference, read off the pricing page. https://www.together.ai/pricing

There is no price API for them (confidence: unsure; off in live mode until an operator says otherwise). Two tables, both in USD per
GPU-hour as the page itself says; where it no longer says so, the payload has changed:

- "GPU Clusters": on demand, and reserved for 7 to 30, 31 to 90, 91 to 180 or more days. The same table without terms stands hidden before
  it.
- "Dedicated Inference": GPUs behind an endpoint, paid while it is up. No machine is rented, so these are `serverless`, apart from machines.

A dash, "Contact us" and "Contact sales" are no offer. HGX boards carry SXM modules. Nothing is told of stock or place.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.pages import AS_A_BROWSER, Element, document, each
from adapters.rows import BadRow, amount, known_gpu
from schemas.vocabulary import PriceType

HARDWARE, ON_DEMAND, RESERVED = "Hardware", "ON-Demand", "Reserved"
CLUSTERS = (HARDWARE, ON_DEMAND, RESERVED, "Pay as you go")
"""Headings of the clusters' table before its terms; in two rows, of which the second has no cell under the first's Hardware."""
CLUSTERS_UNIT = "All prices are per GPU per hour."
DEDICATED = ("Hardware All prices per gpu per hour", "On-demand Pay as you go", RESERVED)
NO_PRICE = frozenset({"—", "Contact us", "Contact sales"})

_TERM = re.compile(r"\d+(-\d+|\+) days")
_DOLLARS = re.compile(r"\$(\d{1,3}(?:,\d{3})*(?:\.\d+)?)")


Columns = list[tuple[PriceType, str]]
"""Price type and term of each column of prices."""


class Together(Adapter):
    source = "together"
    provider = "together"
    title = "Together AI"
    base_url = "https://www.together.ai"
    cadence = timedelta(hours=6)
    fastest = timedelta(hours=6)
    conditional = True
    unit = "hour"
    basis = "per_gpu"
    price_types = ("on_demand", "serverless", "reserved")
    docs_url = "https://www.together.ai/pricing"
    terms = "https://www.together.ai/terms-of-service (not read; a public page, asked a few times a day)"
    confidence = "unsure"
    headers = AS_A_BROWSER

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="pricing", path="/pricing", answer="text"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            root = document(page.body)
            clusters, terms = _clusters(root)
            columns: Columns = [("on_demand", ""), *(("reserved", term) for term in terms)]
            yield from each(_rows(clusters), partial(self._offers, "gpu-clusters", columns))
            columns = [("serverless", ""), ("reserved", "term not stated")]
            yield from each(_rows(_table(root, DEDICATED)), partial(self._offers, "dedicated-inference", columns))

    def _offers(self, product: str, columns: Columns, row: Element) -> list[Offer]:
        cells = [_Cell(cell) for cell in row.all(tag="td")]
        name = cells[0].text if cells else ""
        stated = [(cell.text, cell.span) for cell in cells[1:]]
        if sum(span for _, span in stated) != len(columns):
            raise BadRow(HARDWARE, f"{name[:40]!r} has {len(stated)} prices under {len(columns)} headings")
        wide = [text for text, span in stated if span > 1 and text not in NO_PRICE]
        if wide:
            raise BadRow(RESERVED, f"{wide[0][:20]!r} stands under several headings")
        texts = [text for text, span in stated for _ in range(span)]
        prices = [_price(text) for text in texts]
        if not any(prices):
            return []
        gpu = known_gpu(self.gpus, HARDWARE, name, None)
        return [
            Offer(
                offer_key="/".join(filter(None, (product, name, term, price_type))),
                gpu=gpu,
                gpu_count=1,
                price_type=price_type,
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region="",
                instance_type=f"{product}: {name}",
            )
            for (price_type, term), price in zip(columns, prices, strict=True)
            if price
        ]


class _Cell:
    """A cell's text, and how many columns it takes."""

    def __init__(self, cell: Element) -> None:
        span = cell.attributes.get("colspan", "1")
        self.text = cell.text
        self.span = int(span) if span.isdecimal() else 0


def _clusters(root: Element) -> tuple[Element, list[str]]:
    """The table of GPU clusters, and the terms that it names. Raises PayloadChanged."""
    if CLUSTERS_UNIT not in root.text:
        raise PayloadChanged(f"the page no longer says {CLUSTERS_UNIT!r}", HARDWARE)
    tables = [table for table in root.all(tag="table") if tuple(_headings(table)[: len(CLUSTERS)]) == CLUSTERS]
    terms = _headings(tables[0])[len(CLUSTERS) :] if len(tables) == 1 else []
    if not terms or not all(_TERM.fullmatch(term) for term in terms) or len(set(terms)) != len(terms):
        raise PayloadChanged(f"no one table of GPU clusters with known terms: {', '.join(terms)[:80]!r}", RESERVED)
    return tables[0], terms


def _table(root: Element, headings: tuple[str, ...]) -> Element:
    found = [table for table in root.all(tag="table") if tuple(_headings(table)) == headings]
    if len(found) != 1:
        raise PayloadChanged(f"{len(found)} tables with the headings {', '.join(headings)}", HARDWARE)
    return found[0]


def _headings(table: Element) -> list[str]:
    return [" ".join(words.text for words in heading.all(tag="p")) for heading in table.all(tag="th")]


def _rows(table: Element) -> Iterator[Element]:
    return (row for row in table.all(tag="tr") if not any(row.all(tag="th")))


def _price(text: str) -> str:
    """The price's digits; empty where none is stated."""
    if text in NO_PRICE:
        return ""
    dollars = _DOLLARS.fullmatch(text)
    if dollars is None:
        raise BadRow("price", f"{text[:20]!r} is no price in dollars")
    return amount({"price": dollars[1].replace(",", "")}, "price")
