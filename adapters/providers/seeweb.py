"""Seeweb: cloud servers with GPUs in Italy. https://docs.seeweb.it/

Prices are EUR per hour for the whole plan, without VAT; other numbers come as text. A plan can be rented in each of its `available_regions`
while it is `available`. A memory in `gpu_label` is one card's; without one the card must be known by its name. There is no spot.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, children, each, flag, known_gpu, listing, text

MAX_GPUS = 16


class Seeweb(Adapter):
    source = "seeweb"
    provider = "seeweb"
    title = "Seeweb"
    base_url = "https://api.seeweb.it"
    cadence = timedelta(minutes=5)
    credential = ("SEEWEB_TOKEN",)
    auth = "header"
    auth_names = ("X-APITOKEN",)
    currency = "EUR"
    unit = "hour"
    basis = "per_instance"
    stock = "flag"
    docs_url = "https://docs.seeweb.it/"
    terms = "https://www.seeweb.it/en/company/legal (not read; an account's own token is used)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {
        # https://www.seeweb.it/en/products/cloud-server-gpu
        "A100 80GB": "A100-PCIE-80",
        "H100 80GB": "H100-PCIE-80",
        "H200 141GB": "H200-SXM-141",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="plans", path="/ecs/v2/plans"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body, "plans"), "plans", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        name, gpus = text(row, "name"), text(row, "gpu")
        if gpus == "0" and not row.get("gpu_label"):
            return []
        if not gpus.isascii() or not gpus.isdigit() or not 1 <= int(gpus[:4]) <= MAX_GPUS:
            raise BadRow("gpu", f"{gpus[:20]!r} is no number of GPUs")
        gpu = known_gpu(self.gpus, "gpu_label", text(row, "gpu_label"), None)
        regions = children(row, "available_regions")
        places = [text(region, "location") for region in regions] if flag(row, "available") else []
        price = amount(row, "hourly_price")
        return [
            Offer(
                offer_key=f"{place}/{name}/on_demand" if place else f"{name}/on_demand",
                gpu=gpu,
                gpu_count=int(gpus),
                price_type="on_demand",
                amount=price,
                currency="EUR",
                unit="hour",
                basis="per_instance",
                region=place,
                country=place[:2].upper() or None,
                availability="available" if place else "sold_out",
                vcpus=_float(row, "cpu"),
                memory_gib=_float(row, "ram", 1024),
                disk_gib=_float(row, "disk"),
                instance_type=name,
            )
            for place in dict.fromkeys(places) or [""]
        ]


def _float(row: Row, field: str, divisor: int = 1) -> float | None:
    """A number in a text, that only describes the offer."""
    value = row.get(field)
    return float(value) / divisor if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else None
