"""Vultr: cloud GPUs (whole cards and slices) and bare metal with GPUs. https://www.vultr.com/api/

Prices are USD per hour for the whole plan; `location_cost` overrides them in some regions. On-demand and preemptible prices stand in every
row, also of plans that are not sold so: `deploy_ondemand` and `deploy_preemptible` say what is (8 x B200 stated 68 on demand in 2026-09 and
was sold preemptible only, at 25.6). Answers from before these flags have preemptible prices where there are any. Null or 0: not offered.

How many GPUs a cloud plan has is not stated: `gpu_vram_gb` is the plan's total, as in its id, and below one card's memory it is a slice of
one. Plans of type `vdm` (whole cards, also called vcg-...) state no GPU at all and stand in `machines`, as does bare metal whose id doesn't
say it; what stands in neither is refused into the review list.

The regions that a plan lists are those that it is sold in. That is no stock: whoever compared found listed plans gone, and `vdm` plans to
be had that list none. What can be rented now is told with an account's key only (/v2/regions/{id}/availability; without one, an empty list
comes back), and this source does without. Other plans without a region are sold out, and then one offer without a region.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.paging import cursor
from adapters.rows import (
    BadRow,
    Row,
    UnknownGpu,
    amount,
    child,
    count,
    each,
    flag,
    is_zero,
    known_gpu,
    listing,
    optional_float,
    text,
    texts,
    whole,
)
from schemas.gpus import GPUS
from schemas.vocabulary import PriceType

_METAL = re.compile(r"vbm-.+-(\d+)-([a-z0-9]+)-gpu")

# How a plan is sold -> the flag that says so, its price
SOLD: dict[PriceType, tuple[str, str]] = {
    "on_demand": ("deploy_ondemand", "hourly_cost"),
    "preemptible": ("deploy_preemptible", "hourly_cost_preemptible"),
}

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
        # Eight on bare metal are HGX boards, by their names and in ids.
        "NVIDIA_H100": "H100-SXM-80",
        "NVIDIA_H200": "H200-SXM-141",
        "a100": "A100-SXM-80",
        "h100": "H100-SXM-80",
        "h200": "H200-SXM-141",
    }
    machines: ClassVar[Mapping[str, tuple[str, int]]] = {
        # As gpuhunt lists them, 2026. Not taken from there: vcg-mi325x-252c-2872g-1536vram (the memory is six cards', a board has eight)
        # and vcg-a100-96c-960g-640vram (either card).
        "vcg-a16-6c-64g-16vram": ("A16-PCIE-16", 1),
        "vcg-a16-96c-878g-256vram": ("A16-PCIE-16", 16),
        "vcg-a16-96c-960g-256vram": ("A16-PCIE-16", 16),
        "vcg-a40-24c-120g-48vram": ("A40-PCIE-48", 1),
        "vcg-a40-96c-480g-192vram": ("A40-PCIE-48", 4),
        "vcg-a100-12c-120g-80vram": ("A100-PCIE-80", 1),
        "vcg-h100-216c-1914gb-640vram": ("H100-SXM-80", 8),
        "vcg-b200-248c-2826g-1536vram": ("B200-SXM-180", 8),
        "vcg-mi355x-252c-2872g-2304vram": ("MI355X-OAM-288", 8),
        # Its `gpu_type` is NVIDIA_A100, that of the machine with eight NVIDIA_A100_SXM.
        "vbm-48c-1024gb-4-a100-gpu": ("A100-PCIE-80", 4),
        # Called L40 in its id; its `gpu_type` is NVIDIA_L40S.
        "vbm-64c-2048gb-8-l40-gpu": ("L40S-PCIE-48", 8),
        "vbm-72c-480gb-gh200-gpu": ("GH200-SUPERCHIP-96", 1),
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
        if not name.startswith("vcg-") and row.get("type") not in ("vcg", "vdm") and not row.get("gpu_type"):
            return []
        if row.get("gpu_type"):
            vram_gib = whole(row, "gpu_vram_gb")
            if not name.endswith(f"-{vram_gib}vram"):
                raise BadRow("gpu_vram_gb", f"{vram_gib} GB is not what {name[:80]!r} says")
            gpu, gpus = _share(known_gpu(self.gpus, "gpu_type", text(row, "gpu_type"), None), vram_gib)
        else:
            gpu, gpus = self._machine(name)
        return _offers(row, name, gpu, gpus, optional_float(row, "vcpu_count"))

    def _metal(self, row: Row) -> list[Offer]:
        name = text(row, "id")
        if "gpu" not in name and not row.get("gpu_type"):
            return []
        said = _METAL.fullmatch(name)
        if row.get("gpu_type") and row.get("gpu_count") is not None:
            gpus = count(row, "gpu_count")
            if said and int(said[1]) != gpus:
                raise BadRow("gpu_count", f"{gpus} GPUs are not what {name[:80]!r} says")
            gpu = known_gpu(self.gpus, "gpu_type", text(row, "gpu_type"), optional_float(row, "gpu_vram_gb", gpus))
        elif name in self.machines or not said or not 1 <= int(said[1]) <= 16:
            gpu, gpus = self._machine(name)
        else:
            gpu, gpus = known_gpu(self.gpus, "id", said[2], None), int(said[1])
        return _offers(row, name, gpu, gpus, optional_float(row, "cpu_threads"))

    def _machine(self, name: str) -> tuple[str, int]:
        if name not in self.machines:
            raise UnknownGpu("id", name, f"{name[:80]!r} does not say which GPUs")
        return self.machines[name]


def _offers(row: Row, name: str, gpu: str, gpus: int, vcpus: float | None) -> list[Offer]:
    costs = child(row, "location_cost") if "location_cost" in row else {}
    return [
        Offer(
            offer_key=f"{place}/{name}/{price_type}" if place else f"{name}/{price_type}",
            gpu=gpu,
            gpu_count=gpus,
            price_type=price_type,
            amount=amount(child(costs, place) if place in costs else row, SOLD[price_type][1]),
            currency="USD",
            unit="hour",
            basis="per_instance",
            region=place,
            country=COUNTRIES.get(place),
            availability="unknown" if place or row.get("type") == "vdm" else "sold_out",
            vcpus=vcpus,
            memory_gib=optional_float(row, "ram", 1024),
            disk_gib=optional_float(row, "disk"),
            instance_type=name,
        )
        for price_type in _sold(row)
        for place in _places(row)
    ]


def _sold(row: Row) -> list[PriceType]:
    """How the plan is sold. The flags stand together or, in older answers, not at all."""
    preemptible = "hourly_cost_preemptible" in row
    if preemptible and (row["hourly_cost_preemptible"] is None or is_zero(row, "hourly_cost_preemptible")):
        preemptible = False
    if not any(said in row for said, _ in SOLD.values()):
        return ["on_demand", "preemptible"] if preemptible else ["on_demand"]
    return [kind for kind, (said, _) in SOLD.items() if flag(row, said) and (kind == "on_demand" or preemptible)]


def _places(row: Row) -> list[str]:
    """The regions that the plan is sold in, or one empty name. The list may hold an empty text (gpuhunt, 2026)."""
    listed = row.get("locations")
    if isinstance(listed, list):
        row = {"locations": [place for place in listed if place != ""]}
    return texts(row, "locations") or [""]


def _share(card: str, vram_gib: int) -> tuple[str, int]:
    """The GPU, or the slice of one, and how many of it have that much memory together."""
    card_gib = GPUS[card].memory_gib
    if vram_gib >= card_gib and vram_gib % card_gib == 0:
        return card, vram_gib // card_gib
    gpu = f"{card}-1of{card_gib // vram_gib}" if 0 < vram_gib < card_gib and card_gib % vram_gib == 0 else ""
    if gpu not in GPUS:
        raise UnknownGpu("gpu_vram_gb", f"{vram_gib} GB of {card}", f"{vram_gib} GB is no known share of {card}")
    return gpu, 1
