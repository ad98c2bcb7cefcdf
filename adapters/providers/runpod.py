"""RunPod: pods in its secure cloud (data centres) and community cloud (hosts). https://docs.runpod.io/sdks/graphql/manage-pods

One GraphQL answer lists every GPU type with a price per GPU and hour for each cloud; it is asked once per cloud because `lowestPrice`
(the stock) is of one cloud. A price is the same in every place, so that no offer has a region; `runpod-rest` tells which have stock. What
was learned from recordings of 2026-08 and 2026-10:

- 0 or null means that the cloud does not offer the type.
- 0.5 is a placeholder on types that a cloud does not rent (MI300X community, RTX A2000 secure). Inferred, not documented.
- The spot fields repeat the other prices on every type: they say nothing and are not published.

Left out: the least bid (`minimumBidPrice`), which public clients show equal to the price as well as far below it, which no answer kept here
has, and which the vendor's pages no longer name (2026-08); the prices by week to half a year and of clusters, whose units nobody states.

REST v2 (https://docs.runpod.io/api-reference-v2/catalog/list-gpu-types) is two sources more, each with a product of its own:

- `runpod-rest`: the same pods at the same prices, with the stock of each data centre. The machines are those of the GraphQL answer, so that
  none of its offers counts in market statistics; it is the fallback, should GraphQL answer no more.
- `runpod-serverless`: workers of serverless endpoints, which GraphQL doesn't price. Stated per GPU-hour for the pool that a GPU is in;
  absent for a type in no pool, or in one that the account may not use. It is the rate of flex workers: what active ones cost is no longer
  published (the documentation's table, per second, lost them in 2026-05 and went in 2026-06), and neither are discounts of an account.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, NamedTuple

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, child, children, country, each, is_zero, known_gpu, listing, number, stock, table, text
from schemas.vocabulary import RENTABLE, Availability, PriceType

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

STOCK: dict[str, Availability] = {"high": "high", "medium": "medium", "low": "low", "none": "sold_out"}
"""In small letters: the vendor's pages say High, Medium, Low and None, its command line none; working clients got null for nothing."""

