"""Oracle Cloud: list prices of GPU shapes. https://docs.oracle.com/en-us/iaas/Content/Billing/Tasks/signingup_topic-Estimating_Costs.htm

Prices are USD per hour for one GPU, by part number, the same in all commercial regions; stock is not told. A part is what several shapes
are charged by, and each shape is an offer; the part's title must still say what the part was read as. Licences (NVIDIA AI Enterprise) and
Cloud@Customer parts, charged by the GPU in the same list, are left out, and a part of another category than public GPUs is refused.
`lastUpdated` is the whole list's and no price's time.
Preemptible shapes cost half (https://docs.oracle.com/iaas/Content/Compute/Concepts/preemptible.htm), which no answer states: no offer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, UnknownGpu, amount, children, each, listing, text

METRIC = "GPU Per Hour"
CATEGORIES = ("Compute - GPU", "Compute - GPU - Other")
MODEL = "PAY_AS_YOU_GO"
_WORDS = re.compile(r"\w+")


class Part(NamedTuple):
    gpu: str
    said: str
    """What its title says, word by word; of old parts only the generation."""
    shapes: str
    """Shape:GPUs, with spaces between them. https://docs.oracle.com/iaas/Content/Compute/References/computeshapes.htm"""


PARTS = {
    "B112140": Part("GB300-SUPERCHIP-288", "GB300", "BM.GPU.GB300.4:4"),
    "B110979": Part("GB200-SUPERCHIP-186", "GB200", "BM.GPU.GB200.4:4"),
    "B112237": Part("B300-SXM-288", "B300", "BM.GPU.B300.8:8"),
    "B110978": Part("B200-SXM-180", "B200", "BM.GPU.B200.8:8"),
    "B110519": Part("H200-SXM-141", "H200", "BM.GPU.H200.8:8"),
    "B98415": Part("H100-SXM-80", "H100", "BM.GPU.H100.8:8"),
    "B111758": Part("MI355X-OAM-288", "MI355X", "BM.GPU.MI355X.8:8"),
    "B109485": Part("MI300X-OAM-192", "MI300X", "BM.GPU.MI300X.8:8"),
    "B112613": Part("RTXPRO6000SE-PCIE-96", "RTX PRO 6000", "BM.GPU.RTXPRO.8:8"),
    "B109479": Part("L40S-PCIE-48", "L40S", "BM.GPU.L40S.4:4"),
    "B95907": Part("A100-SXM-80", "A100 v2", "BM.GPU.A100-v2.8:8"),
    "B92740": Part("A100-SXM-40", "E3", "BM.GPU4.8:8"),
    "B95909": Part("A10-PCIE-24", "A10", "VM.GPU.A10.1:1 VM.GPU.A10.2:2 BM.GPU.A10.4:4"),
    "B89734": Part("V100-SXM-16", "V2", "VM.GPU3.1:1 VM.GPU3.2:2 VM.GPU3.4:4 BM.GPU3.8:8"),
    "B88518": Part("P100-PCIE-16", "Virtual Machine GPU Standard X7", "VM.GPU2.1:1"),
    "B88517": Part("P100-PCIE-16", "Bare Metal GPU Standard X7", "BM.GPU2.2:2"),
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
        # https://apexapps.oracle.com/pls/apex/cetools/api/v1/products/ of 2026-08, as a public collector's tests have it
        "GPU - H100T": "a part of its own beside H100; no shape is known that is charged by it",
        "GPU - E4": "B93544: its title names no GPU, and no shape is known that is charged by it",
    }

    def slices(self) -> Sequence[Slice]:
        query = {"currencyCode": "USD"}
        return [Slice(name="", requests=(Request(name="products", path="/pls/apex/cetools/api/v1/products/", query=query),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body, "items"), "items", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        number = text(row, "partNumber")
        title, metric, category = (str(row.get(field)) for field in ("displayName", "metricName", "serviceCategory"))
        if any(words in title or words in category for words in self.ignored):
            return []
        part = PARTS.get(number)
        if part is None:
            if metric != METRIC:
                return []  # storage, databases, cores: most rows
            raise UnknownGpu("partNumber", f"{number[:20]} {title}", f"unknown GPU part {number[:40]!r}, {title[:80]!r}")
        if metric != METRIC:
            raise BadRow("metricName", f"{metric[:40]!r} where {METRIC!r} is documented")
        if category not in CATEGORIES:
            raise BadRow("serviceCategory", f"{category[:40]!r} is no category of public GPUs")
        if f" {part.said} " not in f" {' '.join(_WORDS.findall(title))} ":
            raise BadRow("displayName", f"part {number} is {title[:80]!r} and no longer {part.said}")
        price = _price(row)
        return [
            Offer(
                offer_key=f"{shape}/on_demand",
                gpu=part.gpu,
                gpu_count=int(gpus),
                price_type="on_demand",
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region="",
                instance_type=shape,
            )
            for shape, _, gpus in (stated.partition(":") for stated in part.shapes.split())
        ]


def _price(row: Row) -> str:
    """The price of pay as you go. Two, such as tiers by quantity, would need a rule that nobody has written down."""
    localized = children(row, "currencyCodeLocalizations")
    if len(localized) != 1:
        raise BadRow("currencyCodeLocalizations", "not one currency, as was asked for")
    currency = text(localized[0], "currencyCode")
    if currency != "USD":
        raise BadRow("currencyCode", f"{currency[:20]!r}; USD was asked for")
    paid = [price for price in children(localized[0], "prices") if text(price, "model") == MODEL]
    if len(paid) != 1:
        raise BadRow("prices", f"{len(paid)} prices of {MODEL}")
    return amount(paid[0], "value")
