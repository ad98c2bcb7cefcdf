"""Cudo Compute: virtual machines with GPUs, priced by component. https://www.cudocompute.com/docs/api

Prices are text inside an object, USD per hour for each GPU, vCPU, GiB of memory, GiB of disk and address. An offer is one GPU in the
smallest box that may hold it: the least vCPUs per GPU, the memory these need, and one address; disk is left out, its size being the
customer's. Stock is told exactly, by GPU. Which card it is stands in `gpuModel`: the id `nvidia-h100` has been an H100 PCIe and an H100
NVL. Whole machines (bare metal) are another endpoint and not read. Whether the service still answers is not known (gpuhunt dropped it in
2026-06; collectors of 2026 ask for the same path).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount_number, child, each, known_gpu, listing, number, text, whole

_MODE = re.compile(r" \((?:compute|graphics) mode\)$")


class Cudo(Adapter):
    source = "cudo"
    provider = "cudo"
    title = "Cudo Compute"
    base_url = "https://rest.compute.cudo.org"
    cadence = timedelta(minutes=2)
    unit = "hour"
    basis = "components"
    stock = "count"
    docs_url = "https://www.cudocompute.com/docs/api"
    terms = "https://www.cudocompute.com/terms (not read; the list answers without an account)"
    confidence = "documented"
    # SkyPilot's part for it, 2025, says 80 GB.
    gpus: ClassVar[Mapping[str, str]] = {"A800 PCIe": "A800-PCIE-80"}
    ignored: ClassVar[Mapping[str, str]] = {
        "RTX 3080": "of 10 or of 12 GB: gpuhunt says one, SkyPilot the other",
        "V100": "SXM or PCIe: nobody says",
        "NVIDIA V100": "SXM or PCIe: nobody says",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="machine-types", path="/v1/vms/machine-types"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body, "machineTypes"), "machineTypes", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        name = text(row, "machineType")
        if row.get("gpuModelId") == "" and row.get("gpuModel") == "":
            return []
        place, model, card = text(row, "dataCenterId"), text(row, "gpuModelId"), _MODE.sub("", text(row, "gpuModel"))
        if card in self.ignored:
            return []
        gpu = known_gpu(self.gpus, "gpuModel", card, None)
        cores, most_per_gib = max(number(row, "minVcpuPerGpu"), _least(row, "minVcpu")), number(row, "maxVcpuPerMemoryGib")
        if not 1 <= cores <= 256 or cores != int(cores) or not Decimal("0.01") <= most_per_gib <= 64:
            raise BadRow("minVcpuPerGpu", f"{cores} vCPUs at {most_per_gib} per GiB is no box")
        memory_gib = (Decimal(cores) / Decimal(most_per_gib)).to_integral_value(ROUND_CEILING)
        memory_gib = max(memory_gib, Decimal(_least(row, "minMemoryGib")))
        parts = ((Decimal(1), "gpuPriceHr"), (Decimal(cores), "vcpuPriceHr"), (memory_gib, "memoryGibPriceHr"), (Decimal(1), "ipv4PriceHr"))
        total = sum((quantity * amount_number(child(row, field), "value") for quantity, field in parts), Decimal(0))
        free = whole(row, "totalGpuFree")
        return [
            Offer(
                offer_key=f"{place}/{name}/{model}/on_demand",
                gpu=gpu,
                gpu_count=1,
                price_type="on_demand",
                amount=f"{total:f}",
                currency="USD",
                unit="hour",
                basis="components",
                region=place,
                country=place[:2].upper() if place[2:3] == "-" else None,
                availability="available" if free else "sold_out",
                available_count=free,
                vcpus=float(cores),
                memory_gib=float(memory_gib),
                instance_type=name,
            )
        ]


def _least(row: Row, field: str) -> int | Decimal:
    """The least that a machine may have of something, in rows that state it; 0 in others."""
    return number(row, field) if row.get(field) is not None else 0
