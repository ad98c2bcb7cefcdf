"""Replicate: hardware by the second for private models and deployments, read off the pricing page. https://replicate.com/pricing

The API's /v1/hardware has names without prices; the page has both, so it is not asked (confidence: unsure; off in live mode until an
operator says otherwise). The page's table states each price twice, per second and per hour, for the whole machine: where one is not 3,600
times the other, neither is believed. "2x" in the name, the GPU column and "GPU RAM", which is the total, must agree as well. Public models
cost these seconds while they work; private ones also while they start and wait. Nothing is told of stock or place.

A100 and H100 are left out: the page leaves open whether they are SXM or PCIe cards, and nothing was found that says it. (The H100s stand
under "Additional hardware", reserved for committed spend.)
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.pages import AS_A_BROWSER, Element, document, each
from adapters.rows import BadRow, amount, known_gpu

HARDWARE, PRICE, GPU, CPU, GPU_RAM, RAM = HEADINGS = ("Hardware", "Price", "GPU", "CPU", "GPU RAM", "RAM")
OPEN = "SXM or PCIe: the page leaves it open"
NOT_MACHINES = frozenset({"Additional hardware"})

_NAME = re.compile(r"(?:([2-8])x )?Nvidia (.+?) GPU ?(gpu-[a-z0-9-]+)")
_CPU_NAME = re.compile(r"CPU(?: \(.+\))? ?cpu[a-z0-9-]*")
_PRICE = re.compile(r"\$(\d+\.\d+)/sec ?\(?\$(\d+(?:\.\d+)?)/hr\)?")
_TIMES = re.compile(r"(\d{1,3})x")
_GIGABYTES = re.compile(r"(\d{1,4})GB")


class Replicate(Adapter):
    source = "replicate"
    provider = "replicate"
    title = "Replicate"
    base_url = "https://replicate.com"
    cadence = timedelta(hours=6)
    fastest = timedelta(hours=6)
    conditional = True
    unit = "second"
    basis = "per_instance"
    price_types = ("serverless",)
    docs_url = "https://replicate.com/pricing"
    terms = "https://replicate.com/terms (not read; a public page, asked a few times a day)"
    confidence = "unsure"
    headers = AS_A_BROWSER
    # A machine with more memory and cores around the same card.
    gpus: ClassVar[Mapping[str, str]] = {"A40 (Large)": "A40-PCIE-48"}
    ignored: ClassVar[Mapping[str, str]] = {"A100 (80GB)": OPEN, "A100 (40GB)": OPEN, "H100": OPEN}

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="pricing", path="/pricing", answer="text"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(_rows(document(page.body)), self._offers)

    def _offers(self, row: Element) -> list[Offer]:
        cells = [cell.text for cell in row.all(tag="td")]
        hardware = cells[0] if cells else ""
        if hardware in NOT_MACHINES or _CPU_NAME.fullmatch(hardware):
            return []
        named = _NAME.fullmatch(hardware)
        if named is None:
            raise BadRow(HARDWARE, f"{hardware[:40]!r} is no hardware's name")
        if named[2] in self.ignored:
            return []
        if len(cells) != len(HEADINGS):
            raise BadRow(HARDWARE, f"{len(cells)} cells under {len(HEADINGS)} headings")
        by_heading = dict(zip(HEADINGS, cells, strict=True))
        gpus = int(named[1] or 1)
        if _number(_TIMES, by_heading, GPU) != gpus:
            raise BadRow(GPU, f"{by_heading[GPU][:20]!r} for {hardware[:40]!r}")
        return [
            Offer(
                offer_key=f"{named[3]}/serverless",
                gpu=known_gpu(self.gpus, HARDWARE, named[2], _number(_GIGABYTES, by_heading, GPU_RAM) / gpus),
                gpu_count=gpus,
                price_type="serverless",
                amount=_price(by_heading[PRICE]),
                currency="USD",
                unit="second",
                basis="per_instance",
                region="",
                vcpus=_number(_TIMES, by_heading, CPU),
                memory_gib=_number(_GIGABYTES, by_heading, RAM),
                instance_type=named[3],
            )
        ]


def _rows(page: Element) -> Iterator[Element]:
    """Rows of the one table with these headings. Raises PayloadChanged where there is none, or another."""
    tables = [
        table for table in page.all(tag="table") if tuple(heading.text for heading in table.all(tag="th"))[: len(HEADINGS)] == HEADINGS
    ]
    if len(tables) != 1:
        raise PayloadChanged(f"{len(tables)} tables with the headings {', '.join(HEADINGS)}", HARDWARE)
    return (row for row in tables[0].all(tag="tr") if not any(row.all(tag="th")))


def _price(text: str) -> str:
    """The digits per second."""
    stated = _PRICE.fullmatch(text)
    if stated is None:
        raise BadRow(PRICE, f"{text[:40]!r} is no price in dollars per second and per hour")
    price = amount({PRICE: stated[1]}, PRICE)
    if Decimal(price) * 3600 != Decimal(stated[2]):
        raise BadRow(PRICE, f"{stated[2]} an hour is not 3600 times {price} a second")
    return price


def _number(form: re.Pattern[str], row: Mapping[str, str], heading: str) -> float:
    found = form.fullmatch(row[heading])
    if found is None:
        raise BadRow(heading, f"{row[heading][:20]!r} is not of the form that the page had")
    return float(found[1])
