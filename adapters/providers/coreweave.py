"""CoreWeave: GPU instances, read off the pricing page. https://www.coreweave.com/pricing

There is no price API (confidence: unsure; off in live mode until an operator says otherwise). The page has a table a continent; prices are
USD per hour for the whole instance, on demand and spot. "4^1" is 4 GPUs with a footnote: an instance of two superchips with two GPUs each.
"Contact sales", "N/A" and an empty cell are no offer. The third column of prices, for one GPU, is for customers of the inference platform:
another product. Each row states its prices twice, for wide and for narrow screens; where the two differ, neither is believed. A heading,
region or row of another shape is a changed payload or a refused row, never a guess. Stock is not told. A plain Python user agent gets 403.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.pages import AS_A_BROWSER, Element, document, each
from adapters.rows import BadRow, amount, known_gpu
from schemas.vocabulary import PriceType

REGIONS = {"REGION: NORTH AMERICA": "north-america", "REGION: EUROPE": "europe"}
MODEL, COUNT, MEMORY = "GPU Model", "GPU Count", "VRAM (GB)"
# Price type -> heading, class of the same price for narrow screens
PRICES: dict[PriceType, tuple[str, str]] = {
    "on_demand": ("On-Demand Price (Per Hour)", "instance-price"),
    "spot": ("Spot Price (Per Hour)", "spot-price"),
}
NO_PRICE = frozenset({"", "N/A", "Contact sales"})

_COUNT = re.compile(r"([1-9]\d?)(\^1)?")
_NUMBER = re.compile(r"\d{1,3}(,\d{3})*(\.\d+)?")


class CoreWeave(Adapter):
    source = "coreweave"
    provider = "coreweave"
    title = "CoreWeave"
    base_url = "https://www.coreweave.com"
    cadence = timedelta(hours=6)
    fastest = timedelta(hours=6)
    conditional = True
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "spot")
    docs_url = "https://www.coreweave.com/pricing"
    terms = "https://www.coreweave.com/terms-of-service (not read; a public page, asked a few times a day)"
    confidence = "unsure"
    headers = AS_A_BROWSER
    gpus: ClassVar[Mapping[str, str]] = {
        "NVIDIA HGX H100": "H100-SXM-80",
        "NVIDIA HGX H200": "H200-SXM-141",
        # https://docs.coreweave.com/docs/platform/instances/gpu: A100 80 GB with NVLink
        "NVIDIA A100": "A100-SXM-80",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="pricing", path="/pricing", answer="text"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            tables = list(_tables(document(page.body)))
            if not tables:
                raise PayloadChanged("the page has no table of GPU instances", MODEL)
            for region, headings, rows in tables:
                yield from each(rows, partial(self._offers, region, headings))

    def _offers(self, region: str, headings: list[str], row: Element) -> list[Offer]:
        cells = [cell for cell in row.all(css="table-v2-cell")]
        if len(cells) != len(headings):
            raise BadRow(MODEL, f"{len(cells)} cells under {len(headings)} headings")
        by_heading = dict(zip(headings, cells, strict=True))
        names = list(by_heading[MODEL].all(tag="h3"))
        product = names[0].attributes.get("data-product", "") if len(names) == 1 else ""
        if not product:
            raise BadRow(MODEL, "the model has no data-product")
        prices = {kind: _price(row, by_heading[heading].text, heading, css) for kind, (heading, css) in PRICES.items()}
        if not any(prices.values()):
            return []
        count = _COUNT.fullmatch(by_heading[COUNT].text)
        if count is None:
            raise BadRow(COUNT, f"{by_heading[COUNT].text[:20]!r} is no number of GPUs")
        gpu = known_gpu(self.gpus, MODEL, names[0].text, _number(by_heading[MEMORY].text, MEMORY))
        return [
            Offer(
                offer_key=f"{region}/{product}/{price_type}",
                gpu=gpu,
                gpu_count=int(count[1]),
                price_type=price_type,
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_instance",
                region=region,
                availability="unknown",
                vcpus=_number(by_heading["vCPUs"].text, "vCPUs"),
                memory_gib=_number(by_heading["System RAM (GB)"].text, "System RAM (GB)"),
                instance_type=product,
            )
            for price_type, price in prices.items()
            if price
        ]


def _tables(page: Element) -> Iterator[tuple[str, list[str], list[Element]]]:
    """Region, headings and rows of each table of GPU instances. A region stands above its own table only."""
    region = None
    for element in page.all():
        if element.tag == "h5":
            region = REGIONS.get(element.text)
        elif "gpu-pricing" in element.classes and "table-v2" in element.classes:
            headings = [heading.text for heading in element.all(css="table-header-text")]
            if "CPU Model" in headings:
                region = None
                continue
            missing = {MODEL, COUNT, MEMORY, "vCPUs", "System RAM (GB)", *(heading for heading, _ in PRICES.values())} - set(headings)
            if missing:
                raise PayloadChanged(f"a table has no heading {sorted(missing)[0]!r}", sorted(missing)[0])
            if region is None:
                raise PayloadChanged("a table of GPU instances has no known region above it", "REGION")
            yield region, headings, list(element.all(css="table-row-v2"))
            region = None


def _price(row: Element, text: str, heading: str, css: str) -> str:
    """The price's digits; empty where none is stated."""
    narrow = [value.text for span in row.all(css=css) for value in span.all(css="item-value")]
    if len(narrow) != 1 or (narrow[0] if narrow[0] not in NO_PRICE else "") != (text if text not in NO_PRICE else ""):
        raise BadRow(heading, f"stated twice and differently: {text[:20]!r} and {' '.join(narrow)[:20]!r}")
    if text in NO_PRICE:
        return ""
    if not text.startswith("$") or not _NUMBER.fullmatch(text[1:]):
        raise BadRow(heading, f"{text[:20]!r} is no price in dollars")
    return amount({heading: text[1:].replace(",", "")}, heading)


def _number(text: str, heading: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise BadRow(heading, f"{text[:20]!r} is no number")
    return float(text.replace(",", ""))
