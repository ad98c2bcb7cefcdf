"""Crusoe: GPU instances. Prices off the public page, types and stock from the signed API. https://docs.crusoecloud.com/

The API states no price. https://www.crusoe.ai/cloud/pricing has a table of GPUs in USD per GPU-hour, on demand and spot, and the same
markup for CPUs, inference and managed deployments ("NVIDIA H100" at a bare "$5.50"): only the section of GPU instances is read, and in it
only "$3.90/GPU-hr" is a price, "Contact sales" none. Each instance type is joined to the price of its GPU; one without a price is no
offer. `/capacities` tells how many are free where; a type it does not name has stock unknown, and a row of a type that the list
does not have is no offer. Stock of spot is not told. Since a price is as old as the page it was read off, both are asked once an hour.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar
from urllib.parse import urlsplit

import msgspec

from adapters.base import Adapter, Outgoing, Page, Request, Slice
from adapters.errors import AuthFailed, PayloadChanged
from adapters.models import Offer, Rejected
from adapters.pages import Element, document
from adapters.rows import BadRow, Row, amount, count, each, known_gpu, listing, optional_float, rejected, text, whole
from schemas.vocabulary import PriceType

SECTION = "GPU instances pricing"
HEADINGS = ["GPU model", "On-demand", "Current spot"]
PRICE_TYPES: tuple[PriceType, ...] = ("on_demand", "spot")
COUNTRIES = {"us-": "US", "eu-iceland": "IS", "eu-norway": "NO"}

Prices = Mapping[str, Mapping[PriceType, str]]
"""Canonical GPU -> USD per GPU-hour by price type."""

_PRICE = re.compile(r"\$(\d{1,3}(?:,\d{3})*\.\d{2})/GPU-hr")
_MEMORY = re.compile(r"(\d{1,3})GB")


class Crusoe(Adapter):
    source = "crusoe"
    provider = "crusoe"
    title = "Crusoe"
    base_url = "https://api.cloud.crusoe.ai"
    cadence = timedelta(hours=1)
    credential = ("CRUSOE_ACCESS_KEY", "CRUSOE_SECRET_KEY", "CRUSOE_PROJECT_ID")
    auth = "signed"
    unit = "hour"
    basis = "per_gpu"
    docs_url = "https://docs.crusoecloud.com/reference/api/"
    terms = "https://www.crusoe.ai/legal/terms-of-service (not read; an account's own key and a public page are used)"
    confidence = "documented"
    price_types = PRICE_TYPES
    stock = "count"
    gpus: ClassVar[Mapping[str, str]] = {
        # The page's words: a heading and its tags.
        "NVIDIA H200 HGX": "H200-SXM-141",
        "NVIDIA H100 HGX": "H100-SXM-80",
        # The API's.
        "GB200-NVL-186GB": "GB200-SUPERCHIP-186",
    }

    def slices(self) -> Sequence[Slice]:
        requests = (
            Request(name="types", path="/v1/projects/{CRUSOE_PROJECT_ID}/compute/vms/types"),
            Request(name="capacities", path="/v1/capacities"),
            Request(name="pricing", path="/cloud/pricing", host="www.crusoe.ai", public=True, answer="text"),
        )
        return [Slice(name="", requests=requests)]

    def sign(self, request: Outgoing, credentials: Mapping[str, str], now: datetime) -> Outgoing:
        """HMAC-SHA256 over path, sorted query, method and time, a line each. https://docs.crusoecloud.com/reference/api/#authentication"""
        stamp = now.astimezone(UTC).replace(microsecond=0).isoformat()
        query = "&".join(f"{name}={value}" for name, value in sorted(request.query.items()))
        to_sign = f"{urlsplit(request.url).path}\n{query}\n{request.method}\n{stamp}\n"
        access, secret = (credentials[name] for name in self.credential[:2])
        try:
            key = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
        except (binascii.Error, ValueError):
            raise AuthFailed("CRUSOE_SECRET_KEY is not base64") from None
        signature = base64.urlsafe_b64encode(hmac.digest(key, to_sign.encode(), "sha256")).decode().rstrip("=")
        headers = {**request.headers, "x-crusoe-timestamp": stamp, "authorization": f"Bearer 1.0:{access}:{signature}"}
        return msgspec.structs.replace(request, headers=headers)

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        bodies = {page.request.name: page.body for page in pages}
        free: dict[str, dict[str, int]] = {}
        yield from each(listing(bodies.get("capacities"), "items"), "items", partial(_note, free))
        prices: dict[str, dict[PriceType, str]] = {}
        for row in _rows(document(bodies.get("pricing"))):
            try:
                gpu, stated = self._stated(row)
                if gpu in prices:
                    prices[gpu] = {}
                    raise BadRow("GPU model", f"{gpu} is stated twice")
                prices[gpu] = stated
            except BadRow as bad:
                yield rejected(row.text, bad)
        yield from each(listing(bodies.get("types"), "items"), "items", partial(self._offers, prices, free))

    def _stated(self, row: Element) -> tuple[str, dict[PriceType, str]]:
        """The GPU of a row of the page, and its prices."""
        headings = [heading.text for heading in row.all(tag="h4", css="pricing-item-heading")]
        tags, cells = ([cell.text for cell in row.all(css=css)] for css in ("pricing-tag", "pricing-rich"))
        if len(headings) != 1 or len(tags) != 2 or len(cells) != len(PRICE_TYPES):
            raise BadRow("GPU model", f"{len(headings)} names, {len(tags)} tags and {len(cells)} prices where 1, 2 and 2 are usual")
        memory = _MEMORY.fullmatch(tags[0])
        if memory is None:
            raise BadRow("GPU model", f"{tags[0][:20]!r} is no memory")
        gpu = known_gpu(self.gpus, "GPU model", f"{headings[0]} {tags[1]}".strip(), float(memory[1]))
        prices = {kind: _price(cell, heading) for kind, cell, heading in zip(PRICE_TYPES, cells, HEADINGS[1:], strict=True)}
        return gpu, {kind: price for kind, price in prices.items() if price}

    def _offers(self, prices: Prices, free: Mapping[str, Mapping[str, int]], row: Row) -> list[Offer]:
        name = text(row, "product_name")
        if row.get("gpu_type") in ("", None) and row.get("num_gpu") == 0:
            return []
        places: Mapping[str, int | None] = free.get(name) or {"": None}
        gpu, gpus = known_gpu(self.gpus, "gpu_type", text(row, "gpu_type"), None), count(row, "num_gpu")
        return [
            Offer(
                offer_key=f"{place}/{name}/{kind}" if place else f"{name}/{kind}",
                gpu=gpu,
                gpu_count=gpus,
                price_type=kind,
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region=place,
                country=next((code for prefix, code in COUNTRIES.items() if place.startswith(prefix)), None),
                availability="unknown" if kind == "spot" or machines is None else "available" if machines else "sold_out",
                available_count=machines if kind == "on_demand" else None,
                vcpus=optional_float(row, "cpu_cores"),
                memory_gib=optional_float(row, "memory_gb"),
                disk_gib=optional_float(row, "disk_gb"),
                instance_type=name,
            )
            for place, machines in places.items()
            for kind, price in prices.get(gpu, {}).items()
        ]


