"""Hyperstack (NexGen Cloud): virtual machines with GPUs. https://docs.hyperstack.cloud/docs/api-reference/

Prices stand in a price book, USD per hour for one GPU by its name; vCPUs, RAM and disk of its machines are in it. The book is the account's
own: `value` is after the discounts of its contract, `original_value` before any (https://docs.hyperstack.cloud/docs/billing/pricebook/).
The latter is what everyone is asked for, so it alone is read; entries of one name with two of them cost that GPU its price.

What can be rented is a flavour: so many of a GPU in a region, with a flag that says whether it is in stock. Flavours of spot machines end
in -spot, and so does the GPU's name of their group and in the book (2026-08-24, as a keyed collector notes); where only the flavour does,
the price is that of the GPU's name with the ending, never the other. A flavour without a price is refused. `/core/stocks` tells, by region
and GPU, how many machines of each size could be made now ("8x"); sizes share the same cards, so they are never added up. Its words for
cards ("10+") and for cards to come (in 7, 30 and 100 days) are not read.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import (
    BadRow,
    Row,
    amount,
    children,
    count,
    each,
    each_in,
    flag,
    known_gpu,
    listing,
    optional_child,
    optional_float,
    text,
)
from schemas.vocabulary import PriceType

SPOT = "-spot"
COUNTRIES = {"CANADA": "CA", "NORWAY": "NO", "US": "US"}

Sizes = Mapping[tuple[str, str], Row]
"""Region and GPU -> how many machines of each size ("8x") could be made."""


class Hyperstack(Adapter):
    source = "hyperstack"
    provider = "hyperstack"
    title = "Hyperstack"
    base_url = "https://infrahub-api.nexgencloud.com"
    cadence = timedelta(minutes=2)
    credential = ("HYPERSTACK_API_KEY",)
    auth = "header"
    auth_names = ("api_key",)
    unit = "hour"
    basis = "per_gpu"
    price_types = ("on_demand", "spot")
    stock = "count"
    fallback = "the pricing page"
    docs_url = "https://docs.hyperstack.cloud/docs/api-reference/"
    terms = "https://www.hyperstack.cloud/terms-and-conditions (not read; an account's own key is used)"
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = {
        # The book calls the NVLink board of PCIe cards "-NVLink"; the cards are the same.
        "H100-80G-PCIe-NVLink": "H100-PCIE-80",
        "A100-80G-PCIe-NVLink": "A100-PCIE-80",
    }

    def slices(self) -> Sequence[Slice]:
        paths = {"pricebook": "/v1/pricebook", "stocks": "/v1/core/stocks", "flavors": "/v1/core/flavors"}
        return [Slice(name="", requests=tuple(Request(name=name, path=path) for name, path in paths.items()))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        bodies = {page.request.name: page.body for page in pages}
        groups = listing(bodies.get("flavors"), "data")
        rented = {group["gpu"] for group in groups if isinstance(group, dict) and isinstance(group.get("gpu"), str)}
        book: dict[str, str] = {}
        wanted = rented | {f"{gpu}{SPOT}" for gpu in rented}
        yield from each(listing(bodies.get("pricebook")), "pricebook", partial(_note, book, wanted))
        free: dict[tuple[str, str], Row] = {}
        yield from each(listing(bodies.get("stocks"), "stocks"), "stocks", partial(_note_stock, free))
        yield from each_in(groups, "data", "flavors", partial(self._offers, book, free))

    def _offers(self, book: Mapping[str, str], free: Sizes, group: Row, flavor: Row) -> list[Offer]:
        if not group.get("gpu") and not flavor.get("gpu_count"):
            return []  # a flavour without GPU
        name, region, kind = text(group, "gpu"), text(group, "region_name"), text(flavor, "name")
        card = name.removesuffix(SPOT)
        gpu = known_gpu(self.gpus, "gpu", card, None)
        price_type: PriceType = "spot" if name.endswith(SPOT) or kind.endswith(SPOT) else "on_demand"
        price = book.get(f"{card}{SPOT}" if price_type == "spot" else card)
        if not price:
            raise BadRow("original_value", f"no {price_type} price of {card[:40]} in the price book")
        gpus, in_stock = count(flavor, "gpu_count"), flag(flavor, "stock_available")
        machines = free.get((region, name), {}).get(f"{gpus}x")
        return [
            Offer(
                offer_key=f"{region}/{kind}/{price_type}",
                gpu=gpu,
                gpu_count=gpus,
                price_type=price_type,
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region=region,
                country=COUNTRIES.get(region.split("-")[0]),
                availability="available" if in_stock else "sold_out",
                # Told a moment apart from the flag, which decides.
                available_count=machines if in_stock and isinstance(machines, int) and machines > 0 else None,
                vcpus=optional_float(flavor, "cpu"),
                memory_gib=optional_float(flavor, "ram"),
                disk_gib=optional_float(flavor, "disk"),
                instance_type=kind,
            )
        ]


def _note(book: dict[str, str], wanted: set[str], row: Row) -> list[Offer]:
    """Enters one price of the book; disks, addresses and the like are passed over."""
    name = text(row, "name")
    if name in wanted:
        price = amount(row, "original_value")
        if Decimal(book.setdefault(name, price) or 0) != Decimal(price):
            book[name] = ""
            raise BadRow("original_value", f"price of {name[:40]} is stated twice")
    return []


def _note_stock(free: dict[tuple[str, str], Row], row: Row) -> list[Offer]:
    """Enters a region's stock."""
    region = text(row, "region")
    free.update({(region, text(model, "model")): optional_child(model, "configurations") for model in children(row, "models")})
    return []