TERMS = (
    "https://www.runpod.io/legal/terms-of-service (read by others as asking for written permission before systematic collection; "
    "an index that asked was refused in 2026-09, as it reports; not verified)"
)
GPUS = {
    "NVIDIA H200": "H200-SXM-141",
}


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
    fallback = "runpod-rest, with a key"
    docs_url = "https://docs.runpod.io/sdks/graphql/manage-pods"
    terms = TERMS
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = GPUS
    ignored: ClassVar[Mapping[str, str]] = {"unknown": "a row without a card, memory or price"}

    def slices(self) -> Sequence[Slice]:
        return [
            Slice(name=name, requests=(Request(name=name, path="/graphql", method="POST", json={"query": QUERY % cloud.secure}),))
            for name, cloud in CLOUDS.items()
        ]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(_gpu_types(page.body), "gpuTypes", partial(self._offers, CLOUDS[page.request.name]))

    def _offers(self, cloud: Cloud, row: Row) -> list[Offer]:
        name = text(row, "id")
        if name in self.ignored or row.get(cloud.flag_field) is False:
            return []
        if is_zero(row, cloud.price_field) or row.get(cloud.price_field, "") is None:
            return []
        price = amount(row, cloud.price_field)
        return [
            Offer(
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
        ]


def _gpu_types(body: Any) -> list[Any]:
    answer = table(body)
    if answer.get("errors"):
        raise PayloadChanged("the answer carries GraphQL errors", "errors")
    return listing(table(answer, "data"), "gpuTypes")


def _stock(row: Row) -> Availability:
    lowest = row.get("lowestPrice")
    if not isinstance(lowest, dict):
        return "unknown"
    word = lowest.get("stockStatus", "")
    return "sold_out" if word is None else stock(STOCK, word.lower() if isinstance(word, str) else word)


def _supported(row: Row, cloud: Cloud) -> bool:
    lowest = row.get("lowestPrice")
    if isinstance(lowest, dict) and lowest.get("uninterruptablePrice") == PLACEHOLDER and _stock(row) in RENTABLE:
        return True
    try:
        other = Decimal(amount(row, cloud.other_price_field))
    except BadRow:
        return False
    secure, community = (PLACEHOLDER, other) if cloud.secure == "true" else (other, PLACEHOLDER)
    return community < secure <= community * CREDIBLE_RATIO


CATALOGUE = "/v2/catalog/gpus"
LEVELS: dict[str, Availability] = {"HIGH": "high", "MEDIUM": "medium", "LOW": "low", "NONE": "sold_out"}
# Name of the cloud in the answer -> price type, and the cloud's name in the request
REST_CLOUDS: dict[str, tuple[PriceType, str]] = {"secure": ("on_demand", "SECURE"), "community": ("community", "COMMUNITY")}


class RunPodRest(Adapter):
    source = "runpod-rest"
    provider = "runpod"
    title = "RunPod (REST v2)"
    base_url = "https://api.runpod.io"
    cadence = timedelta(minutes=2)
    credential = ("RUNPOD_API_KEY",)
    auth = "bearer"
    unit = "hour"
    basis = "per_gpu"
    price_types = ("on_demand", "community")
    stock = "levels"
    docs_url = "https://docs.runpod.io/api-reference-v2/catalog/list-gpu-types"
    fallback = "runpod"
    terms = TERMS
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = GPUS

    def slices(self) -> Sequence[Slice]:
        return [
            Slice(
                name=name,
                requests=(Request(name=name, path=CATALOGUE, query={"include": "AVAILABILITY", "product": "POD", "cloud": cloud}),),
            )
            for name, (_, cloud) in REST_CLOUDS.items()
        ]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body, "gpus"), "gpus", partial(self._offers, page.request.name))

    def _offers(self, cloud: str, row: Row) -> list[Offer]:
        name = text(row, "id")
        # The answer has prices, placeholders among them, also of types that the cloud doesn't offer.
        if not isinstance(row.get(cloud), bool):
            raise BadRow(cloud, "no boolean: its price may be a placeholder")
        if not row[cloud]:
            return []
        price_type, _ = REST_CLOUDS[cloud]
        price = amount(child(row, "price"), cloud)
        gpu = known_gpu(self.gpus, "id", name, float(number(row, "memory")))
        return [
            Offer(
                offer_key=f"{place or 'anywhere'}/{name}/{price_type}",
                gpu=gpu,
                gpu_count=1,
                price_type=price_type,
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region=place,
                country=_country(place),
                availability=stock(LEVELS, level),
                instance_type=name,
                in_market_stats=False,
            )
            for place, level in _places(row)
        ]


class RunPodServerless(Adapter):
    source = "runpod-serverless"
    provider = "runpod"
    title = "RunPod Serverless"
    base_url = "https://api.runpod.io"
    cadence = timedelta(minutes=5)
    credential = ("RUNPOD_API_KEY",)
    auth = "bearer"
    unit = "hour"
    basis = "per_gpu"
    price_types = ("serverless",)
    stock = "levels"
    docs_url = "https://docs.runpod.io/api-reference-v2/catalog/list-gpu-types"
    fallback = "the pricing page at www.runpod.io, per second"
    terms = TERMS
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = GPUS

    def slices(self) -> Sequence[Slice]:
        query = {"include": "AVAILABILITY", "product": "SERVERLESS"}
        return [Slice(name="", requests=(Request(name="workers", path=CATALOGUE, query=query),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body, "gpus"), "gpus", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        name = text(row, "id")
        if row.get("pool", ...) is None or "serverless" not in child(row, "price"):
            return []
        return [
            Offer(
                offer_key=f"{name}/serverless",
                gpu=known_gpu(self.gpus, "id", name, float(number(row, "memory"))),
                gpu_count=1,
                price_type="serverless",
                amount=amount(child(row, "price"), "serverless"),
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region="",
                availability=stock(LEVELS, row.get("availability")),
                instance_type=text(row, "pool"),
            )
        ]


def _places(row: Row) -> list[tuple[str, object]]:
    """Data centres that offer the type, each with its stock; without any, all of the cloud as one."""
    found = children(row, "dataCenters") if "dataCenters" in row else []
    return [(text(place, "id"), place.get("availability")) for place in found] or [("", row.get("availability"))]


def _country(place: str) -> str | None:
    """US-KS-2 and CA-MTL-3 begin with it; in EU-RO-1, EUR-IS-1 or AP-JP-1 it follows the continent."""
    first, _, rest = place.partition("-")
    return first if first in ("US", "CA") else country(rest.partition("-")[0])
