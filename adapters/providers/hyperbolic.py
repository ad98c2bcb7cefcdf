"""Hyperbolic: on-demand machines. https://api.hyperbolic.ai/v2/alpha/on-demand/rental-options answers without a key.

Prices are whole US cents per hour for the whole option. `providerCostPerHourCents` is what its supplier asks: no price. One region offers
the same machine over several networks and as machine or bare metal, each an option of its own. `totalAvailable` is often missing: unknown,
not none; an option that is not `enabled` cannot be rented. There is no spot.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import Row, count, each, flag, known_gpu, listing, number, optional_float, text, whole_amount

# The first word of a region's name -> country, where it is one. Regions such as eu-north-4 span several.
COUNTRIES = {"us": "US", "ca": "CA", "uk": "GB", "jp": "JP", "in": "IN", "au": "AU"}


class Hyperbolic(Adapter):
    source = "hyperbolic"
    provider = "hyperbolic"
    title = "Hyperbolic"
    base_url = "https://api.hyperbolic.ai"
    cadence = timedelta(minutes=1)
    currency = "USc"
    unit = "hour"
    basis = "per_instance"
    stock = "count"
    docs_url = "https://docs.hyperbolic.xyz/docs/on-demand"
    terms = "https://www.hyperbolic.ai/terms-of-use (not read; the list answers without an account)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {"a100 sxm4": "A100-SXM-80", "a100 pcie": "A100-PCIE-80"}

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="options", path="/v2/alpha/on-demand/rental-options"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body), "options", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        gpus = count(row, "gpuCount")
        gpu = known_gpu(self.gpus, "gpuType", f"{text(row, 'gpuType')} {text(row, 'gpuFormFactor')}", None)
        cents = whole_amount(row, "costPerHourCents")
        region, machine, network = text(row, "region"), text(row, "machineType"), text(row, "connectionType")
        variant = row.get("ethernetVariant")
        wiring = f"{network}-{variant}" if isinstance(variant, str) else network
        name = f"{machine}-{wiring}-{gpus}x-{text(row, 'gpuType')}-{text(row, 'gpuFormFactor')}"
        available = flag(row, "enabled")
        free = int(number(row, "totalAvailable")) if "totalAvailable" in row else None
        nodes = row.get("nodes")
        node = nodes[0] if isinstance(nodes, list) and len(nodes) == 1 and isinstance(nodes[0], dict) else {}
        return [
            Offer(
                offer_key=f"{region}/{name}/on_demand",
                gpu=gpu,
                gpu_count=gpus,
                price_type="on_demand",
                amount=cents,
                currency="USc",
                unit="hour",
                basis="per_instance",
                region=region,
                country=COUNTRIES.get(region.split("-")[0]),
                availability="sold_out" if not available or free == 0 else "available" if free else "unknown",
                available_count=free if free is not None and free >= 0 else None,
                vcpus=optional_float(node, "vcpuCount"),
                memory_gib=optional_float(node, "ramGb"),
                disk_gib=optional_float(node, "storageGb"),
                instance_type=name,
            )
        ]
