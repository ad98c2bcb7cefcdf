"""Vultr: cloud GPUs (whole cards and slices) and bare metal with GPUs. https://www.vultr.com/api/

Prices are USD per hour for the whole plan. A plan can be rented in each location it lists; one that lists none is sold out, and then is
one offer without a region. How many GPUs a cloud plan has is not stated: `gpu_vram_gb` is the plan's total, and below one card's memory it
is a slice of one. Bare metal names its GPUs in the plan's id only, and has a second, preemptible price; null or 0 there: not offered.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.paging import cursor
from adapters.rows import BadRow, Row, UnknownGpu, amount, count, each, is_zero, known_gpu, listing, optional_float, text, texts
from schemas.gpus import GPUS
from schemas.vocabulary import PriceType

_METAL = re.compile(r"vbm-.+-(\d+)-([a-z0-9]+)-gpu")

# https://www.vultr.com/features/datacenter-locations/
LOCATIONS = {
    "US": "atl dfw ewr hnl lax mia ord sea sjc", "CA": "yto", "MX": "mex", "BR": "sao", "CL": "scl", "GB": "lhr man", "FR": "cdg",
    "DE": "fra", "NL": "ams", "ES": "mad", "SE": "sto", "PL": "waw", "IL": "tlv", "ZA": "jnb", "IN": "blr bom del", "JP": "itm nrt",
    "KR": "icn", "SG": "sgp", "AU": "mel syd",
}  # fmt: skip
COUNTRIES = {place: country for country, places in LOCATIONS.items() for place in places.split()}


class Vultr(Adapter):
    source = "vultr"
    provider = "vultr"
    title = "Vultr"
    base_url = "https://api.vultr.com"
    cadence = timedelta(minutes=2)
    limits = (Limit(requests=30, per=timedelta(seconds=1), burst=10, known="unsure"),)
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "preemptible")
    stock = "flag"
    docs_url = "https://www.vultr.com/api/"
    terms = "https://www.vultr.com/legal/tos/ (not read; the plan lists answer without an account)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {
        # Card of each cloud GPU plan. https://www.vultr.com/products/cloud-gpu/
        "NVIDIA_A100": "A100-PCIE-80",
        "NVIDIA_GH200": "GH200-SUPERCHIP-96",
        # Bare metal are HGX boards.
        "a100": "A100-SXM-80",
        "h100": "H100-SXM-80",
        "h200": "H200-SXM-141",
    }

    def slices(self) -> Sequence[Slice]:
        requests = (
            Request(name="plans", path="/v2/plans", query={"type": "all", "per_page": "500"}),
            Request(name="plans-metal", path="/v2/plans-metal", query={"per_page": "500"}),
        )
        return [Slice(name="", requests=requests)]

    def next_page(self, page: Page) -> Request | None:
        return cursor(page, "cursor", "meta", "links", "next")

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            name, read = ("plans_metal", self._metal) if page.request.name == "plans-metal" else ("plans", self._cloud)
            yield from each(listing(page.body, name), name, read)

    def _cloud(self, row: Row) -> list[Offer]:
        name = text(row, "id")
        if not name.startswith("vcg-") and not row.get("gpu_type"):
            return []
        card = known_gpu(self.gpus, "gpu_type", text(row, "gpu_type"), None)
        gpu, gpus = _share(card, count(row, "gpu_vram_gb"))
        return self._offers(row, name, gpu, gpus, "on_demand", "hourly_cost", optional_float(row, "vcpu_count"))

    def _metal(self, row: Row) -> list[Offer]:
        name = text(row, "id")
        if "gpu" not in name:
            return []
        match = _METAL.fullmatch(name)
        if match is None or not 1 <= int(match[1]) <= 16:
            raise BadRow("id", f"{name[:80]!r} does not say which GPUs")
        gpu, gpus = known_gpu(self.gpus, "id", match[2], None), int(match[1])
        threads = optional_float(row, "cpu_threads")
        offers = self._offers(row, name, gpu, gpus, "on_demand", "hourly_cost", threads)
        if "hourly_cost_preemptible" in row and (row["hourly_cost_preemptible"] is None or is_zero(row, "hourly_cost_preemptible")):
            return offers
        return offers + self._offers(row, name, gpu, gpus, "preemptible", "hourly_cost_preemptible", threads)

    def _offers(
        self, row: Row, name: str, gpu: str, gpus: int, price_type: PriceType, price_field: str, vcpus: float | None
    ) -> list[Offer]:
        price = amount(row, price_field)
        return [
            Offer(
                offer_key=f"{place}/{name}/{price_type}" if place else f"{name}/{price_type}",
                gpu=gpu,
                gpu_count=gpus,
                price_type=price_type,
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_instance",
                region=place,
                country=COUNTRIES.get(place),
                availability="available" if place else "sold_out",
                vcpus=vcpus,
                memory_gib=optional_float(row, "ram", 1024),
                disk_gib=optional_float(row, "disk"),
                instance_type=name,
            )
            for place in texts(row, "locations") or [""]
        ]


def _share(card: str, vram_gib: int) -> tuple[str, int]:
    """The GPU, or the slice of one, and how many of it have that much memory together."""
    whole = GPUS[card].memory_gib
    if vram_gib >= whole and vram_gib % whole == 0:
        return card, vram_gib // whole
    gpu = f"{card}-1of{whole // vram_gib}" if vram_gib < whole and whole % vram_gib == 0 else ""
    if gpu not in GPUS:
        raise UnknownGpu("gpu_vram_gb", f"{vram_gib} GB of {card}", f"{vram_gib} GB is no known share of {card}")
    return gpu, 1
