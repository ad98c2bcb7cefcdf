"""Akash: prices of GPUs on the network, from its providers' bids. https://console-api.akash.network/v1/doc

These are statistics, not offers: what bids of the last weeks for one GPU came to, in USD per GPU-hour, computed anew every 15 minutes. The
median over the providers is published, and out of market statistics: minimum and average hang on one odd provider. A bid has the machine
around the GPU in it, and where a provider made none for this memory and interface, the cheapest for any other of the model stands in (the
console's own source, 2026). Stock is exact, by model. A model without bids has the price null: no offer.

Names, interfaces and memory are those of the network's list of PCI ids, https://github.com/akash-network/provider-configs, where an H200
says "Nothsure" and Quadros say no Quadro.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, child, each, known_gpu, listing, text, whole

GIB_SUFFIX = "Gi"


class Akash(Adapter):
    source = "akash"
    provider = "akash"
    title = "Akash"
    base_url = "https://console-api.akash.network"
    cadence = timedelta(minutes=2)
    unit = "hour"
    basis = "per_gpu"
    stock = "count"
    docs_url = "https://console-api.akash.network/v1/doc"
    terms = "https://akash.network/terms/ (not read; the list answers without an account)"
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = {
        "h200 Nothsure": "H200-SXM-141",
        "rtx8000 PCIe": "QUADRORTX8000-PCIE-48",
        "rtx4000 PCIe": "QUADRORTX4000-PCIE-8",
        "p6000 PCIe": "QUADROP6000-PCIE-24",
        "p5000 PCIe": "QUADROP5000-PCIE-16",
        "p4000 PCIe": "QUADROP4000-PCIE-8",
        "m4000 PCIe": "QUADROM4000-PCIE-8",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="gpu-prices", path="/v1/gpu-prices"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body, "models"), "models", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        if row.get("price", "") is None:
            return []
        model, ram, form = text(row, "model"), text(row, "ram"), text(row, "interface")
        gib = ram.removesuffix(GIB_SUFFIX)
        if not ram.endswith(GIB_SUFFIX) or not gib.isascii() or not gib.isdigit() or len(gib) > 4:
            raise BadRow("ram", f"{ram[:20]!r} is no number of GiB")
        price, stock = child(row, "price"), child(row, "availability")
        if text(price, "currency") != "USD":
            raise BadRow("currency", f"{price['currency'][:10]!r} where USD is documented")
        free = whole(stock, "available")
        return [
            Offer(
                offer_key=f"{model}/{ram}/{form}/on_demand",
                gpu=known_gpu(self.gpus, "model", f"{model} {form}", float(gib)),
                gpu_count=1,
                price_type="on_demand",
                amount=amount(price, "med"),
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region="",
                availability="available" if free else "sold_out",
                available_count=free,
                instance_type=model,
                in_market_stats=False,
            )
        ]
