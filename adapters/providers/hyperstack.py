"""Hyperstack (NexGen Cloud): virtual machines with GPUs. https://docs.hyperstack.cloud/docs/api-reference/

Prices stand in a price book, USD per hour for one GPU by its name; `value` is what is paid, `original_value` before a discount. What can be
rented is a flavour: so many of a GPU in a region, with a flag that says whether it is in stock. A flavour whose name ends in -spot is
another product, whose price the book keeps under that GPU's name with the same ending. A flavour without a price is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, count, each, each_in, flag, known_gpu, listing, optional_float, text
from schemas.vocabulary import PriceType

SPOT = "-spot"
COUNTRIES = {"CANADA": "CA", "NORWAY": "NO", "US": "US"}


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
    stock = "flag"
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
        requests = (Request(name="pricebook", path="/v1/pricebook"), Request(name="flavors", path="/v1/core/flavors"))
        return [Slice(name="", requests=requests)]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        bodies = {page.request.name: page.body for page in pages}
        groups = listing(bodies.get("flavors"), "data")
        rented = {group["gpu"] for group in groups if isinstance(group, dict) and isinstance(group.get("gpu"), str)}
        book: dict[str, str] = {}
        wanted = rented | {f"{gpu}{SPOT}" for gpu in rented}
        yield from each(listing(bodies.get("pricebook")), "pricebook", partial(_note, book, wanted))
        yield from each_in(groups, "data", "flavors", partial(self._offers, book))

    def _offers(self, book: Mapping[str, str], group: Row, flavor: Row) -> list[Offer]:
        if not group.get("gpu") and not flavor.get("gpu_count"):
            return []  # a flavour without GPU
        name, region = text(group, "gpu"), text(group, "region_name")
        return [self._offer(book, name, region, known_gpu(self.gpus, "gpu", name, None), flavor)]

    def _offer(self, book: Mapping[str, str], name: str, region: str, gpu: str, flavor: Row) -> Offer:
        kind = text(flavor, "name")
        price_type: PriceType = "spot" if kind.endswith(SPOT) else "on_demand"
        price = book.get(f"{name}{SPOT}" if price_type == "spot" else name)
        if price is None:
            raise BadRow("value", f"no {price_type} price of {name[:40]} in the price book")
        return Offer(
            offer_key=f"{region}/{kind}/{price_type}",
            gpu=gpu,
            gpu_count=count(flavor, "gpu_count"),
            price_type=price_type,
            amount=price,
            currency="USD",
            unit="hour",
            basis="per_gpu",
            region=region,
            country=COUNTRIES.get(region.split("-")[0]),
            availability="available" if flag(flavor, "stock_available") else "sold_out",
            vcpus=optional_float(flavor, "cpu"),
            memory_gib=optional_float(flavor, "ram"),
            disk_gib=optional_float(flavor, "disk"),
            instance_type=kind,
        )


def _note(book: dict[str, str], wanted: set[str], row: Row) -> list[Offer]:
    """Enters one price of the book; disks, addresses and the like are passed over."""
    name = text(row, "name")
    if name in wanted:
        book[name] = amount(row, "value")
    return []
