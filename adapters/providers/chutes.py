"""Chutes: serverless GPUs on Bittensor. https://api.chutes.ai/pricing (source: https://github.com/chutesai/chutes-api, api/payment)

One price a GPU that may be asked for, in USD per hour of one GPU and again per second, and in TAO at the moment's rate, which is not read.
The names are the vendor's own (`api/gpu.py`): without a form they mean the PCIe card of A100 and H100, and `a6000_ada` the RTX 6000 Ada.
A chute is a container that starts when it is asked: serverless, and no machine by the hour. Stock is not told.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import Row, UnknownGpu, amount, child, each_keyed, table


class Chutes(Adapter):
    source = "chutes"
    provider = "chutes"
    title = "Chutes"
    base_url = "https://api.chutes.ai"
    cadence = timedelta(minutes=5)
    unit = "hour"
    basis = "per_gpu"
    price_types = ("serverless",)
    docs_url = "https://chutes.ai/docs"
    terms = "https://chutes.ai/terms (not read; the price list answers without an account)"
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = {
        "3090": "RTX3090-PCIE-24",
        "4090": "RTX4090-PCIE-24",
        "5090": "RTX5090-PCIE-32",
        "a4000": "RTXA4000-PCIE-16",
        "a5000": "RTXA5000-PCIE-24",
        "a6000": "RTXA6000-PCIE-48",
        "a6000_ada": "RTX6000ADA-PCIE-48",
        "l4": "L4-PCIE-24",
        "a10": "A10-PCIE-24",
        "a40": "A40-PCIE-48",
        "l40": "L40-PCIE-48",
        "l40s": "L40S-PCIE-48",
        "a100": "A100-PCIE-80",
        "a100_40gb": "A100-PCIE-40",
        "a100_40gb_sxm": "A100-SXM-40",
        "a100_sxm": "A100-SXM-80",
        "h100": "H100-PCIE-80",
        "h100_nvl": "H100-NVL-94",
        "h100_sxm": "H100-SXM-80",
        "h200": "H200-SXM-141",
        "b200": "B200-SXM-180",
        "b300": "B300-SXM-288",
        "mi300x": "MI300X-OAM-192",
    }
    ignored: ClassVar[Mapping[str, str]] = {"pro_6000": "the name leaves the edition open"}

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="pricing", path="/pricing"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each_keyed(table(page.body, "gpu_price_estimates"), "gpu_price_estimates", self._offers)

    def _offers(self, name: str, row: Row) -> list[Offer]:
        if name in self.ignored:
            return []
        gpu = self.gpus.get(name)
        if gpu is None:  # words would mislead: "a100x" is another card, and no name of the vendor's
            raise UnknownGpu("gpu", name)
        return [
            Offer(
                offer_key=f"{name}/serverless",
                gpu=gpu,
                gpu_count=1,
                price_type="serverless",
                amount=amount(child(row, "usd"), "hour"),
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region="",
                availability="unknown",
                instance_type=name,
            )
        ]
