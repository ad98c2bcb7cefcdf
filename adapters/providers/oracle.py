"""Oracle Cloud: list prices of GPU shapes. https://docs.oracle.com/en-us/iaas/Content/Billing/Tasks/signingup_topic-Estimating_Costs.htm

Prices are USD per hour for one GPU, by part number, the same in all commercial regions; stock is not told. A part is what several shapes
are charged by, and each shape is an offer. Licences (NVIDIA AI Enterprise) and Cloud@Customer parts, charged by the GPU too, are left out.
Preemptible shapes cost half (https://docs.oracle.com/iaas/Content/Compute/Concepts/preemptible.htm), which no answer states: no offer.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, UnknownGpu, amount, children, each, listing, text

METRIC = "GPU Per Hour"
MODEL = "PAY_AS_YOU_GO"


class Part(NamedTuple):
    gpu: str
    shapes: str
    """Shape:GPUs, with spaces between them. https://docs.oracle.com/iaas/Content/Compute/References/computeshapes.htm"""


PARTS = {
    "B112237": Part("B300-SXM-288", "BM.GPU.B300.8:8"),
    "B110978": Part("B200-SXM-180", "BM.GPU.B200.8:8"),
    "B110519": Part("H200-SXM-141", "BM.GPU.H200.8:8"),
    "B98415": Part("H100-SXM-80", "BM.GPU.H100.8:8"),
    "B109485": Part("MI300X-OAM-192", "BM.GPU.MI300X.8:8"),
    "B109479": Part("L40S-PCIE-48", "BM.GPU.L40S.4:4"),
    "B95907": Part("A100-SXM-80", "BM.GPU.A100-v2.8:8"),
    "B92740": Part("A100-SXM-40", "BM.GPU4.8:8"),
    "B95909": Part("A10-PCIE-24", "VM.GPU.A10.1:1 VM.GPU.A10.2:2 BM.GPU.A10.4:4"),
    "B89734": Part("V100-SXM-16", "VM.GPU3.1:1 VM.GPU3.2:2 VM.GPU3.4:4 BM.GPU3.8:8"),
    "B88518": Part("P100-PCIE-16", "VM.GPU2.1:1"),
    "B88517": Part("P100-PCIE-16", "BM.GPU2.2:2"),
}


class Oracle(Adapter):
    source = "oracle"
    provider = "oracle"
    title = "Oracle Cloud"
    base_url = "https://apexapps.oracle.com"
    cadence = timedelta(hours=1)
    conditional = True
    unit = "hour"
    basis = "per_gpu"
    fallback = "the cost estimator's products.json"
    docs_url = "https://docs.oracle.com/en-us/iaas/Content/Billing/Tasks/signingup_topic-Estimating_Costs.htm"
    terms = "https://www.oracle.com/legal/terms/ (not read; the price list answers without an account)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {number: part.gpu for number, part in PARTS.items()}
    ignored: ClassVar[Mapping[str, str]] = {
        "NVIDIA AI Enterprise": "a licence, charged by the GPU",
        "Cloud@Customer": "machines in the customer's own rooms",
    }

    def slices(self) -> Sequence[Slice]:
        query = {"currencyCode": "USD"}
        return [Slice(name="", requests=(Request(name="products", path="/pls/apex/cetools/api/v1/products/", query=query),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body, "items"), "items", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        number = text(row, "partNumber")
        title, metric = row.get("displayName"), row.get("metricName")
        if isinstance(title, str) and any(words in title for words in self.ignored):
            return []
        part = PARTS.get(number)
        if part is None:
            if metric != METRIC:
                return []  # storage, databases, cores: most rows
            raise UnknownGpu("partNumber", f"{number[:20]} {title}", f"unknown GPU part {number[:40]!r}, {str(title)[:80]!r}")
        if metric != METRIC:
            raise BadRow("metricName", f"{str(metric)[:40]!r} where {METRIC!r} is documented")
        currency, price = _price(row)
        return [
            Offer(
                offer_key=f"{shape}/on_demand",
                gpu=part.gpu,
                gpu_count=int(gpus),
                price_type="on_demand",
                amount=price,
                currency=currency,
                unit="hour",
                basis="per_gpu",
                region="",
                instance_type=shape,
            )
            for shape, _, gpus in (stated.partition(":") for stated in part.shapes.split())
        ]


def _price(row: Row) -> tuple[str, str]:
    """Currency and price: the one of pay as you go. Two, such as tiers by quantity, would need a rule that nobody has written down."""
    localized = children(row, "currencyCodeLocalizations")
    if len(localized) != 1:
        raise BadRow("currencyCodeLocalizations", "not one currency, as was asked for")
    paid = [price for price in children(localized[0], "prices") if text(price, "model") == MODEL]
    if len(paid) != 1:
        raise BadRow("prices", f"{len(paid)} prices of {MODEL}")
    return text(localized[0], "currencyCode"), amount(paid[0], "value")
