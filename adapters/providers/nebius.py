"""Nebius: GPU instances, read off the public price page. https://nebius.com/prices

Its API is gRPC, for customers' service accounts, and asks for an SDK of its own; the page says the same list prices. Two of its tables are
read, GPU instances and preemptible ones, as they are rendered (a page of 2026-10 in a public collector's tests): USD per GPU-hour, for all
regions (eu-north1, eu-west1, us-central1, me-west1) alike, without stock. A change of prices stands there before it holds, in a column
"GPU-hour (Effective October 1, 2026)": the newest column that is in force counts. "from $1.55", "Contact us" and a dash are no price. A
heading, title or cell of another form is a changed payload or a refused row, never a guess.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.pages import Element, document, each
from adapters.rows import BadRow, amount, known_gpu
from schemas.vocabulary import PriceType

BLOCK = "pc-highlight-table-block"
DESCRIBED = ("Item", "vCPUs", "RAM, GB")
# Title of a table -> what its columns hold where they do not say it
TITLES: dict[str, PriceType] = {"NVIDIA GPU Instances": "on_demand", "Preemptible NVIDIA GPU Instances": "preemptible"}
KINDS: dict[str, PriceType] = {"On-demand": "on_demand", "Preemptible": "preemptible", "Spot price": "preemptible"}

_HEADING = re.compile(r"(?:(On-demand|Preemptible|Spot price), )?GPU-hour\*?(?: \(Effective ([A-Z][a-z]+ \d{1,2}, \d{4})\))?")
_PRICE = re.compile(r"\$(\d{1,3}(?:,\d{3})*(?:\.\d+)?)")
_NO_PRICE = re.compile(r"Contact us|[-–—]{1,2}|from \$\d+(\.\d+)?\*{0,2}")


class Nebius(Adapter):
    source = "nebius"
    provider = "nebius"
    title = "Nebius"
    base_url = "https://nebius.com"
    reads_clock = True
    cadence = timedelta(hours=6)
    fastest = timedelta(hours=6)
    unit = "hour"
    basis = "per_gpu"
    docs_url = "https://nebius.com/prices"
    terms = "https://nebius.com/legal/terms-of-use (not read; a public page, asked a few times a day)"
    confidence = "documented"
    price_types = ("on_demand", "preemptible")
    fallback = "gRPC: CalculatorService.Estimate, with a service account"
    gpus: ClassVar[Mapping[str, str]] = {
        "NVIDIA HGX H200": "H200-SXM-141",
        "NVIDIA HGX H100": "H100-SXM-80",
        "NVIDIA RTX PRO 6000": "RTXPRO6000SE-PCIE-96",
        "NVIDIA L40S with Intel CPU": "L40S-PCIE-48",
        "NVIDIA L40S with AMD CPU": "L40S-PCIE-48",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="prices", path="/prices", answer="text"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            tables = [(title, *_table(title, block)) for title, block in _gpu_tables(document(page.body))]
            if "NVIDIA GPU Instances" not in {title for title, _, _ in tables}:
                raise PayloadChanged("the page has no table of GPU instances", "NVIDIA GPU Instances")
            for title, headings, rows in tables:
                columns = _in_force(title, headings, observed_at.astimezone(UTC).date())
                yield from each(rows, partial(self._offers, len(headings), columns))

    def _offers(self, width: int, columns: Mapping[PriceType, tuple[int, str]], row: Element) -> list[Offer]:
        cells = _cells(row)
        if len(cells) != width:
            raise BadRow("Item", f"{len(cells)} cells under {width} headings")
        prices = {price_type: _price(cells[at], heading) for price_type, (at, heading) in columns.items()}
        if not any(prices.values()):
            return []
        item, vcpus, ram = cells[: len(DESCRIBED)]
        name = re.sub(r"[^a-z0-9]+", "-", item.lower()).strip("-")
        gpu = known_gpu(self.gpus, "Item", item, None)
        return [
            Offer(
                offer_key=f"{name}/{price_type}",
                gpu=gpu,
                gpu_count=1,
                price_type=price_type,
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region="",
                vcpus=float(vcpus) if vcpus.isdecimal() else None,
                memory_gib=float(ram) if ram.isdecimal() else None,
                instance_type=name,
            )
            for price_type, price in prices.items()
            if price
        ]


def _gpu_tables(page: Element) -> Iterator[tuple[str, Element]]:
    """Title and block of each table with prices of GPU-hours. Raises PayloadChanged where title and headings do not fit."""
    for block in page.all(css=f"{BLOCK}__root"):
        title = next((heading.text for heading in block.all(tag="h2")), "")
        if ("GPU-hour" in " ".join(head.text for head in block.all(css=f"{BLOCK}__head"))) != (title in TITLES):
            raise PayloadChanged(f"a table of GPU-hours is not the one called {title[:40]!r}", title or "h2")
        if title in TITLES:
            yield title, block


def _table(title: str, block: Element) -> tuple[list[str], list[Element]]:
    rows = list(block.all(css=f"{BLOCK}__row"))
    headings = _cells(rows[0]) if rows else []
    if tuple(headings[: len(DESCRIBED)]) != DESCRIBED:
        raise PayloadChanged(f"{title}: the headings are not {', '.join(DESCRIBED)} and prices", "Item")
    return headings, rows[1:]


def _in_force(title: str, headings: list[str], today: date) -> dict[PriceType, tuple[int, str]]:
    """Column and heading by price type: the newest that holds today. Raises PayloadChanged for a heading that is not understood."""
    newest: dict[PriceType, tuple[date, int]] = {}
    for at, heading in enumerate(headings[len(DESCRIBED) :], len(DESCRIBED)):
        match = _HEADING.fullmatch(heading)
        since = _date(match[2]) if match else None
        if match is None or since is None:
            raise PayloadChanged(f"{title}: heading {heading[:60]!r} is not understood", heading or "heading")
        price_type = KINDS[match[1]] if match[1] else TITLES[title]
        if since > today:
            continue
        if price_type in newest and newest[price_type][0] == since:
            raise PayloadChanged(f"{title}: two columns of {price_type} prices from the same day", heading)
        newest[price_type] = max(newest.get(price_type, (since, at)), (since, at))
    return {price_type: (at, headings[at]) for price_type, (_, at) in newest.items()}


def _date(text: str | None) -> date | None:
    """The day a column holds from; the first of all days where none is stated, None where it is no day."""
    if text is None:
        return date.min
    try:
        return datetime.strptime(f"{text} +0000", "%B %d, %Y %z").date()
    except ValueError:
        return None


def _cells(row: Element) -> list[str]:
    return [cell.text for cell in row.all(css=f"{BLOCK}__cell")]


def _price(text: str, heading: str) -> str:
    """The price's digits; empty where none is stated."""
    if _NO_PRICE.fullmatch(text):
        return ""
    match = _PRICE.fullmatch(text)
    if match is None:
        raise BadRow(heading, f"{text[:20]!r} is no price in dollars")
    return amount({heading: match[1].replace(",", "")}, heading)
