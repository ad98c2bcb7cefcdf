"""RunPod: pods in its secure cloud (data centres) and community cloud (hosts). https://docs.runpod.io/sdks/graphql/manage-pods

One GraphQL answer lists every GPU type with a price per GPU and hour for each cloud; it is asked once per cloud because `lowestPrice`
(the stock) is of one cloud. What was learned from recordings of 2026-08 and 2026-10:

- 0 or null means that the cloud does not offer the type.
- 0.5 is a placeholder on types that a cloud does not rent (MI300X community, RTX A2000 secure). Inferred, not documented.
- The spot fields repeat the other prices on every type: they say nothing and are not published.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, is_zero, known_gpu, listing, number, rejected, table, text
from schemas.vocabulary import Availability, PriceType

QUERY = """query GpuTypes {
  gpuTypes {
    id displayName manufacturer memoryInGb secureCloud communityCloud securePrice communityPrice
    maxGpuCountSecureCloud maxGpuCountCommunityCloud
    lowestPrice(input: {gpuCount: 1, secureCloud: %s}) {
      minimumBidPrice uninterruptablePrice stockStatus maxUnreservedGpuCount availableGpuCounts
    }
  }
}"""

PLACEHOLDER = Decimal("0.5")
CREDIBLE_RATIO = Decimal("1.5")
"""A price of 0.5 is believed where the secure price is the community price up to 1.5 times. Honest pairs lie between 1.1 and 2.4."""

STOCK: dict[Any, Availability] = {"High": "high", "Medium": "medium", "Low": "low", None: "sold_out"}


class Cloud(NamedTuple):
    price_type: PriceType
    price_field: str
    flag_field: str
    other_price_field: str
    secure: str


CLOUDS = {
    "secure": Cloud("on_demand", "securePrice", "secureCloud", "communityPrice", "true"),
    "community": Cloud("community", "communityPrice", "communityCloud", "securePrice", "false"),
}


class RunPod(Adapter):
    source = "runpod"
    provider = "runpod"
    title = "RunPod"
    base_url = "https://api.runpod.io"
    cadence = timedelta(seconds=60)
    fastest = timedelta(minutes=1)
    unit = "hour"
    basis = "per_gpu"
    price_types = ("on_demand", "community")
    stock = "levels"
    fallback = "REST v2 catalogue, with a key"
    docs_url = "https://docs.runpod.io/sdks/graphql/manage-pods"
    terms = "https://www.runpod.io/legal/terms-of-service (read by others as restricting systematic collection; not verified)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {
        "NVIDIA H100 80GB HBM3": "H100-SXM-80",
        "NVIDIA H200": "H200-SXM-141",
        "NVIDIA B300 SXM6 AC": "B300-SXM-288",
        "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb": "RTXPRO6000SE-PCIE-96-1g.24gb",
        "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 2g.48gb": "RTXPRO6000SE-PCIE-96-2g.48gb",
    }
    ignored: ClassVar[Mapping[str, str]] = {"unknown": "a row without a card, memory or price"}

    def slices(self) -> Sequence[Slice]:
        return [
            Slice(name=name, requests=(Request(name=name, path="/graphql", method="POST", json={"query": QUERY % cloud.secure}),))
            for name, cloud in CLOUDS.items()
        ]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            cloud = CLOUDS[page.request.name]
            for row in self._gpu_types(page.body):
                try:
                    offer = self._offer(row, cloud)
                except BadRow as bad:
                    yield rejected(row, bad)
                else:
                    if offer is not None:
                        yield offer

    def _gpu_types(self, body: Any) -> list[Any]:
        answer = table(body)
        if answer.get("errors"):
            raise PayloadChanged("the answer carries GraphQL errors", "errors")
        return listing(table(answer, "data"), "gpuTypes")

    def _offer(self, row: Any, cloud: Cloud) -> Offer | None:
        if not isinstance(row, dict):
            raise BadRow("gpuTypes", "a row is not an object")
        name = text(row, "id")
        if name in self.ignored or row.get(cloud.flag_field) is False:
            return None
        if is_zero(row, cloud.price_field) or row.get(cloud.price_field, "") is None:
            return None
        price = amount(row, cloud.price_field)
        return Offer(
            offer_key=f"{name}/{cloud.price_type}",
            gpu=known_gpu(self.gpus, "id", name, float(number(row, "memoryInGb"))),
            gpu_count=1,
            price_type=cloud.price_type,
            amount=price,
            currency="USD",
            unit="hour",
            basis="per_gpu",
            region="",
            availability=_stock(row),
            instance_type=name,
            in_market_stats=Decimal(price) != PLACEHOLDER or _supported(row, cloud),
        )


def _stock(row: Row) -> Availability:
    lowest = row.get("lowestPrice")
    if not isinstance(lowest, dict):
        return "unknown"
    stock = lowest.get("stockStatus", "")
    return STOCK.get(stock, "unknown") if stock is None or isinstance(stock, str) else "unknown"


def _supported(row: Row, cloud: Cloud) -> bool:
    lowest = row.get("lowestPrice")
    if isinstance(lowest, dict) and lowest.get("uninterruptablePrice") == PLACEHOLDER:
        return True
    try:
        other = Decimal(amount(row, cloud.other_price_field))
    except BadRow:
        return False
    secure, community = (PLACEHOLDER, other) if cloud.secure == "true" else (other, PLACEHOLDER)
    return community < secure <= community * CREDIBLE_RATIO