def _note(free: dict[str, dict[str, int]], row: Row) -> list[Offer]:
    """Notes a row of capacities; of several for one type and place the most counts."""
    machines = whole(row, "quantity")
    places = free.setdefault(text(row, "type"), {})
    place = text(row, "location")
    places[place] = max(machines, places.get(place, 0))
    return []


def _rows(page: Element) -> list[Element]:
    """The rows of the one table of GPU instances. Raises PayloadChanged where it is not the one."""
    sections = [part for part in page.all(css="pricing-dd") if SECTION in (heading.text for heading in part.all(tag="h3"))]
    if len(sections) != 1:
        raise PayloadChanged(f"{len(sections)} sections called {SECTION!r}", SECTION)
    if [heading.text for heading in sections[0].all(css="pricing-heading")] != HEADINGS:
        raise PayloadChanged(f"the headings are not {', '.join(HEADINGS)}", HEADINGS[0])
    return list(sections[0].all(css="prixing-item"))  # so the page spells it


def _price(cell: str, heading: str) -> str:
    """The price's digits; empty where none is stated."""
    if cell == "Contact sales":
        return ""
    match = _PRICE.fullmatch(cell)
    if match is None:
        raise BadRow(heading, f"{cell[:30]!r} is no price of a GPU-hour")
    return amount({heading: match[1].replace(",", "")}, heading)
