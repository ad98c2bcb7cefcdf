"""E2E Networks: GPUs of an Indian cloud, read off the pricing page. https://www.e2enetworks.com/pricing?region=us

The API wants an account (confidence: unsure; off in live mode until an operator says otherwise). The page has one table of GPUs; asked with
`region=us` its prices are USD, without taxes, "per GPU-hour" as it says itself. It also has buttons for 2, 4 and 8 GPUs: where it no longer
says per GPU-hour, the payload has changed. Each row states hour, month and year; a month that is not 200 to 1,500 times the hour (it was
450 to 715 times in 2026-08) is another column or another unit, and then the row is not believed. Months and years are commitments, and
not read: a year is no unit of ours. The page names a feed as well, /pricing.json, of which nobody has shown an answer.

A100, H100, H200 and RTX PRO 6000 are left out: each is of more than one form, and the page tells none. CPU machines, and the rupee prices
that the page has for search engines, are other products. Neither stock nor places are told.
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

ITEM, VRAM, VCPUS, RAM, HOUR, MONTH, _ = HEADINGS = ("Item", "vRAM", "vCPUs", "RAM, GB", "Hourly/On-Demand", "Monthly", "Annually")
UNIT = "Prices are per GPU-hour"
OPEN = "of more than one form: the page tells none"
HOURS_A_MONTH = (200, 1500)

_NAME = re.compile(r"NVIDIA ([A-Z0-9 ]+)")
_WHOLE = re.compile(r"\d{1,4}")
_DOLLARS = re.compile(r"\$((?:\d{1,3},)*\d{1,3}\.\d\d)")


class E2E(Adapter):
    source = "e2e"
    provider = "e2e"
    title = "E2E Networks"
    base_url = "https://www.e2enetworks.com"
    cadence = timedelta(hours=6)
    fastest = timedelta(hours=6)
    conditional = True
    unit = "hour"
    basis = "per_gpu"
    fallback = "/pricing.json, named by the page and never seen"
    docs_url = "https://www.e2enetworks.com/pricing"
    terms = "https://www.e2enetworks.com/policies/terms-of-service (not read; a public page, asked a few times a day)"
    confidence = "unsure"
    headers = AS_A_BROWSER
    ignored: ClassVar[Mapping[str, str]] = dict.fromkeys(("A100", "H100", "H200", "RTX PRO 6000"), OPEN)

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="pricing", path="/pricing", query={"region": "us"}, answer="text"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(_rows(document(page.body)), self._offers)

    def _offers(self, row: Element) -> list[Offer]:
        cells = [cell.text for cell in row.all(tag="td")]
        if len(cells) != len(HEADINGS):
            raise BadRow(ITEM, f"{len(cells)} cells under {len(HEADINGS)} headings")
        by_heading = dict(zip(HEADINGS, cells, strict=True))
        named = _NAME.fullmatch(by_heading[ITEM])
        if named is None:
            raise BadRow(ITEM, f"{by_heading[ITEM][:40]!r} is no GPU's name")
        if named[1] in self.ignored:
            return []
        memory = _whole(by_heading, VRAM)
        return [
            Offer(
                offer_key=f"{named[1]}/{memory}gb/on_demand",
                gpu=known_gpu(self.gpus, ITEM, named[1], float(memory)),
                gpu_count=1,
                price_type="on_demand",
                amount=_hour(by_heading),
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region="",
                vcpus=_whole(by_heading, VCPUS),
                memory_gib=_whole(by_heading, RAM),
                instance_type=by_heading[ITEM],
            )
        ]


def _rows(page: Element) -> Iterator[Element]:
    """Rows of the one table with these headings. Raises PayloadChanged where there is none, or another, or the unit is no longer stated."""
    tables = [table for table in page.all(tag="table") if tuple(heading.text for heading in table.all(tag="th")) == HEADINGS]
    if len(tables) != 1:
        raise PayloadChanged(f"{len(tables)} tables with the headings {', '.join(HEADINGS)}", ITEM)
    if UNIT not in page.text:
        raise PayloadChanged(f"the page no longer says {UNIT!r}", HOUR)
    return (row for row in tables[0].all(tag="tr") if not any(row.all(tag="th")))


def _hour(row: Mapping[str, str]) -> str:
    """The digits per hour, where the month agrees or is not stated in dollars."""
    hour, month = _DOLLARS.fullmatch(row[HOUR]), _DOLLARS.fullmatch(row[MONTH])
    if hour is None:
        raise BadRow(HOUR, f"{row[HOUR][:20]!r} is no price in dollars")
    price = amount({HOUR: hour[1].replace(",", "")}, HOUR)
    least, most = HOURS_A_MONTH
    if month is not None and not least <= Decimal(month[1].replace(",", "")) / Decimal(price) <= most:
        raise BadRow(HOUR, f"{row[MONTH][:20]} a month is no multiple of {price} an hour")
    return price


def _whole(row: Mapping[str, str], heading: str) -> int:
    if not _WHOLE.fullmatch(row[heading]):
        raise BadRow(heading, f"{row[heading][:20]!r} is no whole number")
    return int(row[heading])
