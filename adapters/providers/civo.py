"""Civo: GPU instances, read off the pricing page. https://www.civo.com/pricing

The section of GPUs has a table a model, whose caption names it; each row says how many there are ("8 x NVIDIA H200 - 141GB HBM3e"). Prices
are USD per hour for the whole instance, on demand and for a commitment of 6 to 36 months, which is `reserved`; each stands beside a hidden
one per month. "N/A" is no offer: B200 is sold by commitment only, and its 36 months are no on-demand price. Other sections of the page
have tables of the same make. The API (`/v2/sizes`) needs a key and states no prices. Neither stock nor regions are told.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.pages import Element, document, each
from adapters.rows import BadRow, amount, known_gpu

SECTION, DETAIL = "nvidia-gpus", "product-detail"
TERMS = ("6_months", "12_months", "24_months", "36_months")
_CAPTION = re.compile(r"NVIDIA (.+) GPU pricing")
_DETAIL = re.compile(r"([1-9]\d?) x NVIDIA ([A-Z0-9 ]+?) - (\d+)GB( HBM\w+)?")
_PRICE = re.compile(r"\$((?:\d{1,3},)*\d{1,3}\.\d\d) ?per hour")


class Civo(Adapter):
    source = "civo"
    provider = "civo"
    title = "Civo"
    base_url = "https://www.civo.com"
    cadence = timedelta(hours=6)
    fastest = timedelta(hours=6)
    conditional = True
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "reserved")
    docs_url = "https://www.civo.com/pricing"
    terms = "https://www.civo.com/legal/terms-of-service (not read; a public page, asked a few times a day)"
    confidence = "grounded"
    ignored: ClassVar[Mapping[str, str]] = {"A100 40GB": "SXM or PCIe is not told", "A100 80GB": "SXM or PCIe is not told"}

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="pricing", path="/pricing", answer="text"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            sections = [part for part in document(page.body).all(tag="section") if part.attributes.get("id") == SECTION]
            if len(sections) != 1:
                raise PayloadChanged(f"the page has {len(sections)} sections of GPUs", SECTION)
            tables = list(sections[0].all(tag="table"))
            if not tables:
                raise PayloadChanged("the section of GPUs has no table", SECTION)
            for table in tables:
                yield from self._table(table)

    def _table(self, table: Element) -> Iterator[Offer | Rejected]:
        captions = [_CAPTION.fullmatch(caption.text) for caption in table.all(tag="caption")]
        if len(captions) != 1 or captions[0] is None:
            raise PayloadChanged("a table of GPUs has no caption that names one", "caption")
        model = captions[0][1]
        if model in self.ignored:
            return
        headings = [heading.text for heading in table.all(tag="th")]
        if headings[-2:] != ["On-demand", "Commitment"]:
            raise PayloadChanged(f"the columns of {model[:40]!r} are not On-demand and Commitment", "On-demand")
        yield from each((row for row in table.all(tag="tr") if any(row.all(tag="td"))), partial(self._offers, model))

    def _offers(self, model: str, row: Element) -> list[Offer]:
        detail = _DETAIL.fullmatch(_one(row, DETAIL).text)
        if detail is None or detail[2].split()[0] != model.split()[0] or re.findall(r"(\d+)GB", model) not in ([], [detail[3]]):
            raise BadRow(DETAIL, f"does not say how many {model[:40]!r} there are")
        gpu = known_gpu(self.gpus, DETAIL, model, float(detail[3]))
        size = row.text.split(detail[0])[0].strip()
        if not size:
            raise BadRow("Size", "text is missing")
        name = f"{model}/{size}".lower().replace(" ", "-")
        blocks = [part for part in _one(row, "commitment-pricing").all(tag="div") if part.attributes.get("id", "").endswith("_months")]
        if tuple(block.attributes["id"] for block in blocks) != TERMS:
            raise BadRow("commitment-pricing", "not one block for each term")
        prices = {f"{name}/on_demand": _price(_one(row, "on-demand-pricing"))}
        prices |= {f"{name}/{block.attributes['id']}/reserved": _price(block) for block in blocks}
        return [
            Offer(
                offer_key=key,
                gpu=gpu,
                gpu_count=int(detail[1]),
                price_type="reserved" if key.endswith("/reserved") else "on_demand",
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_instance",
                region="",
                availability="unknown",
                instance_type=name,
            )
            for key, price in prices.items()
            if price
        ]


def _one(row: Element, css: str) -> Element:
    found = list(row.all(css=css))
    if len(found) != 1:
        raise BadRow(css, f"{len(found)} of them in a row")
    return found[0]


def _price(block: Element) -> str:
    """The digits of the block's price per hour; empty where there is none."""
    texts = [part.text for part in block.all(tag="div") if part.attributes.get("data-option") == "hourly"]
    if len(texts) != 1:
        raise BadRow("hourly", f"{len(texts)} prices per hour in one place")
    if texts[0] in ("N/A", "N/Aper hour", "N/A per hour"):
        return ""
    price = _PRICE.fullmatch(texts[0])
    if price is None:
        raise BadRow("hourly", f"{texts[0][:20]!r} is no price in dollars per hour")
    return amount({"hourly": price[1].replace(",", "")}, "hourly")
