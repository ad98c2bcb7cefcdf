"""Hyperbolic: on-demand machines. https://api.hyperbolic.ai/v2/alpha/on-demand/rental-options answers without a key.

Prices are whole US cents per hour for the whole option. `providerCostPerHourCents` is what its supplier asks: no price. One region offers
the same machine over several networks and as machine or bare metal, each an option of its own; of several suppliers' the cheapest counts.
`totalAvailable` is how many GPUs are free (the same figure on options of one to many), and often missing: unknown, not none. An option
that is not `enabled` cannot be rented. There is no spot.

A100s have no memory in their name, and RTX PRO 6000s ("rtx-6000-pro", 2026) no edition: neither is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import Row, cheapest, count, each, flag, known_gpu, listing, optional_float, text, whole, whole_amount
from schemas.vocabulary import Availability

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
    ignored: ClassVar[Mapping[str, str]] = {"rtx-6000-pro": "Server, Workstation or Max-Q: it doesn't say"}

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="options", path="/v2/alpha/on-demand/rental-options"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from cheapest(each(listing(page.body), "options", self._offers))

    def _offers(self, row: Row) -> list[Offer]:
        kind = text(row, "gpuType")
        if kind in self.ignored:
            return []
        gpus = count(row, "gpuCount")
        gpu = known_gpu(self.gpus, "gpuType", f"{kind} {text(row, 'gpuFormFactor')}", None)
        cents = whole_amount(row, "costPerHourCents")
        region, machine, network = text(row, "region"), text(row, "machineType"), text(row, "connectionType")
        variant = row.get("ethernetVariant")
        wiring = f"{network}-{variant}" if isinstance(variant, str) else network
        name = f"{machine}-{wiring}-{gpus}x-{kind}-{text(row, 'gpuFormFactor')}"
        enabled = flag(row, "enabled")
        free = whole(row, "totalAvailable") if "totalAvailable" in row else None
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
                availability=_availability(free, gpus) if enabled else "sold_out",
                available_count=free,
                vcpus=optional_float(node, "vcpuCount"),
                memory_gib=optional_float(node, "ramGb"),
                disk_gib=optional_float(node, "storageGb"),
                instance_type=name,
            )
        ]


def _availability(free: int | None, gpus: int) -> Availability:
    if free is None:
        return "unknown"
    return "available" if free >= gpus else "sold_out"
