"""Seeweb: cloud servers with GPUs in Italy. https://docs.seeweb.it/

Prices are EUR per hour for the whole plan, without VAT; other numbers come as text. `available` says that a plan is sold at all, and
`available_regions` where it can run; what can be started now, and where, is a second list (the vendor's own clients and dstack's, 2026). A
plan that it leaves out is sold out. A memory in `gpu_label` is one card's; without one the card must be known by its name. Plans with
Windows have its licence in their price and are left out.

Stated, and not read: `montly_price`; and /plans/spot, plans with a `discount`, of which nobody says whether it is a part, a percentage or
euros.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, children, country, each, flag, known_gpu, listing, text

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
        # The Turing card: of those called RTX 6000 the one with 24 GB.
        "RTX 6000 24GB": "QUADRORTX6000-PCIE-24",
    }

    def slices(self) -> Sequence[Slice]:
        requests = (Request(name="plans", path="/ecs/v2/plans"), Request(name="availables", path="/ecs/v2/plans/availables"))
        return [Slice(name="", requests=requests)]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        rows = {page.request.name: listing(page.body, "plans") for page in pages}
        free: dict[str, set[str]] = {}
        for row in rows["availables"]:
            name, regions = _startable(row)
            free.setdefault(name, set()).update(regions)
        yield from each(rows["plans"], "plans", partial(self._offers, free))

    def _offers(self, free: Mapping[str, set[str]], row: Row) -> list[Offer]:
        name, gpus = text(row, "name"), text(row, "gpu")
        if gpus == "0" and not row.get("gpu_label"):
            return []
        if not gpus.isascii() or not gpus.isdigit() or not 1 <= int(gpus[:4]) <= MAX_GPUS:
            raise BadRow("gpu", f"{gpus[:20]!r} is no number of GPUs")
        if "windows" in row and flag(row, "windows"):
            return []
        gpu = known_gpu(self.gpus, "gpu_label", text(row, "gpu_label"), None)
        places = [text(region, "location") for region in children(row, "available_regions")]
        startable = free.get(name, set()) if flag(row, "available") else set()
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
                country=country(place.partition("-")[0]),
                availability="available" if place in startable else "sold_out",
                vcpus=_float(row, "cpu"),
                memory_gib=_float(row, "ram", 1024),
                disk_gib=_float(row, "disk"),
                instance_type=name,
            )
            for place in dict.fromkeys(places) or [""]
        ]


def _startable(row: object) -> tuple[str, list[str]]:
    """A plan and the regions in which it can be started now. Raises PayloadChanged: what is not understood is no stock."""
    if isinstance(row, dict) and isinstance(row.get("name"), str):
        # dstack's client has met both names.
        regions = row.get("region_availables", row.get("region_available"))
        if isinstance(regions, list) and all(isinstance(region, dict) and isinstance(region.get("region"), str) for region in regions):
            return row["name"], [region["region"] for region in regions]
    raise PayloadChanged("'region_availables' of a plan is no list of regions", "region_availables")


def _float(row: Row, field: str, divisor: int = 1) -> float | None:
    """A number in a text, that only describes the offer."""
    value = row.get(field)
    return float(value) / divisor if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else None
