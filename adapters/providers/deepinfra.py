"""Deep Infra: dedicated GPUs for models of one's own, read off the pricing page. https://deepinfra.com/pricing

There is no price API for them (confidence: unsure; off in live mode until an operator says otherwise). One table of GPU, memory of one GPU
and price, "$2.20 / GPU-hour", paid by the minute while a deployment is up. No machine is rented, so these are `serverless`, apart from
machines. The page says that GPUs are "SXM-connected"; where it no longer does, the form is open and the payload has changed. Models by the
token, tiers and whole clusters ("contact us") are other products. Nothing is told of stock or place.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.pages import AS_A_BROWSER, Element, document, each
from adapters.rows import BadRow, amount, known_gpu

GPU, MEMORY, PRICE = HEADINGS = ("GPU", "Memory", "Price")
FORM = "dedicated SXM-connected GPUs"

_PRICE = re.compile(r"\$(\d{1,3}(?:,\d{3})*(?:\.\d+)?) / GPU-hour")
_GIGABYTES = re.compile(r"(\d{1,3})GB")


class DeepInfra(Adapter):
    source = "deepinfra"
    provider = "deepinfra"
    title = "Deep Infra"
    base_url = "https://deepinfra.com"
    cadence = timedelta(hours=6)
    fastest = timedelta(hours=6)
    conditional = True
    unit = "hour"
    basis = "per_gpu"
    price_types = ("serverless",)
    docs_url = "https://deepinfra.com/pricing"
    terms = "https://deepinfra.com/terms (not read; a public page, asked a few times a day)"
    confidence = "unsure"
    headers = AS_A_BROWSER
    gpus: ClassVar[Mapping[str, str]] = {"A100": "A100-SXM-80", "H100": "H100-SXM-80", "H200": "H200-SXM-141"}

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="pricing", path="/pricing", answer="text"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(_rows(document(page.body)), self._offers)

    def _offers(self, row: Element) -> list[Offer]:
        cells = [cell.text for cell in row.all(tag="td")]
        if len(cells) != len(HEADINGS):
            raise BadRow(GPU, f"{len(cells)} cells under {len(HEADINGS)} headings")
        name, memory, stated = cells
        size, price = _GIGABYTES.fullmatch(memory), _PRICE.fullmatch(stated)
        if size is None:
            raise BadRow(MEMORY, f"{memory[:20]!r} is no memory in GB")
        if price is None:
            raise BadRow(PRICE, f"{stated[:40]!r} is no price in dollars per GPU-hour")
        return [
            Offer(
                offer_key=f"{name}/serverless",
                gpu=known_gpu(self.gpus, GPU, name, float(size[1])),
                gpu_count=1,
                price_type="serverless",
                amount=amount({PRICE: price[1].replace(",", "")}, PRICE),
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region="",
                instance_type=name,
            )
        ]


def _rows(page: Element) -> Iterator[Element]:
    """Rows of the one table with these headings. Raises PayloadChanged where there is none, or the GPUs' form is no longer stated."""
    tables = [table for table in page.all(tag="table") if tuple(heading.text for heading in table.all(tag="th")) == HEADINGS]
    if len(tables) != 1:
        raise PayloadChanged(f"{len(tables)} tables with the headings {', '.join(HEADINGS)}", GPU)
    if FORM not in page.text:
        raise PayloadChanged(f"the page no longer says {FORM!r}", GPU)
    return (row for row in tables[0].all(tag="tr") if not any(row.all(tag="th")))
