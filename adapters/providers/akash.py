"""Akash: prices of GPUs on the network, from its providers' bids. https://console-api.akash.network/v1/doc

These are statistics, not offers: what single-GPU bids of the last weeks came to, in USD per GPU-hour, computed anew every 15 minutes.
The median is published, and out of market statistics: minimum and average hang on one odd provider. Stock is exact, by model. A model
without bids has the price null: no offer.
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
    gpus: ClassVar[Mapping[str, str]] = {"v100 PCIe 32Gi": "V100-PCIE-32"}

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
