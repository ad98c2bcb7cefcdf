"""Fly.io: the price of a GPU beside a Machine, read off the pricing page. https://fly.io/docs/about/pricing/

There is no price API for GPUs (confidence: unsure; off in live mode until an operator says otherwise): `vmSizes` of the GraphQL API has
a price per second, and nothing shows that it ever had a GPU. The page says "On-demand GPU pricing:" and lists one price a kind, in USD per
hour and GPU ("A10: $1.50/hr per GPU"), in these words from 2023-11 until 2026-08-05, when it went with the GPUs, which could not be rented
any more after 2026-08-01. A page without the list is a changed payload that says so: it is neither sold out nor an empty success.

A GPU is not rented by itself: the Machine that it is attached to is charged on top, by its own size and region ("plus the price of the
attached GPU"). So these prices are not what a rented GPU costs in all, and count in no market statistics. Where the page no longer says
that, the payload has changed. Reserved prices are not stated; places are, for Machines only, and stock is not told.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.pages import AS_A_BROWSER, Element, document, each
from adapters.rows import BadRow, amount, known_gpu

PAGE = "Fly.io Resource Pricing"
LIST = "On-demand GPU pricing:"
BESIDE = "plus the price of the attached GPU"

_ENTRY = re.compile(r"([A-Za-z0-9 ]+): \$((?:\d{1,3},)*\d+\.\d+)/hr per GPU")


class FlyIo(Adapter):
    source = "flyio"
    provider = "flyio"
    title = "Fly.io"
    base_url = "https://fly.io"
    cadence = timedelta(hours=6)
    fastest = timedelta(hours=6)
    conditional = True
    unit = "hour"
    basis = "per_gpu"
    docs_url = "https://fly.io/docs/about/pricing/"
    terms = "https://fly.io/legal/terms-of-service/ (not read; a public page, asked a few times a day)"
    confidence = "unsure"
    headers = AS_A_BROWSER

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="pricing", path="/docs/about/pricing/", answer="text"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(_entries(document(page.body)), self._offers)

    def _offers(self, entry: Element) -> list[Offer]:
        stated = _ENTRY.fullmatch(entry.text)
        if stated is None:
            raise BadRow(LIST, f"{entry.text[:40]!r} is no GPU with a price in dollars per hour")
        return [
            Offer(
                offer_key=f"{stated[1]}/on_demand",
                gpu=known_gpu(self.gpus, LIST, stated[1], None),
                gpu_count=1,
                price_type="on_demand",
                amount=amount({"price": stated[2].replace(",", "")}, "price"),
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region="",
                instance_type=stated[1],
                in_market_stats=False,
            )
        ]


def _entries(page: Element) -> list[Element]:
    """The list's entries. Raises PayloadChanged where this is another page, or it has not one such list with entries."""
    if PAGE not in (heading.text for heading in page.all(tag="h1")):
        raise PayloadChanged(f"the page is not {PAGE!r}", PAGE)
    elements = list(page.all())
    found = [number for number, element in enumerate(elements) if element.tag == "p" and element.text == LIST]
    if not found:
        raise PayloadChanged(f"Fly.io lists no GPUs any more: its pricing page has no {LIST!r}", LIST)
    if len(found) > 1 or page.text.count(LIST) > 1:
        raise PayloadChanged(f"the page has {LIST!r} more than once", LIST)
    after = elements[found[0] + 1 :]
    if not after or after[0].tag != "ul":
        raise PayloadChanged(f"no list follows {LIST!r}", LIST)
    entries = list(after[0].all(tag="li"))
    if not entries:
        raise PayloadChanged(f"Fly.io lists no GPUs any more: nothing stands under {LIST!r}", LIST)
    if BESIDE not in page.text:
        raise PayloadChanged(f"the page no longer says {BESIDE!r}: what a GPU's price is of is open", LIST)
    return entries
