"""JarvisLabs: GPUs by the hour, on demand and (containers only) spot. https://docs.jarvislabs.ai/

Prices are USD per hour for one GPU. The same card of a region comes once for each workload type, with the same price and the same stock:
folded into one offer. `vram` is text, per GPU; free devices are counted exactly, by GPU: `effective_num_free_devices` before
`num_free_devices`, as gpuhunt does. A spot price of null, or in a row for machines, is no offer. `cpu_meta` prices machines without GPU.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, known_gpu, listing, optional_float, text, whole
from adapters.statements import Agreed
from schemas.vocabulary import PriceType

REGIONS = {"india-01": "IN", "india-noida-01": "IN", "india-chennai-01": "IN", "europe-01": "FI"}
WORKLOADS = ("vm", "container", None)


class JarvisLabs(Adapter):
    source = "jarvislabs"
    provider = "jarvislabs"
    title = "JarvisLabs"
    base_url = "https://backendn.jarvislabs.net"
    cadence = timedelta(minutes=1)
    credential = ("JARVISLABS_API_KEY",)
    auth = "bearer"
    unit = "hour"
    basis = "per_gpu"
    price_types = ("on_demand", "spot")
    stock = "count"
    docs_url = "https://docs.jarvislabs.ai/"
    terms = "https://jarvislabs.ai/terms-and-conditions (not read; an account's own key is used)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {
        # https://jarvislabs.ai/pricing names the cards.
        "A100": "A100-SXM-40",
        "A100-80GB": "A100-SXM-80",
        "H100": "H100-SXM-80",
        "H200": "H200-SXM-141",
        "RTX-PRO6000": "RTXPRO6000SE-PCIE-96",
        "RTX PRO 6000": "RTXPRO6000SE-PCIE-96",
        "RTX5000": "QUADRORTX5000-PCIE-16",
        "A5000Pro": "RTXA5000-PCIE-24",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="server_meta", path="/misc/server_meta"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            agreed = Agreed("price_per_hour")
            yield from agreed.each(listing(page.body, "server_meta"), "server_meta", self._offers)
            yield from agreed

    def _offers(self, row: Row) -> list[Offer]:
        region, kind = text(row, "region"), text(row, "gpu_type")
        if region not in REGIONS:
            raise BadRow("region", f"unknown region {region[:40]!r}")
        workload = row.get("workload_type", "")
        if workload not in WORKLOADS:
            raise BadRow("workload_type", "neither vm, container nor null")
        vram = text(row, "vram")
        if not vram.isascii() or not vram.isdigit() or len(vram) > 4:
            raise BadRow("vram", f"{vram[:20]!r} is no number of GB")
        gpu = known_gpu(self.gpus, "gpu_type", kind, float(vram))
        free = "effective_num_free_devices" if "effective_num_free_devices" in row else "num_free_devices"
        offers = [self._offer(row, region, kind, gpu, "on_demand", "price_per_hour", free)]
        if workload == "container" and row.get("spot_price", "") is not None:
            offers.append(self._offer(row, region, kind, gpu, "spot", "spot_price", "spot_num_free_devices"))
        return offers

    def _offer(self, row: Row, region: str, kind: str, gpu: str, price_type: PriceType, price: str, stock: str) -> Offer:
        free = whole(row, stock)
        return Offer(
            offer_key=f"{region}/{kind}/{price_type}",
            gpu=gpu,
            gpu_count=1,
            price_type=price_type,
            amount=amount(row, price),
            currency="USD",
            unit="hour",
            basis="per_gpu",
            region=region,
            country=REGIONS[region],
            availability="available" if free else "sold_out",
            available_count=free,
            vcpus=optional_float(row, "cpus_per_gpu"),
            memory_gib=optional_float(row, "ram_per_gpu"),
            instance_type=kind,
        )
