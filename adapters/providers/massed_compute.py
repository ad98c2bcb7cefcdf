"""Massed Compute: GPU machines. https://vm-docs.massedcompute.com/api/v1 (GET /gpu-inventory)

The answer is keyed by product, such as `gpu_8x_a6000_spot`: how many, which GPU, and what kind. Prices are whole US cents per hour for the
whole machine. `_spot` is another product at its own price; `_low_ram` and `_high_ram` are other sizes. `capacity_available` counts over all
of `regions_with_capacity_available`; at 0 the product is sold out and one offer without a region, and without regions nobody knows.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import (
    BadRow,
    Row,
    child,
    children,
    each_keyed,
    known_gpu,
    optional_child,
    optional_float,
    table,
    text,
    whole,
    whole_amount,
)
from schemas.vocabulary import PriceType

MAX_GPUS = 16
_PRODUCT = re.compile(r"gpu_(\d{1,2})x_(.+?)((?:_spot|_low_ram|_high_ram)*)")


class MassedCompute(Adapter):
    source = "massed-compute"
    provider = "massed-compute"
    title = "Massed Compute"
    base_url = "https://vm.massedcompute.com"
    cadence = timedelta(minutes=5)
    credential = ("MASSED_COMPUTE_TOKEN",)
    auth = "bearer"
    currency = "USc"
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "spot")
    stock = "count"
    docs_url = "https://vm-docs.massedcompute.com/api/v1"
    terms = "https://massedcompute.com/terms-of-service (not read; an account's own token is used)"
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = {
        # Inferred: the price page (recorded 2026-08) sells "H100 (80GB)" singly and apart from its SXM and NVL cards.
        "h100": "H100-PCIE-80",
    }
    ignored: ClassVar[Mapping[str, str]] = {
        "rtx_pro_6000": "the name leaves the edition open",
        "rtx_pro_6000_blackwell": "the name leaves the edition open",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="gpu-inventory", path="/api/v1/gpu-inventory"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each_keyed(table(page.body, "gpu_inventory"), "gpu_inventory", self._offers)

    def _offers(self, product: str, row: Row) -> list[Offer]:
        if not product.startswith("gpu_"):
            return []
        match = _PRODUCT.fullmatch(product)
        if match is None or not 1 <= int(match[1]) <= MAX_GPUS:
            raise BadRow("product", f"{product[:40]!r} does not say how many of which GPU")
        if match[2] in self.ignored:
            return []
        gpu = known_gpu(self.gpus, "product", match[2], None)
        machine = child(row, "instance_type")
        cents = whole_amount(machine, "price_cents_per_hour")
        free, places = whole(row, "capacity_available"), children(row, "regions_with_capacity_available")
        names = list(dict.fromkeys(text(place, "name") for place in places)) if free else []
        parts = optional_child(machine, "specs")
        price_type: PriceType = "spot" if "_spot" in match[3] else "on_demand"
        return [
            Offer(
                offer_key=f"{region}/{product}/{price_type}" if region else f"{product}/{price_type}",
                gpu=gpu,
                gpu_count=int(match[1]),
                price_type=price_type,
                amount=cents,
                currency="USc",
                unit="hour",
                basis="per_instance",
                region=region,
                country="US" if "usa" in region.split("-") else None,
                availability="available" if region else "unknown" if free else "sold_out",
                available_count=free if not free or len(names) == 1 else None,
                vcpus=optional_float(parts, "vcpu_count"),
                memory_gib=optional_float(parts, "memory_gib"),
                disk_gib=optional_float(parts, "storage_gb"),
                instance_type=product,
            )
            for region in names or [""]
        ]
